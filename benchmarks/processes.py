"""The processes of a run: each on one core, in a session of its own, measured by what the kernel says of it.

Whoever starts one here ends it here, by its own id, however the run ends. Linux only: it reads /proc.
"""

import os
import resource
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
_OPEN_FILES = 65536


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
        stats = [stat for stat in _stats() if int(stat[4]) == self._child.pid]
        return Usage(
            sum(int(stat[12]) for stat in stats) / _TICKS,
            sum(int(stat[13]) for stat in stats) / _TICKS,
            sum(int(stat[22]) for stat in stats) * _PAGE,
        )

    def forget_peak(self) -> None:
        """Let `peak` count from here. proc(5): 5 in clear_refs resets the peak to what is resident now."""
        for member in self._members():
            (member / "clear_refs").write_text("5")

    def peak(self) -> int:
        """The most bytes that were resident at a time, summed over the processes of its session."""
        statuses = [(member / "status").read_text() for member in self._members()]
        return sum(int(_field(status, "VmHWM")) for status in statuses) * 1024

    def _members(self) -> list[Path]:
        return [Path("/proc") / stat[0] for stat in _stats() if int(stat[4]) == self._child.pid]


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
    return partial(settle, core)


def settle(core: int) -> None:
    """Confine this process to a core and let it open as many files as 1,000 connections need."""
    os.sched_setaffinity(0, {core})
    _soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    files = _OPEN_FILES if hard == resource.RLIM_INFINITY else min(_OPEN_FILES, hard)
    resource.setrlimit(resource.RLIMIT_NOFILE, (files, hard))


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
    """proc(5): the fields of /proc/PID/stat but the name, which may hold spaces; the state is number 1."""
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            yield [path.parent.name, *path.read_text().rpartition(")")[2].split()]
        except (FileNotFoundError, ProcessLookupError):
            continue


def _field(status: str, name: str) -> str:
    """The number behind a name in /proc/PID/status."""
    return status.partition(f"{name}:")[2].split(maxsplit=1)[0]


def _end(child: subprocess.Popen[bytes]) -> None:
    child.terminate()
    try:
        child.wait(_PATIENCE)
    except subprocess.TimeoutExpired:
        # It leads a session of its own, so its group holds its descendants and nothing else.
        os.killpg(child.pid, signal.SIGKILL)
        child.wait()
