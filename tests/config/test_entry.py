import pytest

HEAD = """
version: 1
upstreams: {pay: {endpoints: ["http://h"]}, mint: {endpoints: ["http://h"]}}
policies: [policies]
"""


def told(lines):
    return [line.removeprefix("policies/").partition(" ")[2] for line in lines]


@pytest.mark.parametrize(
    ("routes", "problems"),
    [
        pytest.param(
            "- {id: a, match: {path: /a}, upstream: pay}",
            [
                'routes[0]: expected the key "auth", here or in the defaults: '
                "an open route says `auth: public`"
            ],
            id="no word on auth",
        ),
        pytest.param(
            "- {id: a, match: {path: /a}, auth: public}",
            ["routes[0]: expected one of upstream, redirect, respond, here or by default"],
            id="nowhere to go",
        ),
        pytest.param(
            "- {id: a, match: {path: /a}, auth: public, upstream: pay, respond: {body: x}}",
            ["routes[0].respond: expected one of upstream, redirect, respond, got 2"],
            id="two places to go",
        ),
        pytest.param(
            "- {id: a, match: {path: /a}, auth: public, respond: {}, upgrade: [websocket]}",
            ["routes[0].upgrade: expected no upgrade without an upstream"],
            id="an upgrade of our own answer",
        ),
        pytest.param(
            "- {id: a, match: {path: /a}, auth: public, respond: {}, slo: {availability: 99%}}",
            ["routes[0].slo: expected no slo without an upstream"],
            id="a promise about our own answer",
        ),
        pytest.param(
            "- {id: a, match: {path: '/{x...}/y'}, auth: public, upstream: pay}",
            ['routes[0].match.path: expected {name...} as the last segment only, got "/{x...}/y"'],
            id="a path that is no template",
        ),
        pytest.param(
            "- {id: a, match: {path: '/{x}'}, rewrite: {path: '/{y}'}, auth: public, upstream: pay}",
            ["routes[0].rewrite.path: expected one of the path's variables, got {y}"],
            id="a rewrite with a variable of no path",
        ),
        pytest.param(
            "- {id: a, match: {path: /a}, rewrite: {path: '/v2?x=1'}, auth: public, upstream: pay}",
            ["routes[0].rewrite.path: expected a path without ? and #"],
            id="a rewrite with a query",
        ),
        pytest.param(
            "- {id: a, match: {path: '/{x}'}, redirect: {to: 'x'}, auth: public}",
            [
                'routes[0].redirect.to: expected a path that begins with one "/", '
                'or a URL with its host, got "x"'
            ],
            id="a redirection to no place",
        ),
        pytest.param(
            "- {id: a, match: {path: '/{x}'}, upstream: pay, auth: public}\n"
            "  - {id: b, match: {path: '/{y}/'}, upstream: pay, auth: public}",
            [
                'routes[1].match: expected a match of its own, but "b" has the same match as "a" '
                "(policies/a.yaml:2)"
            ],
            id="two routes with one match",
        ),
        pytest.param(
            "- {id: a, match: {path: /}, upstream: pay, auth: public}\n"
            "  - {id: b, match: {path: '/{x}/{rest...}'}, upstream: pay, auth: public}\n"
            "  - {id: c, match: {path: '/{rest...}'}, upstream: pay, auth: public}",
            ['routes[2].match: expected a match of its own, but "c" is shadowed by "b" (policies/a.yaml:3)'],
            id="a route that others leave nothing",
        ),
    ],
)
def test_a_route_that_cannot_be_meant_is_told(report, routes, problems):
    assert problems == told(report(gateway=HEAD, policies=f"routes:\n  {routes}\n"))


def test_two_files_may_not_have_one_match(report):
    route = "routes:\n  - {{id: {0}, match: {{path: /x}}, upstream: pay, auth: public}}\n"
    assert [
        "policies/b.yaml:2:20: routes[0].match: expected a match of its own, "
        'but "b" has the same match as "a" (policies/a.yaml:2)'
    ] == report(gateway=HEAD, policies=route.format("a"), b=route.format("b"))


