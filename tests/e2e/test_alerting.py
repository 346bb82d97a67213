"""From a service that goes away to the message in Slack, through the real Prometheus and Alertmanager.

The rules, and where Alertmanager sends what, are the committed ones: only time is shortened in the rules, and
the file with the webhook's address is this test's. Where the two programs are not installed, pytest says so.
"""

import asyncio
import json
import re
import shutil
import time
from pathlib import Path

import pytest
from aiohttp import ClientSession, web

ROOT = Path(__file__).parents[2]
OBSERVABILITY = ROOT / "observability"
PROMETHEUS = shutil.which("prometheus")
ALERTMANAGER = shutil.which("prometheus-alertmanager") or shutil.which("alertmanager")
pytestmark = pytest.mark.skipif(
    not (PROMETHEUS and ALERTMANAGER),
    reason="Prometheus is missing: apt-get install prometheus prometheus-alertmanager",
)

# How long, in seconds, a condition holds here before it is an alert, and how soon after that Slack knows.
HELD = 1
SOON = 5

GATEWAY = """\
version: 1
listeners: [{{address: "127.0.0.1:0"}}]
admin: {{address: "127.0.0.1:0"}}
upstreams:
  azora-pay:
    endpoints: ["{backend}"]
    health: {{path: /health, interval: 250ms, timeout: 200ms, healthy: 1, unhealthy: 1}}
policies: [policies]
"""
ROUTES = """\
routes:
  - {id: pay-charge-list, match: {path: /charges}, upstream: azora-pay, auth: public}
"""
SCRAPING = """\
global: {{scrape_interval: 250ms, evaluation_interval: 250ms}}
rule_files: ["{rules}/*.yml"]
alerting: {{alertmanagers: [{{static_configs: [{{targets: ["{alertmanager}"]}}]}}]}}
scrape_configs:
  - {{job_name: azora-gateway, static_configs: [{{targets: ["{gateway}"]}}]}}
  - {{job_name: alertmanager, static_configs: [{{targets: ["{alertmanager}"]}}]}}
"""


class Backend:
    """A service that can be stopped and started again on the port it had."""

    def __init__(self):
        self.port = 0
        self._runner = None

    async def start(self):
        application = web.Application()
        application.router.add_get("/{rest:.*}", _well)
        self._runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        await self._runner.setup()
        await web.TCPSite(self._runner, "127.0.0.1", self.port).start()
        self.port = self._runner.addresses[0][1]

    async def stop(self):
        await self._runner.cleanup()


async def _well(request):
    return web.Response(text="well")


@pytest.fixture
async def service():
    """The backend."""
    backend = Backend()
    await backend.start()
    yield backend
    await backend.stop()


@pytest.fixture
async def slack(backend):
    """What is posted to the webhook, and the webhook's address."""
    messages = asyncio.Queue()

    async def take(request):
        messages.put_nowait(json.loads(await request.read()))
        return web.Response(text="ok")

    return messages, f"{await backend(take)}/services/T0/B0/secret"


@pytest.fixture
async def gateway(program, tmp_path, service):
    """The address of the admin listener of a gateway in front of the service."""
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "routes.yaml").write_text(ROUTES)
    config = tmp_path / "gateway.yaml"
    config.write_text(GATEWAY.format(backend=f"http://127.0.0.1:{service.port}"))
    started = await program("run", "--config", config)
    return re.search(r"admin on ([\d.:]+)", await started.said("admin on "))[1]


@pytest.fixture
async def alertmanager(serving, tmp_path, slack):
    """Alertmanager with the committed configuration, and the address of its API."""
    folder = tmp_path / "alertmanager"
    shutil.copytree(OBSERVABILITY / "alertmanager", folder)
    secret = tmp_path / "slack_webhook_url"
    secret.write_text(slack[1] + "\n")
    config = folder / "alertmanager.yml"
    text = config.read_text("utf-8")
    assert "/run/secrets/slack_webhook_url" in text
    config.write_text(text.replace("/run/secrets/slack_webhook_url", str(secret)))
    options = [f"--config.file={config}", f"--storage.path={tmp_path / 'silences'}"]
    listening = ["--web.listen-address=127.0.0.1:0", "--cluster.listen-address="]
    return (await serving(ALERTMANAGER, *options, *listening)).removeprefix("http://")


