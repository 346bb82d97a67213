"""The keeper as workers meet it: on real sockets, in real processes, and with what no worker should send."""

import asyncio
import json
import signal
import socket
import sys
from asyncio.subprocess import PIPE

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.policy.bucket import Charge
from gateway.policy.tier import at_once, rate
from gateway.quota.frames import levels, numbers, question
from gateway.quota.keeper import BucketKeeper
from gateway.quota.memory import MemoryBuckets

PUBLIC = numbers(Charge(rate("public", 60, 60.0, 3), 1, str))
UPLOAD = numbers(Charge(at_once("uploads", 2), 1, str))
PATIENCE = 10.0


class Time:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def time():
    return Time()


@pytest.fixture
async def keeper(time):
    keeper = BucketKeeper(MemoryBuckets(time))
    yield keeper
    keeper.close()


@pytest.fixture
def worker(keeper):
    """Make a worker: the other end of a socket that the keeper serves."""
    made = []

    def make():
        sock, other = socket.socketpair()
        keeper.serve(sock)
        other.setblocking(False)
        made.append(other)
        return other

    yield make
    for other in made:
        other.close()


async def read(sock, count):
    """So many levels."""
    data = b""
    async with asyncio.timeout(PATIENCE):
        while len(data) < count * 8:
            got = await asyncio.get_running_loop().sock_recv(sock, count * 8 - len(data))
            assert got, "the keeper has closed the socket"
            data += got
    return levels(data)


async def ask(sock, charges, keys, shape=()):
    """What is told of one question."""
    await asyncio.get_running_loop().sock_sendall(sock, question(charges, keys, list(shape)))
    return await read(sock, len(keys))


async def is_cut(sock):
    async with asyncio.timeout(PATIENCE):
        try:
            return b"" == await asyncio.get_running_loop().sock_recv(sock, 1)
        except ConnectionResetError:
            return True


async def test_what_is_refused_is_told_below_0(worker):
    assert [1.0, 2.0, 3.0, -3.0] == await ask(worker(), [PUBLIC] * 4, ["a"] * 4)


async def test_questions_may_come_cut_at_every_byte(worker):
    sock = worker()
    for byte in question([PUBLIC], ["a"], []) + question([UPLOAD], ["b"], [1, 1]):
        sock.send(bytes([byte]))
        await asyncio.sleep(0)
    assert [1.0, 1.0] == await read(sock, 2)


async def test_a_flood_of_questions_is_answered_in_order(worker, keeper, until):
    """The worker reads nothing meanwhile: what does not go now goes later."""
    sock, loop = worker(), asyncio.get_running_loop()
    count = 800
    data = b"".join([question([PUBLIC] * 64, [f"key-{number}"] * 64, []) for number in range(count)])
    sending = loop.create_task(loop.sock_sendall(sock, data))
    (line,) = keeper._lines.values()
    await until(lambda: line._unsent)
    seen = await read(sock, 64 * count)
    await sending
    assert [1.0, 2.0, 3.0, *[-3.0] * 61] * count == seen


async def test_a_worker_that_reads_nothing_holds_nobody_else_up(worker):
    lazy, other, loop = worker(), worker(), asyncio.get_running_loop()
    data = question([PUBLIC] * 256, ["a"] * 256, []) * 1000
    sending = loop.create_task(loop.sock_sendall(lazy, data))
    assert [1.0] == await ask(other, [PUBLIC], ["b"])
    sending.cancel()
    assert [2.0] == await ask(other, [PUBLIC], ["b"])


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"\xff" * 100, id="noise"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", id="another protocol"),
        pytest.param(b"\x04\x00\x00\x00null", id="no question"),
        pytest.param(question(["1.0 nan"], ["a"], []), id="impossible numbers"),
        pytest.param(question(["1.0 secret"], ["a"], []), id="no numbers"),
        pytest.param(question([UPLOAD], ["a"], []), id="places without a hold"),
        pytest.param(question([UPLOAD], ["a"], [1, 0]), id="places that nobody holds"),
        pytest.param(question([PUBLIC], ["a"], [2, 0]), id="more wants in the shape"),
        pytest.param(question([PUBLIC] * 2, ["a", "b"], [1, 0]), id="fewer wants in the shape"),
        pytest.param(question([PUBLIC], ["a"], [1]), id="half a shape"),
        pytest.param(question([PUBLIC], ["a"], [-1, 0]), id="a shape below 0"),
        pytest.param(question([UPLOAD] * 2, ["a", "a"], [2, 1]), id="one bucket twice"),
        pytest.param(question([UPLOAD] * 2, ["a", "b"], [1, 1, 1, 1]), id="one hold twice"),
    ],
)
async def test_who_makes_no_sense_is_cut_off(worker, keeper, sent, caplog):
    """What it held is free, and the others go on."""
    wrong, other = worker(), worker()
    await ask(wrong, [UPLOAD] * 2, ["places", "more"], [2, 7])
    await ask(other, [UPLOAD], ["places"], [1, 7])
    wrong.send(sent)
    assert await is_cut(wrong)
    assert 1 == keeper.workers
    assert [2.0, -2.0] == await ask(other, [UPLOAD] * 2, ["places"] * 2, [1, 8, 1, 9])
    (said,) = caplog.messages
    assert said.startswith("a worker asked for buckets in a way that makes no sense, cut off: ")
    assert "secret" not in said


