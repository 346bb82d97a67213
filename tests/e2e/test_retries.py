"""Another attempt where one has failed: when there is one, where it goes, and what is counted meanwhile."""

import asyncio
import random
import re

import pytest

GATEWAY = """\
version: 1
name: test-gateway
admin: {address: "127.0.0.1:0"}
listeners: [{address: "127.0.0.1:0"}]
upstreams: {backend: {endpoints: [ENDPOINTS], SETTINGS}}
policies: [policies]
defaults: {headers: {preset: none}}
"""
SOCKETS = """\
routes:
  - {id: all, match: {path: "/{rest...}"}, upstream: backend, auth: public, upgrade: [websocket]}
"""

HOST = b" / HTTP/1.1\r\nHost: a.example\r\n"
GET = b"GET" + HOST + b"\r\n"
POST = b"POST" + HOST + b"Content-Length: 2\r\n\r\nhi"
PUT = b"PUT" + HOST + b"Content-Length: 2\r\n\r\nhi"
CHUNKED = HOST + b"Transfer-Encoding: chunked\r\n\r\n"
HANDSHAKE = (
    b"GET" + HOST + b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
SWITCHED = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
BUSY = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 4\r\n\r\nbusy"

REFUSED = "http://127.0.0.1:1"
# One octet more than a name may have (RFC 1035 2.3.4): no resolver asks a server for it.
NO_NAME = f"http://{'.'.join(['a' * 63] * 4)}:80"
NO_SOCKET = "unix:/nowhere/backend.sock"

HINT = b"HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n"

STATUSES = "after: [502, 503, 504]"
# What is counted of two endpoints when nothing is under way.
NOTHING = ([0, 0], 0)


def counted(gateway):
    """The unfinished requests of each endpoint, and the retries under way."""
    pending = [endpoint.pending for endpoint in gateway.upstreams["backend"].endpoints]
    return pending, gateway.proxy.surroundings.budgets["backend"].under_way


@pytest.fixture
async def retrying(serve, until):
    """A gateway that asks its first endpoint first; when everybody has left, it counts nothing any more."""
    started = []

    async def start(*endpoints, retry="", settings="", **configuration):
        settings = ", ".join(filter(None, (f"retry: {{{retry}}}", settings)))
        text = GATEWAY.replace("ENDPOINTS", ", ".join(f'"{each}"' for each in endpoints))
        gateway = await serve(gateway=text.replace("SETTINGS", settings), **configuration)
        upstream = gateway.upstreams["backend"]
        upstream.choose = lambda request: upstream.endpoints[0]
        started.append(gateway)
        return gateway

    async def leave(gateway):
        for connection in list(gateway.connections):
            connection.kill()
        pending, _ = counted(gateway)
        await until(lambda: counted(gateway) == ([0] * len(pending), 0))

    yield start
    for gateway in started:
        await leave(gateway)


@pytest.fixture
def asked(retrying, scripted, connect):
    """A client, the stream on which the first of two backends has its request, both of them, the gateway."""

    async def ask(data, **configuration):
        first, second = await scripted(), await scripted()
        gateway = await retrying(first.url, second.url, **configuration)
        client = await connect(gateway)
        await client.send(data)
        stream, _ = await first.requested()
        return client, stream, (first, second), gateway

    return ask


@pytest.fixture
def drawn(monkeypatch):
    """Say what is drawn for every pause: 0 is none, and 1,000,000 outlasts any test."""
    return lambda chance: monkeypatch.setattr(random, "random", lambda: chance)


# Nothing was sent.


@pytest.mark.parametrize(
    "away",
    [
        pytest.param(REFUSED, id="nobody listens"),
        pytest.param(NO_NAME, id="the name is not found"),
        pytest.param(NO_SOCKET, id="no Unix socket is there"),
    ],
)
@pytest.mark.parametrize(
    ("sent", "later", "forwarded"),
    [
        pytest.param(GET, b"", b"", id="GET"),
        pytest.param(POST, b"", b"hi", id="POST with its body"),
        pytest.param(POST[:-2], b"hi", b"hi", id="POST whose body is still to come"),
        pytest.param(POST[:-1], b"i", b"hi", id="POST with half of its body"),
        pytest.param(
            b"PATCH" + CHUNKED + b"2\r\nhi\r\n", b"0\r\n\r\n", b"2\r\nhi\r\n0\r\n\r\n", id="PATCH in chunks"
        ),
    ],
)
async def test_request_that_was_not_sent_goes_to_another_endpoint(
    retrying, scripted, connect, away, sent, later, forwarded
):
    """Any method may, and the body need not be complete."""
    backend = await scripted()
    gateway = await retrying(away, backend.url)
    client = await connect(gateway)
    await client.send(sent)
    stream, head = await backend.requested()
    assert sent.partition(b" ")[0] == head.partition(b" ")[0]
    assert ([0, 1], 1) == counted(gateway)
    await client.send(later)
    assert forwarded == await stream.exactly(len(forwarded))
    await stream.send(OK)
    assert (await client.until(b"\r\n\r\nok")).startswith(b"HTTP/1.1 200 ")
    assert NOTHING == counted(gateway)


async def test_client_is_told_once_that_it_may_send_its_body(retrying, scripted, connect):
    """The 100 is ours and no part of an answer: it stands in no attempt's way."""
    backend = await scripted()
    client = await connect(await retrying(REFUSED, backend.url))
    await client.send(b"POST" + HOST + b"Content-Length: 2\r\nExpect: 100-continue\r\n\r\n")
    assert (await client.head()).startswith(b"HTTP/1.1 100 ")
    stream, _ = await backend.requested()
    await client.send(b"hi")
    assert b"hi" == await stream.exactly(2)
    await stream.send(OK)
    assert (await client.head()).startswith(b"HTTP/1.1 200 ")


async def test_endpoint_that_is_away_is_no_reason_where_it_is_not_listed(retrying, scripted, connect):
    backend = await scripted()
    client = await connect(await retrying(REFUSED, backend.url, retry="after: [reset]"))
    await client.send(GET)
    assert (await client.head()).startswith(b"HTTP/1.1 502 ")
    assert [] == backend.taken


# The backend hung up.


@pytest.mark.parametrize(
    "answered",
    [pytest.param(b"", id="without a word"), pytest.param(b"HTTP/1.1 200 OK\r\nCont", id="in its head")],
)
@pytest.mark.parametrize(
    ("sent", "body"),
    [
        pytest.param(GET, b"", id="GET"),
        pytest.param(b"HEAD" + GET[3:], b"", id="HEAD"),
        pytest.param(b"DELETE" + GET[3:], b"", id="DELETE"),
        pytest.param(b"OPTIONS" + GET[3:], b"", id="OPTIONS"),
        pytest.param(PUT, b"hi", id="PUT with its body"),
        pytest.param(b"PUT" + CHUNKED + b"2\r\nhi\r\n0\r\n\r\n", b"2\r\nhi\r\n0\r\n\r\n", id="PUT in chunks"),
    ],
)
async def test_idempotent_request_is_sent_again_whole(asked, sent, body, answered):
    client, stream, (_, second), _ = await asked(sent)
    assert body == await stream.exactly(len(body))
    await stream.send(answered)
    stream.cut()
    again, head = await second.requested()
    assert sent.partition(b" ")[0] == head.partition(b" ")[0]
    assert body == await again.exactly(len(body))
    await again.send(OK)
    assert (await client.head()).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    ("sent", "answered", "reason"),
    [
        pytest.param(POST, b"", b"upstream_reset", id="POST without a word"),
        pytest.param(b"POST" + GET[3:], b"", b"upstream_reset", id="POST without a body"),
        pytest.param(POST, b"HTTP/1.1 2", b"upstream_reset", id="POST in the head of its answer"),
        pytest.param(b"PATCH" + POST[4:], b"", b"upstream_reset", id="PATCH"),
        pytest.param(b"PROPFIND" + GET[3:], b"", b"upstream_reset", id="a method of an extension"),
        pytest.param(PUT[:-1], b"", b"upstream_reset", id="PUT with half of its body"),
        pytest.param(GET, b"SSH-2.0-toy\r\n\r\n", b"upstream_protocol", id="GET with an answer that is none"),
    ],
)
async def test_request_that_may_do_harm_is_sent_once(asked, sent, answered, reason):
    client, stream, (_, second), gateway = await asked(sent)
    await stream.exactly(len(sent.partition(b"\r\n\r\n")[2]))
    await stream.send(answered)
    stream.cut()
    assert (await client.head()).startswith(b"HTTP/1.1 502 ")
    assert b'"reason":"%b"' % reason in await client.until(b"}")
    assert [] == second.taken
    assert NOTHING == counted(gateway)


