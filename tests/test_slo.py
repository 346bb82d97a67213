"""The rules as text; that Prometheus does with them what they are for is shown in tests/observability."""

import re

import pytest

from gateway.config.snapshot import Slo
from gateway.config.source import read
from gateway.slo import rules

WHOLE = Slo("pay", "", (), 0.999)
SLOS = (WHOLE, Slo("pay", "", ("charge",), 0.99, 0.3), Slo("pay", "charge", (), 0.9995, 1.0))


def groups(*slos):
    """The rules by group, as our own reader has them: it refuses what any YAML could read in another way."""
    tree, problems = read("slo.yml", rules(slos).encode(), lambda raw: raw)
    assert not problems
    return {group["name"]: group["rules"] for group in tree.at(("groups",))}


def recorded(*slos):
    """The first expression of each series, by its name."""
    every = [rule for group in groups(*slos).values() for rule in group if "record" in rule]
    return {rule["record"]: rule["expr"] for rule in reversed(every)}


@pytest.mark.parametrize(
    ("slo", "selector"),
    [
        pytest.param(WHOLE, 'upstream="pay"', id="an upstream"),
        pytest.param(
            Slo("pay", "", ("a",), 0.999),
            'upstream="pay",route!~"a"',
            id="less a route with objectives of its own",
        ),
        pytest.param(
            Slo("pay", "", ("a.b", "c_d-e"), 0.999),
            'upstream="pay",route!~"a[.]b|c_d-e"',
            id="less several, whose dots are dots",
        ),
        pytest.param(Slo("pay", "a.b", (), 0.999), 'upstream="pay",route="a.b"', id="one route"),
    ],
)
def test_availability_is_the_share_that_is_not_5xx(slo, selector):
    found = recorded(slo)
    assert f"sum(rate(gateway_requests_total{{{selector}}}[5m])) or vector(0)" == found["slo:requests:rate5m"]
    assert (
        f'sum(rate(gateway_requests_total{{{selector},status=~"5.."}}[5m])) or vector(0)'
        == found["slo:requests_failed:rate5m"]
    )


@pytest.mark.parametrize(
    ("below", "bucket"),
    [
        pytest.param(0.3, 'le="0.3"', id="a fraction of a second"),
        pytest.param(0.009, 'le="0.009"', id="milliseconds"),
        pytest.param(1.0, 'le=~"1([.]0)?"', id="a second, which may be written in two ways"),
        pytest.param(3600.0, 'le=~"3600([.]0)?"', id="an hour"),
    ],
)
def test_latency_is_the_share_in_the_bucket_that_ends_at_the_threshold(below, bucket):
    found = recorded(Slo("pay", "", (), 0.99, below))
    total = 'sum(rate(gateway_request_duration_seconds_count{upstream="pay"}[5m]))'
    assert total == found["slo:requests:rate5m"]
    assert (
        f'{total} - sum(rate(gateway_request_duration_seconds_bucket{{upstream="pay",{bucket}}}[5m]))'
        == found["slo:requests_failed:rate5m"]
    )


@pytest.mark.parametrize(
    ("slo", "objective", "name"),
    [
        pytest.param(WHOLE, "availability", "availability", id="of an upstream"),
        pytest.param(Slo("pay", "", (), 0.9, 1.0), "latency", "latency", id="its latency"),
        pytest.param(Slo("pay", "charge", (), 0.9), "availability", "charge-availability", id="of a route"),
        pytest.param(Slo("pay", "charge", (), 0.9, 1.0), "latency", "charge-latency", id="its latency, too"),
    ],
)
def test_labels_name_an_objective_as_we_do_and_as_sloth_does(slo, objective, name):
    first, *_ = groups(slo)["azora-gateway.slo"]
    assert {
        "service": "pay",
        "slo": name,
        "objective": objective,
        "sloth_id": f"pay-{name}",
        "sloth_service": "pay",
        "sloth_slo": name,
    } == first["labels"]


@pytest.mark.parametrize("word", ["no", "null", "y", "N", "off", "true", "e1"])
def test_a_name_that_yaml_takes_for_something_else_stays_a_name(word):
    first, *_ = groups(Slo(word, word, (), 0.9))["azora-gateway.slo"]
    assert (word, f'route="{word}"' in first["expr"]) == (first["labels"]["service"], True)


def test_alerts_are_those_of_the_workbook():
    """Table 5-8: the factor, its two windows; the first two are worth waking somebody."""
    alerts = [rule for rule in groups(*SLOS)["azora-gateway.slo"] if "alert" in rule]
    limit = r"ratio_rate(\w+) > on \(.*?\) ([\d.]+) \* slo:error_budget:ratio"
    assert [
        ("ErrorBudgetBurnFast", "critical", [("1h", "14.4"), ("5m", "14.4")], "1h"),
        ("ErrorBudgetBurnSlow", "critical", [("6h", "6"), ("30m", "6")], "6h"),
        ("ErrorBudgetBurnSteady", "warning", [("3d", "1"), ("6h", "1")], "3d"),
    ] == [
        (
            alert["alert"],
            alert["labels"]["severity"],
            re.findall(limit, alert["expr"]),
            re.search(r"60 \* sum_over_time\(slo:requests_failed:rate5m\[(\w+)\]\) >= 10", alert["expr"])[1],
        )
        for alert in alerts
    ]
    assert {"summary", "description", "runbook_url", "dashboard_url"} == {
        key for alert in alerts for key in alert["annotations"]
    }


def test_whatever_a_rule_asks_for_is_recorded_before():
    known = set()
    for rule in [rule for group in groups(*SLOS).values() for rule in group]:
        asked = re.findall(r"slo:\w+:\w+", rule["expr"])
        assert known.issuperset(asked)
        known.add(rule.get("record"))


def test_no_series_is_recorded_twice():
    series = [
        (rule["record"], *sorted(rule.get("labels", {}).items()))
        for group in groups(*SLOS).values()
        for rule in group
        if "record" in rule
    ]
    assert len({*series}) == len(series)


def test_targets_are_shares_and_are_told_as_percentages():
    text = rules(SLOS)
    assert ["vector(0.999)", "vector(0.99)", "vector(0.9995)"] == re.findall(r"vector\(0\..*\)", text)
    assert ["99.9%", "99%", "99.95%"] == re.findall(r"# (\S+%) of", text)
