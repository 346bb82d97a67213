"""Which operation of an API a request is: by its method and its path, which may have variables.

A path that is written out goes before one with variables, segment by segment, whatever the order in the
document (OpenAPI 3.1.0, Paths Object).
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar, final
from urllib.parse import quote

from gateway.http.fields import Malformed
from gateway.http.path import PathRules, canonical

T = TypeVar("T")

_RELAXED = PathRules(semicolon="allow", encoded_slash="allow")
_SEGMENT = re.compile(r"([^{}]*)(?:\{([^{}/]+)\}([^{}]*))?")
_ASCII = "".join(map(chr, range(33, 127)))


@final
@dataclass(frozen=True, slots=True)
class Segment:
    """One segment of a path: `before` alone, or any text between `before` and `after`, which has a name."""

    before: bytes
    name: str = ""
    after: bytes = b""

    @property
    def rank(self) -> tuple[bool, int]:
        """Orders the segments that one text matches: the smaller is more exact."""
        return bool(self.name), -len(self.before) - len(self.after)

    def capture(self, text: bytes) -> bytes | None:
        """What of a text the variable stands for, empty without one; None where they do not match."""
        if not self.name:
            return b"" if text == self.before else None
        end = len(text) - len(self.after)
        is_match = text.startswith(self.before) and text.endswith(self.after) and end > len(self.before)
        return text[len(self.before) : end] if is_match else None


def segments(template: str) -> tuple[Segment, ...]:
    """The segments of a path such as `/charges/{id}.json`. Raises ValueError for what is no such path."""
    if not template.startswith("/"):
        raise ValueError("expected a path that begins with /")
    found = []
    for text in template[1:].split("/"):
        match = _SEGMENT.fullmatch(text)
        if match is None:
            raise ValueError("expected at most one variable in each segment of the path")
        found.append(Segment(_literal(match[1]), match[2] or "", _literal(match[3] or "")))
    names = [segment.name for segment in found if segment.name]
    if len({*names}) != len(names):
        raise ValueError("expected each variable of the path once")
    return tuple(found)


def _literal(text: str) -> bytes:
    try:
        return canonical(b"/" + quote(text, safe=_ASCII).encode(), _RELAXED)[1:] if text else b""
    except Malformed:
        raise ValueError("expected a path that a request can have") from None


@final
class Api(Generic[T]):
    """The operations of one document, by path and by method.

    `bases` are what the paths of its servers put in front of its own; one of them has to be there.
    """

    __slots__ = ("_bases", "_paths")

    def __init__(
        self, bases: Iterable[bytes], paths: Iterable[tuple[tuple[Segment, ...], Mapping[bytes, T]]]
    ) -> None:
        self._bases = sorted({*bases}, key=len, reverse=True)
        self._paths: dict[int, list[tuple[tuple[Segment, ...], Mapping[bytes, T]]]] = {}
        for template, methods in sorted(paths, key=lambda each: [segment.rank for segment in each[0]]):
            self._paths.setdefault(len(template), []).append((template, methods))

    def find(self, method: bytes, path: bytes) -> tuple[T, dict[str, bytes]] | None:
        """The operation, and the raw segments that its variables stand for. HEAD is answered as GET is."""
        for base in self._bases:
            if path.startswith(base + b"/"):
                parts = path[len(base) + 1 :].split(b"/")
                for template, methods in self._paths.get(len(parts), ()):
                    captures = _captures(template, parts)
                    if captures is not None:
                        operation = methods.get(method)
                        if operation is None and method == b"HEAD":
                            operation = methods.get(b"GET")
                        return (operation, captures) if operation is not None else None
        return None


def _captures(template: Sequence[Segment], parts: Sequence[bytes]) -> dict[str, bytes] | None:
    found = {}
    for segment, part in zip(template, parts, strict=True):
        text = segment.capture(part)
        if text is None:
            return None
        if segment.name:
            found[segment.name] = text
    return found
