"""Every metric there is: its name, its kind, its labels, what it means, and what several workers make of it.

Nothing is on the metrics page that does not stand in this table, and a series is only made through it. Labels
come from the configuration or from vocabularies of ours; nothing that a client chooses becomes one.

What counts on and what each worker has for itself (connections, memory, descriptors, and their limits) is
added up. Of what each of them judges the page tells the worst: `min` where 1 is well or where the oldest is
what an alert looks for, `max` where 1 is trouble. It is also `max` for what is told by labels alone. But an
endpoint is up while a worker uses it: each leaves out endpoints for itself, and if all that were added up, a
service would seem to have none; `..._ejected` tells of the first that does.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final, Literal, final

from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.metrics_core import Metric as Family
from prometheus_client.samples import Exemplar
from prometheus_client.utils import floatToGoString

from gateway.telemetry.tally import Histogram

Kind = Literal["counter", "gauge", "histogram"]
# How the values of one series in several workers become one.
Together = Literal["sum", "min", "max"]


@final
@dataclass(frozen=True, slots=True)
class Metric:
    """One metric. A histogram has the label `le` as well, on its buckets."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    meaning: str
    together: Together = "sum"


_ROUTE: Final = ("route", "upstream")
_ENDPOINT: Final = ("upstream", "endpoint")


def _counter(name: str, meaning: str, *labels: str) -> Metric:
    return Metric(name, "counter", labels, meaning)


def _gauge(name: str, meaning: str, *labels: str, together: Together = "sum") -> Metric:
    return Metric(name, "gauge", labels, meaning, together)


def _histogram(name: str, meaning: str, *labels: str) -> Metric:
    return Metric(name, "histogram", labels, meaning)


# What the books count.
REQUESTS: Final = (
    _counter(
        "gateway_requests_total",
        "Requests that are over; status 499 where the client left before an answer.",
        *("route", "upstream", "operation", "method", "status"),
    ),
    _histogram(
        "gateway_request_duration_seconds",
        "From the head of a request to the end of its answer; tunnels are not counted.",
        *_ROUTE,
    ),
    _histogram(
        "gateway_overhead_seconds", "Time in the gateway of requests that reached a backend.", *_ROUTE
    ),
    _gauge("gateway_requests_in_flight", "Requests that are not over."),
    _counter("gateway_requests_aborted_total", "Answers that ended before their end.", *_ROUTE),
    _counter("gateway_received_bytes_total", "Bytes of the bodies of requests.", *_ROUTE),
    _counter("gateway_sent_bytes_total", "Bytes of the bodies of answers.", *_ROUTE),
    _counter(
        "gateway_decisions_total",
        "Refusals by who refused and why; mode report: it would have been refused.",
        *("route", "policy", "reason", "mode"),
    ),
    _counter("gateway_quota_refusals_total", "Refusals by the tier that was used up.", "tier"),
    _gauge("gateway_tunnels", "WebSockets that are open."),
    _counter("gateway_upstream_requests_total", "Attempts to reach a backend.", *_ROUTE),
    _counter(
        "gateway_upstream_responses_total", "Final heads of responses from backends.", "upstream", "status"
    ),
    _counter("gateway_upstream_failures_total", "Attempts without a response.", "upstream", "reason"),
    _counter("gateway_upstream_retries_total", "Attempts that followed another.", "upstream"),
    _histogram(
        "gateway_upstream_duration_seconds",
        "From the request on its way to a backend to the head of the response.",
        "upstream",
    ),
)

# What the live parts are like now.
LIVE: Final = (
    _gauge(
        "gateway_upstream_endpoint_up",
        "1 where an endpoint is used, 0 where the probes call it unhealthy or it is ejected.",
        *_ENDPOINT,
        together="max",
    ),
    _gauge(
        "gateway_upstream_endpoint_ejected", "1 while an endpoint is left out.", *_ENDPOINT, together="max"
    ),
    _counter("gateway_upstream_ejections_total", "How often an endpoint was left out.", *_ENDPOINT),
    _gauge("gateway_upstream_pending_requests", "Requests an endpoint has not finished.", *_ENDPOINT),
    _gauge("gateway_upstream_connections", "Connections to an endpoint.", *_ENDPOINT, "state"),
    _gauge("gateway_upstream_connections_limit", "Connections to it at most.", *_ENDPOINT),
    _gauge("gateway_upstream_waiting_requests", "Requests that wait for a connection.", *_ENDPOINT),
    _gauge("gateway_quota_store_up", "1 while the store of quotas answers.", "store", together="min"),
    _gauge("gateway_quota_store_local", "1 while memory stands in for a store that is down.", together="max"),
    _counter("gateway_quota_store_calls_total", "Calls of the shared store of quotas."),
    _counter("gateway_quota_store_failures_total", "Calls that failed or were late."),
    _histogram("gateway_quota_store_duration_seconds", "How long these calls took."),
    _gauge("gateway_quota_buckets", "Buckets in memory."),
    _gauge("gateway_keys_loaded", "1 where there is a set of the issuer's keys.", "issuer", together="min"),
    _gauge(
        "gateway_keys_last_success_timestamp_seconds",
        "When the issuer's keys were last fetched, 0 before that.",
        "issuer",
        together="min",
    ),
    _counter("gateway_keys_fetches_total", "Fetches of the issuer's keys.", "issuer", "result"),
    _counter("gateway_keys_unknown_total", "Tokens that named a key that nobody knows.", "issuer"),
    _gauge(
        "gateway_certificate_expiry_timestamp_seconds",
        "When a certificate of ours expires; by its first DNS name, else its file.",
        *("use", "certificate"),
        together="min",
    ),
    _gauge("gateway_client_connections", "Connections of clients."),
    _gauge("gateway_client_connections_limit", "Connections of clients at most."),
    _counter("gateway_tls_handshakes_failed_total", "TLS handshakes that came to nothing.", "cause"),
    _histogram("gateway_event_loop_lag_seconds", "How late a tick of the clock came."),
    _gauge(
        *("gateway_build_info", "Always 1: what is running.", "version", "build", "python"), together="max"
    ),
    _gauge(
        "gateway_config_info",
        "Always 1: a digest of the configuration that serves.",
        "version",
        together="max",
    ),
    _gauge(
        "gateway_reload_successful",
        "1 if the last configuration that was given could be used.",
        together="min",
    ),
    _gauge(
        "gateway_reload_last_success_timestamp_seconds",
        "When the one that serves was loaded.",
        together="min",
    ),
    _counter("gateway_reload_total", "Configurations that were given; the first at the start.", "result"),
    _counter("gateway_spans_exported_total", "Spans that the collector took."),
    _counter("gateway_spans_dropped_total", "Spans that were lost.", "cause"),
    _counter("gateway_span_export_failures_total", "Calls of the collector that failed."),
    _counter("gateway_log_lines_total", "Lines of the access log."),
    _counter("gateway_log_lost_total", "Lines of the access log that were lost.", "cause"),
    _gauge("gateway_workers", "Workers that serve and answer; 1 where one process is all."),
)

