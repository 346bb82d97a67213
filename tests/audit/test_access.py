"""Rules about who may ask: what breaks each, and what is close to it and does not."""

import pytest

GET = "methods: [GET]"
POST = "methods: [POST]"
ALLOW = '    allow: {permissions: ["payments:read"]}\n'
OPEN = "    auth: public\n"
HOST = ("path: /pay,", "host: pay.example, path: /pay,")
UPSTREAM = ("upstreams: {pay: {", 'upstreams: {shop: {endpoints: ["http://127.0.0.1:4010"]}, pay: {')


def second(path, auth="public", before=ALLOW, method="GET", upstream="pay"):
    """Another route behind the first, whose demand may be changed with it."""
    match = f"match: {{path: {path}, methods: [{method}]}}"
    return (ALLOW, before + f"  - {{id: other, {match}, upstream: {upstream}, auth: {auth}}}\n")


@pytest.mark.parametrize(
    ("rule", "changes", "expected"),
    [
        pytest.param(
            "AZ101", [(GET, POST), (ALLOW, OPEN)], [("pay", "policies/shop.yaml:10")], id="an open POST"
        ),
        pytest.param(
            "AZ101",
            [(f", {GET}", ""), (ALLOW, OPEN)],
            [("pay", "policies/shop.yaml:10")],
            id="an open route for any method",
        ),
        pytest.param(
            "AZ101",
            [(GET, POST), (ALLOW, "    auth: [id, public]\n")],
            [("pay", "policies/shop.yaml:10")],
            id="a proof that may be missing",
        ),
        pytest.param("AZ102", [(ALLOW, "")], [("pay", "gateway.yaml:6")], id="any principal, by default"),
        pytest.param(
            "AZ103",
            [('clerk: {permissions: ["payments:read"]}', 'clerk: {permissions: ["*"]}')],
            [("roles.clerk.permissions", "policies/shop.yaml:5")],
            id="a role for everything",
        ),
        pytest.param(
            "AZ104",
            [(ALLOW, ALLOW + "    report: [allow]\n")],
            [("pay", "policies/shop.yaml:11")],
            id="on trial",
        ),
        pytest.param(
            "AZ105",
            [second('"/{name}"')],
            [("other", "policies/shop.yaml:11")],
            id="a variable beside a literal, open",
        ),
        pytest.param(
            "AZ105",
            [second('"/{rest...}"', "id")],
            [("other", "policies/shop.yaml:11")],
            id="the rest, without a demand",
        ),
        pytest.param(
            "AZ105", [HOST, second("/pay")], [("other", "policies/shop.yaml:11")], id="the same for any host"
        ),
        pytest.param(
            "AZ105",
            [("methods: [GET]}", "methods: [GET], headers: {X-A: b}}"), second("/pay")],
            [("other", "policies/shop.yaml:11")],
            id="the same without a field that clients may leave out",
        ),
        pytest.param(
            "AZ106", [(f", {GET}", "")], [("pay", "policies/shop.yaml:7")], id="whatever the method"
        ),
    ],
)
def test_a_rule_is_broken(spots, rule, changes, expected):
    assert expected == spots(rule, *changes)


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        pytest.param("AZ101", [(ALLOW, OPEN)], id="an open GET"),
        pytest.param("AZ101", [(GET, POST)], id="a POST with a proof"),
        pytest.param(
            "AZ101",
            [(GET, POST), ("    upstream: pay\n" + ALLOW, "    respond: {status: 204}\n    auth: public\n")],
            id="a POST that no service sees",
        ),
        pytest.param(
            "AZ101",
            [(GET, POST), (ALLOW, "    auth: [id, public]\n" + ALLOW)],
            id="a proof that the demand makes needed",
        ),
        pytest.param("AZ102", [(ALLOW, OPEN)], id="nobody is asked"),
        pytest.param(
            "AZ103",
            [('clerk: {permissions: ["payments:read"]}', 'clerk: {permissions: ["payments:*"]}')],
            id="a role for an area",
        ),
        pytest.param("AZ104", [(ALLOW, ALLOW + "    report: []\n")], id="nothing on trial"),
        pytest.param("AZ105", [second("/other")], id="beside it"),
        pytest.param(
            "AZ106",
            [(f", {GET}", ""), ("    upstream: pay\n", "    redirect: {to: /a}\n")],
            id="whatever the method, without a service",
        ),
        pytest.param("AZ105", [second('"/pay/{name}"')], id="below it"),
        pytest.param("AZ105", [second('"/{name}/{more}"')], id="of another length"),
        pytest.param(
            "AZ105",
            [second('"/{name}"', method="POST")],
            id="for other methods",
        ),
        pytest.param(
            "AZ105",
            [UPSTREAM, second('"/{name}"', upstream="shop")],
            id="to another service",
        ),
        pytest.param(
            "AZ105",
            [second('"/{name}", host: a.example')],
            id="for a host of its own",
        ),
        pytest.param(
            "AZ105",
            [second('"/{name}"', "id", before=OPEN)],
            id="asking for more",
        ),
    ],
)
def test_a_rule_is_kept(spots, rule, changes):
    assert [] == spots(rule, *changes)
