"""Connections to one endpoint: how many, in which order, and that none is ever lost or counted twice."""

import asyncio
import socket

import pytest

from gateway.config.snapshot import Address
from gateway.config.snapshot import Pool as Bounds
from gateway.upstream.dial import Dialer
from gateway.upstream.pool import Pool
from gateway.upstream.resolution import resolve
from gateway.wire.tls import ClientTls
from gateway.wire.upstream import Fault, UpstreamError
from gateway.wire.upstream_states import Event, State


@pytest.fixture
async def pools(clock):
    """Makes pools that are closed in the end."""
    made = []

    def make(
        address,
        *,
        tls=None,
        max_connections=8,
        max_pending=8,
        wait=5.0,
        idle=30.0,
        connect=5.0,
        resolve=resolve,
    ):
        pool = Pool(
            Dialer(address, resolve, tls), Bounds(max_connections, max_pending, wait, idle), connect, clock
        )
        made.append(pool)
        return pool

    yield make
    for pool in made:
        pool.close()
    await settle()


@pytest.fixture
async def backend(scripted):
    return await scripted()


@pytest.fixture
def pool(pools, address, backend):
    """A pool of a backend that is there."""
    return lambda **bounds: pools(address(backend), **bounds)


@pytest.fixture
def fault():
    """What an acquisition fails with."""

    async def of(coming):
        with pytest.raises(UpstreamError) as raised:
            await coming
        return raised.value.fault

    return of


async def settle() -> None:
    """Let what was scheduled run."""
    for _ in range(8):
        await asyncio.sleep(0)


async def test_last_one_back_is_the_first_one_out(pool):
    """The others grow old together, and are closed before the backend closes them."""
    pool = pool()
    assert pool.take() is None
    first, second, third = [await pool.acquire() for _ in range(3)]
    for connection in (first, third, second):
        pool.put_back(connection)
    assert [second, third, first] == [await pool.acquire() for _ in range(3)]
    assert (3, 0) == (pool.open, pool.idle)


async def test_idle_connection_that_died_is_skipped(pool, backend, until):
    """Its end may be seen while it lies idle; the next one serves."""
    pool = pool()
    alive, dead = [await pool.acquire() for _ in range(2)]
    pool.put_back(alive)
    pool.put_back(dead)
    await backend.accept()
    (await backend.accept()).close()
    await until(lambda: pool.open == 1)
    assert (State.DEAD, alive, None) == (dead.state, pool.take(), pool.take())


async def test_bytes_that_nobody_asked_for_end_an_idle_connection(pool, backend, until):
    """They must never be taken for the answer to the next request."""
    pool = pool()
    pool.put_back(await pool.acquire())
    await (await backend.accept()).send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    await until(lambda: pool.open == 0)
    assert pool.take() is None


async def test_bound_is_kept_and_who_waits_is_served_in_turn(pool, until):
    pool = pool(max_connections=1)
    connection = await pool.acquire()
    order = []

    async def work(number):
        taken = await pool.acquire()
        order.append((number, taken))
        pool.put_back(taken)

    waiting = [asyncio.create_task(work(number)) for number in range(3)]
    await until(lambda: pool.waiting == 3)
    pool.put_back(connection)
    await asyncio.gather(*waiting)
    assert [(number, connection) for number in range(3)] == order
    assert (1, 1, 0) == (pool.open, pool.idle, pool.waiting)


async def test_once_somebody_has_waited_in_vain_the_queue_is_short_for_a_second(
    pool, fault, until, pass_time
):
    """More is asked than the endpoint can give: who may still wait does so for about one response."""
    pool = pool(max_connections=1, max_pending=3)
    connection = await pool.acquire()
    waiting = [asyncio.create_task(pool.acquire()) for _ in range(3)]
    await until(lambda: pool.waiting == 3)
    assert pool.is_full()
    for left in (2, 1):
        pool.put_back(connection)
        assert connection is await waiting.pop(0)
        assert (left, True) == (pool.waiting, pool.is_full())
    assert Fault.BUSY is await fault(pool.acquire())
    pool.put_back(connection)
    assert connection is await waiting.pop()
    assert (0, False) == (pool.waiting, pool.is_full())
    pass_time(1.1)
    waiting = [asyncio.create_task(pool.acquire()) for _ in range(3)]
    await until(lambda: pool.waiting == 3)
    for task in waiting:
        task.cancel()


async def test_who_has_given_up_no_longer_stands_in_the_queue(pool, fault, until):
    pool = pool(max_connections=1, max_pending=2, wait=0.001)
    connection = await pool.acquire()
    assert Fault.BUSY is await fault(pool.acquire())
    assert 0 == pool.waiting
    pool.put_back(connection)
    assert connection is await pool.acquire()


async def test_no_queue_is_full_while_a_connection_may_be_made(pool):
    pool = pool(max_connections=2, max_pending=0)
    await pool.acquire()
    assert not pool.is_full()
    await pool.acquire()
    assert pool.is_full()