@pytest.mark.parametrize(
    ("globally", "by_file", "by_route", "limit", "line"),
    [
        pytest.param(1, None, None, 1, "gateway.yaml:5", id="the global default, where nobody else speaks"),
        pytest.param(1, 2, None, 2, "policies/a.yaml:3", id="the file's default before the global one"),
        pytest.param(1, 2, 3, 3, "policies/a.yaml:5", id="the route's own before both"),
        pytest.param(None, None, 3, 3, "policies/a.yaml:5", id="the route's own alone"),
    ],
)
def test_a_key_comes_from_the_nearest_that_says_it(specs, globally, by_file, by_route, limit, line):
    def said(size):
        return f"limits: {{body: {size}B}}" if size else "prefix: /p"

    route = f"{{id: a, match: {{path: /a}}, upstream: pay, {said(by_route)}}}"
    entry = specs(
        gateway=f"{HEAD}defaults:\n  {said(globally)}\n",
        policies=f"defaults:\n  auth: public\n  {said(by_file)}\nroutes:\n  - {route}\n",
    ).entries[0]
    assert (limit, True) == (entry.spec.limits.body, entry.sources["limits"].endswith(line))


def test_a_default_is_replaced_whole(specs):
    entry = specs(
        gateway=HEAD,
        policies="""
        defaults: {auth: public, upstream: pay, timeouts: {response: 1s, idle: 2s}}
        routes: [{id: a, match: {path: /a}, timeouts: {response: 3s}}]
        """,
    ).entries[0]
    assert (3.0, None) == (entry.spec.timeouts.response, entry.spec.timeouts.idle)


def test_a_redirection_leaves_the_upstream_of_the_defaults(specs):
    entry = specs(
        gateway=HEAD,
        policies="""
        defaults: {auth: public, upstream: pay, prefix: /p}
        routes: [{id: a, match: {path: /a, headers: {X-Api: "2"}}, redirect: {to: /b}}]
        """,
    ).entries[0]
    assert (None, "/p/a", ((b"x-api", b"2"),)) == (entry.spec.upstream, entry.match.path, entry.match.headers)


CORS = """
cors: {one: {allow_origins: ["https://a.b"]}, two: {allow_origins: ["https://a.b"]}}
defaults: {auth: public, upstream: pay}
routes:
"""
MISTAKE = 'expected the same cors as "a" (policies/a.yaml:4), as no preflight has the fields that differ'


@pytest.mark.parametrize(
    ("one", "other", "problems"),
    [
        pytest.param(
            "match: {path: /a, headers: {X-Api: '1'}}, cors: one",
            "match: {path: /a}, cors: two",
            [f"policies/a.yaml:5:38: routes[1].cors: {MISTAKE}"],
            id="two policies",
        ),
        pytest.param(
            "match: {path: /a, headers: {X-Api: '1'}}, cors: one",
            "match: {path: /a}",
            [f"policies/a.yaml:5:20: routes[1].match: {MISTAKE}"],
            id="one that is missing",
        ),
        pytest.param(
            "match: {path: /a}, cors: one",
            "match: {path: /a, headers: {X-Api: '1'}}, cors: one, report: [cors]",
            [f"policies/a.yaml:5:61: routes[1].cors: {MISTAKE}"],
            id="one that is on trial",
        ),
        pytest.param(
            "match: {path: '/{x}', methods: [GET, PUT], headers: {X-Api: '1'}}, cors: one",
            "match: {path: '/{y}', methods: [PUT], headers: {X-Api: '2'}}, cors: two",
            [f"policies/a.yaml:5:81: routes[1].cors: {MISTAKE}"],
            id="for a method that both have",
        ),
        pytest.param(
            "match: {path: /a, methods: [GET], headers: {X-Api: '1'}}, cors: one",
            "match: {path: /a, methods: [PUT]}, cors: two",
            [],
            id="a preflight tells methods apart",
        ),
        pytest.param(
            "match: {path: /a, host: a.b, headers: {X-Api: '1'}}, cors: one",
            "match: {path: /a}, cors: two",
            [],
            id="and hosts",
        ),
        pytest.param(
            "match: {path: /a, headers: {X-Api: '1'}}, cors: one",
            "match: {path: /a}, cors: one",
            [],
            id="the same policy",
        ),
        pytest.param("match: {path: /a, headers: {X-Api: '1'}}", "match: {path: /a}", [], id="none at all"),
    ],
)
def test_routes_that_a_preflight_cannot_tell_apart_have_one_cors_policy(report, one, other, problems):
    """Otherwise what one of them grants would let a script write to the other."""
    assert problems == report(gateway=HEAD, policies=f"{CORS}  - {{id: a, {one}}}\n  - {{id: b, {other}}}\n")
