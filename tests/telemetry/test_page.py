"""The metrics page: every metric is on it, in two formats, and nothing that a client made up."""

import asyncio
import random
import shutil
import subprocess
import threading
from collections import Counter
from datetime import UTC, datetime
from itertools import pairwise

import pytest
from aiohttp import web
from prometheus_client.openmetrics import parser as openmetrics

from gateway.telemetry import page as page_module
from gateway.telemetry import report
from gateway.telemetry.books import Books
from gateway.telemetry.metrics import METRICS, Sheet
from gateway.telemetry.page import OPENMETRICS, TEXT, Page, accepts_openmetrics, put_together
from gateway.wire.clock import Clock

ACCEPT = "application/openmetrics-text; version=1.0.0"
ROUTES = """\
routes:
  - {id: all, match: {path: "/{rest...}"}, upstream: backend, auth: public, operation: payment}
  - {id: few, match: {path: /few}, respond: {status: 204}, auth: public, quota: [one]}
  - {id: moved, match: {path: /moved, methods: [GET]}, redirect: {to: /few}, auth: public}
tiers:
  one: {limit: 1/1h, key: address}
"""
TRACED = 'telemetry: {traces: {endpoint: "http://127.0.0.1:1", sample: 100%}}\n'


async def echo(request):
    """Answers with the status that the path ends with, and with a body of the size of the query."""
    body = await request.read()
    return web.Response(status=int(request.path.rpartition("/")[2] or 200), body=body)


class Nothing:
    """No live part."""

    def read(self):
        return Sheet([])


@pytest.fixture
async def gateway(serve, backend):
    return await serve(await backend(echo), policies=ROUTES)


def request(method, path, body=b"", *fields):
    lines = [b"Host: a.test", *([b"Content-Length: %d" % len(body)] if body else []), *fields]
    return b"\r\n".join([b"%b %b HTTP/1.1" % (method, path), *lines, b"", body])


async def answered(client, sent, method=b"GET"):
    """Send a request and read its answer; gives the status and the size of the body."""
    await client.send(sent)
    head = await client.head()
    status = int(head[9:12])
    size = 0
    for line in head.lower().split(b"\r\n"):
        if line.startswith(b"content-length:") and method != b"HEAD" and status not in (204, 304):
            size = int(line[15:])
    await client.exactly(size)
    return status, size


@pytest.mark.parametrize("accept", ["", ACCEPT])
async def test_every_metric_is_there_with_its_type_and_its_labels(
    gateway, connect, scrape, authority, accept
):
    client = await connect(gateway)
    await answered(client, request(b"GET", b"/a"))
    await answered(client, request(b"GET", b"/nowhere/%2e"))
    found = await scrape(gateway, accept)
    for metric in METRICS.values():
        family = found.families[metric.name.removesuffix("_total")]
        assert (metric.kind, metric.meaning) == (family.type, family.documentation), metric.name
        for sample in family.samples:
            assert {*metric.labels} == {*sample.labels} - {"le"}, metric.name
    names = {metric.removesuffix("_total") for metric in METRICS}
    assert names == {*found.families}


async def test_all_but_what_is_not_configured_has_series_from_the_start(gateway, scrape):
    found = await scrape(gateway)
    empty = {name for name, family in found.families.items() if not family.samples}
    assert {
        "gateway_decisions",
        *("gateway_keys_loaded", "gateway_keys_last_success_timestamp_seconds"),
        *("gateway_keys_fetches", "gateway_keys_unknown"),
        "gateway_certificate_expiry_timestamp_seconds",
    } == empty


async def test_a_request_is_told_by_its_route_its_operation_its_method_and_its_status(
    gateway, connect, scrape
):
    client = await connect(gateway)
    await answered(client, request(b"POST", b"/a/201", b"12345"))
    await answered(client, request(b"GET", b"/few"))
    await answered(client, request(b"GET", b"/few"))
    found = await scrape(gateway)
    forwarded = {"route": "all", "upstream": "backend"}
    counted = found.value(
        "gateway_requests_total", **forwarded, operation="payment", method="POST", status="201"
    )
    assert 1 == counted
    assert (5, 5) == (
        found.value("gateway_received_bytes_total", **forwarded),
        found.value("gateway_sent_bytes_total", **forwarded),
    )
    assert 1 == found.value("gateway_request_duration_seconds_count", **forwarded)
    assert 1 == found.value("gateway_overhead_seconds_count", **forwarded)
    assert 1 == found.value("gateway_upstream_requests_total", **forwarded)
    assert 1 == found.value("gateway_upstream_responses_total", upstream="backend", status="201")
    assert 1 == found.value("gateway_upstream_duration_seconds_count", upstream="backend")
    own = {"route": "few", "policy": "quota", "reason": "quota_exceeded", "mode": "enforce"}
    assert 1 == found.value("gateway_decisions_total", **own)
    assert 1 == found.value("gateway_quota_refusals_total", tier="one")


