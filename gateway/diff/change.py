"""One difference, and what it means for access."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final, final

from gateway.explain.effective import as_written, flow

_SHOWN_AT_MOST: Final = 100
_USER: Final = re.compile(r"//[^/\s]*@")
_QUERY: Final = re.compile(r"(://[^\s?]*)\?\S*")


class Kind(StrEnum):
    """What a difference means for access; the first is what a pipeline stops at."""

    WIDENS = "widens"
    NARROWS = "narrows"
    CHANGES = "changes"


@final
@dataclass(frozen=True, slots=True)
class Change:
    """One line. `old` and `new` are the `file:line` on both sides, empty where there is none.

    One that `widens` without being `proved` to could not be shown to be narrower.
    """

    kind: Kind
    what: str
    old: str = ""
    new: str = ""
    proved: bool = True

    def at(self, old: str, new: str) -> "Change":
        """The same with its places, where it has none of its own."""
        return replace(self, old=self.old or old, new=self.new or new)

    def harmless(self) -> "Change":
        """The same where nothing is enforced."""
        return replace(self, kind=Kind.CHANGES, proved=True)


@final
@dataclass(frozen=True, slots=True)
class Group:
    """What changed about one thing, or alike about several; it has at least one change."""

    names: tuple[str, ...]
    changes: tuple[Change, ...]


def group(name: str, changes: Iterable[Change]) -> list[Group]:
    """The group, or nothing where nothing changed: the lines that widen first."""
    ordered = sorted(dict.fromkeys(changes), key=lambda change: list(Kind).index(change.kind))
    return [Group((name,), tuple(ordered))] if ordered else []


def folded(groups: Iterable[Group]) -> list[Group]:
    """The same, but a change that several things share stands there once, where the first of them stood."""
    sharing: dict[Change, list[str]] = {}
    for each in groups:
        for change in each.changes:
            sharing.setdefault(change, []).extend(each.names)
    alike: dict[tuple[str, ...], list[Change]] = {}
    for change, names in sharing.items():
        alike.setdefault(tuple(names), []).append(change)
    return [Group(names, tuple(changes)) for names, changes in alike.items()]


def masked(groups: Iterable[Group], origins: Mapping[str, str]) -> list[Group]:
    """The same, with every text of `origins` as its file spells it: what `${...}` gave is told to nobody."""
    longest_first = sorted(origins, key=len, reverse=True)

    def mask(change: Change) -> Change:
        what = change.what
        for text in longest_first:
            what = what.replace(text, origins[text])
        return replace(change, what=what)

    return [Group(each.names, tuple(map(mask, each.changes))) for each in groups]


def told(value: object) -> str:
    """A value as a line tells it: `${...}` as the file spells it, no password and no query of a URL."""
    plain = value if isinstance(value, str | int | float | list | dict | None) else str(value)
    text = _QUERY.sub(r"\1?...", _USER.sub("//...@", flow(as_written(plain))))
    return text if len(text) <= _SHOWN_AT_MOST else f"{text[:_SHOWN_AT_MOST]}..."
