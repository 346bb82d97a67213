"""Buckets in real servers: batching, every failure there is, and the way back from it."""

import asyncio
import logging
import signal
from inspect import isawaitable

import pytest

from gateway.policy.bucket import Charge, Lease
from gateway.policy.tier import at_once, rate
from gateway.telemetry import waits

PUBLIC = Charge(rate("public", 60, 60.0, 3), 1, str)
DAILY = Charge(rate("daily", 1, 86400.0), 1, str)
UPLOAD = Charge(at_once("uploads", 2), 1, str)
# Seconds that a test of time limits may take beyond them: the machine has other things to do.
SPARE = 1.0


async def grants(buckets, charge, key="a", times=1):
    """Whether each of so many requests of one tick is granted; None where the store does not say."""
    answers = [buckets.take([(charge, key)], None) for _ in range(times)]
    answers = [await answer if isawaitable(answer) else answer for answer in answers]
    return [answer and answer[0] for answer in answers]


async def test_a_full_bucket_admits_its_burst_and_no_more(redis, connected):
    buckets = await connected(redis.url)
    assert [True, True, True, False, False] == await grants(buckets, PUBLIC, times=5)


async def test_gateways_share_their_buckets(redis, connected):
    one, other = await connected(redis.url), await connected(redis.url)
    assert ([True] * 2, [True, False]) == (
        await grants(one, PUBLIC, times=2),
        await grants(other, PUBLIC, times=2),
    )


async def test_what_one_tick_wants_goes_in_one_call(redis, connected):
    buckets = await connected(redis.url)
    await grants(buckets, PUBLIC)
    before = redis.calls("evalsha")
    seen = await asyncio.gather(*(grants(buckets, PUBLIC, f"key-{number}", 2) for number in range(60)))
    assert ([[True, True]] * 60, 1) == (seen, redis.calls("evalsha") - before)


async def test_calls_and_how_long_they_took_are_counted(redis, connected, until):
    buckets = await connected(redis.url)
    await grants(buckets, PUBLIC, times=2)
    await grants(buckets, PUBLIC)
    assert (2, 0, 2) == (buckets.calls, buckets.failures, sum(buckets.took.counts))
    assert 0 < buckets.took.sum < SPARE
    assert not buckets.is_replaced


async def test_a_call_is_of_bounded_size(redis, connected):
    """Redis does nothing else meanwhile."""
    buckets = await connected(redis.url)
    await grants(buckets, PUBLIC)
    before = redis.calls("evalsha")
    assert 3 == sum(await grants(buckets, PUBLIC, "b", 1000))
    assert 4 == redis.calls("evalsha") - before


async def test_all_are_taken_or_none(redis, connected):
    buckets = await connected(redis.url)
    wants = [(PUBLIC, "a"), (DAILY, "b"), (UPLOAD, "c")]
    first, second = Lease(), Lease()
    assert [True, False] == [(await buckets.take(wants, lease))[0] for lease in (first, second)]
    assert [True, True, False] == await grants(buckets, PUBLIC, times=3)
    assert 1 == redis.client.zcard("c")


async def test_a_lease_lasts_until_the_request_is_over(redis, connected, until):
    buckets = await connected(redis.url)
    leases = [Lease() for _ in range(3)]
    assert [True, True, False] == [(await buckets.take([(UPLOAD, "places")], lease))[0] for lease in leases]
    for lease in leases:
        lease.end()
    await until(lambda: not redis.client.zcard("places"))


async def test_a_request_that_went_away_holds_nothing(redis, connected, until):
    """It is over while Redis still thinks: what it comes to be granted is given back."""
    buckets = await connected(redis.url)
    lease = Lease()
    waiting = asyncio.ensure_future(buckets.take([(UPLOAD, "places")], lease))
    await asyncio.sleep(0)
    lease.end()
    waiting.cancel()
    await until(lambda: redis.calls("evalsha") > 1 and not redis.client.zcard("places"))


async def test_a_cancelled_request_holds_nothing_even_if_nobody_tells(redis, connected, until):
    buckets = await connected(redis.url)
    waiting = asyncio.ensure_future(buckets.take([(UPLOAD, "places")], Lease()))
    await asyncio.sleep(0)
    waiting.cancel()
    answer = buckets.take([(UPLOAD, "places")], Lease())
    await answer
    await until(lambda: redis.client.zcard("places") == 1)


