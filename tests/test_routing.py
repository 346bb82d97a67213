"""Which Route a request takes: sentence by sentence, then beside a router that is obviously right."""

import re
import sys
from dataclasses import replace
from itertools import product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway import build
from gateway.http.edits import Block, Edits
from gateway.http.reason import Reason
from gateway.http.reply import problem
from gateway.http.request import Request
from gateway.policy import Pipeline
from gateway.routing import Forward, Match, Route, Router, conflicts, template, variables

_REFUSAL = problem(404, Reason.NO_ROUTE, "There is nothing here.")
_EDITS = Edits((), (), ())
V1 = (b"x-version", b"1")
BETA = (b"x-beta", b"yes")


def _route(name: str, names: tuple[str, ...] = ()) -> Route:
    return Route(name, "test.yaml:1", "", (), names, False, Pipeline(()), (_EDITS, _EDITS), 0, _REFUSAL)


def _request(path: str, method="GET", host="api.example", noted=(), fields=()) -> Request:
    return Request(
        method.encode(),
        host.encode(),
        path.encode(),
        b"",
        [b"%b: %b" % field for field in fields],
        dict(noted),
        0,
        "192.0.2.1",
        False,
        Block(()),
    )


def _router(matches: list[Match]) -> Router:
    """Every route is called as its match reads, those of 404 and 405 by their status."""
    return Router(
        [(match, _route(_name(match), variables(match.path))) for match in matches],
        _route("404"),
        lambda allow: _route(f"405 {allow.decode()}"),
    )


def _name(match: Match) -> str:
    headers = [f"{name.decode()}={value.decode()}" for name, value in match.headers]
    return " ".join([*match.methods, *headers, (match.host or "") + match.path])


def _match(path: str, *methods: str, host: str | None = None, headers=()) -> Match:
    return Match(host, path, methods, tuple(headers))


def _taken(matches: list[Match], request: Request) -> tuple[str, tuple[bytes, ...]]:
    route, captures = _router(matches).route(request)
    return route.id, captures


@pytest.mark.parametrize(
    ("path", "prefix", "expected"),
    [
        pytest.param("/charges/7", b"", b"/charges/7", id="without a prefix"),
        pytest.param("/api/pay/charges/7", b"/api/pay", b"/charges/7", id="a prefix is taken away"),
        pytest.param("/api/pay/", b"/api/pay", b"/", id="the slash behind it stays"),
        pytest.param("/api/pay", b"/api/pay", b"/", id="a path is never empty"),
    ],
)
def test_prefix_is_taken_from_the_path(path, prefix, expected):
    target = Forward("backend", prefix, None, (), frozenset(), 30.0, 60.0)
    assert expected == target.path(_request(path), ())


def test_rewrite_replaces_the_whole_path():
    """What the variables caught goes in as it came."""
    rewrite = template("/v2/{item}/of/{rest...}", variables("/items/{item}/{rest...}"))
    target = Forward("backend", b"/api", rewrite, (), frozenset(), 30.0, 60.0)
    assert b"/v2/a%20b/of/c/d" == target.path(_request("/api/items/a%20b/c/d"), (b"a%20b", b"c/d"))