# What is known beside the workers.
SUPERVISION: Final = (
    _gauge("gateway_workers_configured", "Workers that ought to serve.", together="max"),
    _counter("gateway_worker_deaths_total", "Workers that ended and had not been told to."),
)

# What the library counts of the process and of Python.
PROCESS: Final = (
    _gauge("process_virtual_memory_bytes", "Virtual memory size in bytes."),
    _gauge("process_resident_memory_bytes", "Resident memory size in bytes."),
    _gauge(
        "process_start_time_seconds",
        "Start time of the process since unix epoch in seconds.",
        together="min",
    ),
    _counter("process_cpu_seconds_total", "Total user and system CPU time spent in seconds."),
    _gauge("process_open_fds", "Number of open file descriptors."),
    _gauge("process_max_fds", "Maximum number of open file descriptors."),
    _counter("python_gc_objects_collected_total", "Objects collected during gc", "generation"),
    _counter("python_gc_objects_uncollectable_total", "Uncollectable objects found during GC", "generation"),
    _counter("python_gc_collections_total", "Number of times this generation was collected", "generation"),
)

METRICS: Final = {metric.name: metric for metric in (*REQUESTS, *LIVE, *SUPERVISION, *PROCESS)}


@final
class Sheet:
    """The series of some metrics as they are at one time, added up by their labels."""

    def __init__(self, metrics: Iterable[Metric]) -> None:
        self.series = {metric.name: Series(metric) for metric in metrics}

    def add(self, name: str, value: float, *labels: str) -> None:
        """Add to a series of a counter or a gauge, which begins with that."""
        values = self.series[name].values
        values[labels] = values.get(labels, 0) + value

    def include(self, name: str, histogram: Histogram, *labels: str) -> None:
        """Add a histogram to a series. It may go on counting meanwhile."""
        copied = histogram.copy()
        known = self.series[name].histograms.setdefault(labels, copied)
        if known is not copied:
            known.include(copied)

    def families(self) -> list[Family]:
        """All of them as the library writes them."""
        return [series.family() for series in self.series.values()]


@final
class Series:
    """The series of one metric by the values of its labels: numbers, or histograms if it is one."""

    __slots__ = ("histograms", "metric", "values")

    def __init__(self, metric: Metric) -> None:
        self.metric = metric
        self.values: dict[tuple[str, ...], float] = {}
        self.histograms: dict[tuple[str, ...], Histogram] = {}

    def family(self) -> Family:
        """The family that the library writes."""
        metric = self.metric
        if metric.kind == "histogram":
            histograms = HistogramMetricFamily(metric.name, metric.meaning, labels=metric.labels)
            for labels, histogram in self.histograms.items():
                histograms.add_metric(labels, _buckets(histogram), histogram.sum)
            return histograms
        kind = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
        family = kind(metric.name, metric.meaning, labels=metric.labels)
        for labels, value in self.values.items():
            family.add_metric(labels, value)
        return family


def _buckets(histogram: Histogram) -> Sequence[tuple[str, float] | tuple[str, float, Exemplar]]:
    """The buckets of a histogram, each with those below it, and with its last trace."""
    buckets: list[tuple[str, float] | tuple[str, float, Exemplar]] = []
    below = 0
    bounds = [*map(floatToGoString, histogram.bounds), "+Inf"]
    for bound, count, exemplar in zip(bounds, histogram.counts, histogram.exemplars, strict=True):
        below += count
        if exemplar is None:
            buckets.append((bound, below))
        else:
            trace_id, seconds, time = exemplar
            buckets.append((bound, below, Exemplar({"trace_id": trace_id}, seconds, time)))
    return buckets
