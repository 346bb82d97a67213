"""`python -m benchmarks`: measure, and print the report as Markdown. `--help` lists what can be chosen."""

import argparse
import os
import platform
import signal
import sys
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from benchmarks.load import TOOLS, installed
from benchmarks.peers import PEERS
from benchmarks.report import report
from benchmarks.runner import Plan, run
from benchmarks.workloads import WORKLOADS


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit 0 with a report, 1 where something failed, 2 on wrong usage."""
    plan = _plan(arguments)
    signal.signal(signal.SIGTERM, _leave)
    try:
        print(_conditions(plan), flush=True)
        print(report(plan, run(plan)))
    except RuntimeError as failure:
        print(f"benchmarks: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


def _plan(arguments: Sequence[str] | None) -> Plan:
    peers = {peer.name: peer for peer in PEERS}
    works = {work.name: work for work in WORKLOADS}
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__.partition(":")[2])
    parser.add_argument("--peers", nargs="+", choices=peers, default=list(peers))
    parser.add_argument("--work", nargs="+", choices=works, default=[WORKLOADS[0].name])
    parser.add_argument("--load", choices=TOOLS, default=installed(), help="wrk if it is installed, else own")
    parser.add_argument("--seconds", type=int, default=4, help="of one sample")
    parser.add_argument("--rounds", type=int, default=3, help="samples of each row")
    chosen = parser.parse_args(arguments)
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        parser.error("two cores are needed: one for the peer, one for load and backend")
    return Plan(
        tuple(peers[name] for name in chosen.peers),
        tuple(works[name] for name in chosen.work),
        chosen.load,
        chosen.seconds,
        chosen.rounds,
        *cores[:2],
    )


def _conditions(plan: Plan) -> str:
    versions = ", ".join(peer.version() for peer in plan.peers)
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {_processor()}, {os.cpu_count()} cores, Linux {platform.release()}, "
        f"Python {platform.python_version()}; {versions}; load: {plan.tool}, "
        f"{plan.rounds} samples of {plan.seconds} s.\n"
    )


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _leave(_number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