@pytest.mark.parametrize(
    ("paths", "path", "expected", "captures"),
    [
        pytest.param(["/a/b"], "/a/b", "/a/b", [], id="a literal path"),
        pytest.param(["/a/b"], "/a/b/", "/a/b", [], id="with a trailing slash"),
        pytest.param(["/a/b/"], "/a/b", "/a/b/", [], id="a template with a slash, a path without"),
        pytest.param(["/"], "/", "/", [], id="the root"),
        pytest.param(["/a"], "/A", "404", [], id="case is significant"),
        pytest.param(["/public"], "/publicadmin", "404", [], id="a literal ends where its segment ends"),
        pytest.param(["/a"], "/a/b", "404", [], id="a literal is no prefix"),
        pytest.param([], "/", "404", [], id="no routes at all"),
        pytest.param(["/a/{x}"], "/a/b", "/a/{x}", [b"b"], id="one segment"),
        pytest.param(["/a/{x}"], "/a/b/", "/a/{x}", [b"b"], id="one segment with a trailing slash"),
        pytest.param(["/a/{x}"], "/a/", "404", [], id="one segment is not none"),
        pytest.param(["/a/{x}"], "/a/b/c", "404", [], id="one segment is not two"),
        pytest.param(["/{x}"], "/", "404", [], id="the root has no segment"),
        pytest.param(
            ["/{x}/b/{y}"], "/1/b/%2B", "/{x}/b/{y}", [b"1", b"%2B"], id="captures are raw and in order"
        ),
        pytest.param(["/a/{r...}"], "/a/b/c", "/a/{r...}", [b"b/c"], id="the rest"),
        pytest.param(["/a/{r...}"], "/a/b/c/", "/a/{r...}", [b"b/c/"], id="the rest with its trailing slash"),
        pytest.param(["/a/{r...}"], "/a/", "/a/{r...}", [b""], id="an empty rest behind a slash"),
        pytest.param(["/a/{r...}"], "/a", "/a/{r...}", [b""], id="an empty rest without a slash"),
        pytest.param(["/{r...}"], "/", "/{r...}", [b""], id="an empty rest at the root"),
        pytest.param(["/{x}/{r...}"], "/a/b/c", "/{x}/{r...}", [b"a", b"b/c"], id="a segment and the rest"),
        pytest.param(["/{r...}"], "*", "404", [], id="an asterisk is no path"),
        pytest.param(["/a/{x}", "/a/b"], "/a/b", "/a/b", [], id="literal before {name}"),
        pytest.param(["/a/{r...}", "/a/{x}"], "/a/b", "/a/{x}", [b"b"], id="{name} before {name...}"),
        pytest.param(["/a/{r...}", "/a"], "/a/", "/a", [], id="the path itself before an empty rest"),
        pytest.param(["/{x}/b", "/a/{y}"], "/a/b", "/a/{y}", [b"b"], id="the first segment decides first"),
        pytest.param(["/a/{x}/d", "/a/b/c"], "/a/b/d", "/a/{x}/d", [b"b"], id="back from a literal"),
        pytest.param(
            ["/{x}/{y}/c", "/a/{y}/d"], "/a/b/c", "/{x}/{y}/c", [b"a", b"b"], id="back over two segments"
        ),
        pytest.param(
            ["/a/{r...}", "/a/{x}/c", "/a/b/d"],
            "/a/b/e",
            "/a/{r...}",
            [b"b/e"],
            id="back to the nearest rest",
        ),
        pytest.param(
            ["/{r...}", "/a/{x}/{s...}", "/a/b/c"],
            "/a/b/d/e",
            "/a/{x}/{s...}",
            [b"b", b"d/e"],
            id="the deeper rest",
        ),
    ],
)
def test_the_path_decides_segment_by_segment(paths, path, expected, captures):
    assert (expected, tuple(captures)) == _taken([_match(template) for template in paths], _request(path))


ALL = [
    _match("/a"),
    _match("/a", host="*.example"),
    _match("/a", host="*.b.example"),
    _match("/a", host="a.b.example"),
]


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        pytest.param("a.b.example", "a.b.example/a", id="the exact host"),
        pytest.param("A.B.Example", "a.b.example/a", id="case is ignored"),
        pytest.param("a.b.example:8443", "a.b.example/a", id="the port is ignored"),
        pytest.param("a.b.example.:8443", "a.b.example/a", id="a dot at the end is ignored"),
        pytest.param("c.b.example", "*.b.example/a", id="the longest suffix"),
        pytest.param("d.c.b.example", "*.b.example/a", id="a suffix holds several labels"),
        pytest.param("b.example", "*.example/a", id="a suffix wants at least one label"),
        pytest.param("example", "/a", id="a bare suffix is not held by it"),
        pytest.param("xb.example", "*.example/a", id="a suffix begins with a label"),
        pytest.param("other", "/a", id="every other host"),
        pytest.param("[2001:db8::1]:80", "/a", id="an IPv6 literal"),
        pytest.param("", "/a", id="no host"),
        pytest.param("x." * 4000 + "example", "/a", id="a host longer than a name can be"),
    ],
)
def test_the_host_picks_one_table(host, expected):
    assert (expected, ()) == _taken(ALL, _request("/a", host=host))


def test_an_ipv6_literal_is_a_host():
    matches = [_match("/a", host="[2001:db8::1]")]
    assert [("[2001:db8::1]/a", ())] * 2 == [
        _taken(matches, _request("/a", host=host)) for host in ("[2001:db8::1]", "[2001:DB8::1]:8080")
    ]


