"""What each step has to say for itself."""

import pytest

from gateway.rehearsal import Assumed, Draft

POLICIES = """\
defaults: {upstream: backend}
tiers: {few: {limit: 60/1m, burst: 5, key: address}, uploads: {concurrent: 3, key: principal}}
cors: {web: {allow_origins: ["https://app.example"]}}
routes:
  - id: all
    match: {path: "/{rest...}"}
    auth: [remote, public]
    cors: web
    clients: {allow: [192.0.2.0/24]}
    quota: [few, uploads]
    compress: true
    validate: {query: query.json, schema: body.json}
"""
MORE = 'issuers: {remote: {issuer: "https://id.example", discovery: true, audience: [api]}}\n'
WHO = Assumed("thandi", frozenset(["b", "a"]), frozenset(["c"]))
JSON = {"fields": (("Content-Type", "application/json"),), "body": b"{}", "method": "POST"}


@pytest.fixture
def notes(stage, tmp_path):
    folder = tmp_path / "configuration" / "policies"
    folder.mkdir(parents=True)
    for name in ("query", "body"):
        (folder / f"{name}.json").write_text("{}")
    made = stage(POLICIES, more=MORE)

    def ask(draft, who=None):
        said = {}
        for step in made.ask(draft, who).steps:
            said.setdefault(step.name, []).append(step.note)
        return said

    return ask


@pytest.mark.parametrize(
    ("draft", "who", "name", "expected"),
    [
        pytest.param(Draft(), None, "cors", ["no Origin: not a script of another site"], id="no origin"),
        pytest.param(
            Draft(fields=(("Origin", "https://app.example"),)),
            None,
            "cors",
            ["https://app.example may read the answer"],
            id="an origin that may",
        ),
        pytest.param(
            Draft(fields=(("Origin", "https://b.example"),)),
            None,
            "cors",
            ["https://b.example is told nothing of its own"],
            id="one that may not",
        ),
        pytest.param(Draft(), None, "clients", ["192.0.2.1"], id="the address"),
        pytest.param(
            Draft(), None, "quota", ["few has 4 of 5 left", "uploads has 2 of 3 at once left"], id="quotas"
        ),
        pytest.param(Draft(), None, "limits", ["no body"], id="no body"),
        pytest.param(Draft(**JSON), None, "limits", ["a body of 2 bytes"], id="a body"),
        pytest.param(
            Draft(method="POST", fields=(("Transfer-Encoding", "chunked"),)),
            None,
            "limits",
            ["a chunked body, counted while it passes"],
            id="a body of unknown length",
        ),
        pytest.param(Draft(), None, "csrf", ["a method that changes nothing"], id="a harmless method"),
        pytest.param(
            Draft(**JSON), None, "csrf", ["nothing that a browser sends by itself"], id="nothing to misuse"
        ),
        pytest.param(
            Draft(method="POST", fields=(("Cookie", "a=b"),)),
            None,
            "csrf",
            ["no other site had it sent"],
            id="a cookie of one's own",
        ),
        pytest.param(Draft(), None, "auth", ["nobody, which is allowed here"], id="nobody"),
        pytest.param(Draft(), WHO, "auth", ["thandi; roles a, b; scopes c; by remote"], id="somebody"),
        pytest.param(Draft(), None, "compress", ["no coding that the client takes"], id="no coding"),
        pytest.param(
            Draft(fields=(("Accept-Encoding", "gzip"),)),
            None,
            "compress",
            ["the response as gzip"],
            id="gzip",
        ),
        pytest.param(
            Draft(**JSON),
            None,
            "validate",
            ["the type and the size of the body", "the query", "the body"],
            id="what is looked at",
        ),
    ],
)
def test_a_step_tells_what_it_did(notes, draft, who, name, expected):
    assert expected == notes(draft, who)[name]
