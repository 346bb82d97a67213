"""Policies that have to wait: nothing is forwarded before they agree, whatever happens meanwhile."""

import asyncio
import logging

import pytest

from gateway.http.reply import problem
from gateway.policy import Exchange, Reason, Verdict

GET = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"
UPLOAD = b"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Length: 10\r\n"
CHUNKS = b"POST / HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
DENIED = problem(403, Reason.ADDRESS_DENIED, "Not from here.")


class Waiting:
    """Decides when a test lets it."""

    name = "waiting"
    source = "test:1"

    def __init__(self) -> None:
        self.asked = asyncio.Event()
        self.left = asyncio.Event()
        self.verdict: asyncio.Future[Verdict] = asyncio.get_running_loop().create_future()

    async def __call__(self, exchange: Exchange) -> Verdict:
        self.asked.set()
        try:
            return await self.verdict
        finally:
            self.left.set()


class Marking:
    """Agrees at once, and leaves a note on both messages."""

    name = "marking"
    source = "test:2"

    def __call__(self, exchange: Exchange) -> Verdict:
        exchange.upstream_fields += ((b"X-Marked", b"up"),)
        exchange.response_fields += ((b"X-Marked", b"down"),)
        exchange.hidden += (b"x-secret",)
        return None


class Failing:
    """Cannot decide."""

    name = "failing"
    source = "test:3"

    def __call__(self, exchange: Exchange) -> Verdict:
        raise RuntimeError("cannot decide")


@pytest.fixture
async def begun(serve, scripted, connect):
    """A client that has sent `data`, a policy that has it before itself, and the backend behind."""

    async def begin(data, *others, **configuration):
        policy, backend = Waiting(), await scripted()
        gateway = await serve(backend.url, pipeline=(policy, *others), **configuration)
        client = await connect(gateway)
        await client.send(data)
        async with asyncio.timeout(5):
            await policy.asked.wait()
        return policy, backend, gateway, client

    return begin


async def test_request_goes_on_when_the_policy_agrees(begun):
    """The policies behind it are asked then, and what they note reaches both sides."""
    policy, backend, _, client = await begun(GET.replace(b"\r\n\r\n", b"\r\nX-Secret: 1\r\n\r\n"), Marking())
    assert [] == backend.taken
    policy.verdict.set_result(None)
    stream, head = await backend.requested()
    assert b"X-Marked: up" in head.split(b"\r\n")
    assert b"x-secret" not in head.lower()
    await stream.send(OK)
    assert b"X-Marked: down" in (await client.head()).split(b"\r\n")


async def test_connection_serves_on_after_a_wait(begun):
    """The next request waits for its own verdict, and takes the idle connection."""
    policy, backend, _, client = await begun(GET)
    policy.verdict.set_result(None)
    stream, _ = await backend.requested()
    await stream.send(OK)
    await client.until(b"\r\n\r\nok")
    await client.send(GET)
    assert (await stream.head()).startswith(b"GET / ")


async def test_requests_behind_a_waiting_one_keep_their_turn(begun):
    policy, backend, _, _ = await begun(GET + GET.replace(b"GET / ", b"GET /second "))
    policy.verdict.set_result(None)
    stream, first = await backend.requested()
    await stream.send(OK)
    second = await stream.head()
    assert (b"GET / ", b"GET /second ") == (first[:6], second[:12])


async def test_policy_may_refuse_after_a_wait(begun):
    policy, backend, _, client = await begun(GET)
    policy.verdict.set_result(DENIED)
    assert (await client.head()).startswith(b"HTTP/1.1 403 ")
    assert b'"reason":"address_denied"' in await client.until(b"}")
    assert [] == backend.taken


@pytest.mark.parametrize(
    "fails",
    [
        pytest.param("at once", id="before it waits"),
        pytest.param("later", id="while it waits"),
        pytest.param("behind", id="behind one that waits"),
        pytest.param("cancelled", id="whose wait somebody else calls off"),
    ],
)
async def test_request_whose_policy_fails_is_never_forwarded(serve, scripted, connect, caplog, fails):
    """500 with an id that the log has too, and no word of the cause."""
    policy, backend = Waiting(), await scripted()
    pipeline = {"at once": (Failing(),), "behind": (policy, Failing())}.get(fails, (policy,))
    client = await connect(await serve(backend.url, pipeline=pipeline))
    await client.send(GET)
    if fails == "later":
        policy.verdict.set_exception(RuntimeError("cannot decide"))
    elif fails == "cancelled":
        policy.verdict.cancel()
    elif fails == "behind":
        policy.verdict.set_result(None)
    head = await client.head()
    body = await client.until(b"}")
    assert head.startswith(b"HTTP/1.1 500 ")
    assert b'"reason":"internal_error"' in body
    assert b"cannot decide" not in body
    assert [] == backend.taken
    record = next(record for record in caplog.records if record.levelno == logging.ERROR)
    assert f'"request_id":"{record.request_id}"'.encode() in body


