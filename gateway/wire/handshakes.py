"""Connections of clients on their way to TLS.

The loop tells a protocol nothing until the handshake is done, so a server of the loop's own would have them
uncounted and unbounded. Here each has a Task until it is through, and counts against the limit of
connections: where there is no room it is closed at once, because a handshake is what costs most.
"""

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable
from typing import Final, cast, final

from gateway.wire.tls import WRITE_AT_MOST

log = logging.getLogger("gateway")

# Seconds.
_HANDSHAKE_AT_MOST = 10.0
_LOGGED_EVERY = 60.0
# Until connections are accepted again where the system has no room for one more.
_RECOVERY = 1.0
# The protocol's own deadline comes before: what was written may take longer than a goodbye.
_SHUTDOWN_AT_MOST = 3600.0

# What the library calls a failure -> what we call it. Its own words are too many to count by.
_CAUSES: Final = {
    "HTTP_REQUEST": "plain_http",
    "UNSUPPORTED_PROTOCOL": "version",
    "VERSION_TOO_LOW": "version",
    "NO_SHARED_CIPHER": "cipher",
    "NO_SUITABLE_SIGNATURE_ALGORITHM": "cipher",
    "PEER_DID_NOT_RETURN_A_CERTIFICATE": "no_certificate",
    "CERTIFICATE_VERIFY_FAILED": "untrusted_certificate",
}
_ALERT: Final = "client_alert"
_TIMEOUT: Final = "timeout"
_OTHER: Final = "other"


def causes() -> dict[str, int]:
    """A count of failed handshakes by every cause that there is."""
    return dict.fromkeys([*_CAUSES.values(), _ALERT, _TIMEOUT, _OTHER], 0)


def _cause(reason: str | None) -> str:
    if reason is None:
        return _TIMEOUT
    return _CAUSES.get(reason) or (_ALERT if "_ALERT_" in reason else _OTHER)


@final
class Handshakes:
    """Accepts connections on a socket; each that comes to speak TLS gets a protocol.

    `make` makes the protocol; `has_room` is asked with the number of handshakes under way and that of the
    descriptor. `failed` counts
    those that came to nothing by their causes, but for clients that just left. Another `context` holds from
    the next connection on. It is for the protocol to bound how long a connection that it closed may last.
    """

    __slots__ = (
        "_has_room",
        "_listening",
        "_logged",
        "_loop",
        "_make",
        "_recovery",
        "_tasks",
        "_told",
        "context",
        "failed",
    )

    def __init__(
        self,
        context: ssl.SSLContext,
        make: Callable[[], asyncio.Protocol],
        has_room: Callable[[int, int], bool],
        failed: dict[str, int],
    ) -> None:
        self.context = context
        self._make = make
        self._has_room = has_room
        self._loop = asyncio.get_running_loop()
        self._listening: socket.socket | None = None
        self._recovery: asyncio.TimerHandle | None = None
        self._logged = -_LOGGED_EVERY
        self._told = -_LOGGED_EVERY
        self._tasks: set[asyncio.Task[None]] = set()
        self.failed = failed

    def listen(self, listening: socket.socket, backlog: int) -> None:
        """Begin to accept on a bound socket, which is closed in the end."""
        listening.setblocking(False)
        listening.listen(backlog)
        self._listening = listening
        self._loop.add_reader(listening, self._accept)

    def close(self) -> None:
        """Accept no more, and end what is not through; connections that are open stay."""
        listening, self._listening = self._listening, None
        if listening is None:
            return
        self._loop.remove_reader(listening)
        listening.close()
        if self._recovery is not None:
            self._recovery.cancel()
        for task in self._tasks:
            task.cancel()

    def _accept(self) -> None:
        listening = cast("socket.socket", self._listening)
        try:
            taken, _ = listening.accept()
        except (BlockingIOError, InterruptedError, ConnectionAbortedError):
            return
        except OSError as error:
            # No descriptor is left, most likely. The socket stays readable: asking on would take the loop.
            now = self._loop.time()
            if now - self._told >= _LOGGED_EVERY:
                self._told = now
                log.error("no connection can be accepted: %s", error.strerror)
            self._loop.remove_reader(listening)
            self._recovery = self._loop.call_later(_RECOVERY, self._loop.add_reader, listening, self._accept)
            return
        if not self._has_room(len(self._tasks), taken.fileno()):
            return taken.close()
        taken.setblocking(False)
        task = self._loop.create_task(self._shake(taken))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _shake(self, taken: socket.socket) -> None:
        try:
            transport, _ = await self._loop.connect_accepted_socket(
                self._make,
                taken,
                ssl=self.context,
                ssl_handshake_timeout=_HANDSHAKE_AT_MOST,
                ssl_shutdown_timeout=_SHUTDOWN_AT_MOST,
            )
        except ConnectionResetError:
            return
        except OSError as error:
            return self._count(error)
        # Nothing was read yet: the loop goes on with that later than with this.
        transport.set_write_buffer_limits(WRITE_AT_MOST)

    def _count(self, error: OSError) -> None:
        # A word of the library's own, such as HTTP_REQUEST; never what the client sent.
        word = getattr(error, "reason", None)
        reason = word if isinstance(word, str) else None
        self.failed[_cause(reason)] += 1
        now = self._loop.time()
        if now - self._logged >= _LOGGED_EVERY:
            self._logged = now
            log.warning(
                "TLS handshakes failed: %d so far, the last one: %s",
                sum(self.failed.values()),
                reason or "it took too long",
            )
