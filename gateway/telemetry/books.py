"""The books of the gateway: every request is opened in them once, and closed once when it is over."""

from collections.abc import Callable, Iterable
from typing import Final, final

from gateway.http.reason import Reason
from gateway.http.request import Request
from gateway.policy import Exchange
from gateway.policy.quota import Quota, RateOnly
from gateway.routing import Forward, Route
from gateway.telemetry.baggage import Baggage
from gateway.telemetry.context import Sampling, Trace, Tracing
from gateway.telemetry.ids import SPAN, TRACE, Ids
from gateway.telemetry.passage import NOT_YET, Attempt, Passage
from gateway.telemetry.tally import DURATIONS, EXPECTED, Learnt, RouteTally, UpstreamTally
from gateway.wire.clock import Clock

# Routes that have series of their own; what comes after them shares one.
_ROUTES_AT_MOST: Final = 10_000
_OVERFLOW: Final = "_overflow"
UNREADABLE: Final = "_unreadable"

CLIENT_LEFT: Final = 499
_SWITCHED: Final = 101


Follower = Callable[[Passage, float], None]
# Of what could not be read: why, the status, the id of the answer, and the peer.
UnreadableFollower = Callable[[Reason, int, bytes, str], None]


@final
class Books:
    """Opens and closes the passages of requests, and adds them up.

    Tallies are kept by what their labels say, so that they outlive the configuration that made them;
    `refusals` are those of quotas, by tier. `in_flight` and `tunnels` are how many there are now.
    `followers` are told of every request that is over, and when that was; `unreadable_followers` of what
    could not be read as one.
    """

    __slots__ = (
        "_baggage",
        "_by_route",
        "_durations",
        "_learnt",
        "clock",
        "followers",
        "ids",
        "in_flight",
        "monotonic",
        "refusals",
        "routes",
        "tracing",
        "tunnels",
        "unreadable_followers",
        "upstreams",
    )

    def __init__(
        self,
        clock: Clock,
        sample: float,
        thresholds: Iterable[float] = (),
        baggage: Baggage | None = None,
    ) -> None:
        self.clock = clock
        self.monotonic: Callable[[], float] = clock.monotonic
        self.ids = Ids()
        self._baggage = baggage
        self.tracing = Tracing(self.ids, Sampling(sample), baggage)
        self.routes: dict[tuple[str, str, str], RouteTally] = {}
        self.upstreams: dict[str, UpstreamTally] = {}
        self.refusals: dict[str, int] = {}
        self.in_flight = 0
        self.tunnels = 0
        self.followers: tuple[Follower, ...] = ()
        self.unreadable_followers: tuple[UnreadableFollower, ...] = ()
        self._by_route: dict[Route, RouteTally] = {}
        self._durations = sorted({*DURATIONS, *thresholds})
        self._learnt = Learnt()
        # What is more than can be told apart.
        self._tally_of(_OVERFLOW, "", "").requests = self._learnt.rest
        self._tally_of(UNREADABLE, "", "").expect(("_OTHER",), (400,))

    def bind(self, routes: Iterable[Route]) -> None:
        """Make the tallies of these routes now: a series that begins at 0 shows its first event."""
        for route in routes:
            target = route.target
            statuses = EXPECTED if isinstance(target, Forward) else (target.status,)
            self.tally(route).expect(route.methods or ("GET",), statuses)
            for policy in route.pipeline.policies:
                if isinstance(policy, (Quota, RateOnly)):
                    for tier in policy.tiers:
                        self.refusals.setdefault(tier, 0)

    def adopt(self, sample: float, thresholds: Iterable[float], routes: Iterable[Route]) -> None:
        """Go on with the routes of another configuration. A series that is there keeps its buckets."""
        self.tracing = Tracing(self.ids, Sampling(sample), self._baggage)
        self._durations = sorted({*DURATIONS, *thresholds})
        self._by_route.clear()
        self.bind(routes)

    def tally(self, route: Route) -> RouteTally:
        """The tally of a route."""
        tally = self._by_route.get(route)
        if tally is None:
            target = route.target
            upstream = target.upstream if isinstance(target, Forward) else ""
            tally = self._by_route[route] = self._tally_of(route.id, upstream, route.operation)
        return tally

    def identify(self, request: Request, continues: bool) -> tuple[bytes, Trace]:
        """The id of a request and its place in a trace; where the trace begins here, both are one."""
        noted = request.noted
        request_id = noted.get(b"x-request-id")
        if request_id is None:
            request_id = self.ids.take(TRACE)
            return request_id, self.tracing.begin(noted, request_id, continues)
        return request_id, self.tracing.begin(noted, b"", continues)

    def open(self, route: Route, exchange: Exchange, trace: Trace, begun: float) -> Passage:
        """Open a request; `close` has to follow."""
        self.in_flight += 1
        return Passage(route, exchange, self.tally(route), trace, begun)

    def attempt(self, passage: Passage, endpoint: bytes) -> None:
        """A request turns to an endpoint, for the first time or again.

        The attempt of a sampled request has a span of its own; of the others the request itself calls.
        """
        passage.tally.attempts += 1
        passage.attempts += 1
        passage.endpoint = endpoint
        passage.answered = NOT_YET
        if passage.tried is not None:
            passage.span_id = self.ids.take(SPAN)
            passage.tried.append(Attempt(passage.span_id, endpoint, self.monotonic()))

    def attempt_answered(self, passage: Passage, status: int) -> None:
        """The final head of a backend's answer has come."""
        now = passage.answered = self.monotonic()
        upstream = passage.tally.upstream
        if upstream is not None:
            upstream.answered(status, now - passage.asked)
        if status == _SWITCHED:
            self.tunnels += 1
        if passage.tried:
            passage.tried[-1].status = status

    def attempt_failed(self, passage: Passage, reason: Reason | None) -> None:
        """An attempt has brought no answer."""
        upstream = passage.tally.upstream
        if upstream is not None and reason is not None:
            upstream.failed(reason)
        if passage.tried and reason is not None:
            passage.tried[-1].reason = reason
            passage.tried[-1].ended = self.monotonic()

    def close(self, passage: Passage) -> None:
        """A request is over, whichever way."""
        if not passage.is_open:
            return
        passage.is_open = False
        self.in_flight -= 1
        if not passage.status:
            passage.status = CLIENT_LEFT
        now = self.monotonic()
        status = passage.status
        tally = passage.tally
        exchange = passage.exchange
        tally.count(exchange.request.method, status)
        tally.received += passage.received
        tally.sent += passage.sent
        if status != _SWITCHED:
            seconds = now - passage.begun
            place = tally.duration.observe(seconds)
            if passage.tried is not None:
                trace_id = passage.trace.trace_id.decode()
                tally.duration.exemplars[place] = trace_id, seconds, now + self.clock.epoch
        else:
            self.tunnels -= 1
        if passage.answered != NOT_YET:
            tally.overhead.observe(passage.decided + passage.handled)
        if passage.aborted:
            tally.aborted += 1
        if passage.reason is not None:
            tally.decide(passage.policy, passage.reason, "enforce")
            if passage.reason is Reason.QUOTA_EXCEEDED:
                self._count_refusal(exchange)
        if exchange.reported:
            for name, reason in exchange.reported:
                tally.decide(name, reason, "report")
        for tell in self.followers:
            tell(passage, now)

    def unreadable(self, reason: Reason, status: int, request_id: bytes, client: str) -> None:
        """What could not be read as a request was refused."""
        tally = self._tally_of(UNREADABLE, "", "")
        tally.count(b"", status)
        tally.decide("wire", reason, "enforce")
        for tell in self.unreadable_followers:
            tell(reason, status, request_id, client)

    def _count_refusal(self, exchange: Exchange) -> None:
        """A quota has refused: the tiers that it would have to wait for are those that were used up."""
        for tier, _, wait in exchange.quotas:
            if wait:
                self.refusals[tier.name] = self.refusals.get(tier.name, 0) + 1

    def _tally_of(self, route: str, upstream: str, operation: str) -> RouteTally:
        labels = route, upstream, operation
        tally = self.routes.get(labels)
        if tally is None:
            if len(self.routes) >= _ROUTES_AT_MOST:
                labels = _OVERFLOW, upstream, ""
            tally = self.routes.get(labels)
        if tally is None:
            behind = self._upstream(upstream) if upstream else None
            tally = self.routes[labels] = RouteTally(
                labels[0], behind, labels[2], self._durations, self._learnt
            )
        return tally

    def _upstream(self, name: str) -> UpstreamTally:
        tally = self.upstreams.get(name)
        if tally is None:
            tally = self.upstreams[name] = UpstreamTally(name)
        return tally
