"""Everything that an explanation tells, before it is text or JSON."""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, final

from gateway.explain.effective import Key, Tell, effective, of_defaults, spelled
from gateway.explain.hints import hints, ignored
from gateway.explain.question import Question
from gateway.http.fields import Field, field_of
from gateway.policy.disclosure import DISCLOSING
from gateway.rehearsal import Outcome, Stage, Verdict

_DISCLOSING: Final = frozenset(DISCLOSING) - {"server", "x-powered-by"}

Pairs = list[tuple[str, str]]


@final
@dataclass(frozen=True, slots=True)
class Changes:
    """What is done to the fields of a response. `default` steps in where the backend sent none."""

    set: Pairs
    default: Pairs
    add: Pairs
    remove: list[str]

    @property
    def own_removals(self) -> list[str]:
        """What is taken away beside the names of the presets, which tell of the software behind."""
        return [name for name in self.remove if name not in _DISCLOSING]


@final
@dataclass(frozen=True, slots=True)
class Report:
    """The question, what came of it, and the policy that made it so."""

    question: Question
    outcome: Outcome
    keys: list[Key]
    hints: list[str]
    config_version: str
    listener: str

    @property
    def forwarded(self) -> tuple[str, Pairs]:
        """The request line and the fields that the backend would see; empty where it sees none."""
        line, *lines = self.outcome.upstream_head.split(b"\r\n")
        return _text(line), _pairs(field_of(each) for each in lines if each)

    @property
    def changes(self) -> Changes:
        """What would be done to the response of the backend."""
        outcome = self.outcome
        edits = outcome.edits
        own = set((*edits.set, *edits.default))
        removed = sorted(_text(name) for name in edits.remove)
        added = _pairs(field for field in outcome.told if field not in own)
        return Changes(_pairs(edits.set), _pairs(edits.default), added, removed)

    @property
    def is_passing(self) -> bool:
        """Whether the request passes, or is answered by what is no refusal."""
        return self.outcome.verdict in (Verdict.PASSED, Verdict.ANSWERED)


def report(stage: Stage, question: Question, tell: Tell = spelled) -> Report:
    """Ask the question. Raises ValueError for what is no request, or no principal."""
    outcome = stage.ask(question.draft, question.assumed, question.listener)
    route, tree = outcome.route, stage.specs.tree
    entry = stage.entries.get(route.id) if route is not None else None
    keys = []
    if route is not None:
        keys = effective(entry, tree, tell) if entry is not None else of_defaults(tree, tell)
    said = list(hints(stage, outcome, entry, question.token))
    said += ignored(outcome) if question.assumed is not None else ()
    listener = str(stage.snapshot.listeners[question.listener].address)
    return Report(question, outcome, keys, said, stage.snapshot.version, listener)


def _text(raw: bytes) -> str:
    return raw.decode(errors="backslashreplace")


def _pairs(fields: Iterable[Field]) -> Pairs:
    return [(_text(name), _text(value)) for name, value in fields]
