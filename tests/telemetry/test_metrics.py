"""The table of metrics, and series that are made by it."""

import re

import pytest

from gateway.telemetry.metrics import METRICS, REQUESTS, Metric, Sheet
from gateway.telemetry.tally import Histogram

# What the naming rules of Prometheus ask for: base units, and `_total` for counters and nothing else.
_UNIT = re.compile(r"_(seconds|bytes|info)(_total)?$")


@pytest.mark.parametrize("metric", [pytest.param(each, id=name) for name, each in METRICS.items()])
def test_each_metric_is_named_by_the_rules_and_says_what_it_means(metric):
    assert re.fullmatch("(gateway|process|python)_[a-z_]+", metric.name)
    assert (metric.kind == "counter") == metric.name.endswith("_total")
    assert metric.kind != "histogram" or _UNIT.search(metric.name)
    assert metric.meaning
    assert len(metric.labels) == len(set(metric.labels))


def test_no_label_is_one_that_a_client_could_fill():
    """Each is a name of the configuration, a word of ours, a method or a status."""
    allowed = {
        *("route", "upstream", "operation", "method", "status", "policy", "reason", "mode", "tier"),
        *("endpoint", "state", "store", "issuer", "result", "use", "certificate", "cause"),
        *("version", "build", "python", "generation"),
    }
    assert allowed == {label for metric in METRICS.values() for label in metric.labels}


def samples(sheet, name):
    (family,) = [each for each in sheet.families() if each.name == name.removesuffix("_total")]
    return {(each.name, *each.labels.values()): each.value for each in family.samples}


def test_what_has_the_same_labels_is_added_up():
    sheet = Sheet(REQUESTS)
    for value in (1, 2):
        sheet.add("gateway_sent_bytes_total", value, "a", "u")
    sheet.add("gateway_sent_bytes_total", 4, "b", "u")
    name = "gateway_sent_bytes_total"
    assert {(name, "a", "u"): 3, (name, "b", "u"): 4} == samples(sheet, name)


def test_buckets_count_what_is_below_them():
    sheet = Sheet([Metric("x_seconds", "histogram", ("a",), "x")])
    histogram = Histogram((0.5, 1.0))
    for seconds in (0.1, 0.2, 0.7, 3.0):
        histogram.observe(seconds)
    sheet.include("x_seconds", histogram, "l")
    assert {
        ("x_seconds_bucket", "l", "0.5"): 2,
        ("x_seconds_bucket", "l", "1.0"): 3,
        ("x_seconds_bucket", "l", "+Inf"): 4,
        ("x_seconds_count", "l"): 4,
        ("x_seconds_sum", "l"): pytest.approx(4.0),
    } == samples(sheet, "x_seconds")


def test_a_histogram_that_counts_on_changes_no_sheet():
    sheet = Sheet([Metric("x_seconds", "histogram", (), "x")])
    histogram = Histogram((1.0,))
    sheet.include("x_seconds", histogram)
    histogram.observe(0.1)
    assert 0 == samples(sheet, "x_seconds")["x_seconds_count",]


def test_histograms_with_other_bounds_are_added_without_losing_any():
    """A configuration may follow another that has other objectives."""
    sheet = Sheet([Metric("x_seconds", "histogram", (), "x")])
    old, new = Histogram((0.5, 1.0)), Histogram((0.3, 0.5, 1.0))
    for seconds in (0.4, 0.7, 3.0):
        old.observe(seconds)
        new.observe(seconds)
    sheet.include("x_seconds", new)
    sheet.include("x_seconds", old)
    counts = [
        value for (name, *_), value in samples(sheet, "x_seconds").items() if name == "x_seconds_bucket"
    ]
    assert [0, 2, 4, 6] == counts


def test_what_is_no_metric_cannot_be_counted():
    with pytest.raises(KeyError):
        Sheet(REQUESTS).add("gateway_invented_total", 1)