async def test_too_many_in_the_queue_are_sent_away(pool, fault, until):
    pool = pool(max_connections=1, max_pending=1)
    await pool.acquire()
    waiting = asyncio.create_task(pool.acquire())
    await until(lambda: pool.waiting == 1)
    assert Fault.BUSY is await fault(pool.acquire())
    waiting.cancel()


async def test_wait_has_an_end(pool, fault):
    pool = pool(max_connections=1, wait=0.001)
    taken = await pool.acquire()
    assert Fault.BUSY is await fault(pool.acquire())
    pool.put_back(taken)
    assert (taken, 1) == (pool.take(), pool.open), "the one who gave up was not given it"


async def test_connection_that_is_gone_lets_the_next_one_make_its_own(pool, until):
    pool = pool(max_connections=1)
    gone = await pool.acquire()
    waiting = asyncio.create_task(pool.acquire())
    await until(lambda: pool.waiting == 1)
    gone.step(Event.RELEASED)
    fresh = await waiting
    assert (State.IDLE, 1) == (fresh.state, pool.open)
    assert gone is not fresh


async def test_connection_that_dies_on_its_way_to_who_waits_is_replaced(pool, until):
    """It was handed over idle, and broke before its taker could run."""
    pool = pool(max_connections=1)
    connection = await pool.acquire()
    waiting = asyncio.create_task(pool.acquire())
    await until(lambda: pool.waiting == 1)
    pool.put_back(connection)
    connection.data_received(b"unasked")
    fresh = await waiting
    assert (State.DEAD, State.IDLE, 1) == (connection.state, fresh.state, pool.open)


@pytest.mark.parametrize(
    "given",
    [
        pytest.param("a connection", id="a connection that was already handed over"),
        pytest.param("a place", id="a place that was already handed over"),
    ],
)
async def test_who_is_cancelled_passes_on_what_it_got(pool, until, given):
    """It left in the very tick in which its turn came."""
    pool = pool(max_connections=1)
    connection = await pool.acquire()
    leaving, next_one = [asyncio.create_task(pool.acquire()) for _ in range(2)]
    await until(lambda: pool.waiting == 2)
    if given == "a connection":
        pool.put_back(connection)
    else:
        connection.state = State.DEAD
        pool.forget(connection)
        connection._transport.abort()
        pool.open += 1
    leaving.cancel()
    taken = await next_one
    assert (State.IDLE, 1, 0) == (taken.state, pool.open, pool.waiting)
    assert leaving.cancelled()


async def test_who_is_cancelled_in_the_queue_leaves_no_trace(pool, until):
    pool = pool(max_connections=1)
    connection = await pool.acquire()
    leaving = asyncio.create_task(pool.acquire())
    await until(lambda: pool.waiting == 1)
    leaving.cancel()
    await settle()
    pool.put_back(connection)
    assert (connection, 1) == (pool.take(), pool.open)


async def test_connecting_that_is_called_off_counts_once(pool):
    """Whenever that is: before the socket is there, while it connects, when it just stands."""
    for ticks in range(12):
        attempt = pool(max_connections=1)
        connecting = asyncio.create_task(attempt.acquire())
        for _ in range(ticks):
            await asyncio.sleep(0)
        connecting.cancel()
        await asyncio.gather(connecting, return_exceptions=True)
        if not connecting.cancelled():
            connecting.result().step(Event.RELEASED)
        await settle()
        assert (ticks, 0) == (ticks, attempt.open)


@pytest.mark.parametrize(
    ("made_of", "expected"),
    [
        pytest.param(Address("127.0.0.1", 1), Fault.REFUSED, id="nobody listens"),
        pytest.param(Address(unix="/nowhere/backend.sock"), Fault.REFUSED, id="no Unix socket is there"),
        # The kernel sends no byte to a broadcast address for TCP.
        pytest.param(Address("255.255.255.255", 1), Fault.UNROUTABLE, id="no way leads there"),
        # A name that is longer than any: no resolver asks a server for it.
        pytest.param(Address(".".join(["a" * 63] * 4), 80), Fault.DNS, id="the name is not found"),
    ],
)
async def test_connection_that_cannot_be_made_tells_why(pools, fault, made_of, expected):
    """And whoever waited for its place may try."""
    pool = pools(made_of, max_connections=1)
    attempts = await asyncio.gather(fault(pool.acquire()), fault(pool.acquire()))
    assert [expected, expected] == attempts
    assert (0, 0) == (pool.open, pool.waiting)


async def test_name_that_is_not_found_in_time_is_told_apart_from_its_address(pools, fault):
    """Once the name stands for something, it is the address that does not take a connection."""
    found = asyncio.Event()

    async def resolve(host, port):
        await found.wait()
        return ("127.0.0.1",)

    pool = pools(Address("pay.internal", 1), connect=0.01, resolve=resolve)
    before = await fault(pool.acquire())
    found.set()
    await settle()
    assert (Fault.DNS_TIMEOUT, Fault.REFUSED, 0) == (before, await fault(pool.acquire()), pool.open)


