"""Shared buckets and their keeper on real sockets: the numbers of one memory, whatever happens between."""

import asyncio
import logging
import socket
import struct
from contextlib import AsyncExitStack
from inspect import isawaitable

import orjson
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.policy.bucket import Charge, Lease
from gateway.policy.ports import QuotaStore
from gateway.policy.tier import at_once, rate
from gateway.quota.frames import answer
from gateway.quota.keeper import BucketKeeper
from gateway.quota.memory import MemoryBuckets
from gateway.quota.redis import RedisBuckets
from gateway.quota.shared import SharedBuckets

PUBLIC = Charge(rate("public", 60, 60.0, 3), 1, str)
DAILY = Charge(rate("daily", 1, 86400.0), 1, str)
CLOSED = Charge(rate("closed", 0, 60.0), 1, str)
THIRDS = Charge(rate("thirds", 7, 3.0, 2), 1, str)
UPLOAD = Charge(at_once("uploads", 2), 1, str)
TWO_UPLOADS = Charge(at_once("uploads", 2), 2, str)
# Seconds: no answer is late on a machine that has other things to do.
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
async def alone(time):
    """Make shared buckets, and the other end of their socket, which the test has."""
    async with AsyncExitStack() as stack:

        def make(bound=PATIENCE):
            sock, other = socket.socketpair()
            stack.enter_context(other)
            other.setblocking(False)
            buckets = SharedBuckets(sock, MemoryBuckets(time), bound)
            buckets.start()
            stack.push_async_callback(buckets.stop)
            return buckets, other

        yield make


@pytest.fixture
def connected(alone, keeper):
    """Make shared buckets that the keeper answers."""

    def make(bound=PATIENCE):
        buckets, other = alone(bound)
        keeper.serve(other.dup())
        other.close()
        return buckets

    return make


async def answered(answer):
    return await answer if isawaitable(answer) else answer


async def grants(buckets, charge, key="a", times=1):
    """Whether each of so many requests of one tick is granted; None where nobody says."""
    answers = [buckets.take([(charge, key)], None) for _ in range(times)]
    answers = [await answered(answer) for answer in answers]
    return [answer and answer[0] for answer in answers]


async def heard(other):
    """One question, as the keeper would read it."""
    loop = asyncio.get_running_loop()
    (size,) = struct.unpack("<I", await loop.sock_recv(other, 4))
    return orjson.loads(await loop.sock_recv(other, size))


async def test_a_full_bucket_admits_its_burst_and_no_more(connected):
    assert [True, True, True, False, False] == await grants(connected(), PUBLIC, times=5)


async def test_workers_share_their_buckets(connected):
    one, other = connected(), connected()
    assert ([True] * 2, [True, False]) == (
        await grants(one, PUBLIC, times=2),
        await grants(other, PUBLIC, times=2),
    )


async def test_nothing_is_counted_here_while_the_keeper_answers(connected, keeper):
    buckets = connected()
    await grants(buckets, PUBLIC)
    assert (0, 1, True, False) == (len(buckets), len(keeper), buckets.is_up, buckets.is_replaced)


async def test_what_one_tick_wants_goes_in_one_question(alone):
    buckets, other = alone()
    answers = [buckets.take_one(PUBLIC, key) for key in ("a", "b")]
    assert [["1.0 3.001"] * 2, ["a", "b"], []] == await heard(other)
    other.send(answer([1.0, -2.5]))
    assert [(True, [1.0]), (False, [2.5])] == await asyncio.gather(*answers)
    assert (1, 0, 1) == (buckets.calls, buckets.failures, sum(buckets.took.counts))


async def test_a_question_is_of_bounded_size(alone):
    """What is more goes at once as another; and of these only so many are under way."""
    buckets, other = alone()
    answers = [buckets.take_one(PUBLIC, "a") for _ in range(1200)]
    sizes = []
    for _ in range(4):
        sizes.append(len((await heard(other))[1]))
    with pytest.raises(BlockingIOError):
        other.recv(1)
    other.send(answer([1.0] * 1024))
    sizes.append(len((await heard(other))[1]))
    other.send(answer([-1.0] * 176))
    seen = await asyncio.gather(*answers)
    assert ([256, 256, 256, 256, 176], 1024) == (sizes, sum(granted for granted, _ in seen))


