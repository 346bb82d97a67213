"""Rules about how often, how much and in which form: what breaks each, and what is close and does not."""

import pytest

GET = ("methods: [GET]", "methods: [POST]")
OPEN = ('    allow: {permissions: ["payments:read"]}\n', "    auth: public\n")
DEFAULTS = "quota: [visitors, users]"
UPSTREAM = "    upstream: pay\n"


@pytest.mark.parametrize(
    ("rule", "changes", "expected"),
    [
        pytest.param(
            "AZ201",
            [GET, OPEN, (DEFAULTS, "quota: [visitors]"), ("limit: 60/1m, key: address", "concurrent: 2")],
            [("pay", "gateway.yaml:6")],
            id="an open POST with a bound of what is at once",
        ),
        pytest.param(
            "AZ201", [GET, OPEN, (f"{DEFAULTS}, ", "")], [("pay", "policies/shop.yaml:7")], id="without any"
        ),
        pytest.param(
            "AZ202", [(f"{DEFAULTS}, ", "")], [("pay", "policies/shop.yaml:7")], id="a route without a quota"
        ),
        pytest.param(
            "AZ203", [(DEFAULTS, "quota: [visitors]")], [("pay", "gateway.yaml:6")], id="by address alone"
        ),
        pytest.param(
            "AZ204",
            [(DEFAULTS, "quota: [users]"), ("key: principal", 'key: [principal, "header:X-Team"]')],
            [("pay", "gateway.yaml:6")],
            id="by a field of the client's in any case",
        ),
        pytest.param(
            "AZ205",
            [(UPSTREAM, UPSTREAM + "    limits: {body: 11MiB}\n")],
            [("pay", "policies/shop.yaml:10")],
            id="11 MiB on a route",
        ),
        pytest.param(
            "AZ205",
            [("policies: [policies]", "limits: {body: 1024MiB}\npolicies: [policies]")],
            [("pay", "gateway.yaml:5")],
            id="a gigabyte everywhere",
        ),
        pytest.param("AZ206", [GET], [("pay", "policies/shop.yaml:7")], id="a POST without validate"),
        pytest.param(
            "AZ207",
            [("policies: [policies]", "quota_store: {on_failure: allow}\npolicies: [policies]")],
            [("quota_store.on_failure", "gateway.yaml:5")],
            id="uncounted while the store is away",
        ),
        pytest.param(
            "AZ208",
            [("policies: [policies]", "timeouts: {head: 61s, body_idle: 5m}\npolicies: [policies]")],
            [("timeouts.head", "gateway.yaml:5"), ("timeouts.body_idle", "gateway.yaml:5")],
            id="minutes of silence",
        ),
    ],
)
def test_a_rule_is_broken(spots, rule, changes, expected):
    assert expected == spots(rule, *changes)


@pytest.mark.parametrize(
    ("rule", "changes"),
    [
        pytest.param("AZ201", [GET, OPEN], id="an open POST by address"),
        pytest.param(
            "AZ201", [GET, OPEN, (DEFAULTS, "quota: [users]")], id="by principal, which is the address here"
        ),
        pytest.param("AZ201", [OPEN, (f"{DEFAULTS}, ", "")], id="an open GET, which is AZ202"),
        pytest.param("AZ202", [GET, OPEN, (f"{DEFAULTS}, ", "")], id="an open POST, which is AZ201"),
        pytest.param(
            "AZ202",
            [(f"{DEFAULTS}, ", ""), (UPSTREAM, "    respond: {status: 204}\n")],
            id="no service sees it",
        ),
        pytest.param("AZ203", [OPEN, (DEFAULTS, "quota: [visitors]")], id="nobody is asked who he is"),
        pytest.param(
            "AZ203",
            [(DEFAULTS, 'quota: [{by: "claim:plan", pro: users, else: visitors}]')],
            id="one of several to choose from",
        ),
        pytest.param("AZ203", [("key: principal", 'key: ["claim:org", route]')], id="by a claim"),
        pytest.param(
            "AZ204", [("key: principal", 'key: [principal, "header:X-Device"]')], id="beside another tier"
        ),
        pytest.param("AZ205", [(UPSTREAM, UPSTREAM + "    limits: {body: 10MiB}\n")], id="10 MiB"),
        pytest.param("AZ206", [], id="a GET"),
        pytest.param(
            "AZ206",
            [GET, (UPSTREAM, UPSTREAM + "    validate: {content_types: [application/json]}\n")],
            id="a POST with validate",
        ),
        pytest.param(
            "AZ207",
            [("policies: [policies]", "quota_store: {on_failure: deny}\npolicies: [policies]")],
            id="503 without the store",
        ),
        pytest.param(
            "AZ208",
            [("policies: [policies]", "timeouts: {head: 1m, body_idle: 60s}\npolicies: [policies]")],
            id="a minute",
        ),
    ],
)
def test_a_rule_is_kept(spots, rule, changes):
    assert [] == spots(rule, *changes)
