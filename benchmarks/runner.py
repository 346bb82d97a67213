"""One run: every peer alone on the measured core, load and backend on the other, in alternating order.

A peer is started anew for each sample and warmed up before it, so no sample depends on what was measured
before. What it used is the CPU time of all its processes between the first request and the last.
"""

import http.client
import sys
import time
from collections import defaultdict
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import final

from benchmarks.backend import backend
from benchmarks.load import Driven, Tool, drive
from benchmarks.peer import Peer, Site
from benchmarks.processes import Process, Usage, core_busy, free_port, started
from benchmarks.workloads import Workload

DIRECT = "direct"

_WARM_UP = 1
_READY_WITHIN = 20.0
_POLL = 0.05


@final
@dataclass(frozen=True, slots=True)
class Plan:
    """What is measured and how: seconds a sample, samples a row, the measured core and the one for load."""

    peers: tuple[Peer, ...]
    works: tuple[Workload, ...]
    tool: Tool
    seconds: int
    rounds: int
    peer_core: int
    load_core: int


@final
@dataclass(frozen=True, slots=True)
class Cost:
    """What the peer used: CPU microseconds a request, bytes resident, its and others' share of the core."""

    user: float
    system: float
    resident: int
    busy: float
    others: float

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


Samples = dict[tuple[str, str], list[Sample]]


def run(plan: Plan) -> Samples:
    """The samples by names of workload and peer, `DIRECT` among them.

    Raises RuntimeError if a peer does not start, or answers one request with anything but a success.
    """
    samples: Samples = defaultdict(list)
    with TemporaryDirectory() as folder:
        port = free_port()
        command = backend(Path(folder), port, plan.works)
        with started(command, core=plan.load_core, folder=Path(folder)) as process:
            _wait_until_ready(process, port, plan.works[0].path)
            for number in range(plan.rounds):
                peers = plan.peers if number % 2 == 0 else plan.peers[::-1]
                for work in plan.works:
                    driven = drive(plan.tool, work, port=port, core=plan.load_core, seconds=plan.seconds)
                    samples[work.name, DIRECT].append(Sample(driven, None))
                    for peer in peers:
                        samples[work.name, peer.name].append(_sample(plan, work, peer, port))
    return samples


def _sample(plan: Plan, work: Workload, peer: Peer, backend_port: int) -> Sample:
    with TemporaryDirectory() as folder:
        site = Site(Path(folder), free_port(), backend_port)
        with started(peer.command(site), core=plan.peer_core, folder=site.folder) as process:
            _wait_until_ready(process, site.port, work.path)
            drive(plan.tool, work, port=site.port, core=plan.load_core, seconds=_WARM_UP)
            before, busy_before = process.usage(), core_busy(plan.peer_core)
            driven = drive(plan.tool, work, port=site.port, core=plan.load_core, seconds=plan.seconds)
            after, busy_after = process.usage(), core_busy(plan.peer_core)
    print(f"{work.name}: {peer.name}: {driven.requests / driven.seconds:,.0f}/s", file=sys.stderr)
    return Sample(driven, _cost(driven, before, after, busy_after - busy_before))


def _cost(driven: Driven, before: Usage, after: Usage, core_seconds: float) -> Cost:
    user, system = after.user - before.user, after.system - before.system
    microseconds = 1e6 / driven.requests
    busy = (user + system) / driven.seconds
    others = max(0.0, core_seconds / driven.seconds - busy)
    return Cost(user * microseconds, system * microseconds, after.resident, busy, others)


def _wait_until_ready(process: Process, port: int, path: str) -> None:
    """Return when the path answers 200; raises RuntimeError with what the process said if it never does."""
    deadline = time.monotonic() + _READY_WITHIN
    while time.monotonic() < deadline and process.is_running():
        if _status(port, path) == 200:
            return
        time.sleep(_POLL)
    state = "not ready in time" if process.is_running() else "ended"
    raise RuntimeError(f"{process.command}: {state}\n{process.said()}")


def _status(port: int, path: str) -> int | None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_READY_WITHIN)
    try:
        connection.request("GET", path)
        return connection.getresponse().status
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
