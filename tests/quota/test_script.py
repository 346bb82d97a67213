"""The script in a real Redis; what it decides is what the memory decides on the same trace."""

import random

import pytest

from gateway.policy.bucket import Charge, Lease
from gateway.policy.tier import at_once, rate
from gateway.quota.memory import MemoryBuckets
from gateway.quota.script import LEASE, SCRIPT, Call, finish, renew, undo

EPOCH = 1735689600
# The same script by the clock of a test.
TIMED = SCRIPT.replace("redis.call('TIME')", "{ARGV[2], ARGV[3]}")
PUBLIC = Charge(rate("public", 60, 60.0, 3), 1, str)
UPLOAD = Charge(at_once("uploads", 2), 1, str)
TWO_UPLOADS = Charge(at_once("uploads", 2), 2, str)


class Timed:
    """The script at a time that a test sets, in microseconds."""

    def __init__(self, server):
        assert TIMED != SCRIPT
        self.client = server.client
        self.micros = (EPOCH + 40_000_000) * 1_000_000

    @property
    def now(self):
        """As the script reckons it."""
        return self.micros // 1_000_000 - EPOCH + self.micros % 1_000_000 / 1_000_000

    def run(self, call):
        moment = divmod(self.micros, 1_000_000)
        said = self.client.eval(TIMED, len(call.keys), *call.keys, call.argument, *moment)
        return [float(word) for word in said.split()]

    def take(self, wants, member="m"):
        call = Call()
        call.take(wants, member)
        granted, *levels = self.run(call)
        return granted == 1, levels

    def note(self, key, words):
        call = Call()
        call.note(key, words)
        assert [] == self.run(call)


@pytest.fixture
def timed(redis):
    return Timed(redis)


@pytest.mark.parametrize("seed", [pytest.param(seed, id=f"trace {seed}") for seed in range(8)])
def test_memory_and_redis_decide_alike(timed, seed):
    """Bit by bit: granted or not, and every level, over random tiers, costs, keys, pauses and clocks."""
    chance = random.Random(seed)
    tiers = [
        rate(f"tier-{number}", chance.randint(1, 5000), chance.uniform(0.5, 400.0), chance.randint(1, 20))
        for number in range(3)
    ]
    tiers.append(rate("closed", 0, 60.0))
    memory = MemoryBuckets(lambda: timed.now)
    for _ in range(300):
        timed.micros += chance.choice([0, 0, 1, chance.randrange(10_000_000), -chance.randrange(2_000_000)])
        chosen = chance.sample(tiers, chance.randint(1, 3))
        wants = [
            (Charge(tier, chance.randint(1, 3), str), f"{tier.id}-{chance.randrange(2)}") for tier in chosen
        ]
        assert memory.take(wants, None) == timed.take(wants)


def test_leases_are_counted_alike(timed):
    memory, held = MemoryBuckets(lambda: timed.now), {}
    chance = random.Random(7)
    for number in range(200):
        if held and chance.random() < 0.5:
            member, (lease, want) = held.popitem()
            lease.end()
            timed.note(want[1], finish(want, member))
        want, lease, member = (chance.choice([UPLOAD, TWO_UPLOADS]), "a"), Lease(), f"m{number}"
        granted = memory.take([want], lease)
        assert granted == timed.take([want], member)
        if granted[0]:
            held[member] = lease, want


def test_one_call_serves_many_requests_in_their_order(timed):
    call = Call()
    for number in range(5):
        call.take([(PUBLIC, "a")], f"m{number}")
    assert [1, 1, 1, 2, 1, 3, 0, 3, 0, 3] == pytest.approx(timed.run(call))


def test_a_lease_that_nobody_renews_expires(timed):
    """A process that died gives nothing back."""
    assert timed.take([(TWO_UPLOADS, "a")], "dead")[0]
    timed.micros += (LEASE - 1) * 1_000_000
    assert not timed.take([(UPLOAD, "a")])[0]
    timed.micros += 2_000_000
    assert timed.take([(UPLOAD, "a")])[0]


def test_a_renewed_lease_lasts(timed):
    want = (TWO_UPLOADS, "a")
    timed.take([want], "alive")
    for _ in range(5):
        timed.micros += (LEASE - 1) * 1_000_000
        timed.note("a", renew(want, "alive"))
    assert not timed.take([(UPLOAD, "a")])[0]


def test_what_is_undone_can_be_taken_again(timed):
    for _ in range(3):
        timed.take([(PUBLIC, "a")])
    timed.note("a", undo((PUBLIC, "a")))
    assert [True, False] == [timed.take([(PUBLIC, "a")])[0] for _ in range(2)]


def test_a_clock_that_went_back_locks_nobody_out(timed):
    """A replica that took over may have another one."""
    for _ in range(3):
        timed.take([(PUBLIC, "a")])
    timed.micros -= 3_600_000_000
    assert not timed.take([(PUBLIC, "a")])[0]
    timed.micros += 1_100_000
    assert timed.take([(PUBLIC, "a")])[0]


def test_keys_do_not_outlast_what_they_say(redis, timed):
    timed.take([(PUBLIC, "a"), (UPLOAD, "b")])
    assert 1000 < redis.client.pttl("a") <= 11_000
    assert 60_000 < redis.client.pttl("b") <= 70_000


def test_what_is_refused_leaves_no_key(redis, timed):
    timed.take([(PUBLIC, "a"), (Charge(rate("closed", 0, 1.0), 1, str), "b")])
    assert [] == redis.client.keys()


def test_the_script_as_it_is_tells_the_time_of_redis(redis):
    call = Call()
    call.take([(PUBLIC, "a")], "m")
    assert b"1 1" == redis.client.eval(SCRIPT, 1, *call.keys, call.argument)
    seconds, micros = redis.client.time()
    assert float(redis.client.get("a")) == pytest.approx(seconds - EPOCH + micros / 1e6 + 1, abs=1.0)
