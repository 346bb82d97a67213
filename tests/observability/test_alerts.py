"""Alerts, from the rules over Alertmanager to the page that whoever is called reads.

Everything is read where it is deployed from. The tools of Prometheus and Alertmanager have the last word;
where they are not installed, pytest says so.
"""

import json
import re
import shutil
import subprocess
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import promql_parser
import pytest
import yaml

from gateway.telemetry.metrics import METRICS

ROOT = Path(__file__).parents[2]
OBSERVABILITY = ROOT / "observability"
RULES = sorted((OBSERVABILITY / "prometheus" / "rules").glob("*.yml"))
TESTS = sorted((OBSERVABILITY / "prometheus" / "tests").glob("*.yml"))
RUNBOOKS = ROOT / "docs" / "runbooks"

SEVERITIES = {"critical", "warning", "info"}
DASHBOARDS = {"overview", "service", "decisions", "quotas", "identity", "upstreams", "slo", "internals"}
ANNOTATIONS = {"summary", "description", "runbook_url", "dashboard_url"}
# The two places that links lead to; docs/runbooks/README.md tells how to change them.
RUNBOOK = re.compile(r"https://docs\.azora\.example/runbooks/([a-z-]+)")
DASHBOARD = re.compile(r"http://127\.0\.0\.1:3000/d/([a-z]+)")
# It cannot be made not to fire.
ALWAYS = {"Watchdog"}
# Rules that are made of the policies; tests/observability/test_slo.py knows them.
MADE = "slo.yml"

# What the gateway tells of itself: each metric with its labels, and `le` where it is a histogram.
TOLD = {
    metric.name: [*metric.labels, *(["le"] if metric.kind == "histogram" else [])]
    for metric in METRICS.values()
}
# What others tell.
FOREIGN = {
    "up": [],
    "prometheus_notifications_alertmanagers_discovered": [],
    "prometheus_notifications_dropped_total": [],
    "prometheus_notifications_errors_total": ["alertmanager"],
    "prometheus_rule_evaluation_failures_total": ["rule_group"],
    "alertmanager_notifications_failed_total": ["integration", "reason"],
    "loki_write_sent_entries_total": ["component_id", "host", "tenant"],
    "loki_write_dropped_entries_total": ["component_id", "host", "tenant", "reason"],
    "loki_discarded_samples_total": ["reason", "tenant"],
    "ALERTS": ["alertname", "alertstate"],
}
# Prometheus gives them to everything that it scrapes.
SCRAPED = {"job", "instance"}


def tool(name: str) -> pytest.MarkDecorator:
    return pytest.mark.skipif(
        shutil.which(name) is None,
        reason=f"{name} is missing: apt-get install prometheus prometheus-alertmanager",
    )


def data(path: Path) -> dict:
    return yaml.CSafeLoader(path.read_bytes()).get_single_data()


def rules(kind: str) -> Iterator[tuple[str, dict]]:
    """Rules of a kind, `alert` or `record`, with the names of their files."""
    for path in RULES:
        for group in data(path)["groups"]:
            yield from ((path.name, rule) for rule in group["rules"] if kind in rule)


ALERTS = {rule["alert"]: rule for _, rule in rules("alert")}
RECORDED = {rule["record"] for _, rule in rules("record")}
BY_HAND = {rule["alert"]: rule for name, rule in rules("alert") if name != MADE}
LEVELS = [
    (rule["record"], rule["expr"]) for name, rule in rules("record") if name != MADE and "labels" not in rule
]
alerts = pytest.mark.parametrize("rule", [pytest.param(rule, id=name) for name, rule in ALERTS.items()])


def asked(expression: str) -> tuple[list[tuple[str, set[str]]], set[str]]:
    """The metrics of an expression with the labels that they are matched by, and the labels it groups by."""
    metrics, grouping = [], set()

    def visit(node: object) -> None:
        if isinstance(node, promql_parser.VectorSelector):
            metrics.append((node.name, {matcher.name for matcher in node.matchers.matchers}))
        elif isinstance(node, promql_parser.AggregateExpr) and node.modifier:
            grouping.update(node.modifier.labels)
        elif isinstance(node, promql_parser.BinaryExpr) and node.modifier and node.modifier.matching:
            grouping.update(node.modifier.matching.labels)

    promql_parser.walk(promql_parser.parse(expression), visit)
    return metrics, grouping


