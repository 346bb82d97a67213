"""Which Route a request takes.

The path decides first, segment by segment: a literal before `{name}` before `{name...}`, whatever the order
in the files. On equal paths the exacter host owns every method; method and fields choose among its routes.
A look-up costs what the path is deep, not how many routes there are.
"""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Final, final

from gateway.http.edits import Edits
from gateway.http.fields import Field
from gateway.http.match import REST, Match, Place, Shape, conflicts, covering, place_of
from gateway.http.reply import Reply
from gateway.http.request import Request, is_preflight
from gateway.http.template import Kind, Segment, Template, parse_path, template, variables
from gateway.policy import Pipeline

__all__ = [
    "Forward",
    "Kind",
    "Match",
    "Redirect",
    "Route",
    "Router",
    "Segment",
    "Template",
    "conflicts",
    "parse_path",
    "template",
    "variables",
]

# RFC 1035 2.3.4: a name of 255 octets; then `:` and a port.
_AUTHORITY_AT_MOST: Final = 261
_LEARNED_AT_MOST: Final = 4096


@final
@dataclass(frozen=True, slots=True)
class Forward:
    """To an upstream: `prefix` is taken from the front of the path, or `rewrite` replaces it whole.

    `response` and `idle` are seconds. `set_fields` are written into the request, `remove_fields` (lower-case)
    taken from it.
    """

    upstream: str
    prefix: bytes
    rewrite: Template | None
    set_fields: tuple[Field, ...]
    remove_fields: frozenset[bytes]
    response: float
    idle: float

    def path(self, request: Request, captures: tuple[bytes, ...]) -> bytes:
        """The path that the backend sees: rewritten, or without the prefix, or as it is."""
        if self.rewrite is not None:
            return self.rewrite.fill(captures)
        return request.path[len(self.prefix) :] or b"/" if self.prefix else request.path


@final
@dataclass(frozen=True, slots=True)
class Redirect:
    """To another place: the client is told to go there."""

    to: Template
    status: int


@final
@dataclass(frozen=True, slots=True, eq=False)
class Route:
    """What matched: everything that is done with a request, compiled.

    `edits` has one entry for plain and one for secure clients, indexed by `request.secure`.
    `source` is the `file:line` that made it, `variables` names the captures of its template, `upgrades` says
    whether a WebSocket handshake may pass, `body_limit` is in bytes. One that `answers_preflights` gets those
    of its place and method whatever it asks of fields. `operation` is its name in telemetry, if it has one.
    """

    id: str
    source: str
    pattern: str
    methods: tuple[str, ...]
    variables: tuple[str, ...]
    upgrades: bool
    pipeline: Pipeline
    edits: tuple[Edits, Edits]
    body_limit: int
    target: Forward | Redirect | Reply
    answers_preflights: bool = False
    operation: str = ""


# Conditions on fields and the route they lead to, in the order they are tried; the last has none.
_Choices = tuple[tuple[frozenset[tuple[bytes, bytes]], Route], ...]