WORDS = st.one_of(
    st.sampled_from([PUBLIC, UPLOAD, "a", "b", "", 0, 1, 2, 1 << 70, -1, 0.5, True, None, [], {}]), st.text()
)
LISTS = st.lists(st.one_of(WORDS, st.lists(WORDS, max_size=2)), max_size=6)
WANTS = st.lists(st.tuples(st.sampled_from([PUBLIC, UPLOAD]), st.sampled_from("ab")), max_size=6)


@settings(max_examples=120, deadline=None)
@given(
    said=st.one_of(
        st.lists(LISTS, min_size=3, max_size=3),
        st.tuples(WANTS, st.lists(st.integers(-1, 7), max_size=12)).map(
            lambda said: [[charge for charge, _ in said[0]], [key for _, key in said[0]], said[1]]
        ),
    )
)
def test_whatever_a_worker_says_is_answered_or_ends_it(said):
    """Nothing else is raised, and whoever is cut off leaves nothing under way."""
    body = json.dumps(said).encode()

    async def tell():
        failures = []
        asyncio.get_running_loop().set_exception_handler(lambda _, context: failures.append(context))
        keeper = BucketKeeper(MemoryBuckets(Time()))
        sock, other = socket.socketpair()
        keeper.serve(sock)
        other.send(len(body).to_bytes(4, "little") + body)
        other.setblocking(False)
        # The end of the worker is read behind what it says.
        other.shutdown(socket.SHUT_WR)
        async with asyncio.timeout(PATIENCE):
            while keeper.workers:  # noqa: ASYNC110 - what is watched is a number, which sets no event.
                await asyncio.sleep(0)
        other.close()
        return failures, [*keeper._memory._under_way]

    assert ([], []) == asyncio.run(tell())


async def test_a_worker_that_holds_more_than_any_could_is_cut_off(worker, keeper):
    sock = worker()
    for number in range(32):
        keys = [f"{number} {key}" for key in range(4096)]
        assert [1.0] * 4096 == await ask(sock, [UPLOAD] * 4096, keys, [4096, number + 1])
    # What is given back makes room again.
    assert [1.0] == await ask(sock, [UPLOAD], ["a"], [0, 1, 1, 33])
    sock.send(question([UPLOAD] * 4096, keys, [4096, 34]))
    assert await is_cut(sock)
    assert 0 == len(keeper)


async def test_giving_back_what_is_not_held_changes_nothing(worker):
    """The end of a request whose answer was late: it may have been refused."""
    sock = worker()
    assert [1.0, 2.0] == await ask(sock, [UPLOAD] * 2, ["a"] * 2, [1, 1, 0, 5, 0, 0, 0, -1, 1, 2])
    assert [-2.0] == await ask(sock, [UPLOAD], ["a"], [1, 3, 0, 3])


async def test_a_worker_that_ends_gives_its_places_back(worker, keeper, until):
    one, other = worker(), worker()
    await ask(one, [UPLOAD, UPLOAD], ["a", "a"], [1, 1, 1, 2])
    assert [-2.0] == await ask(other, [UPLOAD], ["a"], [1, 1])
    one.close()
    await until(lambda: keeper.workers == 1)
    assert [1.0] == await ask(other, [UPLOAD], ["a"], [1, 2])


# The end of a supervisor that another process follows, with the same sockets.


def follow(keeper, time, *socks):
    """Another keeper that goes on from the state of one, with sockets of the same inodes."""
    state = keeper.state()
    after = BucketKeeper(MemoryBuckets(time))
    kept = [line._sock.dup() for line in keeper._lines.values() if line.name in socks]
    for line in list(keeper._lines.values()):
        # What the process that was there does no more.
        line._loop.remove_reader(line._sock)
        line._loop.remove_writer(line._sock)
        line._sock.close()
    keeper._lines.clear()
    after.restore(state, kept)
    return after


def name(keeper, worker):
    """The inode of the keeper's end; workers come in the order in which they are served."""
    return list(keeper._lines)[worker]


async def test_another_process_goes_on_with_the_numbers(worker, keeper, time):
    sock = worker()
    await ask(sock, [PUBLIC] * 2, ["a", "full"])
    await ask(sock, [PUBLIC], ["a"])
    time.now += 1.25
    after = follow(keeper, time, name(keeper, 0))
    assert [1.75, 2.75, -2.75, 1.0] == await ask(sock, [PUBLIC] * 4, ["a", "a", "a", "full"])
    assert 2 == len(after)
    after.close()


