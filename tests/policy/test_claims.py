import pytest

from gateway.policy import Principal, Reason
from gateway.policy.claims import Claims
from gateway.policy.credential import Refused

NOW = 1_800_000_000.0
RULES = Claims("azora-id", "https://id.example", frozenset(["api", "other"]), 30.0)
GOOD = {"iss": "https://id.example", "aud": "api", "sub": "thandi", "exp": NOW + 600}


def judged(claims=(), kind="", rules=RULES, **changed):
    said = {**GOOD, **dict(claims), **changed}
    return rules.principal(kind, {name: value for name, value in said.items() if value != "absent"}, NOW)


def test_a_token_names_its_principal():
    said = GOOD | {"roles": ["educator"], "scope": "a:read b:write", "plan": "pro"}
    expected = Principal(
        "thandi",
        "azora-id",
        frozenset(["educator"]),
        frozenset(["a:read", "b:write"]),
        said,
        expires=NOW + 630,
    )
    assert expected == judged(said)


@pytest.mark.parametrize(
    "changed",
    [
        pytest.param({"aud": ["x", "api"]}, id="one of several audiences"),
        pytest.param({"aud": "other"}, id="another audience of ours"),
        pytest.param({"exp": NOW - 29}, id="expired within the leeway"),
        pytest.param({"exp": NOW + 0.5}, id="a part of a second"),
        pytest.param({"nbf": NOW + 30, "iat": NOW + 30}, id="early within the leeway"),
        pytest.param({"nbf": 0, "iat": 0}, id="old"),
        pytest.param({"token_use": "access", "typ": "Bearer"}, id="said to be for access"),
    ],
)
def test_a_token_for_us_and_for_now_is_taken(changed):
    assert "thandi" == judged(**changed).subject


@pytest.mark.parametrize("kind", ["", "jwt", "application/jwt", "at+jwt", "application/at+jwt"])
def test_an_access_token_says_so_or_nothing(kind):
    assert "thandi" == judged(kind=kind).subject


@pytest.mark.parametrize("kind", ["logout+jwt", "dpop+jwt", "id_token", " jwt", "jose"])
def test_a_token_of_another_kind_is_refused(kind):
    with pytest.raises(Refused) as refused:
        judged(kind=kind)
    assert Reason.WRONG_KIND is refused.value.reason


