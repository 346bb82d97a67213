"""The dashboards: made of their description, and asking for nothing that the gateway does not tell."""

import json
import re
import shutil
import subprocess
import sys
from importlib.util import module_from_spec, spec_from_file_location
from pathlib import Path

import promql_parser
import pytest
import yaml

from gateway.telemetry.metrics import METRICS

ROOT = Path(__file__).parents[2]
OBSERVABILITY = ROOT / "observability"
GRAFANA = OBSERVABILITY / "grafana"
TOLD = {
    metric.name: [*metric.labels, *(["le"] if metric.kind == "histogram" else [])]
    for metric in METRICS.values()
} | {"up": []}
# What Python tells as well, and nobody looks at.
UNSHOWN = {
    *("process_virtual_memory_bytes", "python_gc_objects_collected_total"),
    "python_gc_objects_uncollectable_total",
}
# What observability/prometheus/rules/slo.yml records, and the labels of it that are asked for.
RECORDED = {
    *("slo:requests:rate5m", "slo:requests_failed:rate5m", "slo:objective:ratio"),
    *("slo:sli_error:ratio_rate1h", "slo:sli_error:ratio_rate6h", "slo:sli_error:ratio_rate30d"),
    *("slo:current_burn_rate:ratio", "slo:period_error_budget_remaining:ratio", "slo:error_budget:ratio"),
}
OBJECTIVE = {"service", "slo"}
# Prometheus gives them to everything that it scrapes.
SCRAPED = {"job", "instance"}
# The fields of a line of the access log that panels look into.
LINE = {"upstream", "status", "decision", "policy"}
# What Grafana fills in.
FILLED = {"$__rate_interval": "1m", "$__range": "1h"}

_LOGQL = re.compile(r"^\{([^}]*)\}((?: \| json)?(?: \| \w+(?:=~?|!=|>=)(?:\"[^\"]*\"|\d+))*)$")


def generator():
    """The module of generate.py, which is a script and in no package."""
    spec = spec_from_file_location("generate", GRAFANA / "generate.py")
    module = module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


GENERATED = generator().generated()
DASHBOARDS = {name: json.loads(text) for name, text in GENERATED.items()}


def panels(kind=None):
    for name, dashboard in DASHBOARDS.items():
        for panel in dashboard["panels"]:
            if panel["type"] != "row" and kind in (None, panel["datasource"]["type"]):
                yield pytest.param(panel, id=f"{name.removesuffix('.json')} {panel['title']}")


def filled(expression):
    """As Prometheus gets it; variables inside quotes are text like any other."""
    for name, value in FILLED.items():
        expression = expression.replace(name, value)
    return expression


def expressions():
    """Every PromQL expression: of panels, of variables and of annotations."""
    for name, dashboard in DASHBOARDS.items():
        for panel in dashboard["panels"]:
            if panel.get("datasource", {}).get("type") == "prometheus":
                yield from ((f"{name} {panel['title']}", target["expr"]) for target in panel["targets"])
        for variable in dashboard["templating"]["list"]:
            selector, label = re.fullmatch(r"label_values\((.+), (\w+)\)", variable["definition"]).groups()
            yield f"{name} ${variable['name']}", f"count by ({label}) ({selector})"
        for annotation in dashboard["annotations"]["list"]:
            yield f"{name} {annotation['name']}", annotation["expr"]


EXPRESSIONS = [*expressions()]


def asked(expression):
    """The metrics of an expression with the labels that they are matched by, and the labels it groups by."""
    metrics, labels = [], set()

    def visit(node):
        if isinstance(node, promql_parser.VectorSelector):
            metrics.append((node.name, {matcher.name for matcher in node.matchers.matchers}))
        if isinstance(node, promql_parser.MatrixSelector):
            visit(node.vector_selector)
        if isinstance(node, promql_parser.AggregateExpr) and node.modifier:
            labels.update(node.modifier.labels)
        if isinstance(node, promql_parser.BinaryExpr) and node.modifier and node.modifier.matching:
            labels.update(node.modifier.matching.labels)

    promql_parser.walk(promql_parser.parse(filled(expression)), visit)
    return metrics, labels


def labels_of(metric):
    """The labels that a series can have; raises KeyError for what nobody tells."""
    if metric in RECORDED:
        return OBJECTIVE
    plain = re.sub(r"_(bucket|sum|count)$", "", metric)
    if plain != metric and "le" in TOLD.get(plain, ()):
        ending = metric.removeprefix(plain)
        return {*TOLD[plain]} - ({"le"} if ending != "_bucket" else set()) | SCRAPED
    if "le" in TOLD[metric]:
        raise KeyError(metric)
    return {*TOLD[metric]} | SCRAPED


def test_committed_dashboards_are_those_of_the_description():
    """`make generated` writes them."""
    committed = {path.name: path.read_text() for path in (GRAFANA / "dashboards").iterdir()}
    assert GENERATED == committed


def test_script_writes_every_file(tmp_path):
    """The very files, where they lie."""
    for name in ("dashboards.yml", "generate.py"):
        shutil.copy(GRAFANA / name, tmp_path)
    (tmp_path / "dashboards").mkdir()
    run = subprocess.run([sys.executable, tmp_path / "generate.py"], capture_output=True, text=True)
    assert (0, "") == (run.returncode, run.stderr)
    assert GENERATED == {path.name: path.read_text() for path in (tmp_path / "dashboards").iterdir()}


