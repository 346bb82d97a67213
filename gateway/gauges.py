"""What the running parts are like now, for the metrics sheet.

Numbers are taken down on the loop, where nothing changes meanwhile.
"""

import platform
from collections.abc import Iterator, Mapping, Sequence, Set
from datetime import datetime
from pathlib import PurePath
from typing import Final, Protocol, final

from gateway import __version__, build
from gateway.config.snapshot import Certificate
from gateway.identity import RemoteKeys
from gateway.ports import LivePorts
from gateway.proxy import Proxy
from gateway.telemetry.metrics import LIVE, Sheet
from gateway.telemetry.tally import CALLS, LAGS, Histogram
from gateway.upstream import Endpoint
from gateway.wire.downstream import Downstream
from gateway.wire.handshakes import causes
from gateway.wire.listener import Listener

_SPANS_LOST: Final = ("queue_full", "export_failed", "rate")
_LINES_LOST: Final = ("queue_full", "write_failed")


class Lines(Protocol):
    """The access log: how many lines were written, and how many were `lost` by their causes."""

    @property
    def lines(self) -> int: ...

    @property
    def lost(self) -> Mapping[str, int]: ...


class Spans(Protocol):
    """The spans: how many were `exported` and `dropped`, by cause; and how many calls were `failures`."""

    @property
    def exported(self) -> int: ...

    @property
    def dropped(self) -> Mapping[str, int]: ...

    @property
    def failures(self) -> int: ...


@final
class Reloads:
    """How configurations that were given have fared; `last_success` is in seconds since 1970."""

    def __init__(self) -> None:
        self.succeeded = self.failed = 0
        self.is_successful = False
        self.last_success = 0.0

    def success(self, now: float) -> None:
        """One serves from now on."""
        self.succeeded += 1
        self.is_successful = True
        self.last_success = now

    def failure(self) -> None:
        """One could not be used; the one before it serves on."""
        self.failed += 1
        self.is_successful = False


