from ipaddress import ip_network

import pytest

from gateway.config.snapshot import (
    Address,
    Admin,
    Hash,
    Health,
    Limits,
    Listener,
    Outlier,
    Pool,
    Retry,
    Timeouts,
    UpstreamSettings,
)
from gateway.http.edits import Block
from gateway.http.path import PathRules
from gateway.http.reason import Reason
from gateway.http.reply import Body
from gateway.http.request import Request
from gateway.policy import Exchange, Principal
from gateway.routing import Forward, Redirect, Template

HEAD = """
version: 1
upstreams: {pay: {endpoints: ["http://h:1"]}}
policies: [policies]
"""


def asked(path, method=b"GET"):
    return Request(method, b"h", path, b"", [], {}, 0, "192.0.2.1", False, Block(()))


@pytest.fixture
def targets(compiled):
    """The targets of routes, by id."""
    return lambda policies: {
        route.id: route.target for route in compiled(gateway=HEAD, policies=policies).routes
    }


def test_what_is_not_said_has_its_default(compiled):
    snapshot = compiled(gateway="version: 1\npolicies: []\n")
    assert "azora-gateway" == snapshot.name
    assert (Listener(Address("0.0.0.0", 8080), (), "x-forwarded-for", PathRules()),) == snapshot.listeners
    assert Admin(Address("127.0.0.1", 9901), "", ()) == snapshot.admin
    assert Limits(8192, 100, 32768, 10 * 1024 * 1024, 10000, 10000) == snapshot.limits
    assert Timeouts(10.0, 30.0, 30.0, 75.0, 0.0, 20.0) == snapshot.timeouts
    assert ({}, ()) == (snapshot.upstreams, snapshot.routes)


def test_what_is_said_is_compiled(compiled):
    snapshot = compiled(
        gateway="""
        version: 1
        name: edge
        listeners:
          - address: unix:/run/a
            trusted_proxies: [10.0.0.0/8]
            forwarded_by: forwarded
            path: {slashes: merge}
        admin: {address: "0.0.0.0:1", token: "${env:TOKEN}", cors: {allow_origins: ["https://a.example"]}}
        limits: {request_line: 1KiB, fields: 1, head: 2KiB, body: 3B, requests: 5, connections: 4}
        timeouts: {head: 1s, body_idle: 2s, write_idle: 3s, keep_alive: 4s, min_drain: 5s, drain: 6s}
        upstreams:
          pay:
            endpoints: ["http://h:1", unix:/run/p]
            host: pay.internal
            balance: round_robin
            pool: {max_connections: 1, max_pending: 0, wait: 2s, idle: 3s}
            timeouts: {connect: 4s, response: 5s, idle: 6s}
        policies: []
        """,
        environ={"TOKEN": "123"},
    )
    rules = PathRules(slashes="merge")
    listener = Listener(Address(unix="/run/a"), (ip_network("10.0.0.0/8"),), "forwarded", rules)
    endpoints = (Address("h", 1), Address(unix="/run/p"))
    upstream = UpstreamSettings(
        "pay", endpoints, "pay.internal", "round_robin", Pool(1, 0, 2.0, 3.0), 4.0, 5.0, 6.0
    )
    assert ("edge", (listener,)) == (snapshot.name, snapshot.listeners)
    assert Admin(Address("0.0.0.0", 1), "123", ("https://a.example",)) == snapshot.admin
    assert Limits(1024, 1, 2048, 3, 5, 4) == snapshot.limits
    assert Timeouts(1.0, 2.0, 3.0, 4.0, 5.0, 6.0) == snapshot.timeouts
    assert {"pay": upstream} == snapshot.upstreams


def test_upstreams_are_looked_after(compiled):
    (upstream,) = compiled(
        gateway="""
        version: 1
        upstreams:
          pay:
            endpoints: ["http://h:1"]
            balance: {hash: "cookie:session"}
            health: {path: /health, interval: 1s, timeout: 2s, healthy: 3, unhealthy: 4}
            outlier: {failures: 5, eject: 6s}
            retry: {attempts: 7, after: [connect, 503], budget: 8%}
        policies: []
        """
    ).upstreams.values()
    assert Hash("cookie", "session") == upstream.balance
    assert Health("/health", 1.0, 2.0, 3, 4) == upstream.health
    assert Outlier(5, 6.0) == upstream.outlier
    assert Retry(7, frozenset(["connect", 503]), 0.08) == upstream.retry


