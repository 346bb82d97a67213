"""A connection to an endpoint on its own, and one that its backend has given up, over sockets."""

import asyncio

import pytest

from gateway.http.fields import RESPONSE_RULES, FieldTable
from gateway.wire.upstream import Connection, Fault, UpstreamError

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
HOST = b"Host: a.test\r\n"
EOF = b""
TABLE = FieldTable(RESPONSE_RULES)


class Ledger:
    """A relay and an owner that write down what they are told."""

    def __init__(self) -> None:
        self.told: list[object] = []

    def upstream_head(self, response):
        self.told.append(response.status)

    def upstream_data(self, chunk):
        self.told.append(chunk)

    def upstream_end(self, chunk):
        self.told.append((chunk, "end"))

    def upstream_failed(self, fault):
        self.told.append(fault)

    def upstream_paused(self):
        self.told.append("paused")

    def upstream_resumed(self):
        self.told.append("resumed")

    def put_back(self, connection):
        self.told.append("put back")

    def forget(self, connection):
        self.told.append("forgotten")


@pytest.fixture
async def asked(bench):
    """A connection that was asked something, its transport, and the Ledger of what it tells."""
    ledger = Ledger()
    connection = Connection(ledger)
    transport = type(bench.transport)(connection)
    connection.connection_made(transport)
    connection.ask(ledger, b"GET", TABLE, b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n")
    return connection, transport, ledger


@pytest.mark.parametrize(
    ("pieces", "told"),
    [
        pytest.param([OK], ["put back", 200, (b"ok", "end")], id="a whole response"),
        pytest.param(
            [OK[:-1], OK[-1:]], [200, b"o", "put back", (b"k", "end")], id="a response in two pieces"
        ),
        pytest.param([b"nonsense\r\n\r\n"], [Fault.PROTOCOL, "forgotten"], id="nonsense"),
        pytest.param([EOF], [Fault.RESET, "forgotten"], id="an end without a byte"),
        pytest.param([OK[:10], EOF], [Fault.INCOMPLETE, "forgotten"], id="an end in the head"),
        pytest.param([OK[:-1], EOF], [200, b"o", Fault.INCOMPLETE, "forgotten"], id="an end in the body"),
    ],
)
async def test_what_a_relay_is_told(bench, asked, pieces, told):
    _, transport, ledger = asked
    transport.feed(*pieces)
    await bench.settle()
    counted = [entry for entry in ledger.told if entry != b""]
    assert sorted(map(str, told)) == sorted(map(str, counted))


async def test_the_body_is_told_in_order(bench, asked):
    _, transport, ledger = asked
    transport.feed(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n1", b"2", b"34")
    assert [200, b"1", b"2", (b"34", "end")] == [entry for entry in ledger.told if entry != "put back"]


async def test_one_that_was_released_tells_nothing(bench, asked):
    connection, transport, ledger = asked
    connection.release()
    transport.feed(OK)
    await bench.settle()
    assert transport.aborted
    assert ["forgotten"] == ledger.told
    connection.write(b"more")
    assert b"more" not in transport.written


async def test_a_response_before_the_request_has_ended_is_the_last(bench):
    ledger = Ledger()
    connection = Connection(ledger)
    transport = type(bench.transport)(connection)
    connection.connection_made(transport)
    connection.begin(ledger, b"POST", TABLE, b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 9\r\n\r\na")
    transport.feed(OK)
    assert transport.closed
    assert "put back" not in ledger.told
    assert (b"ok", "end") == ledger.told[-1]


async def test_a_spent_one_does_not_wait_for_a_backend_that_takes_nothing(bench):
    _, pipe = bench.backends[-1]
    pipe.taking = False
    await bench.send(b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 10\r\n\r\nhello")
    pipe.feed(OK)
    await bench.settle()
    assert 1 == bench.pool.open


async def test_a_paused_one_reads_again_when_it_lies_idle(asked):
    connection, transport, ledger = asked
    transport.feed(OK[:-1])
    connection.pause()
    assert not transport.reading
    connection.data_received(OK[-1:])
    assert transport.reading
    assert "put back" in ledger.told


async def test_back_pressure_is_told(asked):
    connection, _, ledger = asked
    connection.pause_writing()
    connection.resume_writing()
    assert ["paused", "resumed"] == ledger.told


async def test_a_telling_name(asked):
    connection, _, _ = asked
    assert "<Connection HEAD served=0>" == repr(connection)
    assert Fault.DNS is UpstreamError(Fault.DNS).fault


async def exchange(port: int, *requests: bytes) -> bytes:
    async with asyncio.timeout(5):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        written = b""
        try:
            for request in requests:
                writer.write(request)
                written += await reader.readuntil(b"\r\n\r\n")
            writer.write_eof()
            written += await reader.read()
        finally:
            writer.close()
    return written


class Leaving(asyncio.Protocol):
    """A backend that answers the first requests of a connection and hangs up on the next."""

    def __init__(self, answers: list[bytes], seen: list[bytes]) -> None:
        self._answers = list(answers)
        self._seen = seen

    def connection_made(self, transport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._seen.append(data.split(b"\r\n")[0])
        if self._answers:
            self._transport.write(self._answers.pop(0))
        else:
            self._transport.close()


@pytest.fixture
async def leave(serve):
    """A gateway whose backend leaves; gives the gateway and what the backend has seen."""
    servers = []

    async def start(*answers: bytes):
        seen: list[bytes] = []
        loop = asyncio.get_running_loop()
        server = await loop.create_server(lambda: Leaving(list(answers), seen), "127.0.0.1", 0)
        servers.append(server)
        return await serve(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"), seen

    yield start
    for server in servers:
        server.close()


@pytest.mark.parametrize(
    "first",
    [
        pytest.param(OK, id="behind a counted response"),
        pytest.param(
            b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n",
            id="behind a chunked one",
        ),
        pytest.param(b"HTTP/1.1 204 No Content\r\n\r\n", id="behind one without a body"),
    ],
)
@pytest.mark.parametrize(
    ("request_line", "body", "status", "times"),
    [
        pytest.param(b"GET /2", b"\r\n", b"200", 2, id="a GET is repeated"),
        pytest.param(b"DELETE /2", b"\r\n", b"200", 2, id="a DELETE is repeated"),
        pytest.param(
            b"PUT /2", b"Content-Length: 1\r\n\r\na", b"200", 2, id="a PUT with its body is repeated"
        ),
        pytest.param(b"POST /2", b"Content-Length: 1\r\n\r\na", b"502", 1, id="a POST is not"),
        pytest.param(b"POST /2", b"\r\n", b"502", 1, id="a POST without a body is not"),
        pytest.param(b"PATCH /2", b"\r\n", b"502", 1, id="a PATCH is not"),
    ],
)
async def test_a_connection_that_went_stale(leave, first, request_line, body, status, times):
    gateway, seen = await leave(first)
    written = await exchange(
        gateway.listeners[0].address.port,
        b"GET /1 HTTP/1.1\r\n" + HOST + b"\r\n",
        request_line + b" HTTP/1.1\r\n" + HOST + body,
    )
    wanted = b"204" if status == b"200" and b"204" in first else status
    assert wanted == written.split(b"HTTP/1.1 ")[2][:3]
    assert [b"GET /1 HTTP/1.1", *[request_line + b" HTTP/1.1"] * times] == seen
    assert 0 == gateway.upstreams["backend"].endpoints[0].pending


async def test_a_fresh_connection_that_ends_is_not_tried_again(leave):
    gateway, seen = await leave()
    written = await exchange(gateway.listeners[0].address.port, b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")
    assert b"HTTP/1.1 502" == written[:12]
    assert b'"reason":"upstream_reset"' in written
    assert [b"GET / HTTP/1.1"] == seen


async def test_a_backend_that_is_not_there_is_a_502(serve):
    gateway = await serve()
    written = await exchange(gateway.listeners[0].address.port, b"GET / HTTP/1.1\r\n" + HOST + b"\r\n")
    assert b"HTTP/1.1 502" == written[:12]
    assert b'"reason":"upstream_refused"' in written
    assert 0 == gateway.upstreams["backend"].endpoints[0].pending
