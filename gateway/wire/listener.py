"""An address on which clients connect."""

import asyncio
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
from gateway.wire.listening import BACKLOG, bind
from gateway.wire.request import Intake, Terms
from gateway.wire.tls import server_context

log = logging.getLogger("gateway")


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
        self._descriptors: Descriptors  # made when there are as many as there will be
        # The file of a socket that is here goes with it; somebody else's stays.
        self._file = ""
        self.address = settings.address
        self.failed_handshakes = causes()

    async def open(self, given: socket.socket | None = None) -> None:
        """Begin to accept, on a socket that somebody else has bound if one is given.

        Raises OSError, which names the address, or the file that is of no use for TLS.
        """
        context = _secured(self._settings)
        try:
            listening = bind(self.address) if given is None else given
        except OSError as error:
            raise OSError(error.errno, f"{self.address}: {error.strerror}") from None
        self._file = self.address.unix if given is None else ""
        if not self.address.unix:
            self.address = Address(self.address.host, listening.getsockname()[1])
        self._descriptors = Descriptors(self._clock)
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
            handshakes.listen(listening, BACKLOG)
        elif self.address.unix:
            self._server = await loop.create_unix_server(connection, sock=listening, backlog=BACKLOG)
        else:
            self._server = await loop.create_server(connection, sock=listening, backlog=BACKLOG)

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
            if self._file:
                os.unlink(self._file)

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