def test_a_route_knows_its_place_and_what_it_matches(compiled):
    (route,) = compiled(
        gateway=HEAD,
        policies="""
        defaults: {auth: public, upstream: pay, prefix: /p}
        routes:
          - id: a
            match: {path: "/{x}/{rest...}", methods: [GET, PUT]}
            upgrade: [websocket]
        """,
    ).routes
    assert ("a", "/p/{x}/{rest...}", ("GET", "PUT"), ("x", "rest"), True) == (
        route.id,
        route.pattern,
        route.methods,
        route.variables,
        route.upgrades,
    )
    assert route.source.endswith("policies/a.yaml:3")


def test_a_route_goes_to_an_upstream(targets):
    policies = """
    defaults: {auth: public, upstream: pay, prefix: /p, request_headers: {set: {X-A: "1"}, remove: [X-B]}}
    routes:
      - {id: usual, match: {path: /a}, timeouts: {response: 1s}}
      - {id: rewritten, match: {path: "/b/{x}"}, rewrite: {path: "/v2/{x}"}, request_headers: {}}
    """
    assert {
        "usual": Forward(
            "pay", b"/p", None, ((b"X-A", b"1"),), frozenset({b"x-a", b"x-b"}), response=1.0, idle=60.0
        ),
        "rewritten": Forward("pay", b"/p", Template((b"/v2/", b""), (0,)), (), frozenset(), 30.0, 60.0),
    } == targets(policies)


def test_a_route_may_redirect(targets):
    policies = "routes: [{id: a, match: {path: '/{x}'}, auth: public, redirect: {to: 'https://h/{x}'}}]"
    assert {"a": Redirect(Template((b"https://h/", b""), (0,)), 308)} == targets(policies)


def test_a_route_may_answer_by_itself(targets):
    policies = "routes: [{id: a, match: {path: /a}, auth: public, respond: {status: 410, body: gone}}]"
    reply = targets(policies)["a"]
    assert (410, None, Body(b"text/plain; charset=utf-8", b"gone")) == (
        reply.status,
        reply.reason,
        reply.body,
    )


def test_policies_stand_in_their_order_and_know_their_lines(compiled):
    (route,) = compiled(
        gateway=HEAD + "limits: {body: 5B}\n",
        policies="""
        routes:
          - id: a
            match: {path: /a}
            auth: public
            upstream: pay
            limits: {body: 7B}
            clients: {deny: [10.0.0.0/8]}
            csrf: auto
        """,
    ).routes
    told = [(policy.name, policy.source.rpartition("/")[2]) for policy in route.pipeline.policies]
    assert [("clients", "a.yaml:7"), ("limits", "a.yaml:6"), ("csrf", "a.yaml:8")] == told
    assert (7, 7) == (route.pipeline.policies[1].limit, route.body_limit)


def test_a_body_limit_that_no_route_says_is_that_of_the_gateway(compiled):
    (route,) = compiled(gateway=HEAD + "limits:\n  body: 5B\n").routes
    length, *_ = route.pipeline.policies
    assert (5, 5, True) == (length.limit, route.body_limit, length.source.endswith("gateway.yaml:5"))


def test_equal_headers_policies_share_their_edits(compiled):
    routes = compiled(
        gateway=HEAD,
        policies="""
        headers: {mine: {preset: api, set: {A: b}}}
        defaults: {auth: public, upstream: pay}
        routes:
          - {id: by-name, match: {path: /a}, headers: mine}
          - {id: in-place, match: {path: /b}, headers: {preset: api, set: {A: b}}}
          - {id: preset, match: {path: /c}, headers: helmet}
          - {id: unsaid, match: {path: /d}}
        """,
    ).routes
    by_name, in_place, preset, unsaid = (route.edits[0] for route in routes)
    assert (True, True, False) == (by_name is in_place, preset is unsaid, by_name is preset)


