"""Keeps the sockets and the workers: it starts them, replaces them, and has them all do the same.

`SIGTERM` and `SIGINT` drain all, a second one ends them now; `SIGHUP` reloads; `SIGUSR2` replaces every
worker by a fresh program, one after the other.
"""

import asyncio
import json
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Final, Literal, NoReturn, final

import uvloop

from gateway import __version__, build
from gateway.config.snapshot import Log, Snapshot
from gateway.lookout import look, watch
from gateway.outcome import Outcome
from gateway.quota.keeper import BucketKeeper
from gateway.quota.memory import MemoryBuckets
from gateway.telemetry.application_log import application_log, standard_error
from gateway.workers.accord import accord
from gateway.workers.crew import Crew
from gateway.workers.frames import Message, Word
from gateway.workers.handover import Handover, Left, read, written
from gateway.workers.process import Process, command, how, spawn
from gateway.workers.questions import Questions
from gateway.workers.sockets import Bound, bound
from gateway.workers.worker import Worker

log = logging.getLogger("gateway")

_HEEDED: Final = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP, signal.SIGUSR2)
# Seconds: until nobody waits for an answer, until the next program has said that it could go on.
_SETTLED_WITHIN: Final = 5.0
_CHECKED_WITHIN: Final = 30.0
# Until another spare is started where the one that is there cannot take an empty place.
_TRIED_EVERY: Final = 10.0


def supervise(path: Path, snapshot: Snapshot) -> int:
    """Serve with all the workers that the configuration at `path` wants; returns the exit status.

    Raises OSError for an address that cannot be had.
    """
    settings = snapshot.telemetry.log
    application_log(settings, standard_error(), os.getpid())
    places = [listener.address for listener in snapshot.listeners]
    sockets = bound(places, snapshot.admin.address, count(snapshot.workers))

    async def main() -> str:
        keeper = BucketKeeper(MemoryBuckets(time.monotonic))
        return await Supervisor(path, settings, Crew(sockets, _worker(path), keeper)).run()

    return _status(uvloop.run(main()))


def check(state: int) -> int:
    """Whether this program could go on with what stands in a file; returns the exit status."""
    try:
        read(state)
    except (ValueError, KeyError, TypeError):
        return 1
    return 0


def resume(state: int) -> int:
    """Go on where another program has stopped, in the same process; returns the exit status."""
    handover = read(state)
    os.close(state)
    for descriptor in handover.descriptors():
        os.set_inheritable(descriptor, False)
    application_log(handover.log, standard_error(), os.getpid())

    async def main() -> str:
        return await _resumed(handover).run()

    return _status(uvloop.run(main()))


def count(workers: int | Literal["auto"]) -> int:
    """How many there are to be: auto, one for each core that this process may use."""
    return min(64, len(os.sched_getaffinity(0))) if workers == "auto" else workers


def _worker(path: Path) -> list[str]:
    return command("gateway.workers", str(path))


def _status(failure: str) -> int:
    if failure:
        print(f"gateway: {failure}", file=sys.stderr)
    return 1 if failure else 0


def _resumed(handover: Handover) -> "Supervisor":
    path = Path(handover.path)
    sockets = {number: socket.socket(fileno=number) for place in handover.sockets for number in place}
    bound = Bound(
        handover.addresses,
        tuple(tuple(sockets[number] for number in place) for place in handover.sockets),
        handover.admin,
        socket.socket(fileno=handover.admin_socket),
    )
    keeper = BucketKeeper(MemoryBuckets(time.monotonic))
    crew = Crew(bound, _worker(path), keeper)
    crew.version, crew.facts, crew.deaths = handover.version, handover.facts, handover.deaths
    crew.is_complete = True
    supervisor = Supervisor(path, handover.log, crew, handover.remains)
    supervisor.questions.log_level = handover.log_level
    for left in handover.workers:
        worker = _known(crew, left)
        if left.report:
            supervisor.questions.count_on(worker, left.report)
    keeper.restore(handover.quotas, [each.quotas for each in crew.workers if each.quotas is not None])
    return supervisor


