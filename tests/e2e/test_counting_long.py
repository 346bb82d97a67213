"""What the metrics page counts is what clients and backends count, to the last request and the last byte.

Clients keep their connections as long as they can, ask for every status there is, send what cannot be read,
and leave before an answer or in the middle of one; backends hang up likewise.
"""

import asyncio
import socket
from collections import Counter
from random import Random
from struct import pack
from typing import final

import pytest
import uvloop

CLIENTS = 32
POLICIES = """\
defaults: {auth: public}
routes:
  - {id: all, match: {path: "/{rest...}"}, upstream: backend}
  - {id: few, match: {path: /few}, respond: {status: 204}, quota: [few]}
  - {id: got, match: {path: /got, methods: [GET]}, upstream: backend}
tiers:
  few: {limit: 3/1h, key: address}
"""
STATUSES = [status for status in range(200, 600) if status not in (204, 304)]
BODY = b"0123456789"
# What becomes of most requests, and now and then of one.
USUAL = ("status", "status", "status", "status", "empty", "head", "upload", "few", "got", "none", "refused")
SELDOM = ("left", "cut", "broken", "silent", "unreadable")


def pytest_asyncio_loop_factories(config, item):
    """The loop that the gateway runs on."""
    return {"uvloop": uvloop.new_event_loop}


@final
class Counts:
    """What one side has seen."""

    def __init__(self) -> None:
        self.requests = Counter()
        self.sent = Counter()
        self.received = Counter()
        self.aborted = Counter()
        self.attempts = 0
        self.responses = Counter()
        # Who waits until the backend has its request, by the number of that.
        self.waiting = {}


@final
class Backend(asyncio.Protocol):
    """Does what the path of a request says."""

    def __init__(self, counts) -> None:
        self._counts = counts
        self._buffer = b""

    def connection_made(self, transport) -> None:
        self._transport = transport

    def data_received(self, data) -> None:
        self._buffer += data
        head, mark, body = self._buffer.partition(b"\r\n\r\n")
        if not mark or len(body) < length_of(head):
            return
        self._buffer = b""
        counts = self._counts
        counts.attempts += 1
        method, target, _ = head.split(b" ", 2)
        _, what, number, *_ = [*target.split(b"/"), b"", b""]
        if what == b"left":
            counts.waiting.pop(number)()
        elif what == b"silent":
            self._transport.close()
        elif what in (b"cut", b"broken"):
            counts.responses["200"] += 1
            self._transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\n" + BODY)
            if what == b"broken":
                self._transport.close()
        else:
            status = number if what == b"status" else b"204" if what == b"none" else b"200"
            counts.responses[status.decode()] += 1
            content = b"" if what in (b"none", b"empty") else BODY
            fields = b"" if what == b"none" else b"Content-Length: %d\r\n" % len(content)
            written = b"HTTP/1.1 %b X\r\n%b\r\n" % (status, fields)
            self._transport.write(written if method == b"HEAD" else written + content)


