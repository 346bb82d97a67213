"""Time that stands still until it is moved, and addresses of real backends."""

import pytest

from gateway.config.snapshot import Address
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
        clock._monotonic.now += seconds
        clock.tick()

    return pass_seconds


@pytest.fixture
def address():
    """The address of a scripted backend."""

    def of(backend):
        host, _, port = backend.url.removeprefix("http://").partition(":")
        return Address(host, int(port))

    return of
