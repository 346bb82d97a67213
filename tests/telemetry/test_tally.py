"""Counters of the data path."""

import pytest

from gateway.telemetry.tally import OVERHEADS, Histogram, Learnt, RouteTally, UpstreamTally, label


@pytest.mark.parametrize(
    ("seconds", "place"),
    [
        pytest.param(0.0, 0, id="nothing is in the first"),
        pytest.param(0.00005, 0, id="a bound belongs to its own bucket (le)"),
        pytest.param(0.000051, 1, id="above it is the next"),
        pytest.param(0.025, 8, id="the last bound"),
        pytest.param(7.0, 9, id="above all bounds"),
    ],
)
def test_a_time_is_counted_in_one_place(seconds, place):
    histogram = Histogram(OVERHEADS)
    assert place == histogram.observe(seconds)
    assert [int(each == place) for each in range(10)] == histogram.counts
    assert seconds == histogram.sum


@pytest.mark.parametrize(
    ("method", "name"),
    [
        pytest.param(b"GET", "GET", id="a known method"),
        pytest.param(b"BREW", "_OTHER", id="one that a client made up"),
        pytest.param(b"get", "_OTHER", id="methods are case-sensitive"),
        pytest.param(b"", "_OTHER", id="none at all"),
    ],
)
def test_requests_are_counted_by_method_and_status(method, name):
    tally = RouteTally("r", UpstreamTally("u"), "", (1.0,), Learnt())
    tally.count(method, 200)
    tally.count(method, 200)
    tally.count(method, 503)
    counted = {label(key): count for key, count in tally.requests.items()}
    assert {(name, "200"): 2, (name, "503"): 1} == counted


def test_methods_that_clients_invent_make_no_series():
    tally = RouteTally("r", None, "", (1.0,), Learnt())
    for number in range(1000):
        tally.count(b"M%d" % number, 405)
    assert 1 == len(tally.requests)


def histogram(bounds, *seconds, trace="", at=0.0):
    """One that has counted these, the last one with a trace."""
    made = Histogram(bounds)
    for each in seconds:
        place = made.observe(each)
    if trace:
        made.exemplars[place] = trace, seconds[-1], at
    return made


@pytest.mark.parametrize(
    ("bounds", "others", "counts"),
    [
        pytest.param((0.5, 1.0), (0.5, 1.0), [2, 2, 2], id="the same bounds"),
        pytest.param((0.5, 1.0), (0.3, 0.5, 1.0), [2, 2, 2], id="the other has one more"),
        pytest.param((0.3, 0.5, 1.0), (0.5, 1.0), [1, 1, 2, 2], id="the other has one less"),
        pytest.param((0.5, 1.0), (), [1, 1, 4], id="the other has none"),
        pytest.param((), (0.5, 1.0), [6], id="it has none itself"),
        pytest.param((0.5,), (1.0, 9.0), [1, 5], id="the other has larger ones"),
    ],
)
def test_what_another_has_counted_is_added_by_our_bounds(bounds, others, counts):
    """A time is never told as shorter than the other knew it to be."""
    ours, other = histogram(bounds, 0.2, 0.7, 3.0), histogram(others, 0.2, 0.7, 3.0)
    ours.include(other)
    assert counts == ours.counts
    assert 7.8 == pytest.approx(ours.sum)


@pytest.mark.parametrize(
    ("at", "trace"),
    [pytest.param(1.0, "ours", id="ours is newer"), pytest.param(3.0, "other", id="the other is newer")],
)
def test_the_newest_exemplar_of_a_place_is_kept(at, trace):
    ours = histogram((0.5,), 0.2, trace="ours", at=2.0)
    ours.include(histogram((0.5,), 0.3, trace="other", at=at))
    assert [trace, None] == [exemplar and exemplar[0] for exemplar in ours.exemplars]
