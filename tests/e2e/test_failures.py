"""What becomes of a request whose backend fails: status, reason and `Proxy-Status`, row by row (RFC 9209)."""

import asyncio
import socket

import pytest

GET = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 2\r\n\r\nhi"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
# One octet more than a name may have (RFC 1035 2.3.4): no resolver asks a server for it.
NO_NAME = ".".join(["a" * 63] * 4)


@pytest.fixture
def failure(session, url):
    """Ask a gateway, and tell what it makes of it: status, reason, error of `Proxy-Status`, `Retry-After`."""

    async def ask(gateway, method="GET"):
        async with session.request(method, url(gateway)) as response:
            reason = (await response.json(content_type=None))["reason"]
            name, _, error = response.headers["Proxy-Status"].partition("; error=")
            assert '"test-gateway"' == name
            return response.status, reason, error, response.headers.get("Retry-After")

    return ask


@pytest.fixture
def deaf():
    """The URL of a port that listens and whose queue is full: a connection to it is never made."""
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen(0)
        waiting = [socket.socket() for _ in range(4)]
        for each in waiting:
            each.setblocking(False)
            each.connect_ex(listening.getsockname())
        yield "http://{}:{}".format(*listening.getsockname())
        for each in waiting:
            each.close()


@pytest.mark.parametrize(
    ("backend", "expected"),
    [
        pytest.param(
            "http://127.0.0.1:1",
            (502, "upstream_refused", "connection_refused", None),
            id="nobody listens",
        ),
        pytest.param(
            f"http://{NO_NAME}:80", (502, "upstream_dns", "dns_error", None), id="the name is not found"
        ),
        pytest.param(
            "unix:/nowhere/backend.sock",
            (502, "upstream_refused", "connection_refused", None),
            id="no Unix socket is there",
        ),
    ],
)
@pytest.mark.parametrize("method", ["GET", "POST"])
async def test_no_connection_can_be_made(serve, failure, backend, expected, method):
    gateway = await serve(backend)
    assert expected == await failure(gateway, method)


async def test_no_connection_is_made_in_time(serve, failure, deaf):
    gateway = await serve(deaf, upstream="timeouts: {connect: 50ms}")
    assert (504, "upstream_connect_timeout", "connection_timeout", None) == await failure(gateway)


async def test_no_name_is_found_in_time(serve, failure, monkeypatch):
    gateway = await serve("http://pay.internal:80", upstream="timeouts: {connect: 50ms}")
    [endpoint] = gateway.upstreams["backend"].endpoints
    monkeypatch.setattr(endpoint.pool.dialer._name, "_resolve", lambda *name: asyncio.Event().wait())
    assert (504, "upstream_dns_timeout", "dns_timeout", None) == await failure(gateway)


RESET = (502, "upstream_reset", "connection_terminated", None)
INCOMPLETE = (502, "upstream_reset", "http_response_incomplete", None)
INVALID = (502, "upstream_protocol", "http_protocol_error", None)


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(b"", RESET, id="hung up without a word"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Le", INCOMPLETE, id="hung up in the head"),
        pytest.param(b"SSH-2.0-toy\r\n\r\n", INVALID, id="another protocol"),
        pytest.param(b"HTTP/2.0 200 OK\r\n\r\n", INVALID, id="a version that is not spoken"),
        pytest.param(b"HTTP/1.1 20 OK\r\n\r\n", INVALID, id="a status of two digits"),
        pytest.param(b"HTTP/1.1 200 OK\nContent-Length: 0\n\n", INVALID, id="bare line feeds"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n", INVALID, id="a length that is none"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 3\r\n\r\nokk", INVALID, id="two lengths"
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\nok",
            INVALID,
            id="a length and chunks",
        ),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: gzip\r\n\r\nok",
            INVALID,
            id="a coding that is not chunked",
        ),
        pytest.param(b"HTTP/1.1 200 OK\r\nX: " + b"y" * 70_000, INVALID, id="a head without an end"),
        pytest.param(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n",
            INVALID,
            id="a switch that nobody asked for",
        ),
        pytest.param(b"HTTP/1.1 102 Processing\r\n\r\n" * 9, INVALID, id="a flood of informational answers"),
    ],
)
async def test_backend_breaks_off_or_says_nothing_valid(serve, scripted, connect, answer, expected):
    backend = await scripted()
    gateway = await serve(backend.url)
    client = await connect(gateway)
    await client.send(POST)
    stream, _ = await backend.requested()
    assert b"hi" == await stream.exactly(2)
    await stream.send(answer)
    stream.close()
    status, reason, error, _ = expected
    last = b""
    while not last.startswith(b"HTTP/1.1 %d " % status):
        last = await client.head()
    body = await client.until(b"}")
    assert f'Proxy-Status: "test-gateway"; error={error}'.encode() in last.split(b"\r\n")
    assert f'"reason":"{reason}"'.encode() in body
    assert 0 == gateway.upstreams["backend"].endpoints[0].pending


async def test_backend_does_not_answer_in_time(serve, scripted, failure):
    backend = await scripted()
    gateway = await serve(backend.url, upstream="timeouts: {response: 50ms}")
    assert (504, "upstream_timeout", "http_response_timeout", None) == await failure(gateway)
    stream, _ = await backend.requested()
    assert b"" == await stream.rest(), "the connection cannot be used again"


@pytest.mark.parametrize(
    "pool",
    [
        pytest.param("{max_connections: 1, max_pending: 0}", id="no one may wait"),
        pytest.param("{max_connections: 1, wait: 1ms}", id="the wait is over"),
    ],
)
async def test_every_connection_is_taken(serve, scripted, connect, failure, pool):
    backend = await scripted()
    gateway = await serve(backend.url, upstream=f"pool: {pool}")
    await (await connect(gateway)).send(GET)
    await backend.requested()
    assert (503, "upstream_busy", "connection_limit_reached", "1") == await failure(gateway)


