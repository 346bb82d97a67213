"""Another configuration for all workers, in two steps: all have prepared the same, or nobody adopts it."""

import asyncio
import json
import logging
from collections.abc import Sequence

from gateway.outcome import Outcome, outcome
from gateway.workers.channel import UnansweredError
from gateway.workers.crew import ADOPTED_WITHIN, PREPARED_WITHIN, Crew
from gateway.workers.facts import Facts, read_facts
from gateway.workers.frames import Word
from gateway.workers.worker import Worker

log = logging.getLogger("gateway")

# Files may change while one worker after the other reads them.
_ATTEMPTS = 3


async def accord(crew: Crew) -> Outcome:
    """Have all workers, and who waits, serve by what the files say now. Never raises.

    When it returns, whoever has not adopted it has ended.
    """
    async with crew.turn:
        problems: list[str] = []
        prepared: dict[Worker, Prepared] = {}
        for _ in range(_ATTEMPTS):
            prepared = {worker: said for worker, said in await _prepared(crew.present) if said}
            problems = list(dict.fromkeys(each for said, _ in prepared.values() for each in said.problems))
            if problems or not prepared:
                problems = problems or ["no worker can load it"]
                break
            if len({said.version for said, _ in prepared.values()}) == 1:
                return await _adopted(crew, prepared)
        else:
            problems = ["the files changed while they were read"]
        for worker in prepared:
            worker.channel.tell(Word.REFUSE, json.dumps(problems).encode())
        return Outcome(crew.version, False, tuple(problems))


Prepared = tuple[Outcome, Facts | None]


async def _prepared(workers: Sequence[Worker]) -> list[tuple[Worker, Prepared | None]]:
    """What each of them would serve by; None from those who are gone."""

    async def ask(worker: Worker) -> Prepared | None:
        try:
            said = json.loads(await worker.channel.call(Word.PREPARE, within=PREPARED_WITHIN))
        except UnansweredError as error:
            if worker.state == "gone":
                return None
            return Outcome(worker.version, False, (f"worker {worker.pid}: {error}",)), None
        facts = read_facts(json.dumps(said["facts"]).encode()) if said["facts"] else None
        return outcome(said), facts

    return list(zip(workers, await asyncio.gather(*map(ask, workers)), strict=True))


async def _adopted(crew: Crew, prepared: dict[Worker, Prepared]) -> Outcome:
    """Have them all serve by what they have prepared."""
    said, facts = next(iter(prepared.values()))
    is_new = said.version != crew.version

    async def adopt(worker: Worker) -> None:
        try:
            adopted = outcome(json.loads(await worker.channel.call(Word.ADOPT, within=ADOPTED_WITHIN)))
            if adopted.version == said.version:
                worker.version = said.version
                return
        except UnansweredError:
            pass
        # It may still serve by the version before.
        log.error("worker %d does not adopt %s, another takes its place", worker.pid, said.version)
        worker.kill()

    await asyncio.gather(*map(adopt, prepared))
    crew.version, crew.facts = said.version, facts or crew.facts
    late = [worker for worker in prepared if worker.version != crew.version]
    await crew.until(lambda: all(worker.state == "gone" for worker in late))
    crew.fill()
    return Outcome(crew.version, is_new)
