"""What one worker counts, as bytes, and what the reports of several make together.

A report is read by another process, maybe of another version: what it tells of metrics that are not in our
table is skipped, and what is no report at all is left out, whole.

Counters go on when a worker is gone: its `remains` stand in for it. So they do for one that does not answer,
since a counter that goes back is taken for one that has begun anew, with all that it ever counted.
"""

import asyncio
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import fsum, inf, nextafter
from typing import Any, Final, final

import orjson
from prometheus_client import CollectorRegistry, GCCollector, ProcessCollector
from prometheus_client.metrics_core import Metric as Family

from gateway.policy.ports import Time
from gateway.telemetry.metrics import METRICS, PROCESS, SUPERVISION, Metric, Series, Sheet, Together
from gateway.telemetry.tally import Histogram

# Seconds for which a page or a report that was made is given to whoever asks: four who ask without pause
# would else take an eighth of their rate from requests.
KEPT_FOR: Final = 1.0
# Nothing that is counted comes near it, and what is added up stays a number.
_AT_MOST: Final = 1e100
# How a report begins.
_HERE: Final = b'{"is_gone":false,'
_GONE: Final = b'{"is_gone":true,'
# Reports of workers that are gone, which nobody has asked for, that are kept apart.
_APART_AT_MOST: Final = 32
_LIBRARY: Final = CollectorRegistry()
ProcessCollector(registry=_LIBRARY)
GCCollector(registry=_LIBRARY)

_Labels = tuple[str, ...]
_Bounds = Callable[[set[float], set[float]], set[float]]


def report(sheets: Iterable[Sheet]) -> bytes:
    """The report of these, no metric of which is in two of them."""
    return _written(sheets, is_gone=False)


def merged(reports: Iterable[bytes]) -> bytes:
    """One report that says what these say together."""
    read = _read_all(reports)
    return _written([_together(read)], is_gone=all(each.is_gone for each in read))


def remains(told: bytes) -> bytes:
    """What counts on of the report of a worker that is gone. It is only marked, which takes no time."""
    return _GONE + told[len(_HERE) :] if told.startswith(_HERE) else told


def families(reports: Iterable[bytes]) -> list[Family]:
    """What these say together, as the library writes it."""
    return _together(_read_all(reports)).families()


def supervisor_report(workers: int, deaths: int, buckets: int = 0) -> bytes:
    """What a supervisor knows: of workers, of the buckets of quotas that it keeps, and of its own process."""
    kept = Sheet([METRICS["gateway_quota_buckets"]])
    kept.add("gateway_quota_buckets", buckets)
    return report([supervision(workers, deaths), kept, process()])


def supervision(workers: int, deaths: int) -> Sheet:
    """How many workers there ought to be, and how many have ended by themselves."""
    sheet = Sheet(SUPERVISION)
    sheet.add("gateway_workers_configured", workers)
    sheet.add("gateway_worker_deaths_total", deaths)
    return sheet


def process() -> Sheet:
    """What the library counts of this process and of Python."""
    sheet = Sheet(PROCESS)
    for family in _LIBRARY.collect():
        for sample in family.samples:
            if sample.name in sheet.series:
                sheet.add(sample.name, sample.value, *sample.labels.values())
    return sheet


@final
class Ledger:
    """The last report of each worker, and what remains of those that are gone; kept by their supervisor.

    `supervise` gives the supervisor's own report, which is kept for a second, as workers keep theirs. Workers
    go by numbers, such as those of their processes: until one is `gone` its number is nobody else's.
    """

    def __init__(self, supervise: Callable[[], bytes], monotonic: Time, remains: bytes = b"") -> None:
        self._last: dict[int, bytes] = {}
        self._gone = [remains] if remains else []
        self._turn = asyncio.Lock()
        self._supervise = supervise
        self._monotonic = monotonic
        self._own = b""
        self._own_until = -inf

    @property
    def remains(self) -> bytes:
        """What remains of all that are gone, for whoever takes over from this process."""
        return merged(self._gone)

    def heard(self, worker: int, told: bytes) -> None:
        """A report has come. A worker's reports are taken in the order in which it made them."""
        self._last[worker] = told

    def gone(self, worker: int, last: bytes | None = None) -> None:
        """A worker has ended. Without a `last` report nobody knows what it counted since it was asked."""
        known = self._last.pop(worker, None)
        told = last or known
        if told is not None:
            self._gone.append(remains(told))
        if len(self._gone) > _APART_AT_MOST:
            self._gone = [merged(self._gone)]

    async def reports(self, answered: Collection[int]) -> list[bytes]:
        """All that there is to put together, when these workers have answered in time and others have not."""
        await self._put_remains_together()
        now = self._monotonic()
        if now >= self._own_until:
            self._own, self._own_until = self._supervise(), now + KEPT_FOR
        workers = [last if worker in answered else remains(last) for worker, last in self._last.items()]
        return [*workers, *self._gone, self._own]

    async def _put_remains_together(self) -> None:
        async with self._turn:
            apart = self._gone
            count = len(apart)
            if count > 1:
                # With a thousand routes it takes tenths of a second, and others wait for this process.
                one = await asyncio.to_thread(merged, apart.copy())
                if apart is self._gone:
                    apart[:count] = [one]


@final
@dataclass(frozen=True, slots=True)
class _Report:
    """What was read. Of a worker that `is_gone` nothing is counted any more."""

    is_gone: bool
    sheet: Sheet


