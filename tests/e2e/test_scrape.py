"""A real Prometheus reads a real gateway under traffic, and every question that is asked of it has an answer.

What rules and dashboards ask for stands in their files. Where Prometheus is not installed, pytest says so.
"""

import asyncio
import json
import os
import re
import shutil
import socket
import sys
from pathlib import Path

import promql_parser
import pytest
import yaml
from aiohttp import ClientSession

from gateway.demo.examples import examples, tokens
from gateway.telemetry.metrics import METRICS

ROOT = Path(__file__).parents[2]
OBSERVABILITY = ROOT / "observability"
RULES = OBSERVABILITY / "prometheus" / "rules"
DASHBOARDS = sorted((OBSERVABILITY / "grafana" / "dashboards").glob("*.json"))
TOLD = {
    metric.name: [*metric.labels, *(["le"] if metric.kind == "histogram" else [])]
    for metric in METRICS.values()
}
PROMETHEUS = shutil.which("prometheus")
ALERTMANAGER = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(
        not (PROMETHEUS and ALERTMANAGER),
        reason="Prometheus is missing: apt-get install prometheus prometheus-alertmanager",
    ),
]

SCRAPING = """\
global: {{scrape_interval: 1s, evaluation_interval: 1s}}
rule_files: ["{rules}/*.yml"]
alerting: {{alertmanagers: [{{static_configs: [{{targets: ["{alertmanager}"]}}]}}]}}
scrape_configs:
  - {{job_name: azora-gateway, static_configs: [{{targets: ["{gateway}"]}}]}}
  - {{job_name: alertmanager, static_configs: [{{targets: ["{alertmanager}"]}}]}}
  - {{job_name: prometheus, static_configs: [{{targets: ["{prometheus}"]}}]}}
"""
# What Grafana fills in: spans of time, and whatever is chosen of a list.
SPANS = {"$__rate_interval": "1m", "$__range": "5m", "$__interval": "1m"}
# Questions with this in them, and without a zero of their own, have no answer as long as all is well, or as
# long as those who would tell are not here.
QUIET = {
    'reason="internal_error"': "the gateway made no mistake",
    'mode="report"': "no policy is on trial",
    "gateway_certificate_expiry_timestamp_seconds": "no TLS here",
    "loki": "no Loki and no Alloy here",
}


def free_port():
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        return taken.getsockname()[1]


def selectors(expression):
    """What an expression looks at, without the comparison that makes it empty when all is well."""
    found = set()

    def visit(node):
        if isinstance(node, promql_parser.VectorSelector):
            found.add(re.sub(r" offset \w+", "", node.prettify()))

    promql_parser.walk(promql_parser.parse(expression), visit)
    return found


def filled(expression):
    for name, value in SPANS.items():
        expression = expression.replace(name, value)
    return re.sub(r'=~?"\$\w+"', '=~".*"', expression)


def questions():
    """Whatever a rule records, an alert looks at, or a panel shows."""
    asked = set()
    for path in RULES.glob("*.yml"):
        for group in yaml.CSafeLoader(path.read_bytes()).get_single_data()["groups"]:
            for rule in group["rules"]:
                asked |= {rule["expr"]} if "record" in rule else selectors(rule["expr"])
    for path in DASHBOARDS:
        for panel in json.loads(path.read_text("utf-8"))["panels"]:
            if panel.get("datasource", {}).get("type") == "prometheus":
                asked |= {filled(target["expr"]) for target in panel["targets"]}
    return asked


class Prometheus:
    """What it answers."""

    def __init__(self, url, session):
        self.url = url
        self._session = session

    async def get(self, path, **params):
        async with self._session.get(f"{self.url}/api/v1/{path}", params=params) as response:
            # It is not ready at once.
            return [] if response.status == 503 else (await response.json())["data"]

    async def answers(self, query):
        found = await self.get("query", query=query)
        return bool(found and found["result"])

    async def unanswered(self, asked, but=frozenset()):
        """What of these has no answer, as soon as that is no more than `but`, or after half a minute."""
        left = set(asked)
        for _ in range(60):
            left = {query for query in left if not await self.answers(query)}
            if left <= but:
                break
            await asyncio.sleep(0.5)
        return left


async def shell(command):
    """Let a shell run a command; gives its output."""
    process = await asyncio.create_subprocess_shell(
        command, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.DEVNULL
    )
    output, _ = await process.communicate()
    return output.decode("latin-1").strip()


