"""`python -m benchmarks`: measure, and print the report as Markdown. `--help` lists what can be chosen."""

import argparse
import os
import platform
import signal
import sys
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType

from benchmarks.load import TOOLS, installed
from benchmarks.peer import Peer
from benchmarks.peers import PEERS
from benchmarks.processes import settle
from benchmarks.report import report
from benchmarks.runner import Plan, Results, run
from benchmarks.workloads import TRANSFERS, WORKLOADS, Workload

_ABOUT = """\
Measures the gateway beside real proxies on the same work, in one run: the peer has one core, load and backend
share another, each row is the median of several samples in alternating order. Prints Markdown to the standard
output and its progress to the standard error. Needs Linux, two cores, no root.
"""
_USUAL_PEERS = ("Azora Gateway", "nginx", "Envoy")
_USUAL_ROWS = ("small", "policies", "everything")
_ALL = "all"
_ROWS = WORKLOADS + TRANSFERS
_CHOOSABLE = tuple(peer.name for peer in PEERS if "bare" in peer.settings)


def main(arguments: Sequence[str] | None = None) -> int:
    """Exit 0 with a report, 1 where the load or the first peer of a row failed, 2 on wrong usage."""
    parser = _parser()
    options = parser.parse_args(arguments)
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) < 2:
        parser.error("two cores are needed: one for the peer, one for load and backend")
    signal.signal(signal.SIGTERM, _leave)
    # A peer that cannot be chosen belongs to one row, and is there whenever that is.
    asked = [peer for peer in PEERS if peer.name not in _CHOOSABLE or _has(options.peers, peer.name)]
    versions, absent = _versions(asked)
    plan = _plan(options, [peer for peer in asked if peer.name in versions], cores)
    try:
        print(_conditions(plan, versions), flush=True)
        settle(plan.load_core)
        results = run(plan)
    except RuntimeError as failure:
        print(f"benchmarks: {failure}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    print(report(plan, results, absent))
    return int(_is_incomplete(plan, results))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks",
        description=_ABOUT,
        epilog="\n".join(["rows:", *(f"  {work.name:14} {work.means}" for work in _ROWS)]),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    add = parser.add_argument
    peers, rows = [*_CHOOSABLE, _ALL], [*(work.name for work in _ROWS), _ALL]
    usual = f"of {', '.join(peers)} ({', '.join(_USUAL_PEERS)})"
    add("--peers", nargs="+", choices=peers, metavar="PEER", default=_USUAL_PEERS, help=usual)
    usual = f"of the rows below, or all ({', '.join(_USUAL_ROWS)})"
    add("--work", nargs="+", choices=rows, metavar="ROW", default=_USUAL_ROWS, help=usual)
    add("--load", choices=TOOLS, default=installed(), help="wrk where it is installed, else own")
    add("--seconds", type=int, default=4, metavar="N", help="of one sample (%(default)s)")
    add("--rounds", type=int, default=3, metavar="N", help="samples of each row (%(default)s)")
    return parser


def _plan(options: argparse.Namespace, peers: Iterable[Peer], cores: Sequence[int]) -> Plan:
    def chosen(rows: Iterable[Workload]) -> tuple[Workload, ...]:
        return tuple(work for work in rows if _has(options.work, work.name))

    return Plan(
        peers=tuple(peers),
        works=chosen(WORKLOADS),
        transfers=chosen(TRANSFERS),
        tool=options.load,
        seconds=options.seconds,
        rounds=options.rounds,
        peer_core=cores[0],
        load_core=cores[1],
    )


def _has(names: Sequence[str], name: str) -> bool:
    return name in names or _ALL in names


def _versions(peers: Iterable[Peer]) -> tuple[dict[str, str], dict[str, str]]:
    """By the peer's name, what is installed; and why others are not."""
    versions, absent = {}, {}
    for peer in peers:
        try:
            versions[peer.name] = peer.version()
        except RuntimeError as failure:
            absent[peer.name] = str(failure)
            print(f"left out: {peer.name}: {failure}", file=sys.stderr)
    return versions, absent


def _conditions(plan: Plan, versions: Mapping[str, str]) -> str:
    measured = ", ".join(f"{name} {versions[name]}" for name in _CHOOSABLE if name in versions)
    return (
        f"{datetime.now(UTC):%Y-%m-%d}, {_processor()}, {os.cpu_count()} cores, Linux {platform.release()}, "
        f"Python {platform.python_version()}; {measured}; load: {plan.tool}, "
        f"{plan.rounds} samples of {plan.seconds} s.\n"
    )


def _is_incomplete(plan: Plan, results: Results) -> bool:
    """Whether the peer that the others of a row are compared with is missing in one."""
    for work in plan.works + plan.transfers:
        contenders = plan.contenders(work)
        if not contenders or (work.name, contenders[0].name) in results.failures:
            return True
    return False


def _processor() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.machine()


def _leave(_number: int, _frame: FrameType | None) -> None:
    sys.exit(128 + signal.SIGTERM)


if __name__ == "__main__":
    sys.exit(main())
