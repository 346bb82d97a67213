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
