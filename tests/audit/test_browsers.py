"""Rules about browsers: what breaks each, and what is close to it and does not."""

import pytest

from gateway.audit.browsers import RULES
from gateway.audit.survey import Survey

POST = ("methods: [GET]", "methods: [POST]")
UPSTREAM = "    upstream: pay\n"
TRUSTED = ('{address: "127.0.0.1:8080"}', '{address: "127.0.0.1:8080", trusted_proxies: [10.0.0.0/8]}')
ALLOW = '    allow: {permissions: ["payments:read"]}\n'


def cors(said):
    """A cors policy by name, and the route that calls it."""
    return [("tiers:\n", f"cors:\n  web: {said}\ntiers:\n"), (UPSTREAM, UPSTREAM + "    cors: web\n")]


def headers(said):
    """The headers policy of the route, in place."""
    return (UPSTREAM, UPSTREAM + f"    headers: {said}\n")


LAPTOP = '["http://localhost:3000", "http://[::1]", "http://127.0.0.1:8080"]'
ROUTE = [("pay", "policies/shop.yaml:10")]


@pytest.mark.parametrize(
    ("rule", "changes", "expected"),
    [
        pytest.param(
            "AZ301",
            cors('{allow_origins: ["https://*.example"], credentials: true}'),
            [("cors.web.allow_origins[0]", "policies/shop.yaml:2")],
            id="every subdomain with credentials",
        ),
        pytest.param(
            "AZ301",
            [(UPSTREAM, UPSTREAM + '    cors: {allow_origins: ["https://*.example"], credentials: true}\n')],
            ROUTE,
            id="the same in place",
        ),
        pytest.param(
            "AZ301",
            [("auth: id}", 'auth: id, cors: {allow_origins: ["https://*.a.example"], credentials: true}}')],
            [("gateway.yaml/defaults.cors.allow_origins[0]", "gateway.yaml:6")],
            id="the same by default",
        ),
        pytest.param(
            "AZ302",
            cors('{allow_origins: ["https://a.example", "null"]}'),
            [("cors.web.allow_origins[1]", "policies/shop.yaml:2")],
            id="the origin null",
        ),
        pytest.param(
            "AZ303",
            cors('{allow_origins: ["http://app.example"], credentials: true}'),
            [("cors.web.allow_origins[0]", "policies/shop.yaml:2")],
            id="credentials without TLS",
        ),
        pytest.param(
            "AZ303",
            cors('{allow_origins: ["http://[2001:db8::1]", "http://localhost.example"], credentials: true}'),
            [(f"cors.web.allow_origins[{number}]", "policies/shop.yaml:2") for number in (0, 1)],
            id="what only looks like a laptop",
        ),
        pytest.param("AZ304", [POST, (UPSTREAM, UPSTREAM + '    csrf: "off"\n')], ROUTE, id="csrf off"),
        pytest.param("AZ305", [headers("none")], ROUTE, id="no preset"),
        pytest.param(
            "AZ306",
            [TRUSTED, headers("{preset: api, remove: [Strict-Transport-Security]}")],
            ROUTE,
            id="HSTS taken away",
        ),
        pytest.param(
            "AZ306",
            [TRUSTED, headers("{preset: api, set: {Strict-Transport-Security: max-age=0}}")],
            ROUTE,
            id="HSTS that ends",
        ),
        pytest.param(
            "AZ307",
            [headers('{preset: api, default: {Cache-Control: "Public, max-age=60"}}')],
            ROUTE,
            id="kept for all, asked for by one",
        ),
        pytest.param(
            "AZ308",
            [headers("{set: {Content-Security-Policy: \"script-src 'self' 'unsafe-inline'\"}}")],
            ROUTE,
            id="inline scripts",
        ),
        pytest.param(
            "AZ308",
            [headers("{set: {Content-Security-Policy: \"default-src 'self' 'unsafe-eval'\"}}")],
            ROUTE,
            id="evaluated scripts, by default",
        ),
        pytest.param("AZ309", [headers("helmet")], ROUTE, id="helmet, of which some are missing"),
    ],
)
def test_a_rule_is_broken(spots, rule, changes, expected):
    assert expected == spots(rule, *changes)


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        pytest.param("AZ301", cors('{allow_origins: ["https://*.example"]}'), id="without credentials"),
        pytest.param(
            "AZ301", cors('{allow_origins: ["https://a.example"], credentials: true}'), id="one by one"
        ),
        pytest.param("AZ302", cors('{allow_origins: ["https://null.example"]}'), id="a host called null"),
        pytest.param(
            "AZ303",
            cors(f"{{allow_origins: {LAPTOP}, credentials: true}}"),
            id="a laptop",
        ),
        pytest.param("AZ303", cors('{allow_origins: ["http://app.example"]}'), id="without credentials"),
        pytest.param("AZ304", [(UPSTREAM, UPSTREAM + '    csrf: "off"\n')], id="a GET"),
        pytest.param(
            "AZ304",
            [POST, (UPSTREAM, UPSTREAM + '    csrf: {trusted: ["https://a.example"]}\n')],
            id="csrf with a neighbour",
        ),
        pytest.param("AZ305", [headers("helmet")], id="another preset"),
        pytest.param("AZ306", [TRUSTED], id="that of the preset"),
        pytest.param(
            "AZ306", [headers("{preset: api, remove: [Strict-Transport-Security]}")], id="no TLS anywhere"
        ),
        pytest.param(
            "AZ307",
            [(ALLOW, "    auth: public\n"), headers('{preset: api, default: {Cache-Control: "public"}}')],
            id="everybody may ask",
        ),
        pytest.param(
            "AZ307", [headers("{preset: api, set: {Cache-Control: private}}")], id="kept by its owner"
        ),
        pytest.param("AZ308", [headers("helmet")], id="inline styles"),
        pytest.param("AZ309", [headers("owasp")], id="the published list itself"),
        pytest.param("AZ309", [headers("none")], id="none of them, which is AZ305"),
        pytest.param(
            "AZ309",
            [TRUSTED, headers("{preset: api, remove: [Strict-Transport-Security]}")],
            id="that of TLS, which is AZ306",
        ),
    ],
)
def test_a_rule_is_kept(spots, rule, changes):
    assert [] == spots(rule, *changes)


def test_the_missing_ones_are_named(specs):
    """What `helmet` does without, of the published list."""
    (spot,) = RULES[-1].find(Survey(specs(headers("helmet")), 0.0))
    assert (
        "pay does without Cache-Control, Cross-Origin-Embedder-Policy, Permissions-Policy, Server and its kin"
        == spot.message
    )