async def test_unix_socket_serves_as_well(pools, scripted, tmp_path):
    """The same, without a port."""
    path = str(tmp_path / "backend.sock")
    await scripted(path)
    pool = pools(Address(unix=path))
    connection = await pool.acquire()
    pool.put_back(connection)
    assert (connection, 1) == (pool.take(), pool.open)


async def test_connections_are_closed_once_they_were_idle_too_long(pool, pass_time, until):
    """The oldest first; one that was used meanwhile counts anew."""
    pool = pool(idle=30.0)
    old, used = [await pool.acquire() for _ in range(2)]
    pool.put_back(old)
    pool.put_back(used)
    pass_time(20)
    pool.put_back(pool.take())
    pass_time(10)
    assert (State.DEAD, State.IDLE, 1) == (old.state, used.state, pool.idle)
    pass_time(20)
    assert State.DEAD == used.state
    await until(lambda: pool.open == 0)


async def test_connections_that_work_are_never_too_old(pool, pass_time):
    pool = pool(idle=30.0)
    connection = await pool.acquire()
    pass_time(3600)
    assert State.IDLE == connection.state


async def test_closed_pool_keeps_nothing(pool, clock, until):
    """Idle connections are closed, busy ones when they come back, and the clock forgets it."""
    pool = pool()
    idle, busy = [await pool.acquire() for _ in range(2)]
    pool.put_back(idle)
    pool.close()
    assert (State.DEAD, State.IDLE) == (idle.state, busy.state)
    pool.put_back(busy)
    await until(lambda: pool.open == 0)
    assert (State.DEAD, 0, set()) == (busy.state, pool.idle, clock.watched)


@pytest.fixture
def moving(pools, address, backend):
    """A pool of a name whose answer a test changes, and that answer; at first it is the backend's address."""
    answer = ["127.0.0.1"]

    async def resolve(host, port):
        if not answer:
            raise socket.gaierror("no server is there")
        return tuple(answer)

    return pools(Address("pay.internal", address(backend).port), resolve=resolve), answer


async def test_connections_to_an_address_that_left_serve_no_more(moving, until):
    """Idle ones are closed at once, those that work when they come back; what is new leads elsewhere."""
    pool, answer = moving
    idle, busy = [await pool.acquire() for _ in range(2)]
    pool.put_back(idle)
    answer[:] = ["127.0.0.2"]
    await pool.renew()
    assert (State.DEAD, State.IDLE, None) == (idle.state, busy.state, pool.take())
    answer[:] = ["127.0.0.1"]
    await pool.renew()
    pool.put_back(busy)
    assert State.DEAD == busy.state, "not even if the address is back meanwhile"
    await until(lambda: pool.open == 0)
    assert set() == pool.dialer.departed


async def test_connections_to_an_address_that_stayed_serve_on(moving):
    pool, answer = moving
    connection = await pool.acquire()
    pool.put_back(connection)
    answer.append("127.0.0.2")
    await pool.renew()
    assert (connection, ("127.0.0.1", "127.0.0.2")) == (pool.take(), pool.dialer.addresses)


async def test_name_that_is_not_found_again_keeps_its_addresses(moving, caplog):
    """A name server that is away takes no backend down."""
    pool, answer = moving
    connection = await pool.acquire()
    pool.put_back(connection)
    answer.clear()
    await pool.renew()
    assert (connection, ("127.0.0.1",)) == (pool.take(), pool.dialer.addresses)
    assert "not found" in caplog.text
    pool.put_back(connection)
    assert State.IDLE == (await pool.connect()).state


async def test_a_certificate_that_proves_nothing_is_told_apart(
    pools, address, scripted, authorities, authority, fault
):
    backend = await scripted(tls=next(authorities).server("127.0.0.1"))
    pool = pools(address(backend), tls=ClientTls(authority.client(), "127.0.0.1"))
    assert Fault.CERTIFICATE == await fault(pool.acquire())
    assert (0, []) == (pool.open, backend.taken)


async def test_a_backend_that_speaks_no_tls_is_told_apart(pools, address, backend, authority, fault):
    pool = pools(address(backend), tls=ClientTls(authority.client(), "127.0.0.1"))
    acquiring = asyncio.create_task(fault(pool.acquire()))
    await (await backend.accept()).send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    assert (Fault.TLS, 0) == (await acquiring, pool.open)


async def test_the_time_to_connect_covers_the_handshake(pools, address, backend, authority, fault):
    """One that gives up in the middle of it is counted once."""
    pool = pools(address(backend), tls=ClientTls(authority.client(), "127.0.0.1"), connect=0.05)
    assert Fault.CONNECT_TIMEOUT == await fault(pool.acquire())
    stream = await backend.accept()
    assert (0, b"\x16") == (pool.open, (await stream.rest())[:1])
