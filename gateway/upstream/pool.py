"""The connections to one endpoint.

Idle ones stand in a stack: the last to come back is the first to go out, so the rest grow old and are closed
before the backend closes them. Who finds none waits in a queue with an end.

Once somebody has waited in vain, more is asked than the endpoint can give, and a long queue would only make
everybody wait: until nobody was refused for a second it is held to one request a connection. Who is let in
then waits about as long as one response takes, and the rest hears at once that there is no room.
"""

import asyncio
import errno
import logging
import socket
import ssl
from collections import deque
from typing import Final, final

from gateway.config.snapshot import Pool as Bounds
from gateway.upstream.dial import Dialer
from gateway.wire.clock import Clock
from gateway.wire.descriptors import EXHAUSTED
from gateway.wire.upstream import Connection, Fault, UpstreamError
from gateway.wire.upstream_states import Event, State

log = logging.getLogger("gateway")

_UNROUTABLE: Final = frozenset([errno.ENETUNREACH, errno.EHOSTUNREACH])
# Seconds after the last refusal: as long as Retry-After asks clients to stay away.
_CROWDED_FOR: Final = 1.0
# Seconds between two lines that say the same.
_TOLD_EVERY: Final = 60.0
_IDLE: Final = int(State.IDLE)


@final
class Pool:
    """Connections to one address. `open` counts those that exist or are being made, `limit` is their bound.

    `connect` is how many seconds making one may take.
    """

    __slots__ = (
        "_bounds",
        "_clock",
        "_connect",
        "_crowded",
        "_idle",
        "_told",
        "_waiting",
        "closed",
        "deadline",
        "dialer",
        "limit",
        "open",
    )

    def __init__(self, dialer: Dialer, bounds: Bounds, connect: float, clock: Clock) -> None:
        self.dialer = dialer
        self._bounds = bounds
        self.limit = bounds.max_connections
        self._connect = connect
        self._clock = clock
        self._idle: deque[Connection] = deque()
        self._waiting: deque[asyncio.Future[Connection | None]] = deque()
        self._crowded = clock.now  # until when the queue is short
        self._told = -_TOLD_EVERY
        self.open = 0
        self.closed = False
        self.deadline = clock.now
        clock.watched.add(self)

    @property
    def idle(self) -> int:
        """Connections that lie idle."""
        return sum(connection.state == _IDLE for connection in self._idle)

    @property
    def waiting(self) -> int:
        """Requests that wait for a connection."""
        return len(self._waiting)

    def take(self) -> Connection | None:
        """The idle connection used last, if there is one."""
        idle = self._idle
        while idle:
            connection = idle.pop()
            if connection.state == _IDLE:
                return connection
        return None

    def is_full(self) -> bool:
        """Whether no more may wait, where every connection is taken."""
        if self.open < self.limit:
            return False
        now, most = self._clock.now, self._bounds.max_pending
        if len(self._waiting) < (min(self.limit, most) if now < self._crowded else most):
            return False
        self._crowded = now + _CROWDED_FOR
        return True

    async def acquire(self) -> Connection:
        """A connection: an idle one, a new one, or the next to come free.

        Raises UpstreamError: BUSY where too many wait or the wait is too long, else why none could be made.
        """
        while True:
            connection = self.take()
            if connection is not None:
                return connection
            if self.open < self.limit:
                return await self.connect()
            connection = await self._wait()
            if connection is not None and connection.state == _IDLE:
                return connection

    async def connect(self) -> Connection:
        """A new connection.

        Raises UpstreamError: DNS, DNS_TIMEOUT, REFUSED, UNROUTABLE, CONNECT_TIMEOUT, TLS, CERTIFICATE or
        EXHAUSTED.
        """
        self.open += 1
        connection = Connection(self)
        try:
            async with asyncio.timeout(self._connect):
                await self.dialer.dial(connection)
        except BaseException as error:
            connection.abandon()
            self.forget(connection)
            if isinstance(error, OSError):
                raise UpstreamError(self._fault(error)) from None
            raise
        return connection

    def put_back(self, connection: Connection) -> None:
        """Take a connection that can serve again: it goes to who waits longest, or lies idle."""
        if self.closed or connection in self.dialer.departed:
            connection.step(Event.RELEASED)
        elif not self._waiting or not self._wake(connection):
            connection.deadline = self._clock.now + self._bounds.idle
            self._idle.append(connection)

    def forget(self, connection: Connection) -> None:
        """Count a connection that is gone no longer; who waits may make a new one."""
        self.open -= 1
        self.dialer.forget(connection)
        self._wake(None)

    async def renew(self) -> None:
        """Look up the host name anew, and close what leads where it does not; a failure closes nothing."""
        try:
            departed = await self.dialer.renew()
        except OSError as error:
            log.warning("%s was not found again, its addresses are kept: %s", self.dialer.address, error)
            return
        for connection in departed.intersection(self._idle):
            if connection.state == _IDLE:
                connection.step(Event.RELEASED)

    def expired(self) -> None:
        """Close what has been idle too long; the oldest lie at the bottom of the stack."""
        now = self._clock.now
        self.deadline = now
        idle = self._idle
        while idle and (idle[0].deadline <= now or idle[0].state != _IDLE):
            connection = idle.popleft()
            if connection.state == _IDLE:
                connection.step(Event.RELEASED)

    def close(self) -> None:
        """Close what is idle; the others follow when they come back."""
        self.closed = True
        self._clock.watched.discard(self)
        while self._idle:
            self._idle.pop().step(Event.RELEASED)

    async def _wait(self) -> Connection | None:
        if self.is_full():
            raise UpstreamError(Fault.BUSY)
        waiting = self._waiting
        turn: asyncio.Future[Connection | None] = asyncio.get_running_loop().create_future()
        waiting.append(turn)
        try:
            async with asyncio.timeout(self._bounds.wait):
                return await turn
        except BaseException as error:
            if turn.done() and not turn.cancelled():
                # Given in the very tick in which its taker left: the next one gets it.
                self._pass_on(turn.result())
            elif turn in waiting:
                # The oldest give up first, and those stand at the front.
                waiting.remove(turn)
            if isinstance(error, TimeoutError):
                self._crowded = self._clock.now + _CROWDED_FOR
                raise UpstreamError(Fault.BUSY) from None
            raise

    def _pass_on(self, connection: Connection | None) -> None:
        if connection is None:
            self._wake(None)
        elif connection.state == _IDLE:
            self.put_back(connection)

    def _wake(self, connection: Connection | None) -> bool:
        """Hand a connection, or the right to make one, to who waits longest; False if nobody does."""
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(connection)
                return True
        return False

    def _fault(self, error: OSError) -> Fault:
        if isinstance(error, TimeoutError):
            # Nobody knocked where the name stands for nothing yet.
            is_found = self.dialer.addresses or not self.dialer.has_name
            return Fault.CONNECT_TIMEOUT if is_found else Fault.DNS_TIMEOUT
        if isinstance(error, socket.gaierror):
            return Fault.DNS
        if isinstance(error, ssl.SSLError):
            return Fault.CERTIFICATE if isinstance(error, ssl.SSLCertVerificationError) else Fault.TLS
        if error.errno in EXHAUSTED:
            self._tell(error)
            return Fault.EXHAUSTED
        return Fault.UNROUTABLE if error.errno in _UNROUTABLE else Fault.REFUSED

    def _tell(self, error: OSError) -> None:
        now = self._clock.now
        if now - self._told >= _TOLD_EVERY:
            self._told = now
            log.error("no connection to %s can be made: %s", self.dialer.address, error.strerror)
