"""Requests that show where two configurations route differently.

A route that goes, or that asks for less, leaves its requests to a less exact one; a new one takes requests
from others. So for every two paths of both configurations there is a request that both would take, with every
number of segments that `{name...}` could stand for, on each host, by each method and with each set of fields.
The route that takes any request at all takes one of these: what makes it the most exact for the one makes it
so for the other.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from itertools import chain, combinations, product
from typing import Final, final

from gateway.http.edits import Block
from gateway.http.fields import Field
from gateway.http.match import Match, Shape, place_of
from gateway.http.request import Request
from gateway.http.template import Kind
from gateway.progress import counted
from gateway.rehearsal import Stage

# What no file says by chance, where any text would do.
_SEGMENT: Final = b"any-other"
_HOST: Final = b"any-other.invalid"
_METHOD: Final = "OTHER-THAN-THOSE"
_USUAL: Final = ("GET", "HEAD", "POST")


@final
@dataclass(frozen=True, slots=True)
class Example:
    """One request, as people write it."""

    method: str
    host: str
    path: str

    def __str__(self) -> str:
        method = "any other method" if self.method == _METHOD else self.method
        return f"{method} {self.host}{self.path}"


# The ids of the routes that take a request, before and after, empty where none does.
Move = tuple[str, str]


def moves(old: Stage, new: Stage) -> dict[Move, Example]:
    """Every pair of routes that one request takes, and such a request."""
    matches = [entry.match for stage in (old, new) for entry in stage.specs.entries]
    known = ({*old.entries}, {*new.entries})
    found: dict[Move, Example] = {}
    paths, hosts, methods = _paths(matches), _hosts(matches), _methods(matches)
    asked = _fields(matches)
    total = len(paths) * len(hosts) * len(methods) * len(asked)
    requests = counted(product(paths, hosts, methods, asked), total, "requests compared")
    for path, host, method, fields in requests:
        request = _request(method, host, path, fields)
        ids = [stage.snapshot.router.route(request)[0].id for stage in (old, new)]
        was, now = (id if id in ours else "" for id, ours in zip(ids, known, strict=True))
        named = "" if host == _HOST else host.decode()
        found.setdefault((was, now), Example(method, named, path.decode()))
    return found


def _request(method: str, host: bytes, path: bytes, fields: frozenset[Field]) -> Request:
    lines = [b"%b: %b" % field for field in sorted(fields)]
    return Request(method.encode(), host, path, b"", lines, {}, 0, "", False, Block(()))


def _paths(matches: Iterable[Match]) -> list[bytes]:
    shapes = list(dict.fromkeys(place_of(match)[1] for match in matches))
    depth = max(map(len, shapes), default=0) + 1
    pairs = ((shape, shape) for shape in shapes)
    paths = [path for one, other in chain(pairs, _pairs(shapes)) for path in _shared(one, other, depth)]
    return list(dict.fromkeys(paths))


def _pairs(shapes: Sequence[Shape]) -> Iterator[tuple[Shape, Shape]]:
    """Every two shapes that may have a path in common, in their order."""
    tree = _Tree()
    for place, shape in enumerate(shapes):
        tree.put(shape, place)
    for place, shape in enumerate(shapes):
        for other in sorted(tree.meeting(shape)):
            if other > place:
                yield shape, shapes[other]


@final
class _Tree:
    """Shapes by the segments that they begin with.

    Of hundreds of routes few have a path in common with a given one: those are found without a look at all.
    """

    __slots__ = ("below", "closed", "open")

    def __init__(self) -> None:
        # By the text of the next segment, None where any would do.
        self.below: dict[bytes | None, _Tree] = {}
        self.closed: list[int] = []
        # Those that go on with whatever comes.
        self.open: list[int] = []

    def put(self, shape: Shape, place: int) -> None:
        """Keep a shape under its number."""
        node = self
        for index in range(_least(shape)):
            node = node.below.setdefault(_text(shape, index), _Tree())
        (node.open if _has_rest(shape) else node.closed).append(place)

    def meeting(self, shape: Shape) -> Iterator[int]:
        """The numbers of those that spell no segment out differently and can be as long; its own, too."""
        nodes = [self]
        for index in range(_least(shape)):
            for node in nodes:
                yield from node.open
            nodes = [below for node in nodes for below in node._after(_text(shape, index))]
        for node in nodes if not _has_rest(shape) else _all(nodes):
            yield from (*node.closed, *node.open)

    def _after(self, text: bytes | None) -> Iterable["_Tree"]:
        if text is None:
            return self.below.values()
        return [self.below[each] for each in (text, None) if each in self.below]


def _all(nodes: Iterable[_Tree]) -> Iterator[_Tree]:
    """These, and all below them."""
    waiting = [*nodes]
    while waiting:
        node = waiting.pop()
        yield node
        waiting += node.below.values()


def _shared(one: Shape, other: Shape, depth: int) -> Iterator[bytes]:
    """Paths that two shapes have in common: one for each number of segments."""
    for length in range(depth + 1):
        segments = [_segment(one, other, index) for index in range(length)]
        if _is_as_long(one, length) and _is_as_long(other, length) and None not in segments:
            yield b"/" + b"/".join([segment for segment in segments if segment is not None])


def _is_as_long(shape: Shape, length: int) -> bool:
    return _least(shape) <= length if _has_rest(shape) else len(shape) == length


def _least(shape: Shape) -> int:
    """How many segments a path of it has at least."""
    return len(shape) - 1 if _has_rest(shape) else len(shape)


def _has_rest(shape: Shape) -> bool:
    return shape[-1:] != () and shape[-1][0] is Kind.REST


def _segment(one: Shape, other: Shape, index: int) -> bytes | None:
    """What stands there in both, None where they differ."""
    texts = {text for text in (_text(one, index), _text(other, index)) if text is not None}
    return _SEGMENT if not texts else texts.pop() if len(texts) == 1 else None


def _text(shape: Shape, index: int) -> bytes | None:
    """The text of a segment, None where any would do."""
    return shape[index][1] if index < len(shape) and shape[index][0] is Kind.LITERAL else None


def _hosts(matches: Iterable[Match]) -> list[bytes]:
    patterns = dict.fromkeys(place_of(match)[0] for match in matches)
    named = [b"any-other" + host if host.startswith(b".") else host for host in patterns if host]
    return [_HOST, *dict.fromkeys(named)]


def _methods(matches: Iterable[Match]) -> list[str]:
    listed = [method for match in matches for method in match.methods]
    return list(dict.fromkeys((*_USUAL, *listed, _METHOD)))


def _fields(matches: Iterable[Match]) -> list[frozenset[Field]]:
    """None, what each route asks for, and what two of them ask for where that can be had at once."""
    asked = list(dict.fromkeys(frozenset(match.headers) for match in matches))
    both = [one | other for one, other in combinations(asked, 2)]
    sound = [fields for fields in both if len({name for name, _ in fields}) == len(fields)]
    return list(dict.fromkeys((frozenset(), *asked, *sound)))
