"""How a connection to an endpoint comes about: by path, by IP address, or by a name that stands for several.

Of connections made by name it is remembered where they lead. When the name leaves an address, its connections
are `departed`: they end what they have begun, and serve nothing after that.
"""

import asyncio
import ssl
from typing import final

from gateway.config.snapshot import Address
from gateway.upstream.resolution import Resolution, Resolve, is_name, resolve
from gateway.wire.tls import WRITE_AT_MOST, ClientTls
from gateway.wire.upstream import Connection

# Seconds that an endpoint has to say goodbye; a connection is closed only when nothing more is due on it.
_SHUTDOWN_AT_MOST = 1.0


@final
class Dialer:
    """Connects to one endpoint. `address` is what the configuration says; `tls` is None where it is plain."""

    __slots__ = ("_name", "_peers", "_turn", "address", "departed", "tls")

    def __init__(self, address: Address, resolve: Resolve = resolve, tls: ClientTls | None = None) -> None:
        self.address = address
        self.tls = tls
        self.departed: set[Connection] = set()
        self._peers: dict[Connection, str] = {}
        self._turn = -1
        self._name = Resolution(address, resolve) if is_name(address) else None

    @property
    def has_name(self) -> bool:
        """True where a host name has to be looked up."""
        return self._name is not None

    @property
    def addresses(self) -> tuple[str, ...]:
        """What the host name stands for; empty where there is none, or it was not needed yet."""
        return self._name.known if self._name is not None else ()

    async def dial(self, connection: Connection) -> None:
        """Connect. Raises OSError: gaierror where the name is not found, SSLError where TLS fails."""
        if self.address.unix:
            loop = asyncio.get_running_loop()
            await loop.create_unix_connection(lambda: connection.protocol, self.address.unix)
        elif self._name is None:
            await self._reach(connection, self.address.host)
        else:
            await self._reach_any(connection, await self._name.addresses())

    def forget(self, connection: Connection) -> None:
        """Note that a connection is gone."""
        self._peers.pop(connection, None)
        self.departed.discard(connection)

    async def renew(self) -> set[Connection]:
        """Look up the name anew; gives `departed` as it then is. Raises OSError (gaierror)."""
        if self._name is not None:
            answer = await self._name.ask()
            # For good, even if the address comes back: what is behind it may be another by then.
            self.departed.update(each for each, peer in self._peers.items() if peer not in answer)
        return self.departed

    async def _reach_any(self, connection: Connection, hosts: tuple[str, ...]) -> None:
        """Connect to the first address that takes it, beginning with another one each time."""
        start = self._turn = (self._turn + 1) % len(hosts)
        refusal = OSError()
        for host in hosts[start:] + hosts[:start]:
            self._peers[connection] = host
            try:
                return await self._reach(connection, host)
            except ssl.SSLError:
                # Whoever answers for the name but cannot prove it must not be passed over in silence.
                raise
            except OSError as error:
                refusal = error
        raise refusal

    async def _reach(self, connection: Connection, host: str) -> None:
        loop = asyncio.get_running_loop()
        tls = self.tls
        if tls is None:
            await loop.create_connection(lambda: connection.protocol, host, self.address.port)
            return
        transport, _ = await loop.create_connection(
            lambda: connection.protocol,
            host,
            self.address.port,
            ssl=tls.context,
            server_hostname=tls.name,
            ssl_shutdown_timeout=_SHUTDOWN_AT_MOST,
        )
        transport.set_write_buffer_limits(WRITE_AT_MOST)