@cache
def labels_of(metric: str) -> frozenset[str]:
    """The labels that its series have. Raises KeyError for what nobody tells or records."""
    if metric in RECORDED:
        level = metric.partition(":")[0]
        return frozenset({"service", "slo", "objective"} if level == "slo" else level.split("_"))
    whole, _, part = metric.rpartition("_")
    if part in ("bucket", "sum", "count") and "le" in TOLD.get(whole, ()):
        return frozenset({*TOLD[whole], *SCRAPED} - (set() if part == "bucket" else {"le"}))
    labels = (TOLD | FOREIGN)[metric]
    if "le" in labels:
        raise KeyError(metric)
    return frozenset({*labels, *SCRAPED})


def unknown(expression: str) -> list[str]:
    """What an expression asks for that nobody tells: metrics, or labels that they do not have."""
    metrics, grouping = asked(expression)
    wrong, known = [], set()
    for metric, matched in metrics:
        try:
            labels = labels_of(metric)
        except KeyError:
            wrong.append(metric)
            continue
        wrong += [f"{metric}{{{label}}}" for label in sorted(matched - labels)]
        known |= labels
    return wrong + sorted(grouping - known)


def page(alert: str) -> str:
    """The text of the runbook that an alert links to."""
    name = RUNBOOK.fullmatch(ALERTS[alert]["annotations"]["runbook_url"])[1]
    return (RUNBOOKS / f"{name}.md").read_text("utf-8")


def queries() -> Iterator[tuple[str, str]]:
    """Every query of every runbook: that of its alert, which may take several lines, else one a line."""
    for path in sorted(RUNBOOKS.glob("*.md")):
        for block in re.findall(r"^```promql\n(.*?)^```$", path.read_text("utf-8"), re.MULTILINE | re.DOTALL):
            whole = " ".join(block.split())
            if whole in {" ".join(rule["expr"].split()) for rule in ALERTS.values()}:
                yield path.name, block
            else:
                yield from ((path.name, line) for line in block.splitlines() if line)


def test_there_is_an_alert_for_every_kind_of_trouble():
    """A list to compare with, so that none is lost by accident."""
    assert {
        *("GatewayDown", "GatewayInstanceDown", "GatewayInternalErrors", "GatewayOverheadHigh"),
        *("GatewayEventLoopLag", "GatewayMemoryHigh", "GatewayFileDescriptorsHigh", "GatewayConnectionsHigh"),
        *("GatewayWorkersMissing", "GatewayWorkersDying"),
        *("ConfigReloadFailed", "ConfigDrift", "CertificateExpiring", "CertificateExpiryImminent"),
        *("ServiceUnavailable", "HighErrorRate", "HighLatency"),
        *("UpstreamPoolExhausted", "UpstreamEjected", "UpstreamEndpointDown"),
        *("PaymentFailures", "EnrolmentFailures", "AssessmentSubmissionFailures"),
        *("AuthenticationFailureSurge", "AuthorisationDenialSurge", "KeysMissing", "KeysStale"),
        *("QuotaRefusalSurge", "QuotaStoreDown", "QuotaStoreLocal"),
        *("TraceExportLoss", "AccessLogLoss", "LogIngestionLoss", "LogPipelineDown"),
        *("Watchdog", "AlertmanagerMissing", "AlertDeliveryFailing", "RuleEvaluationFailing"),
    } == set(BY_HAND)


def test_no_two_alerts_have_one_name():
    assert len(ALERTS) == len([*rules("alert")])


@alerts
def test_alert_says_how_bad_it_is_and_whose_it_is(rule):
    labels = rule["labels"]
    assert labels["severity"] in SEVERITIES
    assert labels["team"] in {"platform", "security", "payments", "education"}


