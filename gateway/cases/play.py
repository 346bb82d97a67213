"""Plays cases on a stage: full buckets, a clock that goes on when a case says so, and a verdict for each."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from time import perf_counter
from typing import final

from gateway.cases.case import Case, Scene
from gateway.cases.judge import Mismatch, mismatches
from gateway.rehearsal import Outcome, Stage


@final
@dataclass(frozen=True, slots=True)
class Failure:
    """A scene that came to something else; `number` says which time it was, the first is 1."""

    scene: Scene
    outcome: Outcome
    mismatches: tuple[Mismatch, ...]
    number: int = 1


@final
@dataclass(frozen=True, slots=True)
class Result:
    """One case that was played, as far as its first failure. `seconds` is how long that took."""

    case: Case
    seconds: float
    failure: Failure | None = None
    outcomes: tuple[Outcome, ...] = field(default=(), repr=False)


def play(stage: Stage, case: Case) -> Result:
    """Play a case from its beginning. Raises ValueError for a request or a principal that cannot be."""
    begun = perf_counter()
    stage.ports.begin(case.now)
    outcomes: list[Outcome] = []
    failure = next(_failures(stage, case.scenes, outcomes), None)
    for outcome in outcomes:
        outcome.end()
    return Result(case, perf_counter() - begun, failure, tuple(outcomes))


def _failures(stage: Stage, scenes: Iterable[Scene], outcomes: list[Outcome]) -> Iterator[Failure]:
    for scene in scenes:
        stage.ports.advance(scene.advance)
        if scene.draft is None or scene.expect is None:
            continue
        for number in range(1, scene.times + 1):
            outcome = stage.ask(scene.draft, scene.assumed, scene.listener)
            outcomes.append(outcome)
            if not scene.stays:
                outcome.end()
            found = tuple(mismatches(scene.expect, outcome))
            if found:
                yield Failure(scene, outcome, found, number)
