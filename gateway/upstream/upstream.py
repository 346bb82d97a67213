"""A named set of endpoints with one connection policy."""

from collections.abc import Callable
from typing import final

from gateway.config.snapshot import Address, UpstreamSettings
from gateway.upstream.pool import Pool
from gateway.wire.clock import Clock


@final
class Endpoint:
    """One address of an upstream. `pending` counts the requests it has not finished.

    `host` is the Host that requests get here, None where the client's is kept.
    """

    __slots__ = ("address", "authority", "host", "pending", "pool")

    def __init__(self, address: Address, pool: Pool, host: str) -> None:
        self.address = address
        self.authority = b"localhost" if address.unix else _authority(address)
        self.host = {"preserve": None, "endpoint": self.authority}.get(host, host.encode())
        self.pool = pool
        self.pending = 0


@final
class Upstream:
    """The endpoints that requests of one kind may go to. Choosing one costs no I/O."""

    __slots__ = ("choose", "endpoints", "settings")

    def __init__(self, settings: UpstreamSettings, clock: Clock) -> None:
        self.settings = settings
        self.endpoints = [
            Endpoint(address, Pool(address, settings.pool, settings.connect, clock), settings.host)
            for address in settings.endpoints
        ]
        self.choose: Callable[[], Endpoint] = _BALANCE[settings.balance](self.endpoints)

    def close(self) -> None:
        """Close idle connections; busy ones follow when they are done."""
        for endpoint in self.endpoints:
            endpoint.pool.close()


def _authority(address: Address) -> bytes:
    if address.port == (443 if address.tls else 80):
        return str(address).rpartition(":")[0].encode()
    return str(address).encode()


def round_robin(endpoints: list[Endpoint]) -> Callable[[], Endpoint]:
    """Each endpoint in its turn."""
    turn = -1

    def choose() -> Endpoint:
        nonlocal turn
        turn = (turn + 1) % len(endpoints)
        return endpoints[turn]

    return choose


def least_pending(endpoints: list[Endpoint]) -> Callable[[], Endpoint]:
    """The endpoint with the fewest unfinished requests; in turn where several have as few."""
    if len(endpoints) == 1:
        only = endpoints[0]
        return lambda: only
    turn = 0

    def choose() -> Endpoint:
        nonlocal turn
        turn = (turn + 1) % len(endpoints)
        rotated = endpoints[turn:] + endpoints[:turn]
        return min(rotated, key=lambda endpoint: endpoint.pending)

    return choose


_BALANCE = {"round_robin": round_robin, "least_pending": least_pending}
