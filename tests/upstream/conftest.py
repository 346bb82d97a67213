"""Time that stands still until it is moved, endpoints, and requests that look for one."""

import asyncio

import pytest

from gateway.config.snapshot import Address
from gateway.config.snapshot import Pool as Bounds
from gateway.http.edits import Block
from gateway.http.request import Request
from gateway.upstream.dial import Dialer
from gateway.upstream.endpoint import Endpoint
from gateway.upstream.pool import Pool
from gateway.wire.clock import Clock


class Time:
    """A clock's hands."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock():
    """A clock that only `pass_time` moves."""
    return Clock(Time(), lambda: 1_700_000_000.0)


@pytest.fixture
def pass_time(clock):
    """Move the clock by so many seconds, and scan its deadlines."""

    def pass_seconds(seconds):
        clock.monotonic.now += seconds
        clock.tick()

    return pass_seconds


@pytest.fixture
def address():
    """The address of a scripted backend."""

    def of(backend):
        scheme, _, place = backend.url.partition("://")
        host, _, port = place.partition(":")
        return Address(host, int(port), tls=scheme == "https")

    return of


class Pauses:
    """Waits that end when a test says so; `asked` has their lengths."""

    def __init__(self) -> None:
        self.asked = []
        self.waiting = []

    async def __call__(self, seconds):
        self.asked.append(seconds)
        end = asyncio.get_running_loop().create_future()
        self.waiting.append(end)
        await end

    def end(self) -> None:
        """End those that are going on."""
        ending, self.waiting = self.waiting, []
        for each in ending:
            if not each.done():
                each.set_result(None)


@pytest.fixture
def pauses():
    return Pauses()


@pytest.fixture
def asked():
    """Makes requests; `lines` are the field lines that are forwarded."""

    def request(client="192.0.2.1", *, lines=(), **noted):
        values = {name.replace("_", "-").encode(): value for name, value in noted.items()}
        return Request(b"GET", b"h", b"/", b"", list(lines), values, 0, client, False, Block(()))

    return request


@pytest.fixture
def endpoints(clock):
    """Makes so many endpoints that nobody connects to."""

    def make(count):
        bounds = Bounds(max_connections=1, max_pending=1, wait=1.0, idle=1.0)
        places = [Address("10.0.0.1", 4000 + number) for number in range(count)]
        return [Endpoint(Pool(Dialer(place), bounds, 1.0, clock), "preserve") for place in places]

    return make
