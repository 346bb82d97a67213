"""The descriptors of the process: how many it may have, and which of them clients may not take.

The system gives each new connection the lowest number that is free, so the number tells how many are taken.
The last quarter is kept for what those that are served need: connections to backends, the admin listener, the
files of a reload. Clients are refused before that, with an answer.
"""

import errno
import logging
import resource
from typing import Final, final

from gateway.wire.clock import Clock

log = logging.getLogger("gateway")

# What a call fails with where the process, or the system, has no descriptor left.
EXHAUSTED: Final = frozenset([errno.EMFILE, errno.ENFILE])

# More is of no use to one process, and some systems allow a billion.
_AT_MOST: Final = 1 << 20
_TOLD_EVERY: Final = 60.0


def allowed() -> int:
    """How many descriptors the process may have; it is given all that it may ask for."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    most = _AT_MOST if hard == resource.RLIM_INFINITY else min(hard, _AT_MOST)
    if soft == resource.RLIM_INFINITY or soft >= most:
        return soft if soft != resource.RLIM_INFINITY else _AT_MOST
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, hard))
    return most


@final
class Descriptors:
    """Which descriptors clients may take; from `last` on not even an answer is due to who has one."""

    __slots__ = ("_clock", "_first", "_told", "last")

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
        most = _AT_MOST if soft == resource.RLIM_INFINITY else soft
        self._first = most - most // 4
        self.last = most - most // 8
        self._told = -_TOLD_EVERY

    def has_room(self, descriptor: int) -> bool:
        """True if the connection of a client may have this one; if not, the log says so now and then."""
        if descriptor < self._first:
            return True
        now = self._clock.now
        if now - self._told >= _TOLD_EVERY:
            self._told = now
            log.error("descriptors run out: RLIMIT_NOFILE leaves clients %d, more are refused", self._first)
        return False