@pytest.mark.parametrize(
    ("matches", "path", "expected"),
    [
        pytest.param(
            [_match("/a"), _match("/b", host="x.example")],
            "/a",
            "/a",
            id="a route without host is in every table",
        ),
        pytest.param([_match("/b", host="*.example")], "/b", "*.example/b", id="so is that of a suffix"),
        pytest.param([_match("/b", host="other.example")], "/b", "404", id="a route of another host is not"),
        pytest.param(
            [_match("/a"), _match("/{x}", host="x.example")],
            "/a",
            "/a",
            id="the path decides before the host",
        ),
        pytest.param(
            [_match("/{y}"), _match("/{x}", host="x.example")],
            "/a",
            "x.example/{x}",
            id="on equal paths the exacter host wins",
        ),
        pytest.param(
            [_match("/{x}/b"), _match("/{r...}", host="x.example")],
            "/a/b",
            "/{x}/b",
            id="a segment before the rest of a host",
        ),
    ],
)
def test_the_path_decides_before_the_host(matches, path, expected):
    assert expected == _taken(matches, _request(path, host="x.example"))[0]


GET, PUT, ANY = _match("/a", "GET"), _match("/a", "PUT"), _match("/a")


@pytest.mark.parametrize(
    ("matches", "method", "expected"),
    [
        pytest.param([ANY], "BREW", "/a", id="no methods are all methods"),
        pytest.param([GET, PUT], "PUT", "PUT /a", id="routes of one path share it by method"),
        pytest.param([GET, PUT], "POST", "405 GET, HEAD, PUT", id="a method that none lists"),
        pytest.param([PUT], "GET", "405 PUT", id="HEAD is allowed only with GET"),
        pytest.param([GET], "get", "405 GET, HEAD", id="case of methods is significant"),
        pytest.param([GET], "HEAD", "GET /a", id="GET admits HEAD"),
        pytest.param([GET, _match("/a", "HEAD")], "HEAD", "HEAD /a", id="unless another route lists HEAD"),
        pytest.param([GET, ANY], "HEAD", "GET /a", id="GET admits HEAD before a route for all"),
        pytest.param([GET, ANY], "POST", "/a", id="a route for all takes what is left"),
        pytest.param([GET], "OPTIONS", "405 GET, HEAD", id="a plain OPTIONS is a method"),
        pytest.param([_match("/a", "OPTIONS")], "OPTIONS", "OPTIONS /a", id="a plain OPTIONS that is listed"),
        pytest.param([GET, _match("/{x}")], "POST", "405 GET, HEAD", id="405 never falls to a wider path"),
        pytest.param([GET, _match("/{r...}", "POST")], "POST", "405 GET, HEAD", id="nor to the rest"),
        pytest.param(
            [_match("/a", "GET", host="api.example"), _match("/a", "POST")],
            "POST",
            "405 GET, HEAD",
            id="nor to a wider host",
        ),
        pytest.param(
            [_match("/a", "PUT", "GET", "DELETE")], "POST", "405 DELETE, GET, HEAD, PUT", id="Allow is sorted"
        ),
    ],
)
def test_the_method_chooses_on_one_path(matches, method, expected):
    assert (expected, ()) == _taken(matches, _request("/a", method))


PREFLIGHT = {b"origin": b"https://app.example", b"access-control-request-method": b"PUT"}


@pytest.mark.parametrize(
    ("noted", "expected"),
    [
        pytest.param(PREFLIGHT, "PUT /a", id="a preflight takes the route it asks for"),
        pytest.param(
            {**PREFLIGHT, b"access-control-request-method": b"POST"},
            "405 GET, HEAD, OPTIONS, PUT",
            id="or its 405",
        ),
        pytest.param({b"origin": b"https://app.example"}, "OPTIONS /a", id="without a method it is none"),
        pytest.param(
            {b"access-control-request-method": b"PUT"}, "OPTIONS /a", id="without Origin it is none"
        ),
    ],
)
def test_a_preflight_is_routed_by_the_method_it_asks_for(noted, expected):
    matches = [GET, PUT, _match("/a", "OPTIONS")]
    assert (expected, ()) == _taken(matches, _request("/a", "OPTIONS", noted=noted))


def test_only_options_is_a_preflight():
    assert ("GET /a", ()) == _taken([GET, PUT], _request("/a", "GET", noted=PREFLIGHT))


