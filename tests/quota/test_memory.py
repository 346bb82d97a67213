import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.bucket import Charge, Lease
from gateway.policy.tier import at_once, rate
from gateway.quota.memory import MemoryBuckets

PUBLIC = Charge(rate("public", 60, 60.0, 3), 1, str)
DEAR = Charge(rate("public", 60, 60.0, 3), 2, str)
DAILY = Charge(rate("daily", 2, 86400.0), 1, str)
UPLOAD = Charge(at_once("uploads", 2), 1, str)
TWO_UPLOADS = Charge(at_once("uploads", 2), 2, str)
CLOSED = Charge(rate("closed", 0, 60.0), 1, str)


class Time:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def buckets(time):
    return MemoryBuckets(time)


def grants(buckets, charge, key="a", times=1):
    """How many of so many requests one after the other are granted."""
    return sum(buckets.take([(charge, key)], None)[0] for _ in range(times))


def test_a_full_bucket_admits_its_burst_and_no_more(buckets):
    assert 3 == grants(buckets, PUBLIC, times=10)


def test_a_bucket_fills_at_its_rate(buckets, time):
    grants(buckets, PUBLIC, times=3)
    seen = []
    for seconds in (0.5, 0.5, 0.5, 2.6, 1000.0):
        time.now += seconds
        seen.append(grants(buckets, PUBLIC, times=10))
    assert [0, 1, 0, 3, 3] == seen


def test_no_edge_of_a_window_admits_twice(buckets, time):
    """A counter by the minute would admit the last of one and the first of the next together."""
    time.now = 1019.9
    before = grants(buckets, PUBLIC, times=10)
    time.now = 1020.1
    assert (3, 0) == (before, grants(buckets, PUBLIC, times=10))


def test_what_is_refused_takes_nothing(buckets, time):
    grants(buckets, PUBLIC, times=100)
    time.now += 1.0
    assert 1 == grants(buckets, PUBLIC, times=100)


def test_a_cost_takes_as_much(buckets):
    assert (1, 1) == (grants(buckets, DEAR, times=5), grants(buckets, PUBLIC, times=5))


def test_a_limit_of_0_admits_nobody(buckets, time):
    time.now += 1e6
    assert 0 == grants(buckets, CLOSED, times=3)


def test_keys_have_buckets_of_their_own(buckets):
    assert (3, 3) == (grants(buckets, PUBLIC, "a", 10), grants(buckets, PUBLIC, "b", 10))


@pytest.mark.parametrize(
    "wants",
    [
        pytest.param([(PUBLIC, "a"), (DAILY, "b")], id="two rates"),
        pytest.param([(DAILY, "b"), (PUBLIC, "a")], id="in the other order"),
        pytest.param([(PUBLIC, "a"), (UPLOAD, "c"), (DAILY, "b")], id="with a lease between"),
    ],
)
def test_all_are_taken_or_none(buckets, wants):
    """The third request is one too many for `daily` alone, and `public` keeps its last unit."""
    leases = [Lease() for _ in range(3)]
    seen = []
    for lease in leases:
        seen.append(buckets.take(wants, lease)[0])
        lease.end()
    assert ([True, True, False], 1) == (seen, grants(buckets, PUBLIC, "a", 5))


def test_levels_are_told_in_the_order_of_the_wants(buckets):
    granted = buckets.take([(PUBLIC, "a"), (DAILY, "b")], None)
    assert (True, [1.0, 43200.0]) == granted
    grants(buckets, PUBLIC, "a", 5)
    assert (False, [3.0, 43200.0]) == buckets.take([(PUBLIC, "a"), (DAILY, "b")], None)


def test_a_lease_lasts_until_the_request_is_over(buckets):
    first, second, third = Lease(), Lease(), Lease()
    assert [True, True, False] == [buckets.take([(UPLOAD, "a")], each)[0] for each in (first, second, third)]
    third.end()
    assert not buckets.take([(UPLOAD, "a")], Lease())[0]
    first.end()
    assert buckets.take([(UPLOAD, "a")], Lease())[0]


def test_a_lease_may_count_for_two(buckets):
    lease = Lease()
    assert (True, [2.0]) == buckets.take([(TWO_UPLOADS, "a")], lease)
    assert (False, [2.0]) == buckets.take([(UPLOAD, "a")], Lease())
    lease.end()
    assert 0 == len(buckets)


def test_one_rate_may_be_asked_for_in_fewer_steps(time):
    """Whatever happens before, both ways lead to the same."""
    one, other = MemoryBuckets(time), MemoryBuckets(time)
    for seconds in (0.0, 0.1, 0.0, 0.0, 2.5, 0.3, -5.0, 0.0, 9.0):
        time.now += seconds
        answer = one.take_one(DEAR, "a")
        assert other.take([(DEAR, "a")], None) == ((True, [answer]) if isinstance(answer, float) else answer)


def test_a_clock_that_went_back_locks_nobody_out(buckets, time):
    grants(buckets, PUBLIC, times=3)
    time.now -= 900.0
    assert 0 == grants(buckets, PUBLIC)
    time.now += 1.1
    assert 1 == grants(buckets, PUBLIC, times=3)


def test_a_flood_of_keys_fills_no_memory(time):
    buckets = MemoryBuckets(time, 1000)
    sizes = []
    for number in range(5000):
        grants(buckets, PUBLIC, f"key-{number}")
        sizes.append(len(buckets))
    assert 1000 >= max(sizes) > 500


def test_a_flood_of_keys_frees_nobody_who_goes_on_asking(time):
    """Also one who is only refused stays known."""
    buckets = MemoryBuckets(time, 1000)
    grants(buckets, PUBLIC, "victim", 3)
    admitted = 0
    for number in range(5000):
        grants(buckets, PUBLIC, f"key-{number}")
        admitted += grants(buckets, PUBLIC, "victim") if number % 400 == 0 else 0
    assert 0 == admitted


@given(
    count=st.integers(1, 2000),
    period=st.floats(0.1, 1000),
    burst=st.integers(1, 50),
    steps=st.lists(st.tuples(st.floats(0, 50), st.integers(1, 5)), max_size=80),
    start=st.floats(0, 1e9),
)
def test_never_more_than_the_burst_and_the_rate(count, period, burst, steps, start):
    """In no stretch of time, wherever it begins, is more admitted than a full bucket and what runs in."""
    time = Time()
    time.now = start
    buckets, tier = MemoryBuckets(time), rate("a", count, period, burst)
    admitted = []
    for seconds, cost in steps:
        time.now += seconds
        if buckets.take([(Charge(tier, cost, str), "a")], None)[0]:
            admitted.append((time.now, cost))
    for index, (begin, _) in enumerate(admitted):
        total = 0
        for end, cost in admitted[index:]:
            total += cost
            # A hundredth for what floating-point numbers lose at the end of a billion seconds.
            assert total <= burst + (end - begin) * count / period + 0.01