async def test_body_that_was_streamed_is_not_there_to_send_again(asked):
    client, stream, (_, second), _ = await asked(PUT[:-1])
    await client.send(b"i")
    assert b"hi" == await stream.exactly(2)
    stream.cut()
    assert (await client.head()).startswith(b"HTTP/1.1 502 ")
    assert [] == second.taken


async def test_body_over_the_bound_is_not_held_to_send_again(asked):
    size = 1 << 20
    upload = b"PUT" + HOST + b"Content-Length: %d\r\n\r\n" % size + bytes(size)
    client, stream, (_, second), _ = await asked(upload)
    assert bytes(size) == await stream.exactly(size)
    stream.cut()
    assert (await client.head()).startswith(b"HTTP/1.1 502 ")
    assert [] == second.taken


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        pytest.param(GET, OK[:-1], id="in a counted body"),
        pytest.param(GET, OK[:-2], id="before a counted body"),
        pytest.param(
            GET, b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", id="between chunks"
        ),
        pytest.param(GET, b"HTTP/1.1 200 OK\r\n\r\nok", id="in a body that ends with the connection"),
        pytest.param(HANDSHAKE, SWITCHED, id="in a tunnel"),
    ],
)
async def test_answer_that_has_begun_is_never_begun_again(asked, until, sent, answered):
    client, stream, (_, second), gateway = await asked(sent, policies=SOCKETS)
    await stream.send(answered)
    await client.head()
    stream.cut()
    await until(lambda: second.taken or counted(gateway) == NOTHING)
    assert [] == second.taken
    assert b"HTTP/1.1" not in await client.rest()