@pytest.fixture
async def prometheus(serving, tmp_path, gateway, alertmanager):
    """Prometheus with the committed rules, those about services in a hurry; gives its URL."""
    rules = tmp_path / "rules"
    shutil.copytree(OBSERVABILITY / "prometheus" / "rules", rules)
    services = rules / "services.yml"
    text = services.read_text("utf-8")
    services.write_text(re.sub(r"^( +for:) \w+$", rf"\1 {HELD}s", text, flags=re.MULTILINE))
    config = tmp_path / "prometheus.yml"
    config.write_text(SCRAPING.format(rules=rules, alertmanager=alertmanager, gateway=gateway))
    options = [f"--config.file={config}", f"--storage.tsdb.path={tmp_path / 'series'}"]
    # It finds Alertmanager only after five seconds, and would tell it a minute later what fires already.
    options.append("--rules.alert.resend-delay=1s")
    return await serving(PROMETHEUS, *options, "--web.listen-address=127.0.0.1:0")


async def known(url, query):
    """Wait until Prometheus has something to say to a query."""
    async with ClientSession() as session, asyncio.timeout(10):
        while True:
            async with session.get(f"{url}/api/v1/query", params={"query": query}) as response:
                # It is not ready at once.
                if response.status == 200 and (await response.json())["data"]["result"]:
                    return
            await asyncio.sleep(0.05)


async def told(messages, seconds):
    """The next message: its channel, and its one attachment."""
    async with asyncio.timeout(seconds):
        message = await messages.get()
    (attachment,) = message["attachments"]
    return message["channel"], attachment


async def silenced(alertmanager):
    """The alerts that Alertmanager has and does not tell."""
    async with ClientSession() as session, asyncio.timeout(10):
        while True:
            async with session.get(f"http://{alertmanager}/api/v2/alerts") as response:
                alerts = await response.json()
            if found := {one["labels"]["alertname"] for one in alerts if one["status"]["inhibitedBy"]}:
                return found
            await asyncio.sleep(0.05)


@pytest.mark.long
async def test_service_that_goes_away_is_told_and_that_it_is_back(slack, prometheus, alertmanager, service):
    """Once, in the right channel, with links; not what follows from it; and before that the heartbeat."""
    messages, _ = slack
    channel, attachment = await told(messages, 4 * SOON)
    assert ("#azora-heartbeat", "[FIRING 1] Watchdog (info) monitoring") == (channel, attachment["title"])
    await known(prometheus, "gateway_upstream_endpoint_up == 1")

    await service.stop()
    since = time.monotonic()
    channel, attachment = await told(messages, HELD + SOON)
    assert HELD <= time.monotonic() - since
    assert ("#azora-critical", "danger") == (channel, attachment["color"])
    assert "[FIRING 1] ServiceUnavailable (critical) azora-pay" == attachment["title"]
    assert attachment["title"] == attachment["fallback"]
    assert [
        "*azora-pay is unavailable*",
        "No endpoint of it is fit for use, or every answer of the last two minutes was a failure. "
        "Its clients get 502, 503 or 504.",
        "<https://docs.azora.example/runbooks/service-unavailable|Runbook> | "
        "<http://127.0.0.1:3000/d/upstreams|Dashboard>",
        "`alertname=ServiceUnavailable` `service=azora-pay` `severity=critical` `team=platform` "
        "`upstream=azora-pay`",
    ] == [line.strip() for line in attachment["text"].splitlines() if line.strip()]
    assert {"UpstreamEndpointDown"} == await silenced(alertmanager)

    await service.start()
    channel, attachment = await told(messages, 2 * SOON)
    assert ("#azora-critical", "good") == (channel, attachment["color"])
    assert "[RESOLVED] ServiceUnavailable (critical) azora-pay" == attachment["title"]
    assert attachment["text"].startswith(":white_check_mark: resolved: *azora-pay is unavailable*\n")
    assert messages.empty()
