import pytest

from gateway.policy.tier import at_once, rate

# 60 a minute, one a second, three of them at once.
TIER = rate("public", 60, 60.0, 3)
SLOW = rate("payment", 30, 60.0, 2)


@pytest.mark.parametrize(
    ("tier", "level", "left", "wait"),
    [
        pytest.param(TIER, 0.0, 3, 0, id="a full bucket waits for nothing"),
        pytest.param(TIER, 1.0, 2, 1, id="one was taken just now"),
        pytest.param(TIER, 0.3, 2, 1, id="less than a second is a second"),
        pytest.param(TIER, 3.0, 0, 1, id="an empty bucket"),
        pytest.param(TIER, 2.5, 0, 1, id="half a unit is none"),
        pytest.param(SLOW, 2.0, 1, 2, id="a unit of two seconds"),
        pytest.param(SLOW, 4.0, 0, 2, id="a unit of two seconds, empty"),
        pytest.param(SLOW, 2.5, 0, 1, id="a second until the next unit"),
        pytest.param(at_once("uploads", 4), 0.0, 4, 0, id="nothing under way"),
        pytest.param(at_once("uploads", 4), 4.0, 0, 0, id="no time brings a place"),
        pytest.param(rate("none", 0, 60.0), 0.0, 0, 0, id="a limit of 0 has nothing"),
    ],
)
def test_what_a_bucket_has(tier, level, left, wait):
    assert (left, wait) == (tier.left(level), tier.wait(level, tier.left(level)))


@pytest.mark.parametrize(
    ("tier", "level", "cost", "seconds"),
    [
        pytest.param(TIER, 2.0, 1, 0, id="the last one"),
        pytest.param(TIER, 3.0, 1, 1, id="one too many"),
        pytest.param(TIER, 1.0, 3, 1, id="three of two"),
        pytest.param(at_once("uploads", 4), 4.0, 1, 1, id="try again in a second"),
        pytest.param(rate("none", 0, 60.0), 0.0, 1, 60, id="a limit of 0 refuses for its window"),
    ],
)
def test_what_is_missing(tier, level, cost, seconds):
    shortfall = tier.shortfall(level, cost * tier.unit)
    assert (seconds > 0, seconds) == (shortfall > 0, pytest.approx(max(shortfall, 0), abs=0.002))


@pytest.mark.parametrize(
    ("tier", "policy"),
    [
        pytest.param(TIER, b'"public";q=60;w=60', id="count and window as they were written"),
        pytest.param(rate("a", 100, 0.25), b'"a";q=100', id="no window that is no whole number of seconds"),
        pytest.param(rate("none", 0, 60.0), b'"none";q=0;w=60', id="none"),
        pytest.param(at_once("uploads", 4), b'"uploads";q=4;qu="concurrent-requests"', id="at once"),
    ],
)
def test_a_tier_has_its_item(tier, policy):
    assert policy == tier.policy


def test_a_burst_is_the_count_unless_said():
    assert (60, 3, 0) == (rate("a", 60, 60.0).burst, TIER.burst, rate("a", 0, 60.0).burst)


def test_an_id_is_that_of_the_name_and_the_numbers():
    same = {rate("a", 60, 60.0, 3).id, rate("a", 60, 60.0, 3).id}
    others = {rate("b", 60, 60.0, 3).id, rate("a", 61, 60.0, 3).id, rate("a", 60, 61.0, 3).id}
    others |= {rate("a", 60, 60.0, 4).id, at_once("a", 3).id}
    assert (1, 5, set()) == (len(same), len(others), same & others)