async def test_a_tunnel_is_counted_while_it_is_open(serve, scripted, connect, scrape, until):
    backend = await scripted()
    gateway = await serve(
        backend.url,
        policies="""\
        routes: [{id: a, match: {path: /a}, upstream: backend, auth: public, upgrade: [websocket]}]
        """,
    )
    client = await connect(gateway)
    await client.send(
        request(
            *(b"GET", b"/a", b"", b"Connection: Upgrade", b"Upgrade: websocket"),
            *(b"Sec-WebSocket-Version: 13", b"Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA=="),
        )
    )
    behind, _ = await backend.requested()
    await behind.send(
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    )
    await client.head()
    assert 1 == (await scrape(gateway)).value("gateway_tunnels")
    client.cut()
    await until(lambda: not gateway.books.in_flight)
    found = await scrape(gateway)
    assert (0, 1) == (found.value("gateway_tunnels"), found.total("gateway_requests_total", status="101"))


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        pytest.param("", False, id="nothing"),
        pytest.param("text/plain", False, id="text"),
        pytest.param("*/*", False, id="anything"),
        pytest.param("application/openmetrics-text", True, id="OpenMetrics"),
        pytest.param(
            "Application/OpenMetrics-Text;version=1.0.0;q=0.8,text/plain", True, id="as Prometheus asks"
        ),
        pytest.param("text/plain, application/openmetrics-text;q=0", False, id="not acceptable"),
        pytest.param("application/openmetrics-text;q=0.000", False, id="not acceptable, in full"),
        pytest.param("application/openmetrics-text;q=0.05", True, id="hardly acceptable"),
        pytest.param("application/openmetrics-text; version=x\x00", True, id="a version that is none"),
        pytest.param(";;;,,,=", False, id="nonsense"),
    ],
)
def test_openmetrics_is_for_those_who_ask_for_it(accept, expected):
    assert expected == accepts_openmetrics(accept)


async def test_traces_are_told_in_openmetrics_only(serve, backend, connect, scrape):
    gateway = await serve(await backend(echo), policies=ROUTES, more=TRACED)
    client = await connect(gateway)
    await client.send(request(b"GET", b"/a/200"))
    head = await client.head()
    (request_id,) = [line[14:] for line in head.split(b"\r\n") if line.lower().startswith(b"x-request-id: ")]
    found = await scrape(gateway, ACCEPT)
    (exemplar,) = [sample.exemplar for sample in found.samples if sample.exemplar]
    assert {"trace_id": request_id.decode()} == exemplar.labels
    assert abs(float(exemplar.timestamp) - datetime.now(UTC).timestamp()) < 60
    assert "trace_id" not in (await scrape(gateway)).text


async def test_nothing_that_a_client_makes_up_becomes_a_series(gateway, connect, scrape, dial):
    """Methods, paths, hosts, ids, keys and statuses that no request has: what they do is known before."""
    client = await connect(gateway)
    invented = [
        lambda n: request(b"M%d" % n, b"/nowhere"),
        lambda n: request(b"GET", b"/few/../%d" % n),
        lambda n: request(b"GET", b"/x%d/404?a=%d" % (n, n)).replace(b"a.test", b"h%d.test" % n),
        lambda n: request(b"GET", b"/404", b"", b"X-Request-Id: %032d" % n, b"X-Api-Key: %d" % n),
        lambda n: request(b"GET", b"/404", b"", b"Authorization: Bearer a.%d.c" % n, b"User-Agent: %d" % n),
        lambda n: request(b"GET", b"/few", b"", b"Traceparent: 00-%032x-%016x-01" % (n + 1, n + 1)),
    ]

    async def send(numbers):
        nonlocal client
        for number in numbers:
            sent = invented[number % len(invented)](number)
            try:
                await answered(client, sent)
            except (asyncio.IncompleteReadError, ConnectionError):
                # The one before could not be read, which ended the connection.
                client = await connect(gateway)
                await answered(client, sent)

    await send(range(60))
    before = await scrape(gateway)
    await send(range(60, 2060))
    after = await scrape(gateway)
    assert before.values.keys() == after.values.keys()
    assert 2000 == after.total("gateway_requests_total") - before.total("gateway_requests_total")


