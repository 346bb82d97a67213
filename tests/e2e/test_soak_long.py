"""A million requests of every kind at once: nothing crosses to another client, and nothing is left behind.

Each request and each message of a WebSocket has a number of its own, which the backend says back. Clients
leave in the middle, bodies come in halves, backends hang up, and the configuration is loaded anew meanwhile.
"""

import asyncio
import os
import re
import signal
import socket
from collections import Counter
from pathlib import Path
from random import Random
from struct import pack

import pytest
import uvloop
from aiohttp import ClientSession, UnixConnector

CLIENTS = 64
AT_MOST = 1_000_000
# A machine that is slow, or busy, does fewer.
SECONDS = 300
# What memory may have grown by: what the allocator and the caches of a gateway keep, whatever the count.
GROWTH = 24 << 20
KINDS = (
    "get",
    "get",
    "get",
    "get",
    "get",
    "upload",
    "chunked",
    "slow",
    "none",
    "talk",
    "left",
    "part",
    "cut",
)
CONFIG = """\
version: 1
listeners: [{{address: "127.0.0.1:0"}}]
admin: {{address: "unix:{folder}/admin.sock"}}
telemetry: {{access_log: {{path: "{folder}/access.log"}}}}
upstreams: {{backend: {{endpoints: ["http://127.0.0.1:{port}"], pool: {{idle: 1s}}}}}}
policies: [policies]
"""
ROUTES = """\
defaults: {{auth: public, headers: {{preset: none, set: {{X-Generation: "{generation}"}}}}}}
routes:
  - {{id: talk, match: {{path: "/talk/{{rest...}}"}}, upstream: backend, upgrade: [websocket]}}
  - {{id: none, match: {{path: "/none/{{rest...}}"}}, respond: {{status: 204}}}}
  - {{id: all, match: {{path: "/{{rest...}}"}}, upstream: backend}}
"""
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
UPGRADE = (
    b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
)


def pytest_asyncio_loop_factories(config, item):
    """The faster loop: what asks and answers has to keep up."""
    return {"uvloop": uvloop.new_event_loop}


