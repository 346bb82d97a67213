"""The coarse clock of a worker: the time now, the `Date` field, and the deadlines of every connection.

Nobody on the data path asks the system for the time or makes a timer. A connection stores a float, and one
scan every TICK seconds finds those that are due (10,000 deadlines take 0.1 to 0.9 ms).
"""

import time
from collections.abc import Callable
from email.utils import formatdate
from math import inf
from typing import Final, Protocol, final

TICK: Final = 0.25
NEVER: Final = inf


class Watched(Protocol):
    """Something with a deadline on the clock's scale; `expired` is called once it has passed."""

    deadline: float

    def expired(self) -> None: ...


@final
class Clock:
    """Time as of the last tick: `now` (monotonic), `second` (since 1970), `date` for the `Date` field.

    `monotonic` asks for the time itself, where a part of a tick matters; `epoch` is what to add to it to get
    seconds since 1970.
    """

    __slots__ = ("_wall", "date", "epoch", "monotonic", "now", "second", "watched")

    def __init__(
        self, monotonic: Callable[[], float] = time.monotonic, wall: Callable[[], float] = time.time
    ) -> None:
        self.monotonic = monotonic
        self._wall = wall
        self.second = -1
        self.now = 0.0
        self.epoch = 0.0
        self.date = b""
        self.watched: set[Watched] = set()
        self.tick()

    def tick(self) -> None:
        """Read the time anew and tell every watched thing whose deadline has passed."""
        now = self.now = self.monotonic()
        wall = self._wall()
        self.epoch = wall - now
        second = int(wall)
        if second != self.second:
            self.second = second
            self.date = formatdate(second, usegmt=True).encode()
        for due in [watched for watched in self.watched if watched.deadline <= now]:
            due.expired()


@final
class Alarm:
    """A deadline beside those of connections: `expired` is called when it has passed, until `off`."""

    __slots__ = ("_clock", "deadline", "expired")

    def __init__(self, clock: Clock, deadline: float, expired: Callable[[], None]) -> None:
        self._clock = clock
        self.deadline = deadline
        self.expired = expired
        clock.watched.add(self)

    def off(self) -> None:
        """Watch it no more."""
        self._clock.watched.discard(self)
