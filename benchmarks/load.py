"""Load: a closed loop of kept connections, each asking again when its answer is complete.

`wrk` makes it where it is installed, else the generator of this package. Both are commands that print one
line of JSON, so that nobody behind this module needs to know which one it was. Neither corrects latencies for
requests that a slow answer kept from being sent.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, final

from benchmarks.everything import token
from benchmarks.processes import pin
from benchmarks.workloads import Workload

Tool = Literal["wrk", "own"]

_SCRIPT = Path(__file__).with_name("wrk.lua")
_PATIENCE = 10  # seconds for one answer


@final
@dataclass(frozen=True, slots=True)
class Driven:
    """What the client's side saw: complete answers, the seconds they took in all, percentiles in ms."""

    requests: int
    seconds: float
    errors: int
    p50: float
    p99: float

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.requests / self.seconds


def installed() -> Tool:
    """The better tool there is."""
    return "wrk" if shutil.which("wrk") else "own"


def drive(tool: Tool, work: Workload, *, port: int, core: int, seconds: int) -> Driven:
    """Load a loopback port from one core; raises RuntimeError if an answer was missing or not a success."""
    url = f"http://127.0.0.1:{port}{work.path}"
    fields = [f"{name}: {value}" for name, value in shown(work)]
    command = TOOLS[tool](url, fields, work, seconds)
    run = subprocess.run(
        command, preexec_fn=pin(core), capture_output=True, text=True, check=False, timeout=seconds + 30
    )
    if run.returncode != 0:
        raise RuntimeError(f"{tool} failed: {run.stderr or run.stdout}")
    driven = Driven(**json.loads(run.stdout.splitlines()[-1]))
    if driven.errors or not driven.requests:
        raise RuntimeError(f"{driven.errors} errors beside {driven.requests} answers from {url}")
    return driven


def shown(work: Workload) -> list[tuple[str, str]]:
    """The fields of every request, with a token of this run where one is verified."""
    if not work.shows_token:
        return list(work.fields)
    others = [field for field in work.fields if field[0] != "Authorization"]
    return [*others, ("Authorization", f"Bearer {token()}")]


def _wrk(url: str, fields: list[str], work: Workload, seconds: int) -> list[str]:
    asked = [part for field in fields for part in ("-H", field)]
    load = ["-t1", f"-c{work.connections}", f"-d{seconds}s", "--timeout", f"{_PATIENCE}s"]
    return ["wrk", *load, "-s", str(_SCRIPT), *asked, url, "--", str(work.upload)]


def _own(url: str, fields: list[str], work: Workload, seconds: int) -> list[str]:
    load = [str(work.connections), str(seconds), str(work.upload)]
    return [sys.executable, "-m", "benchmarks.generator", url, *load, *fields]


TOOLS: dict[Tool, Callable[[str, list[str], Workload, int], list[str]]] = {"wrk": _wrk, "own": _own}