class Backend(asyncio.Protocol):
    """Says the number of each request back, in its field and all over its body, and echoes messages."""

    def __init__(self) -> None:
        self._buffer = b""
        self._talks = False

    def connection_made(self, transport) -> None:
        self._transport = transport

    def data_received(self, data) -> None:
        self._buffer += data
        while self._echo() if self._talks else self._answer():
            pass

    def _answer(self) -> bool:
        head, mark, rest = self._buffer.partition(b"\r\n\r\n")
        body = body_of(head, rest) if mark else None
        if body is None:
            return False
        self._buffer = rest[body[0] :]
        kind, number = head.split(b" ", 2)[1].split(b"/")[1:3]
        answer = b"HTTP/1.1 200 OK\r\nX-Number: %b\r\nContent-Length: %d\r\n\r\n"
        content = number * (500 if kind == b"get" and number.endswith(b"7") else 3)
        if kind == b"talk":
            self._talks = True
            self._transport.write(SWITCH)
        elif kind == b"cut":
            self._transport.write(answer % (number, len(content) + 9) + content)
            self._transport.close()
        else:
            if body[1] and body[1] != number * (len(body[1]) // len(number)):
                number = b"crossed"
            self._transport.write(answer % (number, len(content)) + content)
        return True

    def _echo(self) -> bool:
        # RFC 6455 5.2: short frames of a client have two bytes, four of the mask, and so many masked ones.
        size = self._buffer[1] & 0x7F if len(self._buffer) > 1 else 0
        if len(self._buffer) < 6 + size:
            return False
        frame, self._buffer = self._buffer[: 6 + size], self._buffer[6 + size :]
        self._transport.write(bytes((0x81, size)) + masked(frame[6:], frame[2:6]))
        return True


class Client(asyncio.Protocol):
    """Asks one thing after the other, and compares what comes with what was asked."""

    def __init__(self, soak, seed) -> None:
        self._soak = soak
        self._random = Random(seed)
        self._buffer = b""
        self._kind = ""
        self.done = asyncio.get_running_loop().create_future()

    def connect(self) -> None:
        loop = asyncio.get_running_loop()
        self._connecting = loop.create_task(
            loop.create_connection(lambda: self, "127.0.0.1", self._soak.port)
        )

    def connection_made(self, transport) -> None:
        self._transport = transport
        self._next()

    def connection_lost(self, error) -> None:
        if self._kind not in ("left", "part", "cut", "talk", "end") and not self.done.done():
            self._soak.fail(f"a connection ended in the middle of {self._kind} {self._number}")
        if self._soak.is_over:
            if not self.done.done():
                self.done.set_result(None)
        else:
            self.connect()

    def data_received(self, data) -> None:
        self._buffer += data
        if self._kind == "talk":
            return self._hear()
        head, mark, rest = self._buffer.partition(b"\r\n\r\n")
        if not mark or self._kind in ("left", "part"):
            return None
        if self._kind == "cut":
            return self._check(head, rest.removesuffix(self._number * 3))
        size = 0 if head.startswith(b"HTTP/1.1 204 ") else length_of(head)
        if len(rest) < size:
            return None
        self._check(head, b"" if rest == self._number * (size // len(self._number)) else rest)
        return self._next()

    def _check(self, head, wrong) -> None:
        if wrong or (b"X-Number: %b\r\n" % self._number not in head + b"\r\n" and self._kind != "none"):
            self._soak.fail(f"{self._number} got {head[:200]} and {wrong[:50]}")

    def _next(self) -> None:
        soak = self._soak
        self._buffer = b""
        if soak.is_over:
            self._kind = "end"
            return self._transport.close()
        self._kind = kind = self._random.choice(KINDS)
        self._number = number = soak.number(kind)
        target = b"/%b/%b" % (kind.encode(), number)
        head = b"%b %b HTTP/1.1\r\nHost: a.example\r\n"
        body = number * self._random.choice((1, 40, 4000))
        if kind in ("upload", "slow"):
            head = head % (b"POST", target) + b"Content-Length: %d\r\n\r\n" % len(body)
        elif kind == "chunked":
            head = head % (b"POST", target) + b"Transfer-Encoding: chunked\r\n\r\n"
            body = b"%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
        else:
            head, body = head % (b"GET", target) + (UPGRADE if kind == "talk" else b"") + b"\r\n", b""
        if kind == "slow":
            self._transport.write(head + body[:-1])
            return soak.later(self._finish, body[-1:])
        self._transport.write(head[:20] if kind == "part" else head + body)
        if kind in ("left", "part"):
            soak.later(self._leave)
        self._said = 0
        return None

    def _finish(self, rest) -> None:
        self._transport.write(rest)

    def _leave(self) -> None:
        taken = self._transport.get_extra_info("socket")
        taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, pack("ii", 1, 0))
        self._transport.abort()

    def _hear(self) -> None:
        """The next message of a WebSocket, three in all, each of which has to come back."""
        if not self._said:
            head, mark, self._buffer = self._buffer.partition(b"\r\n\r\n")
            if not mark:
                self._buffer = head
                return
        else:
            expected = b"\x81%c%b.%d" % (len(self._number) + 2, self._number, self._said)
            if len(self._buffer) < len(expected):
                return
            if self._buffer != expected:
                self._soak.fail(f"{expected} came back as {self._buffer[:50]}")
            self._buffer = b""
        if self._said == 3:
            return self._leave()
        self._said += 1
        text, mask = b"%b.%d" % (self._number, self._said), self._random.randbytes(4)
        self._transport.write(bytes((0x81, 0x80 | len(text))) + mask + masked(text, mask))


class Soak:
    """What all clients share: the numbers, what went wrong, and whether it is over."""

    def __init__(self, port) -> None:
        self.port = port
        self.asked = Counter()
        self.is_over = False
        self.failures = []

    def number(self, kind) -> bytes:
        self.asked[kind] += 1
        if self.asked.total() >= AT_MOST:
            self.is_over = True
        return b"%09d" % self.asked.total()

    def fail(self, what) -> None:
        self.failures.append(what)
        self.is_over = True

    def later(self, what, *arguments) -> None:
        asyncio.get_running_loop().call_later(0.001, what, *arguments)


def masked(data, mask):
    return bytes(byte ^ mask[place % 4] for place, byte in enumerate(data))


def length_of(head):
    _, mark, rest = head.lower().partition(b"content-length: ")
    return int(rest.split(b"\r\n", 1)[0]) if mark else 0


def body_of(head, rest):
    """How many bytes of `rest` are the body, and what it says; None where it is not all there."""
    if b"chunked" not in head.lower():
        size = length_of(head)
        return (size, rest[:size]) if len(rest) >= size else None
    end = rest.find(b"0\r\n\r\n") + 5 if rest.endswith(b"\r\n0\r\n\r\n") else 0
    # The gateway cuts a body into chunks as it comes.
    content, place = b"", 0
    while end and (size := int(rest[place : rest.index(b"\r\n", place)], 16)):
        place = rest.index(b"\r\n", place) + 2
        content += rest[place : place + size]
        place += size + 2
    return (end, content) if end else None


def resident(gateway):
    status = Path(f"/proc/{gateway.process.pid}/status").read_text()
    return int(re.search(r"VmRSS:\s+(\d+)", status)[1]) * 1024


def descriptors(gateway):
    return len(os.listdir(f"/proc/{gateway.process.pid}/fd"))


@pytest.mark.long
async def test_everything_at_once_leaves_nothing_behind(program, tmp_path):
    loop = asyncio.get_running_loop()
    server = await loop.create_server(Backend, "127.0.0.1", 0, backlog=1024)
    port = server.sockets[0].getsockname()[1]
    (tmp_path / "policies").mkdir()
    routes = tmp_path / "policies" / "routes.yaml"
    routes.write_text(ROUTES.format(generation=0))
    (tmp_path / "gateway.yaml").write_text(CONFIG.format(folder=tmp_path, port=port))
    gateway = await program("run", "--config", tmp_path / "gateway.yaml")
    soak = Soak(int(re.search(r"127\.0\.0\.1:(\d+)", await gateway.said("listening on "))[1]))
    await gateway.said("admin on ")
    opened, warm = descriptors(gateway), 0
    clients = [Client(soak, seed) for seed in range(CLIENTS)]
    for client in clients:
        client.connect()
    begun, reloads = loop.time(), 0
    while not soak.is_over:
        await asyncio.sleep(1)
        reloads += 1
        routes.write_text(ROUTES.format(generation=reloads))
        gateway.signal(signal.SIGHUP)
        await gateway.said(" serves")
        # What a gateway keeps for good it has after a quarter.
        took = loop.time() - begun
        is_warm = soak.asked.total() > AT_MOST / 4 or took > SECONDS / 4
        warm = warm or (resident(gateway) if is_warm else 0)
        soak.is_over |= took > SECONDS
    async with asyncio.timeout(20):
        await asyncio.gather(*[client.done for client in clients])
    assert [] == soak.failures
    print(soak.asked.total(), "requests:", dict(soak.asked))
    async with ClientSession(connector=UnixConnector(f"{tmp_path}/admin.sock")) as session:
        for _ in range(200):
            if not (open_still := await left(session)):
                break
            await asyncio.sleep(0.1)
    assert {} == open_still
    async with asyncio.timeout(20):
        while descriptors(gateway) > opened:  # noqa: ASYNC110 - the system tells nobody.
            await asyncio.sleep(0.1)
    assert resident(gateway) - warm < GROWTH
    assert set(KINDS) == soak.asked.keys()
    assert soak.asked.total() > 200 * SECONDS
    gateway.signal(signal.SIGTERM)
    status, _, err = await gateway.ended()
    assert (0, False) == (status, "Traceback" in err)
    server.close()


async def left(session):
    """What the metrics page says is still open, by its name."""
    async with session.get("http://localhost/metrics") as response:
        page = await response.text()
    found = {}
    for name in (
        *("gateway_requests_in_flight", "gateway_tunnels", "gateway_client_connections"),
        *("gateway_upstream_pending_requests", "gateway_upstream_waiting_requests"),
        "gateway_upstream_connections",
    ):
        for value in re.findall(rf"^{name}(?:{{[^}}]*}})? ([0-9.e+]+)$", page, re.MULTILINE):
            if float(value):
                found[name] = float(value)
    return found
