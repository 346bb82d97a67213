"""Prometheus rules for the service level objectives of a configuration.

Two rates over five minutes are recorded of each objective, all its requests and those that failed it; every
longer window, the error budget and the alerts are made from these, by rules that hold for all objectives. An
average of ratios would count a quiet minute as much as a busy one: the ratio is taken of sums.

Series are named and labelled as Sloth does it, so that what reads its rules reads these. The alerts are those
of the SRE Workbook, chapter 5, table 5-8: a long window shows that it matters, a short one that it goes on.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from json import dumps
from typing import Final, final

from gateway.config.snapshot import Slo

_RUNBOOK: Final = "https://docs.azora.example/runbooks/slo-burn-rate"
_DASHBOARD: Final = "http://127.0.0.1:3000/d/slo"
_WINDOWS: Final = ("5m", "30m", "1h", "6h", "3d")
# A handful of failures is no evidence, whatever share of a quiet hour it is.
_FAILURES_AT_LEAST: Final = 10
_SAME: Final = "on (service, slo, objective)"

_HEAD = """\
# Made by `gateway slo --write` from the objectives (`slo`) in the policies; docs/slo.md tells how to read it.
groups:
  - name: azora-gateway.slo
    interval: 1m # what counts failures relies on it
    rules:
"""
# Thirty days are many samples, and change slowly.
_PERIOD = """\
  - name: azora-gateway.slo-period
    interval: 2m
    rules:
"""


@final
@dataclass(frozen=True, slots=True)
class _Burn:
    """An alert: the budget burns so many times faster than it may, over both windows."""

    name: str
    severity: str
    factor: float
    long: str
    short: str
    lasts: str


_BURNS: Final = (
    _Burn("ErrorBudgetBurnFast", "critical", 14.4, "1h", "5m", "2 days"),
    _Burn("ErrorBudgetBurnSlow", "critical", 6, "6h", "30m", "5 days"),
    _Burn("ErrorBudgetBurnSteady", "warning", 1, "3d", "6h", "30 days"),
)


def rules(slos: Sequence[Slo]) -> str:
    """The text of a file of rules."""
    lines = [line for slo in slos for line in _measured(slo)]
    lines += [*_derived(), *(line for burn in _BURNS for line in _alert(burn))]
    return _HEAD + "\n".join(lines) + "\n" + _PERIOD + "\n".join(_period()) + "\n"


def _measured(slo: Slo) -> Iterator[str]:
    """What each objective has of its own: whose requests count, which of them failed, and the target."""
    labels = _labels(slo)
    requests = _selector(slo)
    if slo.below is None:
        yield f"      # {_share(slo.target)} of the requests are not answered with 5xx."
        total = f"sum(rate(gateway_requests_total{{{requests}}}[5m])) or vector(0)"
        failed = f'sum(rate(gateway_requests_total{{{requests},status=~"5.."}}[5m])) or vector(0)'
    else:
        yield f"      # {_share(slo.target)} of the requests are answered within {slo.below:g} s."
        # Without the bucket nobody can tell: no `or`, which would say that none was slow.
        total = f"sum(rate(gateway_request_duration_seconds_count{{{requests}}}[5m]))"
        soon = f"gateway_request_duration_seconds_bucket{{{requests},{_bucket(slo.below)}}}"
        failed = f"{total} - sum(rate({soon}[5m]))"
    yield from _record("slo:requests:rate5m", total, labels)
    yield from _record("slo:requests_failed:rate5m", failed, labels)
    yield from _record("slo:objective:ratio", f"vector({slo.target!r})", labels)


def _derived() -> Iterator[str]:
    """What is the same arithmetic for every objective."""
    yield "      # From here on each rule is for all objectives."
    yield from _record("slo:error_budget:ratio", "1 - slo:objective:ratio")
    yield from _record("sloth_slo_info", "0 * slo:objective:ratio + 1")
    for window in _WINDOWS:
        yield from _record(f"slo:sli_error:ratio_rate{window}", _ratio(window), {"sloth_window": window})
    yield from _record("slo:current_burn_rate:ratio", f"{_ratio('5m')} / slo:error_budget:ratio")


def _period() -> Iterator[str]:
    """How much of the budget of thirty days is left."""
    yield from _record("slo:time_period:days", "0 * slo:objective:ratio + 30")
    yield from _record("slo:sli_error:ratio_rate30d", _ratio("30d"), {"sloth_window": "30d"})
    yield from _record("slo:period_burn_rate:ratio", f"{_ratio('30d')} / slo:error_budget:ratio")
    yield from _record("slo:period_error_budget_remaining:ratio", "1 - slo:period_burn_rate:ratio")


def _ratio(window: str) -> str:
    """The share that failed; there is none where there are no requests."""
    failed, total = _sum("slo:requests_failed:rate5m", window), _sum("slo:requests:rate5m", window)
    return f"{failed} / ({total} > 0)"


def _sum(rate: str, window: str) -> str:
    return rate if window == "5m" else f"sum_over_time({rate}[{window}])"


def _alert(burn: _Burn) -> Iterator[str]:
    limit = f"> {_SAME} {burn.factor:g} * slo:error_budget:ratio"
    # Alertmanager groups and silences by `upstream`.
    labels = f'severity: {burn.severity}, team: platform, upstream: "{{{{ $labels.service }}}}"'
    yield f"""\
      - alert: {burn.name}
        expr: |
          slo:sli_error:ratio_rate{burn.long} {limit}
          and {_SAME} slo:sli_error:ratio_rate{burn.short} {limit}
          and {_SAME} 60 * sum_over_time(slo:requests_failed:rate5m[{burn.long}]) >= {_FAILURES_AT_LEAST}
        labels: {{{labels}}}
        annotations:
          summary: >-
            {{{{ $labels.service }}}}, {{{{ $labels.slo }}}}: at this pace the error budget of 30 days lasts
            {burn.lasts}
          description: >-
            {{{{ $value | humanizePercentage }}}} of the requests of the last {burn.long} missed the
            objective, and so did too many of the last {burn.short}: it goes on.
          runbook_url: {_RUNBOOK}
          dashboard_url: {_DASHBOARD}"""


def _record(name: str, expression: str, labels: Mapping[str, str] | None = None) -> Iterator[str]:
    yield f"      - record: {name}"
    yield f"        expr: {expression}"
    if labels:
        # Quoted: a name may be a word such as `no`.
        yield f"        labels: {{{', '.join(f'{name}: {dumps(value)}' for name, value in labels.items())}}}"


def _labels(slo: Slo) -> dict[str, str]:
    """Ours, and those that Sloth's dashboards ask for."""
    objective = "availability" if slo.below is None else "latency"
    name = f"{slo.route}-{objective}" if slo.route else objective
    sloth = {"sloth_id": f"{slo.service}-{name}", "sloth_service": slo.service, "sloth_slo": name}
    return {"service": slo.service, "slo": name, "objective": objective, **sloth}


def _selector(slo: Slo) -> str:
    upstream = f'upstream="{slo.service}"'
    if slo.route:
        return f'{upstream},route="{slo.route}"'
    if not slo.excluded:
        return upstream
    # Of what a name may have, only the dot means something in a pattern.
    return f'{upstream},route!~"{"|".join(slo.excluded).replace(".", "[.]")}"'


def _bucket(below: float) -> str:
    # Who exposes it writes a whole number with `.0` or without.
    return f'le=~"{below:.0f}([.]0)?"' if below.is_integer() else f'le="{below!r}"'


def _share(target: float) -> str:
    return f"{target * 100:.6f}".rstrip("0").rstrip(".") + "%"
