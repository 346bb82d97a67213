"""What another site makes a browser send, through the whole gateway."""

import pytest

ROUTES = """\
defaults: {upstream: backend, auth: public}
routes:
  - {id: usual, match: {path: "/usual/{rest...}"}}
  - {id: trusting, match: {path: /trusting}, csrf: {trusted: ["https://app.example"]}}
  - {id: open, match: {path: /open}, csrf: "off"}
  - {id: trial, match: {path: /trial}, report: [csrf]}
  - {id: socket, match: {path: /socket}, upgrade: [websocket]}
"""
ANSWER = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
FORGED = b"Cookie: session=1\r\nOrigin: https://evil.example\r\n"
HANDSHAKE = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"


@pytest.fixture
def gateway(serve, scripted):
    async def start(listener='address: "127.0.0.1:0"'):
        backend = await scripted()
        return backend, await serve(backend.url, policies=ROUTES, listener=listener)

    return start


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        pytest.param(b"POST /usual/", FORGED, id="a form of another site"),
        pytest.param(b"DELETE /usual/", FORGED, id="a script of another site"),
        pytest.param(
            b"POST /usual/",
            b"Authorization: Basic YTpi\r\nSec-Fetch-Site: same-site\r\nOrigin: https://b.a.example\r\n",
            id="a neighbour, with a password",
        ),
        pytest.param(
            b"POST /usual/",
            b"Cookie: a=b\r\nX-Forwarded-Host: evil.example\r\nOrigin: http://evil.example\r\n",
            id="a forged external host",
        ),
        pytest.param(b"POST /usual/", b"Cookie: a=b\r\nOrigin: null\r\n", id="a sandboxed frame"),
        pytest.param(b"POST /trusting", FORGED, id="a site beside the trusted one"),
        pytest.param(b"GET /socket", FORGED + HANDSHAKE, id="a WebSocket with the cookies of our user"),
        pytest.param(b"GET /usual/", FORGED + HANDSHAKE, id="a handshake where there is none"),
    ],
)
async def test_it_does_not_reach_the_backend(gateway, connect, line, fields):
    backend, running = await gateway()
    client = await connect(running)
    await client.send(line + b" HTTP/1.1\r\nHost: a.example\r\n" + fields + b"Connection: close\r\n\r\n")
    answer = await client.rest()
    assert answer.startswith(b"HTTP/1.1 403 Forbidden\r\n")
    assert b'"reason":"cross_site_request"' in answer
    assert [] == backend.taken


@pytest.mark.parametrize(
    ("line", "fields"),
    [
        pytest.param(b"GET /usual/", FORGED, id="a link on another site"),
        pytest.param(
            b"POST /usual/",
            b"Cookie: a=b\r\nSec-Fetch-Site: same-origin\r\nOrigin: http://a.example\r\n",
            id="our own page",
        ),
        pytest.param(b"POST /usual/", b"Cookie: a=b\r\nOrigin: http://a.example\r\n", id="an older browser"),
        pytest.param(b"POST /usual/", b"Cookie: a=b\r\n", id="a program with a cookie"),
        pytest.param(
            b"POST /usual/", b"Authorization: Bearer x\r\nOrigin: https://evil.example\r\n", id="a token"
        ),
        pytest.param(
            b"POST /trusting",
            b"Cookie: a=b\r\nSec-Fetch-Site: cross-site\r\nOrigin: https://app.example\r\n",
            id="a trusted site",
        ),
        pytest.param(b"POST /open", FORGED, id="where it is off"),
        pytest.param(b"POST /trial", FORGED, id="where it is on trial"),
    ],
)
async def test_everything_else_does(gateway, connect, line, fields):
    backend, running = await gateway()
    client = await connect(running)
    await client.send(line + b" HTTP/1.1\r\nHost: a.example\r\n" + fields + b"Content-Length: 0\r\n\r\n")
    stream, head = await backend.requested()
    await stream.send(ANSWER)
    assert head.startswith(line)
    assert (await client.head()).startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize(
    ("origin", "admitted"),
    [
        pytest.param(b"https://a.example", True, id="the host that the browser asked for"),
        pytest.param(b"http://inside:8080", False, id="the host that the proxy asked us by"),
    ],
)
async def test_behind_a_trusted_proxy_the_external_host_counts(gateway, connect, origin, admitted):
    backend, running = await gateway('address: "127.0.0.1:0", trusted_proxies: [127.0.0.0/8]')
    client = await connect(running)
    await client.send(
        b"POST /usual/ HTTP/1.1\r\nHost: inside:8080\r\nX-Forwarded-For: 192.0.2.9\r\n"
        b"X-Forwarded-Host: a.example\r\nX-Forwarded-Proto: https\r\nCookie: a=b\r\n"
        b"Content-Length: 0\r\nOrigin: " + origin + b"\r\n\r\n"
    )
    if admitted:
        stream, _ = await backend.requested()
        await stream.send(ANSWER)
    assert (b" 200 " if admitted else b" 403 ") in await client.until(b"\r\n")
