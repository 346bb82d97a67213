"""Buckets that the workers of one gateway share: their supervisor keeps them.

All that is wanted in one tick of the loop goes to the keeper in one question, see `gateway.quota.frames`. No
request waits longer than twice the bound: when an answer is late, every request is counted in the memory of
this process at once, until the keeper has answered all that it was asked. When the socket ends the supervisor
is gone, or has cut us off: from then on all is counted here.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Awaitable, Sequence
from functools import partial
from socket import socket
from typing import Final, final

from gateway.policy.bucket import Charge, Grant, Lease, Want
from gateway.policy.ports import Buckets
from gateway.quota.frames import LEVEL, levels, numbers, question
from gateway.quota.memory import MemoryBuckets
from gateway.telemetry.tally import CALLS, Histogram

log = logging.getLogger("gateway")

# Seconds in which the keeper has to answer. It needs a fraction of one thousandth, once it has its turn on a
# machine that is busy.
_TIMEOUT: Final = 0.1
_READ: Final = 1 << 16
# Of a question; one request more may exceed it.
_WANTS_AT_MOST: Final = 256
_QUESTIONS_AT_MOST: Final = 4
# Requests that wait to be asked about.
_WAITING_AT_MOST: Final = 10_000

_Answer = asyncio.Future[Grant | None]


@final
class _Request:
    """What one request wants. `hold` is the number of what it comes to hold, 0 if it wants no places.

    `local` counts when the keeper cannot; where it is None nobody does.
    """

    __slots__ = ("future", "hold", "lease", "local", "wants")

    def __init__(
        self,
        wants: Sequence[Want],
        lease: Lease | None,
        hold: int,
        local: MemoryBuckets | None,
        future: _Answer,
    ) -> None:
        self.wants = wants
        self.lease = lease
        self.hold = hold
        self.local = local
        self.future = future

    def settle(self) -> None:
        """Answer it without the keeper."""
        if not self.future.done():
            self.future.set_result(None if self.local is None else self.local.take(self.wants, self.lease))


@final
class _Question:
    """A question under way since `begun`, of so many wants."""

    __slots__ = ("begun", "requests", "size")

    def __init__(self, requests: list[_Request], size: int, begun: float) -> None:
        self.requests = requests
        self.size = size
        self.begun = begun


@final
class SharedBuckets:
    """Buckets by their keys, at the other end of a socket; each answer is a future while the keeper answers.

    `local` counts while it does not. `calls` and `failures` are counted for those who watch, and how long an
    answer `took`.
    """

    def __init__(self, sock: socket, local: MemoryBuckets, timeout: float = _TIMEOUT) -> None:
        sock.setblocking(False)
        self.calls = self.failures = 0
        self.took = Histogram(CALLS)
        self.local = local
        self.is_up = False
        self._sock = sock
        self._timeout = timeout
        self._loop: asyncio.AbstractEventLoop
        self._is_open = True
        self._is_scheduled = False
        self._timer: asyncio.TimerHandle | None = None
        self._holds = 0
        # Requests, and numbers of what is given back.
        self._pending: deque[_Request | int] = deque()
        self._waiting = 0
        self._asked: deque[_Question] = deque()
        self._heard = b""
        self._unsent = b""

    def __len__(self) -> int:
        """How many are in the memory of this process."""
        return len(self.local)

    @property
    def is_replaced(self) -> bool:
        """True while the memory of this process stands in for them, and has counted anything."""
        return not self.is_up and len(self.local) > 0

    @property
    def or_nothing(self) -> Buckets:
        """The same; but what the keeper cannot answer is not counted here, and the policy knows what then."""
        return _OrNothing(self)

    def take(self, wants: Sequence[Want], lease: Lease | None) -> Grant | Awaitable[Grant | None] | None:
        """Take all that is wanted, or nothing; see `gateway.policy.ports.Buckets`."""
        return self.ask(wants, lease, self.local)

    def take_one(self, charge: Charge, key: str) -> float | Grant | Awaitable[Grant | None] | None:
        """The same for one rate."""
        if not self.is_up or self._waiting >= _WAITING_AT_MOST:
            return self.local.take_one(charge, key)
        future: _Answer = self._loop.create_future()
        self._enqueue(_Request([(charge, key)], None, 0, self.local, future))
        return future

    def ask(
        self, wants: Sequence[Want], lease: Lease | None, local: MemoryBuckets | None
    ) -> Grant | Awaitable[Grant | None] | None:
        """The same, with who counts if the keeper cannot."""
        if not self.is_up or self._waiting >= _WAITING_AT_MOST:
            return None if local is None else local.take(wants, lease)
        hold = 0
        if any([charge.tier.concurrent for charge, _ in wants]):
            hold = self._holds = self._holds + 1
        future: _Answer = self._loop.create_future()
        self._enqueue(_Request(wants, lease, hold, local, future))
        return future

    def start(self) -> None:
        """Ask the keeper from now on; before that all is counted here."""
        if self._is_open:
            self._loop = asyncio.get_running_loop()
            self._loop.add_reader(self._sock, self._read)
            self.is_up = True

    async def stop(self) -> None:
        """Close the socket, which gives back what is held; who still waits is answered from here."""
        self._close()

    # Out.

    def _enqueue(self, request: _Request) -> None:
        self._waiting += 1
        self._pending.append(request)
        if not self._is_scheduled:
            self._is_scheduled = True
            self._loop.call_soon(self._flush)

    def _give_back(self, hold: int) -> None:
        # Who is not heard now, because the keeper is late, is heard when it has answered.
        if self._is_open:
            self._pending.append(hold)
            if not self._is_scheduled:
                self._is_scheduled = True
                self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        """Ask about what is pending; what is too much for now is asked when an answer has come."""
        self._is_scheduled = False
        while self._pending and self.is_up and len(self._asked) < _QUESTIONS_AT_MOST:
            self._put()

    def _put(self) -> None:
        """Ask one question."""
        requests: list[_Request] = []
        charges: list[str] = []
        keys: list[str] = []
        shape: list[int] = []
        is_plain = True
        while self._pending and len(keys) < _WANTS_AT_MOST and len(shape) < 2 * _WANTS_AT_MOST:
            entry = self._pending.popleft()
            if isinstance(entry, int):
                shape += (0, entry)
                is_plain = False
                continue
            requests.append(entry)
            shape += (len(entry.wants), entry.hold)
            if entry.hold or len(entry.wants) > 1:
                is_plain = False
            for charge, key in entry.wants:
                charges.append(numbers(charge) if entry.hold else charge.numbers)
                keys.append(key)
        self._waiting -= len(requests)
        try:
            frame = question(charges, keys, [] if is_plain else shape)
        except ValueError:
            log.exception("a question about quotas that cannot be asked")
            for request in requests:
                request.settle()
            return
        if requests:
            self._expect(_Question(requests, len(keys), self._loop.time()))
        self._write(frame)

    def _expect(self, asked: _Question) -> None:
        self.calls += 1
        self._asked.append(asked)
        if self._timer is None:
            self._timer = self._loop.call_later(self._timeout, self._look)

    def _write(self, data: bytes) -> None:
        if self._unsent:
            self._unsent += data
            return
        try:
            sent = self._sock.send(data)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError:
            self._lose()
            return
        if sent < len(data):
            self._unsent = data[sent:]
            self._loop.add_writer(self._sock, self._write_on)

    def _write_on(self) -> None:
        self._loop.remove_writer(self._sock)
        data, self._unsent = self._unsent, b""
        self._write(data)

    # Back.

    def _read(self) -> None:
        try:
            data = self._sock.recv(_READ)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            self._lose()
            return
        heard = self._heard + data if self._heard else data
        begin = 0
        while self._asked and len(heard) - begin >= self._asked[0].size * LEVEL:
            asked = self._asked.popleft()
            end = begin + asked.size * LEVEL
            self._hear(asked, levels(heard[begin:end]))
            begin = end
        self._heard = heard[begin:]
        if not self._asked:
            if self._heard:
                # An answer to nothing: the next one could be taken for another.
                self._lose()
                return
            self._come_back()
        if self._pending and not self._is_scheduled:
            self._flush()

    def _hear(self, asked: _Question, said: list[float]) -> None:
        self.took.observe(self._loop.time() - asked.begun)
        place = 0
        for request in asked.requests:
            size = len(request.wants)
            if said[place] > 0.0:
                self._settle(request, (True, said[place : place + size]))
            else:
                self._settle(request, (False, [-level for level in said[place : place + size]]))
            place += size

    def _settle(self, request: _Request, grant: Grant) -> None:
        """Answer a request. One that was cut, or answered without the keeper, holds nothing there."""
        if request.future.done():
            if grant[0] and request.hold:
                self._give_back(request.hold)
            return
        request.future.set_result(grant)
        if grant[0] and request.hold and request.lease is not None:
            request.lease.begin(partial(self._give_back, request.hold))

    # Without the keeper.

    def _look(self) -> None:
        """Whether an answer is late. What has come while this process was busy itself is in time."""
        self._timer = None
        self._read()
        if not self._asked or not self.is_up:
            return
        rest = self._asked[0].begun + self._timeout - self._loop.time()
        if rest > 0.0:
            self._timer = self._loop.call_later(rest, self._look)
            return
        log.warning("the supervisor is late with quotas, until then on_failure decides")
        self.failures += 1
        self.is_up = False
        self._settle_all()

    def _come_back(self) -> None:
        if not self.is_up and self._is_open:
            log.info("the supervisor answers about quotas again")
            self.is_up = True

    def _lose(self) -> None:
        if self._is_open:
            log.warning("the supervisor counts quotas no more, on_failure decides")
            self.failures += 1
            self._close()

    def _close(self) -> None:
        if not self._is_open:
            return
        self._is_open = self.is_up = False
        loop = asyncio.get_running_loop()
        loop.remove_reader(self._sock)
        loop.remove_writer(self._sock)
        self._sock.close()
        if self._timer is not None:
            self._timer.cancel()
        self._settle_all()
        self._asked.clear()
        self._pending.clear()

    def _settle_all(self) -> None:
        """Answer all who wait. What is to be given back stays, and what was asked is still answered."""
        pending, self._pending = self._pending, deque()
        for asked in self._asked:
            for request in asked.requests:
                request.settle()
        for entry in pending:
            if isinstance(entry, int):
                self._pending.append(entry)
            else:
                entry.settle()
        self._waiting = 0


@final
class _OrNothing:
    """Shared buckets as a store sees them whose failures are not counted in memory."""

    def __init__(self, shared: SharedBuckets) -> None:
        self._shared = shared

    def take(self, wants: Sequence[Want], lease: Lease | None) -> Grant | Awaitable[Grant | None] | None:
        return self._shared.ask(wants, lease, None)

    def take_one(self, charge: Charge, key: str) -> Grant | Awaitable[Grant | None] | None:
        return self._shared.ask([(charge, key)], None, None)
