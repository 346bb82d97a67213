"""Two mappings of gateway.yaml, key by key, by a table that has a rule for every key.

A key without a rule counts as one of which nobody can tell.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import final

from gateway.config.problem import Path
from gateway.config.schema.model import Spec
from gateway.config.tree import Tree
from gateway.diff.change import Change, told
from gateway.diff.order import Rule, neutral, unproved

HIDDEN = "hidden"


@final
@dataclass(frozen=True, slots=True)
class Nested:
    """A mapping inside of another: `absent` judges where only one side has it, else `table` does."""

    table: "Table"
    absent: Rule = neutral


# A rule for every key, by its name in the spec.
Table = Mapping[str, Rule | Nested]


@final
@dataclass(frozen=True, slots=True)
class Section:
    """A mapping on one side: its spec, and where it stands; without a spec it stands nowhere."""

    tree: Tree
    path: Path
    spec: Spec | None

    @property
    def source(self) -> str:
        """The `file:line`, empty where there is no such mapping."""
        return self.tree.source(self.path) if self.spec is not None else ""

    def member(self, field: str) -> "Section":
        """A mapping inside of it."""
        value = getattr(self.spec, field)
        return Section(self.tree, (*self.path, _key(self.spec, field)), value)

    def shown(self, field: str) -> str:
        """A value as the file has it, or its default; never a secret."""
        info = type(self.spec).model_fields[field] if self.spec is not None else None
        if info is None or not info.repr:
            return "nothing" if getattr(self.spec, field) is None else HIDDEN
        said = self.tree.at((*self.path, _key(self.spec, field)))
        value = info.default if said is None else said
        return "nothing" if value is None else told(list(value) if isinstance(value, tuple) else value)


def compared(old: Section, new: Section, table: Table, before: str = "") -> Iterator[Change]:
    """What differs between two mappings that are on both sides; `before` is put before the keys."""
    fields = type(old.spec).model_fields if old.spec is not None else {}
    for field in fields:
        was, now = getattr(old.spec, field), getattr(new.spec, field)
        if was == now:
            continue
        key, rule = f"{before}{_key(old.spec, field)}", table.get(field, unproved)
        if isinstance(rule, Nested):
            yield from _nested(old.member(field), new.member(field), rule, key)
            continue
        places = _source(old, field), _source(new, field)
        for change in rule(was, now):
            yield _named(change, key, _line(old, new, field)).at(*places)


def present(old: Section, new: Section, rule: Rule, name: str) -> Iterator[Change]:
    """What it means that only one side has a mapping."""
    verb = "added" if old.spec is None else "removed"
    for change in rule(old.spec, new.spec):
        yield Change(change.kind, f"{name} is {verb}", old.source, new.source, change.proved)


def _nested(old: Section, new: Section, rule: Nested, key: str) -> Iterator[Change]:
    if old.spec is None or new.spec is None:
        yield from present(old, new, rule.absent, key)
    else:
        yield from compared(old, new, rule.table, f"{key}.")


def _line(old: Section, new: Section, field: str) -> str:
    shown = old.shown(field), new.shown(field)
    return "has changed" if shown[0] == shown[1] else f"{shown[0]} -> {shown[1]}"


def _named(change: Change, key: str, usual: str) -> Change:
    return Change(change.kind, f"{key}: {change.what or usual}", proved=change.proved)


def _source(side: Section, field: str) -> str:
    return side.tree.source((*side.path, _key(side.spec, field)))


def _key(spec: Spec | None, field: str) -> str:
    """What a field of a spec is called in the file."""
    info = type(spec).model_fields[field] if spec is not None else None
    return info.alias if info is not None and info.alias else field
