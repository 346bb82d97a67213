"""What a route asks of a request, and which routes cannot stand side by side.

Two routes that share a place, that is a host pattern and the shape of a path, are told apart by method and
fields. Everything here happens while the configuration is read.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar, final

from gateway.http.template import Kind, parse_path

T = TypeVar("T")


@final
@dataclass(frozen=True, slots=True)
class Match:
    """What a route asks of a request.

    `host` is a name, `*.suffix` (one or more labels before it) or None for every host; `path` a template with
    its prefix. No `methods` means all; GET admits HEAD. `headers` are lower-case names and exact values.
    """

    host: str | None
    path: str
    methods: tuple[str, ...] = ()
    headers: tuple[tuple[bytes, bytes], ...] = ()


# A template without the names of its variables: equal shapes match the same paths.
Shape = tuple[tuple[Kind, bytes], ...]
# A host pattern and a shape. Routes that share both are told apart by method and fields.
Place = tuple[bytes, Shape]

REST = (Kind.REST, b"")
_NAME = (Kind.NAME, b"")


def place_of(match: Match) -> Place:
    """Where a match stands. The host is lower-case: a name, `.suffix`, or nothing for every host.

    Raises ValueError as `parse_path` does.
    """
    segments = parse_path(match.path)
    host = (match.host or "").encode().lower().removeprefix(b"*").removesuffix(b".")
    return host, tuple((s.kind, s.text.encode() if s.kind is Kind.LITERAL else b"") for s in segments)


def covering(host: bytes) -> Iterator[bytes]:
    """The keys of the patterns that hold a host, the exactest first: itself, its `.suffixes`, every host."""
    yield host
    dot = host.find(b".", 1)
    while dot > 0:
        yield host[dot:]
        dot = host.find(b".", dot + 1)
    yield b""


def conflicts(entries: Sequence[tuple[Match, T]]) -> list[tuple[T, T, str]]:
    """Pairs of routes that cannot both be meant, with what the first is to the second.

    The later "has the same match as" the earlier, or the first "is shadowed by" the second, whatever their
    order, and can never be taken. Raises ValueError as `parse_path` does.
    """
    found: list[tuple[T, T, str]] = []
    firsts: dict[tuple[Place, frozenset[tuple[bytes, bytes]], str], int] = {}
    owners: dict[Place, T] = {}
    places = [place_of(match) for match, _ in entries]
    for index, (place, (match, route)) in enumerate(zip(places, entries, strict=True)):
        owners.setdefault(place, route)
        keys = [(place, frozenset(match.headers), method) for method in match.methods or ("",)]
        twins = {firsts.setdefault(key, index) for key in keys} - {index}
        found += [(route, entries[twin][1], "has the same match as") for twin in sorted(twins)]
    for place, (_, route) in zip(places, entries, strict=True):
        shadow = _shadow(place, owners)
        if shadow is not None:
            found.append((route, owners[shadow], "is shadowed by"))
    return found


def _shadow(place: Place, owners: Mapping[Place, object]) -> Place | None:
    """The place that leaves nothing to another.

    Only `{name...}` can be left with nothing: by routes for none, one, two .. more segments, and from there
    on `{name...}` again. No number of literals uses up a variable.
    """
    host, shape = place

    def owner(shape: Shape) -> Place | None:
        return next(((key, shape) for key in covering(host) if (key, shape) in owners), None)

    if shape[-1:] != (REST,):
        return None
    shape = shape[:-1]
    while owner(shape):
        shape = (*shape, _NAME)
        shadow = owner((*shape, REST))
        if shadow:
            return shadow
    return None