def test_what_no_route_takes_has_the_global_defaults(compiled):
    snapshot = compiled(
        gateway=HEAD + "defaults: {headers: none, limits: {body: 1B}, clients: {deny: ['::1']}}\n"
    )
    unmatched, _ = snapshot.router.route(asked(b"/nowhere"))
    assert ("_unmatched", 404, 1, (), ()) == (
        unmatched.id,
        unmatched.target.status,
        unmatched.body_limit,
        unmatched.edits[0].set,
        unmatched.variables,
    )
    assert ["clients", "limits", "csrf"] == [policy.name for policy in unmatched.pipeline.policies]


def test_a_method_that_a_path_does_not_have_is_told_the_others(compiled):
    snapshot = compiled(
        gateway=HEAD,
        policies="routes: [{id: a, match: {path: /a, methods: [PUT]}, auth: public, upstream: pay}]",
    )
    refused, _ = snapshot.router.route(asked(b"/a", b"DELETE"))
    assert ("_method_not_allowed", 405) == (refused.id, refused.target.status)
    assert (b"Allow", b"PUT") in refused.target.fields


def test_policies_that_a_route_reports_are_on_trial(compiled):
    (route,) = compiled(
        gateway=HEAD,
        policies="""
        defaults: {auth: public, upstream: pay, clients: {deny: [192.0.2.0/24]}, report: [clients]}
        routes: [{id: a, match: {path: /a}}]
        """,
    ).routes
    exchange = Exchange(asked(b"/a"), b"0" * 32, ())
    assert [None, None, None] == [policy(exchange) for policy in route.pipeline.policies]
    assert (("clients", Reason.ADDRESS_DENIED),) == exchange.reported


DEMANDING = """
roles: {student: {permissions: ["courses:read"]}, educator: {inherits: [student]}}
defaults:
  auth: public
  upstream: pay
  allow: {permissions: ["courses:read"], roles: [educator], scopes: [a], when: "path.id == subject"}
routes: [{id: a, match: {path: "/a/{x}/{id}"}}]
"""


ISSUERS = """
issuers:
  azora-id:
    issuer: https://id.example
    secret: 0123456789abcdef0123456789abcdef
    algorithms: [HS256]
    audience: [a]
"""


@pytest.fixture
def demanding(compiled):
    """The Snapshot of texts whose routes all ask who somebody is, and take nobody for an answer."""

    def compile(gateway, policies):
        asking = policies.replace("auth: public", "auth: [azora-id, public]")
        return compiled(gateway=gateway + ISSUERS, policies=asking)

    return compile


@pytest.mark.parametrize(
    ("principal", "reason"),
    [
        pytest.param(None, Reason.NO_CREDENTIALS, id="nobody"),
        pytest.param(Principal("7", "id"), Reason.MISSING_PERMISSION, id="no permission"),
        pytest.param(Principal("7", "id", frozenset(["student"])), Reason.MISSING_ROLE, id="no role"),
        pytest.param(Principal("7", "id", frozenset(["educator"])), Reason.INSUFFICIENT_SCOPE, id="no scope"),
        pytest.param(
            Principal("8", "id", frozenset(["educator"]), frozenset("a")),
            Reason.CONDITION_FAILED,
            id="no match",
        ),
        pytest.param(Principal("7", "id", frozenset(["educator"]), frozenset("a")), None, id="everything"),
    ],
)
def test_a_demand_is_the_last_that_is_asked(demanding, principal, reason):
    (route,) = demanding(gateway=HEAD, policies=DEMANDING).routes
    *_, allow = route.pipeline.policies
    exchange = Exchange(asked(b"/a/x/7"), b"0" * 32, (b"x", b"7"))
    exchange.principal = principal
    verdict = allow(exchange)
    assert reason == (verdict and verdict.reason)
    assert ("allow", "a.yaml:5") == (allow.name, allow.source.rpartition("/")[2])


def test_a_public_route_leaves_the_demand_of_its_defaults(compiled):
    (route,) = compiled(gateway=HEAD, policies=DEMANDING).routes
    assert ["limits", "csrf"] == [policy.name for policy in route.pipeline.policies]