def test_there_is_a_dashboard_for_each_subject():
    """Alerts lead to them under these names."""
    uids = {name.removesuffix(".json"): dashboard["uid"] for name, dashboard in DASHBOARDS.items()}
    subjects = ["overview", "service", "decisions", "quotas", "identity", "upstreams", "slo", "internals"]
    assert {subject: subject for subject in subjects} == uids


@pytest.mark.parametrize("name", DASHBOARDS)
def test_dashboard_is_whole(name):
    """No id of a database, panels that do not lie on each other, a way to the other dashboards."""
    dashboard = DASHBOARDS[name]
    assert None is dashboard["id"]
    assert dashboard["description"]
    numbers = [panel["id"] for panel in dashboard["panels"]]
    assert len(numbers) == len(set(numbers))
    taken = set()
    for panel in dashboard["panels"]:
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {
            (x, y)
            for x in range(place["x"], place["x"] + place["w"])
            for y in range(place["y"], place["y"] + place["h"])
        }
        assert not cells & taken
        taken |= cells
    (link,) = dashboard["links"]
    assert ("dashboards", dashboard["tags"], True) == (link["type"], link["tags"], link["includeVars"])


@pytest.mark.parametrize("name", DASHBOARDS)
def test_dashboard_uses_the_variables_that_it_has(name):
    """All of them, and no others."""
    text = json.dumps(DASHBOARDS[name]["panels"])
    used = set(re.findall(r"\$(\w+)", text)) - {filled.removeprefix("$") for filled in FILLED}
    assert {variable["name"] for variable in DASHBOARDS[name]["templating"]["list"]} == used


@pytest.mark.parametrize("panel", [*panels()])
def test_panel_says_what_it_shows(panel):
    """With a sentence, a unit, and a source that Grafana is given under that name."""
    assert panel["description"].endswith(".")
    if panel["type"] == "table":
        shown = {target["legendFormat"] for target in panel["targets"]}
        overrides = panel["fieldConfig"]["overrides"]
        units = {one["matcher"]["options"] for one in overrides if one["properties"][0]["id"] == "unit"}
        assert shown == units
    elif panel["type"] != "logs":
        assert panel["fieldConfig"]["defaults"]["unit"]
    given = yaml.CSafeLoader((GRAFANA / "provisioning/datasources/azora.yml").read_bytes()).get_single_data()
    sources = {source["uid"]: source["type"] for source in given["datasources"]}
    for source in (panel["datasource"], *(target["datasource"] for target in panel["targets"])):
        assert sources[source["uid"]] == source["type"]
    letters = [target["refId"] for target in panel["targets"]]
    assert letters
    assert len(letters) == len(set(letters))


def test_links_lead_to_dashboards():
    linked = set(re.findall(r'"/d/(\w+)\?var-upstream=', json.dumps(DASHBOARDS)))
    assert {"service"} == linked


@pytest.mark.parametrize(("place", "expression"), EXPRESSIONS, ids=[place for place, _ in EXPRESSIONS])
def test_expression_asks_for_what_the_gateway_tells(place, expression):
    """It parses, and each of its metrics has the labels that it is matched and grouped by."""
    metrics, grouping = asked(expression)
    assert metrics
    known = set()
    for metric, matched in metrics:
        labels = labels_of(metric)
        assert matched <= labels, metric
        known |= labels
    assert grouping <= known


def test_all_that_the_gateway_tells_is_shown():
    shown = {
        re.sub(r"_(bucket|sum|count)$", "", metric)
        for _, expression in EXPRESSIONS
        for metric, _ in asked(expression)[0]
    }
    assert UNSHOWN == set(TOLD) - shown


def test_prometheus_itself_parses_every_expression(tmp_path):
    """The same through its own tool, where it is installed."""
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed: apt-get install prometheus")
    rules = [
        {"record": f"dashboards:expression:{number}", "expr": filled(expression)}
        for number, (_, expression) in enumerate(EXPRESSIONS)
    ]
    (tmp_path / "rules.yml").write_text(json.dumps({"groups": [{"name": "dashboards", "rules": rules}]}))
    run = subprocess.run(
        ["promtool", "check", "rules", tmp_path / "rules.yml"], capture_output=True, text=True
    )
    assert 0 == run.returncode, run.stdout + run.stderr


def test_objectives_that_are_shown_are_recorded():
    """By the rules that are made of the policies, where they lie."""
    rules = OBSERVABILITY / "prometheus" / "rules" / "slo.yml"
    if not rules.exists():
        pytest.skip("there are no rules of objectives yet")
    groups = yaml.CSafeLoader(rules.read_bytes()).get_single_data()["groups"]
    recorded = {rule["record"] for group in groups for rule in group["rules"] if "record" in rule}
    assert set() == RECORDED - recorded


@pytest.mark.parametrize("panel", [*panels("loki")])
def test_lines_are_found_by_labels_that_they_have(panel):
    """Labels as Alloy sets them, fields as the access log has them."""
    alloy = (OBSERVABILITY / "alloy" / "config.alloy").read_text()
    labels = set(re.findall(r"^ +(\w+) += \"\",$", alloy.partition("stage.labels")[2], re.MULTILINE))
    for target in panel["targets"]:
        selector, filters = _LOGQL.match(target["expr"]).groups()
        assert set(re.findall(r"(\w+)(?:=|!)", selector)) <= labels | {"service_name"}
        assert set(re.findall(r"\| (\w+)(?:=|!|>)", filters)) <= LINE
