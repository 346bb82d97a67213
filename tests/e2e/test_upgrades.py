"""WebSockets: through the routes that say so, and through no other."""

import asyncio
from typing import final

import pytest
from aiohttp import WSMsgType, WSServerHandshakeError, web

from gateway.policy import Exchange, Principal

ROUTES = """\
defaults: {auth: public, upstream: backend, headers: {preset: none, set: {X-Policy: marked}}}
routes:
  - {id: chat, match: {path: /chat}, upgrade: [websocket]}
  - {id: plain, match: {path: /plain}}
"""
HANDSHAKE = (
    b"%b HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade\r\nUpgrade: %b\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: bW91bnQga2lsaW1hbmphcg==\r\n\r\n"
)
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"


async def talk(request: web.Request) -> web.StreamResponse:
    """Says everything back, until it hears `bye`."""
    socket = web.WebSocketResponse(protocols=["chat"])
    await socket.prepare(request)
    async for message in socket:
        if message.data == "bye":
            break
        await (socket.send_bytes if message.type is WSMsgType.BINARY else socket.send_str)(message.data)
    await socket.close(code=4000, message=b"bye")
    return socket


@pytest.fixture
async def opened(serve, scripted, connect):
    """A tunnel between a client and a backend that writes what a test tells it."""

    async def open():
        backend = await scripted()
        gateway = await serve(backend.url, policies=ROUTES)
        client = await connect(gateway)
        await client.send(HANDSHAKE % (b"GET /chat", b"websocket"))
        stream, head = await backend.requested()
        await stream.send(SWITCH)
        return gateway, client, await client.head(), stream, head

    return open


async def test_messages_go_both_ways(serve, backend, session, url, until):
    gateway = await serve(await backend(talk), policies=ROUTES)
    large = bytes(200_000)
    async with session.ws_connect(url(gateway, "/chat"), protocols=["chat"]) as socket:
        await socket.send_str("hello")
        heard = [await socket.receive_str()]
        await socket.send_bytes(large)
        heard.append(await socket.receive_bytes())
        await socket.send_str("bye")
        await socket.receive()
    assert (["hello", large], "chat", 4000) == (heard, socket.protocol, socket.close_code)
    await until(lambda: gateway.upstreams["backend"].endpoints[0].pending == 0)


async def test_handshake_is_the_gateway_s_own_on_both_sides(opened):
    """Connection and Upgrade are written anew; the route's fields are on a 101 as on any answer."""
    _, _, answer, _, head = await opened()
    assert answer.startswith(b"HTTP/1.1 101 Switching Protocols\r\n")
    told, asked = answer.split(b"\r\n"), head.split(b"\r\n")
    assert {b"Connection: Upgrade", b"Upgrade: websocket", b"X-Policy: marked"} <= {*told}
    assert (1, 1) == (asked.count(b"Connection: Upgrade"), asked.count(b"Upgrade: websocket"))
    assert b"Sec-WebSocket-Key: bW91bnQga2lsaW1hbmphcg==" in asked


async def test_bytes_right_behind_the_handshakes_pass(serve, scripted, connect):
    """Neither side waits for the other before it speaks."""
    backend = await scripted()
    client = await connect(await serve(backend.url, policies=ROUTES))
    await client.send(HANDSHAKE % (b"GET /chat", b"websocket") + b"early")
    stream, _ = await backend.requested()
    await stream.send(SWITCH + b"greeting")
    assert b"early" == await stream.exactly(5)
    await client.head()
    assert b"greeting" == await client.exactly(8)


async def test_backend_that_leaves_ends_the_tunnel(opened):
    gateway, client, _, stream, _ = await opened()
    await stream.send(b"last words")
    stream.close()
    assert b"last words" == await client.rest()
    assert 0 == gateway.upstreams["backend"].endpoints[0].pending


async def test_client_that_leaves_ends_the_tunnel(opened):
    _, client, _, stream, _ = await opened()
    await client.send(b"last words")
    client.close()
    assert b"last words" == await stream.rest()
    stream.close()
    assert b"" == await client.rest()


async def test_client_that_is_lost_ends_the_tunnel(opened):
    gateway, client, _, stream, _ = await opened()
    client.cut()
    assert b"" == await stream.rest()
    assert 0 == gateway.upstreams["backend"].endpoints[0].pending


@pytest.mark.parametrize(
    ("target", "protocol"),
    [
        pytest.param(b"GET /plain", b"websocket", id="on a route that does not say so"),
        pytest.param(b"GET /chat", b"h2c", id="to another protocol"),
        pytest.param(b"GET /chat", b"websocket, h2c", id="to a choice of protocols"),
        pytest.param(b"OPTIONS /chat", b"websocket", id="with another method"),
    ],
)
async def test_backend_is_asked_for_no_other_switch(serve, scripted, connect, target, protocol):
    backend = await scripted()
    client = await connect(await serve(backend.url, policies=ROUTES))
    await client.send(HANDSHAKE % (target, protocol))
    stream, head = await backend.requested()
    names = {line.partition(b":")[0].lower() for line in head.split(b"\r\n")}
    assert not {b"connection", b"upgrade"} & names
    await stream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    assert (await client.head()).startswith(b"HTTP/1.1 200 OK\r\n")


