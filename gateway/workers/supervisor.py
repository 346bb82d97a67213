"""Keeps the sockets and the workers: it starts them, replaces them, and has them all do the same.

`SIGTERM` and `SIGINT` drain all, a second one ends them now; `SIGHUP` reloads; `SIGUSR2` replaces every
worker by a fresh program, one after the other.
"""

import asyncio
import json
import logging
import os
import signal
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Literal, final

import uvloop

from gateway import __version__, build
from gateway.config.snapshot import Snapshot
from gateway.lookout import look, watch
from gateway.outcome import Outcome
from gateway.telemetry.application_log import application_log, standard_error
from gateway.telemetry.report import Ledger
from gateway.workers.accord import accord
from gateway.workers.crew import Crew
from gateway.workers.frames import Message, Word
from gateway.workers.process import command
from gateway.workers.questions import Questions
from gateway.workers.sockets import bound
from gateway.workers.worker import Worker

log = logging.getLogger("gateway")


def supervise(path: Path, snapshot: Snapshot) -> int:
    """Serve with all the workers that the configuration at `path` wants; returns the exit status.

    Raises OSError for an address that cannot be had.
    """
    application_log(snapshot.telemetry.log, standard_error(), os.getpid())
    places = [listener.address for listener in snapshot.listeners]
    sockets = bound(places, snapshot.admin.address, count(snapshot.workers))

    async def main() -> str:
        return await Supervisor(Crew(sockets, command("gateway.workers", str(path)))).run()

    failure = uvloop.run(main())
    if failure:
        print(f"gateway: {failure}", file=sys.stderr)
    return 1 if failure else 0


def count(workers: int | Literal["auto"]) -> int:
    """How many there are to be: auto, one for each core that this process may use."""
    return min(64, len(os.sched_getaffinity(0))) if workers == "auto" else workers


@final
class Supervisor:
    """Has a crew serve until it is told to stop."""

    def __init__(self, crew: Crew) -> None:
        self._crew = crew
        self._questions = Questions(crew, Ledger(), lambda: 0)
        self._stopping = asyncio.Event()
        self._tasks: set[asyncio.Task[Any]] = set()
        crew.listening = self

    async def run(self) -> str:
        """Serve until SIGTERM or SIGINT has drained all. Gives why it could not begin, else nothing."""
        crew = self._crew
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self._stopping.set)
        loop.add_signal_handler(signal.SIGHUP, lambda: self._begin(self.reload()))
        crew.fill()
        stopping = asyncio.create_task(self._stopping.wait())
        ready = asyncio.create_task(crew.until(lambda: crew.is_complete or bool(crew.failure)))
        await asyncio.wait([ready, stopping], return_when=asyncio.FIRST_COMPLETED)
        if crew.is_complete:
            self._tell_ready()
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

    async def reload(self) -> Outcome:
        """Have all workers serve by what the files say now, or none, and tell in the log what came of it."""
        outcome = await accord(self._crew)
        log.log(logging.ERROR if outcome.problems else logging.INFO, "%s", outcome.told)
        return outcome

    # What the crew tells.

    def said(self, worker: Worker, message: Message) -> None:
        """A worker asks for something that is about all of them."""
        match message.word:
            case Word.ASK:
                self._begin(self._questions.answer(worker, message))
            case Word.RELOAD:
                self._begin(self._reload_for(worker, message))
            case _:
                log.error("worker %d says what no supervisor knows", worker.pid)

    def joined(self, worker: Worker) -> None:
        """A worker has loaded everything."""
        self._questions.repeat(worker)

    def departed(self, worker: Worker) -> None:
        """A worker that has served is gone."""
        self._questions.departed(worker)

    def outdated(self) -> None:
        """A place is empty, and whoever could take it has another version than what serves."""
        log.warning("a worker is missing, and the files have changed since: they are loaded now")
        self._begin(self.reload())

    async def _reload_for(self, worker: Worker, message: Message) -> None:
        outcome = await self.reload()
        worker.channel.reply(message, json.dumps(outcome.record()).encode())

    def _tell_ready(self) -> None:
        crew = self._crew
        log.info("Azora Gateway %s, %s, %d workers", __version__, build(), len(crew.places))
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