async def test_more_than_may_wait_is_counted_here(alone):
    """A flood fills no memory, and holds nobody up."""
    buckets, _ = alone()
    waiting = [buckets.take_one(PUBLIC, "a") for _ in range(10_000)]
    assert [True, (True, [1.0]), None] == [
        all(isawaitable(each) for each in waiting),
        buckets.take([(PUBLIC, "a")], None),
        buckets.or_nothing.take([(PUBLIC, "a")], None),
    ]


async def test_all_are_taken_or_none(connected, keeper):
    buckets = connected()
    wants = [(PUBLIC, "a"), (DAILY, "b"), (UPLOAD, "c")]
    first, second = Lease(), Lease()
    seen = [await buckets.take(wants, lease) for lease in (first, second)]
    assert [(True, [1.0, 86400.0, 1.0]), (False, [1.0, 86400.0, 1.0])] == seen
    assert [True, True, False] == await grants(buckets, PUBLIC, times=3)


async def test_a_limit_of_0_admits_nobody(connected):
    answer = await connected().take_one(CLOSED, "a")
    assert (False, "[0.0]") == (answer[0], str([abs(level) for level in answer[1]]))


async def test_a_lease_lasts_until_the_request_is_over(connected):
    one, other = connected(), connected()
    leases = [Lease() for _ in range(3)]
    seen = [
        (await buckets.take([(UPLOAD, "places")], lease))[0]
        for buckets, lease in zip((one, other, one), leases, strict=True)
    ]
    leases[2].end()
    leases[0].end()
    # What is given back is so before anything that the same worker asks later.
    seen.append((await one.take([(UPLOAD, "places")], Lease()))[0])
    seen.append((await one.take([(UPLOAD, "places")], Lease()))[0])
    assert [True, True, False, True, False] == seen


async def test_a_request_that_went_away_holds_nothing(connected):
    """It is over while the keeper is asked: what it comes to be granted is given back."""
    buckets = connected()
    lease = Lease()
    waiting = asyncio.ensure_future(buckets.take([(TWO_UPLOADS, "places")], lease))
    await asyncio.sleep(0)
    lease.end()
    waiting.cancel()
    await grants(buckets, PUBLIC)
    assert (True, [2.0]) == await buckets.take([(TWO_UPLOADS, "places")], Lease())


async def test_a_cancelled_request_holds_nothing_even_if_nobody_tells(connected):
    buckets = connected()
    waiting = asyncio.ensure_future(buckets.take([(TWO_UPLOADS, "places")], Lease()))
    await asyncio.sleep(0)
    waiting.cancel()
    await grants(buckets, PUBLIC)
    assert (True, [2.0]) == await buckets.take([(TWO_UPLOADS, "places")], Lease())


async def test_a_request_that_went_away_disturbs_no_other(connected):
    buckets = connected()
    answers = [buckets.take([(PUBLIC, f"key-{number}")], None) for number in range(20)]
    await asyncio.sleep(0)
    for each in answers[::2]:
        each.cancel()
    assert [(True, [1.0])] * 10 == await asyncio.gather(*answers[1::2])
    assert [True, True, False] == await grants(buckets, PUBLIC, "key-1", 3)


@pytest.mark.parametrize(
    "key",
    [
        pytest.param("a\nb\x00\r\n", id="lines"),
        pytest.param('"],[1]]\\', id="what looks like a question"),
        pytest.param("schlüssel 🔑", id="unicode"),
        pytest.param("", id="nothing"),
        pytest.param("k" * 512, id="long"),
    ],
)
async def test_a_key_is_any_text(connected, key):
    buckets = connected()
    await grants(buckets, PUBLIC, "neighbour")
    assert [True, True, True, False] == await grants(buckets, PUBLIC, key, 4)


@pytest.mark.parametrize(
    "key", [pytest.param("\ud800", id="no text"), pytest.param("k" * 1_000_000, id="of any length")]
)
async def test_what_cannot_be_asked_is_counted_here(connected, key, caplog):
    """Keys are hashes, so this is a fault of ours; nobody waits for ever because of it."""
    buckets = connected()
    assert [True, True, True, False] == await grants(buckets, PUBLIC, key, 4)
    assert [True] == await grants(buckets, PUBLIC)
    assert (["a question about quotas that cannot be asked"], True) == (caplog.messages, buckets.is_up)


