"""One of the two configurations: what it makes of a request, step by step, as far as the log tells."""

from dataclasses import dataclass
from typing import Final, final

from gateway.http.match import Place, Shape, place_of
from gateway.http.template import Kind
from gateway.rehearsal import Assumed, Draft, Outcome, Stage
from gateway.replay.finding import Finding, Refusal, Scene, finding
from gateway.replay.recorded import Asked, Word
from gateway.replay.said import cors_of, proofs_of, said, spec_of
from gateway.routing import Forward, Route
from gateway.surroundings import without_backend

_NOW: Final = 0.0
_WIRE: Final = "wire"
_ROUTE: Final = "route"
_LOCATION: Final = b"Location"

Fields = tuple[tuple[str, str], ...]


@final
@dataclass(frozen=True, slots=True)
class Decision:
    """What becomes of a request: refused by `step`, answered, or passed on to `upstream` as `path`.

    `place` is where an answer sends the client, if anywhere; `source` the `file:line` that decided.
    """

    word: Word
    route: str
    source: str
    step: str = ""
    reason: str = ""
    status: int = 0
    upstream: str = ""
    path: bytes = b""
    place: bytes = b""


@final
@dataclass(frozen=True, slots=True)
class Rehearsed:
    """The steps of a request in their order, and what becomes of it where they let it pass."""

    route: Route | None
    findings: tuple[Finding, ...]
    end: Decision


@final
class Side:
    """A configuration on which requests of a log are rehearsed, on one listener, which counts from 0."""

    def __init__(self, stage: Stage, listener: int) -> None:
        self._stage = stage
        self._listener = listener
        self._secure = stage.snapshot.listeners[listener].tls is not None
        entries = stage.specs.entries
        # Whatever a route demands shall not be in the way: the log does not have it.
        self._scopes = frozenset(
            scope
            for entry in entries
            if entry.spec.allow is not None
            for scope in entry.spec.allow.scopes or ()
        )
        self._choices: dict[Place, list[object]] = {}
        for entry in entries:
            if entry.match.headers:
                self._choices.setdefault(place_of(entry.match), []).append(entry.match)
        self._said: dict[tuple[str, str], object] = {}

    @property
    def version(self) -> str:
        """The version of the configuration, as the log names it."""
        return self._stage.snapshot.version

    def fields_of(self, route: str) -> Fields:
        """The fields that a request had if it took the route of that name."""
        entry = self._stage.entries.get(route)
        return tuple(entry.spec.match.headers.items()) if entry is not None else ()

    def rehearse(self, asked: Asked, fields: Fields) -> Rehearsed:
        """Rehearse a request. Raises ValueError for what no request and no principal can be."""
        self._stage.ports.begin(_NOW)
        # A log tells the path in its canonical form and the address behind all proxies.
        draft = Draft(asked.method, asked.path, asked.host, fields, client=asked.client, secure=self._secure)
        who = Assumed(asked.principal, frozenset(asked.roles), self._scopes) if asked.principal else None
        outcome = self._stage.ask(draft, who, self._listener)
        outcome.end()
        return self._rehearsed(asked, outcome)

    def said(self, route: Route | None, name: str) -> object:
        """What holds for a step of a route, to be compared with what another configuration says."""
        if route is None:
            return None
        key = route.id, name
        if key not in self._said:
            told = self._chosen(route) if name == _ROUTE else said(self._stage, route, name)
            self._said[key] = told
        return self._said[key]

    def looks_at(self, route: Route | None) -> tuple[bool, bool]:
        """Whether the address of a client, and whether who asks, may make a difference on a route."""
        if route is None:
            return True, True
        allow = spec_of(self._stage, route).allow
        has_condition = allow is not None and allow.when is not None
        asks_address = any(policy.name == "clients" for policy in route.pipeline.policies)
        return asks_address or has_condition, has_condition

    def _rehearsed(self, asked: Asked, outcome: Outcome) -> Rehearsed:
        route, decider = outcome.route, outcome.decider
        if route is None:
            status = outcome.reply.status if outcome.reply is not None else 0
            refusal = Refusal(str(outcome.reason), status)
            end = Decision(Word.REFUSED, "", decider.source, _WIRE, refusal.reason, status)
            return Rehearsed(None, (Finding(_WIRE, decider.source, refusal),), end)
        spec = spec_of(self._stage, route)
        cors = cors_of(self._stage, spec)
        scene = Scene(asked, outcome, route, spec, cors, proofs_of(self._stage, spec).tell_sub)
        # The first two steps are the wire and the route, the last is where it goes.
        findings = [finding(scene, step) for step in outcome.steps[2:-1]]
        if self._depends_on_fields(route, asked.path):
            findings.insert(0, Finding(_ROUTE, route.source, lacks="the fields that choose the route"))
        return Rehearsed(route, tuple(findings), self._end(route, outcome))

    def _depends_on_fields(self, route: Route, path: str) -> bool:
        """Whether fields that the log has not had a say in the choice of the route."""
        entry = self._stage.entries.get(route.id)
        if entry is not None:
            return place_of(entry.match) in self._choices
        segments = path.encode(errors="replace").strip(b"/").split(b"/")
        return any(_fits(shape, segments) for _, shape in self._choices)

    def _chosen(self, route: Route) -> object:
        """What fields have a say in at the place of a route; at all places for what no route takes."""
        entry = self._stage.entries.get(route.id)
        if entry is None:
            return sorted(map(repr, self._choices.items()))
        return sorted(map(repr, self._choices.get(place_of(entry.match), ())))

    def _end(self, route: Route, outcome: Outcome) -> Decision:
        """Where a request goes that no policy refuses."""
        exchange, target = outcome.exchange, route.target
        assert exchange is not None  # noqa: S101 - whatever has a route was read.
        if isinstance(target, Forward):
            path = target.path(exchange.request, exchange.captures)
            return Decision(Word.PASSED, route.id, route.source, upstream=target.upstream, path=path)
        reply = without_backend(target, exchange)
        if reply.reason is not None:
            return Decision(Word.REFUSED, route.id, route.source, _ROUTE, str(reply.reason), reply.status)
        place = dict(reply.fields).get(_LOCATION, b"")
        return Decision(Word.ANSWERED, route.id, route.source, status=reply.status, place=place)


def _fits(shape: Shape, segments: list[bytes]) -> bool:
    """Whether a path may belong to a place."""
    for index, (kind, text) in enumerate(shape):
        if kind is Kind.REST:
            return True
        if index >= len(segments) or (kind is Kind.LITERAL and text != segments[index]):
            return False
    return len(shape) == len(segments)
