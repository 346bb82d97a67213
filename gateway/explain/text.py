"""An explanation as people read it: first each step, then the answer, then what made it so."""

import json
import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, final

from gateway.explain.effective import Key
from gateway.explain.report import Pairs, Report
from gateway.rehearsal import Step, Verdict
from gateway.rehearsal.outcome import Answer
from gateway.routing import Route
from gateway.wire.status import STATUS_LINES

# A longer text than this does not push the places of all others to the right.
_WIDTH: Final = 64
# What a recorded request holds could otherwise write to a terminal what it likes; colours are our own.
_UNPRINTABLE: Final = re.compile("\x1b(?!\\[[0-9;]*m)|[\x00-\x1a\x1c-\x1f\x7f-\x9f]")
_BOLD, _DIM, _RED, _GREEN, _YELLOW, _BLUE = "1", "2", "1;31", "32", "33", "36"
_COLOURS: Final[Mapping[str, str]] = {
    Verdict.PASSED: _GREEN,
    Verdict.ASSUMED: _BLUE,
    Verdict.ANSWERED: _BLUE,
    Verdict.ON_TRIAL: _YELLOW,
    Verdict.UNKNOWN: _YELLOW,
    Verdict.REFUSED: _RED,
    Verdict.NOT_ASKED: _DIM,
}

# A step as people see it: its name, its verdict, what it has to say, and the line that made it.
Row = tuple[str, str, str, str]


@final
class Ink:
    """Colours where a terminal shows them, else none."""

    def __init__(self, colours: bool) -> None:
        self._colours = colours

    def __call__(self, code: str, text: str) -> str:
        return f"\x1b[{code}m{text}\x1b[0m" if self._colours and text else text

    def bold(self, text: str) -> str:
        """A text that stands out."""
        return self(_BOLD, text)

    def verdict(self, word: str, text: str) -> str:
        """A text in the colour of a verdict; a word that is none is as bad as a refusal."""
        return self(_COLOURS.get(word, _RED), text)


def text(told: Report, ink: Ink) -> str:
    """The whole explanation, with a line break at its end."""
    parts = [_head(told, ink), [""], _steps(told.outcome.steps, ink), [""], _verdict(told, ink)]
    parts += [["", *section] for section in _sections(told, ink)]
    return page(line for part in parts for line in part)


def page(lines: Iterable[str]) -> str:
    """The lines as one text, with nothing in it that orders a terminal about."""
    return "".join([_UNPRINTABLE.sub("?", line.rstrip()) + "\n" for line in lines])


def table(rows: Sequence[Row], ink: Ink) -> list[str]:
    """The steps, one below the other."""
    names, verdicts = [len(row[0]) for row in rows], [len(row[1]) for row in rows]
    first, second = max(names, default=0), max(verdicts, default=0)
    width = max([len(note) for _, _, note, _ in rows if len(note) <= _WIDTH], default=0)
    lines = []
    for name, verdict, note, source in rows:
        word = ink.verdict(verdict, f"{verdict:{second}}")
        lines.append(f"  {name:{first}}  {word}  {note:{width}}  {ink(_DIM, source)}")
    return lines


def key_lines(keys: Sequence[Key], ink: Ink) -> Iterator[str]:
    """The keys of a route, one below the other."""
    name = max(len(key.name) for key in keys)
    width = max([len(str(key)) for key in keys if len(str(key)) <= _WIDTH], default=0)
    for key in keys:
        yield f"  {key.name:{name}}  {key!s:{width}}  {ink(_DIM, key.source or 'built in')}"


def _head(told: Report, ink: Ink) -> list[str]:
    draft, assumed = told.question.draft, told.question.assumed
    url = f"{draft.host}{draft.target}" if draft.target.startswith("/") else draft.target
    who = f", as {assumed}" if assumed is not None else ""
    where = f"from {draft.client} on {told.listener}{who}"
    return [f"{ink.bold(f'{draft.method} {url}')}  {where}"]


def _steps(steps: Sequence[Step], ink: Ink) -> list[str]:
    said = [f"{step.reason}: {step.note}" if step.reason else step.note for step in steps]
    return table([(s.name, s.verdict, note, s.source) for s, note in zip(steps, said, strict=True)], ink)


def _verdict(told: Report, ink: Ink) -> Iterator[str]:
    outcome, decider = told.outcome, told.outcome.decider
    place = f" at {decider.source}" if decider.source else ""
    match outcome.verdict:
        case Verdict.REFUSED if outcome.answer is not None:
            said = f"Refused: {outcome.answer.status} {decider.reason} by {decider.name}{place}"
        case Verdict.ANSWERED if outcome.answer is not None:
            said = f"Answered: {outcome.answer.status} by {decider.name}{place}"
        case Verdict.UNKNOWN:
            said = f"Unknown: {decider.name} {decider.note}{place}"
        case _:
            said = f"Passes: {decider.note}"
    yield ink.verdict(outcome.verdict, said)
    # The line of YAML that refused is the one to look at.
    yield from [f"  {key.name}: {key}" for key in told.keys if key.name == decider.name and outcome.reason]
    yield from [f"  {hint}" for hint in told.hints]


def _sections(told: Report, ink: Ink) -> Iterator[list[str]]:
    outcome = told.outcome
    if outcome.answer is not None:
        yield [ink.bold("What the client gets"), *_answer(outcome.answer)]
    if outcome.forward is not None:
        line, fields = told.forwarded
        yield [ink.bold(f"What {outcome.forward.upstream} sees"), f"  {line}", *_fields("  ", fields)]
        yield [ink.bold("What is done to its response"), *_changes(told, ink)]
    if outcome.route is not None:
        yield list(_policy(told, outcome.route, ink))


def _answer(answer: Answer) -> Iterator[str]:
    fields = answer.fields
    yield f"  {STATUS_LINES[answer.status].decode()}"
    yield from _fields("  ", [(name.decode("latin-1"), value.decode("latin-1")) for name, value in fields])
    content = answer.body.decode(errors="replace")
    if dict(fields).get(b"Content-Type") == b"application/problem+json":
        content = json.dumps(json.loads(content), indent=2, ensure_ascii=False)
    if content:
        yield ""
        yield from [f"  {line}" for line in content.splitlines()]


def _changes(told: Report, ink: Ink) -> Iterator[str]:
    changes = told.changes
    yield from _fields(f"  {ink(_GREEN, 'set')}      ", changes.set)
    yield from _fields(f"  {ink(_GREEN, 'default')}  ", changes.default)
    yield from _fields(f"  {ink(_GREEN, 'add')}      ", changes.add)
    own = changes.own_removals
    others = len(changes.remove) - len(own)
    told_of = [f"{others} more that tell of the software behind"] if others else []
    if own or told_of:
        yield f"  {ink(_RED, 'remove')}   {', '.join([*own, *told_of])}"


def _policy(told: Report, route: Route, ink: Ink) -> Iterator[str]:
    # What no route takes has one without a path.
    named = f"The route {route.id}, with its defaults" if route.pattern else "The defaults of gateway.yaml"
    yield ink.bold(named)
    yield from [f"  {{{name}}} is {value}" for name, value in told.outcome.captures.items()]
    yield from key_lines(told.keys, ink)


def _fields(before: str, fields: Pairs | Iterable[tuple[str, str]]) -> Iterator[str]:
    yield from [f"{before}{name}: {value}" for name, value in fields]
