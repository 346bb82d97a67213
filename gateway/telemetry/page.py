"""The metrics page, in the two formats that Prometheus reads.

It is rendered in a thread, so that requests go on meanwhile. What the loop changes is therefore copied in one
step each: a dict that grows while it is read would raise.

However many ask, it is made once in a second: what was made last is kept for so long.
"""

import asyncio
from collections.abc import Callable, Iterable
from functools import partial
from typing import Final, Protocol, final

from prometheus_client import exposition
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.openmetrics import exposition as openmetrics
from prometheus_client.registry import Collector

from gateway.telemetry import report
from gateway.telemetry.books import Books
from gateway.telemetry.metrics import REQUESTS, Sheet
from gateway.telemetry.tally import RouteTally, UpstreamTally, label

# OpenMetrics has exemplars. The library would choose for us, but it repeats the version that a client wrote
# and raises for one that is no number. All our names are plain, so none of its escaping is needed either.
OPENMETRICS: Final = openmetrics.CONTENT_TYPE_LATEST
TEXT: Final = exposition.CONTENT_TYPE_PLAIN_0_0_4
_RENDER: Final[dict[str, Callable[[Collector], bytes]]] = {
    OPENMETRICS: partial(openmetrics.generate_latest, escaping=openmetrics.ALLOWUTF8),
    TEXT: partial(exposition.generate_latest, escaping=openmetrics.ALLOWUTF8),
}
_REPORT: Final = "report"


class Live(Protocol):
    """Metrics of what the loop owns, taken down on the loop."""

    def read(self) -> Sheet: ...


@final
class Page:
    """The metrics of the books, of the live parts, and of the process.

    One is made at a time, and who asks while that lasts gets the same one.
    """

    def __init__(self, books: Books, live: Live) -> None:
        self._books = books
        self._live = live
        self._monotonic = books.monotonic
        self._turn = asyncio.Lock()
        self._under_way: dict[str, asyncio.Task[bytes]] = {}
        self._kept = "", 0.0, b""

    async def render(self, accept: str) -> tuple[bytes, str]:
        """The page for a value of `Accept`, and its media type."""
        kind = media_type(accept)
        return await self._made(kind), kind

    async def report(self) -> bytes:
        """The same as the report of one of several workers."""
        return await self._made(_REPORT)

    async def last_report(self) -> bytes:
        """That of a worker which ends: all that it has counted until now is in it."""
        return await self._fresh(_REPORT)

    async def _made(self, kind: str) -> bytes:
        kept, begun, made = self._kept
        if kept == kind and self._monotonic() - begun < report.KEPT_FOR:
            return made
        under_way = self._under_way.get(kind)
        if under_way is None:
            under_way = self._under_way[kind] = asyncio.create_task(self._make(kind))
        # One who leaves must not take the page from the others.
        return await asyncio.shield(under_way)

    async def _make(self, kind: str) -> bytes:
        try:
            return await self._fresh(kind)
        finally:
            del self._under_way[kind]

    async def _fresh(self, kind: str) -> bytes:
        async with self._turn:
            begun = self._monotonic()
            made = await asyncio.to_thread(self._write, kind, self._live.read())
            # Only the last one: whoever asks for the other format next must not be shown an older page.
            self._kept = kind, begun, made
            return made

    def _write(self, kind: str, live: Sheet) -> bytes:
        sheets = [_counted(self._books), live, report.process()]
        if kind == _REPORT:
            return report.report(sheets)
        sheets.append(report.supervision(workers=1, deaths=0))
        return _rendered(kind, [family for sheet in sheets for family in sheet.families()])


def put_together(kind: str, reports: Iterable[bytes]) -> bytes:
    """The page of this media type that the reports of several workers make."""
    return _rendered(kind, report.families(reports))


def media_type(accept: str) -> str:
    """That of the page, for a value of `Accept`."""
    return OPENMETRICS if accepts_openmetrics(accept) else TEXT


def accepts_openmetrics(accept: str) -> bool:
    """True if the value of an `Accept` field has OpenMetrics in it, and does not call it worthless."""
    for each in accept.split(","):
        name, *parameters = [part.strip().lower() for part in each.split(";")]
        if name == "application/openmetrics-text":
            # RFC 9110 12.4.2: a weight of 0 is "not acceptable".
            return not any(
                parameter.startswith("q=0") and not parameter.strip("q=0.") for parameter in parameters
            )
    return False


@final
class _Families:
    """What the library renders."""

    def __init__(self, families: Iterable[Family]) -> None:
        self._families = families

    def collect(self) -> Iterable[Family]:
        return self._families


def _rendered(kind: str, families: Iterable[Family]) -> bytes:
    return _RENDER[kind](_Families(families))


def _counted(books: Books) -> Sheet:
    """What the books count, copied while requests go on."""
    sheet = Sheet(REQUESTS)
    sheet.add("gateway_requests_in_flight", books.in_flight)
    sheet.add("gateway_tunnels", books.tunnels)
    for tier, count in books.refusals.copy().items():
        sheet.add("gateway_quota_refusals_total", count, tier)
    for route in books.routes.copy().values():
        _add_route(sheet, route)
    for upstream in books.upstreams.copy().values():
        _add_upstream(sheet, upstream)
    return sheet


def _add_route(sheet: Sheet, tally: RouteTally) -> None:
    route, upstream = tally.route, "" if tally.upstream is None else tally.upstream.name
    for key, count in tally.requests.copy().items():
        sheet.add("gateway_requests_total", count, route, upstream, tally.operation, *label(key))
    for (policy, reason, mode), count in tally.decisions.copy().items():
        sheet.add("gateway_decisions_total", count, route, policy, reason, mode)
    sheet.include("gateway_request_duration_seconds", tally.duration, route, upstream)
    sheet.add("gateway_requests_aborted_total", tally.aborted, route, upstream)
    sheet.add("gateway_received_bytes_total", tally.received, route, upstream)
    sheet.add("gateway_sent_bytes_total", tally.sent, route, upstream)
    if upstream:
        sheet.include("gateway_overhead_seconds", tally.overhead, route, upstream)
        sheet.add("gateway_upstream_requests_total", tally.attempts, route, upstream)


def _add_upstream(sheet: Sheet, tally: UpstreamTally) -> None:
    name = tally.name
    for status, count in tally.responses.copy().items():
        sheet.add("gateway_upstream_responses_total", count, name, str(status))
    for reason, count in tally.failures.copy().items():
        sheet.add("gateway_upstream_failures_total", count, name, reason)
    sheet.add("gateway_upstream_retries_total", tally.retries, name)
    sheet.include("gateway_upstream_duration_seconds", tally.duration, name)
