"""How a connection to an endpoint comes about. One address of loopback listens here, the others refuse."""

import asyncio
import socket
import ssl

import pytest

from gateway.config.snapshot import Address
from gateway.upstream.dial import Dialer
from gateway.wire.tls import ClientTls
from gateway.wire.upstream import Connection
from gateway.wire.upstream_states import Event, State


class Owner:
    """Takes back nothing."""

    def put_back(self, connection):
        raise AssertionError

    def forget(self, connection):
        pass


@pytest.fixture
async def backend(scripted):
    return await scripted()


@pytest.fixture
async def dialed():
    """Dials a new connection, which is released in the end."""
    made = []

    async def dial(dialer):
        connection = Connection(Owner())
        await dialer.dial(connection)
        made.append(connection)
        return connection

    yield dial
    for connection in made:
        connection.step(Event.RELEASED)


@pytest.fixture
def named(address, backend):
    """A Dialer of a name, at the port of the backend on 127.0.0.1, that stands for the given addresses."""

    def make(*answers):
        coming = list(answers)

        async def resolve(host, port):
            answer = coming.pop(0)
            if not answer:
                raise socket.gaierror("no such name")
            return answer

        return Dialer(Address("pay.internal", address(backend).port), resolve)

    return make


async def test_address_needs_no_look_up(address, backend, dialed):
    dialer = Dialer(address(backend))
    assert State.IDLE == (await dialed(dialer)).state
    assert (False, (), set()) == (dialer.has_name, dialer.addresses, await dialer.renew())


async def test_unix_socket_is_a_path(scripted, dialed, tmp_path):
    path = str(tmp_path / "backend.sock")
    await scripted(path)
    dialer = Dialer(Address(unix=path))
    assert (State.IDLE, False) == ((await dialed(dialer)).state, dialer.has_name)


async def test_name_is_looked_up_by_the_first_connection_only(named, dialed):
    dialer = named(("127.0.0.1",))
    assert (True, ()) == (dialer.has_name, dialer.addresses)
    await dialed(dialer)
    await dialed(dialer)
    assert ("127.0.0.1",) == dialer.addresses


async def test_address_that_refuses_is_passed_over(named, dialed):
    """Whichever comes first this time."""
    dialer = named(("127.0.0.9", "127.0.0.1"))
    assert [State.IDLE] * 3 == [(await dialed(dialer)).state for _ in range(3)]


async def test_addresses_take_turns(address, backend, named, dialed):
    """Two of them on one port; whose connections depart tells where they lead."""
    other = await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.2", address(backend).port)
    dialer = named(("127.0.0.1", "127.0.0.2"), ("127.0.0.1",))
    connections = [await dialed(dialer) for _ in range(4)]
    departed = await dialer.renew()
    other.close()
    assert [False, True, False, True] == [connection in departed for connection in connections]


async def test_last_refusal_is_told_where_all_refuse(named):
    dialer = named(("127.0.0.8", "127.0.0.9"))
    with pytest.raises(ConnectionRefusedError):
        await dialer.dial(Connection(Owner()))


async def test_name_that_is_not_found_says_so(named):
    with pytest.raises(socket.gaierror):
        await named(()).dial(Connection(Owner()))


async def test_departed_are_those_whose_address_left(named, dialed):
    """For good: what is behind it may be another when it comes back."""
    dialer = named(("127.0.0.1",), ("127.0.0.2", "127.0.0.1"), ("127.0.0.2",), ("127.0.0.1",))
    connection = await dialed(dialer)
    departed = [connection in await dialer.renew() for _ in range(3)]
    assert [False, True, True] == departed


async def test_what_is_gone_is_forgotten(named, dialed):
    dialer = named(("127.0.0.1",), ("127.0.0.2",), ("127.0.0.3",))
    gone, left = [await dialed(dialer) for _ in range(2)]
    dialer.forget(gone)
    assert {left} == await dialer.renew()
    dialer.forget(left)
    assert set() == await dialer.renew()


@pytest.fixture
def secured(address, authority):
    """A Dialer of `pay.internal`, which stands for loopback addresses and has to prove its name."""

    def make(backend, *answer, name="pay.internal"):
        async def resolve(host, port):
            return answer

        place = Address("pay.internal", address(backend).port, tls=True)
        return Dialer(place, resolve, ClientTls(authority.client(), name))

    return make


async def test_the_name_is_verified_at_the_address_that_it_stands_for(scripted, authority, secured, dialed):
    backend = await scripted(tls=authority.server("pay.internal"))
    dialer = secured(backend, "127.0.0.1")
    connection = await dialed(dialer)
    assert (State.IDLE, ("127.0.0.1",)) == (connection.state, dialer.addresses)


async def test_an_address_that_is_not_there_is_passed_over_with_tls_too(scripted, authority, secured, dialed):
    backend = await scripted(tls=authority.server("pay.internal"))
    assert State.IDLE == (await dialed(secured(backend, "127.0.0.9", "127.0.0.1"))).state


async def test_an_address_that_cannot_prove_the_name_is_not_passed_over(scripted, authority, secured):
    """Its neighbour could; but that somebody answers in its name must not go unseen."""
    backend = await scripted(tls=authority.server("other.internal"))
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        await secured(backend, "127.0.0.1", "127.0.0.9").dial(Connection(Owner()))


async def test_the_address_itself_proves_nothing(scripted, authority, secured):
    backend = await scripted(tls=authority.server("127.0.0.1"))
    with pytest.raises(ssl.SSLCertVerificationError, match="Hostname mismatch"):
        await secured(backend, "127.0.0.1").dial(Connection(Owner()))