async def test_an_answer_may_come_in_pieces(alone):
    buckets, other = alone()
    first = [buckets.take_one(PUBLIC, "a"), buckets.take([(PUBLIC, "a"), (DAILY, "b")], None)]
    await heard(other)
    second = buckets.take_one(PUBLIC, "c")
    await heard(other)
    for byte in answer([1.0, -2.0, -3.5, 3.0]):
        other.send(bytes([byte]))
        await asyncio.sleep(0.001)
    assert [(True, [1.0]), (False, [2.0, 3.5]), (True, [3.0])] == await asyncio.gather(*first, second)


async def test_a_late_keeper_is_not_waited_for(alone, caplog, until):
    """Nor is it asked before it has answered what it was asked; then everything is as before."""
    caplog.set_level(logging.INFO, "gateway")
    buckets, other = alone(0.05)
    assert [True, True, True, False] == await grants(buckets, PUBLIC, times=4)
    assert [False, True, 1] == [buckets.is_up, buckets.is_replaced, buckets.failures]
    assert (False, [3.0]) == buckets.take_one(PUBLIC, "a")
    assert (True, [1.0]) == buckets.take([(PUBLIC, "b")], None)
    await heard(other)
    other.send(answer([1.0, 2.0, 3.0, -3.0]))
    await until(lambda: buckets.is_up)
    asked = buckets.take_one(PUBLIC, "a")
    await heard(other)
    other.send(answer([0.5]))
    assert (True, [0.5]) == await asked
    assert [
        "the supervisor is late with quotas, until then on_failure decides",
        "the supervisor answers about quotas again",
    ] == caplog.messages


async def test_who_waits_to_be_asked_about_is_answered_with_the_others(alone):
    buckets, _ = alone(0.05)
    answers = [buckets.take_one(PUBLIC, "a") for _ in range(2000)]
    seen = await asyncio.gather(*answers)
    assert 3 == sum(granted for granted, _ in seen)


async def test_where_memory_may_not_stand_in_nobody_says(alone):
    """For `on_failure: allow` and `deny`."""
    buckets, _ = alone(0.05)
    careful = buckets.or_nothing
    lease = Lease()
    answers = [careful.take_one(PUBLIC, "a"), careful.take([(UPLOAD, "b")], lease)]
    assert [None, None] == await asyncio.gather(*answers)
    assert [None, None] == [careful.take_one(PUBLIC, "a"), careful.take([(UPLOAD, "b")], lease)]
    assert (0, False, False) == (len(buckets), buckets.is_up, buckets.is_replaced)


async def test_what_was_granted_too_late_is_given_back(alone, keeper, until):
    buckets, other = alone(0.05)
    lease = Lease()
    assert (True, [2.0]) == await buckets.take([(TWO_UPLOADS, "places")], lease)
    lease.end()
    keeper.serve(other.dup())
    other.close()
    await until(lambda: buckets.is_up and not len(keeper))
    assert (True, [2.0]) == await buckets.take([(TWO_UPLOADS, "places")], Lease())


async def test_a_lease_that_ends_while_the_keeper_is_late_is_given_back_later(alone):
    buckets, other = alone(0.05)
    lease = Lease()
    asked = buckets.take([(UPLOAD, "places")], lease)
    assert [["1.0 2.001 places"], ["places"], [1, 1]] == await heard(other)
    other.send(answer([1.0]))
    await asked
    await grants(buckets, PUBLIC)
    lease.end()
    await heard(other)
    other.send(answer([1.0]))
    assert [[], [], [0, 1]] == await heard(other)


async def test_when_the_keeper_goes_all_is_counted_here(connected, keeper, caplog):
    buckets = connected()
    lease = Lease()
    await grants(buckets, PUBLIC, times=3)
    await buckets.take([(UPLOAD, "places")], lease)
    waiting = [buckets.take_one(PUBLIC, "a") for _ in range(4)]
    keeper.close()
    assert [True, True, True, False] == [granted for granted, _ in await asyncio.gather(*waiting)]
    lease.end()
    assert (False, [3.0]) == buckets.take_one(PUBLIC, "a")
    await buckets.stop()
    assert ["the supervisor counts quotas no more, on_failure decides"] == caplog.messages


