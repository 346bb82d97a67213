"""Issuers from texts: what does not load, and what those that do make of a token."""

import json
from textwrap import indent

import pytest

GATEWAY = """\
version: 1
name: edge
upstreams: {pay: {endpoints: ["http://127.0.0.1:4009"]}}
policies: [policies]
issuers:
  id:
"""
ISSUER = "issuer: https://id.example"
SECRET = f'secret: "{"s" * 40}"'
ROUTE = "routes: [{id: pay, match: {path: /pay}, upstream: pay, auth: AUTH}]\n"


def gateway(*keys):
    return GATEWAY + indent("\n".join(keys), " " * 4) + "\n"


@pytest.mark.parametrize(
    ("keys", "problem"),
    [
        pytest.param(
            [ISSUER, SECRET, "algorithms: [HS256]"],
            '7:5: issuers.id: expected the key "audience": a token for somebody else is no proof',
            id="no audience",
        ),
        pytest.param(
            [ISSUER, SECRET, "audience: [api]"],
            '7:5: issuers.id.algorithms[0]: expected HS256, HS384 or HS512 with a secret, got "RS256"',
            id="a secret with the usual algorithms",
        ),
        pytest.param(
            [ISSUER, SECRET, "audience: [api]", "algorithms: [HS256, ES256]"],
            '10:25: issuers.id.algorithms[1]: expected HS256, HS384 or HS512 with a secret, got "ES256"',
            id="a secret with an algorithm of key pairs",
        ),
        pytest.param(
            [ISSUER, "KEYS", "audience: [api]", "algorithms: [HS256, ES256]"],
            '10:18: issuers.id.algorithms[0]: expected no HS algorithm without a secret, got "HS256"',
            id="keys with an algorithm of secrets",
        ),
        pytest.param(
            [ISSUER, SECRET, "audience: [api]", "algorithms: [HS256, HS512]"],
            "8:13: issuers.id.secret: expected a longer secret for HS512",
            id="a secret that is too short for one algorithm",
        ),
        pytest.param(
            [ISSUER, "secret: hunter2", "audience: [api]", "algorithms: [HS256]"],
            "8:13: issuers.id.secret: expected a secret of at least 32 bytes",
            id="a secret that is too short for any",
        ),
        pytest.param(
            [ISSUER, "KEYS", "audience: [api]", "algorithms: [RS256]"],
            "8:12: issuers.id.keys[0]: expected a key for one of RS256",
            id="a key that no algorithm is for",
        ),
        pytest.param(
            [ISSUER, "KEYS", "audience: [api]", "algorithms: []"],
            "10:17: issuers.id.algorithms: expected at least one item, got none",
            id="no algorithm",
        ),
        pytest.param(
            [ISSUER, "KEYS", "audience: [api]", "algorithms: [none]"],
            '10:18: issuers.id.algorithms[0]: expected "RS256", "RS384", "RS512"',
            id="an algorithm that is none",
        ),
        pytest.param(
            [ISSUER, "keys: [{kty: EC, crv: P-256, x: AQAB, y: AQAB}]", "audience: [api]"],
            "8:12: issuers.id.keys[0]: expected a key whose numbers make one, got a mapping",
            id="a key that is none",
        ),
        pytest.param(
            [ISSUER, "keys: [{kty: oct, k: AQAB}]", "audience: [api]"],
            "8:12: issuers.id.keys[0]: expected a public key without private members, got a mapping",
            id="a secret among the keys",
        ),
        pytest.param(
            [ISSUER, "jwks: http://id.example/keys", "audience: [api]"],
            "8:11: issuers.id.jwks: expected a plain https URL: beyond loopback, http needs",
            id="keys over plain http",
        ),
        pytest.param(
            ["issuer: http://id.example", "discovery: true", "audience: [api]"],
            "7:13: issuers.id.issuer: expected a plain https URL: beyond loopback, http needs",
            id="metadata over plain http",
        ),
        pytest.param(
            ["issuer: https://id.example/?a=1", "discovery: true", "audience: [api]"],
            "7:13: issuers.id.issuer: expected an issuer without a query",
            id="metadata behind a query",
        ),
        pytest.param(
            [ISSUER, "discovery: true", "audience: [api]", 'jwks_origins: ["https://*.example"]'],
            "10:20: issuers.id.jwks_origins[0]: expected one origin, spelled out",
            id="keys at any of many origins",
        ),
        pytest.param(
            [ISSUER, "KEYS", "audience: [api]", "leeway: 2m"],
            "10:13: issuers.id.leeway: expected at most 60s",
            id="clocks that disagree too much",
        ),
        pytest.param(
            [ISSUER, "KEYS", "audience: [api]", """resource_metadata: 'https://a.example/"b'"""],
            "10:24: issuers.id.resource_metadata: expected a URL without quotes and backslashes",
            id="a URL that would end its quotes",
        ),
        pytest.param(
            [ISSUER, "KEYS", "audience: [api]", "token: {header: X-Auth-Subject}"],
            "10:21: issuers.id.token.header: expected a field that the gateway does not manage itself",
            id="a field that no client can send",
        ),
        pytest.param(
            ["introspection: {url: http://a.example, client_id: a, client_secret: hunter2}"],
            "7:26: issuers.id.introspection.url: expected a plain https URL",
            id="secrets over plain http",
        ),
        pytest.param(
            ["introspection: {url: https://a.example, client_id: a, client_secret: hunter2, timeout: 11s}"],
            "7:92: issuers.id.introspection.timeout: expected at most 10s",
            id="an endpoint that may take too long",
        ),
        pytest.param(
            ["introspection: {url: https://a.example, client_id: a, client_secret: hunter2, cache: 6m}"],
            "7:90: issuers.id.introspection.cache: expected at most 5m",
            id="an answer that is believed too long",
        ),
    ],
)
def test_an_issuer_that_could_not_be_relied_on_does_not_load(report, signer, keys, problem):
    jwk = json.dumps(signer().jwk)
    text = gateway(*(f"keys: [{jwk}]" if key == "KEYS" else key for key in keys))
    found = report(gateway=text, policies=ROUTE.replace("AUTH", "id"))
    assert [f"gateway.yaml:{problem}"] == [line[: len(problem) + 13] for line in found][:1]
    assert "hunter2" not in "".join(found)


