"""What a backend sees of a request, field by field, and what a client sees of the backend's places."""

import re
from typing import final

import pytest

from gateway.policy import Exchange

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
ROUTES = """\
defaults: {auth: public, upstream: backend}
routes:
  - {id: all, match: {path: "/{rest...}"}}
  - {id: pay, prefix: /api/pay, match: {path: "/{rest...}"}}
  - id: gig
    prefix: /api/forge
    match: {path: "/gigs/{gig}/{rest...}"}
    rewrite: {path: "/jobs/{gig}/of/{rest...}"}
  - id: edited
    match: {path: /edited}
    request_headers: {set: {X-Channel: web, X-Version: "2"}, remove: [X-Debug]}
"""
TRUSTING = 'address: "127.0.0.1:0", trusted_proxies: [127.0.0.0/8]'


@pytest.fixture
def seen(serve, scripted, connect):
    """Send a request line and fields; gives the head that the backend gets, and the gateway."""

    async def ask(request_line, *fields, **configuration):
        backend = await scripted()
        gateway = await serve(backend.url, policies=ROUTES, **configuration)
        client = await connect(gateway)
        lines = [request_line.encode() + b" HTTP/1.1", *(field.encode() for field in fields)]
        await client.send(b"\r\n".join([*lines, b"", b""]))
        stream, head = await backend.requested()
        await stream.send(OK)
        await client.until(b"\r\n\r\nok")
        return head.decode().split("\r\n")[:-2], gateway

    return ask


def fields(head: list[str]) -> dict[str, str]:
    """The fields of a head in which no name comes twice."""
    pairs = [line.partition(": ") for line in head[1:]]
    named = {name.lower(): value for name, _, value in pairs}
    assert len(pairs) == len(named), head
    return named


async def test_whole_head(seen):
    """What a client may write itself is kept in its order; what is ours is ours alone."""
    head, gateway = await seen(
        "GET /api/pay/charges?b=1&a=2",
        "X-First: 1",
        "Host: pay.example:8080",
        "X-Request-Id: 11111111111111111111111111111111",
        "X-Forwarded-For: 192.0.2.66",
        "X-Forwarded-Proto: https",
        "X-Forwarded-Host: evil.example",
        "X-Forwarded-Prefix: /evil",
        "X-Real-IP: 192.0.2.66",
        "Forwarded: for=192.0.2.66",
        "X-Auth-Subject: root",
        "x_auth_roles: admin",
        "X.Auth.Scopes: all",
        "Via: 1.0 edge",
        "Connection: X-Hop, X-Forwarded-For, X-Auth-Subject",
        "X-Hop: 1",
        "Keep-Alive: timeout=5",
        "Proxy-Authorization: Basic eDp5",
        "TE: trailers",
        "x-last: 2",
        "X-First: 3",
    )
    port = gateway.listeners[0].address.port
    assert [
        "GET /charges?b=1&a=2 HTTP/1.1",
        "Host: pay.example:8080",
        "X-First: 1",
        "x-last: 2",
        "X-First: 3",
        "X-Forwarded-Prefix: /api/pay",
        "X-Forwarded-For: 127.0.0.1",
        "X-Forwarded-Proto: http",
        "X-Forwarded-Host: pay.example:8080",
        f"X-Forwarded-Port: {port}",
        "X-Real-IP: 127.0.0.1",
        'Forwarded: for=127.0.0.1;host="pay.example:8080";proto=http',
        "traceparent: ?",
        "X-Request-Id: ?",
        f"Via: 1.0 edge, {gateway.proxy.surroundings.via.decode()}",
        "TE: trailers",
        "Connection: TE",
    ] == [
        re.sub(
            "^(X-Request-Id: )[0-9a-f]{32}$|^(traceparent: )00-[0-9a-f]{32}-[0-9a-f]{16}-0[23]$",
            r"\1\2?",
            line,
        )
        for line in head
    ]
    assert "X-Request-Id: 11111111111111111111111111111111" not in head


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        pytest.param("preserve", "a.example:81", id="the client's"),
        pytest.param("endpoint", "127.0.0.1:{port}", id="the endpoint's"),
        pytest.param("pay.internal", "pay.internal", id="a name"),
    ],
)
async def test_host_is_the_one_that_was_chosen(seen, host, expected):
    """The client's own one is always told in X-Forwarded-Host."""
    head, gateway = await seen("GET /", "Host: a.example:81", upstream=f"host: {host}")
    port = gateway.upstreams["backend"].endpoints[0].address.port
    told = fields(head)
    assert (expected.format(port=port), "a.example:81") == (told["host"], told["x-forwarded-host"])


