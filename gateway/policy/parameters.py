"""Parameters: texts of a query, a form, a path or a field, read as the values that a schema expects.

A text is decoded once. What a backend could read otherwise is refused: broken escapes, bytes that are not
UTF-8, controls, a second value where one is meant.
"""

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import final
from urllib.parse import unquote_to_bytes

from gateway.policy import json_text
from gateway.policy.references import target

_PAIRS_AT_MOST = 100
# Some programs part pairs at `;` too.
_BROKEN = re.compile(rb"%(?![0-9A-Fa-f]{2})|;|[^!-~]")
_CONTROLS = re.compile("[\x00-\x1f\x7f]")
_NUMBER = re.compile(r"-?(?:0|[1-9][0-9]*)(?:\.[0-9]+)?(?:[eE][+-]?[0-9]+)?", re.ASCII)
_NUMBER_AT_MOST = 64
_WORDS = {"true": True, "false": False}
_COMBINING = ("allOf", "anyOf", "oneOf")

Pair = tuple[str, str]


@final
@dataclass(frozen=True, slots=True)
class Shape:
    """What a parameter may be: JSON types, and the types of its items where it is an array.

    `separator` parts the items where they stand in one text.
    """

    types: frozenset[str]
    items: frozenset[str] = frozenset()
    separator: str = ""

    def value(self, texts: list[str]) -> object:
        """The value of a parameter that was given with these texts. Raises ValueError for one too many."""
        if "array" in self.types:
            if self.separator:
                texts = [part for text in texts for part in text.split(self.separator)]
            return [_scalar(text, self.items) for text in texts]
        if len(texts) > 1:
            raise ValueError("more than one value")
        return _scalar(texts[0], self.types)


_TEXT = Shape(frozenset(["string"]))
_TEXTS = Shape(frozenset(["array"]), _TEXT.types)


@final
class Parameters:
    """The shapes of parameters by name, as the schema of an object has them."""

    __slots__ = ("_other", "shapes")

    def __init__(self, shapes: Mapping[str, Shape], other: Shape | None = None) -> None:
        self.shapes = shapes
        self._other = other

    def values(self, pairs: Iterable[Pair]) -> dict[str, object]:
        """What the pairs say, by name. Raises ValueError for a second value where one is meant."""
        texts: dict[str, list[str]] = {}
        for name, text in pairs:
            texts.setdefault(name, []).append(text)
        return {name: self._shape(name, given).value(given) for name, given in texts.items()}

    def _shape(self, name: str, given: list[str]) -> Shape:
        known = self.shapes.get(name, self._other)
        return known or (_TEXT if len(given) == 1 else _TEXTS)


def parameters(schema: object, document: object) -> Parameters:
    """The parameters that the schema of an object describes; its references lead into `document`."""
    shapes: dict[str, Shape] = {}
    for properties in _under("properties", schema, document):
        if isinstance(properties, dict):
            shapes |= {name: shape(each, document) for name, each in properties.items()}
    others = [each for each in _under("additionalProperties", schema, document) if isinstance(each, dict)]
    return Parameters(shapes, shape(others[0], document) if others else None)


def pairs(encoded: bytes) -> list[Pair]:
    """The names and values of a query or a form, without its `?` (WHATWG URL, 5.1). Raises ValueError."""
    if _BROKEN.search(encoded):
        raise ValueError("not readable in one way")
    parts = [part for part in encoded.split(b"&") if part]
    if len(parts) > _PAIRS_AT_MOST:
        raise ValueError("too many")
    found = []
    for part in parts:
        name, _, value = part.replace(b"+", b" ").partition(b"=")
        if not name:
            raise ValueError("no name")
        found.append((decoded(name), decoded(value)))
    return found


def decoded(text: bytes) -> str:
    """A text with its escapes decoded once. Raises ValueError for what is no UTF-8, and for controls."""
    plain = unquote_to_bytes(text).decode("utf-8")
    if _CONTROLS.search(plain):
        raise ValueError("controls")
    return plain


def shape(schema: object, document: object, separator: str = "") -> Shape:
    """What a parameter with this schema may be; its references lead into `document`."""
    types = frozenset(_types(schema, document))
    items = frozenset(kind for item in _under("items", schema, document) for kind in _types(item, document))
    return Shape(types or _TEXT.types, items or _TEXT.types, separator)


def _types(schema: object, document: object) -> Iterator[str]:
    for part in _parts(schema, document):
        said = part.get("type")
        yield from [said] if isinstance(said, str) else said if isinstance(said, list) else []


def _under(keyword: str, schema: object, document: object) -> Iterator[object]:
    for part in _parts(schema, document):
        if keyword in part:
            yield part[keyword]


def _parts(schema: object, document: object) -> Iterator[Mapping[str, object]]:
    """A schema, and those that it is combined from."""
    waiting, seen = [schema], set()
    while waiting:
        part = waiting.pop()
        if not isinstance(part, dict):
            continue
        yield part
        reference = part.get("$ref")
        if isinstance(reference, str) and reference not in seen:
            seen.add(reference)
            waiting.append(target(document, reference)[1])
        for keyword in _COMBINING:
            more = part.get(keyword)
            waiting += more if isinstance(more, list) else []


def _scalar(text: str, types: frozenset[str]) -> object:
    """The text as one of the types; as it stands where it may be a text or is none of them."""
    if "string" in types:
        return text
    if types & {"integer", "number"} and len(text) <= _NUMBER_AT_MOST and _NUMBER.fullmatch(text):
        return json_text.parse(text.encode())
    if "boolean" in types:
        return _WORDS.get(text, text)
    return text