async def test_a_request_that_went_away_disturbs_no_other(redis, connected):
    """Its neighbours in the same call get their own answers, and so do those after it."""
    buckets = await connected(redis.url)
    wanted = [[(PUBLIC, f"key-{number}")] for number in range(20)]
    answers = [asyncio.ensure_future(buckets.take(each, None)) for each in wanted]
    await asyncio.sleep(0)
    for answer in answers[::2]:
        answer.cancel()
    assert [(True, [1.0])] * 10 == await asyncio.gather(*answers[1::2])
    assert [True, True, False] == await grants(buckets, PUBLIC, "key-1", 3)


async def test_a_script_that_redis_forgot_is_told_again(redis, connected):
    buckets = await connected(redis.url)
    seen = []
    for _ in range(4):
        seen += await grants(buckets, PUBLIC)
        redis.client.script_flush()
    assert ([True, True, True, False], True) == (seen, buckets.is_up)


@pytest.mark.parametrize(
    ("on_failure", "expected"),
    [
        pytest.param("local", [True, True, True, False], id="local counts with the full numbers"),
        pytest.param("allow", [None] * 4, id="allow: it cannot say, and the policy lets pass"),
        pytest.param("deny", [None] * 4, id="deny: it cannot say, and the policy refuses"),
    ],
)
async def test_a_store_that_is_gone_follows_on_failure(own_redis, connected, until, on_failure, expected):
    buckets = await connected(own_redis.url, on_failure=on_failure)
    assert [True] * 3 == await grants(buckets, PUBLIC, times=3)
    own_redis.stop()
    assert expected == await grants(buckets, PUBLIC, times=4)
    assert not buckets.is_up


async def test_it_returns_by_itself_when_redis_does(own_redis, connected, until, caplog):
    """A Redis that was started anew has neither buckets nor script."""
    caplog.set_level(logging.INFO, "gateway")
    buckets = await connected(own_redis.url, on_failure="deny")
    await grants(buckets, PUBLIC, times=3)
    own_redis.stop()
    assert [None] == await grants(buckets, PUBLIC)
    own_redis.start()
    await until(lambda: buckets.is_up)
    assert [True, True, True, False] == await grants(buckets, PUBLIC, times=4)
    assert [
        "the quota store failed (ConnectionError), now: deny",
        "the quota store is back",
    ] == caplog.messages


async def test_a_store_that_was_never_there_holds_nobody_up(tmp_path, connected, until):
    buckets = await connected(f"unix://{tmp_path}/nothing", on_failure="local")
    buckets.start()
    await until(lambda: not buckets.is_up)
    assert (True, [1.0]) == buckets.take([(PUBLIC, "a")], None)


async def test_a_slow_store_is_given_up_in_time(own_redis, connected, until):
    """A stopped process takes what is sent and says nothing. Afterwards nobody waits at all."""
    buckets = await connected(own_redis.url, bound=0.1, on_failure="local")
    loop = asyncio.get_running_loop()
    await grants(buckets, PUBLIC, "before")
    own_redis.signal(signal.SIGSTOP)
    begin = loop.time()
    assert [True, True, True, False] == await grants(buckets, PUBLIC, times=4)
    assert 0.09 < loop.time() - begin < 0.1 + SPARE
    assert isinstance(buckets.take([(PUBLIC, "b")], None), tuple)
    own_redis.signal(signal.SIGCONT)
    await until(lambda: buckets.is_up)


async def test_a_late_answer_reaches_nobody_else(own_redis, connected, until):
    """Connections whose call was given up are not used again, so answers do not move up by one."""
    buckets = await connected(own_redis.url, bound=0.1)
    own_redis.signal(signal.SIGSTOP)
    await asyncio.gather(*(grants(buckets, DAILY, f"key-{number}") for number in range(10)))
    own_redis.signal(signal.SIGCONT)
    await until(lambda: buckets.is_up)
    seen = [await grants(buckets, PUBLIC, f"other-{number % 5}") for number in range(20)]
    assert [[True]] * 15 + [[False]] * 5 == seen