@final
class _Leaf:
    """All routes of one place. `rank` orders the leaves that match one path: the smaller is more exact."""

    __slots__ = ("_choices", "_limit", "_names", "_positions", "_routes", "_unlisted", "rank")

    def __init__(self, shape: Shape, choices: dict[bytes, _Choices], unlisted: _Choices) -> None:
        self.rank = bytes(kind for kind, _ in shape)
        self._positions = [index for index, (kind, _) in enumerate(shape, 1) if kind is not Kind.LITERAL]
        # The path is cut behind the last variable, or before the rest.
        self._limit = len(shape) if shape[-1:] == (REST,) else len(shape) + 1
        self._choices = {**choices, b"": unlisted}
        self._names = {name for tried in self._choices.values() for wanted, _ in tried for name, _ in wanted}
        # None: fields decide.
        self._routes = {
            method: None if tried[0][0] else tried[0][1] for method, tried in self._choices.items()
        }
        self._unlisted = self._routes[b""]

    def choose(self, method: bytes, request: Request) -> Route:
        """The route of this place for a method, as the client wrote it."""
        route = self._routes.get(method, self._unlisted)
        return route if route is not None else self._by_fields(method, request)

    def captures(self, path: bytes) -> tuple[bytes, ...]:
        """The raw segments that the variables stand for; `{name...}` without its leading slash."""
        segments = path.split(b"/", self._limit)
        if len(segments) == self._limit:
            segments.append(b"")
        return tuple([segments[position] for position in self._positions])

    def _by_fields(self, method: bytes, request: Request) -> Route:
        choices = self._choices.get(method, self._choices[b""])
        first = choices[0][1]
        if first.answers_preflights and is_preflight(request):
            # It has none of the fields that the request will have. The configuration makes sure that the
            # answers of all these routes are the same.
            return first
        sent: dict[bytes, bytes] = {}
        for raw, value in request.fields:
            name = raw.lower()
            if name in self._names:
                text = value.strip(b" \t")
                sent[name] = sent[name] + b", " + text if name in sent else text
        # A noted value is already joined, each field in its own way.
        sent.update(request.noted)
        present = set(sent.items())
        return next(route for wanted, route in choices if wanted <= present)


@final
class _Node:
    """A prefix of templates. Only one way leads to it, so a walk that turns back never sees it again."""

    __slots__ = ("leaf", "literals", "name", "rest")

    def __init__(self) -> None:
        self.literals: dict[bytes, _Node] = {}
        self.name: _Node | None = None
        self.rest: _Leaf | None = None
        self.leaf: _Leaf | None = None

    def add(self, shape: Shape, leaf: _Leaf) -> None:
        """Put a leaf where its shape leads."""
        node = self
        for kind, text in shape:
            if kind is Kind.REST:
                node.rest = leaf
                return
            if kind is Kind.LITERAL:
                node = node.literals.setdefault(text, _Node())
            else:
                node.name = node = node.name or _Node()
        node.leaf = leaf

    def find(self, segments: list[bytes], index: int) -> _Leaf | None:
        """The most exact leaf below this node for the segments from `index` on."""
        node, rest = self, self.rest
        while index < len(segments):
            child, other = node.literals.get(segments[index]), node.name
            index += 1
            if child is None:
                child = other
            elif other is not None:
                leaf = child.find(segments, index)
                if leaf is not None:
                    return leaf
                child = other
            if child is None:
                return rest
            node, rest = child, child.rest or rest
        return node.leaf or rest


@final
class _Table:
    """The leaves of one host pattern: paths without variables by their text, all others as a tree."""

    __slots__ = ("literals", "root")

    def __init__(self) -> None:
        self.literals: dict[bytes, _Leaf] = {}
        self.root = _Node()

    def add(self, shape: Shape, leaf: _Leaf) -> None:
        """Put a leaf where its shape leads."""
        if any(kind is not Kind.LITERAL for kind, _ in shape):
            self.root.add(shape, leaf)
            return
        path = b"/" + b"/".join([text for _, text in shape])
        self.literals[path] = leaf
        self.literals[path.rstrip(b"/") + b"/"] = leaf


@final
class _Chains(dict[bytes, tuple[_Table, ...]]):
    """Raw authority -> the tables of the patterns that hold its host, the exactest first; it learns."""

    def __init__(self, tables: Mapping[bytes, _Table]) -> None:
        super().__init__()
        self._tables = tables

    def __missing__(self, authority: bytes) -> tuple[_Table, ...]:
        # The port ends at the last colon, unless that is inside an IPv6 literal (RFC 3986 3.2.2).
        colon = authority.rfind(b":")
        host = authority[:colon] if colon > authority.rfind(b"]") else authority
        known = len(authority) <= _AUTHORITY_AT_MOST
        keys = covering(host.lower().removesuffix(b".")) if known else (b"",)
        chain = tuple([self._tables[key] for key in keys if key in self._tables])
        if len(self) >= _LEARNED_AT_MOST:
            self.clear()
        if known:
            self[authority] = chain
        return chain


