"""Documents that refer to themselves: JSON Schemas, and OpenAPI with schemas in it.

A reference leads to a place in the same document (RFC 6901), never to another one.
"""

from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote, unquote

Path = tuple[str | int, ...]
Node = Mapping[str, object]

# What stands below these is data, whatever it looks like.
LITERAL = frozenset(["enum", "const", "default", "example", "examples"])
# Below these, keys are names that somebody chose, not keywords.
NAMED = frozenset(["properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "schemas"])
_REFERENCES = ("$ref", "$dynamicRef")
_CHAIN_AT_MOST = 100


def nodes(value: object, path: Path = ()) -> Iterator[tuple[Path, Node]]:
    """Every mapping whose keys are keywords, with the path that leads to it."""
    waiting = [(path, value, False)]
    while waiting:
        here, node, named = waiting.pop()
        if isinstance(node, list):
            waiting += (((*here, index), item, False) for index, item in enumerate(node))
        elif isinstance(node, dict):
            if not named:
                yield here, node
            waiting += (
                ((*here, key), item, not named and key in NAMED)
                for key, item in node.items()
                if named or key not in LITERAL
            )


def names(document: object) -> Iterator[str]:
    """The names of members that the schemas in a document know."""
    for _, node in nodes(document):
        for keyword in ("properties", "required"):
            known = node.get(keyword)
            if isinstance(known, dict | list):
                yield from (name for name in known if isinstance(name, str))


def pointer(path: Iterable[str | int]) -> str:
    """The path as the fragment of a URI, such as `#/paths/~1charges` (RFC 6901 6)."""
    parts = (str(part).replace("~", "~0").replace("/", "~1") for part in path)
    return "#" + "".join(f"/{quote(part, safe='~$!&()*+,;=:@')}" for part in parts)


def target(document: object, reference: str) -> tuple[Path, object]:
    """Where a reference leads, and what stands there. Raises ValueError where that is nowhere in here."""
    if reference != "#" and not reference.startswith("#/"):
        raise ValueError("expected a reference into this document, such as #/$defs/name")
    path: list[str | int] = []
    here = document
    for part in reference.split("/")[1:]:
        name = unquote(part).replace("~1", "/").replace("~0", "~")
        if isinstance(here, dict) and name in here:
            path.append(name)
            here = here[name]
        elif isinstance(here, list) and name.isdecimal() and name.isascii() and int(name) < len(here):
            path.append(int(name))
            here = here[int(name)]
        else:
            raise ValueError("expected a reference to what there is in this document")
    return tuple(path), here


def astray(document: object) -> Iterator[tuple[Path, str]]:
    """The references of a document that lead nowhere in it, with what was expected of them."""
    for path, node in nodes(document):
        for keyword in _REFERENCES:
            reference = node.get(keyword)
            if isinstance(reference, str):
                try:
                    target(document, reference)
                except ValueError as error:
                    yield (*path, keyword), str(error)


def is_endless(document: object, start: object) -> bool:
    """True if following the references below `start` leads back to one of them, or very far."""
    return _leads_back(document, start, {}, frozenset())


def _leads_back(document: object, start: object, settled: dict[Path, bool], way: frozenset[Path]) -> bool:
    for _, node in nodes(start):
        for reference in (node.get(keyword) for keyword in _REFERENCES):
            if not isinstance(reference, str):
                continue
            path, there = target(document, reference)
            if path in way or len(way) > _CHAIN_AT_MOST:
                return True
            if path not in settled:
                settled[path] = _leads_back(document, there, settled, way | {path})
            if settled[path]:
                return True
    return False
