"""What a configuration decided, where the log says what came of it: does its rehearsal come to the same?

What a rehearsal could not know is learned here: which steps the request passed, and which refused it.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Final, final

from gateway.replay.finding import Finding, Refusal
from gateway.replay.recorded import Asked, Word
from gateway.replay.side import Decision, Rehearsed

_ROUTE: Final = "route"


@final
@dataclass(frozen=True, slots=True)
class Fact:
    """What came of a step that the log alone knows of: None where it let the request pass."""

    refusal: Refusal | None


@final
@dataclass(frozen=True, slots=True)
class Settled:
    """What was decided, and what the log told of the steps that led there, by their names."""

    decision: Decision
    facts: Mapping[str, Fact]


def settle(asked: Asked, rehearsed: Rehearsed) -> Settled | None:
    """The decision, where rehearsal and log agree; None where they do not."""
    if rehearsed.end.route != asked.route:
        return None
    facts: dict[str, Fact] = {}
    last = _refusing(asked, rehearsed)
    for number, each in enumerate(rehearsed.findings):
        if each.refusal is not None:
            is_same = (each.name, each.refusal.reason) == (asked.policy, asked.reason)
            return Settled(_refused(rehearsed, each, each.refusal), facts) if is_same else None
        if number == last:
            refusal = Refusal(asked.reason, asked.status)
            facts[each.name] = Fact(refusal)
            return Settled(_refused(rehearsed, each, refusal), facts)
        if each.is_for_proved:
            return None
        if each.lacks:
            facts.setdefault(each.name, Fact(None))
    return Settled(rehearsed.end, facts) if _ends_so(asked, rehearsed.end) else None


def _refusing(asked: Asked, rehearsed: Rehearsed) -> int:
    """Which of the findings stands for the refusal of the log, -1 if none does."""
    if asked.word is not Word.REFUSED:
        return -1
    numbers = [
        number
        for number, each in enumerate(rehearsed.findings)
        if each.lacks and each.name == asked.policy != _ROUTE
    ]
    # Of two steps with one name the second stands behind authentication.
    return numbers[-1 if asked.principal else 0] if numbers else -1


def _refused(rehearsed: Rehearsed, by: Finding, refusal: Refusal) -> Decision:
    route = rehearsed.end.route
    return Decision(Word.REFUSED, route, by.source, by.name, refusal.reason, refusal.status)


def _ends_so(asked: Asked, end: Decision) -> bool:
    if end.word is not asked.word:
        return False
    if end.word is Word.REFUSED:
        return (end.step, end.reason) == (asked.policy, asked.reason)
    return end.word is Word.PASSED or end.status == asked.status