@final
class Router:
    """Finds the Route of a request. What no path matches takes `unmatched`; so does what no field fits.

    `refuse_method` makes the route of a 405 from the value of its `Allow` field, once for a set of methods.
    The order of the entries means nothing, as long as no two of them have the same match (`conflicts`).
    """

    __slots__ = ("_chains", "_depth", "unmatched")

    def __init__(
        self,
        entries: Iterable[tuple[Match, Route]],
        unmatched: Route,
        refuse_method: Callable[[bytes], Route],
    ) -> None:
        places: dict[Place, list[tuple[Match, Route]]] = {}
        for match, route in entries:
            places.setdefault(place_of(match), []).append((match, route))
        refuse = cache(refuse_method)
        tables: dict[bytes, _Table] = {}
        for (host, shape), routes in places.items():
            tables.setdefault(host, _Table()).add(shape, _leaf(shape, routes, unmatched, refuse))
        self._chains = _Chains(tables)
        self._depth = max([len(shape) for _, shape in places], default=0) + 1
        self.unmatched = unmatched

    def route(self, request: Request) -> tuple[Route, tuple[bytes, ...]]:
        """The route of a request, whose path is canonical or `*`, and the raw segments that it captures.

        A preflight (Fetch, CORS-preflight request) takes the route of the request that it asks for.
        """
        method = request.method
        if method == b"OPTIONS" and is_preflight(request):
            method = request.noted[b"access-control-request-method"]
        path = request.path
        chain = self._chains[request.authority]
        for table in chain:
            if path in table.literals:
                return table.literals[path].choose(method, request), ()
        leaf = self._find(path, chain)
        if leaf is None:
            return self.unmatched, ()
        route = leaf.choose(method, request)
        return route, leaf.captures(path) if route.variables else ()

    def _find(self, path: bytes, chain: tuple[_Table, ...]) -> _Leaf | None:
        segments = path.split(b"/", self._depth)
        if segments[0]:
            return None  # `OPTIONS *` (RFC 9112 3.2.4) asks for no path.
        if not segments[-1]:
            segments.pop()
        if len(chain) == 1:
            return chain[0].root.find(segments, 1)
        best = None
        for table in chain:
            leaf = table.root.find(segments, 1)
            if leaf is not None and (best is None or leaf.rank < best.rank):
                best = leaf
        return best


def _leaf(
    shape: Shape,
    routes: list[tuple[Match, Route]],
    unmatched: Route,
    refuse: Callable[[bytes], Route],
) -> _Leaf:
    listed = {method for match, _ in routes for method in match.methods}
    head = {"HEAD"} if "GET" in listed else set()
    allow = ", ".join(sorted(listed | head)).encode()
    if all(match.methods for match, _ in routes):
        unlisted: _Choices = ((frozenset(), refuse(allow)),)
    else:
        unlisted = _choices([entry for entry in routes if not entry[0].methods], unmatched)
    choices = {}
    for method in listed | head:
        rule = method if method in listed else "GET"
        admitted = [entry for entry in routes if not entry[0].methods or rule in entry[0].methods]
        choices[method.encode()] = _choices(admitted, unmatched)
    return _Leaf(shape, choices, unlisted)


def _choices(admitted: list[tuple[Match, Route]], unmatched: Route) -> _Choices:
    """Most conditions first, then by their text; a route that lists the method before one for all."""

    def order(entry: tuple[Match, Route]) -> tuple[int, list[Field], bool]:
        match, _ = entry
        return -len(set(match.headers)), sorted(match.headers), not match.methods

    tried = [(frozenset(match.headers), route) for match, route in sorted(admitted, key=order)]
    return (*tried, (frozenset(), unmatched))
