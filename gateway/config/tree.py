"""What was read from one file: plain values whose every key and value knows its line and column."""

import json
import re
from dataclasses import dataclass, field
from typing import final

from gateway.config.interpolation import Resolved
from gateway.config.problem import Path, Problem, spelled

_SHOWN_AT_MOST = 60
# The user and the password of a URL, however it is broken.
_USER = re.compile(r"//.*@", re.DOTALL)


@final
@dataclass(frozen=True, slots=True)
class Place:
    """Where something begins; both count from 1."""

    line: int
    column: int


@final
@dataclass(frozen=True, slots=True)
class Tree:
    """Dicts, lists, texts, numbers, truth values and None, with the places of keys and values by path."""

    file: str
    data: object = field(default=None, repr=False)
    values: dict[Path, Place] = field(default_factory=dict)
    keys: dict[Path, Place] = field(default_factory=dict)

    def at(self, path: Path) -> object:
        """The value at a path, None where there is none."""
        here = self.data
        for part in path:
            if isinstance(here, dict):
                here = here.get(part)
            elif isinstance(here, list) and isinstance(part, int) and part < len(here):
                here = here[part]
            else:
                return None
        return here

    def source(self, path: Path) -> str:
        """`file:line` of the nearest thing that stands at the path or around it."""
        return f"{self.file}:{self._place(path).line}"

    def problem(self, path: Path, message: str) -> Problem:
        """A finding about the value at a path, or about its nearest parent where it is missing."""
        value = self.at(path)
        if isinstance(value, Resolved) and value:
            for echo in (json.dumps(str(value)), str(value)):
                message = message.replace(echo, _bare(value.origin))
        place = self._place(path)
        return Problem(self.file, place.line, place.column, spelled(path), message)

    def key_problem(self, path: Path, message: str) -> Problem:
        """A finding about the key itself."""
        place = self.keys.get(path) or self._place(path)
        return Problem(self.file, place.line, place.column, spelled(path), message)

    def _place(self, path: Path) -> Place:
        while path and path not in self.values:
            path = path[:-1]
        return self.values.get(path, Place(1, 1))


def shown(value: object) -> str:
    """A value as a message tells it: never what was interpolated or a password, never more than a line."""
    if isinstance(value, Resolved):
        return f"what {_bare(value.origin)} holds"
    if value is None:
        return "nothing"
    if isinstance(value, dict | list):
        return "a mapping" if isinstance(value, dict) else "a list"
    if isinstance(value, str) and "-----BEGIN" in value:
        return "a text in PEM"
    text = json.dumps(_bare(value) if isinstance(value, str) else value, ensure_ascii=False)
    return text if len(text) <= _SHOWN_AT_MOST else text[:_SHOWN_AT_MOST] + "..."


def _bare(text: str) -> str:
    return _USER.sub("//...@", text)