def test_a_demand_may_be_on_trial(demanding):
    policies = DEMANDING.replace("  upstream", "  report: [allow]\n  upstream")
    (route,) = demanding(gateway=HEAD, policies=policies).routes
    exchange = Exchange(asked(b"/a/x/7"), b"0" * 32, (b"x", b"7"))
    assert [None] * 4 == [policy(exchange) for policy in route.pipeline.policies]
    assert (("allow", Reason.NO_CREDENTIALS),) == exchange.reported


def test_who_asks_for_nothing_that_is_there_is_not_asked_who_he_is(demanding):
    snapshot = demanding(
        gateway=HEAD + 'defaults: {allow: {when: "path.id == subject"}}\n',
        policies="routes: [{id: a, match: {path: '/a/{id}', methods: [GET]}, auth: public, upstream: pay}]",
    )
    assert ["limits", "csrf", "auth", "allow"] == [
        policy.name for policy in snapshot.routes[0].pipeline.policies
    ]
    for request in (asked(b"/nowhere"), asked(b"/a/7", b"PUT")):
        route, _ = snapshot.router.route(request)
        assert ["limits", "csrf"] == [policy.name for policy in route.pipeline.policies]


CORS = """
cors: {web: {allow_origins: ["https://app.example"]}, all: {allow_origins: ["*"]}}
defaults: {auth: public, upstream: pay, cors: web}
routes:
"""


@pytest.mark.parametrize(
    ("keys", "policies"),
    [
        pytest.param("", ["Cors", "DeclaredLength", "Csrf"], id="a default"),
        pytest.param(", cors: all", ["Cors", "DeclaredLength", "Csrf"], id="a policy by name"),
        pytest.param(
            ', cors: {allow_origins: ["null"]}, clients: {deny: [10.0.0.0/8]}',
            ["Cors", "Clients", "DeclaredLength", "Csrf"],
            id="in place, ahead of all others",
        ),
        pytest.param(
            ", upgrade: [websocket]",
            ["Cors", "Handshakes", "DeclaredLength", "Csrf"],
            id="and handshakes",
        ),
        pytest.param(
            ", cors: all, upgrade: [websocket]",
            ["Cors", "DeclaredLength", "Csrf"],
            id="handshakes of everybody",
        ),
        pytest.param(", report: [cors]", ["Reported", "DeclaredLength", "Csrf"], id="on trial"),
    ],
)
def test_cors_comes_first(compiled, keys, policies):
    (route,) = compiled(gateway=HEAD, policies=f"{CORS}  - {{id: a, match: {{path: /a}}{keys}}}\n").routes
    assert policies == [type(policy).__name__ for policy in route.pipeline.policies]
    assert ("cors", "report" not in keys) == (route.pipeline.policies[0].name, route.answers_preflights)


@pytest.mark.parametrize(
    ("keys", "added", "removed"),
    [
        pytest.param("", [(b"Vary", b"Origin")], True, id="origins"),
        pytest.param(
            ", cors: all",
            [
                (b"Access-Control-Allow-Origin", b"*"),
                (
                    b"Access-Control-Expose-Headers",
                    b"RateLimit, RateLimit-Policy, Retry-After, X-Request-Id, traceresponse",
                ),
            ],
            True,
            id="all origins",
        ),
        pytest.param(", report: [cors]", [], False, id="on trial nothing changes"),
    ],
)
def test_what_cors_tells_everybody_joins_the_edits(compiled, keys, added, removed):
    (route,) = compiled(
        gateway=HEAD, policies=f"{CORS}  - {{id: a, match: {{path: /a}}, headers: none{keys}}}\n"
    ).routes
    sent = [(b"Vary", b"Accept"), (b"access-control-allow-origin", b"*"), (b"Access-Control-Max-Age", b"1")]
    for edits in route.edits:
        kept, block = edits.apply(sent)
        assert (tuple(added), sent[:1] if removed else sent) == (block.fields, kept)


def test_routes_share_a_cors_policy_and_what_it_learned(compiled):
    routes = compiled(
        gateway=HEAD,
        policies=f"{CORS}  - {{id: a, match: {{path: /a}}}}\n  - {{id: b, match: {{path: /b}}}}\n",
    ).routes
    one, other = routes
    assert one.pipeline.policies[0] is other.pipeline.policies[0]
    assert one.edits[0] is other.edits[0]
    assert one.pipeline.policies[0].source.endswith("policies/a.yaml:2")