@pytest.fixture
async def gateway(program, repository, tmp_path, monkeypatch):
    """The demo: where clients reach it, and where its admin listener is."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    monkeypatch.setenv("PATH", str(Path(sys.executable).parent), prepend=os.pathsep)
    demo = await program("demo", "--config", repository)
    text = await demo.said("Ctrl-C stops it.", on="stdout")
    # Nobody reads the access log, but somebody has to take it.
    log = asyncio.create_task(demo.process.stdout.read())
    yield re.search(r"gateway at (http://\S+)\.", text)[1], re.search(r"http://(\S+)/routes", text)[1]
    log.cancel()


@pytest.fixture
async def prometheus(serving, tmp_path, gateway):
    """Prometheus, which knows the gateway, Alertmanager and itself."""
    options = ["--web.listen-address=127.0.0.1:0", "--cluster.listen-address="]
    config = OBSERVABILITY / "alertmanager" / "alertmanager.yml"
    options += [f"--config.file={config}", f"--storage.path={tmp_path / 'silences'}"]
    alertmanager = (await serving(ALERTMANAGER, *options)).removeprefix("http://")
    rules = tmp_path / "rules"
    rules.mkdir()
    for path in RULES.glob("*.yml"):
        text = re.sub(r"^    interval: .*\n", "", path.read_text("utf-8"), flags=re.MULTILINE)
        (rules / path.name).write_text(text)
    address = f"127.0.0.1:{free_port()}"
    config = tmp_path / "prometheus.yml"
    known = {"alertmanager": alertmanager, "gateway": gateway[1], "prometheus": address}
    config.write_text(SCRAPING.format(rules=rules, **known))
    options = [f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'series'}"]
    url = await serving(PROMETHEUS, *options, f"--web.listen-address={address}")
    async with ClientSession() as session:
        yield Prometheus(url, session)


async def traffic(base):
    """All that the demo shows, and what a student comes for."""
    told = 'echo "TOKEN=$TOKEN; FINANCE=$FINANCE; STUDENT=$STUDENT; "'
    known = await shell("; ".join([*tokens("gateway"), "STUDENT=$(gateway token --role student)", told]))
    student = 'curl -H "Authorization: Bearer $STUDENT" -H "Content-Type: application/json" -d "{}"'
    commands = [command for _, command in examples(base)]
    commands += [f"{student} {base}/api/education/courses/course-1/enrolments"]
    commands += [f"{student} {base}/api/assessment/exams/exam-1/submissions"]
    async with asyncio.timeout(60):
        await asyncio.gather(*(shell(f"{known} {command}") for command in commands))


async def test_every_question_has_an_answer(gateway, prometheus):
    """Of rules and dashboards, but for what is only there in trouble."""
    base, _ = gateway
    await traffic(base)
    assert not await prometheus.unanswered({'gateway_requests_total{route="education-enrolment-create"}'})
    # Only what is counted once more is an increase.
    await traffic(base)
    asked = questions()
    open_ended = [question for question in asked if "vector(0)" not in question]
    quiet = {mark: {question for question in open_ended if mark in question} for mark in QUIET}
    assert all(quiet.values())
    excused = set().union(*quiet.values())
    assert excused == await prometheus.unanswered(asked, excused)


async def test_page_is_as_it_is_written_down(gateway, prometheus):
    """It has the metrics of the list, with their labels, and Prometheus' own tool finds no fault with it."""
    base, admin = gateway
    await traffic(base)
    async with ClientSession() as session, session.get(f"http://{admin}/metrics") as response:
        assert 200 == response.status
        page = await response.read()
    check = await asyncio.create_subprocess_exec(
        *("promtool", "check", "metrics"),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    said, _ = await check.communicate(page)
    assert (0, "") == (check.returncode, said.decode())
    assert not await prometheus.unanswered({'up{job="azora-gateway"} == 1'})
    series = await prometheus.get("series", **{"match[]": '{job="azora-gateway", __name__=~"gateway_.+"}'})
    wrong = set()
    for labels in series:
        name = labels.pop("__name__")
        whole = re.sub(r"_(bucket|sum|count)$", "", name)
        told = {*TOLD.get(name, TOLD.get(whole, ()))} - (set() if name.endswith("_bucket") else {"le"})
        if (name not in TOLD and whole not in TOLD) or {*labels} - {"job", "instance"} - told:
            wrong.add(name)
    assert set() == wrong