@pytest.mark.parametrize(
    ("then", "status"),
    [pytest.param(b"", b"502", id="a reset follows"), pytest.param(BUSY, b"503", id="a failure follows")],
)
async def test_hint_that_has_reached_the_client_is_the_beginning_of_an_answer(asked, until, then, status):
    """It cannot be taken back, and the next attempt may hint at something else."""
    client, stream, (_, second), gateway = await asked(GET, retry="after: [reset, 503]")
    await stream.send(HINT)
    assert (await client.head()).startswith(b"HTTP/1.1 103 ")
    await stream.send(then)
    stream.close()
    await until(lambda: second.taken or counted(gateway) == NOTHING)
    assert [] == second.taken
    assert (await client.head()).startswith(b"HTTP/1.1 %b " % status)


# A connection that went stale.


@pytest.fixture
def stale(asked):
    """A client whose second request came on the same connection to the first backend, which cut it off."""

    async def start(data, **configuration):
        client, stream, backends, gateway = await asked(GET, **configuration)
        await stream.send(OK)
        await client.until(b"\r\n\r\nok")
        await client.send(data)
        await stream.head()
        await stream.exactly(len(data.partition(b"\r\n\r\n")[2]))
        stream.cut()
        return client, backends, gateway

    return start


@pytest.mark.parametrize(
    "retry",
    [
        pytest.param("attempts: 1", id="where one attempt is all there may be"),
        pytest.param("after: [503]", id="where a reset is not listed"),
        pytest.param("attempts: 2", id="where there may be two"),
    ],
)
async def test_stale_connection_is_replaced_without_an_attempt(stale, retry):
    """At the same endpoint, and nothing is counted as a retry."""
    client, (first, second), gateway = await stale(GET, retry=retry)
    fresh, _ = await first.requested()
    assert ([1, 0], 0) == counted(gateway)
    await fresh.send(OK)
    assert (await client.until(b"\r\n\r\nok")).startswith(b"HTTP/1.1 200 ")
    assert [] == second.taken


async def test_attempts_are_counted_from_the_fresh_connection(stale):
    """Stale, cut off, answered: that is one request sent three times, in two attempts."""
    client, (first, second), gateway = await stale(GET, retry="attempts: 2")
    fresh, _ = await first.requested()
    fresh.cut()
    again, _ = await second.requested()
    assert ([0, 1], 1) == counted(gateway)
    await again.send(OK)
    assert (await client.until(b"\r\n\r\nok")).startswith(b"HTTP/1.1 200 ")
    assert (2, 1) == (len(first.taken), len(second.taken))