def test_what_no_route_takes_has_the_cors_policy_of_the_global_defaults(compiled):
    snapshot = compiled(gateway=HEAD + 'defaults: {cors: {allow_origins: ["https://a.b"]}}\n')
    unmatched, _ = snapshot.router.route(asked(b"/nowhere"))
    assert ["cors", "limits", "csrf"] == [policy.name for policy in unmatched.pipeline.policies]
    assert ((b"Vary", b"Origin"),) == unmatched.edits[0].add
    assert unmatched.pipeline.policies[0].source.endswith("gateway.yaml:4")


@pytest.mark.parametrize(
    ("said", "refused"),
    [
        pytest.param("", True, id="unsaid"),
        pytest.param("csrf: auto", True, id="auto"),
        pytest.param('csrf: "off"', None, id="off"),
        pytest.param('csrf: {trusted: ["https://app.example"]}', False, id="a trusted origin"),
        pytest.param('csrf: {trusted: ["https://other.example"]}', True, id="another one is trusted"),
    ],
)
def test_what_another_site_sends_is_refused_unless_a_route_says_otherwise(compiled, said, refused):
    (route,) = compiled(
        gateway=HEAD,
        policies=f"routes:\n  - {{id: a, match: {{path: /a}}, auth: public, upstream: pay, {said}}}\n",
    ).routes
    exchange = Exchange(asked(b"/a", b"POST"), b"0" * 32, ())
    exchange.request.noted |= {b"cookie": b"a=b", b"origin": b"https://app.example"}
    verdicts = [policy(exchange) for policy in route.pipeline.policies if policy.name == "csrf"]
    assert [refused] * (refused is not None) == [verdict is not None for verdict in verdicts]


def test_a_reported_csrf_refuses_nobody(compiled):
    (route,) = compiled(
        gateway=HEAD,
        policies="routes: [{id: a, match: {path: /a}, auth: public, upstream: pay, report: [csrf]}]",
    ).routes
    exchange = Exchange(asked(b"/a", b"POST"), b"0" * 32, ())
    exchange.request.noted |= {b"cookie": b"a=b", b"sec-fetch-site": b"cross-site"}
    assert [None, None] == [policy(exchange) for policy in route.pipeline.policies]
    assert (("csrf", Reason.CROSS_SITE_REQUEST),) == exchange.reported


@pytest.mark.parametrize(
    ("defaults", "route", "compresses"),
    [
        pytest.param("{}", "", False, id="unsaid"),
        pytest.param("{}", "compress: true", True, id="said by the route"),
        pytest.param("{compress: true}", "", True, id="said by default"),
        pytest.param("{compress: true}", "compress: false", False, id="not by this route"),
    ],
)
def test_a_route_compresses_where_it_says_so(compiled, defaults, route, compresses):
    snapshot = compiled(
        gateway=HEAD + f"defaults: {defaults}\n",
        policies=f"routes:\n  - {{id: a, match: {{path: /a}}, auth: public, upstream: pay, {route}}}\n",
    )
    (made,) = snapshot.routes
    assert compresses == ("compress" == made.pipeline.policies[-1].name)
    assert 2 * [compresses] == [
        (b"Vary", b"Accept-Encoding") in edits.block(0, 200).fields for edits in made.edits
    ]
    assert 2 * [compresses] == [edits.table[b"etag"] is not None for edits in made.edits]


def test_our_own_answers_depend_on_what_the_defaults_say(compiled):
    snapshot = compiled(gateway=HEAD + "defaults: {compress: true}\n")
    unmatched, _ = snapshot.router.route(asked(b"/nowhere"))
    assert (b"Vary", b"Accept-Encoding") in unmatched.edits[0].block(0, 404).fields


def test_routes_that_compress_share_their_edits_with_their_like_alone(compiled):
    routes = compiled(
        gateway=HEAD,
        policies="""
        defaults: {auth: public, upstream: pay}
        routes:
          - {id: a, match: {path: /a}, compress: true}
          - {id: b, match: {path: /b}, compress: true}
          - {id: c, match: {path: /c}}
        """,
    ).routes
    first, second, third = (route.edits[0] for route in routes)
    assert (True, False) == (first is second, first is third)