@alerts
def test_alert_says_what_happened_and_where_to_look(rule):
    annotations = rule["annotations"]
    assert set(annotations) == ANNOTATIONS
    assert all(annotations.values())
    assert annotations["description"].endswith(".")
    assert DASHBOARD.fullmatch(annotations["dashboard_url"])[1] in DASHBOARDS


@alerts
def test_alert_leads_to_a_page_about_it(rule):
    """In four parts, with the query that makes it fire, so that nobody has to look for it."""
    text = page(rule["alert"])
    assert rule["alert"] in text
    if rule["alert"] not in BY_HAND:
        return
    assert text.startswith(f"# {rule['alert']}\n")
    assert ["## What to look at", "## What to do"] == re.findall(r"^## .+$", text, re.MULTILINE)
    assert " ".join(rule["expr"].split()) in " ".join(text.split())
    held = f"holds for {rule['for']}" if "for" in rule else "holds"
    assert f"Severity {rule['labels']['severity']}. It fires when this {held}:" in text


def test_name_of_a_page_is_that_of_its_alert():
    """`GatewayDown` stands in gateway-down.md."""
    for name, rule in BY_HAND.items():
        kebab = re.sub(r"(?<!^)(?=[A-Z])", "-", name).lower()
        assert kebab == RUNBOOK.fullmatch(rule["annotations"]["runbook_url"])[1]


def test_every_page_is_about_an_alert_and_in_the_index():
    pages = {path.name for path in RUNBOOKS.glob("*.md")} - {"README.md"}
    used = {RUNBOOK.fullmatch(rule["annotations"]["runbook_url"])[1] + ".md" for rule in ALERTS.values()}
    assert used == pages
    index = (RUNBOOKS / "README.md").read_text("utf-8")
    assert pages == set(re.findall(r"\]\(([a-z-]+\.md)\)", index))
    for name, rule in ALERTS.items():
        assert re.search(
            rf"^\| \[{name}\]\(.+\) \| {rule['labels']['severity']} \| .+ \|$", index, re.MULTILINE
        )


@pytest.mark.parametrize("kind", ["alert", "record"])
def test_rules_ask_for_what_is_told(kind):
    """Metrics that exist, by labels that they have."""
    assert {} == {rule[kind]: found for _, rule in rules(kind) if (found := unknown(rule["expr"]))}


def test_runbooks_ask_for_what_is_told():
    asked = [*queries()]
    assert len(asked) > len(ALERTS)
    assert [] == [(name, query, found) for name, query in asked if (found := unknown(query))]


@pytest.mark.parametrize(
    ("expression", "found"),
    [
        pytest.param("sum by (route) (rate(gateway_requests_total[5m]))", [], id="what is told"),
        pytest.param("sum(rate(gateway_request_total[5m]))", ["gateway_request_total"], id="a metric"),
        pytest.param('gateway_tunnels{route="a"}', ["gateway_tunnels{route}"], id="a label"),
        pytest.param("sum by (tier) (gateway_tunnels)", ["tier"], id="a label to group by"),
        pytest.param("up / on (tier) up", ["tier"], id="a label to join by"),
        pytest.param("gateway_overhead_seconds", ["gateway_overhead_seconds"], id="a histogram as a number"),
        pytest.param(
            'gateway_overhead_seconds_count{le="1"}',
            ["gateway_overhead_seconds_count{le}"],
            id="a bucket of a count",
        ),
    ],
)
def test_what_nobody_tells_is_found(expression, found):
    """The check itself."""
    assert found == unknown(expression)


@pytest.mark.parametrize(("record", "expression"), LEVELS, ids=[record for record, _ in LEVELS])
def test_record_is_named_after_its_labels(record, expression):
    """level:metric:operation, where the level has the labels that are left."""
    level, metric, operation = record.split(":")
    metrics, grouping = asked(expression)
    # What is made of other records alone keeps their labels.
    levels = [grouping - {"le"}] if grouping else [labels_of(name) for name, _ in metrics]
    assert [set(level.split("_"))] * len(levels) == levels
    assert metric.startswith("gateway_")
    assert operation


