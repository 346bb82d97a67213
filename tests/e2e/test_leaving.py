"""Clients that go away: whatever was held for them is let go."""

import pytest

GET = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
UPLOAD = b"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 1000\r\n\r\npart"


@pytest.fixture
async def asked(serve, scripted, connect):
    """A request that has reached the backend, and everybody who takes part."""

    async def ask(data, **configuration):
        backend = await scripted()
        gateway = await serve(backend.url, **configuration)
        client = await connect(gateway)
        await client.send(data)
        stream, _ = await backend.requested()
        return client, stream, gateway, backend

    return ask


@pytest.mark.parametrize(
    ("request_sent", "answer"),
    [
        pytest.param(GET, b"", id="before the answer"),
        pytest.param(GET, OK[:-1], id="in the middle of the answer"),
        pytest.param(UPLOAD, b"", id="in the middle of its own body"),
        pytest.param(UPLOAD, OK[:-1], id="in the middle of both"),
    ],
)
async def test_client_that_is_lost_takes_its_backend_connection_along(asked, request_sent, answer):
    """The backend can stop its work, and the connection is never used again."""
    client, stream, gateway, _ = await asked(request_sent)
    if answer:
        await stream.send(answer)
        await client.head()
    client.cut()
    await stream.rest()
    endpoint = gateway.upstreams["backend"].endpoints[0]
    assert (0, 0) == (endpoint.pending, endpoint.pool.idle)


async def test_client_that_only_ends_its_side_still_gets_its_answer(asked):
    """RFC 9112 9.6: a half-closed connection is not one that left."""
    client, stream, _, _ = await asked(GET)
    client.end()
    await stream.send(OK)
    answer = await client.rest()
    assert (b"HTTP/1.1 200 OK", b"ok") == (answer[:15], answer[-2:])


async def test_client_that_ends_in_its_body_has_left(asked):
    """Its request can never become complete."""
    client, stream, gateway, _ = await asked(UPLOAD)
    client.end()
    assert b"part" == await stream.rest()
    assert b"" == await client.rest()
    assert 0 == gateway.upstreams["backend"].endpoints[0].pending


async def test_client_that_waits_for_a_connection_leaves_the_queue(asked, connect, until):
    """The connection that comes free afterwards serves the next one."""
    first, stream, gateway, backend = await asked(GET, upstream="pool: {max_connections: 1}")
    endpoint = gateway.upstreams["backend"].endpoints[0]
    second, third = await connect(gateway), await connect(gateway)
    await second.send(GET.replace(b"GET / ", b"GET /second "))
    await until(lambda: endpoint.pool.waiting == 1)
    await third.send(GET.replace(b"GET / ", b"GET /third "))
    await until(lambda: endpoint.pool.waiting == 2)
    second.cut()
    await until(lambda: endpoint.pending == 2)
    await stream.send(OK)
    await first.until(b"\r\n\r\nok")
    assert (await stream.head()).startswith(b"GET /third ")
    await stream.send(OK)
    await third.until(b"\r\n\r\nok")
    assert (0, 0, 1, 1) == (
        endpoint.pending,
        endpoint.pool.waiting,
        endpoint.pool.open,
        len(backend.taken),
    )


async def test_waiting_requests_are_served_in_their_order(asked, connect, until):
    _, stream, gateway, backend = await asked(GET, upstream="pool: {max_connections: 1}")
    pool = gateway.upstreams["backend"].endpoints[0].pool
    for number in range(3):
        await (await connect(gateway)).send(GET.replace(b"GET / ", b"GET /%d " % number))
        await until(lambda: pool.waiting > number)  # noqa: B023 - it is called before the number changes.
    seen = []
    for _ in range(3):
        await stream.send(OK)
        seen.append((await stream.head())[:7])
    assert ([b"GET /0 ", b"GET /1 ", b"GET /2 "], 1) == (seen, len(backend.taken))


async def test_connection_that_dies_makes_room_for_who_waits(asked, connect, until):
    _, stream, gateway, backend = await asked(GET, upstream="pool: {max_connections: 1}")
    pool = gateway.upstreams["backend"].endpoints[0].pool
    await (await connect(gateway)).send(GET.replace(b"GET / ", b"GET /next "))
    await until(lambda: pool.waiting == 1)
    stream.cut()
    _, head = await backend.requested()
    assert head.startswith(b"GET /next ")
    assert 1 == pool.open