@final
class Client(asyncio.Protocol):
    """Sends `left` requests one after the other, over as few connections as can be."""

    def __init__(self, counts, port, seed, left) -> None:
        self._counts = counts
        self._port = port
        self._random = Random(seed)
        self._seed = seed
        self._left = left
        self._buffer = b""
        self._connecting = None
        self.done = asyncio.get_running_loop().create_future()

    def connect(self) -> None:
        loop = asyncio.get_running_loop()
        self._connecting = loop.create_task(loop.create_connection(lambda: self, "127.0.0.1", self._port))

    def connection_made(self, transport) -> None:
        self._transport = transport
        self._next()

    def connection_lost(self, error) -> None:
        if self._kind in ("broken", "unreadable") and self._buffer:
            self._take(whole=True)
        if not self.done.done():
            self.connect() if self._left else self.done.set_result(None)

    def data_received(self, data) -> None:
        self._buffer += data
        self._take(whole=False)

    def _next(self) -> None:
        """Send another one, or leave after the last."""
        if not self._left:
            self._kind = "end"
            return self._transport.close()
        self._left -= 1
        self._buffer = b""
        kind = self._kind = self._random.choice(USUAL if self._random.random() < 0.98 else SELDOM)
        number = b"%d.%d" % (self._seed, self._left)
        method, path, body = b"GET", b"/%b/%b" % (kind.encode(), number), b""
        self._route = "few" if kind == "few" else "got" if kind in ("got", "refused") else "all"
        if kind == "status":
            path = b"/status/%d" % self._random.choice(STATUSES)
        elif kind == "head":
            method = b"HEAD"
        elif kind == "upload":
            method, body = self._random.choice((b"POST", b"PUT", b"PATCH", b"DELETE", b"PROPFIND")), BODY
        elif kind in ("few", "got"):
            path = b"/" + kind.encode()
        elif kind == "refused":
            method, path = b"POST", b"/got"
            self._route = "_method_not_allowed"
        elif kind == "unreadable":
            path, self._route = b"/a/../b", "_unreadable"
        elif kind == "left":
            self._counts.waiting[number] = self._leave
        self._method = method.decode() if method != b"PROPFIND" and kind != "unreadable" else "_OTHER"
        length = b"Content-Length: %d\r\n" % len(body) if body else b""
        self._transport.write(b"%b %b HTTP/1.1\r\nHost: a.test\r\n%b\r\n%b" % (method, path, length, body))
        self._counts.received[self._route] += len(body)
        return None

    def _leave(self) -> None:
        self._count("499", 0, aborted=True)
        self._cut()

    def _cut(self) -> None:
        # With a reset: who only ends its side still waits for the answer.
        taken = self._transport.get_extra_info("socket")
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, pack("ii", 1, 0))
        self._transport.abort()

    def _take(self, *, whole) -> None:
        """Count an answer when all of it is here; `whole` says that no more comes."""
        head, mark, body = self._buffer.partition(b"\r\n\r\n")
        if not mark or self._kind == "end":
            return
        length = 0 if self._method == "HEAD" else length_of(head)
        if self._kind == "cut":
            if len(body) == len(BODY):
                self._count("200", len(body), aborted=True)
                self._cut()
        elif len(body) == length or whole:
            kind, self._buffer = self._kind, b""
            self._count(head[9:12].decode(), len(body), aborted=len(body) < length)
            # The connection ends with these.
            if kind not in ("unreadable", "broken"):
                self._next()

    def _count(self, status, size, *, aborted) -> None:
        self._counts.requests[self._route, self._method, status] += 1
        self._counts.sent[self._route] += size if self._route != "_unreadable" else 0
        self._counts.aborted[self._route] += aborted


def length_of(head):
    _, mark, rest = head.lower().partition(b"content-length: ")
    return int(rest.split(b"\r\n", 1)[0]) if mark else 0


@pytest.mark.parametrize(
    "count",
    [
        pytest.param(4_000, id="some thousand requests"),
        pytest.param(1_000_000, id="a million requests", marks=pytest.mark.long),
    ],
)
async def test_nothing_is_counted_twice_or_not_at_all(serve, scrape, until, count):
    counts = Counts()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Backend(counts), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    gateway = await serve(f"http://127.0.0.1:{port}", policies=POLICIES)
    port = gateway.listeners[0].address.port
    clients = [Client(counts, port, seed, count // CLIENTS) for seed in range(CLIENTS)]
    for client in clients:
        client.connect()
    async with asyncio.timeout(60 + count / 500):
        await asyncio.gather(*[client.done for client in clients])
    await until(lambda: not gateway.books.in_flight and not gateway.connections)
    found = await scrape(gateway)
    server.close()
    told = {
        (each.labels["route"], each.labels["method"], each.labels["status"]): each.value
        for each in found.samples
        if each.name == "gateway_requests_total" and each.value
    }
    assert count == counts.requests.total()
    assert dict(counts.requests) == told
    for route in ("all", "few", "got", "_method_not_allowed", "_unreadable"):
        seen = (counts.received[route], counts.sent[route], counts.aborted[route])
        names = ("received_bytes", "sent_bytes", "requests_aborted")
        assert seen == tuple(found.total(f"gateway_{name}_total", route=route) for name in names), route
    assert counts.attempts == found.total("gateway_upstream_requests_total")
    statuses = {
        each.labels["status"]: each.value
        for each in found.samples
        if each.name == "gateway_upstream_responses_total" and each.value
    }
    assert dict(counts.responses) == statuses
    assert count == found.total("gateway_request_duration_seconds_count") + found.total(
        "gateway_requests_total", route="_unreadable"
    )
    assert counts.requests["few", "GET", "429"] == found.value("gateway_quota_refusals_total", tier="few")
