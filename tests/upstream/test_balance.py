"""Which endpoint takes a request, among those that can be used."""

from collections import Counter
from random import Random

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.upstream.balance import least_pending, p2c, round_robin


@pytest.mark.parametrize(
    ("balance", "spread"),
    [
        pytest.param(round_robin, 0, id="in turn"),
        pytest.param(least_pending, 0, id="the fewest pending"),
        pytest.param(p2c, 200, id="the better of two"),
    ],
)
def test_idle_endpoints_share_evenly(endpoints, asked, balance, spread):
    """Requests that are over at once go to all alike, whatever the balance."""
    choose = balance(endpoints(3), Random(7))
    chosen = Counter(choose(asked()).address.port for _ in range(3000))
    assert {4000, 4001, 4002} == chosen.keys()
    assert max(chosen.values()) - min(chosen.values()) <= spread


def test_turns_are_taken_whoever_is_busy(endpoints, asked):
    three = endpoints(3)
    three[1].pending = 9
    choose = round_robin(three, Random(7))
    ports = [choose(asked()).address.port - 4000 for _ in range(6)]
    assert [(ports[0] + turn) % 3 for turn in range(6)] == ports


def test_workers_do_not_walk_in_step(endpoints, asked):
    """Each begins where the draw says."""
    three = endpoints(3)
    assert {4000, 4001, 4002} == {
        round_robin(three, Random(seed))(asked()).address.port for seed in range(20)
    }


def test_endpoint_with_the_fewest_unfinished_requests_is_chosen(endpoints, asked):
    """A slow one gets no more than it finishes."""
    three = endpoints(3)
    three[0].pending = 2
    choose = least_pending(three, Random(7))
    for _ in range(4):
        choose(asked()).pending += 1
    assert [2, 2, 2] == [endpoint.pending for endpoint in three]


def test_equally_busy_endpoints_take_turns(endpoints, asked):
    three = endpoints(3)
    for endpoint in three:
        endpoint.pending = 5
    choose = least_pending(three, Random(7))
    assert {4000, 4001, 4002} == {choose(asked()).address.port for _ in range(3)}


def test_busiest_of_all_is_never_the_better_of_two(endpoints, asked):
    three = endpoints(3)
    three[1].pending = 1
    choose = p2c(three, Random(7))
    assert {4000, 4002} == {choose(asked()).address.port for _ in range(200)}


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(seed=st.integers(), count=st.integers(2, 12), requests=st.integers(1, 300))
def test_unfinished_requests_pile_up_nowhere(endpoints, asked, seed, count, requests):
    """Nobody has more than one beyond anybody else."""
    many = endpoints(count)
    choose = least_pending(many, Random(seed))
    for _ in range(requests):
        choose(asked()).pending += 1
    pending = [endpoint.pending for endpoint in many]
    assert max(pending) - min(pending) <= 1


@pytest.mark.parametrize("count", [2, 3, 12])
def test_the_better_of_two_keeps_nearly_as_even(endpoints, asked, count):
    """The busiest is a few beyond the mean, however many there were: log log n / log 2 and a constant.

    That is a statement about most draws and not about each, so the draws are always the same hundred.
    """
    worst = 0
    for seed in range(100):
        many = endpoints(count)
        choose = p2c(many, Random(seed))
        for _ in range(100 * count):
            choose(asked()).pending += 1
        worst = max(worst, *[endpoint.pending - 100 for endpoint in many])
    assert worst <= 4
