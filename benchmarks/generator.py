"""The load for machines without wrk: `benchmarks.generator URL CONNECTIONS SECONDS UPLOAD [FIELD ..]`.

UPLOAD is the bytes of a body to post, 0 to get. Bounded in time and in the number of answers. It costs more
CPU a request than a fast proxy does, so against one the requests/s are its own limit, and the proxy's CPU
time is what counts. Answers need a Content-Length.
"""

import asyncio
import json
import re
import sys
import time
from array import array
from typing import cast, final
from urllib.parse import urlsplit

import uvloop

_ANSWERS_AT_MOST = 5_000_000
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)\r\n", re.IGNORECASE)


@final
class Tally:
    """Seconds that each answer took, the errors, and whether it is time to stop."""

    __slots__ = ("errors", "latencies", "stopped")

    def __init__(self) -> None:
        self.errors = 0
        self.latencies = array("d")
        self.stopped = asyncio.Event()

    def note(self, seconds: float) -> None:
        """Count one complete answer."""
        self.latencies.append(seconds)
        if len(self.latencies) >= _ANSWERS_AT_MOST:
            self.stopped.set()

    def fail(self) -> None:
        """Count an answer that was not a success; the load is worth nothing then, so it stops."""
        self.errors += 1
        self.stopped.set()

    def percentile(self, percent: int) -> float:
        """The latency in milliseconds that `percent` of the answers did not exceed."""
        ordered = sorted(self.latencies)
        return round(ordered[(len(ordered) - 1) * percent // 100] * 1e3, 3) if ordered else 0.0


@final
class Caller(asyncio.Protocol):
    """One connection: asks, reads one whole answer, asks again."""

    __slots__ = ("_asked", "_head", "_left", "_request", "_tally", "_transport")

    _transport: asyncio.Transport

    def __init__(self, request: bytes, tally: Tally) -> None:
        self._request = request
        self._tally = tally
        self._head = b""
        self._left = 0  # bytes of the body that are still to come
        self._asked = 0.0

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # uvloop's transports do not inherit from asyncio's.
        self._transport = cast(asyncio.Transport, transport)
        self._ask()

    def data_received(self, data: bytes) -> None:
        if self._left:
            self._left -= len(data)
        elif not self._begin(self._head + data):
            return
        if self._left == 0:
            self._tally.note(time.perf_counter() - self._asked)
            self._ask()
        elif self._left < 0:
            self._tally.fail()

    def connection_lost(self, exc: Exception | None) -> None:
        if not self._tally.stopped.is_set():
            self._tally.fail()

    def _begin(self, data: bytes) -> bool:
        """Whether the head is complete; from then on `_left` says what is missing."""
        end = data.find(b"\r\n\r\n")
        if end < 0:
            self._head = data
            return False
        length = _LENGTH.search(data, 0, end + 2)
        if length is None or not data.startswith(b"HTTP/1.1 200 "):
            self._tally.fail()
            return False
        self._head = b""
        self._left = end + 4 + int(length[1]) - len(data)
        return True

    def _ask(self) -> None:
        if not self._tally.stopped.is_set():
            self._asked = time.perf_counter()
            self._transport.write(self._request)


def request_to(url: str, upload: int, fields: list[str]) -> bytes:
    """The bytes that each connection sends again and again."""
    target = urlsplit(url)
    method = "GET"
    if upload:
        method, fields = "POST", [*fields, f"Content-Length: {upload}"]
    lines = [f"{method} {target.path} HTTP/1.1", f"Host: {target.netloc}", *fields, "", ""]
    return "\r\n".join(lines).encode() + b"x" * upload


async def generate(url: str, connections: int, seconds: float, request: bytes) -> dict[str, float]:
    """Load a URL; what `benchmarks.load.Driven` holds. Raises OSError where nothing listens."""
    target = urlsplit(url)
    host, port = target.hostname or "", target.port or 80
    tally = Tally()
    loop = asyncio.get_running_loop()
    loop.call_later(seconds, tally.stopped.set)
    began = time.perf_counter()
    for _ in range(connections):
        await loop.create_connection(lambda: Caller(request, tally), host, port)
    await tally.stopped.wait()
    return {
        "requests": len(tally.latencies),
        "seconds": time.perf_counter() - began,
        "errors": tally.errors,
        "p50": tally.percentile(50),
        "p99": tally.percentile(99),
    }


if __name__ == "__main__":
    asked, at_once, duration, sent, *names = sys.argv[1:]
    load = generate(asked, int(at_once), float(duration), request_to(asked, int(sent), names))
    print(json.dumps(uvloop.run(load)))