def test_every_alert_is_tested_both_ways():
    """A case in which it fires, with what it then says, and one in which it does not."""
    fires, quiet = set(), set()
    for path in TESTS:
        for case in data(path)["tests"]:
            for expected in case.get("alert_rule_test", ()):
                told = expected.get("exp_alerts") or ()
                assert all(alert["exp_annotations"] and alert["exp_labels"] for alert in told)
                (fires if told else quiet).add((expected["alertname"], case.get("name", "")))
    assert set(ALERTS) == {name for name, _ in fires}
    # That it does not fire before its time is another matter than that it does not fire.
    alone = {name for name, case in quiet if (name, case) not in fires}
    assert set(ALERTS) - ALWAYS == alone


@tool("promtool")
@pytest.mark.parametrize(
    "command",
    [
        pytest.param(["promtool", "check", "rules", *RULES], id="rules"),
        pytest.param(
            ["promtool", "test", "rules", *(path for path in TESTS if path.name != MADE)], id="their tests"
        ),
    ],
)
def test_prometheus_agrees(command):
    assert 0 == ran(command)


@tool("promtool")
def test_prometheus_takes_every_query_of_a_runbook(tmp_path):
    made = [{"record": f"runbook:query:{i}", "expr": query} for i, (_, query) in enumerate(queries())]
    path = tmp_path / "queries.yml"
    path.write_text(json.dumps({"groups": [{"name": "queries", "rules": made}]}), "utf-8")
    assert 0 == ran(["promtool", "check", "rules", path])


ALERTMANAGER = OBSERVABILITY / "alertmanager" / "alertmanager.yml"


@tool("amtool")
def test_alertmanager_takes_its_configuration():
    assert 0 == ran(["amtool", "check-config", ALERTMANAGER])


@tool("amtool")
@pytest.mark.parametrize(
    ("labels", "receiver"),
    [
        pytest.param(["severity=critical", "alertname=GatewayDown"], "slack-critical", id="critical"),
        pytest.param(["severity=warning", "alertname=HighLatency"], "slack-warning", id="warning"),
        pytest.param(["severity=info", "alertname=Other"], "slack-info", id="info"),
        pytest.param(["severity=page", "alertname=Other"], "slack-warning", id="a severity of somebody else"),
        pytest.param(["alertname=Other"], "slack-warning", id="none"),
        pytest.param(["severity=info", "alertname=Watchdog"], "slack-heartbeat", id="the heartbeat"),
    ],
)
def test_alert_goes_to_the_channel_of_its_severity(labels, receiver):
    command = ["amtool", "config", "routes", "test", f"--config.file={ALERTMANAGER}"]
    assert 0 == ran([*command, f"--verify.receivers={receiver}", *labels])


def test_each_severity_has_a_channel_and_the_configuration_no_secret():
    """The webhook's address is read from a file; what is over is told, but for the heartbeat."""
    slack = {receiver["name"]: receiver["slack_configs"] for receiver in data(ALERTMANAGER)["receivers"]}
    assert {
        name: [(f"#azora-{name.removeprefix('slack-')}", "/run/secrets/slack_webhook_url", resolved)]
        for name, resolved in [
            *(("slack-critical", True), ("slack-warning", True)),
            *(("slack-info", True), ("slack-heartbeat", False)),
        ]
    } == {
        name: [(one["channel"], one["api_url_file"], one["send_resolved"]) for one in found]
        for name, found in slack.items()
    }


def test_what_silences_and_what_is_silenced_exists():
    """No rule of inhibition names an alert that nobody raises."""
    for rule in data(ALERTMANAGER)["inhibit_rules"]:
        for matcher in (*rule["source_matchers"], *rule["target_matchers"]):
            if not matcher.startswith("alertname"):
                continue
            for name in re.split(r"\W*=~?\W*", matcher)[1].strip('"').split("|"):
                assert [] != [alert for alert in ALERTS if re.fullmatch(name, alert)], name


def ran(command: list[str | Path]) -> int:
    """Run a tool; what it says stands beside a failure."""
    done = subprocess.run([*map(str, command)], capture_output=True, text=True, timeout=120)
    print(done.stdout, done.stderr)
    return done.returncode
