"""What a host name stands for."""

import asyncio
import socket

import pytest

from gateway.config.snapshot import Address
from gateway.upstream.resolution import Resolution, is_name, resolve


class Names:
    """A name server: `answer` is what it says, an error what it fails with."""

    def __init__(self) -> None:
        self.asked = 0
        self.answer = ("192.0.2.1",)
        self.open = asyncio.Event()
        self.open.set()

    async def __call__(self, host, port):
        self.asked += 1
        await self.open.wait()
        if isinstance(self.answer, OSError):
            raise self.answer
        return self.answer


@pytest.fixture
async def names():
    return Names()


@pytest.fixture
def resolution(names):
    return Resolution(Address("pay.internal", 80), names)


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        pytest.param(Address("pay.internal", 80), True, id="a name"),
        pytest.param(Address("localhost", 80), True, id="a name that everybody has"),
        pytest.param(Address("192.0.2.1", 80), False, id="IPv4"),
        pytest.param(Address("2001:db8::1", 80), False, id="IPv6"),
        pytest.param(Address(unix="/run/pay.sock"), False, id="a Unix socket"),
    ],
)
def test_only_names_are_looked_up(address, expected):
    assert expected is is_name(address)


async def test_answer_is_kept(resolution, names):
    assert [("192.0.2.1",)] * 2 == [await resolution.addresses() for _ in range(2)]
    assert (1, ("192.0.2.1",)) == (names.asked, resolution.known)


async def test_better_answer_replaces_it(resolution, names):
    await resolution.addresses()
    names.answer = ("192.0.2.2", "192.0.2.3")
    await resolution.ask()
    assert names.answer == await resolution.addresses()


async def test_failure_replaces_nothing(resolution, names):
    await resolution.addresses()
    names.answer = socket.gaierror("no server is there")
    with pytest.raises(socket.gaierror):
        await resolution.ask()
    assert ("192.0.2.1",) == await resolution.addresses()


async def test_first_failure_is_told_and_asked_again(resolution, names):
    """Who has no answer has nothing to keep."""
    names.answer = socket.gaierror("no such name")
    for _ in range(2):
        with pytest.raises(socket.gaierror):
            await resolution.addresses()
    assert 2 == names.asked


async def test_all_who_ask_at_once_wait_for_one_answer(resolution, names, until):
    """And one who leaves does not take it from the others."""
    names.open.clear()
    leaving, *staying = [asyncio.create_task(resolution.addresses()) for _ in range(3)]
    await until(lambda: names.asked)
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    names.open.set()
    assert [("192.0.2.1",)] * 2 == await asyncio.gather(*staying)
    assert (1, True) == (names.asked, leaving.cancelled())


async def test_failure_that_nobody_waits_for_is_no_loose_end(resolution, names, until):
    """The one who asked has left; the loop does not complain."""
    complaints = []
    asyncio.get_running_loop().set_exception_handler(lambda loop, context: complaints.append(context))
    names.open.clear()
    names.answer = socket.gaierror("no such name")
    leaving = asyncio.create_task(resolution.addresses())
    await until(lambda: names.asked)
    leaving.cancel()
    await asyncio.gather(leaving, return_exceptions=True)
    names.open.set()
    await until(lambda: resolution._asking is None)
    assert ([], ()) == (complaints, resolution.known)


async def test_system_knows_this_machine():
    assert {"127.0.0.1", "::1"} >= set(await resolve("localhost", 80))


async def test_addresses_stand_once(monkeypatch):
    """However many kinds of socket there are for one."""

    async def getaddrinfo(host, port, *, type):
        return [(socket.AF_INET, type, 6, "", ("192.0.2.1", port))] * 2

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    assert ("192.0.2.1",) == await resolve("pay.internal", 80)