@pytest.mark.parametrize(
    ("head", "pieces", "forwarded"),
    [
        pytest.param(
            UPLOAD + b"\r\n", [b"hello", b"world"], b"helloworld", id="a counted body, then the verdict"
        ),
        pytest.param(
            CHUNKS,
            [b"5\r\nhello\r\n", b"5\r\nworld\r\n0\r\n\r\n"],
            b"a\r\nhelloworld\r\n0\r\n\r\n",
            id="a chunked body, then the verdict",
        ),
    ],
)
async def test_body_that_arrives_meanwhile_is_kept(begun, until, head, pieces, forwarded):
    policy, backend, gateway, client = await begun(head)
    for piece in pieces:
        await client.send(piece)
    connection = next(iter(gateway.connections))
    await until(lambda: connection._relay._complete)
    policy.verdict.set_result(None)
    stream, _ = await backend.requested()
    assert forwarded == await stream.exactly(len(forwarded))
    await stream.send(OK)
    assert (await client.until(b"\r\n\r\nok")).startswith(b"HTTP/1.1 200 OK\r\n")


async def test_large_body_waits_in_the_socket(begun, until):
    """No more than a few reads of it are held; after the verdict all of it passes."""
    length = 8 << 20
    more = "limits: {body: 10MiB}\n"
    policy, backend, gateway, client = await begun(
        UPLOAD.replace(b"10\r\n", b"%d\r\n" % length) + b"\r\n", more=more
    )
    sending = asyncio.create_task(client.send(bytes(length)))
    connection = next(iter(gateway.connections))
    await until(lambda: not connection._reading)
    assert len(connection._relay._body) < 1 << 20
    policy.verdict.set_result(None)
    stream, _ = await backend.requested()
    assert bytes(length) == await stream.exactly(length)
    await sending
    await stream.send(OK)
    assert (await client.head()).startswith(b"HTTP/1.1 200 OK\r\n")


@pytest.mark.parametrize(
    ("verdict", "status"),
    [
        pytest.param(None, b"HTTP/1.1 100 ", id="it agrees"),
        pytest.param(DENIED, b"HTTP/1.1 403 ", id="it refuses"),
    ],
)
async def test_client_hears_nothing_before_the_verdict(begun, verdict, status):
    """A body that is refused is never asked for."""
    policy, _, _, client = await begun(UPLOAD + b"Expect: 100-continue\r\n\r\n")
    policy.verdict.set_result(verdict)
    assert (await client.head()).startswith(status)


async def test_client_that_leaves_ends_the_wait(begun):
    policy, backend, gateway, client = await begun(GET)
    client.cut()
    async with asyncio.timeout(5):
        await policy.left.wait()
    assert policy.verdict.cancelled()
    assert ([], 0) == (backend.taken, gateway.upstreams["backend"].endpoints[0].pending)


async def test_body_that_grows_too_large_meanwhile_ends_the_wait(begun):
    policy, backend, _, client = await begun(CHUNKS, more="limits: {body: 8B}\n")
    await client.send(b"9\r\nnine byte\r\n")
    assert (await client.head()).startswith(b"HTTP/1.1 413 ")
    assert policy.verdict.cancelled()
    assert [] == backend.taken


async def test_client_that_only_ends_its_side_waits_on(begun):
    """It still gets its answer, and the connection ends with it."""
    policy, _, _, client = await begun(GET)
    client.end()
    policy.verdict.set_result(DENIED)
    assert (await client.rest()).startswith(b"HTTP/1.1 403 ")


class Leaving:
    """Sees its client go before anything that it or the proxy begins can take its first step."""

    name = "leaving"
    source = "test:4"

    def __init__(self, policy) -> None:
        self._policy = policy
        self.gateway = None

    def __call__(self, exchange: Exchange):
        connection = next(iter(self.gateway.connections))
        asyncio.get_running_loop().call_soon(connection.kill)
        return self._policy and self._policy(exchange)


@pytest.mark.parametrize(
    "waits", [pytest.param(True, id="a policy waits"), pytest.param(False, id="a connection is to be made")]
)
async def test_wait_that_is_called_off_before_it_begins(serve, scripted, connect, until, waits):
    policy, backend = Leaving(Waiting() if waits else None), await scripted()
    policy.gateway = gateway = await serve(backend.url, pipeline=(policy,))
    client = await connect(gateway)
    await client.send(GET)
    assert b"" == await client.rest()
    endpoint = gateway.upstreams["backend"].endpoints[0]
    await until(lambda: endpoint.pending == endpoint.pool.open == 0)
