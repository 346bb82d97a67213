"""Who may ask which route, and that a request of the same principal comes to the same."""

from itertools import product
from pathlib import Path

import pytest

from gateway.config.load import load
from gateway.http.reason import Reason
from gateway.matrix.access import Answer, matrix, roles_of
from gateway.rehearsal import Assumed, Draft, RehearsalPorts, Stage, Verdict

ROOT = Path(__file__).parents[2]
ALLOW, DEPENDS, DENY = Answer.ALLOW, Answer.DEPENDS, Answer.DENY
MORE = """\
issuers: {remote: {issuer: "https://id.example", discovery: true, audience: [api]}}
forward_auth: {oracle: {url: "http://127.0.0.1:9/ask"}}
"""


@pytest.fixture
def row(stage):
    """The first row of a configuration with one route, which says this."""

    def make(said):
        policies = f"""\
        roles: {{clerk: {{permissions: ["a:read"]}}, boss: {{inherits: [clerk], permissions: ["b:*"]}}}}
        routes:
          - {{id: a, match: {{path: "/{{x}}", methods: [PUT, GET]}}, upstream: backend, {said}}}
        """
        made = stage(policies, more=MORE)
        return matrix(made, roles_of(made))[0]

    return make


@pytest.mark.parametrize(
    ("said", "anonymous", "roleless", "clerk", "boss"),
    [
        pytest.param("auth: public", ALLOW, ALLOW, ALLOW, ALLOW, id="public"),
        pytest.param("auth: remote", DENY, ALLOW, ALLOW, ALLOW, id="whoever is verified"),
        pytest.param("auth: [remote, public]", ALLOW, ALLOW, ALLOW, ALLOW, id="proof is optional"),
        pytest.param(
            "auth: [remote, public], allow: {roles: [boss]}",
            DENY,
            DENY,
            DENY,
            ALLOW,
            id="optional and demanded",
        ),
        pytest.param(
            'auth: remote, allow: {permissions: ["a:read"]}', DENY, DENY, ALLOW, ALLOW, id="permission"
        ),
        pytest.param('auth: remote, allow: {permissions: ["b:x"]}', DENY, DENY, DENY, ALLOW, id="wildcard"),
        pytest.param("auth: remote, allow: {roles: [clerk]}", DENY, DENY, ALLOW, DENY, id="role"),
        pytest.param("auth: remote, allow: {scopes: [s]}", DENY, ALLOW, ALLOW, ALLOW, id="scope is given"),
        pytest.param(
            "auth: remote, allow: {when: path.x == subject}", DENY, DEPENDS, DEPENDS, DEPENDS, id="condition"
        ),
        pytest.param(
            "auth: remote, allow: {roles: [boss], when: path.x == subject}",
            DENY,
            DENY,
            DENY,
            DEPENDS,
            id="both",
        ),
        pytest.param(
            "auth: remote, allow: {when: \"'boss' in roles or path.x == subject\"}",
            *(DENY, DEPENDS, DEPENDS, ALLOW),
            id="certain for some",
        ),
        pytest.param('auth: remote, allow: {when: method == "GET"}', DENY, ALLOW, ALLOW, ALLOW, id="method"),
        pytest.param(
            "auth: remote, allow: {roles: [boss]}, report: [allow]", DENY, ALLOW, ALLOW, ALLOW, id="on trial"
        ),
        pytest.param(
            "auth: remote, allow: {when: path.x == subject}, report: [allow]",
            *(DENY, ALLOW, ALLOW, ALLOW),
            id="condition on trial",
        ),
        pytest.param("auth: oracle", DEPENDS, ALLOW, ALLOW, ALLOW, id="a service decides"),
        pytest.param(
            "auth: [oracle, remote]", DENY, ALLOW, ALLOW, ALLOW, id="a service that is shown nothing"
        ),
    ],
)
def test_answers(row, said, anonymous, roleless, clerk, boss):
    told = row(said)
    assert ("GET", anonymous, roleless) == (told.method, told.anonymous, told.roleless)
    assert {"clerk": clerk, "boss": boss} == told.roles


def test_the_matrix_of_the_repository_is_what_becomes_of_requests():
    """Every cell that is certain is held against a request: `allow` is never refused for who asks."""
    stage = Stage(load(ROOT / "config" / "gateway.yaml", {}), RehearsalPorts(0.0))
    names = roles_of(stage)
    for row, role in product(matrix(stage, names), (None, "", *names)):
        answer = row.anonymous if role is None else row.roles[role] if role else row.roleless
        said = [part.strip("{}.") if part.startswith("{") else part for part in row.path.split("/")]
        host = row.host.replace("*", "any") or "localhost"
        method = "GET" if row.method == "any" else row.method
        asked = stage.entries[row.route].match.headers
        fields = tuple((name.decode(), value.decode()) for name, value in asked)
        draft = Draft(method, "/".join(said), host, fields)
        roles = frozenset([role]) if role else frozenset()
        who = None if role is None else Assumed("user-0", roles, frozenset(row.scopes))
        stage.ports.begin(0.0)
        outcome = stage.ask(draft, who)
        assert row.route == outcome.route.id
        if any(step.verdict is Verdict.NOT_ASKED and step.name == "auth" for step in outcome.steps):
            continue  # Something else of the request was refused before.
        refused = outcome.verdict is Verdict.REFUSED and outcome.decider.name in ("auth", "allow")
        assert answer is Answer.DEPENDS or refused == (answer is DENY), (row, role)
        assert not refused or outcome.reason is not Reason.INTERNAL