HEAD = b"HTTP/1.1 200 OK\r\n"


COUNTED = HEAD + b"Content-Length: 9\r\n\r\n"
CHUNKED = HEAD + b"Transfer-Encoding: chunked\r\n\r\n"
CHUNK = b"4\r\nhalf\r\n"


@pytest.mark.parametrize(
    ("answer", "passed", "last"),
    [
        pytest.param(COUNTED + b"half", b"half", b"", id="in a counted body"),
        pytest.param(COUNTED, b"", b"", id="before a counted body"),
        pytest.param(CHUNKED + CHUNK, CHUNK, b"", id="between chunks"),
        pytest.param(CHUNKED + b"8\r\nhalf", CHUNK, b"", id="in the middle of a chunk"),
        pytest.param(CHUNKED + CHUNK, CHUNK, b"0\r\n", id="before the trailers end"),
        pytest.param(CHUNKED + CHUNK, CHUNK, b"zz\r\n", id="with a chunk that is none"),
    ],
)
async def test_loss_in_the_body_is_never_an_end(serve, scripted, connect, answer, passed, last):
    """The client got the head already: only a connection that breaks off can tell it."""
    backend = await scripted()
    gateway = await serve(backend.url)
    client = await connect(gateway)
    await client.send(GET)
    stream, _ = await backend.requested()
    await stream.send(answer)
    assert (await client.head()).startswith(HEAD)
    assert passed == await client.exactly(len(passed))
    await stream.send(last)
    stream.close()
    assert b"" == await client.rest()
    assert 0 == gateway.upstreams["backend"].endpoints[0].pending


async def test_loss_of_a_body_that_ends_with_the_connection_is_a_reset(serve, scripted, connect):
    """Here a close is the end, and only a reset is a loss."""
    backend = await scripted()
    gateway = await serve(backend.url)
    client = await connect(gateway)
    await client.send(GET)
    stream, _ = await backend.requested()
    await stream.send(HEAD + b"\r\nhalf")
    await client.until(b"4\r\nhalf\r\n")
    stream.cut()
    assert b"" == await client.rest()


async def test_pause_in_the_body_that_is_too_long(serve, scripted, connect):
    backend = await scripted()
    gateway = await serve(backend.url, upstream="timeouts: {idle: 50ms}")
    client = await connect(gateway)
    await client.send(GET)
    stream, _ = await backend.requested()
    await stream.send(HEAD + b"Content-Length: 9\r\n\r\nhalf")
    await client.until(b"\r\n\r\nhalf")
    assert b"" == await client.rest()
    assert b"" == await stream.rest()


@pytest.fixture
def reused(serve, scripted, connect):
    """A gateway, its backend, and both ends of a connection pair that has carried one exchange."""

    async def start():
        backend = await scripted()
        gateway = await serve(backend.url)
        client = await connect(gateway)
        await client.send(GET)
        stream, _ = await backend.requested()
        await stream.send(OK)
        await client.until(b"\r\n\r\nok")
        return backend, client, stream

    return start


async def test_request_on_a_stale_connection_is_sent_again(reused):
    """The backend may close an idle connection in the very moment in which it is used (RFC 9110 9.2.2)."""
    backend, client, stale = await reused()
    await client.send(GET)
    assert (await stale.head()).startswith(b"GET / ")
    stale.cut()
    fresh, again = await backend.requested()
    assert again.startswith(b"GET / ")
    await fresh.send(OK)
    assert (await client.until(b"\r\n\r\nok")).startswith(HEAD)


async def test_request_is_sent_again_once(reused):
    backend, client, stale = await reused()
    await client.send(GET)
    await stale.head()
    stale.cut()
    fresh, _ = await backend.requested()
    fresh.cut()
    assert (await client.head()).startswith(b"HTTP/1.1 502 ")
    assert 2 == len(backend.taken)


async def test_request_that_changes_more_each_time_is_not_sent_again(reused):
    backend, client, stale = await reused()
    await client.send(POST)
    await stale.until(b"\r\n\r\nhi")
    stale.cut()
    assert (await client.head()).startswith(b"HTTP/1.1 502 ")
    assert 1 == len(backend.taken)


async def test_idempotent_request_with_a_small_body_is_sent_again_whole(reused):
    backend, client, stale = await reused()
    await client.send(POST.replace(b"POST", b"PUT"))
    await stale.until(b"\r\n\r\nhi")
    stale.cut()
    fresh, again = await backend.requested()
    assert (b"PUT / ", b"hi") == (again[:6], await fresh.exactly(2))


async def test_closed_idle_connection_is_not_used(reused):
    """Its end was seen before the next request came."""
    backend, client, stale = await reused()
    stale.close()
    assert b"" == await stale.rest()
    await client.send(POST)
    fresh, again = await backend.requested()
    assert (b"POST / ", b"hi") == (again[:7], await fresh.exactly(2))


async def test_answer_before_the_body_is_passed_on_and_ends_both_connections(serve, scripted, connect):
    backend = await scripted()
    gateway = await serve(backend.url)
    client = await connect(gateway)
    await client.send(b"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 1000\r\n\r\npart")
    stream, _ = await backend.requested()
    await stream.send(b"HTTP/1.1 401 Unauthorized\r\nContent-Length: 2\r\n\r\nno")
    answer = await client.rest()
    assert answer.startswith(b"HTTP/1.1 401 Unauthorized\r\n")
    assert answer.endswith(b"\r\n\r\nno")
    assert b"Connection: close" in answer.split(b"\r\n")
    assert b"part" == await stream.rest()