async def test_what_surviving_workers_hold_stays_held(worker, keeper, time, until):
    """And what the others held is free."""
    stays, goes = worker(), worker()
    await ask(stays, [UPLOAD, PUBLIC], ["a", "b"], [2, 5])
    await ask(goes, [UPLOAD] * 2, ["a", "c"], [1, 5, 1, 6])
    after = follow(keeper, time, name(keeper, 0))
    assert await is_cut(goes)
    assert [2.0, 1.0] == await ask(stays, [UPLOAD] * 2, ["a", "c"], [1, 6, 1, 7])
    # It gives back by the numbers that the other process knew.
    assert [2.0, -2.0] == await ask(stays, [UPLOAD] * 2, ["a", "a"], [0, 5, 1, 8, 1, 9])
    stays.close()
    await until(lambda: after.workers == 0)
    assert 1 == len(after)


async def test_what_was_half_read_or_half_written_is_not_lost(worker, keeper, time, until):
    """The keeper has more to say than the socket takes, and stands in the middle of a question."""
    sock, loop = worker(), asyncio.get_running_loop()
    (line,) = keeper._lines.values()
    count = 800
    data = question([PUBLIC] * 64, ["a"] * 64, [])
    sending = loop.create_task(loop.sock_sendall(sock, data * count))
    await until(lambda: line._unsent)
    assert line._questions.rest
    after = follow(keeper, time, line.name)
    seen = await read(sock, 64 * count)
    await sending
    assert [1.0, 2.0, 3.0, *[-3.0] * (64 * count - 3)] == seen
    after.close()


async def test_a_socket_that_the_state_does_not_know_is_a_new_worker(keeper, time):
    after = BucketKeeper(MemoryBuckets(time))
    sock, other = socket.socketpair()
    other.setblocking(False)
    after.restore(keeper.state(), [sock])
    assert [1.0] == await ask(other, [PUBLIC], ["a"])
    after.close()
    other.close()


async def test_what_another_release_has_written_is_left_behind(worker, keeper, time):
    sock = worker()
    await ask(sock, [PUBLIC], ["a"])
    state = keeper.state().replace(b'"format":1', b'"format":2')
    after, own = BucketKeeper(MemoryBuckets(time)), next(iter(keeper._lines.values()))._sock.dup()
    keeper.close()
    after.restore(state, [own])
    assert [1.0] == await ask(sock, [PUBLIC], ["a"])
    after.close()


# Real processes.

WORKER = """
import asyncio, socket, sys, time
from gateway.policy.bucket import Charge, Lease
from gateway.policy.tier import at_once, rate
from gateway.quota.memory import MemoryBuckets
from gateway.quota.shared import SharedBuckets

PUBLIC = Charge(rate("public", 1, 1e9, 1000), 1, str)
UPLOAD = Charge(at_once("uploads", 100), 1, str)

async def one(buckets, lease):
    granted = 0
    for _ in range(100):
        granted += (await buckets.take_one(PUBLIC, "a"))[0]
        other = await buckets.take([(PUBLIC, "b"), (UPLOAD, "c")], lease)
    return granted, other[0]

async def main():
    buckets = SharedBuckets(socket.socket(fileno=int(sys.argv[1])), MemoryBuckets(time.monotonic), 60.0)
    buckets.start()
    seen = await asyncio.gather(*[one(buckets, Lease()) for _ in range(10)])
    print(sum(granted for granted, _ in seen), flush=True)
    held = [(await buckets.take([(UPLOAD, "d")], Lease()))[0] for _ in range(int(sys.argv[2]))]
    print(sum(held), flush=True)
    await asyncio.Event().wait()

asyncio.run(main())
"""


@pytest.fixture
async def process(keeper):
    """Start a worker that asks a thousand times, and then holds so many places."""
    started = []

    async def start(held):
        sock, other = socket.socketpair()
        started.append(
            await asyncio.create_subprocess_exec(
                sys.executable,
                "-c",
                WORKER,
                str(other.fileno()),
                str(held),
                pass_fds=[other.fileno()],
                stdout=PIPE,
            )
        )
        other.close()
        keeper.serve(sock)
        return started[-1]

    yield start
    for each in started:
        if each.returncode is None:
            each.kill()
        await each.wait()
        # Its pipe is read to the end.
        await each.stdout.read()


async def test_two_processes_are_granted_exactly_the_limit(process):
    """Both ask a thousand times for a bucket of a thousand."""
    workers = [await process(0), await process(0)]
    async with asyncio.timeout(60.0):
        granted = [int(await each.stdout.readline()) for each in workers]
    assert 1000 == sum(granted)


async def test_a_worker_that_is_killed_holds_nothing(process, keeper, until):
    one, _ = await process(60), await process(0)
    async with asyncio.timeout(60.0):
        held = [int((await one.stdout.readline(), await one.stdout.readline())[1])]
        one.send_signal(signal.SIGKILL)
        await until(lambda: keeper.workers == 1)
        again = await process(100)
        held.append(int((await again.stdout.readline(), await again.stdout.readline())[1]))
    assert [60, 100] == held
