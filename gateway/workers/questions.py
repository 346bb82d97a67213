"""What one worker asks all of them: the supervisor passes it on, and knows what was counted by those gone."""

import asyncio
import time
from typing import Final, final

from gateway.peers import ANSWERED_WITHIN
from gateway.telemetry.report import Ledger, supervisor_report
from gateway.workers.channel import UnansweredError
from gateway.workers.crew import Crew
from gateway.workers.frames import Message, Word, packed
from gateway.workers.worker import Worker

_METRICS: Final = b"metrics"
_LOG_LEVEL: Final = b"log_level"
# Questions under way; whoever asks more is told nothing.
_ASKED_AT_MOST: Final = 64


@final
class Questions:
    """Passes questions on, and keeps what is counted; `remains` is what the program before this one kept."""

    def __init__(self, crew: Crew, remains: bytes = b"") -> None:
        self._crew = crew
        self.ledger = Ledger(self._own, time.monotonic, remains)
        # From which level on everybody's log tells, since somebody has said so.
        self.log_level = b""
        # How many are under way.
        self.asked = 0

    async def answer(self, asker: Worker, message: Message) -> None:
        """Ask all workers what one of them asks."""
        if self.asked >= _ASKED_AT_MOST:
            return asker.channel.reply(message)
        self.asked += 1
        try:
            question, _, argument = message.body.partition(b"\0")
            if question == _LOG_LEVEL:
                self.log_level = argument
            told = await self._told(message.body)
            if question == _METRICS:
                answers = await self.ledger.reports([worker.pid for worker in told])
            else:
                answers = [*told.values()]
            asker.channel.reply(message, packed(answers))
        finally:
            self.asked -= 1

    async def repeat(self, worker: Worker) -> None:
        """Tell one that has come since what all have been told."""
        if self.log_level:
            await self._ask(worker, _LOG_LEVEL + b"\0" + self.log_level)

    def count_on(self, worker: Worker, report: bytes) -> None:
        """Keep what a worker has said that it counted."""
        worker.report = report
        self.ledger.heard(worker.pid, report)

    def departed(self, worker: Worker) -> None:
        """Keep what one has counted that is gone."""
        self.ledger.gone(worker.pid, worker.report or None)

    async def _told(self, body: bytes) -> dict[Worker, bytes]:
        """What those answer who serve, or did a moment ago."""
        workers = [worker for worker in self._crew.workers if worker.has_served]
        answers = await asyncio.gather(*(self._ask(worker, body) for worker in workers))
        return {
            worker: answer
            for worker, answer in zip(workers, answers, strict=True)
            if answer is not None and worker.state != "gone"
        }

    async def _ask(self, worker: Worker, body: bytes) -> bytes | None:
        try:
            answer = await worker.channel.call(Word.QUESTION, body, within=ANSWERED_WITHIN)
        except UnansweredError:
            return None
        if body.startswith(_METRICS) and worker.state != "gone":
            self.count_on(worker, answer)
        return answer

    def _own(self) -> bytes:
        crew = self._crew
        return supervisor_report(len(crew.places), crew.deaths, len(crew.keeper))