async def test_second_stale_connection_is_an_attempt(asked, connect):
    """Once is bad luck; a request is not sent for every connection that lies idle."""
    client, stream, (first, second), gateway = await asked(GET, retry="attempts: 2")
    upstream = gateway.upstreams["backend"]
    upstream.choose = lambda request: upstream.endpoints[1]
    other = await connect(gateway)
    await other.send(GET)
    idle, _ = await second.requested()
    await idle.send(OK)
    await other.until(b"\r\n\r\nok")
    upstream.choose = lambda request: upstream.endpoints[0]
    await stream.send(OK)
    await client.until(b"\r\n\r\nok")
    await client.send(GET)
    await stream.head()
    stream.cut()
    fresh, _ = await first.requested()
    fresh.cut()
    await idle.head()
    idle.cut()
    assert (await client.head()).startswith(b"HTTP/1.1 502 ")
    assert (2, 1) == (len(first.taken), len(second.taken))


async def test_stale_connection_of_a_request_that_may_do_harm_is_its_end(stale):
    client, (first, second), _ = await stale(POST)
    assert (await client.head()).startswith(b"HTTP/1.1 502 ")
    assert (1, 0) == (len(first.taken), len(second.taken))


async def test_connection_that_has_answered_something_was_not_stale(asked, until):
    """Only before the first byte of an answer can the backend have closed an idle connection."""
    client, stream, (first, _), gateway = await asked(GET, retry="attempts: 1")
    await stream.send(OK)
    await client.until(b"\r\n\r\nok")
    await client.send(GET)
    await stream.head()
    await stream.send(HINT)
    assert (await client.head()).startswith(b"HTTP/1.1 103 ")
    stream.cut()
    await until(lambda: len(first.taken) > 1 or counted(gateway) == NOTHING)
    assert 1 == len(first.taken)
    assert (await client.head()).startswith(b"HTTP/1.1 502 ")


# Answers that tell of a failure.


@pytest.mark.parametrize("status", [502, 503, 504])
async def test_status_that_is_listed_is_tried_again(asked, status):
    client, stream, (_, second), gateway = await asked(GET, retry=f"after: [{status}]")
    await stream.send(BUSY.replace(b"503", b"%d" % status))
    again, _ = await second.requested()
    assert ([0, 1], 1) == counted(gateway)
    await again.send(OK)
    assert (await client.until(b"ok")).startswith(b"HTTP/1.1 200 ")
    assert NOTHING == counted(gateway)


@pytest.mark.parametrize(
    ("sent", "status", "retry"),
    [
        pytest.param(GET, 503, "", id="a status is not listed unless somebody lists it"),
        pytest.param(GET, 503, "after: [502, 504]", id="a status that is not listed"),
        pytest.param(POST, 503, STATUSES, id="POST, which the backend may have done"),
        pytest.param(PUT[:-1], 503, STATUSES, id="PUT whose body is still to come"),
        pytest.param(GET, 500, STATUSES, id="a mistake of the backend, which it would make again"),
        pytest.param(GET, 429, STATUSES, id="a client that asks too much"),
    ],
)
async def test_other_answers_are_passed_on(asked, sent, status, retry):
    client, stream, (_, second), _ = await asked(sent, retry=retry)
    await stream.send(BUSY.replace(b"503", b"%d" % status))
    assert (await client.until(b"\r\n\r\nbusy")).startswith(b"HTTP/1.1 %d " % status)
    assert [] == second.taken


def busy(retry_after):
    return BUSY.replace(b"\r\n\r\n", b"\r\nRetry-After: " + retry_after + b"\r\n\r\n")


@pytest.mark.parametrize(
    "retry_after",
    [
        pytest.param(b"0", id="no pause at all"),
        pytest.param(b"Mon, 01 Jan 2001 00:00:00 GMT", id="a pause that is over"),
        pytest.param(b"soon", id="nothing that can be understood"),
    ],
)
async def test_backend_that_asks_for_no_pause_is_tried_again(asked, retry_after):
    """RFC 9110 10.2.3."""
    client, stream, (_, second), _ = await asked(GET, retry=STATUSES)
    await stream.send(busy(retry_after))
    again, _ = await second.requested()
    await again.send(OK)
    assert (await client.head()).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    ("retry_after", "settings"),
    [
        pytest.param(b"2", "", id="longer than we pause"),
        pytest.param(b"99999999999999999999", "", id="for ever"),
        pytest.param(b"Fri, 01 Jan 2100 00:00:00 GMT", "", id="until a day that is far"),
        pytest.param(b"1", "timeouts: {response: 900ms}", id="longer than the response may take"),
    ],
)
async def test_backend_that_asks_for_too_long_a_pause_has_the_last_word(asked, retry_after, settings):
    """The client gets its answer, and can keep to it."""
    client, stream, (_, second), gateway = await asked(GET, retry=STATUSES, settings=settings)
    await stream.send(busy(retry_after))
    answer = await client.until(b"busy")
    assert answer.startswith(b"HTTP/1.1 503 ")
    assert b"Retry-After: " + retry_after in answer.split(b"\r\n")
    assert (NOTHING, []) == (counted(gateway), second.taken)


