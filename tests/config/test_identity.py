"""`auth` from texts: which policy a route gets, and what that makes of a request."""

import json

import pytest

from gateway.http.edits import Block
from gateway.http.fields import REQUEST_FIELDS, sift
from gateway.http.request import Request
from gateway.policy import Exchange, Reason
from gateway.policy.authn import Authentication

GATEWAY = """\
version: 1
name: edge
upstreams: {{pay: {{endpoints: ["http://127.0.0.1:4009"]}}}}
policies: [policies]
issuers:
  id: {{issuer: https://id.example, audience: [api], algorithms: [ES256], keys: [{first}]{more}}}
  other: {{issuer: https://other.example, audience: [api], algorithms: [ES256], keys: [{second}]}}
"""
# Until the year 2286.
CLAIMS = {"iss": "https://id.example", "aud": "api", "sub": "thandi", "exp": 9_999_999_999}
OTHERS = CLAIMS | {"iss": "https://other.example"}


def request_with(*fields, query=b""):
    lines, noted, _ = sift([b"%b: %b" % field for field in fields], REQUEST_FIELDS)
    request = Request(b"GET", b"h", b"/pay", query, lines, noted, 0, "192.0.2.1", False, Block(()))
    return Exchange(request, b"0" * 32, ())


def bearer(token):
    return request_with((b"Authorization", b"Bearer " + token))


@pytest.fixture
def first(signer):
    return signer()


@pytest.fixture
def second(signer):
    return signer("ES256", "second")


@pytest.fixture
def policies(compiled, first, second):
    """The `auth` policies of the routes of a text, None where a route has none; `more` belongs to `id`."""

    def make(*auths, more="", defaults=""):
        gateway = GATEWAY.format(first=json.dumps(first.jwk), second=json.dumps(second.jwk), more=more)
        routes = "".join(
            f'  - {{id: r{number}, match: {{path: "/{number}"}}, upstream: pay{auth}}}\n'
            for number, auth in enumerate(auths)
        )
        snapshot = compiled(gateway=gateway, policies=f"{defaults}routes:\n{routes}")
        return [
            next((policy for policy in route.pipeline.policies if policy.name == "auth"), None)
            for route in (*snapshot.routes, snapshot.router.unmatched)
        ]

    return make


@pytest.mark.parametrize("auth", ["public", "[public]"])
def test_what_is_open_has_no_policy(policies, auth):
    assert [None, None] == policies(f", auth: {auth}")


def test_a_route_knows_who_has_to_prove_it(policies, first):
    (policy, unmatched) = policies(", auth: id")
    here = bearer(first.token(CLAIMS))
    assert policy(here) is None
    assert ("thandi", "id") == (here.principal.subject, here.principal.method)
    assert (b"authorization",) == here.hidden
    assert policy.source.endswith("policies/a.yaml:2")
    reply = policy(request_with())
    assert Reason.NO_CREDENTIALS is reply.reason
    assert (b"WWW-Authenticate", b'Bearer realm="edge"') in reply.fields
    assert unmatched is None


def test_one_auth_is_one_policy(policies):
    """Of one place: what two routes say for themselves has a line of its own each."""
    one, other, own, _ = policies("", "", ", auth: id", defaults="defaults: {auth: id}\n")
    assert one is other
    assert one is not own
    assert one._methods == own._methods


def test_the_method_of_an_issuer_is_shared(policies, first):
    alone, listed, _ = policies(", auth: id", ", auth: [other, id]")
    assert alone._methods[0] is listed._methods[1]


@pytest.mark.parametrize("auth", ["[id, other]", "[other, id]", "[id, other, public]"])
def test_several_issuers_take_their_own_tokens(policies, first, second, auth):
    policy, _ = policies(f", auth: {auth}")
    for token, method in ((first.token(CLAIMS), "id"), (second.token(OTHERS), "other")):
        here = bearer(token)
        assert policy(here) is None
        assert method == here.principal.method
    for token in (second.token(CLAIMS), first.token(OTHERS), b"abc"):
        here = bearer(token)
        assert 401 == policy(here).status
        assert here.principal is None


def test_in_a_list_public_makes_proof_optional(policies, first):
    policy, _ = policies(", auth: [id, public]")
    here = request_with()
    assert policy(here) is None
    assert here.principal is None
    assert () == here.upstream_fields
    assert 401 == policy(bearer(first.token(CLAIMS | {"aud": "x"}))).status