def _written(sheets: Iterable[Sheet], is_gone: bool) -> bytes:
    rows = {name: _rows(series) for sheet in sheets for name, series in sheet.series.items()}
    return orjson.dumps(
        {"is_gone": is_gone, "series": {name: series for name, series in rows.items() if series}}
    )


def _rows(series: Series) -> list[tuple[_Labels, object]]:
    return [
        *series.values.items(),
        *(
            (labels, (each.bounds, each.counts, each.sum, each.exemplars))
            for labels, each in series.histograms.items()
        ),
    ]


def _read_all(reports: Iterable[bytes]) -> list[_Report]:
    read = []
    for each in reports:
        try:
            read.append(_read(each))
        except ValueError:
            continue
    return read


def _read(told: bytes) -> _Report:
    """Raises ValueError for what is no report."""
    match orjson.loads(told):
        case {"is_gone": bool(is_gone), "series": dict(by_name)}:
            sheet = Sheet(METRICS.values())
            for name, rows in by_name.items():
                series = sheet.series.get(name)
                if series is not None and not (is_gone and series.metric.kind == "gauge"):
                    _read_series(rows, series)
            return _Report(is_gone, sheet)
    raise ValueError("this is no report")


def _read_series(rows: Any, series: Series) -> None:
    if not isinstance(rows, list):
        raise ValueError("series are a list")
    is_histogram = series.metric.kind == "histogram"
    for row in rows:
        match row:
            case [[*labels], int() | float() as value] if not is_histogram and abs(value) < _AT_MOST:
                if _fit(labels, series.metric):
                    series.values[tuple(labels)] = value
            case [[*labels], [[*bounds], [*counts], int() | float() as total, [*exemplars]]] if is_histogram:
                if _fit(labels, series.metric):
                    series.histograms[tuple(labels)] = _histogram(bounds, counts, total, exemplars)
            case _:
                raise ValueError("a series is its labels and its value")


def _fit(labels: Sequence[Any], metric: Metric) -> bool:
    """Another version may have more labels, or fewer. Raises ValueError for what are none."""
    if not all(isinstance(label, str) for label in labels):
        raise ValueError("a label is text")
    return len(labels) == len(metric.labels)


def _histogram(bounds: list[Any], counts: list[Any], total: float, exemplars: list[Any]) -> Histogram:
    """Raises ValueError for what is none."""
    histogram = Histogram([float(bound) for bound in bounds if isinstance(bound, int | float)])
    is_sound = (
        len(bounds) == len(histogram.bounds)
        and len(counts) == len(exemplars) == len(histogram.counts)
        and all(lower < upper for lower, upper in pairwise(histogram.bounds))
        and all(isinstance(count, int) and count >= 0 for count in counts)
        and abs(total) < _AT_MOST
    )
    if not is_sound:
        raise ValueError("a histogram has a count and an exemplar a place")
    histogram.counts = counts
    histogram.exemplars = [_exemplar(each) for each in exemplars]
    histogram.sum = total
    return histogram


def _exemplar(told: Any) -> tuple[str, float, float] | None:
    match told:
        case None:
            return None
        case [str(trace_id), int() | float() as seconds, int() | float() as time]:
            return trace_id, seconds, time
    raise ValueError("an exemplar is a trace, its seconds and its time")


def _together(reports: Sequence[_Report]) -> Sheet:
    sheet = Sheet(METRICS.values())
    for name, series in sheet.series.items():
        living = [each.sheet.series[name] for each in reports if not each.is_gone]
        gone = [each.sheet.series[name] for each in reports if each.is_gone]
        values = _by_labels(each.values for each in (*living, *gone))
        rule = _RULES[series.metric.together]
        series.values = {labels: rule(several) for labels, several in values.items()}
        series.histograms = _all_histograms(living, gone)
    return sheet


def _all_histograms(living: Sequence[Series], gone: Sequence[Series]) -> dict[_Labels, Histogram]:
    sums = _by_labels(
        {labels: histogram.sum for labels, histogram in each.histograms.items()} for each in (*living, *gone)
    )
    # Only bounds by which all have counted tell the truth of all. Those that are gone count no more, which
    # changes no rate; and by the bounds of the living it is told.
    together = _histograms(living, set.intersection)
    for labels, histogram in _histograms(gone, set.union).items():
        known = together.setdefault(labels, histogram)
        if known is not histogram:
            known.include(histogram)
    for labels, histogram in together.items():
        histogram.sum = _sum(sums[labels])
    return together


def _by_labels(several: Iterable[Mapping[_Labels, float]]) -> dict[_Labels, list[float]]:
    together: dict[_Labels, list[float]] = {}
    for values in several:
        for labels, value in values.items():
            together.setdefault(labels, []).append(value)
    return together


def _sum(values: Sequence[float]) -> float:
    """The exact sum, rounded up: the same in any order, and no less when some of it was added before."""
    if all(isinstance(value, int) for value in values):
        return sum(values)
    nearest = fsum(values)
    return nextafter(nearest, inf) if fsum((*values, -nearest)) > 0 else nearest


_RULES: Final[Mapping[Together, Callable[[Sequence[float]], float]]] = {"sum": _sum, "min": min, "max": max}


def _histograms(several: Iterable[Series], choose: _Bounds) -> dict[_Labels, Histogram]:
    together: dict[_Labels, Histogram] = {}
    for series in several:
        for labels, histogram in series.histograms.items():
            known = together.get(labels, histogram)
            if known.bounds != histogram.bounds:
                known = Histogram(sorted(choose({*known.bounds}, {*histogram.bounds})))
                known.include(together[labels])
            if labels in together:
                known.include(histogram)
            together[labels] = known
    return together