async def test_what_was_granted_unheard_is_given_back(own_redis, connected, until):
    """The lease of a call that came to be answered too late does not stay until it expires."""
    buckets = await connected(own_redis.url, bound=0.1, on_failure="deny")
    await grants(buckets, PUBLIC)
    own_redis.signal(signal.SIGSTOP)
    lease = Lease()
    assert None is await buckets.take([(UPLOAD, "places")], lease)
    own_redis.signal(signal.SIGCONT)
    await until(lambda: buckets.is_up)
    await until(lambda: own_redis.client.zcard("places") == 0)
    assert [True, True] == [(await buckets.take([(UPLOAD, "places")], Lease()))[0] for _ in range(2)]


async def test_a_lease_that_ends_while_redis_is_away_is_given_back_later(own_redis, connected, until):
    buckets = await connected(own_redis.url, bound=0.1)
    lease = Lease()
    await buckets.take([(UPLOAD, "places")], lease)
    own_redis.signal(signal.SIGSTOP)
    await grants(buckets, PUBLIC)
    lease.end()
    own_redis.signal(signal.SIGCONT)
    await until(lambda: buckets.is_up and not own_redis.client.zcard("places"))


async def test_a_lease_of_the_memory_goes_back_to_the_memory(tmp_path, connected):
    buckets = await connected(f"unix://{tmp_path}/nothing")
    await grants(buckets, PUBLIC)
    leases = [Lease() for _ in range(3)]
    assert [True, True, False] == [buckets.take([(UPLOAD, "places")], lease)[0] for lease in leases]
    leases[0].end()
    assert buckets.take([(UPLOAD, "places")], Lease())[0]


async def test_an_answer_that_makes_no_sense_is_a_failure(redis, connected, until):
    """Somebody else's value under our key: nothing is granted on a guess."""
    buckets = await connected(redis.url, on_failure="deny")
    redis.client.lpush("a", "x")
    assert [None] == await grants(buckets, PUBLIC)
    await until(lambda: buckets.is_up)


async def test_stopping_gives_back_what_is_held_and_answers_who_waits(redis, connected):
    buckets = await connected(redis.url, on_failure="deny")
    lease = Lease()
    await buckets.take([(UPLOAD, "places")], lease)
    lease.end()
    waiting = buckets.take([(PUBLIC, "b")], None)
    await buckets.stop()
    assert ((True, [1.0]), 0) == (await waiting, redis.client.zcard("places"))


async def test_stopping_waits_for_nobody(own_redis, connected):
    buckets = await connected(own_redis.url, bound=0.1, on_failure="deny")
    await grants(buckets, PUBLIC)
    own_redis.signal(signal.SIGSTOP)
    waiting = buckets.take([(PUBLIC, "b")], None)
    async with asyncio.timeout(0.1 + SPARE):
        await buckets.stop()
        assert None is await waiting


async def test_a_lease_whose_end_was_not_heard_is_ended_again(own_redis, connected, until):
    buckets = await connected(own_redis.url, bound=0.1, on_failure="deny")
    lease = Lease()
    await buckets.take([(UPLOAD, "places")], lease)
    (member,) = own_redis.client.zrange("places", 0, -1)
    own_redis.signal(signal.SIGSTOP)
    lease.end()
    await until(lambda: not buckets.is_up)
    # What was sent to the one that died is lost; the next one has the lease from a file, say.
    own_redis.stop()
    own_redis.start()
    own_redis.client.zadd("places", {member: 1e12})
    await until(lambda: buckets.is_up and not own_redis.client.zcard("places"))


async def test_what_a_request_waits_for_is_noted_with_its_outcome(own_redis, connected):
    """A failure too, even where memory steps in."""
    buckets = await connected(own_redis.url)
    noted = []
    await waits.noting(noted, buckets.take([(PUBLIC, "a")], None))
    own_redis.stop()
    await waits.noting(noted, buckets.take([(PUBLIC, "a")], None))
    assert [("EVALSHA", ""), ("EVALSHA", "quota_unavailable")] == [
        (each.operation, each.error) for each in noted
    ]
    assert all(each.begun <= each.ended for each in noted)
