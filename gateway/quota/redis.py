"""Buckets in a Redis that several gateways share.

What is wanted in one tick of the loop goes there in one call. No request waits longer than the timeout of the
store: when a call fails or is late, every request goes the way of `on_failure` at once, until a probe in the
background has found that the store answers in time again.
"""

import asyncio
import logging
import secrets
from collections import deque
from collections.abc import Awaitable, Generator, Iterator, Sequence
from functools import partial
from typing import Any, Final, final

from gateway.http.reason import Reason
from gateway.policy.bucket import Charge, Grant, Lease, Want
from gateway.policy.ports import QuotaStore
from gateway.policy.tier import rate
from gateway.quota.memory import MemoryBuckets
from gateway.quota.script import RENEWAL, Call, finish, is_finish, renew, undo
from gateway.quota.servers import public, servers
from gateway.quota.shared import SharedBuckets
from gateway.telemetry import waits
from gateway.telemetry.passage import Wait
from gateway.telemetry.tally import CALLS, Histogram

log = logging.getLogger("gateway")

# Redis does nothing else while it works on a call.
_ENTRIES_AT_MOST: Final = 256
_CALLS_AT_MOST: Final = 4
# What is given back when the store is there again; what is more expires by itself.
_OWED_AT_MOST: Final = 10_000
# Seconds: how long a probe may take to connect, and pauses between probes; each is twice the one before.
_CONNECTING: Final = 1.0
_PAUSE, _PAUSE_AT_MOST = 0.05, 1.0

# What a probe asks for, in several places of a cluster. It writes, since a replica can be read as well.
_PROBE = Charge(rate("probe", 1_000_000, 1.0), 1, lambda _exchange: "")
_PROBES = tuple([[(_PROBE, f"quota:{{probe-{number}}}")] for number in range(16)])


# An entry that nobody waits for: a key, and the words about it.
_Note = tuple[str, str]


@final
class _Request:
    """What one request wants, and what came of it so far. Who waits for it awaits it."""

    __slots__ = ("answered", "future", "held", "lease", "levels", "member", "since", "url", "wait", "wants")

    def __init__(self, wants: Sequence[Want], lease: Lease | None, member: str, since: float) -> None:
        self.wants = wants
        self.lease = lease
        self.member = member
        self.since = since
        self.future: asyncio.Future[Grant | None] = asyncio.get_running_loop().create_future()
        self.levels = [0.0] * len(wants)
        self.answered = 0
        self.held: list[Want] = []
        self.url = ""
        self.wait: Wait | None = None

    def __await__(self) -> Generator[Any, None, Grant | None]:
        self.wait = waits.begin("EVALSHA", self.url)
        return self.future.__await__()

    def hear(self, places: Sequence[int], words: Iterator[bytes]) -> None:
        """Take the answer to those of the wants that went with one call."""
        granted = next(words) == b"1"
        for place in places:
            self.levels[place] = float(next(words))
            if granted:
                self.held.append(self.wants[place])
        self.answered += len(places)

    @property
    def grant(self) -> Grant | None:
        """None if a part of the store did not answer. What is granted in part is not granted."""
        if self.answered < len(self.wants):
            return None
        if len(self.held) == len(self.wants):
            return True, self.levels
        levels = [
            level - want[0].amount if want in self.held else level
            for want, level in zip(self.wants, self.levels, strict=True)
        ]
        return False, levels


