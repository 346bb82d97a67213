"""Expectations that come true, and what is said of those that do not."""

import pytest

from gateway.cases.judge import mismatches
from gateway.config.schema.cases import ExpectSpec
from gateway.rehearsal import Draft

POLICIES = """\
defaults:
  upstream: backend
  headers: {preset: api, set: {X-Set: "1"}, default: {X-Default: "2"}, remove: [X-Gone]}
cors: {web: {allow_origins: ["https://app.example"]}}
routes:
  - {id: it, match: {path: "/api/{id}"}, prefix: /v1, auth: public, cors: web}
  - {id: tried, match: {path: /tried}, auth: public, clients: {deny: [192.0.2.0/24]}, report: [clients]}
  - {id: closed, match: {path: /closed}, auth: remote}
"""
MORE = 'issuers: {remote: {issuer: "https://id.example", discovery: true, audience: [api]}}\n'
PASSES = {"upstream": "backend"}
IT = Draft(target="/v1/api/7?q", fields=(("Origin", "https://app.example"), ("X-A", "a")))


@pytest.fixture
def differences(stage):
    made = stage(POLICIES, more=MORE)

    def judge(draft, **expect):
        found = mismatches(ExpectSpec.model_validate(expect), made.ask(draft))
        return [(each.what, each.expected, each.got) for each in found]

    return judge


@pytest.mark.parametrize(
    ("draft", "expect"),
    [
        pytest.param(IT, PASSES, id="it passes"),
        pytest.param(IT, PASSES | {"route": "it", "path": "/api/7?q"}, id="its route and path"),
        pytest.param(
            IT,
            PASSES | {"upstream_fields": {"x-a": "a", "Via": True, "X-Auth-Subject": False}},
            id="what the backend sees",
        ),
        pytest.param(
            IT,
            PASSES
            | {
                "response_fields": {
                    "X-Set": "1",
                    "X-Default": "2",
                    "X-Gone": False,
                    "Server": False,
                    "Access-Control-Allow-Origin": "https://app.example",
                    "Access-Control-Allow-Methods": False,
                    "X-Request-Id": True,
                }
            },
            id="what the client gets beside the backend's own",
        ),
        pytest.param(
            Draft(),
            {"status": 404, "reason": "no_route", "policy": "route", "response_fields": {"X-Set": False}},
            id="it is refused",
        ),
        pytest.param(
            Draft(target="/tried"), PASSES | {"reported": {"clients": "address_denied"}}, id="it is reported"
        ),
        pytest.param(Draft(target="//"), {"reason": "bad_path", "policy": "wire"}, id="it is none"),
    ],
)
def test_what_comes_true_makes_no_difference(differences, draft, expect):
    assert [] == differences(draft, **expect)


@pytest.mark.parametrize(
    ("draft", "expect", "expected"),
    [
        pytest.param(Draft(), PASSES, [("upstream", "backend", "404 no_route")], id="refused, not passed"),
        pytest.param(IT, {"upstream": "other"}, [("upstream", "other", "backend")], id="to another upstream"),
        pytest.param(
            IT,
            {"status": 403, "reason": "missing_role", "policy": "allow"},
            [
                ("status", "403", "passes to backend"),
                ("reason", "missing_role", "passes to backend"),
                ("policy", "allow", "passes to backend"),
            ],
            id="passed, not refused",
        ),
        pytest.param(
            Draft(),
            {"status": 403, "reason": "missing_role", "policy": "allow", "route": "it"},
            [
                ("status", "403", "404"),
                ("reason", "missing_role", "no_route"),
                ("policy", "allow", "route"),
                ("route", "it", "_unmatched"),
            ],
            id="refused otherwise",
        ),
        pytest.param(IT, PASSES | {"path": "/api/8"}, [("path", "/api/8", "/api/7?q")], id="another path"),
        pytest.param(
            IT,
            PASSES | {"upstream_fields": {"X-A": "b", "X-B": True, "Via": False}},
            [
                ("upstream_fields X-A", "b", "a"),
                ("upstream_fields X-B", "any value", "none"),
                ("upstream_fields Via", "none", "1.1 test-gateway"),
            ],
            id="other fields",
        ),
        pytest.param(
            IT,
            PASSES | {"response_fields": {"X-Anything": False, "X-Set": False, "X-B": "b"}},
            [
                ("response_fields X-Set", "none", "1"),
                ("response_fields X-B", "b", "none"),
                ("response_fields X-Anything", "none", "what the backend sends"),
            ],
            id="fields that the backend may send",
        ),
        pytest.param(
            Draft(target="/v1/api/7"),
            PASSES | {"reported": {"clients": "address_denied"}},
            [("reported clients", "address_denied", "none")],
            id="nothing is reported",
        ),
        pytest.param(
            Draft(target="/closed", fields=(("Authorization", "Bearer eyJhbGciOiJSUzI1NiJ9.e30.AAAA"),)),
            PASSES,
            [
                (
                    "answer",
                    "one that is known here",
                    "would ask for the keys of https://id.example: say `as`",
                )
            ],
            id="nobody can tell",
        ),
    ],
)
def test_each_difference_is_told(differences, draft, expect, expected):
    assert expected == differences(draft, **expect)
