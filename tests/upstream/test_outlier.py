"""Endpoints whose requests fail are left out for a while."""

import pytest

from gateway.config.snapshot import Outlier
from gateway.upstream.outlier import FAILED_STATUSES, FAILURES, Outliers
from gateway.wire.upstream import Fault


@pytest.fixture
def two(endpoints, clock):
    """Two endpoints that three failures in a row eject for thirty seconds, and how often a word changed."""
    found = endpoints(2)
    changes = []
    outliers = Outliers(found, Outlier(3, 30.0), clock, lambda: changes.append([e.ejected for e in found]))
    return found, outliers, changes


def fail(endpoint, times=3):
    for _ in range(times):
        endpoint.failed()


def test_failures_in_a_row_eject(two):
    (one, other), _, changes = two
    fail(one, 2)
    assert (False, []) == (one.ejected, changes)
    fail(one, 1)
    assert (True, False, [[True, False]]) == (one.ejected, other.ejected, changes)


def test_success_between_begins_the_count_again(two):
    (one, _), _, changes = two
    fail(one, 2)
    one.succeeded()
    fail(one, 2)
    assert (False, 2, []) == (one.ejected, one.failures, changes)


def test_it_comes_back_by_itself_and_is_judged_anew(two, pass_time):
    (one, _), _, changes = two
    fail(one)
    pass_time(29)
    assert one.ejected
    pass_time(1)
    assert (False, 0, [[True, False], [False, False]]) == (one.ejected, one.failures, changes)


def test_failures_of_those_who_are_out_change_nothing(two, pass_time):
    """Requests that were on their way, and those of the time when all are out."""
    (one, _), _, changes = two
    fail(one)
    pass_time(10)
    fail(one, 9)
    pass_time(20)
    assert (False, 2) == (one.ejected, len(changes))


def seconds_out(endpoint, pass_time):
    """How long an endpoint stays out that fails now."""
    fail(endpoint)
    seconds = 0
    while endpoint.ejected:
        pass_time(30)
        seconds += 30
    return seconds


def test_who_fails_again_is_out_for_longer(two, pass_time):
    """Each time as long again, but never longer than ten times."""
    (one, _), _, _ = two
    assert [30 * min(times, 10) for times in range(1, 13)] == [seconds_out(one, pass_time) for _ in range(12)]


def test_who_held_out_begins_again(two, pass_time):
    """For as long as it was out the last time."""
    (one, _), _, _ = two
    assert [30, 60] == [seconds_out(one, pass_time) for _ in range(2)]
    pass_time(59)
    assert 90 == seconds_out(one, pass_time)
    pass_time(90)
    assert 30 == seconds_out(one, pass_time)


def test_each_comes_back_in_its_time(two, pass_time):
    (one, other), _, _ = two
    fail(one)
    pass_time(10)
    fail(other)
    pass_time(20)
    assert (False, True) == (one.ejected, other.ejected)
    pass_time(10)
    assert (False, False) == (one.ejected, other.ejected)


def test_clock_is_bothered_only_while_somebody_is_out(two, clock, pass_time):
    (one, _), outliers, _ = two
    assert outliers not in clock.watched
    fail(one)
    assert outliers in clock.watched
    pass_time(30)
    assert outliers not in clock.watched


def test_closed_it_brings_nobody_back(two, clock, pass_time):
    (one, _), outliers, changes = two
    fail(one)
    outliers.close()
    pass_time(60)
    assert (True, 1) == (one.ejected, len(changes))


def test_our_own_bounds_are_no_failures():
    """Nor are statuses by which a service says no."""
    assert {Fault.BUSY, Fault.EXHAUSTED, Fault.UNAVAILABLE} == set(Fault) - FAILURES
    assert {502, 503, 504} == FAILED_STATUSES
