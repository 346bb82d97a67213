"""Who serves at which place, and who waits to take one.

Every worker begins in the same way: it loads everything and waits. So the one that is left over when each
place has a worker is the spare, and takes the place of the first that ends. Nobody but a worker of the
version that serves gets a place.
"""

import asyncio
import json
import logging
import signal
import socket
import time
from collections.abc import Callable, Coroutine, Sequence
from pathlib import Path
from typing import Any, Final, Protocol, final

from gateway.quota.keeper import BucketKeeper
from gateway.workers.channel import UnansweredError
from gateway.workers.facts import Facts, read_facts
from gateway.workers.frames import Message, Word
from gateway.workers.process import spawn
from gateway.workers.sockets import Bound
from gateway.workers.worker import Worker

log = logging.getLogger("gateway")

# Seconds that a worker may take: to load everything, to begin to listen, to load another configuration, and
# to adopt it.
LOADED_WITHIN: Final = 120.0
SERVES_WITHIN: Final = 15.0
PREPARED_WITHIN: Final = 60.0
ADOPTED_WITHIN: Final = 10.0
# When the drain is over: what may be left to write then; and what a worker that is to stop may take.
_DRAINED_WITHIN: Final = 10.0
_STOPPED_WITHIN: Final = 8.0
# A worker that ends so many seconds after its start has ended at once. As long as none serves yet, so many
# of these are the end.
_AT_ONCE: Final = 10.0
_STRIKES_AT_MOST: Final = 3
# Seconds until another is started: at first none, then twice as many each time.
_PAUSE, _PAUSE_AT_MOST = 0.25, 10.0


class Listening(Protocol):
    """What a crew tells its supervisor."""

    def said(self, worker: Worker, message: Message) -> None:
        """A worker asks for something that is about all of them."""

    def joined(self, worker: Worker) -> None:
        """A worker has loaded everything."""

    def departed(self, worker: Worker) -> None:
        """A worker that has served is gone."""

    def outdated(self) -> None:
        """A place is empty, and whoever could take it has another version than what serves."""