async def test_request_without_a_host_gets_the_endpoint_s(serve, scripted, connect):
    """HTTP/1.0 may leave it out, HTTP/1.1 may not; nothing is made up for X-Forwarded-Host."""
    backend = await scripted()
    client = await connect(await serve(backend.url))
    await client.send(b"GET / HTTP/1.0\r\n\r\n")
    _, head = await backend.requested()
    told = fields(head.decode().split("\r\n")[:-2])
    assert (backend.url.removeprefix("http://"), None) == (told["host"], told.get("x-forwarded-host"))


@pytest.mark.parametrize(
    ("target", "forwarded", "prefix"),
    [
        pytest.param("/api/pay/charges", "/charges", "/api/pay", id="a prefix is taken away"),
        pytest.param("/api/pay/", "/", "/api/pay", id="nothing but the prefix and a slash"),
        pytest.param("/api/pay", "/", "/api/pay", id="nothing but the prefix"),
        pytest.param("/api/pay/%41b", "/Ab", "/api/pay", id="the path that was matched"),
        pytest.param("/api/forge/gigs/g%20g/a/b?q", "/jobs/g%20g/of/a/b?q", "/api/forge", id="a rewrite"),
        pytest.param("/api/forge/gigs/1/", "/jobs/1/of/", "/api/forge", id="a rewrite of nothing"),
        pytest.param("/api/payments", "/api/payments", None, id="what only begins like a prefix"),
    ],
)
async def test_path_is_the_one_that_was_matched(seen, target, forwarded, prefix):
    head, _ = await seen(f"GET {target}", "Host: a.example")
    assert (f"GET {forwarded} HTTP/1.1", prefix) == (head[0], fields(head).get("x-forwarded-prefix"))


async def test_route_edits_the_request(seen):
    """What is set replaces what the client sent, in any spelling."""
    head, _ = await seen("GET /edited", "Host: a.example", "x-channel: evil", "X-Debug: 1", "X-Other: 1")
    told = fields(head)
    assert ("web", "2", "1") == (told["x-channel"], told["x-version"], told["x-other"])
    assert "x-debug" not in told


async def test_trusted_proxy_is_believed(seen):
    """Its word on the client is passed on, and it joins the hops."""
    sent = ("Host: a.example", "X-Forwarded-For: 192.0.2.66, 198.51.100.7", "X-Forwarded-Proto: https")
    head, _ = await seen("GET /", *sent, listener=TRUSTING)
    told = fields(head)
    assert ("198.51.100.7, 127.0.0.1", "https", "198.51.100.7") == (
        told["x-forwarded-for"],
        told["x-forwarded-proto"],
        told["x-real-ip"],
    )


@pytest.mark.parametrize(
    ("id", "kept"),
    [
        pytest.param("0123456789abcdef" * 2, True, id="one like ours"),
        pytest.param("0123456789ABCDEF" * 2, False, id="in capitals"),
        pytest.param("0123456789abcdef", False, id="too short"),
        pytest.param("0123456789abcdef" * 3, False, id="too long"),
        pytest.param('{"level":"fatal","request_id":"a"}', False, id="anything else"),
    ],
)
async def test_request_id_of_a_trusted_proxy_is_kept(seen, id, kept):
    """One id from the edge to the backend; it stands in logs, so only its own form will do."""
    head, _ = await seen("GET /", "Host: a.example", f"X-Request-Id: {id}", listener=TRUSTING)
    told = fields(head)["x-request-id"]
    assert (kept, 32) == (told == id, len(told))


