"""The committed rules are those of the policies, and Prometheus understands them as they are meant."""

import re
import shutil
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.config import values
from gateway.config.load import load_snapshot
from gateway.config.snapshot import Slo
from gateway.slo import rules

ROOT = Path(__file__).parents[2]
RULES = ROOT / "observability" / "prometheus" / "rules" / "slo.yml"
PROMTOOL = shutil.which("promtool")

with_promtool = pytest.mark.skipif(
    PROMTOOL is None, reason="promtool, which Prometheus comes with, is not here"
)

names = st.from_regex(values.NAME, fullmatch=True)
targets = st.integers(1, 99_999_999).map(lambda share: values.target(f"{share // 10**6}.{share % 10**6:06}%"))
thresholds = st.none() | st.integers(1, 10**7).map(lambda number: number / 1000)


def promtool(*arguments):
    done = subprocess.run([PROMTOOL, *map(str, arguments)], capture_output=True, text=True, timeout=120)
    return done.returncode, done.stdout + done.stderr


def test_the_rules_are_those_of_the_policies():
    """`gateway slo --write observability/prometheus/rules/slo.yml` puts them in step."""
    assert rules(load_snapshot(ROOT / "config" / "gateway.yaml", {}).slos) == RULES.read_text("utf-8")


def test_each_of_the_ten_services_promises_something():
    snapshot = load_snapshot(ROOT / "config" / "gateway.yaml", {})
    assert {*snapshot.upstreams} == {slo.service for slo in snapshot.slos}


def test_what_people_come_for_has_a_name():
    routes = load_snapshot(ROOT / "config" / "gateway.yaml", {}).routes
    assert {
        ("pay-charge-create", "payment"),
        ("education-enrolment-create", "enrolment"),
        ("assessment-submission-create", "assessment-submission"),
        ("assessment-work-upload", "assessment-submission"),
    } == {(route.id, route.operation) for route in routes if route.operation}


def test_whoever_is_called_finds_the_runbook():
    (name,) = set(re.findall(r"runbook_url: https://\S+/runbooks/(\S+)", RULES.read_text("utf-8")))
    text = (ROOT / "docs" / "runbooks" / f"{name}.md").read_text("utf-8")
    assert [] == [
        alert for alert in re.findall(r"alert: (\S+)", RULES.read_text("utf-8")) if alert not in text
    ]


@with_promtool
def test_prometheus_takes_the_rules():
    status, told = promtool("check", "rules", RULES)
    assert (0, True) == (status, "SUCCESS" in told), told


@with_promtool
def test_alerts_fire_when_they_should_and_only_then():
    status, told = promtool("test", "rules", RULES.parents[1] / "tests" / "slo.yml")
    assert 0 == status, told


@with_promtool
@settings(max_examples=10, deadline=None)
@given(
    slos=st.lists(
        st.builds(
            Slo, names, names | st.just(""), st.lists(names, max_size=3).map(tuple), targets, thresholds
        ),
        max_size=20,
    )
)
def test_prometheus_takes_whatever_objectives_there_may_be(slos, tmp_path_factory):
    file = tmp_path_factory.mktemp("rules") / "slo.yml"
    file.write_text(rules(slos))
    status, told = promtool("check", "rules", "--lint=none", file)
    assert 0 == status, told
