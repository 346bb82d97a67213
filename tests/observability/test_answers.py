"""Every expression of every dashboard, asked of a real Prometheus that scrapes what two gateways could tell.

An expression can parse and still fail, or find nothing: labels that do not match, series that meet twice.
"""

import json
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from itertools import product
from pathlib import Path
from threading import Thread
from urllib.error import HTTPError, URLError
from urllib.parse import urlencode
from urllib.request import urlopen

import pytest

from gateway.telemetry.metrics import METRICS

ROOT = Path(__file__).parents[2]
TOLD = {
    metric.name: [*metric.labels, *(["le"] if metric.kind == "histogram" else [])]
    for metric in METRICS.values()
}
# What rules record: how it is made is no business of dashboards.
RECORDED = dict.fromkeys(
    (
        *(
            "slo:requests:rate5m",
            "slo:requests_failed:rate5m",
            "slo:objective:ratio",
            "slo:error_budget:ratio",
        ),
        *("slo:sli_error:ratio_rate1h", "slo:sli_error:ratio_rate6h", "slo:sli_error:ratio_rate30d"),
        *("slo:current_burn_rate:ratio", "slo:period_error_budget_remaining:ratio"),
    ),
    ("service", "slo", "objective"),
)
# Some values of each label. Unmatched requests have a route and nothing else.
VALUES = {
    "route": ["pay-charge-list", "_unmatched"],
    "upstream": ["azora-pay", "azora-mint"],
    "operation": ["payment"],
    "method": ["GET"],
    "status": ["200", "301", "401", "404", "503"],
    "policy": ["allow", "auth", "quota", "wire", "gateway", "upstream"],
    "reason": ["no_credentials"],
    "mode": ["enforce", "report"],
    "tier": ["public"],
    "endpoint": ["http://10.0.0.1:80", "http://10.0.0.2:80"],
    "state": ["idle", "busy"],
    "store": ["redis"],
    "issuer": ["azora-id"],
    "result": ["success", "failure"],
    "use": ["listener", "upstream"],
    "certificate": ["azora.example"],
    "cause": ["queue_full"],
    "version": ["0.1.0"],
    "build": ["compiled"],
    "python": ["3.11.7"],
    "generation": ["0", "1"],
    "service": ["azora-pay"],
    "slo": ["availability", "latency"],
    "objective": ["availability"],
    "le": ["0.1", "1", "+Inf"],
}
CHOSEN = {"$__rate_interval": "30s", "$__range": "30s", '"$upstream"': '"azora-pay"'}
PATIENCE = 30.0


def exposition(metrics: Mapping[str, Sequence[str]], now: float) -> str:
    """Series of every metric; each number grows with the time."""
    lines = []
    for name, labels in metrics.items():
        endings = ("_bucket", "_sum", "_count") if "le" in labels else ("",)
        for ending in endings:
            had = [label for label in labels if label != "le" or ending == "_bucket"]
            for values in product(*(VALUES[label] for label in had)):
                pairs = ",".join(f'{label}="{value}"' for label, value in zip(had, values, strict=True))
                lines.append(f"{name}{ending}{{{pairs}}} {now % 1_000_000:f}")
    return "\n".join(lines) + "\n"


class Gateway(BaseHTTPRequestHandler):
    """The admin listener of a gateway that had much to do; `/recorded` is what rules would make of it."""

    def do_GET(self) -> None:
        body = exposition(RECORDED if self.path == "/recorded" else TOLD, time.time()).encode()
        self.send_response(200)
        self.send_header("Content-Type", "text/plain; version=0.0.4")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *arguments: object) -> None:
        """Say nothing."""


@pytest.fixture
def prometheus(tmp_path: Path) -> Iterator[str]:
    """Its URL, once it has scraped both gateways three times."""
    if shutil.which("prometheus") is None:
        pytest.skip("prometheus is not installed: apt-get install prometheus")
    with ExitStack() as stack:
        targets = []
        for _ in range(2):
            server = ThreadingHTTPServer(("127.0.0.1", 0), Gateway)
            stack.callback(server.server_close)
            Thread(target=server.serve_forever, daemon=True).start()
            stack.callback(server.shutdown)
            targets.append(f"127.0.0.1:{server.server_address[1]}")
        jobs = [
            {"job_name": "azora-gateway", "static_configs": [{"targets": targets}]},
            {"job_name": "rules", "metrics_path": "/recorded", "static_configs": [{"targets": targets[:1]}]},
        ]
        settings = {"global": {"scrape_interval": "1s", "scrape_timeout": "1s"}, "scrape_configs": jobs}
        (tmp_path / "prometheus.yml").write_text(json.dumps(settings))
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            address = f"127.0.0.1:{taken.getsockname()[1]}"
        command = ["prometheus", "--config.file=prometheus.yml", "--storage.tsdb.path=data"]
        process = stack.enter_context(
            subprocess.Popen(
                [*command, f"--web.listen-address={address}"], cwd=tmp_path, stderr=subprocess.DEVNULL
            )
        )
        stack.callback(process.kill)
        await_scrapes(f"http://{address}")
        yield f"http://{address}"


def await_scrapes(url: str) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            found = ask(url, "min(count_over_time(up[30s])) >= 3 and count(up) == 3")
        except URLError:
            found = []
        if found:
            return
        time.sleep(0.2)
    raise AssertionError("prometheus does not scrape")


def ask(url: str, expression: str) -> list[object]:
    """The series of an answer. Raises AssertionError where Prometheus refuses the expression."""
    try:
        with urlopen(f"{url}/api/v1/query?{urlencode({'query': expression})}", timeout=PATIENCE) as answer:
            told = json.load(answer)
    except HTTPError as refusal:
        with refusal:
            if refusal.status == 503:
                raise URLError("it is still starting") from None
            raise AssertionError(f"{expression}: {json.load(refusal)['error']}") from None
    series: list[object] = told["data"]["result"]
    return series


def expressions() -> Iterator[tuple[str, str]]:
    """Each with its place, and with something chosen for every variable."""
    for path in sorted((ROOT / "observability" / "grafana" / "dashboards").iterdir()):
        dashboard = json.loads(path.read_text())
        asked = [(panel["title"], panel.get("targets", ())) for panel in dashboard["panels"]]
        asked += [(note["name"], [note]) for note in dashboard["annotations"]["list"]]
        for title, targets in asked:
            for target in targets:
                if target["datasource"]["type"] == "prometheus":
                    expression = target["expr"]
                    for variable in dashboard["templating"]["list"]:
                        expression = expression.replace(f'=~"${variable["name"]}"', '=~".*"')
                    for name, value in CHOSEN.items():
                        expression = expression.replace(name, value)
                    yield f"{path.stem}: {title}", expression


@pytest.mark.long
def test_every_expression_finds_something(prometheus):
    asked = [*expressions()]
    assert len(asked) > 100
    empty = [(place, expression) for place, expression in asked if not ask(prometheus, expression)]
    assert [] == empty
