"""A worker as its supervisor sees it: a process, a channel to it, and what it is doing."""

import asyncio
import signal
import time
from collections.abc import Callable
from functools import partial
from socket import socket
from typing import Final, Literal, final

from gateway.workers.channel import Channel
from gateway.workers.facts import Facts
from gateway.workers.frames import Message
from gateway.workers.process import Process

# Seconds that a process may take to end after it has hung up.
_ENDING_AT_MOST: Final = 5.0

# It loads; it has loaded everything and waits for a place; it serves at one; it ends in peace; it has ended.
State = Literal["loading", "waiting", "serving", "leaving", "gone"]


@final
class Worker:
    """One process. `hear` is told what it says, `ended` how it ended.

    `version` is that of the configuration it has, `report` what it last said of its metrics. One that is
    `reserved` is meant for a place that somebody has now; one that `is_open` takes requests.
    """

    def __init__(  # noqa: PLR0913 - a process, its two sockets, and whom to tell.
        self,
        pid: int,
        sock: socket,
        quotas: socket | None,
        hear: Callable[["Worker", Message], None],
        ended: Callable[["Worker", str], None],
        *,
        rest: bytes = b"",
    ) -> None:
        self.pid = pid
        # Where it asks for buckets; the keeper's, who closes it.
        self.quotas = quotas
        self.state: State = "loading"
        self.begun = time.monotonic()
        self.version = ""
        self.facts: Facts | None = None
        self.report = b""
        self.reserved = False
        self.is_open = False
        self.channel = Channel(sock, partial(hear, self), self._lost, rest)
        self.process = Process(pid, self._end)
        self._ended = ended
        self._killing: asyncio.TimerHandle | None = None

    @property
    def has_served(self) -> bool:
        """True if requests were or are counted there."""
        return self.state in ("serving", "leaving")

    def kill(self) -> None:
        """End it at once; what it has under way is lost."""
        if self.state != "gone":
            self.process.signal(signal.SIGKILL)

    def let_go(self) -> None:
        """Watch it no more: somebody else will."""
        if self._killing is not None:
            self._killing.cancel()
        self.process.let_go()

    def _lost(self) -> None:
        if self.state != "gone":
            loop = asyncio.get_running_loop()
            self._killing = loop.call_later(_ENDING_AT_MOST, self.kill)

    def _end(self, how: str) -> None:
        # It may have said something before it ended.
        self.channel.read_all()
        self.channel.close()
        if self._killing is not None:
            self._killing.cancel()
        self._ended(self, how)
        self.state = "gone"