@final
class Crew:
    """All workers. `version` is that of the configuration that serves, `turn` is held by who changes it."""

    def __init__(self, bound: Bound, arguments: Sequence[str], keeper: BucketKeeper) -> None:
        self.bound = bound
        self.keeper = keeper
        self.listening: Listening
        self.places: list[Worker | None] = [None] * len(bound.places)
        self.workers: set[Worker] = set()
        self.version = ""
        self.facts: Facts | None = None
        self.turn = asyncio.Lock()
        # How many have ended by themselves.
        self.deaths = 0
        self.is_complete = False
        # Why nothing can be served, where that shows at the start.
        self.failure = ""
        self._arguments = arguments
        self._is_ending = False
        self._strikes = 0
        self._later: asyncio.TimerHandle | None = None
        self._changed = asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    @property
    def files(self) -> list[Path]:
        """What the configuration that serves was made of."""
        return self.facts.paths if self.facts else []

    @property
    def present(self) -> list[Worker]:
        """Those who have loaded everything and are to stay."""
        return [worker for worker in self.workers if worker.state in ("waiting", "serving")]

    async def until(self, holds: Callable[[], bool], within: float | None = None) -> bool:
        """Wait until something holds of the workers; False if it does not within so many seconds."""
        try:
            async with asyncio.timeout(within):
                while not holds():
                    await self._changed.wait()
        except TimeoutError:
            return False
        return True

    def fill(self) -> None:
        """Give each empty place to who waits, and start who is missing."""
        if self._is_ending or self.failure:
            return
        for place, worker in enumerate(self.places):
            if worker is None and (waiting := self._fit()) is not None:
                self._take(place, waiting)
                self._begin(self._serve(place, waiting))
        empty = self.places.count(None)
        coming = [each for each in self.workers if each.state in ("loading", "waiting") and not each.reserved]
        # A spare is of use only when the others serve.
        for _ in range(empty + self.is_complete - len(coming)):
            self._start_soon()
        if self.is_complete and empty and coming and all(each.state == "waiting" for each in coming):
            self.listening.outdated()
        self._notify()

    def start(self) -> Worker:
        """Start another worker."""
        control, theirs = socket.socketpair()
        quotas, buckets = socket.socketpair()
        with theirs, buckets:
            numbers = [theirs.fileno(), buckets.fileno()]
            pid = spawn([*self._arguments, *map(str, numbers)], numbers)
        self.keeper.serve(quotas)
        return self.add(pid, control, quotas)

    def add(
        self, pid: int, control: socket.socket, quotas: socket.socket | None, rest: bytes = b""
    ) -> Worker:
        """Count on a process that has begun."""
        worker = Worker(pid, control, quotas, self._hear, self._end, rest=rest)
        self.workers.add(worker)
        return worker

    async def renew(self) -> str:
        """Replace every worker by a fresh program; why it could not go on, else nothing.

        Each leaves when the one that takes its place serves; who waited is replaced in the end. A fresh one
        may have any configuration, as long as it listens where this one does.
        """
        async with self.turn:
            for place in range(len(self.places)):
                fresh = self.start()
                fresh.reserved = True
                problem = await self._loaded(fresh) or await self._succeeded(place, fresh)
                if problem:
                    fresh.state = "leaving" if fresh.state != "gone" else "gone"
                    fresh.kill()
                    return problem
                if fresh.facts is not None and fresh.version != self.version:
                    self.version, self.facts = fresh.version, fresh.facts
            self.dismiss()
        self.fill()
        return ""

    async def _loaded(self, fresh: Worker) -> str:
        """Wait until it has loaded everything; why it is of no use, else nothing."""
        if not await self.until(lambda: fresh.state != "loading", LOADED_WITHIN):
            return f"worker {fresh.pid} takes too long"
        if fresh.state != "waiting" or fresh.facts is None:
            return f"worker {fresh.pid} cannot load everything"
        if self.facts is not None and fresh.facts.addresses != self.facts.addresses:
            return "only a new start changes where the gateway listens"
        return ""

    async def _succeeded(self, place: int, worker: Worker) -> str:
        """Have a worker take a place, and whoever has it leave; why it could not, else nothing."""
        before = self.places[place]
        self._take(place, worker)
        await self._serve(place, worker)
        if self.places[place] is not worker:
            if self.places[place] is None and before in self.workers:
                self.places[place] = before
            return f"worker {worker.pid} cannot serve"
        if before is not None and before.state == "serving":
            before.state = "leaving"
            before.channel.tell(Word.LEAVE)
        return ""

    def dismiss(self) -> None:
        """End whoever only waits; another spare comes."""
        for worker in self.workers:
            if worker.state == "waiting" and not worker.reserved:
                worker.state = "leaving"
                worker.channel.tell(Word.STOP)

    async def end(self, again: asyncio.Event) -> None:
        """Have all workers end in peace, or at once as soon as `again` is set."""
        self._is_ending = True
        if self._later is not None:
            self._later.cancel()
        self.bound.close()
        for worker in self.workers:
            worker.channel.tell(Word.DRAIN)
            if worker.state == "loading":
                worker.process.signal(signal.SIGTERM)
        drain = self.facts.drain if self.facts else 0.0
        ended = asyncio.create_task(self.until(lambda: not self.workers, drain + _DRAINED_WITHIN))
        second = asyncio.create_task(again.wait())
        await asyncio.wait([ended, second], return_when=asyncio.FIRST_COMPLETED)
        for task in (ended, second):
            task.cancel()
        for worker in self.workers:
            worker.channel.tell(Word.STOP)
        if not await self.until(lambda: not self.workers, _STOPPED_WITHIN):
            for worker in self.workers:
                worker.kill()
            await self.until(lambda: not self.workers)
        self.bound.remove_files()

    # What workers say.

    def _hear(self, worker: Worker, message: Message) -> None:
        match message.word:
            case Word.READY:
                self._ready(worker, read_facts(message.body))
            case Word.FAILED:
                self._fail(worker, message.body.decode("utf-8", "replace"))
            case Word.LEAVING:
                self._vacate(worker)
                worker.state = "leaving"
                self.fill()
            case Word.REPORT:
                worker.report = message.body
            case _:
                self.listening.said(worker, message)

    def _ready(self, worker: Worker, known: Facts) -> None:
        worker.facts = known
        worker.version = known.version
        worker.state = "waiting"
        self.listening.joined(worker)
        if not self.version:
            self.version, self.facts = known.version, known
        if worker.reserved or worker.version == self.version:
            self.fill()
        else:
            self._begin(self._catch_up(worker))
        if worker.state == "waiting":
            log.info("worker %d waits", worker.pid)

    def _fail(self, worker: Worker, text: str) -> None:
        if self.is_complete:
            log.error("worker %d cannot serve:\n%s", worker.pid, text)
        else:
            self.failure = self.failure or text
        self._notify()

    async def _catch_up(self, worker: Worker) -> None:
        """Have one that has loaded another version than what serves by now load that."""
        async with self.turn:
            if worker.version != self.version:
                try:
                    said = await worker.channel.call(Word.PREPARE, within=PREPARED_WITHIN)
                    if json.loads(said)["version"] == self.version:
                        await worker.channel.call(Word.ADOPT, within=ADOPTED_WITHIN)
                        worker.version = self.version
                    else:
                        why = f"the files have changed, {self.version} serves on until a reload"
                        worker.channel.tell(Word.REFUSE, json.dumps([why]).encode())
                        log.warning("%s", why)
                except UnansweredError:
                    worker.kill()
        self.fill()

    # Places.

    def _fit(self) -> Worker | None:
        return next(
            (
                worker
                for worker in self.workers
                if worker.state == "waiting" and not worker.reserved and worker.version == self.version
            ),
            None,
        )

    def _take(self, place: int, worker: Worker) -> None:
        self.places[place] = worker
        worker.state = "serving"
        worker.reserved = False

    async def _serve(self, place: int, worker: Worker) -> None:
        sockets = [*self.bound.places[place], self.bound.admin_socket]
        descriptors = [listening.fileno() for listening in sockets]
        try:
            problem = (
                await worker.channel.call(Word.SERVE, descriptors=descriptors, within=SERVES_WITHIN)
            ).decode()
        except UnansweredError as error:
            problem = str(error)
        if problem:
            self._fail(worker, problem)
            self._vacate(worker)
            worker.kill()
            return
        worker.is_open = True
        log.info("worker %d serves", worker.pid)
        if not self.is_complete and all(each is not None and each.is_open for each in self.places):
            self.is_complete = True
            self.fill()
        self._notify()

    def _vacate(self, worker: Worker) -> None:
        if worker in self.places:
            self.places[self.places.index(worker)] = None

    def _end(self, worker: Worker, how: str) -> None:
        self.workers.discard(worker)
        has_served, is_expected = worker.has_served, worker.state == "leaving" or self._is_ending
        if has_served:
            self.listening.departed(worker)
        self._vacate(worker)
        if not is_expected:
            self.deaths += 1
            log.warning("worker %d ended: %s", worker.pid, how)
            self._strike(worker, how)
        self.fill()
        self._notify()

    def _strike(self, worker: Worker, how: str) -> None:
        is_at_once = time.monotonic() - worker.begun < _AT_ONCE
        self._strikes = self._strikes + 1 if is_at_once else 0
        if self._strikes >= _STRIKES_AT_MOST and not self.is_complete:
            self.failure = self.failure or f"workers end as soon as they start: {how}"

    def _start_soon(self) -> None:
        if self._strikes <= 1:
            self.start()
        elif self._later is None:
            pause = min(_PAUSE_AT_MOST, _PAUSE * 2 ** min(self._strikes, 16))
            self._later = asyncio.get_running_loop().call_later(pause, self._retry)

    def _retry(self) -> None:
        self._later = None
        if not self._is_ending:
            self.start()
            self.fill()

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._done)

    def _done(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("unexpected, among workers", exc_info=error)

    def _notify(self) -> None:
        self._changed.set()
        self._changed = asyncio.Event()