@final
class RedisBuckets:
    """Buckets by their keys, in Redis; each answer is an awaitable while the store is up.

    `calls` and `failures` are counted for those who watch, and how long a call `took`, however it ended.
    """

    def __init__(self, store: QuotaStore, local: MemoryBuckets | SharedBuckets) -> None:
        self.calls = self.failures = 0
        self.took = Histogram(CALLS)
        self._store = store
        self._local = local
        self._servers = servers(store.redis, _CALLS_AT_MOST + 1)
        self._url = public(store.redis)
        self._name = secrets.token_hex(6)
        self._count = 0
        self._pending: deque[_Request | _Note] = deque()
        self._is_scheduled = False
        self._calls: set[asyncio.Task[None]] = set()
        self._leases: dict[str, list[Want]] = {}
        self._owed: deque[_Note] = deque(maxlen=_OWED_AT_MOST)
        self._warming: asyncio.Task[None] | None = None
        self._renewing: asyncio.Task[None] | None = None
        self._probing: asyncio.Task[None] | None = None
        self._is_closed = False

    @property
    def is_up(self) -> bool:
        """False from a failure on until a probe has found the store well."""
        return self._probing is None

    @property
    def is_replaced(self) -> bool:
        """True while the memory of this process stands in for it."""
        return not self.is_up and self._store.on_failure == "local"

    def take(self, wants: Sequence[Want], lease: Lease | None) -> Grant | Awaitable[Grant | None] | None:
        """Take all that is wanted, or nothing; see `gateway.policy.ports.Buckets`."""
        if self._probing is not None:
            return self._without_store(wants, lease)
        self._count += 1
        now = asyncio.get_running_loop().time()
        request = _Request(wants, lease, f"{self._name}-{self._count}", now)
        request.url = self._url
        self._enqueue(request)
        return request

    def take_one(self, charge: Charge, key: str) -> Grant | Awaitable[Grant | None] | None:
        """The same for one rate."""
        return self.take([(charge, key)], None)

    def start(self) -> None:
        """Connect in the background: the first requests need not wait for that."""
        self._warming = asyncio.get_running_loop().create_task(self._warm())

    async def stop(self) -> None:
        """Send what is still to be given back, within the timeout, and close the connections."""
        # Requests that were cut end in the next tick of the loop.
        await asyncio.sleep(0)
        try:
            async with asyncio.timeout(self._store.timeout):
                while self.is_up and (self._pending or self._calls):
                    self._flush()
                    await asyncio.wait(self._calls)
        except TimeoutError:
            pass
        self._is_closed = True
        background = (self._warming, self._probing, self._renewing)
        tasks = [*self._calls, *[task for task in background if task is not None]]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self._give_up_pending()
        await self._servers.close()

    # Out.

    def _enqueue(self, entry: _Request | _Note) -> None:
        self._pending.append(entry)
        if not self._is_scheduled and not self._is_closed:
            self._is_scheduled = True
            asyncio.get_running_loop().call_soon(self._flush)

    def _flush(self) -> None:
        """Send what is pending; what is too much for now goes when a call comes back."""
        self._is_scheduled = False
        while self._pending and len(self._calls) < _CALLS_AT_MOST and not self._is_closed:
            count = min(len(self._pending), _ENTRIES_AT_MOST)
            batch = [self._pending.popleft() for _ in range(count)]
            task = asyncio.get_running_loop().create_task(self._send(batch))
            self._calls.add(task)
            task.add_done_callback(self._sent)

    def _sent(self, task: asyncio.Task[None]) -> None:
        self._calls.discard(task)
        if self._pending:
            self._flush()

    async def _send(self, batch: Sequence[_Request | _Note]) -> None:
        requests = [entry for entry in batch if isinstance(entry, _Request)]
        loop = asyncio.get_running_loop()
        begun = loop.time()
        since = requests[0].since if requests else begun
        self.calls += 1
        try:
            async with asyncio.timeout_at(since + self._store.timeout):
                await self._ask(batch)
        except Exception as error:
            self.failures += 1
            self._fail(error)
            # The end of a lease can be told twice.
            self._owed += [
                entry for entry in batch if not isinstance(entry, _Request) and is_finish(entry[1])
            ]
        finally:
            self.took.observe(loop.time() - begun)
            for request in requests:
                self._settle(request)

    async def _ask(self, batch: Sequence[_Request | _Note]) -> None:
        """Make the calls of a batch, one for each group of keys, and hear what they say."""
        calls: dict[int, tuple[Call, list[tuple[_Request, list[int]]]]] = {}
        for entry in batch:
            if isinstance(entry, _Request):
                for group, places in self._groups(entry.wants).items():
                    call, heard = calls.setdefault(group, (Call(), []))
                    call.take([entry.wants[place] for place in places], entry.member)
                    heard.append((entry, places))
            else:
                key, words = entry
                calls.setdefault(self._servers.group(key), (Call(), []))[0].note(key, words)
        answers = await self._servers.call([call for call, _ in calls.values()])
        failures = [answer for answer in answers if isinstance(answer, Exception)]
        for (_, heard), answer in zip(calls.values(), answers, strict=True):
            if not isinstance(answer, Exception):
                said = iter(answer.split())
                for request, places in heard:
                    request.hear(places, said)
        if failures:
            raise failures[0]

    def _groups(self, wants: Sequence[Want]) -> dict[int, list[int]]:
        groups: dict[int, list[int]] = {}
        for place, (_, key) in enumerate(wants):
            groups.setdefault(self._servers.group(key), []).append(place)
        return groups

    # Back.

    def _settle(self, request: _Request) -> None:
        """Answer a request, and give back what is not to be kept."""
        grant = request.grant
        waits.end(request.wait, error="" if grant is not None else Reason.QUOTA_UNAVAILABLE)
        if grant is None:
            # It may have been granted all the same, or yet be.
            self._give_back([want for want in request.wants if want[0].tier.concurrent], request.member)
            self._replace(request)
            return
        if not grant[0]:
            self._give_back(request.held, request.member)
        elif request.lease is not None:
            self._hold(request)
        if not request.future.done():
            request.future.set_result(grant)
        elif request.lease is not None:
            request.lease.end()

    def _hold(self, request: _Request) -> None:
        leases = [want for want in request.wants if want[0].tier.concurrent]
        if leases and request.lease is not None:
            self._leases[request.member] = leases
            if self._renewing is None:
                self._renewing = asyncio.get_running_loop().create_task(self._renew())
            request.lease.begin(partial(self._end, request.member))

    def _end(self, member: str) -> None:
        self._give_back(self._leases.pop(member, ()), member)

    def _give_back(self, held: Sequence[Want], member: str) -> None:
        for want in held:
            note = want[1], finish(want, member) if want[0].tier.concurrent else undo(want)
            if self._probing is None:
                self._enqueue(note)
            else:
                self._owed.append(note)

    async def _renew(self) -> None:
        """Keep the leases of requests that last; what is not renewed, Redis forgets."""
        while self._leases:
            await asyncio.sleep(RENEWAL)
            if self._probing is None:
                for member, leases in self._leases.items():
                    for want in leases:
                        self._enqueue((want[1], renew(want, member)))
        self._renewing = None

    # Without the store.

    def _without_store(
        self, wants: Sequence[Want], lease: Lease | None
    ) -> Grant | Awaitable[Grant | None] | None:
        return self._local.take(wants, lease) if self._store.on_failure == "local" else None

    def _replace(self, request: _Request) -> None:
        """Answer a request without the store; its memory may be with a supervisor, who has to be asked."""
        if request.future.done():
            return
        answer = self._without_store(request.wants, request.lease)
        if isinstance(answer, asyncio.Future):
            answer.add_done_callback(partial(_pass_on, request.future))
        elif answer is None or isinstance(answer, tuple):
            request.future.set_result(answer)

    def _fail(self, error: Exception) -> None:
        """Ask nobody any more until a probe succeeds."""
        if self._probing is not None or self._is_closed:
            return
        log.warning("the quota store failed (%s), now: %s", type(error).__name__, self._store.on_failure)
        self._probing = asyncio.get_running_loop().create_task(self._probe())
        self._give_up_pending()

    def _give_up_pending(self) -> None:
        pending, self._pending = self._pending, deque()
        for entry in pending:
            if isinstance(entry, _Request):
                self._settle(entry)
            else:
                self._owed.append(entry)

    async def _warm(self) -> None:
        error = await self._check()
        if error is not None:
            self._fail(error)

    async def _probe(self) -> None:
        pause = _PAUSE
        while await self._check() is not None:
            await asyncio.sleep(pause)
            pause = min(pause * 2, _PAUSE_AT_MOST)
        log.info("the quota store is back")
        self._probing = None
        owed, self._owed = self._owed, deque(maxlen=_OWED_AT_MOST)
        for note in owed:
            self._enqueue(note)

    async def _check(self) -> Exception | None:
        """What is wrong with the store, or None."""
        try:
            async with asyncio.timeout(_CONNECTING):
                await self._servers.reconnect()
                await self._try()
            # Connections are there now, so it has to be as fast as requests need it.
            async with asyncio.timeout(self._store.timeout):
                await self._try()
        except Exception as error:
            return error
        return None

    async def _try(self) -> None:
        calls: dict[int, Call] = {}
        for wants in _PROBES:
            calls.setdefault(self._servers.group(wants[0][1]), Call()).take(wants, "")
        for answer in await self._servers.call(list(calls.values())):
            if isinstance(answer, Exception):
                raise answer


def _pass_on(future: asyncio.Future[Grant | None], answer: asyncio.Future[Grant | None]) -> None:
    if not future.done():
        future.set_result(answer.result())
