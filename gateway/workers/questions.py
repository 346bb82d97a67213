"""What one worker asks all of them: the supervisor passes it on, and knows what was counted by those gone."""

import asyncio
import logging
from collections.abc import Callable, Mapping
from typing import Final, final

from gateway.peers import ANSWERED_WITHIN
from gateway.telemetry.report import Ledger, supervisor_report
from gateway.workers.channel import UnansweredError
from gateway.workers.crew import Crew
from gateway.workers.frames import Message, Word, packed
from gateway.workers.worker import Worker

log = logging.getLogger("gateway")

_METRICS: Final = b"metrics"
_LOG_LEVEL: Final = b"log_level"
# Questions under way; whoever asks more is told nothing.
_ASKED_AT_MOST: Final = 64


@final
class Questions:
    """Passes questions on. `buckets` tells how many buckets of quotas the supervisor keeps."""

    def __init__(self, crew: Crew, ledger: Ledger, buckets: Callable[[], int]) -> None:
        self._crew = crew
        self.ledger = ledger
        self._buckets = buckets
        # From which level on everybody's log tells, since somebody has said so.
        self.log_level = b""
        self._asked = 0

    async def answer(self, asker: Worker, message: Message) -> None:
        """Ask all workers what one of them asks."""
        if self._asked >= _ASKED_AT_MOST:
            return asker.channel.reply(message)
        self._asked += 1
        try:
            question, _, argument = message.body.partition(b"\0")
            if question == _LOG_LEVEL:
                self.log_level = argument
            told = await self._told(message.body)
            answers = [*told.values()]
            if question == _METRICS:
                answers = self.ledger.reports({worker.pid: report for worker, report in told.items()})
                answers.append(supervisor_report(len(self._crew.places), self._crew.deaths, self._buckets()))
            asker.channel.reply(message, packed(answers))
        finally:
            self._asked -= 1

    def repeat(self, worker: Worker) -> None:
        """Tell one that has come since what all have been told."""
        if self.log_level:
            task = asyncio.ensure_future(_ask(worker, _LOG_LEVEL + b"\0" + self.log_level))
            task.add_done_callback(lambda done: done.exception())

    def departed(self, worker: Worker) -> None:
        """Keep what one has counted that is gone."""
        self.ledger.gone(worker.pid, worker.report or None)

    async def _told(self, body: bytes) -> Mapping[Worker, bytes]:
        """What those answer who serve, or did a moment ago."""
        workers = [worker for worker in self._crew.workers if worker.has_served]
        answers = await asyncio.gather(*(_ask(worker, body) for worker in workers))
        return {
            worker: answer
            for worker, answer in zip(workers, answers, strict=True)
            if answer is not None and worker in self._crew.workers
        }


async def _ask(worker: Worker, body: bytes) -> bytes | None:
    try:
        return await worker.channel.call(Word.QUESTION, body, within=ANSWERED_WITHIN)
    except UnansweredError:
        return None