@final
class Gauges:
    """Takes down what the parts are like.

    `lag` and `reloads` are for their owners to keep; so are `lines` and `spans`, where there are any.
    """

    def __init__(
        self, proxy: Proxy, ports: LivePorts, listeners: Sequence[Listener], connections: Set[Downstream]
    ) -> None:
        self._proxy = proxy
        self._ports = ports
        self._listeners = listeners
        self._connections = connections
        self.lag = Histogram(LAGS)
        self.reloads = Reloads()
        self.lines: Lines | None = None
        self.spans: Spans | None = None

    def read(self) -> Sheet:
        """Take everything down, on the loop. Never raises, and waits for nothing."""
        sheet = Sheet(LIVE)
        self._add_endpoints(sheet)
        self._add_quotas(sheet)
        self._add_keys(sheet)
        self._add_certificates(sheet)
        self._add_process(sheet)
        self._add_reloads(sheet)
        self._add_telemetry(sheet)
        return sheet

    def _add_endpoints(self, sheet: Sheet) -> None:
        for name, upstream in self._proxy.upstreams.items():
            # One address may stand there several times, which gets it more of the requests.
            by_address: dict[str, list[Endpoint]] = {}
            for endpoint in upstream.endpoints:
                by_address.setdefault(str(endpoint.address), []).append(endpoint)
            for address, same in by_address.items():
                _add_endpoints(sheet, same, (name, address))

    def _add_quotas(self, sheet: Sheet) -> None:
        ports, stores = self._ports, self._ports.stores
        sheet.add("gateway_quota_buckets", len(ports.memory))
        in_redis = ports.shared.values()
        in_memory = all(store.is_up for store in stores if store not in in_redis)
        sheet.add("gateway_quota_store_up", in_memory, "memory")
        if in_redis:
            sheet.add("gateway_quota_store_up", all(store.is_up for store in in_redis), "redis")
        sheet.add("gateway_quota_store_local", any(store.is_replaced for store in stores))
        sheet.add("gateway_quota_store_calls_total", sum(store.calls for store in stores))
        sheet.add("gateway_quota_store_failures_total", sum(store.failures for store in stores))
        sheet.include("gateway_quota_store_duration_seconds", Histogram(CALLS))
        for store in stores:
            sheet.include("gateway_quota_store_duration_seconds", store.took)

    def _add_keys(self, sheet: Sheet) -> None:
        ports = self._ports
        epoch = ports.wall() - ports.monotonic()
        by_issuer: dict[str, list[RemoteKeys]] = {}
        for source, keys in ports.issuers.items():
            by_issuer.setdefault(source.issuer, []).append(keys)
        for issuer, found in by_issuer.items():
            fetched_at = min(keys.fetched_at for keys in found)
            sheet.add("gateway_keys_loaded", all(keys.is_loaded for keys in found), issuer)
            sheet.add(
                "gateway_keys_last_success_timestamp_seconds",
                fetched_at + epoch if fetched_at else 0,
                issuer,
            )
            refreshes = sum(keys.refreshes for keys in found)
            failures = sum(keys.failures for keys in found)
            sheet.add("gateway_keys_fetches_total", refreshes, issuer, "success")
            sheet.add("gateway_keys_fetches_total", failures, issuer, "failure")
            sheet.add("gateway_keys_unknown_total", sum(keys.unknown_kids for keys in found), issuer)

    def _add_certificates(self, sheet: Sheet) -> None:
        expiries: dict[tuple[str, str], datetime] = {}
        for use, certificate in self._certificates():
            name = certificate.names[0] if certificate.names else PurePath(certificate.chain).name
            expires = certificate.expires
            expiries[use, name] = min(expires, expiries.get((use, name), expires))
        for (use, name), expires in expiries.items():
            sheet.add("gateway_certificate_expiry_timestamp_seconds", expires.timestamp(), use, name)

    def _certificates(self) -> Iterator[tuple[str, Certificate]]:
        snapshot = self._proxy.snapshot
        for listener in snapshot.listeners:
            for certificate in listener.tls.certificates if listener.tls is not None else ():
                yield "listener", certificate
        for settings in snapshot.upstreams.values():
            if settings.tls.certificate is not None:
                yield "upstream", settings.tls.certificate

    def _add_process(self, sheet: Sheet) -> None:
        snapshot = self._proxy.snapshot
        sheet.add("gateway_client_connections", len(self._connections))
        sheet.add("gateway_client_connections_limit", snapshot.limits.connections)
        for cause in causes():
            failed = sum(listener.failed_handshakes[cause] for listener in self._listeners)
            sheet.add("gateway_tls_handshakes_failed_total", failed, cause)
        sheet.include("gateway_event_loop_lag_seconds", self.lag)
        sheet.add("gateway_build_info", 1, __version__, build(), platform.python_version())
        sheet.add("gateway_config_info", 1, snapshot.version)
        sheet.add("gateway_workers", 1)

    def _add_reloads(self, sheet: Sheet) -> None:
        reloads = self.reloads
        sheet.add("gateway_reload_successful", reloads.is_successful)
        sheet.add("gateway_reload_last_success_timestamp_seconds", reloads.last_success)
        sheet.add("gateway_reload_total", reloads.succeeded, "success")
        sheet.add("gateway_reload_total", reloads.failed, "failure")

    def _add_telemetry(self, sheet: Sheet) -> None:
        spans, lines = self.spans, self.lines
        sheet.add("gateway_spans_exported_total", spans.exported if spans else 0)
        sheet.add("gateway_span_export_failures_total", spans.failures if spans else 0)
        for cause in _SPANS_LOST:
            sheet.add("gateway_spans_dropped_total", spans.dropped.get(cause, 0) if spans else 0, cause)
        sheet.add("gateway_log_lines_total", lines.lines if lines else 0)
        for cause in _LINES_LOST:
            sheet.add("gateway_log_lost_total", lines.lost.get(cause, 0) if lines else 0, cause)


def _add_endpoints(sheet: Sheet, same: Sequence[Endpoint], labels: tuple[str, str]) -> None:
    """Those of one address, as if they were one."""
    sheet.add("gateway_upstream_endpoint_up", any(each.state == "up" for each in same), *labels)
    sheet.add("gateway_upstream_endpoint_ejected", any(each.ejected for each in same), *labels)
    for endpoint in same:
        pool = endpoint.pool
        idle = pool.idle
        sheet.add("gateway_upstream_ejections_total", endpoint.ejections, *labels)
        sheet.add("gateway_upstream_pending_requests", endpoint.pending, *labels)
        sheet.add("gateway_upstream_connections", idle, *labels, "idle")
        sheet.add("gateway_upstream_connections", pool.open - idle, *labels, "busy")
        sheet.add("gateway_upstream_connections_limit", pool.limit, *labels)
        sheet.add("gateway_upstream_waiting_requests", pool.waiting, *labels)