@pytest.mark.parametrize(
    ("matches", "fields", "expected"),
    [
        pytest.param(
            [_match("/a", headers=[V1]), ANY], [(b"X-Version", b"1 ")], "x-version=1 /a", id="a field fits"
        ),
        pytest.param(
            [_match("/a", headers=[V1]), ANY], [(b"X-Version", b"2")], "/a", id="another value does not"
        ),
        pytest.param([_match("/a", headers=[V1]), ANY], [], "/a", id="an absent field does not"),
        pytest.param(
            [_match("/a", headers=[V1]), ANY],
            [(b"X-Version", b"1"), (b"x-version", b"2")],
            "/a",
            id="all its lines count",
        ),
        pytest.param(
            [_match("/a", headers=[V1]), _match("/a", headers=[V1, BETA])],
            [(b"x-beta", b"yes"), (b"x-version", b"1")],
            "x-version=1 x-beta=yes /a",
            id="more fields come first",
        ),
        pytest.param(
            [_match("/a", headers=[V1]), _match("/a", headers=[BETA])],
            [(b"x-version", b"1"), (b"x-beta", b"yes")],
            "x-beta=yes /a",
            id="equally many come by name",
        ),
        pytest.param(
            [_match("/a", headers=[V1]), _match("/{x}")], [], "404", id="none fits: never a wider route"
        ),
        pytest.param(
            [_match("/a", "GET", headers=[V1]), _match("/a", headers=[V1])],
            [(b"x-version", b"1")],
            "GET x-version=1 /a",
            id="a listed method before all methods",
        ),
        pytest.param(
            [_match("/a", "GET"), _match("/a", headers=[V1])],
            [(b"x-version", b"1")],
            "x-version=1 /a",
            id="fields before a listed method",
        ),
    ],
)
def test_fields_choose_on_one_path_and_method(matches, fields, expected):
    assert (expected, ()) == _taken(matches, _request("/a", fields=fields))


@pytest.mark.parametrize(
    ("answers", "noted", "expected"),
    [
        pytest.param(True, PREFLIGHT, "x-version=1 /a", id="a preflight has none of the fields"),
        pytest.param(False, PREFLIGHT, "404", id="one that the backend answers has to have them"),
        pytest.param(True, {}, "404", id="so does a plain OPTIONS"),
    ],
)
def test_a_preflight_finds_a_route_that_asks_for_fields(answers, noted, expected):
    match = _match("/a", headers=[V1])
    route = replace(_route(_name(match)), answers_preflights=answers)
    router = Router([(match, route)], _route("404"), lambda allow: _route("405"))
    found, _ = router.route(_request("/a", "OPTIONS", noted=noted))
    assert expected == found.id


def test_a_noted_field_is_a_condition_too():
    match = _match("/a", headers=[(b"accept", b"text/csv")])
    noted = {b"accept": b"text/csv"}
    assert (_name(match), ()) == _taken(
        [match], _request("/a", noted=noted, fields=[(b"Accept", b"text/csv")])
    )


def test_a_405_route_is_made_once_for_a_set_of_methods():
    made: list[bytes] = []

    def refuse(allow: bytes) -> Route:
        made.append(allow)
        return _route("405")

    matches = [
        _match("/a", "GET"),
        _match("/b", "GET"),
        _match("/c", "PUT", "GET"),
        _match("/d", "GET", "PUT"),
    ]
    Router([(match, _route("")) for match in matches], _route("404"), refuse)
    assert [b"GET, HEAD", b"GET, HEAD, PUT"] == made


def test_a_host_is_found_however_many_were_asked_for():
    router = _router(ALL)
    for number in range(5000):
        router.route(_request("/a", host=f"h{number}.invalid"))
    assert "a.b.example/a" == router.route(_request("/a", host="a.b.example"))[0].id


# Eight segments, each a literal or a variable, in every combination.
_EVERY_WAY = [
    "/" + "/".join(text.format(place) for place, text in enumerate(texts)) + "/end"
    for texts in product(["a", "{{v{}}}"], repeat=8)
]


@pytest.mark.skipif(build() == "compiled", reason="a compiled walk calls nothing that can be counted")
@pytest.mark.parametrize(
    ("templates", "path", "steps"),
    [
        pytest.param(["/{x}/{y}/c"], "/a" * 4000, 4, id="a long path costs what the templates are deep"),
        pytest.param(
            _EVERY_WAY, "/a" * 8 + "/no", 511, id="a walk that turns back everywhere sees a node once"
        ),
    ],
)
def test_a_walk_is_bounded(templates, path, steps):
    router = _router([_match(template) for template in templates])
    request = _request(path)
    looked_up = 0

    def count(_frame, event, function):
        nonlocal looked_up
        looked_up += event == "c_call" and function.__name__ == "get"

    sys.setprofile(count)
    try:
        route, _ = router.route(request)
    finally:
        sys.setprofile(None)
    assert "404" == route.id
    assert steps >= looked_up > 0


