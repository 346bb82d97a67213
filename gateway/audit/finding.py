"""What a rule is, and what it finds.

A rule states what stands in the configuration, never what somebody may have meant by it: it is told of the
specs alone, asks nobody, and points at the line that said it.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import PurePath
from typing import Final, Literal, final

from gateway.audit.survey import Survey
from gateway.config.problem import Path, spelled
from gateway.config.tree import Tree

Severity = Literal["error", "warning", "note"]
# From the worst on.
SEVERITIES: Final[tuple[Severity, ...]] = ("error", "warning", "note")


@final
@dataclass(frozen=True, slots=True)
class Spot:
    """One place that breaks a rule.

    `subject` is the id of a route, or else a path such as `listeners[0]`; `source` is `file:line`.
    """

    subject: str
    source: str
    message: str
    is_route: bool = False


def _nowhere(survey: Survey) -> Iterator[Spot]:
    return iter(())


@final
@dataclass(frozen=True, slots=True)
class Rule:
    """`id` never changes what it means; `fix` is what to do about it, as imperative sentences.

    Without a `find` of its own somebody else finds what breaks it.
    """

    id: str
    severity: Severity
    title: str
    fix: str
    find: Callable[[Survey], Iterator[Spot]] = _nowhere


@final
@dataclass(frozen=True, slots=True)
class Finding:
    """A spot, with the rule that it breaks."""

    rule: Rule
    spot: Spot


def place(tree: Tree, path: Path, message: str) -> Spot:
    """A spot in a file: one of the route that it stands in, else of a path that nothing else has.

    Several files may have defaults; theirs begin with the name of the file.
    """
    source = tree.source(path)
    if path[0] == "routes":
        return Spot(str(tree.at((*path[:2], "id"))), source, message, is_route=True)
    within = f"{PurePath(tree.file).name}/" if path[0] == "defaults" else ""
    return Spot(within + spelled(path), source, message)


def is_at_least(severity: Severity, level: Severity) -> bool:
    """Whether something is as bad as `level`, or worse."""
    return SEVERITIES.index(severity) <= SEVERITIES.index(level)
