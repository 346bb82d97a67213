"""What has to pass at once: events, informational answers, and the word to go on with a body."""

import asyncio

import pytest

GET = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"
UPLOAD = b"POST /%b HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\nExpect: 100-continue\r\n\r\n"
CONTINUE = b"HTTP/1.1 100 Continue\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
ROUTES = """\
defaults: {auth: public}
routes:
  - {id: all, match: {path: "/{rest...}"}, upstream: backend}
  - {id: small, match: {path: /small}, upstream: backend, limits: {body: 4B}}
  - {id: get, match: {path: /get, methods: [GET]}, upstream: backend}
  - {id: here, match: {path: /here}, respond: {status: 200, body: done}}
"""


@pytest.mark.parametrize(
    ("framing", "line"),
    [
        pytest.param(b"Transfer-Encoding: chunked\r\n", b"9\r\ndata: %d\n\n\r\n", id="in chunks"),
        pytest.param(b"Connection: close\r\n", b"data: %d\n\n", id="up to the end of the connection"),
    ],
)
async def test_events_come_one_by_one(serve, scripted, connect, framing, line):
    """The second event is not even written before the client has the first."""
    backend = await scripted()
    client = await connect(await serve(backend.url))
    await client.send(GET)
    stream, _ = await backend.requested()
    await stream.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n" + framing + b"\r\n")
    assert b"Content-Type: text/event-stream" in (await client.head()).split(b"\r\n")
    for number in range(3):
        await stream.send(line % number)
        assert (await client.until(b"\n\n\r\n")).endswith(b"data: %d\n\n\r\n" % number)


async def test_request_body_comes_piece_by_piece(serve, scripted, connect):
    """The backend has the first piece while the client still holds the second."""
    backend = await scripted()
    client = await connect(await serve(backend.url))
    await client.send(b"POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n")
    stream, _ = await backend.requested()
    assert b"3\r\none\r\n" == await stream.exactly(8)
    await client.send(b"3\r\ntwo\r\n0\r\n\r\n")
    assert b"3\r\ntwo\r\n0\r\n\r\n" == await stream.exactly(13)


async def test_early_hints_reach_the_client(serve, scripted, connect):
    """RFC 8297; a 100 that nobody expects any more ends here."""
    backend = await scripted()
    client = await connect(await serve(backend.url))
    await client.send(GET)
    stream, _ = await backend.requested()
    await stream.send(CONTINUE + b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n" + OK)
    hints = await client.head()
    assert hints.startswith(b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n")
    assert (await client.until(b"\r\n\r\nok")).startswith(b"HTTP/1.1 200 OK\r\n")


async def test_client_is_told_to_go_on_when_the_policies_have_agreed(serve, scripted, connect):
    backend = await scripted()
    client = await connect(await serve(backend.url, policies=ROUTES))
    await client.send(UPLOAD % b"")
    assert CONTINUE == await client.head()
    await client.send(b"hello")
    stream, head = await backend.requested()
    assert b"hello" == await stream.exactly(5)
    assert b"expect" not in head.lower()
    await stream.send(OK)
    assert (await client.until(b"\r\n\r\nok")).startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize(
    ("request_head", "status"),
    [
        pytest.param(UPLOAD % b"small", b"413", id="a body that is declared too large"),
        pytest.param(UPLOAD % b"get", b"405", id="a method that is not allowed"),
        pytest.param(UPLOAD.replace(b"100-continue", b"200-ok") % b"", b"417", id="another expectation"),
        pytest.param(UPLOAD % b"here", b"200", id="a route that answers by itself"),
    ],
)
async def test_body_is_not_asked_for_in_vain(serve, scripted, connect, request_head, status):
    """The final answer comes first, and the connection ends with it: the body could still come or not."""
    backend = await scripted()
    client = await connect(await serve(backend.url, policies=ROUTES))
    await client.send(request_head)
    answer = await client.rest()
    assert answer.startswith(b"HTTP/1.1 " + status)
    assert b"Connection: close" in answer.split(b"\r\n")
    assert [] == backend.taken


async def test_body_that_is_already_there_is_not_asked_for(serve, scripted, connect):
    backend = await scripted()
    client = await connect(await serve(backend.url))
    await client.send(UPLOAD % b"" + b"hello")
    stream, _ = await backend.requested()
    await stream.send(OK)
    assert (await client.head()).startswith(b"HTTP/1.1 200 OK\r\n")


async def test_chunked_body_is_counted_while_it_passes(serve, scripted, connect):
    """413 once it is too large, and the backend learns that it will not be complete."""
    backend = await scripted()
    client = await connect(await serve(backend.url, policies=ROUTES))
    await client.send(
        b"POST /small HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n3\r\none\r\n"
    )
    stream, _ = await backend.requested()
    await stream.until(b"one\r\n")
    await client.send(b"3\r\ntwo\r\n")
    assert (await client.head()).startswith(b"HTTP/1.1 413 ")
    assert b"" == await stream.rest()


async def test_client_that_does_not_read_stops_the_backend(serve, scripted, connect, until):
    """What is under way is bounded by the buffers of sockets, not by the length of the body."""
    backend = await scripted()
    gateway = await serve(backend.url)
    client = await connect(gateway)
    await client.send(GET)
    stream, _ = await backend.requested()
    client.pause()
    length = 64 << 20
    await stream.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % length)
    sending = asyncio.create_task(stream.send(bytes(length)))
    connection = next(iter(gateway.connections))
    await until(lambda: not connection._writable)
    upstream = connection._relay._connection
    await until(lambda: not upstream._reading)
    assert not sending.done()
    assert connection._transport.get_write_buffer_size() < 1 << 20
    client.cut()
    with pytest.raises(ConnectionError):
        await sending


async def test_backend_that_does_not_read_stops_the_client(serve, scripted, connect, until):
    """And what was held up arrives whole once it reads again."""
    backend = await scripted()
    gateway = await serve(backend.url, more="limits: {body: 100MiB}\n")
    client = await connect(gateway)
    length = 32 << 20
    await client.send(b"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: %d\r\n\r\n" % length)
    stream, _ = await backend.requested()
    stream.pause()
    sending = asyncio.create_task(client.send(bytes(length)))
    connection = next(iter(gateway.connections))
    await until(lambda: not connection._reading)
    assert not sending.done()
    stream.resume()
    assert bytes(length) == await stream.exactly(length)
    await sending
    await stream.send(OK)
    assert (await client.head()).startswith(b"HTTP/1.1 200 OK\r\n")


async def test_trailers_come_behind_the_body(serve, scripted, connect):
    """For the client that asked; the backend is told that they are welcome (RFC 9110 6.5, 10.1.4)."""
    backend = await scripted()
    client = await connect(await serve(backend.url, headers="preset: none, remove: [X-Inside]"))
    await client.send(b"GET / HTTP/1.1\r\nHost: a.example\r\nConnection: TE\r\nTE: trailers\r\n\r\n")
    stream, head = await backend.requested()
    assert {b"TE: trailers", b"Connection: TE"} <= {*head.split(b"\r\n")}
    await stream.send(
        b"HTTP/1.1 200 OK\r\nTrailer: X-Sum, X-Inside\r\nTransfer-Encoding: chunked\r\n\r\n"
        b"5\r\nhello\r\n0\r\nX-Sum: 1\r\nX-Inside: 2\r\nX-Request-Id: 3\r\n\r\n"
    )
    assert b"Trailer: X-Sum" in (await client.head()).split(b"\r\n")
    assert b"5\r\nhello\r\n0\r\nX-Sum: 1\r\n\r\n" == await client.until(b"1\r\n\r\n")
