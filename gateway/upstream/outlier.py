"""Endpoints whose requests fail are left out for a while.

So many failures in a row eject an endpoint, for longer each time it comes back only to fail again. Nothing is
measured while it is out: it returns on its own and is judged anew.
"""

import logging
from collections.abc import Callable, Sequence
from math import inf
from typing import final

from gateway.config.snapshot import Outlier
from gateway.upstream.endpoint import Endpoint
from gateway.wire.clock import Clock
from gateway.wire.upstream import Fault

log = logging.getLogger("gateway")

# What an endpoint answers for. BUSY and EXHAUSTED are bounds of ours, and a client that leaves is no fault.
FAILURES = frozenset(Fault) - {Fault.BUSY, Fault.EXHAUSTED, Fault.UNAVAILABLE}
FAILED_STATUSES = frozenset([502, 503, 504])

_LONGEST = 10  # times `eject`


@final
class Outliers:
    """Ejects endpoints of one upstream and brings them back; `changed` is called after either.

    `deadline` is the time at which the next one comes back, on the clock's scale.
    """

    __slots__ = ("_changed", "_clock", "_endpoints", "_returns", "_settings", "_times", "deadline")

    def __init__(
        self, endpoints: Sequence[Endpoint], settings: Outlier, clock: Clock, changed: Callable[[], None]
    ) -> None:
        self._endpoints = endpoints
        self._settings = settings
        self._clock = clock
        self._changed = changed
        self._returns: dict[Endpoint, float] = {}  # when each comes, or came, back
        self._times: dict[Endpoint, int] = {}  # how often in a short time it was ejected
        self.deadline = inf
        for endpoint in endpoints:
            endpoint.watch(settings.failures, self.eject)

    def eject(self, endpoint: Endpoint) -> None:
        """Leave it out for `eject` seconds, times how often it was lately ejected, at most ten."""
        now, usual = self._clock.now, self._settings.eject
        times = self._times.get(endpoint, 0)
        # Who held out for as long as it had been out begins again.
        held_out = now - self._returns.get(endpoint, -inf) >= times * usual
        times = self._times[endpoint] = 1 if held_out else min(times + 1, _LONGEST)
        endpoint.ejected = True
        endpoint.ejections += 1
        self._returns[endpoint] = now + times * usual
        log.warning("%s is left out for %g s: its requests fail", endpoint.address, times * usual)
        self._schedule()
        self._changed()

    def expired(self) -> None:
        """Bring back those whose time is over."""
        for endpoint in self._endpoints:
            if endpoint.ejected and self._returns[endpoint] <= self._clock.now:
                endpoint.ejected = False
                endpoint.failures = 0
        self._schedule()
        self._changed()

    def close(self) -> None:
        """Bring nobody back any more."""
        self._clock.watched.discard(self)

    def _schedule(self) -> None:
        # Only while somebody is out does the clock look here.
        self.deadline = min((self._returns[each] for each in self._endpoints if each.ejected), default=inf)
        if self.deadline < inf:
            self._clock.watched.add(self)
        else:
            self._clock.watched.discard(self)