async def test_nobody_is_asked_before_the_pause_that_a_backend_asks_for(asked):
    client, stream, (_, second), _ = await asked(GET, retry=STATUSES)
    began = asyncio.get_running_loop().time()
    await stream.send(busy(b"1"))
    again, _ = await second.requested()
    assert asyncio.get_running_loop().time() - began >= 0.99
    await again.send(OK)
    assert (await client.head()).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(BUSY, id="with a counted body"),
        pytest.param(BUSY[:-2], id="with a half of a counted body"),
        pytest.param(BUSY[:-4], id="before a counted body"),
        pytest.param(
            b"HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbusy\r\n0\r\n\r\n", id="chunked"
        ),
        pytest.param(
            b"HTTP/1.1 503 Busy\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nbu", id="with half a chunk"
        ),
        pytest.param(b"HTTP/1.1 503 Busy\r\n\r\nbusy", id="with a body that ends with the connection"),
        pytest.param(b"HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n", id="without a body"),
    ],
)
async def test_nothing_of_a_failed_answer_reaches_the_client(asked, until, answer):
    """And what cannot be used again of its connection is closed."""
    client, stream, (_, second), gateway = await asked(GET, retry=STATUSES)
    await stream.send(answer)
    again, _ = await second.requested()
    await again.send(OK)
    got = await client.until(b"ok")
    assert (b"HTTP/1.1 200 ", False) == (got[:13], b"busy" in got)
    pool = gateway.upstreams["backend"].endpoints[0].pool
    await until(lambda: pool.open == pool.idle)


async def test_last_failed_answer_is_passed_on_as_it_is(asked):
    client, stream, (_, second), gateway = await asked(GET, retry=STATUSES)
    await stream.send(BUSY)
    again, _ = await second.requested()
    await again.send(BUSY.replace(b"Content", b"Retry-After: 7\r\nX-Try: second\r\nContent"))
    answer = await client.until(b"\r\n\r\nbusy")
    assert answer.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    assert {b"Retry-After: 7", b"X-Try: second"} <= set(answer.split(b"\r\n"))
    assert NOTHING == counted(gateway)


# How often, and which endpoint.


@pytest.mark.parametrize("attempts", [1, 2, 3, 5])
async def test_attempts_are_tries_in_all(retrying, scripted, connect, drawn, attempts):
    """One endpoint is asked again and again, where it is the only one."""
    drawn(0)
    backend = await scripted()
    gateway = await retrying(backend.url, retry=f"attempts: {attempts}")
    client = await connect(gateway)
    await client.send(GET)
    heads = set()
    for _ in range(attempts):
        stream, head = await backend.requested()
        # Where the request is sampled, each attempt calls by a span of its own.
        heads.add(re.sub(rb"(?m)^(traceparent: .{35}-)[0-9a-f]{16}", rb"\1", head))
        assert 1 == counted(gateway)[0][0]
        stream.cut()
    answer = await client.head()
    assert (b"HTTP/1.1 502 ", attempts) == (answer[:13], len(backend.taken))
    assert 1 == len(heads), "every attempt says the same, with the same X-Request-Id"
    sent = next(line for line in heads.pop().split(b"\r\n") if line.startswith(b"X-Request-Id: "))
    assert sent in answer.split(b"\r\n")
    assert ([0], 0) == counted(gateway)