async def test_answers_that_nobody_asked_for_are_the_end(alone, caplog, until):
    buckets, other = alone()
    other.send(b"x")
    await until(lambda: not buckets.is_up)
    assert b"" == other.recv(1)


async def test_stopping_answers_who_waits_and_gives_back_what_is_held(connected, keeper, until):
    buckets = connected()
    await buckets.take([(UPLOAD, "places")], Lease())
    waiting = buckets.take_one(PUBLIC, "a")
    await buckets.stop()
    assert (True, [1.0]) == await waiting
    await until(lambda: not keeper.workers)
    assert 0 == len(keeper)


async def test_what_never_began_counts_here(time):
    sock, other = socket.socketpair()
    with sock, other:
        buckets = SharedBuckets(sock, MemoryBuckets(time))
        seen = buckets.take([(PUBLIC, "a")], None), buckets.take_one(PUBLIC, "a"), len(buckets)
        assert ((True, [1.0]), 2.0, 1) == seen
        await buckets.stop()


async def test_workers_without_their_redis_count_together(connected, keeper, tmp_path):
    """`on_failure: local` is one memory for all of them: for who was waiting when it failed, and later."""
    store = QuotaStore(f"unix://{tmp_path}/nothing")
    workers = [RedisBuckets(store, connected()) for _ in range(2)]
    lease = Lease()
    seen = [await grants(each, PUBLIC) for each in workers for _ in range(2)]
    seen.append(await workers[0].take([(TWO_UPLOADS, "places")], lease))
    lease.end()
    # Who was cut meanwhile holds nothing.
    other = RedisBuckets(store, connected())
    waiting = asyncio.ensure_future(other.take([(TWO_UPLOADS, "places")], Lease()))
    await asyncio.sleep(0)
    waiting.cancel()
    for each in (*workers, other):
        await each.stop()
    assert [[True], [True], [True], [False], (True, [2.0])] == seen
    assert 1 == len(keeper)


CHARGES = (PUBLIC, DAILY, CLOSED, THIRDS, UPLOAD, TWO_UPLOADS)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("wait"), st.floats(0, 5)),
        st.tuples(st.just("end"), st.integers(0, 5)),
        st.tuples(
            st.integers(0, 1),
            st.lists(
                st.tuples(st.sampled_from(CHARGES), st.sampled_from("abc")),
                min_size=1,
                max_size=4,
                unique_by=lambda want: (want[0].tier.concurrent, want[1]),
            ),
        ),
    ),
    max_size=40,
)


@settings(max_examples=60, deadline=None)
@given(steps=STEPS)
def test_two_workers_are_told_the_numbers_of_one_memory(steps):
    """Bit for bit: whatever they ask, in whatever order, with leases that end meanwhile."""
    asyncio.run(_compare(steps))


async def _compare(steps):
    time = Time()
    memory, keeper = MemoryBuckets(time), BucketKeeper(MemoryBuckets(time))
    workers, held = [], []
    for _ in range(2):
        sock, other = socket.socketpair()
        keeper.serve(other)
        workers.append(SharedBuckets(sock, MemoryBuckets(time), PATIENCE))
        workers[-1].start()
    for what, how in steps:
        if what == "wait":
            time.now += how
        elif what == "end":
            for leases in held[how : how + 1]:
                held.remove(leases)
                for lease in leases:
                    lease.end()
                # Its worker tells this before what it asks next; the other one cannot know.
                await asyncio.gather(*(answered(worker.take_one(DAILY, "sync")) for worker in workers))
                [memory.take_one(DAILY, "sync") for worker in workers]
        else:
            wants = [(charge, f"{key} {charge.tier.concurrent}") for charge, key in how]
            leases = (Lease(), Lease())
            expected = memory.take(wants, leases[0])
            assert expected == await workers[what].take(wants, leases[1])
            if expected[0]:
                held.append(leases)
    for worker in workers:
        await worker.stop()
    keeper.close()