@pytest.mark.parametrize(
    "keys",
    [
        pytest.param(["issuer: http://127.0.0.1:4100", "discovery: true"], id="loopback"),
        pytest.param(["issuer: http://id:4100", "discovery: true", "insecure_http: true"], id="on purpose"),
        pytest.param(["issuer: http://id", "jwks: https://id.example/keys"], id="an issuer nobody asks"),
        pytest.param([ISSUER, "jwks: https://id.example/keys"], id="https"),
    ],
)
def test_an_issuer_that_can_be_relied_on_loads(report, keys):
    assert [] == report(gateway=gateway(*keys, "audience: [api]"), policies=ROUTE.replace("AUTH", "id"))


@pytest.mark.parametrize("name", ["public", "api_key", "basic", "mtls"])
def test_an_issuer_does_not_take_the_name_of_something_else(report, name):
    text = gateway(ISSUER, "jwks: https://id.example/keys", "audience: [api]").replace("  id:", f"  {name}:")
    expected = f'gateway.yaml:6:3: issuers.{name}: expected another name, "{name}" means something in auth'
    assert expected in report(gateway=text, policies=ROUTE.replace("AUTH", "public"))


def test_secrets_are_not_shown(specs):
    text = gateway(ISSUER, 'secret: "${env:SECRET}"', "audience: [api]", "algorithms: [HS256]")
    secret = "hunter2" * 6
    loaded = specs(environ={"SECRET": secret}, gateway=text, policies=ROUTE.replace("AUTH", "id"))
    assert "hunter2" not in repr(loaded) + str(loaded.gateway) + repr(loaded.gateway.issuers["id"])
    assert secret == loaded.gateway.issuers["id"].secret
