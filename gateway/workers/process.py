"""A program of ours as a process of its own, and when it has ended."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Final, final

# What the terminal sends to all of its processes is the supervisor's business. Until a worker has said so
# itself, it is held back.
HELD: Final = (signal.SIGINT, signal.SIGHUP, signal.SIGUSR2)


@final
class Process:
    """A child of this process; `ended` is called once with what `how` tells of its end."""

    def __init__(self, pid: int, ended: Callable[[str], None]) -> None:
        self.pid = pid
        self._ended = ended
        self._descriptor = os.pidfd_open(pid)
        asyncio.get_running_loop().add_reader(self._descriptor, self._reap)

    def signal(self, number: signal.Signals) -> None:
        """Send it a signal, unless it has ended."""
        if self._descriptor >= 0:
            with suppress(ProcessLookupError):
                signal.pidfd_send_signal(self._descriptor, number)

    def let_go(self) -> None:
        """Watch it no more."""
        descriptor, self._descriptor = self._descriptor, -1
        asyncio.get_running_loop().remove_reader(descriptor)
        os.close(descriptor)

    def _reap(self) -> None:
        _, status = os.waitpid(self.pid, 0)
        self.let_go()
        self._ended(how(status))


def how(status: int) -> str:
    """What a status of `waitpid` tells."""
    code = os.waitstatus_to_exitcode(status)
    return f"status {code}" if code >= 0 else signal.Signals(-code).name


def command(*arguments: str) -> list[str]:
    """This Python with these arguments, which finds this package where it was found."""
    # With `-m` it would be looked for in the current folder first, whoever writes there.
    root = str(Path(__file__).parents[2])
    found_here = bool(sys.path) and os.path.abspath(sys.path[0] or ".") == root
    return [sys.executable, *([] if found_here else ["-P"]), "-m", *arguments]


def spawn(arguments: Sequence[str], descriptors: Sequence[int]) -> int:
    """Start a program that inherits these descriptors under their numbers; gives its process id."""
    for descriptor in descriptors:
        os.set_inheritable(descriptor, True)
    try:
        return os.posix_spawn(arguments[0], list(arguments), os.environ, setsigmask=HELD)
    finally:
        for descriptor in descriptors:
            os.set_inheritable(descriptor, False)
