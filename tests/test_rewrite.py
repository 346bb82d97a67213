"""Heads for both sides, from an exchange and its route."""

import pytest

from gateway.http.edits import Block
from gateway.http.fields import field_of
from gateway.http.request import Request
from gateway.http.response import Response
from gateway.policy import Exchange
from gateway.rewrite import client_lines, upstream_head
from gateway.routing import Forward

ID = b"0123456789abcdef" * 2
VIA = b"1.1 gateway-0"
TRACE = b"traceparent: 00-1-2-03\r\n"
FORWARDING = Block(((b"X-Forwarded-For", b"192.0.2.7"), (b"X-Real-IP", b"192.0.2.7")))


@pytest.fixture
def exchange():
    """Makes the exchange of a request that differs from a plain GET only in what is given."""

    def make(*, method=b"GET", path=b"/", query=b"", fields=(), captures=(), **noted):
        names = {name.replace("_", "-").encode(): value for name, value in noted.items()}
        request = Request(
            method=method,
            authority=b"a.example",
            path=path,
            query=query,
            lines=[b"%b: %b" % field for field in fields],
            noted=names,
            length=0,
            client="192.0.2.7",
            secure=False,
            forwarding=FORWARDING,
        )
        return Exchange(request, ID, captures)

    return make


@pytest.fixture
def target():
    """Makes the target of a route that changes nothing but what is given."""

    def make(*, prefix=b"", set_fields=(), remove_fields=()):
        return Forward("backend", prefix, None, set_fields, frozenset(remove_fields), 30.0, 60.0)

    return make


def test_request_head_is_written_in_one_order(exchange, target):
    """Request line, Host, the client's fields, the policies', the route's, ours, framing."""
    asking = exchange(
        method=b"PUT",
        path=b"/api/x",
        query=b"?a=1&a=2",
        fields=[(b"Accept", b"*/*"), (b"X-Debug", b"1"), (b"Authorization", b"Bearer x"), (b"x-a", b"2")],
    )
    asking.upstream_fields = ((b"X-Auth-Subject", b"thandi"),)
    asking.hidden = (b"authorization",)
    route = target(
        prefix=b"/api", set_fields=((b"X-Channel", b"web"),), remove_fields=(b"x-debug", b"x-channel")
    )
    head = upstream_head(asking, route, b"pay.internal", VIA, TRACE, b"Content-Length: 2\r\n")
    assert [
        b"PUT /x?a=1&a=2 HTTP/1.1",
        b"Host: pay.internal",
        b"Accept: */*",
        b"x-a: 2",
        b"X-Auth-Subject: thandi",
        b"X-Channel: web",
        b"X-Forwarded-Prefix: /api",
        b"X-Forwarded-For: 192.0.2.7",
        b"X-Real-IP: 192.0.2.7",
        b"traceparent: 00-1-2-03",
        b"X-Request-Id: " + ID,
        b"Via: 1.1 gateway-0",
        b"Content-Length: 2",
        b"",
        b"",
    ] == head.split(b"\r\n")


def test_via_grows_by_one_on_each_side(exchange, target):
    asking = exchange(via=b"1.0 edge")
    head = upstream_head(asking, target(), b"a.example", VIA, TRACE, b"")
    lines = client_lines(Response(200, [], {b"via": b"1.1 cache"}, 0, 0), asking, target(), VIA)
    assert b"Via: 1.0 edge, 1.1 gateway-0" in head.split(b"\r\n")
    assert [b"X-Request-Id: " + ID, b"Via: 1.1 cache, 1.1 gateway-0"] == b"\r\n".join(lines).split(b"\r\n")


def test_response_has_what_passes_and_then_our_fields(exchange, target):
    """What policies add joins behind the backend's fields, where no headers policy takes it away."""
    asking = exchange()
    asking.response_fields = ((b"RateLimit", b"9"),)
    response = Response(200, [b"X-Default:theirs", b"X-A: 1"], {}, 2, 0)
    lines = b"\r\n".join(client_lines(response, asking, target(), VIA)).split(b"\r\n")
    assert [b"X-Default:theirs", b"X-A: 1", b"RateLimit: 9", b"X-Request-Id: " + ID, b"Via: " + VIA] == lines


@pytest.mark.parametrize(
    ("location", "expected"),
    [
        pytest.param(b"/charges/7", b"/api/pay/charges/7", id="a path"),
        pytest.param(b"/", b"/api/pay/", id="the root"),
        pytest.param(b"http://a.example/x", b"http://a.example/api/pay/x", id="a URL of the host asked"),
        pytest.param(b"https://a.example/x", b"https://a.example/api/pay/x", id="over TLS too"),
        pytest.param(b"http://a.example.evil/x", b"http://a.example.evil/x", id="a host that begins alike"),
        pytest.param(b"http://a.example:81/x", b"http://a.example:81/x", id="another port"),
        pytest.param(b"//b.example/x", b"//b.example/x", id="another host, without a scheme"),
        pytest.param(b"7", b"7", id="relative to what was asked"),
        pytest.param(b"", b"", id="nothing"),
    ],
)
def test_location_on_this_host_gets_its_prefix_back(exchange, target, location, expected):
    response = Response(201, [b"location: " + location], {b"location": location}, 0, 0)
    lines = client_lines(response, exchange(), target(prefix=b"/api/pay"), VIA)
    assert (b"location", expected) == field_of(lines[0])