async def test_the_page_counts_what_clients_count(gateway, connect, scrape, until):
    """5,000 requests of every kind over connections that are kept, in any order; nothing is off by one."""
    sent, received, seen = Counter(), Counter(), Counter()
    kinds = [
        *[("all", b"GET", b"/x/%d" % status, b"") for status in (200, 201, 204, 304, 404, 418, 500, 503)],
        *[("all", method, b"/x/200", b"z" * 100) for method in (b"POST", b"PUT", b"PATCH", b"DELETE")],
        ("all", b"HEAD", b"/x/200", b""),
        ("all", b"PROPFIND", b"/x/200", b""),
        ("few", b"GET", b"/few", b""),
        ("moved", b"GET", b"/moved", b""),
    ]
    random.seed(14)

    async def work(count):
        client = await connect(gateway)
        for _ in range(count):
            route, method, path, body = random.choice(kinds)
            status, size = await answered(client, request(method, path, body), method)
            name = method.decode() if method != b"PROPFIND" else "_OTHER"
            seen[route, name, str(status)] += 1
            received[route] += len(body)
            sent[route] += size

    await asyncio.gather(*[work(500) for _ in range(10)])
    await until(lambda: not gateway.books.in_flight)
    found = await scrape(gateway)
    counted = {
        (each.labels["route"], each.labels["method"], each.labels["status"]): each.value
        for each in found.samples
        if each.name == "gateway_requests_total" and each.value
    }
    assert dict(seen) == counted
    for route in ("all", "few", "moved"):
        assert sent[route] == found.total("gateway_sent_bytes_total", route=route)
        assert received[route] == found.total("gateway_received_bytes_total", route=route)
    assert 5000 == found.total("gateway_request_duration_seconds_count")
    backends = sum(count for (route, *_), count in seen.items() if route == "all")
    assert backends == found.total("gateway_upstream_requests_total")
    assert backends == found.total("gateway_upstream_responses_total")
    assert 0 == found.value("gateway_requests_in_flight")


async def test_counters_never_go_down_while_pages_are_rendered(gateway, connect, scrape):
    """Nor is a page ever torn: its last bucket is its count."""

    async def ask():
        client = await connect(gateway)
        for number in range(300):
            await answered(client, request(b"GET", b"/x/%d" % (200 + number % 300)))

    asking = asyncio.gather(*[ask() for _ in range(3)])
    pages = []
    while not asking.done():
        pages.append(await scrape(gateway))
    await asking
    pages.append(await scrape(gateway))
    assert len(pages) > 2
    for before, after in pairwise(pages):
        for family in before.families.values():
            for sample in family.samples if family.type in ("counter", "histogram") else ():
                key = sample.name, frozenset(sample.labels.items())
                assert after.values[key] >= sample.value, key
        for sample in after.samples:
            if sample.labels.get("le") == "+Inf":
                others = {name: value for name, value in sample.labels.items() if name != "le"}
                assert sample.value == after.value(sample.name.replace("_bucket", "_count"), **others)


async def test_a_page_is_rendered_beside_the_loop_and_once_for_all_who_ask(monkeypatch):
    rendering, goes_on = threading.Event(), threading.Event()
    rendered = []

    def render(registry):
        rendered.append(threading.current_thread())
        rendering.set()
        goes_on.wait(5)
        return b"page"

    monkeypatch.setitem(page_module._RENDER, TEXT, render)
    page = Page(Books(Clock(), 0.0), Nothing())
    asking = [asyncio.create_task(page.render("")) for _ in range(20)]
    leaving = asyncio.create_task(page.render(""))
    other = asyncio.create_task(page.render(OPENMETRICS))
    async with asyncio.timeout(5):
        await asyncio.to_thread(rendering.wait, 5)
        leaving.cancel()
        # The loop goes on, and nothing else is rendered meanwhile.
        for _ in range(100):
            await asyncio.sleep(0)
        assert not other.done()
        goes_on.set()
        assert [(b"page", TEXT)] * 20 == await asyncio.gather(*asking)
        assert OPENMETRICS == (await other)[1]
        assert (b"page", TEXT) == await page.render("")
    assert 2 == len(rendered)
    assert threading.main_thread() not in rendered


