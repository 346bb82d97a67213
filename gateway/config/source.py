"""YAML bytes -> Tree.

Scalars follow the YAML 1.2 core schema. What YAML 1.1 reads differently is refused unless it is quoted, as
are duplicate keys, tags, anchors, aliases and merge keys: one text has one meaning. The tree is built from
the parser's events, because composing nodes recurses in C and a deeply nested text would end the process.

Documents of others, such as OpenAPI, are read more freely: as YAML 1.2 has it, with values that are nothing,
and every bare key is a text.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path as File
from typing import final

import yaml
from yaml.events import (
    AliasEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    NodeEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
    StreamEndEvent,
)

from gateway.config.interpolation import Resolved
from gateway.config.problem import ConfigError, Path, Problem, spelled
from gateway.config.scalar import core, is_ambiguous
from gateway.config.tree import Place, Tree

BYTES_AT_MOST = 1024 * 1024
_DEPTH_AT_MOST = 32
_DEPTH_OF_DOCUMENTS = 64

_UNPRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

_ABSENT = object()
_ENDS = (SequenceEndEvent, MappingEndEvent)


def read_bytes(place: File) -> bytes:
    """The bytes of a file, one more than is taken at most. Raises OSError and ValueError."""
    if place.exists() and not place.is_file():
        raise ValueError("it is not a regular file")
    with place.open("rb") as file:
        return file.read(BYTES_AT_MOST + 1)


def read(file: str, raw: bytes, expand: Callable[[str], str]) -> tuple[Tree, list[Problem]]:
    """The tree of one file and what is wrong with its text; `expand` fills in `${...}`.

    A tree comes back whatever the bytes are. Where reading had to stop, its data is None.
    """
    return _read(file, raw, _Manner(expand, _DEPTH_AT_MOST))


def read_document(file: str, raw: bytes) -> tuple[Tree, list[Problem]]:
    """The tree of a document that somebody else may have written, and what is wrong with its text."""
    return _read(file, raw, _Manner(None, _DEPTH_OF_DOCUMENTS))


@final
@dataclass(frozen=True, slots=True)
class _Manner:
    """How a file is read; without `expand` it is a document of others."""

    expand: Callable[[str], str] | None
    depth: int


def _read(file: str, raw: bytes, manner: _Manner) -> tuple[Tree, list[Problem]]:
    tree = Tree(file)
    try:
        reader = _Reader(tree, _events(file, raw), manner)
        return Tree(file, reader.document(), tree.values, tree.keys), reader.problems
    except ConfigError as error:
        return tree, list(error.problems)


def _events(file: str, raw: bytes) -> Iterator[Event]:
    text = _text(file, raw)
    try:
        yield from yaml.parse(text, Loader=yaml.CSafeLoader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        raise ConfigError([Problem(file, line, column, "", f"expected YAML, but {error.problem}")]) from None
    except yaml.YAMLError:
        raise ConfigError([Problem(file, 1, 1, "", "expected YAML, got something else")]) from None


def _text(file: str, raw: bytes) -> str:
    if len(raw) > BYTES_AT_MOST:
        raise ConfigError([Problem(file, 1, 1, "", f"expected at most 1 MiB, got {len(raw)} bytes")])
    try:
        text = raw.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = raw.count(b"\n", 0, error.start) + 1
        column = error.start - (raw.rfind(b"\n", 0, error.start) + 1) + 1
        message = f"expected UTF-8 text, got the byte 0x{raw[error.start]:02x}"
        raise ConfigError([Problem(file, line, column, "", message)]) from None
    found = _UNPRINTABLE.search(text)
    if found is not None:
        line = text.count("\n", 0, found.start()) + 1
        column = found.start() - text.rfind("\n", 0, found.start())
        message = f"expected printable text, got U+{ord(found[0]):04X}"
        raise ConfigError([Problem(file, line, column, "", message)])
    return text


@final
class _Reader:
    """Builds the tree of one document; notes what it can live with, raises ConfigError for what it cannot."""

    def __init__(self, tree: Tree, events: Iterator[Event], manner: _Manner) -> None:
        self.problems: list[Problem] = []
        self._tree = tree
        self._events = events
        self._expand = manner.expand
        self._depth = manner.depth

    def document(self) -> object:
        next(self._events)  # The start of the stream.
        if isinstance(next(self._events), StreamEndEvent):
            raise ConfigError([Problem(self._tree.file, 1, 1, "", "expected a mapping, got an empty file")])
        data = self._value(next(self._events), ())
        next(self._events)  # The end of the document.
        more = next(self._events)
        if not isinstance(more, StreamEndEvent):
            message = "expected one document, got a second one"
            self.problems.append(Problem(self._tree.file, _place(more).line, 1, "", message))
        return None if data is _ABSENT else data

    def _value(self, event: Event, path: Path) -> object:
        self._tree.values[path] = _place(event)
        if len(path) > self._depth:
            raise ConfigError([self._tree.problem((), f"expected at most {self._depth} levels, got more")])
        self._plainly(event, path)
        if isinstance(event, MappingStartEvent):
            return self._mapping(path)
        if isinstance(event, SequenceStartEvent):
            return self._sequence(path)
        return self._scalar(event, path) if isinstance(event, ScalarEvent) else None

    def _plainly(self, event: Event, path: Path) -> None:
        if isinstance(event, AliasEvent):
            self._note(path, f"expected a value, got the alias *{event.anchor}: write the value out")
        elif isinstance(event, NodeEvent) and event.anchor is not None:
            self._note(path, f"expected a value, got the anchor &{event.anchor}: write values out")
        if getattr(event, "tag", None) is not None:
            self._note(path, "expected a value without a tag: quote a text, leave a number bare")

    def _sequence(self, path: Path) -> list[object]:
        items: list[object] = []
        while not isinstance(event := next(self._events), _ENDS):
            item = self._value(event, (*path, len(items)))
            if item is not _ABSENT:
                items.append(item)
        return items

    def _mapping(self, path: Path) -> dict[str, object]:
        members: dict[str, object] = {}
        while not isinstance(event := next(self._events), _ENDS):
            key = self._key(event, path)
            if key is None:
                self._value(next(self._events), (*path, "?"))
                continue
            place = _place(event)
            here = (*path, key)
            first = self._tree.keys.setdefault(here, place)
            if first is not place:
                message = f"expected each key once, got it again after line {first.line}"
                self.problems.append(
                    Problem(self._tree.file, place.line, place.column, spelled(here), message)
                )
            value = self._value(next(self._events), here)
            if value is not _ABSENT:
                members[key] = value
        return members

    def _key(self, event: Event, path: Path) -> str | None:
        if not isinstance(event, ScalarEvent):
            self._value(event, (*path, "?"))
            self._note((*path, "?"), "expected a text as the key")
            return None
        self._tree.values[(*path, event.value)] = _place(event)
        self._plainly(event, (*path, event.value))
        if self._expand is None:
            return event.value
        if event.implicit[0] and (is_ambiguous(event.value) or not isinstance(core(event.value), str)):
            self._note((*path, event.value), f"expected a text as the key, got {event.value}: quote it")
        return event.value

    def _scalar(self, event: ScalarEvent, path: Path) -> object:
        text = event.value
        if self._expand is None:
            return core(text) if event.implicit[0] else text
        if event.implicit[0] and is_ambiguous(text):
            self._note(path, f"expected a value that every YAML version reads alike, got {text}: quote it")
            return text
        try:
            expanded = self._expand(text)
        except ValueError as error:
            self._note(path, str(error))
            return None
        if isinstance(expanded, Resolved):
            return expanded or _ABSENT
        value = core(expanded) if event.implicit[0] and expanded == text else expanded
        if value is None:
            self._note(path, "expected a value, got nothing: leave the key out")
        return value

    def _note(self, path: Path, message: str) -> None:
        self.problems.append(self._tree.problem(path, message))


def _place(event: Event) -> Place:
    mark = event.start_mark
    return Place(mark.line + 1, mark.column + 1) if mark else Place(1, 1)
