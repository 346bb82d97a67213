"""What is refused before anything is known of a request but its address and its size.

Both policies answer with a constant. An address that cannot be read is refused: a doubt here is never to the
client's favour.
"""

from collections.abc import Iterable
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address
from typing import Final, final

from gateway.http.reply import Reply, problem
from gateway.policy import Exchange, Reason

Network = IPv4Network | IPv6Network

# Addresses remembered per route. When they are more, all are forgotten: the memory is bounded, and a client
# with many addresses cannot keep the others out of it for long.
_LEARNED_AT_MOST: Final = 4096
_UNIX: Final = "unix"
_MAPPED: Final = IPv6Network("::ffff:0:0/96")

_DENIED: Final = problem(403, Reason.ADDRESS_DENIED, "This address may not ask here.")
# The body is not read, so what follows on the connection is not the next request.
TOO_LARGE: Final = problem(413, Reason.BODY_TOO_LARGE, "The body is larger than allowed here.", closes=True)


@final
class Clients:
    """Which addresses may ask: none that `deny` holds, then only those that `allow` holds, if it has any.

    A client on a Unix socket has no address: no network denies it, none allows it.
    """

    __slots__ = ("_verdicts", "source")

    name: Final = "clients"

    def __init__(self, allow: Iterable[Network], deny: Iterable[Network], source: str) -> None:
        self.source = source
        self._verdicts = _Verdicts(allow, deny)

    def __call__(self, exchange: Exchange) -> Reply | None:
        """403 `address_denied`, or None."""
        return self._verdicts[exchange.request.client]


@final
class _Verdicts(dict[str, Reply | None]):
    """Client as text -> verdict; learns addresses as they come."""

    def __init__(self, allow: Iterable[Network], deny: Iterable[Network]) -> None:
        super().__init__()
        self._allow = tuple(map(unmapped, allow))
        self._deny = tuple(map(unmapped, deny))

    def __missing__(self, client: str) -> Reply | None:
        if len(self) >= _LEARNED_AT_MOST:
            self.clear()
        verdict = self[client] = None if self._admits(client) else _DENIED
        return verdict

    def _admits(self, client: str) -> bool:
        if client == _UNIX:
            return not self._allow
        address = address_of(client)
        if address is None or any(address in network for network in self._deny):
            return False
        return not self._allow or any(address in network for network in self._allow)


def address_of(client: str) -> IPv4Address | IPv6Address | None:
    """The address of a client, None where it has none that can be read."""
    try:
        address = ip_address(client)
    except ValueError:
        return None
    if isinstance(address, IPv6Address):
        # RFC 4291 2.5.5.2: an IPv4 client on a socket that serves both reads ::ffff:192.0.2.1.
        return address.ipv4_mapped or address
    return address


def unmapped(network: Network) -> Network:
    """The network as `address_of` spells its members: that of IPv4-mapped addresses is one of IPv4."""
    if isinstance(network, IPv6Network) and network.subnet_of(_MAPPED):
        return IPv4Network((int(network.network_address) & 0xFFFFFFFF, network.prefixlen - 96))
    return network


@final
class DeclaredLength:
    """Refuses a body that is announced to be larger than `limit` bytes, before any of it is read.

    A chunked body announces nothing; it is counted while it passes.
    """

    __slots__ = ("limit", "source")

    name: Final = "limits"

    def __init__(self, limit: int, source: str) -> None:
        self.limit = limit
        self.source = source

    def __call__(self, exchange: Exchange) -> Reply | None:
        """413 `body_too_large`, or None."""
        return TOO_LARGE if exchange.request.length > self.limit else None