async def test_a_page_that_cannot_be_rendered_is_nobodys_for_ever(monkeypatch):
    """The next one is tried anew."""
    answers = iter([ValueError("broken"), b"page"])

    def render(registry):
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setitem(page_module._RENDER, TEXT, render)
    page = Page(Books(Clock(), 0.0), Nothing())
    with pytest.raises(ValueError, match="broken"):
        await page.render("")
    assert (b"page", TEXT) == await page.render("")


class Rendered:
    """Pages that say how many there were before them, and a clock that stands still."""

    def __init__(self, monkeypatch):
        self.made = 0
        self.now = 100.0
        for kind in (TEXT, OPENMETRICS):
            monkeypatch.setitem(page_module._RENDER, kind, self.render)
        self.page = Page(Books(Clock(lambda: self.now), 0.0), Nothing())

    def render(self, families):
        self.made += 1
        return b"%d" % self.made

    async def text(self):
        return int((await self.page.render(""))[0])

    async def openmetrics(self):
        return int((await self.page.render(ACCEPT))[0])


async def test_a_page_is_made_once_in_a_second(monkeypatch):
    """However often it is asked for; and nobody gets one that is older."""
    rendered = Rendered(monkeypatch)
    assert [1, 1] == [await rendered.text() for _ in range(2)]
    rendered.now += 0.9
    assert 1 == await rendered.text()
    rendered.now += 0.1
    assert [2, 2] == [await rendered.text() for _ in range(2)]


async def test_nobody_is_shown_an_older_page_than_the_one_before(monkeypatch):
    """Not in the other format either: a counter that goes back would seem to have begun anew."""
    rendered = Rendered(monkeypatch)
    assert [1, 2, 2, 3] == [
        await rendered.text(),
        await rendered.openmetrics(),
        await rendered.openmetrics(),
        await rendered.text(),
    ]


async def test_the_age_of_a_page_counts_from_when_it_was_begun(monkeypatch):
    rendered = Rendered(monkeypatch)

    def slow(families):
        rendered.now += 0.6
        return rendered.render(families)

    monkeypatch.setitem(page_module._RENDER, TEXT, slow)
    assert 1 == await rendered.text()
    rendered.now += 0.5
    assert 2 == await rendered.text()


async def test_the_last_report_of_a_worker_has_all_that_it_counted(gateway, connect):
    """Not what was kept for whoever asks."""

    def counted(told):
        return sum(
            sample.value
            for family in report.families([told])
            for sample in family.samples
            if sample.name == "gateway_requests_total"
        )

    client = await connect(gateway)
    assert 0 == counted(await gateway.page.report())
    await answered(client, request(b"GET", b"/moved"))
    assert 1 == counted(await gateway.page.last_report())


async def test_a_report_makes_the_page_of_one_process(gateway, connect, scrape):
    """But for what the process takes, and for what a supervisor tells."""
    client = await connect(gateway)
    for path in (b"/a", b"/few", b"/few", b"/nowhere/%2e"):
        await answered(client, request(b"GET", path))
    alone = await scrape(gateway)
    text = put_together(OPENMETRICS, [await gateway.page.report(), report.supervisor_report(1, 0)])
    families = openmetrics.text_string_to_metric_families(text.decode())
    put = {family.name: family for family in families}
    assert {*alone.families} == {*put}
    for name, family in put.items():
        if not name.startswith(("process_", "python_", "gateway_event_loop")):
            before = {(each.name, *each.labels.items()): each.value for each in alone.families[name].samples}
            assert before == {(each.name, *each.labels.items()): each.value for each in family.samples}, name


async def test_promtool_has_nothing_to_say_against_it(gateway, connect, scrape):
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed")
    await answered(await connect(gateway), request(b"GET", b"/few/%2f"))
    text = (await scrape(gateway)).text
    told = await asyncio.to_thread(
        subprocess.run,
        ["promtool", "check", "metrics"],
        input=text.encode(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    assert (0, b"") == (told.returncode, told.stdout)