def _known(crew: Crew, left: Left) -> Worker:
    """Have a crew know a worker that is there already."""
    quotas = socket.socket(fileno=left.quotas) if left.quotas >= 0 else None
    worker = crew.add(left.pid, _control(left.control), quotas, left.rest)
    worker.begun = 0.0
    worker.state, worker.is_open = left.state, left.is_open
    worker.version, worker.facts = left.version, left.facts
    if left.place is not None:
        crew.places[left.place] = worker
    return worker


def _control(descriptor: int) -> socket.socket:
    if descriptor >= 0:
        return socket.socket(fileno=descriptor)
    # Of one that has hung up: so it stays.
    ours, theirs = socket.socketpair()
    theirs.close()
    return ours


@final
class Supervisor:
    """Has a crew serve until it is told to stop; `path` is the configuration, `settings` those of the log.

    `remains` is what the program before this one kept of what was counted.
    """

    def __init__(self, path: Path, settings: Log, crew: Crew, remains: bytes = b"") -> None:
        self._path = path
        self._settings = settings
        self._crew = crew
        self.questions = Questions(crew, remains)
        self._stopping = asyncio.Event()
        self._is_renewing = False
        self._tasks: set[asyncio.Task[Any]] = set()
        crew.listening = self

    async def run(self) -> str:
        """Serve until SIGTERM or SIGINT has drained all. Gives why it could not begin, else nothing."""
        crew = self._crew
        self._heed()
        has_begun = not crew.is_complete
        crew.fill()
        stopping = asyncio.create_task(self._stopping.wait())
        ready = asyncio.create_task(crew.until(lambda: crew.is_complete or bool(crew.failure)))
        await asyncio.wait([ready, stopping], return_when=asyncio.FIRST_COMPLETED)
        if crew.is_complete:
            self._tell_ready(has_begun)
            self._watch()
            await stopping
        ready.cancel()
        stopping.cancel()
        self._stopping.clear()
        if crew.failure:
            self._stopping.set()
        else:
            log.info("draining")
        await crew.end(self._stopping)
        if not crew.failure:
            log.info("stopped")
        return crew.failure

    def _heed(self) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        loop.add_signal_handler(signal.SIGHUP, lambda: self._begin(self.reload()))
        loop.add_signal_handler(signal.SIGUSR2, lambda: self._begin(self.restart()))
        # What came while one program followed the other.
        signal.pthread_sigmask(signal.SIG_UNBLOCK, _HEEDED)

    async def reload(self) -> Outcome:
        """Have all workers serve by what the files say now, or none, and tell in the log what came of it."""
        outcome = await accord(self._crew)
        log.log(logging.ERROR if outcome.problems else logging.INFO, "%s", outcome.told)
        return outcome

    async def restart(self) -> None:
        """Have fresh programs take the places of all workers, and then that of this one.

        The first that is of no use ends it; whoever serves by then serves on.
        """
        if self._is_renewing or not self._crew.is_complete or self._stopping.is_set():
            return log.warning("this is no time to restart")
        self._is_renewing = True
        try:
            log.info("restarting, one worker after the other")
            problem = await self._crew.renew()
            if not problem:
                log.info("all workers are fresh, configuration %s serves", self._crew.version)
                problem = await self._succeeded()
            log.error("the restart stops, whoever serves serves on: %s", problem)
        finally:
            self._is_renewing = False

    async def _succeeded(self) -> str:
        """Have a fresh program go on as this process; why it cannot, else there is no return."""
        crew = self._crew
        async with crew.turn:
            await crew.until(lambda: not self.questions.asked, _SETTLED_WITHIN)
            for worker in crew.workers:
                await worker.channel.flush(_SETTLED_WITHIN)
            if not await self._is_understood():
                return "the new program does not know how to go on"
            if self._stopping.is_set():
                return "it was told to end"
            log.info("a fresh program takes the place of the supervisor")
            for handler in logging.getLogger().handlers:
                handler.close()
            # A signal that comes now is for the next program.
            signal.pthread_sigmask(signal.SIG_BLOCK, _HEEDED)
            try:
                _go_on(self._handover())
            except OSError as error:
                problem = error.strerror or str(error)
                application_log(self._settings, standard_error(), os.getpid())
                signal.pthread_sigmask(signal.SIG_UNBLOCK, _HEEDED)
            return problem

    async def _is_understood(self) -> bool:
        """Whether the program that is there now could go on."""
        ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        state = written(self._handover())
        try:
            process = Process(
                spawn(command("gateway.workers", "check", str(state)), [state]), ended.set_result
            )
            try:
                async with asyncio.timeout(_CHECKED_WITHIN):
                    return await asyncio.shield(ended) == how(0)
            except TimeoutError:
                process.signal(signal.SIGKILL)
                return False
        finally:
            os.close(state)

    def _handover(self) -> Handover:
        crew, bound = self._crew, self._crew.bound
        return Handover(
            path=str(self._path),
            log=self._settings,
            addresses=bound.addresses,
            admin=bound.admin,
            sockets=tuple(tuple(each.fileno() for each in place) for place in bound.places),
            admin_socket=bound.admin_socket.fileno(),
            version=crew.version,
            facts=crew.facts,
            deaths=crew.deaths,
            log_level=self.questions.log_level,
            remains=self.questions.ledger.remains,
            quotas=crew.keeper.state(),
            workers=tuple(self._left(worker) for worker in crew.workers),
        )

    def _left(self, worker: Worker) -> Left:
        places = self._crew.places
        return Left(
            pid=worker.pid,
            control=worker.channel.socket.fileno(),
            quotas=worker.quotas.fileno() if worker.quotas is not None else -1,
            state=worker.state,
            place=places.index(worker) if worker in places else None,
            is_open=worker.is_open,
            version=worker.version,
            facts=worker.facts,
            report=worker.report,
            rest=worker.channel.rest,
        )

    # What the crew tells.

    def said(self, worker: Worker, message: Message) -> None:
        """A worker asks for something that is about all of them."""
        match message.word:
            case Word.ASK:
                self._begin(self.questions.answer(worker, message))
            case Word.RELOAD:
                self._begin(self._reload_for(worker, message))
            case _:
                log.error("worker %d says what no supervisor knows", worker.pid)

    def joined(self, worker: Worker) -> None:
        """A worker has loaded everything."""
        self._begin(self.questions.repeat(worker))

    def departed(self, worker: Worker) -> None:
        """A worker that has served is gone."""
        self.questions.departed(worker)

    def outdated(self) -> None:
        """A place is empty, and whoever could take it has another version than what serves."""
        log.warning("a worker is missing, and the files have changed since: they are loaded now")
        self._begin(self._catch_up())

    async def _catch_up(self) -> None:
        outcome = await self.reload()
        if outcome.problems:
            # Whoever is started then may find what serves, or what can be taken.
            await asyncio.sleep(_TRIED_EVERY)
            self._crew.dismiss()

    async def _reload_for(self, worker: Worker, message: Message) -> None:
        outcome = await self.reload()
        worker.channel.reply(message, json.dumps(outcome.record()).encode())

    def _tell_ready(self, has_begun: bool) -> None:
        crew = self._crew
        log.info("Azora Gateway %s, %s, %d workers", __version__, build(), len(crew.places))
        if not has_begun:
            return
        for address in crew.bound.addresses:
            log.info("listening on %s, configuration %s", address, crew.version)
        log.info("admin on %s", crew.bound.admin)

    def _watch(self) -> None:
        crew = self._crew
        if crew.facts is not None and crew.facts.watch:
            self._begin(watch(look(crew.files), lambda: crew.files, self.reload))

    def _begin(self, work: Coroutine[Any, Any, Any]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _go_on(handover: Handover) -> NoReturn:
    """Become another program, which has all of this. Raises OSError."""
    state = written(handover)
    for descriptor in {*handover.descriptors(), state}:
        os.set_inheritable(descriptor, True)
    arguments = command("gateway.workers", "resume", str(state))
    os.execv(arguments[0], arguments)  # noqa: S606 - this program, wherever it was found.
