import pytest

from gateway.config.load import load_snapshot
from gateway.http.edits import Block
from gateway.http.request import Request
from gateway.policy import Exchange, Principal

HEAD = """
version: 1
upstreams: {pay: {endpoints: ["http://h:1"]}}
policies: [policies]
"""
QUOTAS = """
tiers:
  public: {limit: 60/1m, burst: 20, key: address}
  listed: {limit: 60/1m, key: [address, route]}
  standard: {limit: 600/1m, key: principal}
  pro: {limit: 6000/1m, key: principal}
  uploads: {concurrent: 4, key: [principal, route]}
defaults: {auth: public, upstream: pay}
"""


REQUEST = Request(b"GET", b"h", b"/a", b"", [], {}, 0, "192.0.2.1", False, Block(()))


@pytest.mark.parametrize(
    ("quota", "names"),
    [
        pytest.param("[public]", ["quota", "limits", "csrf"], id="by address, before anything is read"),
        pytest.param(
            "[standard]", ["limits", "csrf", "quota"], id="by principal, behind everything that tells who"
        ),
        pytest.param(
            "[standard, public]", ["quota", "limits", "csrf", "quota"], id="both, whatever their order"
        ),
        pytest.param("[listed, public]", ["quota", "limits", "csrf"], id="by address and route"),
        pytest.param("[{tier: uploads, cost: 2}]", ["limits", "csrf", "quota"], id="by principal and route"),
        pytest.param(
            '[{by: "claim:plan", pro: pro, else: public}]', ["limits", "csrf", "quota"], id="by a claim"
        ),
        pytest.param("[]", ["limits", "csrf"], id="no quota is no policy"),
    ],
)
def test_quotas_stand_in_two_places(compiled, quota, names):
    routes = f"routes: [{{id: a, match: {{path: /a}}, quota: {quota}}}]"
    (route,) = compiled(gateway=HEAD, policies=QUOTAS + routes).routes
    assert names == [policy.name for policy in route.pipeline.policies]
    assert all(
        policy.source.endswith("a.yaml:8") for policy in route.pipeline.policies if policy.name == "quota"
    )


@pytest.fixture
def counted(written, ports):
    """Asks every route of a configuration twice; gives what the second of each is told, by route."""

    def ask(fields="standard", **texts):
        texts = {"gateway": HEAD + f"quota_store: {{fields: {fields}}}\n", **texts}
        snapshot, told = load_snapshot(written(**texts), {}, ports), {}
        for route in (*snapshot.routes, snapshot.router.unmatched):
            for _ in range(2):
                exchange = Exchange(REQUEST, b"0" * 32, ())
                for policy in route.pipeline.policies:
                    policy(exchange)
            told[route.id] = dict(exchange.response_fields)
        return told

    return ask


def test_routes_share_a_bucket_unless_the_key_lists_them(counted):
    told = counted(
        policies=QUOTAS
        + """
routes:
  - {id: a, match: {path: /a}, quota: [public]}
  - {id: b, match: {path: /b}, quota: [{tier: public, cost: 3}]}
  - {id: c, match: {path: /c}, quota: [listed]}
  - {id: d, match: {path: /d}, quota: [listed]}
"""
    )
    assert {
        "a": b'"public";r=18;t=1',
        "b": b'"public";r=12;t=1',
        "c": b'"listed";r=58;t=1',
        "d": b'"listed";r=58;t=1',
        "_unmatched": None,
    } == {id: fields.get(b"RateLimit") for id, fields in told.items()}


@pytest.mark.parametrize(
    ("by", "principal", "tier"),
    [
        pytest.param("claim:plan", Principal("a", "jwt", claims={"plan": "pro"}), "pro", id="by a claim"),
        pytest.param(
            "claim:plan", Principal("a", "jwt", claims={"plan": "x"}), "standard", id="another value"
        ),
        pytest.param("tier", Principal("a", "api_key", tier="pro"), "pro", id="by the tier of an API key"),
        pytest.param("tier", Principal("a", "jwt", claims={"tier": "pro"}), "standard", id="no API key"),
        pytest.param("tier", None, "standard", id="nobody"),
    ],
)
def test_the_principal_chooses_the_tier(compiled, by, principal, tier):
    quota = f'quota: [{{by: "{by}", pro: pro, else: standard}}]'
    (route,) = compiled(
        gateway=HEAD, policies=QUOTAS + f"routes: [{{id: a, match: {{path: /a}}, {quota}}}]"
    ).routes
    exchange = Exchange(REQUEST, b"0" * 32, ())
    exchange.principal = principal
    for policy in route.pipeline.policies:
        policy(exchange)
    assert [tier] == [each.name for each, *_ in exchange.quotas]


def test_what_no_route_takes_is_counted_by_the_global_defaults(counted):
    told = counted(gateway=HEAD + "defaults: {quota: [public]}\n", policies=QUOTAS)
    assert b'"public";r=18;t=1' == told["_unmatched"][b"RateLimit"]


def test_buckets_outlive_a_configuration_unless_their_numbers_change(counted):
    """The second and third configuration are loaded beside the buckets of the first."""
    routes = "routes: [{id: a, match: {path: /a}, quota: [public, standard]}]"
    seen = [
        counted(policies=policies + routes)["a"][b"RateLimit"]
        for policies in (QUOTAS, QUOTAS + "# the same\n", QUOTAS.replace("600/1m", "500/1m"))
    ]
    assert [
        b'"public";r=18;t=1, "standard";r=598;t=1',
        b'"public";r=16;t=1, "standard";r=596;t=1',
        b'"public";r=14;t=1, "standard";r=498;t=1',
    ] == seen


@pytest.mark.parametrize(
    ("fields", "names"),
    [
        pytest.param("standard", {b"RateLimit-Policy", b"RateLimit"}, id="standard"),
        pytest.param(
            "legacy", {b"X-RateLimit-Limit", b"X-RateLimit-Remaining", b"X-RateLimit-Reset"}, id="legacy"
        ),
        pytest.param("none", set(), id="none"),
    ],
)
def test_clients_are_told_in_one_of_three_ways(counted, fields, names):
    routes = "routes: [{id: a, match: {path: /a}, quota: [public, standard]}]"
    assert names == counted(fields, policies=QUOTAS + routes)["a"].keys()


def test_without_ports_nobody_is_limited(compiled):
    (route,) = compiled(
        gateway=HEAD + "quota_store: {redis: 'redis://127.0.0.1:1', on_failure: deny}\n",
        policies=QUOTAS + "routes: [{id: a, match: {path: /a}, quota: [standard, public, uploads]}]",
    ).routes
    exchanges = [Exchange(REQUEST, b"0" * 32, ()) for _ in range(700)]
    assert {None} == {policy(each) for each in exchanges for policy in route.pipeline.policies}