@pytest.mark.parametrize(
    ("more", "fields", "query", "hidden", "lines", "left"),
    [
        pytest.param(
            "", [b"Authorization"], b"", (b"authorization",), 1, b"", id="Authorization, by default"
        ),
        pytest.param(
            ", token: {header: X-Token}", [b"X-Token"], b"", (b"x-token",), 1, b"", id="another field"
        ),
        pytest.param(", token: {cookie: s}", [b"Cookie"], b"", (), 0, b"", id="a cookie"),
        pytest.param(", token: {query: t}", [], b"?a=1&t=TOKEN", (), 0, b"?a=1", id="the query"),
        pytest.param(", token: {forward: true}", [b"Authorization"], b"", (), 1, b"", id="kept on purpose"),
        pytest.param(
            ", token: {cookie: s, forward: true}", [b"Cookie"], b"", (), 1, b"", id="a cookie that is kept"
        ),
        pytest.param(
            ", token: {query: t, forward: true}", [], b"?t=TOKEN", (), 0, b"", id="a query never keeps it"
        ),
    ],
)
def test_a_token_is_taken_where_it_is_meant_to_stand(
    policies, first, more, fields, query, hidden, lines, left
):
    policy, _ = policies(", auth: id", more=more)
    token = first.token(CLAIMS)
    values = {b"Authorization": b"Bearer " + token, b"X-Token": token, b"Cookie": b"s=" + token}
    here = request_with(*((name, values[name]) for name in fields), query=query.replace(b"TOKEN", token))
    assert policy(here) is None
    assert "thandi" == here.principal.subject
    assert (hidden, lines, left) == (here.hidden, len(here.request.lines), here.request.query)


@pytest.mark.parametrize(
    "more", [", token: {header: X-Token}", ", token: {cookie: s}", ", token: {query: t}"]
)
def test_and_nowhere_else(policies, first, more):
    policy, _ = policies(", auth: id", more=more)
    assert Reason.NO_CREDENTIALS is policy(bearer(first.token(CLAIMS))).reason
    usual, _ = policies(", auth: id")
    token = first.token(CLAIMS)
    for query in (b"?access_token=", b"?token=", b"?jwt="):
        assert Reason.NO_CREDENTIALS is usual(request_with(query=query + token)).reason


def test_claims_stand_where_the_issuer_puts_them(policies, first):
    policy, _ = policies(", auth: id", more=", claims: {subject: email, roles: [realm, roles], scopes: scp}")
    here = bearer(first.token(CLAIMS | {"email": "a@b", "realm": {"roles": ["x"]}, "scp": ["y"]}))
    assert policy(here) is None
    assert ("a@b", {"x"}, {"y"}) == (here.principal.subject, here.principal.roles, here.principal.scopes)


def test_both_names_of_ed25519_are_one(compiled, signer):
    for said in ("EdDSA", "Ed25519"):
        for algorithm in ("EdDSA", "Ed25519"):
            owner = signer(algorithm)
            snapshot = compiled(
                gateway="version: 1\npolicies: [policies]\nissuers: {id: {issuer: https://id.example, "
                f"audience: [api], algorithms: [{said}], keys: [{json.dumps(owner.jwk)}]}}}}\n",
                policies="routes: [{id: a, match: {path: /}, respond: {}, auth: id}]\n",
            )
            policy = snapshot.routes[0].pipeline.policies[-1]
            assert isinstance(policy, Authentication)
            assert policy(bearer(owner.token(CLAIMS))) is None


@pytest.mark.parametrize(
    ("auth", "problem"),
    [
        pytest.param("[]", "expected a name, or a list of names with each of them once", id="nobody"),
        pytest.param("[id, id]", "expected a name, or a list of names with each of them once", id="twice"),
        pytest.param(
            "api_key", 'expected the section "api_keys" in gateway.yaml for api_key', id="keys of none"
        ),
        pytest.param("[id, basic]", 'expected the section "basic_users" in gateway.yaml', id="users of none"),
        pytest.param("[mtls]", 'expected the section "certificates" in gateway.yaml', id="no certificates"),
        pytest.param("idd", 'expected the name of an issuer or forward_auth, got "idd"', id="nobody's name"),
        pytest.param("[id, nobody]", "expected the name of an issuer", id="nobody's name, in a list"),
    ],
)
def test_who_cannot_be_asked_does_not_load(report, first, second, auth, problem):
    gateway = GATEWAY.format(first=json.dumps(first.jwk), second=json.dumps(second.jwk), more="")
    policies = f"routes: [{{id: a, match: {{path: /}}, upstream: pay, auth: {auth}}}]\n"
    (line,) = report(gateway=gateway, policies=policies)
    assert line.startswith("policies/a.yaml:1:")
    assert problem in line
