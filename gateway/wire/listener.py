"""An address on which clients connect."""

import asyncio
import errno
import logging
import os
import socket
import ssl
from collections.abc import Callable
from datetime import UTC, datetime
from typing import final

from gateway.config.snapshot import Address, Snapshot
from gateway.config.snapshot import Listener as Settings
from gateway.http.forwarded import Forwarding
from gateway.wire.clock import Clock
from gateway.wire.descriptors import Descriptors
from gateway.wire.downstream import Downstream, Handler
from gateway.wire.handshakes import Handshakes, causes
from gateway.wire.request import Intake, Terms
from gateway.wire.tls import server_context

log = logging.getLogger("gateway")

_BACKLOG = 1024


@final
class Listener:
    """Accepts connections on one address. `address` has the port that was really taken.

    `failed_handshakes` counts those of TLS by their causes.
    """

    def __init__(
        self,
        settings: Settings,
        snapshot: Snapshot,
        handler: Handler,
        clock: Clock,
        connections: set[Downstream],
    ) -> None:
        self._settings = settings
        self._snapshot = snapshot
        self._handler = handler
        self._clock = clock
        self._connections = connections
        self._server: asyncio.Server | Handshakes | None = None
        self._terms: Terms
        self._descriptors = Descriptors(clock)
        self.address = settings.address
        self.failed_handshakes = causes()

    async def open(self) -> None:
        """Begin to accept. Raises OSError, which names the address, or the file that is of no use for TLS."""
        context = _secured(self._settings)
        try:
            listening = bind(self.address)
        except OSError as error:
            raise OSError(error.errno, f"{self.address}: {error.strerror}") from None
        if not self.address.unix:
            self.address = Address(self.address.host, listening.getsockname()[1])
        self._terms = Terms(
            self._intake(self._settings, self._snapshot), self._snapshot.timeouts, self._descriptors
        )
        handler, terms, clock, connections = self._handler, self._terms, self._clock, self._connections

        def connection() -> asyncio.Protocol:
            return Downstream(handler, terms, clock, connections).protocol

        loop = asyncio.get_running_loop()
        if context is not None:
            handshakes = self._server = Handshakes(
                context, connection, self._has_room, self.failed_handshakes
            )
            handshakes.listen(listening, _BACKLOG)
        elif self.address.unix:
            self._server = await loop.create_unix_server(connection, sock=listening, backlog=_BACKLOG)
        else:
            self._server = await loop.create_server(connection, sock=listening, backlog=_BACKLOG)

    def renewal(self, settings: Settings, snapshot: Snapshot) -> Callable[[], None]:
        """What makes it serve the next request by another configuration, and the next connection by its TLS.

        Raises OSError for a file that is of no use for TLS. What is returned does not fail.
        """
        context = _secured(settings)
        intake = self._intake(settings, snapshot)

        def adopt() -> None:
            self._settings, self._snapshot = settings, snapshot
            self._terms.intake, self._terms.timeouts = intake, snapshot.timeouts
            if isinstance(self._server, Handshakes) and context is not None:
                self._server.context = context

        return adopt

    def _intake(self, settings: Settings, snapshot: Snapshot) -> Intake:
        forwarding = Forwarding(settings.trusted_proxies, settings.forwarded_by)
        return Intake(
            *(snapshot.limits, settings.path, forwarding, self.address.port),
            continues_traces=settings.trace_context == "continue",
        )

    def close(self) -> None:
        """Accept no more; connections that are open stay."""
        if self._server is not None:
            self._server.close()
            self._server = None
            if self.address.unix:
                os.unlink(self.address.unix)

    def _has_room(self, under_way: int, descriptor: int) -> bool:
        is_room = len(self._connections) + under_way < self._snapshot.limits.connections
        return is_room and self._descriptors.has_room(descriptor)


def _secured(settings: Settings) -> ssl.SSLContext | None:
    tls = settings.tls
    if tls is None:
        return None
    now = datetime.now(UTC)
    for certificate in tls.certificates:
        if certificate.expires <= now:
            log.warning("%s has expired: clients will refuse it", certificate.chain)
    return server_context(tls)


def bind(address: Address) -> socket.socket:
    """A socket bound to `address`, which does not listen yet. Raises OSError."""
    if address.unix:
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        if listening.connect_ex(address.unix) == errno.ECONNREFUSED:
            # Left over from a process that is gone.
            os.unlink(address.unix)
        listening.close()
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        listening.bind(address.unix)
        return listening
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    listening = socket.socket(family, socket.SOCK_STREAM)
    try:
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind((address.host, address.port))
    except OSError:
        listening.close()
        raise
    return listening