async def test_each_request_has_an_id_of_its_own_that_the_client_is_told(serve, scripted, connect):
    backend = await scripted()
    client = await connect(await serve(backend.url))
    told, seen = [], []
    stream = None
    for _ in range(3):
        await client.send(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
        stream = stream or await backend.accept()
        seen += re.findall(rb"X-Request-Id: ([0-9a-f]{32})\r\n", await stream.head())
        await stream.send(b"HTTP/1.1 200 OK\r\nX-Request-Id: theirs\r\nContent-Length: 2\r\n\r\nok")
        told.append(re.findall(rb"(?i)X-Request-Id: (.*)\r\n", await client.until(b"\r\n\r\nok")))
    assert [[id] for id in seen] == told
    assert 3 == len(set(seen))


@pytest.mark.parametrize(
    ("target", "location", "expected"),
    [
        pytest.param("/api/pay/x", "/charges/7?a", "/api/pay/charges/7?a", id="a path gets the prefix back"),
        pytest.param(
            "/api/pay/x",
            "http://a.example/charges/7",
            "http://a.example/api/pay/charges/7",
            id="so does a URL of the host that was asked",
        ),
        pytest.param(
            "/api/pay/x",
            "http://b.example/charges/7",
            "http://b.example/charges/7",
            id="another host's stays",
        ),
        pytest.param(
            "/api/pay/x", "//b.example/charges", "//b.example/charges", id="a host without a scheme"
        ),
        pytest.param("/api/pay/x", "charges/7", "charges/7", id="a relative path stays"),
        pytest.param("/x", "/charges/7", "/charges/7", id="a route without a prefix changes nothing"),
    ],
)
async def test_location_leads_back_through_the_gateway(serve, scripted, connect, target, location, expected):
    backend = await scripted()
    client = await connect(await serve(backend.url, policies=ROUTES))
    await client.send(f"POST {target} HTTP/1.1\r\nHost: a.example\r\nContent-Length: 0\r\n\r\n".encode())
    stream, _ = await backend.requested()
    head = f"HTTP/1.1 201 Created\r\nLocation: {location}\r\nContent-Length: 0\r\n\r\n"
    await stream.send(head.encode())
    assert f"Location: {expected}" in (await client.head()).decode().split("\r\n")


@final
class Vouches:
    """A policy that tells the backend who asks."""

    name = "vouches"
    source = "test"

    def __call__(self, exchange: Exchange) -> None:
        exchange.upstream_fields = ((b"X-Auth-Subject", b"ann"), (b"X-User-Id", b"7"))
        exchange.hidden = (b"x-user-id",)


async def test_what_a_policy_tells_cannot_be_named_away(serve, scripted, connect):
    """Connection takes what the client wrote, and nothing that was written for it."""
    backend = await scripted()
    client = await connect(await serve(backend.url, policies=ROUTES, pipeline=(Vouches(),)))
    await client.send(
        b"GET / HTTP/1.1\r\nHost: a.example\r\nConnection: X-Forwarded-For, X-User-Id, Authorization, "
        b"X-Auth-Subject, Host, Via\r\nX-User-Id: 1\r\nX_User_Id: 1\r\nX-Auth-Subject: root\r\n"
        b"Authorization: Basic YTpi\r\nX-Forwarded-For: 192.0.2.66\r\n\r\n"
    )
    _, head = await backend.requested()
    told = fields(head.decode().split("\r\n")[:-2])
    assert ("ann", "7", "127.0.0.1", "a.example") == (
        told["x-auth-subject"],
        told["x-user-id"],
        told["x-forwarded-for"],
        told["host"],
    )
    assert "authorization" not in told
    assert "via" in told
