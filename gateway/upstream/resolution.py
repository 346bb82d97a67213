"""The addresses that an endpoint's host name stands for.

The first connection asks for them; after that they are asked for on a schedule, and no request waits. An
answer is kept until there is a better one: a name server that is away takes no backend down.
"""

import asyncio
import socket
from collections.abc import Awaitable, Callable
from ipaddress import ip_address
from typing import final

from gateway.config.snapshot import Address

Resolve = Callable[[str, int], Awaitable[tuple[str, ...]]]


async def resolve(host: str, port: int) -> tuple[str, ...]:
    """The addresses of a name, in the order of the system's resolver. Raises OSError (gaierror)."""
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return tuple(dict.fromkeys(str(place[0]) for *_, place in found))


def is_name(address: Address) -> bool:
    """True for a host that has to be looked up: neither an IP address nor a Unix socket."""
    if address.unix:
        return False
    try:
        ip_address(address.host)
    except ValueError:
        return True
    return False


@final
class Resolution:
    """What one name stands for. `known` is the last answer, empty before the first."""

    __slots__ = ("_address", "_asking", "_resolve", "known")

    def __init__(self, address: Address, resolve: Resolve) -> None:
        self._address = address
        self._resolve = resolve
        self._asking: asyncio.Future[tuple[str, ...]] | None = None
        self.known: tuple[str, ...] = ()

    async def addresses(self) -> tuple[str, ...]:
        """The last answer; where there is none yet, the first. Raises OSError (gaierror)."""
        return self.known or await self.ask()

    async def ask(self) -> tuple[str, ...]:
        """A new answer, the same for all who ask meanwhile.

        Raises OSError (gaierror), and then keeps the old one.
        """
        if self._asking is None:
            self._asking = asyncio.ensure_future(self._resolve(self._address.host, self._address.port))
            self._asking.add_done_callback(self._answered)
        # One who leaves must not take the answer from the others.
        return await asyncio.shield(self._asking)

    def _answered(self, asking: asyncio.Future[tuple[str, ...]]) -> None:
        self._asking = None
        if not asking.cancelled() and asking.exception() is None:
            self.known = asking.result()
