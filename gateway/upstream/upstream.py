"""A named set of endpoints with one connection policy.

Choosing costs no I/O and asks nothing about health: `choose` is made anew whenever the set of usable
endpoints changes. Usable are those that the probes call healthy and whose requests do not fail. Where
requests fail everywhere all healthy ones are used, for then the fault is rarely theirs; where none is
healthy, none is.
"""

import asyncio
from collections.abc import Collection, Coroutine, Iterator
from functools import partial
from random import Random
from typing import final

from gateway.config.snapshot import Hash, UpstreamSettings
from gateway.http.request import Request
from gateway.upstream.balance import Balance, Choose, least_pending, p2c, round_robin
from gateway.upstream.dial import Dialer
from gateway.upstream.endpoint import Endpoint
from gateway.upstream.health import Probes
from gateway.upstream.outlier import Outliers
from gateway.upstream.pool import Pool
from gateway.upstream.resolution import Resolve, resolve
from gateway.upstream.ring import hashed
from gateway.upstream.schedule import Pause, repeat
from gateway.wire.clock import Clock
from gateway.wire.tls import client_tls
from gateway.wire.upstream import Fault, UpstreamError

# Seconds. getaddrinfo does not tell how long an answer holds; this is half of a short TTL.
_NAMES_ASKED_EVERY = 30.0

_BALANCES: dict[str, Balance] = {"round_robin": round_robin, "least_pending": least_pending, "p2c": p2c}


@final
class Upstream:
    """The endpoints that requests of one kind may go to.

    `choose(request)` gives the endpoint for a request, or raises UpstreamError (UNAVAILABLE); it is replaced
    when `usable`, the endpoints it chooses from, changes. `random`, `pause` and `resolve` are the outside
    world: what is drawn, what waits between two probes, and what looks up a name. Made with TLS it raises
    OSError for a file that cannot be used.
    """

    __slots__ = (
        "_balance",
        "_outliers",
        "_pause",
        "_probes",
        "_random",
        "_tasks",
        "choose",
        "endpoints",
        "settings",
        "usable",
    )

    def __init__(
        self,
        settings: UpstreamSettings,
        clock: Clock,
        *,
        random: Random | None = None,
        pause: Pause = asyncio.sleep,
        resolve: Resolve = resolve,
    ) -> None:
        self.settings = settings
        self.endpoints = [
            Endpoint(
                Pool(Dialer(address, resolve, tls), settings.pool, settings.connect, clock), settings.host
            )
            for address, tls in zip(
                settings.endpoints, client_tls(settings.tls, settings.endpoints), strict=True
            )
        ]
        self._random = random or Random()  # noqa: S311 - it spreads load and keeps no secret.
        self._pause = pause
        balance = settings.balance
        self._balance = hashed(balance) if isinstance(balance, Hash) else _BALANCES[balance]
        health, outlier = settings.health, settings.outlier
        self._probes = Probes(health, self._changed) if health else None
        self._outliers = Outliers(self.endpoints, outlier, clock, self._changed) if outlier else None
        self._tasks: list[asyncio.Task[None]] = []
        self.usable: tuple[Endpoint, ...] = ()
        self.choose: Choose = _nobody
        self._changed()

    def another(self, tried: Collection[Endpoint]) -> Endpoint:
        """The endpoint for one more attempt: the least busy of those not tried, or of all where none is left.

        Raises UpstreamError (UNAVAILABLE).
        """
        left = [endpoint for endpoint in self.usable if endpoint not in tried] or self.usable
        if not left:
            raise UpstreamError(Fault.UNAVAILABLE)
        fewest = min(endpoint.pending for endpoint in left)
        return self._random.choice([endpoint for endpoint in left if endpoint.pending == fewest])

    async def start(self) -> None:
        """Begin to probe, and to look up names again and again. Nothing is waited for, nothing raises."""
        self._tasks = [asyncio.create_task(work) for work in self._works()]

    async def stop(self) -> None:
        """End what `start` began, and close."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        if self._probes is not None:
            await self._probes.close()
        self.close()

    def close(self) -> None:
        """Close idle connections; busy ones follow when they are done."""
        if self._outliers is not None:
            self._outliers.close()
        for endpoint in self.endpoints:
            endpoint.pool.close()

    def _works(self) -> Iterator[Coroutine[None, None, None]]:
        for endpoint in self.endpoints:
            if endpoint.pool.dialer.has_name:
                yield repeat(endpoint.pool.renew, _NAMES_ASKED_EVERY, self._random, self._pause)
            if self._probes is not None:
                probe = partial(self._probes.probe, endpoint)
                yield repeat(probe, self._probes.interval, self._random, self._pause)

    def _changed(self) -> None:
        """Choose from now on among those that can be used now."""
        healthy = [endpoint for endpoint in self.endpoints if endpoint.healthy]
        usable = [endpoint for endpoint in healthy if not endpoint.ejected] or healthy
        self.usable = tuple(usable)
        if len(usable) > 1:
            self.choose = self._balance(usable, self._random)
        else:
            self.choose = _always(usable[0]) if usable else _nobody


def _always(endpoint: Endpoint) -> Choose:
    return lambda request: endpoint


def _nobody(request: Request) -> Endpoint:
    raise UpstreamError(Fault.UNAVAILABLE)
