"""What a document demands is demanded, or it is told that nobody can."""

import pytest

from gateway.imports.security import Demand, Needs, Security, UnmappedError

SCHEMES = {
    "accounts": {"type": "oauth2", "flows": {}},
    "sso": {
        "type": "openIdConnect",
        "openIdConnectUrl": "https://id.example/a/.well-known/openid-configuration",
    },
    "jwt": {"type": "http", "scheme": "Bearer", "bearerFormat": "JWT"},
    "basic": {"type": "http", "scheme": "basic"},
    "other basic": {"type": "http", "scheme": "basic"},
    "robots": {"type": "apiKey", "in": "header", "name": "X-Robot"},
    "admins": {"type": "apiKey", "in": "header", "name": "X-Robot"},
    "query": {"type": "apiKey", "in": "query", "name": "key"},
    "cookie": {"type": "apiKey", "in": "cookie", "name": "key"},
    "authorization": {"type": "apiKey", "in": "header", "name": "Authorization"},
    "no field": {"type": "apiKey", "in": "header", "name": "X: y\n"},
    "certificates": {"type": "mutualTLS"},
    "digest": {"type": "http", "scheme": "digest"},
    "yes": {"type": "oauth2"},
    "api_key": {"type": "oauth2"},
    "evil\n- id: x": {"type": "oauth2"},
}


@pytest.mark.parametrize(
    ("said", "demand"),
    [
        pytest.param([], Demand(("public",)), id="nothing"),
        pytest.param([{}], Demand(("public",)), id="an empty requirement"),
        pytest.param([{"accounts": []}], Demand(("accounts",)), id="oauth2"),
        pytest.param([{"accounts": ["a", "b"]}], Demand(("accounts",), ("a", "b")), id="scopes"),
        pytest.param([{"sso": []}], Demand(("sso",)), id="OpenID Connect"),
        pytest.param([{"jwt": []}], Demand(("jwt",)), id="bearer"),
        pytest.param([{"basic": []}], Demand(("basic",)), id="basic"),
        pytest.param([{"robots": []}], Demand(("api_key",)), id="a key"),
        pytest.param([{"jwt": []}, {"robots": []}], Demand(("jwt", "api_key")), id="alternatives"),
        pytest.param([{}, {"jwt": []}], Demand(("jwt", "public")), id="optional"),
        pytest.param([{"yes": []}], Demand(("issuer",)), id="a name that YAML reads otherwise"),
        pytest.param([{"api_key": []}], Demand(("api_key-2",)), id="a name that means something"),
        pytest.param([{"evil\n- id: x": []}], Demand(("evil---id-x",)), id="a name that would be a line"),
    ],
)
def test_demand(said, demand):
    assert demand == Security(SCHEMES).demand(said)


def test_of_different_scopes_all_are_asked_for():
    found = Security(SCHEMES).demand([{"accounts": ["a"]}, {"jwt": ["b"]}, {}])
    assert (("accounts", "jwt", "public"), ("a", "b"), 1) == (found.auth, found.scopes, len(found.notes))


@pytest.mark.parametrize(
    "said",
    [
        pytest.param([{"jwt": [], "robots": []}], id="two at once"),
        pytest.param([{"query": []}], id="a key in the query"),
        pytest.param([{"cookie": []}], id="a key in a cookie"),
        pytest.param([{"authorization": []}], id="a key in a field of somebody else"),
        pytest.param([{"no field": []}], id="no field"),
        pytest.param([{"certificates": []}], id="certificates"),
        pytest.param([{"digest": []}], id="another scheme of HTTP"),
        pytest.param([{"nowhere": []}], id="no such scheme"),
        pytest.param([{"accounts": "a"}], id="scopes that are no list"),
        pytest.param([{"accounts": [1]}], id="a scope that is no text"),
        pytest.param([{"accounts": ["a b"]}], id="two scopes in one"),
        pytest.param([{"accounts": ["${env:HOME}"]}], id="a scope from outside"),
        pytest.param([{"accounts": ["a\n"]}], id="a scope of two lines"),
        pytest.param(["accounts"], id="no requirement"),
        pytest.param({"accounts": []}, id="no list"),
        pytest.param(None, id="null"),
        pytest.param([{"query": []}, {"digest": []}], id="alternatives of which none can be"),
    ],
)
def test_nothing_less_is_demanded(said):
    with pytest.raises(UnmappedError):
        Security(SCHEMES).demand(said)


def test_an_alternative_that_cannot_be_is_one_way_in_less():
    found = Security(SCHEMES).demand([{"query": []}, {"accounts": ["a"]}])
    assert (("accounts",), ("a",)) == (found.auth, found.scopes)
    assert ("an alternative less: query: keys are taken from header fields only",) == found.notes


@pytest.mark.parametrize(("one", "other"), [("basic", "other basic"), ("robots", "admins")])
def test_whoever_proves_one_scheme_has_not_proved_another(one, other):
    """There is one file of users and one of keys."""
    security = Security(SCHEMES)
    security.demand([{one: []}])
    with pytest.raises(UnmappedError, match="stands for"):
        security.demand([{other: []}])


def test_what_gateway_yaml_needs_is_what_was_asked_for():
    security = Security(SCHEMES)
    assert Needs() == security.needs
    security.demand([{"sso": []}, {"jwt": []}, {"robots": []}, {"basic": []}])
    issuers = {"sso": "https://id.example/a", "jwt": "https://issuer.invalid"}
    assert Needs(issuers, "X-Robot", True) == security.needs


@pytest.mark.parametrize(
    "url", ["http://id.example", "https://id.example/x", 1, "https://a\n/.well-known/openid-configuration"]
)
def test_an_issuer_that_is_not_told_is_nobody(url):
    security = Security({"sso": {"type": "openIdConnect", "openIdConnectUrl": url}})
    security.demand([{"sso": []}])
    assert {"sso": "https://issuer.invalid"} == security.needs.issuers