async def test_backend_opens_no_tunnel_uninvited(serve, scripted, connect):
    """The client asked, the route does not allow it, the backend switches all the same: 502."""
    backend = await scripted()
    client = await connect(await serve(backend.url, policies=ROUTES))
    await client.send(HANDSHAKE % (b"GET /plain", b"websocket"))
    stream, _ = await backend.requested()
    await stream.send(SWITCH)
    assert (await client.head()).startswith(b"HTTP/1.1 502 ")
    assert b"" == await stream.rest()


async def test_client_learns_that_there_is_no_websocket(serve, backend, session, url):
    """The backend sees a plain GET, and its answer is no handshake."""
    gateway = await serve(await backend(talk), policies=ROUTES)
    with pytest.raises(WSServerHandshakeError):
        await session.ws_connect(url(gateway, "/plain"))


async def test_backend_may_decline(serve, scripted, connect):
    """The answer goes back like any other, and the connections serve again."""
    backend = await scripted()
    client = await connect(await serve(backend.url, policies=ROUTES))
    for _ in range(2):
        await client.send(HANDSHAKE % (b"GET /chat", b"websocket"))
        stream = backend.taken[0] if backend.taken else await backend.accept()
        await stream.head()
        await stream.send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno")
        assert (await client.until(b"\r\n\r\nno")).startswith(b"HTTP/1.1 403 Forbidden\r\n")
    assert 1 == len(backend.taken)


async def test_drain_tells_a_client_that_its_tunnel_goes_away(serve, backend, session, url):
    """RFC 6455 7.4.1: 1001; the backend hears the close frame of the client, and nobody is cut off."""
    codes = []

    async def listen(request: web.Request) -> web.StreamResponse:
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        await socket.send_str("hello")
        async for _ in socket:
            pass
        codes.append(socket.close_code)
        return socket

    gateway = await serve(await backend(listen), policies=ROUTES, more="timeouts: {drain: 5s}\n")
    async with session.ws_connect(url(gateway, "/chat")) as socket:
        assert "hello" == await socket.receive_str()
        async with asyncio.TaskGroup() as group:
            group.create_task(gateway.drain())
            message = await socket.receive()
    assert (WSMsgType.CLOSE, 1001, [1000]) == (message.type, message.data, codes)
    assert 0 == gateway.upstreams["backend"].endpoints[0].pending


async def test_stop_tells_it_as_well(opened):
    """It is cut off right after that."""
    gateway, client, _, stream, _ = await opened()
    await gateway.stop()
    assert b"\x88\x02\x03\xe9" == await client.rest()
    assert b"" == await stream.rest()


@final
class Over:
    """A policy whose principals have shown something that is over already."""

    name = "over"
    source = "test"

    def __call__(self, exchange: Exchange) -> None:
        exchange.principal = Principal("user-1", "test", expires=0.0)


async def test_tunnel_ends_when_what_was_granted_ends(serve, backend, session, url):
    """1008, as for a token that has expired."""
    gateway = await serve(await backend(talk), policies=ROUTES, pipeline=(Over(),))
    async with session.ws_connect(url(gateway, "/chat")) as socket:
        message = await socket.receive()
    assert (WSMsgType.CLOSE, 1008) == (message.type, message.data)


@pytest.mark.parametrize(
    "framing",
    [
        pytest.param(b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", id="chunked"),
        pytest.param(b"\r\nhello", id="until the connection ends"),
    ],
)
async def test_stream_is_broken_off_when_what_was_granted_ends(serve, scripted, connect, framing):
    """Nobody can take what came for the whole."""
    backend = await scripted()
    gateway = await serve(backend.url, policies=ROUTES, pipeline=(Over(),))
    client = await connect(gateway)
    await client.send(b"GET /chat HTTP/1.1\r\nHost: a.example\r\n\r\n")
    stream, _ = await backend.requested()
    await stream.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n" + framing)
    assert (await client.rest()).endswith(b"\r\n\r\n5\r\nhello\r\n")
    assert b"" == await stream.rest()
    assert 0 == gateway.upstreams["backend"].endpoints[0].pending


async def test_body_whose_end_is_known_is_sent_to_its_end(serve, scripted, connect):
    backend = await scripted()
    gateway = await serve(backend.url, policies=ROUTES, pipeline=(Over(),))
    client = await connect(gateway)
    await client.send(b"GET /chat HTTP/1.1\r\nHost: a.example\r\n\r\n")
    stream, _ = await backend.requested()
    await stream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 5\r\n\r\nhel")
    await client.until(b"hel")
    gateway.clock.tick()
    await stream.send(b"lo")
    assert b"lo" == await client.exactly(2)