_segments = st.lists(st.sampled_from(["a", "b", "{}"]), max_size=4)
_templates = st.tuples(_segments, st.booleans()).map(
    lambda drawn: "/" + "/".join([
        *(f"{{v{place}}}" if text == "{}" else text for place, text in enumerate(drawn[0])),
        *(["{rest...}"] if drawn[1] else []),
    ])
)  # fmt: skip
_matches = st.builds(
    Match,
    st.sampled_from([None, None, "*.example", "*.b.example", "a.b.example", "c.example"]),
    _templates,
    st.sets(st.sampled_from(["GET", "HEAD", "PUT"])).map(lambda methods: tuple(sorted(methods))),
    st.sets(st.sampled_from([V1, BETA])).map(lambda headers: tuple(sorted(headers))),
)
_requests = st.builds(
    _request,
    st.tuples(st.lists(st.sampled_from("abc"), max_size=5), st.booleans()).map(
        lambda drawn: "/" + "/".join(drawn[0]) + ("/" if drawn[0] and drawn[1] else "")
    ),
    st.sampled_from(["GET", "HEAD", "PUT", "OPTIONS"]),
    st.sampled_from(["a.b.example", "A.b.Example:80", "c.example", "b.example", "x.b.example", "other", ""]),
    st.sampled_from([{}, PREFLIGHT]),
    st.sets(st.sampled_from([V1, BETA, (b"X-Version", b"2")])),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(_matches, max_size=12), st.lists(_requests, min_size=1, max_size=6), st.randoms())
def test_the_router_is_the_obvious_one_whatever_the_order(drawn, requests, random):
    matches = _without_twins(drawn)
    assert [] == [text for _, _, text in conflicts([(match, 0) for match in matches]) if "same" in text]
    expected = [_obviously(matches, request) for request in requests]
    random.shuffle(matches)
    router = _router(matches)
    assert expected == [(route.id, captures) for route, captures in map(router.route, requests)]


@settings(max_examples=300, deadline=None)
@given(st.lists(_matches, max_size=12), _requests)
def test_a_shadowed_route_is_never_taken(drawn, request_):
    matches = _without_twins(drawn)
    shadowed = {name for name, _, _ in conflicts([(match, _name(match)) for match in matches])}
    assert _taken(matches, request_)[0] not in shadowed


def _without_twins(matches: list[Match]) -> list[Match]:
    """The matches without those that the ones before leave undecided."""
    seen: set[tuple[object, ...]] = set()
    kept = []
    for match in matches:
        keys = {(match.host, match.path, match.headers, method) for method in match.methods or ("",)}
        if not keys & seen:
            seen |= keys
            kept.append(match)
    return kept


def _obviously(matches: list[Match], request: Request) -> tuple[str, tuple[bytes, ...]]:
    """Every sentence of the contract as a filter over all routes."""
    path, host = request.path.decode(), request.authority.decode().lower().partition(":")[0]
    fitting = [
        match for match in matches if _holds(match.host, host) and _captured(match.path, path) is not None
    ]
    if not fitting:
        return "404", ()
    fitting.sort(key=lambda match: (_exactness(match.path), -_host_exactness(match.host)))
    owners = [m for m in fitting if (m.host, m.path) == (fitting[0].host, fitting[0].path)]
    captures = _captured(fitting[0].path, path) or ()
    method = request.method.decode()
    if method == "OPTIONS" and b"origin" in request.noted:
        method = request.noted[b"access-control-request-method"].decode()
    listed = {name for match in owners for name in match.methods}
    if method == "HEAD" and "HEAD" not in listed and "GET" in listed:
        method = "GET"
    admitted = [match for match in owners if not match.methods or method in match.methods]
    if not admitted:
        return "405 " + ", ".join(sorted(listed | ({"HEAD"} if "GET" in listed else set()))), ()
    lines = [(name.lower(), value) for name, value in request.fields]
    admitted = [
        m for m in admitted if all([v for n, v in lines if n == name] == [value] for name, value in m.headers)
    ]
    if not admitted:
        return "404", ()
    admitted.sort(key=lambda match: (-len(match.headers), match.headers, match.methods == ()))
    return _name(admitted[0]), captures


def _holds(pattern: str | None, host: str) -> bool:
    if pattern is None or pattern == host:
        return True
    return pattern.startswith("*") and host.endswith(pattern[1:]) and len(host) > len(pattern) - 1


def _captured(template: str, path: str) -> tuple[bytes, ...] | None:
    pattern = re.sub(r"/\{rest\.\.\.\}$", "(?:/(.*))?", template)
    pattern = re.sub(r"\{v\d\}", "([^/]+)", pattern)
    found = re.fullmatch(pattern.removesuffix("/") + "/?", path)
    return None if found is None else tuple((text or "").encode() for text in found.groups())


def _exactness(template: str) -> list[int]:
    return [2 if text == "{rest...}" else 1 if text[0] == "{" else 0 for text in template.split("/") if text]


def _host_exactness(pattern: str | None) -> int:
    if pattern is None:
        return 0
    return len(pattern) if pattern.startswith("*") else 1000
