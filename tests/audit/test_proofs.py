"""Rules about proofs and secrets: what breaks each, and what is close to it and does not."""

import pytest

from gateway.audit.text import text

ISSUER = 'issuer: "https://id.example", jwks: "https://id.example/keys", audience: [api]'
POLICIES = "policies: [policies]"
SECRET = "at least thirty-two bytes of secret"
ASKED = 'introspection: {url: "https://id.example/ask", client_id: gw, client_secret: "${env:SECRET}"}'


def issuer(said):
    return (ISSUER, said)


def services(said):
    return (POLICIES, f"forward_auth: {{legacy: {{{said}}}}}\n{POLICIES}")


@pytest.mark.parametrize(
    ("rule", "changes", "expected"),
    [
        pytest.param("AZ501", [issuer(ASKED)], ["issuers.id"], id="no audience"),
        pytest.param(
            "AZ502",
            [issuer(f"{ISSUER}, token: {{query: access_token}}")],
            ["issuers.id.token.query"],
            id="in the query",
        ),
        pytest.param(
            "AZ503",
            [issuer('issuer: "https://a", secret: "${env:SECRET}", algorithms: [HS256], audience: [api]')],
            ["issuers.id.secret"],
            id="a shared secret",
        ),
        pytest.param(
            "AZ504",
            [issuer('issuer: "https://a", jwks: "http://b.example", insecure_http: true, audience: [api]')],
            ["issuers.id.insecure_http"],
            id="keys over http",
        ),
        pytest.param(
            "AZ504",
            [services('url: "http://auth.example", insecure_http: "${env:INSECURE}"')],
            ["forward_auth.legacy.insecure_http"],
            id="a decision over http, said in the environment",
        ),
        pytest.param(
            "AZ505",
            [issuer(f"{ISSUER}, token: {{forward: true}}")],
            ["issuers.id.token.forward"],
            id="tokens passed on",
        ),
        pytest.param(
            "AZ505",
            [services('url: "http://127.0.0.1", forward: true')],
            ["forward_auth.legacy.forward"],
            id="credentials passed on",
        ),
        pytest.param(
            "AZ506",
            [issuer(f'issuer: "https://a", secret: "{SECRET}", algorithms: [HS256], audience: [api]')],
            ["issuers.id.secret"],
            id="a secret written down",
        ),
        pytest.param(
            "AZ506",
            [
                issuer(ASKED.replace("${env:SECRET}", SECRET)),
                (POLICIES, f'admin: {{token: "{SECRET}"}}\n{POLICIES}'),
            ],
            ["admin.token", "issuers.id.introspection.client_secret"],
            id="two of them",
        ),
    ],
)
def test_a_rule_is_broken(spots, rule, changes, expected):
    found = spots(rule, *changes, environ={"SECRET": SECRET, "INSECURE": "true"})
    assert expected == [subject for subject, _ in found]


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        pytest.param("AZ501", [issuer(f"{ASKED}, audience: [api]")], id="an audience"),
        pytest.param("AZ502", [issuer(f"{ISSUER}, token: {{cookie: session}}")], id="in a cookie"),
        pytest.param("AZ503", [], id="a public key"),
        pytest.param("AZ504", [issuer(f"{ISSUER}, insecure_http: false")], id="https"),
        pytest.param("AZ505", [issuer(f"{ISSUER}, token: {{forward: false}}")], id="kept from services"),
        pytest.param("AZ506", [issuer(ASKED)], id="a secret from outside"),
    ],
)
def test_a_rule_is_kept(spots, rule, changes):
    assert [] == spots(rule, *changes, environ={"SECRET": SECRET})


def test_no_finding_repeats_a_secret(report):
    made = report(
        issuer(f'issuer: "https://a", secret: "{SECRET}", algorithms: [HS256], audience: [api]'),
        (POLICIES, f'admin: {{token: "{SECRET}"}}\n{POLICIES}'),
    )
    assert "AZ506" in text(made)
    assert SECRET not in text(made)
