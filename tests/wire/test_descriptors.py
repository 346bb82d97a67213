"""Which descriptors clients may take, and how many there are."""

import resource

import pytest

from gateway.wire import descriptors
from gateway.wire.clock import Clock
from gateway.wire.descriptors import Descriptors, allowed


@pytest.fixture
def limits(monkeypatch):
    """Has the system allow so many descriptors, and gives what it was asked for."""
    asked = []

    def allow(soft, hard):
        monkeypatch.setattr(descriptors.resource, "getrlimit", lambda what: (soft, hard))
        monkeypatch.setattr(descriptors.resource, "setrlimit", lambda what, limits: asked.append(limits))
        return asked

    return allow


@pytest.mark.parametrize(
    ("soft", "hard", "found", "asked"),
    [
        pytest.param(1024, 4096, 4096, [(4096, 4096)], id="all that may be asked for"),
        pytest.param(4096, 4096, 4096, [], id="it has them already"),
        pytest.param(1024, 1 << 30, 1 << 20, [(1 << 20, 1 << 30)], id="not a billion"),
        pytest.param(1 << 30, 1 << 30, 1 << 30, [], id="nothing is given back"),
        pytest.param(
            *(1024, resource.RLIM_INFINITY, 1 << 20, [(1 << 20, resource.RLIM_INFINITY)]), id="no bound above"
        ),
        pytest.param(resource.RLIM_INFINITY, resource.RLIM_INFINITY, 1 << 20, [], id="no bound at all"),
    ],
)
def test_it_has_as_many_as_are_of_use(limits, soft, hard, found, asked):
    told = limits(soft, hard)
    assert (found, asked) == (allowed(), told)


def test_the_last_quarter_is_not_for_clients(limits, caplog):
    """It is told once a minute, however many come."""
    limits(64, 64)
    now = [1000.0]
    clock = Clock(lambda: now[0])
    room = Descriptors(clock)
    assert (True, False, False) == tuple(map(room.has_room, (47, 48, 49)))
    assert 56 == room.last
    assert ["descriptors run out: RLIMIT_NOFILE leaves clients 48, more are refused"] == caplog.messages
    now[0] += 61
    clock.tick()
    assert not room.has_room(48)
    assert 2 == len(caplog.messages)
