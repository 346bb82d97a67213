"""The processes of a run: each on one core, in a session of its own, measured by what the kernel says of it.

Whoever starts one here ends it here, by its own id, however the run ends. Linux only: it reads /proc.
"""

import os
import shlex
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import final

_TICKS = os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")
_PATIENCE = 10.0


@final
@dataclass(frozen=True, slots=True)
class Usage:
    """What a process and its descendants have used: seconds of CPU, and the bytes now resident."""

    user: float
    system: float
    resident: int


@final
class Process:
    """A started process and what it wrote to its standard error."""

    __slots__ = ("_child", "_command", "_errors")

    def __init__(self, command: Sequence[str], child: subprocess.Popen[bytes], errors: Path) -> None:
        self._command = command
        self._child = child
        self._errors = errors

    @property
    def command(self) -> str:
        """The command as a shell would show it."""
        return shlex.join(self._command)

    def is_running(self) -> bool:
        """Whether the process has not ended yet."""
        return self._child.poll() is None

    def said(self) -> str:
        """The last lines of its standard error."""
        return "\n".join(self._errors.read_text(errors="replace").splitlines()[-20:])

    def usage(self) -> Usage:
        """The sum over every process of its session."""
        stats = [stat for stat in _stats() if int(stat[3]) == self._child.pid]
        return Usage(
            sum(int(stat[11]) for stat in stats) / _TICKS,
            sum(int(stat[12]) for stat in stats) / _TICKS,
            sum(int(stat[21]) for stat in stats) * _PAGE,
        )


@contextmanager
def started(command: Sequence[str], *, core: int, folder: Path) -> Iterator[Process]:
    """Run a command on one core, in a folder, until the block is left."""
    errors = folder / "stderr.log"
    with errors.open("wb") as log:
        child = subprocess.Popen(
            command,
            cwd=folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=log,
            start_new_session=True,
            preexec_fn=pin(core),
        )
    try:
        yield Process(command, child, errors)
    finally:
        _end(child)


def pin(core: int) -> partial[None]:
    """What a child calls before it becomes the program, so that no thread of it ever ran elsewhere."""
    return partial(os.sched_setaffinity, 0, {core})


def free_port() -> int:
    """A TCP port of the loopback that nothing listens on."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def core_busy(core: int) -> float:
    """Seconds since boot that a core did not idle."""
    for line in Path("/proc/stat").read_text().splitlines():
        name, *ticks = line.split()
        if name == f"cpu{core}":
            user, nice, system, _idle, _waiting, interrupts, soft, stolen = map(int, ticks[:8])
            return (user + nice + system + interrupts + soft + stolen) / _TICKS
    raise RuntimeError(f"core {core} is not in /proc/stat")


def _stats() -> Iterator[list[str]]:
    """proc(5): the fields of /proc/PID/stat behind the name, which may hold spaces; the state is number 0."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            yield path.read_text().rpartition(")")[2].split()
        except (FileNotFoundError, ProcessLookupError):
            continue


def _end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        # It leads a session of its own, so its group holds its descendants and nothing else.
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
