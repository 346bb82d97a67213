"""The report: one Markdown table a workload, medians with extremes, and the first peer against the others.

A row under 95 % busy does not show the proxy's limit: its requests/s are the load's ("load-bound"), or
somebody else ran on the measured core ("disturbed"). Then only the CPU time of a request compares.
"""

from collections.abc import Iterator, Mapping, Sequence
from statistics import median

from benchmarks.runner import DIRECT, Cost, Plan, Results, Sample
from benchmarks.transfer import Passage
from benchmarks.workloads import MIB, Workload

_SATURATED = 0.95
_HEAD = """\
| what | requests/s | CPU us a request | user / system | p50 ms | p99 ms | RSS MiB | core busy | |
| --- | --- | --- | --- | --- | --- | --- | --- | --- |"""
_HEAD_PASSAGE = """\
| what | MiB/s | RSS MiB before | most RSS MiB more |
| --- | --- | --- | --- |"""


def report(plan: Plan, results: Results, absent: Mapping[str, str]) -> str:
    """The tables of a run, in the order of its plan; `absent`: why which peer was not there at all."""
    lines = [line for work in plan.works for line in _table(plan, work, results)]
    lines += [line for work in plan.transfers for line in _passages(plan, work, results)]
    reasons = [f"- {name}: {_short(reason)}" for name, reason in absent.items()]
    reasons += [
        f"- {name} in `{work}`: {_short(reason)}" for (work, name), reason in results.failures.items()
    ]
    return "\n".join([*lines, f"Left out: {len(reasons)}.\n", *reasons])


def _table(plan: Plan, work: Workload, results: Results) -> Iterator[str]:
    rows = {
        name: results.samples[work.name, name]
        for name in (DIRECT, *(peer.name for peer in plan.contenders(work)))
        if (work.name, name) not in results.failures
    }
    yield f"Workload `{work.name}`, {work.means}:\n"
    yield _HEAD
    for name, row in rows.items():
        yield f"| {name} | {' | '.join(_cells(row))} |"
    yield ""
    _direct, *names = rows
    for first, other in ((names[0], other) for other in names[1:]):
        yield f"{first} against {other}: {_comparison(rows[first], rows[other])}\n"
    if work.idle:
        added = (f"{name} {_idle(rows[name])}" for name in names)
        yield f"An idle connection added, in KiB: {', '.join(added)}.\n"


def _passages(plan: Plan, work: Workload, results: Results) -> Iterator[str]:
    yield f"Transfer `{work.name}`, {work.means}:\n"
    yield _HEAD_PASSAGE
    for peer in plan.contenders(work):
        if (work.name, peer.name) not in results.failures:
            yield f"| {peer.name} | {' | '.join(_passed(work, results.passages[work.name, peer.name]))} |"
    yield ""


def _passed(work: Workload, row: Sequence[Passage]) -> list[str]:
    size = max(work.response, work.upload) / MIB
    return [
        _spread([size / passed.seconds for passed in row], ",.0f"),
        f"{median(passed.before for passed in row) / MIB:.1f}",
        _spread([(passed.peak - passed.before) / MIB for passed in row], ".1f"),
    ]


def _cells(row: Sequence[Sample]) -> list[str]:
    rate = _spread([sample.driven.rate for sample in row], ",.0f")
    p50 = f"{median(sample.driven.p50 for sample in row):.2f}"
    p99 = f"{median(sample.driven.p99 for sample in row):.2f}"
    costs = _costs(row)
    if not costs:
        return [rate, "", "", p50, p99, "", "", ""]
    user, system = median(cost.user for cost in costs), median(cost.system for cost in costs)
    return [
        rate,
        _spread([cost.cpu for cost in costs], ".1f"),
        f"{user:.1f} / {system:.1f}",
        p50,
        p99,
        f"{median(cost.resident for cost in costs) / MIB:.0f}",
        f"{median(cost.busy for cost in costs):.0%}",
        _mark(costs),
    ]


def _comparison(row: Sequence[Sample], other: Sequence[Sample]) -> str:
    rate = median(sample.driven.rate for sample in row) / median(sample.driven.rate for sample in other)
    cpu = median(cost.cpu for cost in _costs(other)) / median(cost.cpu for cost in _costs(row))
    return f"{rate:.2f} x by requests/s, {cpu:.2f} x by CPU time."


def _idle(row: Sequence[Sample]) -> str:
    return _spread([cost.idle / 1024 for cost in _costs(row)], ".1f")


def _mark(costs: Sequence[Cost]) -> str:
    busy = median(cost.busy for cost in costs)
    if busy >= _SATURATED:
        return ""
    return "disturbed" if busy + median(cost.others for cost in costs) >= _SATURATED else "load-bound"


def _costs(row: Sequence[Sample]) -> list[Cost]:
    return [sample.cost for sample in row if sample.cost is not None]


def _short(reason: str) -> str:
    """The first line and the last one, which is where a program says why it ended."""
    first, *others = reason.splitlines()
    return ": ".join([first, *others[-1:]])


def _spread(values: Sequence[float], form: str) -> str:
    return f"{median(values):{form}} ({min(values):{form}} to {max(values):{form}})"