@pytest.mark.parametrize(
    ("attempts", "failures"), [(2, [0, 1, 1]), (3, [1, 1, 1]), (4, [1, 1, 2])], ids="{} attempts".format
)
async def test_endpoints_that_were_not_tried_come_first(retrying, connect, drawn, attempts, failures):
    drawn(0)
    away = [f"http://127.0.0.1:{port}" for port in (1, 2, 3)]
    gateway = await retrying(*away, retry=f"attempts: {attempts}")
    client = await connect(gateway)
    await client.send(GET)
    assert (await client.head()).startswith(b"HTTP/1.1 502 ")
    assert failures == sorted(endpoint.failures for endpoint in gateway.upstreams["backend"].endpoints)


# What is counted, and how it ends.


@pytest.fixture
def burst(retrying, scripted, connect, until):
    """Clients whose requests came to the first of two backends at once, which cut all of them off."""

    async def start(count, **configuration):
        first, second = await scripted(), await scripted()
        gateway = await retrying(first.url, second.url, **configuration)
        clients = [await connect(gateway) for _ in range(count)]
        for client in clients:
            await client.send(GET)
        streams = [(await first.requested())[0] for _ in clients]
        for stream in streams:
            stream.cut()
        await until(lambda: counted(gateway)[0][0] == 0)
        return clients, second, gateway

    return start


@pytest.mark.parametrize(
    ("share", "count", "granted"),
    [
        pytest.param("20%", 2, 2, id="fewer than the floor"),
        pytest.param("20%", 8, 3, id="the floor is more than a share of a few"),
        pytest.param("0%", 8, 3, id="the floor is there without a share"),
        pytest.param("50%", 8, 4, id="half of them"),
        pytest.param("100%", 8, 8, id="all of them"),
    ],
)
async def test_budget_holds_in_a_burst(burst, share, count, granted):
    """The others are told at once, and when all have their answers nothing is counted any more."""
    clients, second, gateway = await burst(count, retry=f"budget: {share}")
    assert ([0, granted], granted) == counted(gateway)
    for _ in range(granted):
        stream, _ = await second.requested()
        await stream.send(OK)
    statuses = [(await client.head())[9:12] for client in clients]
    assert [b"200"] * granted + [b"502"] * (count - granted) == sorted(statuses)
    assert NOTHING == counted(gateway)


async def test_request_that_is_a_retry_already_needs_no_other_share(burst, until):
    """Three may be under way, and it is the same three that are tried once more."""
    _, second, gateway = await burst(3, retry="attempts: 3")
    streams = [(await second.requested())[0] for _ in range(3)]
    for stream in streams:
        stream.cut()
    endpoint = gateway.upstreams["backend"].endpoints[1]
    await until(lambda: endpoint.failures == 3)
    pending, under_way = counted(gateway)
    assert (3, 3) == (sum(pending), under_way)


@pytest.mark.parametrize(
    ("sent", "answered"),
    [
        pytest.param(HANDSHAKE, SWITCHED, id="a tunnel"),
        pytest.param(GET, b"HTTP/1.1 200 OK\r\n\r\ndata: 1\n\n", id="a stream of events"),
    ],
)
async def test_answer_that_has_begun_holds_no_share(retrying, scripted, connect, sent, answered):
    """It may last for hours: three of them would leave no other request an attempt."""
    backend = await scripted()
    gateway = await retrying(REFUSED, backend.url, policies=SOCKETS)
    client = await connect(gateway)
    await client.send(sent)
    stream, _ = await backend.requested()
    assert ([0, 1], 1) == counted(gateway)
    await stream.send(answered)
    await client.head()
    assert ([0, 1], 0) == counted(gateway)


@pytest.mark.parametrize(
    "answered",
    [
        pytest.param(b"", id="before the answer"),
        pytest.param(OK[:-1], id="in the middle of the answer"),
    ],
)
async def test_client_that_leaves_in_the_second_attempt(asked, until, answered):
    client, stream, (_, second), gateway = await asked(GET)
    stream.cut()
    again, _ = await second.requested()
    assert ([0, 1], 1) == counted(gateway)
    if answered:
        await again.send(answered)
        await client.head()
    client.cut()
    assert b"" == await again.rest()
    await until(lambda: counted(gateway) == NOTHING)


async def test_answer_of_the_second_attempt_that_breaks_off(asked):
    client, stream, (_, second), gateway = await asked(GET, retry="attempts: 3")
    stream.cut()
    again, _ = await second.requested()
    await again.send(OK[:-1])
    await client.head()
    again.cut()
    assert b"o" == await client.rest()
    assert NOTHING == counted(gateway)


