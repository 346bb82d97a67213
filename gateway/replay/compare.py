"""One request under two configurations: is it decided differently, and why?

A step of NEW that depends on what the log has not does what it did under OLD, if both say the same of it;
otherwise it is a doubt. What is decided differently whatever such a step does is told as that; where a doubt
alone would make the difference, nobody can tell.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, final

from gateway.http.reason import Reason
from gateway.replay.finding import Finding, Refusal
from gateway.replay.recorded import Asked, Word
from gateway.replay.said import Proofs, Tiers
from gateway.replay.settle import Fact, Settled
from gateway.replay.side import Decision, Rehearsed

_ROUTE: Final = "route"
_NOBODY: Final = Refusal(Reason.NO_CREDENTIALS, 401)


class Kind(StrEnum):
    """How a request is decided differently, the gravest first."""

    REFUSED = "refused"
    ALLOWED = "allowed"
    OTHERWISE = "otherwise"  # refused as before, by another word
    UPSTREAM = "upstream"
    ANSWER = "answer"
    ROUTE = "route"


@final
@dataclass(frozen=True, slots=True)
class Doubt:
    """A step that may refuse under NEW: nobody can tell without `lacks`."""

    step: str
    lacks: str
    source: str


@final
@dataclass(frozen=True, slots=True)
class Difference:
    """What is decided differently. `unless` are the steps that could still refuse what is allowed here."""

    kind: Kind
    old: Decision
    new: Decision
    unless: tuple[str, ...] = ()


# What both say of the step of a name: OLD first.
Said = Callable[[str], tuple[object, object]]


def compare(asked: Asked, settled: Settled, new: Rehearsed, said: Said) -> Difference | Doubt | None:
    """The difference, what keeps anybody from telling, or None where both decide alike."""
    decision, doubts = _carried(asked, settled.facts, new, said)
    if doubts and doubts[0].step == _ROUTE:
        return doubts[0]
    old, names = settled.decision, tuple(doubt.step for doubt in doubts)
    if decision.word is Word.REFUSED:
        return _refusals(old, decision, doubts)
    if old.word is Word.REFUSED:
        decisive = next((doubt for doubt in doubts if doubt.step == old.step), None)
        return decisive or _difference(Kind.ALLOWED, old, decision, names)
    kind = _kind(old, decision)
    if kind is None:
        return doubts[0] if doubts else None
    return _difference(kind, old, decision, names)


def _refusals(old: Decision, new: Decision, doubts: tuple[Doubt, ...]) -> Difference | Doubt | None:
    if old.word is not Word.REFUSED:
        return _difference(Kind.REFUSED, old, new)
    if (old.step, old.reason, old.status) == (new.step, new.reason, new.status):
        return None
    # A step in doubt may well say the old word before the new one is reached.
    decisive = next((doubt for doubt in doubts if doubt.step == old.step), None)
    return decisive or _difference(Kind.OTHERWISE, old, new)


def _difference(kind: Kind, old: Decision, new: Decision, unless: tuple[str, ...] = ()) -> Difference:
    """Without the paths of this one request: all that differ for one cause are told together."""
    bare = [replace(each, path=b"", place=b"") for each in (old, new)]
    return Difference(kind, bare[0], bare[1], unless)


def _kind(old: Decision, new: Decision) -> Kind | None:
    if (old.word, old.upstream, old.path) != (new.word, new.upstream, new.path):
        return Kind.UPSTREAM if Word.PASSED in (old.word, new.word) else Kind.ANSWER
    if (old.status, old.place) != (new.status, new.place):
        return Kind.ANSWER
    return Kind.ROUTE if old.route != new.route else None


def _carried(
    asked: Asked, facts: Mapping[str, Fact], new: Rehearsed, said: Said
) -> tuple[Decision, tuple[Doubt, ...]]:
    """What NEW decides, with what OLD's facts say of the steps in between, and the doubts up to there."""
    doubts: dict[str, Doubt] = {}
    for each in new.findings:
        refusal = each.refusal
        if each.lacks:
            fact = _followed(asked, facts, each, said)
            if fact is None:
                doubts.setdefault(each.name, Doubt(each.name, each.lacks, each.source))
                continue
            refusal = fact.refusal
        if refusal is not None:
            decision = Decision(
                *(Word.REFUSED, new.end.route, each.source, each.name), refusal.reason, refusal.status
            )
            return decision, tuple(doubts.values())
    return new.end, tuple(doubts.values())


def _followed(asked: Asked, facts: Mapping[str, Fact], step: Finding, said: Said) -> Fact | None:
    """What a step does under NEW as far as that follows from what it did under OLD."""
    fact = facts.get(step.name)
    if fact is None:
        return None
    old, new = said(step.name)
    if isinstance(old, Proofs) and isinstance(new, Proofs):
        return _proved(asked, fact, old, new)
    if isinstance(old, Tiers) and isinstance(new, Tiers) and fact.refusal is None:
        # Who was within all of them is within some of them.
        is_laxer = old.store == new.store and all(item in old.items for item in new.items)
        return fact if is_laxer else None
    return fact if old == new else None


def _proved(asked: Asked, fact: Fact, old: Proofs, new: Proofs) -> Fact | None:
    refusal = fact.refusal
    if old == new:
        return fact
    if refusal is not None and refusal.reason != _NOBODY.reason:
        # It showed something that did not do; the methods that look at it have to be the same.
        return fact if old.methods == new.methods else None
    if asked.principal:
        # The first method that finds a credential decides, so others may only come behind.
        return fact if new.methods[: len(old.methods)] == old.methods else None
    shown_nothing = all(method in old.methods for method in new.methods)
    return Fact(None if new.optional else _NOBODY) if shown_nothing else None
