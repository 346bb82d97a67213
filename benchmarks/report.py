"""The report: one Markdown table a workload, medians with extremes, and the first peer against the others.

A row under 95 % busy does not show the proxy's limit: its requests/s are the load's ("load-bound"), or
somebody else ran on the measured core ("disturbed"). Then only the CPU time of a request compares.
"""

from collections.abc import Iterator, Sequence
from statistics import median

from benchmarks.runner import DIRECT, Cost, Plan, Sample, Samples

_SATURATED = 0.95
_HEAD = """\
| what | requests/s | CPU us a request | user / system | p50 ms | p99 ms | RSS MiB | core busy | |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |"""


def report(plan: Plan, samples: Samples) -> str:
    """The tables of a run, in the order of its plan."""
    return "\n".join(line for work in plan.works for line in _table(plan, work.name, samples))


def _table(plan: Plan, work: str, samples: Samples) -> Iterator[str]:
    yield f"Workload `{work}`:\n"
    yield _HEAD
    for name in (DIRECT, *(peer.name for peer in plan.peers)):
        yield f"| {name} | {' | '.join(_cells(samples[work, name]))} |"
    yield ""
    first, *others = (peer.name for peer in plan.peers)
    for other in others:
        yield f"{first} against {other}: {_comparison(samples[work, first], samples[work, other])}\n"


def _cells(row: Sequence[Sample]) -> list[str]:
    rate = _spread([_rate(sample) for sample in row], ",.0f")
    p50 = f"{median(sample.driven.p50 for sample in row):.2f}"
    p99 = f"{median(sample.driven.p99 for sample in row):.2f}"
    costs = [sample.cost for sample in row if sample.cost is not None]
    if not costs:
        return [rate, "", "", p50, p99, "", "", ""]
    user, system = median(cost.user for cost in costs), median(cost.system for cost in costs)
    return [
        rate,
        _spread([cost.cpu for cost in costs], ".1f"),
        f"{user:.1f} / {system:.1f}",
        p50,
        p99,
        f"{median(cost.resident for cost in costs) / 2**20:.0f}",
        f"{median(cost.busy for cost in costs):.0%}",
        _mark(costs),
    ]


def _comparison(row: Sequence[Sample], other: Sequence[Sample]) -> str:
    rate = median(map(_rate, row)) / median(map(_rate, other))
    cpu = _cpu(other) / _cpu(row)
    return f"{rate:.2f} x by requests/s, {cpu:.2f} x by CPU time."


def _mark(costs: Sequence[Cost]) -> str:
    busy = median(cost.busy for cost in costs)
    if busy >= _SATURATED:
        return ""
    return "disturbed" if busy + median(cost.others for cost in costs) >= _SATURATED else "load-bound"


def _spread(values: Sequence[float], form: str) -> str:
    return f"{median(values):{form}} ({min(values):{form}} to {max(values):{form}})"


def _rate(sample: Sample) -> float:
    return sample.driven.requests / sample.driven.seconds


def _cpu(row: Sequence[Sample]) -> float:
    return median(sample.cost.cpu for sample in row if sample.cost is not None)