async def test_other_endpoint_without_room_ends_the_attempts(asked, connect):
    settings = "pool: {max_connections: 1, max_pending: 0}"
    client, stream, (_, second), gateway = await asked(GET, settings=settings, retry="attempts: 3")
    upstream = gateway.upstreams["backend"]
    upstream.choose = lambda request: upstream.endpoints[1]
    await (await connect(gateway)).send(GET)
    await second.requested()
    stream.cut()
    assert (await client.head()).startswith(b"HTTP/1.1 503 ")
    assert b'"reason":"upstream_busy"' in await client.until(b"}")
    assert ([0, 1], 0) == counted(gateway)


# How long.


async def test_time_for_the_response_covers_all_attempts(asked):
    client, stream, (_, second), gateway = await asked(GET, settings="timeouts: {response: 50ms}")
    stream.cut()
    again, _ = await second.requested()
    assert (await client.head()).startswith(b"HTTP/1.1 504 ")
    assert b"" == await again.rest(), "the connection cannot be used again"
    assert NOTHING == counted(gateway)


async def test_attempt_brings_no_time_of_its_own(asked):
    _, stream, (_, second), gateway = await asked(GET)
    connection = next(iter(gateway.connections))
    deadline, began = connection.deadline, gateway.clock.now
    gateway.clock.tick()
    stream.cut()
    await second.requested()
    assert began < gateway.clock.now
    assert deadline == connection.deadline


async def test_other_endpoint_is_asked_without_a_pause(asked, drawn):
    drawn(1_000_000)
    client, stream, (_, second), _ = await asked(GET)
    stream.cut()
    again, _ = await second.requested()
    await again.send(OK)
    assert (await client.head()).startswith(b"HTTP/1.1 200 ")


@pytest.fixture
def paused(retrying, scripted, connect, drawn, until):
    """A client whose request waits to be sent to the only endpoint again, and what to wait for if it goes."""

    async def start(**configuration):
        drawn(1_000_000)
        backend = await scripted()
        gateway = await retrying(backend.url, **configuration)
        client = await connect(gateway)
        before = asyncio.all_tasks()
        await client.send(GET)
        stream, _ = await backend.requested()
        stream.cut()
        await until(lambda: counted(gateway) == ([1], 1))
        return client, backend, gateway, lambda: asyncio.all_tasks() <= before

    return start


async def test_client_that_leaves_in_the_pause_ends_it(paused, until):
    client, backend, gateway, is_over = await paused()
    assert not is_over()
    client.cut()
    await until(is_over)
    assert ([0], 0) == counted(gateway)
    assert 1 == len(backend.taken)


async def test_client_that_only_ends_its_side_waits_on(paused):
    """RFC 9112 9.6: a half-closed connection is not one that left."""
    client, *_ = await paused(settings="timeouts: {response: 50ms}")
    client.end()
    assert (await client.rest()).startswith(b"HTTP/1.1 504 ")


async def test_time_for_the_response_ends_the_pause(paused, until):
    client, backend, gateway, is_over = await paused(settings="timeouts: {response: 50ms}")
    assert (await client.head()).startswith(b"HTTP/1.1 504 ")
    assert b'"reason":"upstream_timeout"' in await client.until(b"}")
    await until(is_over)
    assert ([0], 0) == counted(gateway)
    assert 1 == len(backend.taken)


async def test_body_that_grows_too_large_ends_the_attempts(retrying, connect, until, drawn):
    """It came while its request waited to be sent for the first time."""
    drawn(1_000_000)
    gateway = await retrying(REFUSED, more="limits: {body: 4B}\n")
    client = await connect(gateway)
    await client.send(b"POST" + CHUNKED)
    await until(lambda: counted(gateway) == ([1], 1))
    await client.send(b"5\r\nhello\r\n")
    assert (await client.head()).startswith(b"HTTP/1.1 413 ")
    assert ([0], 0) == counted(gateway)


async def test_every_attempt_names_the_endpoint_that_gets_it(asked):
    """Where `host: endpoint` says so; all else stays the same."""
    client, stream, (first, second), _ = await asked(GET, retry=STATUSES, settings="host: endpoint")
    await stream.send(BUSY)
    again, head = await second.requested()
    assert f"Host: {second.url.removeprefix('http://')}".encode() in head.split(b"\r\n")
    await again.send(OK)
    assert (await client.head()).startswith(b"HTTP/1.1 200 ")
    assert 1 == len(first.taken)
