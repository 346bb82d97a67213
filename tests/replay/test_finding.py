"""What a step makes of a request: certain where the log has what it looks at."""

import pytest

from gateway.replay.finding import Finding, Refusal
from gateway.replay.recorded import recorded


@pytest.fixture
def findings(sides, line):
    """The findings of the policies of a line, by name; of several the last."""

    def find(members, *pairs):
        _, new = sides(*pairs)
        asked = recorded(line(**members)).asked
        return {each.name: each for each in new.rehearse(asked, ()).findings}

    return find


PAY = {"method": "POST", "path": "/pay", "route": "pay", "bytes_in": 100}


@pytest.mark.parametrize(
    ("members", "step", "refusal", "lacks"),
    [
        pytest.param({}, "clients", None, "", id="an address"),
        pytest.param({"client": "10.1.0.1"}, "clients", Refusal("address_denied", 403), "", id="denied"),
        pytest.param({}, "allow", None, "", id="roles"),
        pytest.param({"roles": []}, "allow", Refusal("missing_permission", 403), "", id="no role"),
        pytest.param({"principal": ""}, "allow", None, "the principal", id="nobody"),
        pytest.param(PAY, "allow", None, "the scopes of the token", id="scopes"),
        pytest.param({"path": "/people/ada"}, "allow", None, "", id="a condition that holds"),
        pytest.param({"path": "/people/bob"}, "allow", None, "the claims of the token", id="claims"),
        pytest.param({}, "quota", None, "how often it was asked", id="quotas"),
        pytest.param({}, "auth", None, "the credentials", id="credentials"),
        pytest.param({}, "csrf", None, "", id="a method that changes nothing"),
        pytest.param(PAY, "csrf", None, "cookies and the origin", id="one that does"),
        pytest.param(PAY, "cors", None, "", id="cors that omits"),
        pytest.param(PAY, "limits", None, "", id="a size"),
        pytest.param(PAY | {"bytes_in": 1025}, "limits", Refusal("body_too_large", 413), "", id="too large"),
        pytest.param(
            PAY | {"bytes_in": 0, "decision": "aborted"}, "limits", None, "the size of the body", id="unread"
        ),
        pytest.param(PAY, "validate", None, "the body, the query and the fields", id="a body"),
        pytest.param(PAY | {"method": "GET", "path": "/nowhere"}, "limits", None, "", id="no route"),
    ],
)
def test_finding(findings, members, step, refusal, lacks):
    found = findings(members)[step]
    assert Finding(step, found.source, refusal, lacks) == found


def test_a_body_that_was_not_sent_is_known(findings):
    pair = ("methods: [POST]", "methods: [GET]")
    found = findings(PAY | {"method": "GET", "bytes_in": 0}, pair)["validate"]
    assert (None, "") == (found.refusal, found.lacks)


def test_what_is_on_trial_refuses_nobody(findings):
    pair = ("    clients: {deny", "    report: [allow, clients, quota]\n    clients: {deny")
    found = findings({"roles": [], "client": "10.1.0.1"}, pair)
    assert {(None, "")} == {
        (found[name].refusal, found[name].lacks) for name in ("allow", "clients", "quota")
    }


def test_a_condition_that_fails_whatever_the_claims_are_is_certain(findings):
    pair = ("subject or claims.team == 'it'", "subject and claims.team == 'it'")
    assert Refusal("condition_failed", 403) == findings({"path": "/people/bob"}, pair)["allow"].refusal


def test_an_origin_that_would_be_refused_is_not_known(findings):
    assert "the origin" == findings(PAY, ("cors: web", "cors: strict"))["cors"].lacks


@pytest.mark.parametrize(
    ("pair", "lacks"),
    [
        pytest.param(("path.who == subject or", "path.who == claims.sub or"), "", id="sub"),
        pytest.param(
            ("audience: [api]}\n  away", "audience: [api], claims: {subject: email}}\n  away"),
            "the claims of the token",
            id="another claim that names the subject",
        ),
    ],
)
def test_the_subject_is_the_claim_sub_only_where_the_issuer_says_so(findings, pair, lacks):
    pairs = {pair, ("path.who == subject or", "path.who == claims.sub or")}
    assert lacks == findings({"path": "/people/ada"}, *pairs)["allow"].lacks
