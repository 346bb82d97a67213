"""One run: every peer alone on the measured core, load and backend on the other, in alternating order.

A peer is started anew for each sample and warmed up before it, so no sample depends on what was measured
before. What it used is the CPU time of all its processes between the first request and the last. A peer that
fails in a row is left out of that row from then on, and the report says why.
"""

import sys
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import final

from benchmarks.idle import idle
from benchmarks.load import Driven, Tool, drive
from benchmarks.peer import Peer
from benchmarks.processes import Usage, core_busy
from benchmarks.serving import backend_up, peer_up
from benchmarks.transfer import Passage, passage
from benchmarks.workloads import Workload

DIRECT = "direct"

_WARM_UP = 1


@final
@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured and how: seconds a sample, samples a row, the measured core and the one for load."""

    peers: tuple[Peer, ...]
    works: tuple[Workload, ...]
    transfers: tuple[Workload, ...]
    tool: Tool
    seconds: int
    rounds: int
    peer_core: int
    load_core: int

    def contenders(self, work: Workload) -> list[Peer]:
        """Who is measured on a workload."""
        return [peer for peer in self.peers if work.setting in peer.settings]


@final
@dataclass(frozen=True, slots=True)
class Cost:
    """What the peer used: CPU microseconds a request, bytes resident, its and others' share of the core.

    `idle` is the bytes that one idle connection added, 0 where the workload has none.
    """

    user: float
    system: float
    resident: int
    busy: float
    others: float
    idle: float

    @property
    def cpu(self) -> float:
        """Microseconds a request in all."""
        return self.user + self.system


@final
@dataclass(frozen=True, slots=True)
class Sample:
    """One measurement; the direct call has no proxy whose cost could be told."""

    driven: Driven
    cost: Cost | None


@final
@dataclass(frozen=True, slots=True)
class Results:
    """What was measured, and why some was not, by names of workload and peer; `DIRECT` is among them."""

    samples: dict[tuple[str, str], list[Sample]] = field(default_factory=lambda: defaultdict(list))
    passages: dict[tuple[str, str], list[Passage]] = field(default_factory=lambda: defaultdict(list))
    failures: dict[tuple[str, str], str] = field(default_factory=dict)


def run(plan: Plan) -> Results:
    """Measure; raises RuntimeError if the backend does not start or fails under load."""
    results = Results()
    turns = list(_turns(plan))
    with backend_up(plan.works + plan.transfers, core=plan.load_core) as port:
        for number, (work, peer) in enumerate(turns, 1):
            name = peer.name if peer else DIRECT
            if (work.name, name) in results.failures:
                continue
            told = (
                _direct(plan, results, work, port) if peer is None else _turn(plan, results, work, peer, port)
            )
            print(f"[{number}/{len(turns)}] {work.name}: {name}: {told}", file=sys.stderr, flush=True)
    return results


def _turns(plan: Plan) -> Iterator[tuple[Workload, Peer | None]]:
    """What is measured one after the other; None is the direct call."""
    for number in range(plan.rounds):
        step = 1 if number % 2 == 0 else -1
        for work in plan.works:
            yield work, None
            yield from ((work, peer) for peer in plan.contenders(work)[::step])
        for work in plan.transfers:
            yield from ((work, peer) for peer in plan.contenders(work)[::step])


def _direct(plan: Plan, results: Results, work: Workload, port: int) -> str:
    driven = drive(plan.tool, work, port=port, core=plan.load_core, seconds=plan.seconds)
    results.samples[work.name, DIRECT].append(Sample(driven, None))
    return f"{driven.rate:,.0f}/s"


def _turn(plan: Plan, results: Results, work: Workload, peer: Peer, port: int) -> str:
    """Note one sample or why there is none; the same in a few words."""
    key = work.name, peer.name
    try:
        if work in plan.transfers:
            passed = passage(peer, work, port, core=plan.peer_core)
            results.passages[key].append(passed)
            return f"{passed.seconds:.1f} s"
        sample = _sample(plan, work, peer, port)
        results.samples[key].append(sample)
        return f"{sample.driven.rate:,.0f}/s"
    except RuntimeError as failure:
        results.failures[key] = str(failure)
        return f"left out: {failure}"


def _sample(plan: Plan, work: Workload, peer: Peer, backend_port: int) -> Sample:
    with peer_up(peer, work, backend_port, core=plan.peer_core) as (process, site):
        drive(plan.tool, work, port=site.port, core=plan.load_core, seconds=_WARM_UP)
        without = process.usage().resident
        with idle(site, work.path, work.idle):
            before, busy_before = process.usage(), core_busy(plan.peer_core)
            driven = drive(plan.tool, work, port=site.port, core=plan.load_core, seconds=plan.seconds)
            after, busy_after = process.usage(), core_busy(plan.peer_core)
    added = (before.resident - without) / work.idle if work.idle else 0.0
    return Sample(driven, _cost(driven, before, after, busy_after - busy_before, added))


def _cost(driven: Driven, before: Usage, after: Usage, core_seconds: float, idle_bytes: float) -> Cost:
    user, system = after.user - before.user, after.system - before.system
    microseconds = 1e6 / driven.requests
    busy = (user + system) / driven.seconds
    others = max(0.0, core_seconds / driven.seconds - busy)
    return Cost(user * microseconds, system * microseconds, after.resident, busy, others, idle_bytes)