@pytest.mark.parametrize(
    ("changed", "reason"),
    [
        pytest.param({"iss": "absent"}, Reason.WRONG_ISSUER, id="no issuer"),
        pytest.param({"iss": "https://id.example/"}, Reason.WRONG_ISSUER, id="a slash more"),
        pytest.param({"iss": "https://id.exampl"}, Reason.WRONG_ISSUER, id="a prefix"),
        pytest.param({"iss": "HTTPS://ID.EXAMPLE"}, Reason.WRONG_ISSUER, id="another case"),
        pytest.param({"iss": ["https://id.example"]}, Reason.WRONG_ISSUER, id="a list of issuers"),
        pytest.param({"aud": "absent"}, Reason.WRONG_AUDIENCE, id="no audience"),
        pytest.param({"aud": []}, Reason.WRONG_AUDIENCE, id="an empty list of audiences"),
        pytest.param({"aud": "apis"}, Reason.WRONG_AUDIENCE, id="an audience that begins like ours"),
        pytest.param({"aud": "API"}, Reason.WRONG_AUDIENCE, id="an audience in another case"),
        pytest.param({"aud": {"api": 1}}, Reason.WRONG_AUDIENCE, id="an audience that is an object"),
        pytest.param({"aud": [["api"], 1, None]}, Reason.WRONG_AUDIENCE, id="audiences that are no texts"),
        pytest.param({"exp": "absent"}, Reason.UNUSABLE_CLAIMS, id="no end"),
        pytest.param({"exp": str(NOW + 600)}, Reason.UNUSABLE_CLAIMS, id="an end that is a text"),
        pytest.param({"exp": True}, Reason.UNUSABLE_CLAIMS, id="an end that is a truth value"),
        pytest.param({"exp": None}, Reason.UNUSABLE_CLAIMS, id="an end that is null"),
        pytest.param({"exp": 1e400}, Reason.UNUSABLE_CLAIMS, id="an end that never comes"),
        pytest.param({"exp": 10**400}, Reason.UNUSABLE_CLAIMS, id="an end beyond all floats"),
        pytest.param({"exp": NOW - 30}, Reason.EXPIRED, id="expired, leeway and all"),
        pytest.param({"exp": -1}, Reason.EXPIRED, id="expired before there were tokens"),
        pytest.param({"nbf": NOW + 31}, Reason.EARLY, id="not valid yet"),
        pytest.param({"iat": NOW + 31}, Reason.EARLY, id="issued in the future"),
        pytest.param({"nbf": "0"}, Reason.UNUSABLE_CLAIMS, id="a beginning that is a text"),
        pytest.param({"iat": [0]}, Reason.UNUSABLE_CLAIMS, id="an issue that is a list"),
        pytest.param({"nonce": "n"}, Reason.WRONG_KIND, id="an ID token, by its nonce"),
        pytest.param({"at_hash": "h"}, Reason.WRONG_KIND, id="an ID token, by its hash"),
        pytest.param({"token_use": "refresh"}, Reason.WRONG_KIND, id="a token to refresh others"),
        pytest.param({"token_use": "id"}, Reason.WRONG_KIND, id="an ID token, by its use"),
        pytest.param({"typ": "Refresh"}, Reason.WRONG_KIND, id="a token to refresh others, by its type"),
        pytest.param({"typ": None}, Reason.WRONG_KIND, id="a use that is nothing"),
        pytest.param({"sub": "absent"}, Reason.UNUSABLE_CLAIMS, id="nobody"),
        pytest.param({"sub": ""}, Reason.UNUSABLE_CLAIMS, id="an empty name"),
        pytest.param({"sub": 7}, Reason.UNUSABLE_CLAIMS, id="a number"),
        pytest.param({"sub": ["a"]}, Reason.UNUSABLE_CLAIMS, id="a list of subjects"),
        pytest.param({"roles": {"admin": True}}, Reason.UNUSABLE_CLAIMS, id="roles that are an object"),
        pytest.param({"roles": ["a", 1]}, Reason.UNUSABLE_CLAIMS, id="a role that is a number"),
        pytest.param({"roles": [["a"]]}, Reason.UNUSABLE_CLAIMS, id="a list in the list of roles"),
        pytest.param({"roles": True}, Reason.UNUSABLE_CLAIMS, id="roles that are a truth value"),
        pytest.param({"roles": [str(n) for n in range(300)]}, Reason.UNUSABLE_CLAIMS, id="too many roles"),
        pytest.param({"scope": 1}, Reason.UNUSABLE_CLAIMS, id="scopes that are a number"),
    ],
)
def test_another_token_is_refused(changed, reason):
    with pytest.raises(Refused) as refused:
        judged(**changed)
    assert reason is refused.value.reason


@pytest.mark.parametrize(
    ("said", "roles", "scopes"),
    [
        pytest.param({}, [], [], id="none"),
        pytest.param({"roles": None, "scope": None}, [], [], id="null"),
        pytest.param({"roles": "Super User"}, ["Super User"], [], id="a text is one role"),
        pytest.param({"roles": ["a", "A"]}, ["a", "A"], [], id="case counts"),
        pytest.param({"scope": "a b"}, [], ["a", "b"], id="scopes are cut at blanks"),
        pytest.param({"scope": "a  b "}, [], ["a", "b"], id="between two blanks stands no scope"),
        pytest.param({"scope": "a\tb"}, [], ["a\tb"], id="at nothing but blanks"),
        pytest.param({"scope": ["a b", "c"]}, [], ["a b", "c"], id="a list is not cut"),
    ],
)
def test_roles_and_scopes_are_read(said, roles, scopes):
    principal = judged(said)
    assert (frozenset(roles), frozenset(scopes)) == (principal.roles, principal.scopes)


def test_claims_may_stand_further_down():
    rules = Claims("id", "https://id.example", frozenset(["api"]), 0.0, ("who", "id"), ("a.b", "c"), ("scp",))
    said = {"who": {"id": "x"}, "a.b": {"c": ["r"]}, "scp": ["s"], "roles": ["no"], "scope": "no"}
    principal = judged(said, rules=rules)
    expected = ("x", frozenset(["r"]), frozenset(["s"]))
    assert expected == (principal.subject, principal.roles, principal.scopes)


@pytest.mark.parametrize("realm", [None, 1, "roles", ["roles"], {"roles": None}])
def test_a_path_that_leads_nowhere_has_no_roles(realm):
    rules = Claims("id", "https://id.example", frozenset(["api"]), 0.0, roles=("realm", "roles"))
    assert frozenset() == judged(realm=realm, rules=rules).roles
