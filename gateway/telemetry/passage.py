"""What is measured of one request while it is on its way. Times are seconds on the monotonic clock."""

from typing import Final, final

from gateway.http.reason import Reason
from gateway.policy import Exchange
from gateway.routing import Route
from gateway.telemetry.context import Trace
from gateway.telemetry.tally import RouteTally

NOT_YET: Final = 0.0


@final
class Attempt:
    """One attempt of a sampled request: its span, the endpoint asked, and what came of it.

    `status` is 0 until an answer comes; `reason` is why none did.
    """

    __slots__ = ("begun", "ended", "endpoint", "reason", "span_id", "status")

    def __init__(self, span_id: bytes, endpoint: bytes, begun: float) -> None:
        self.span_id = span_id
        self.endpoint = endpoint
        self.begun = begun
        self.ended = NOT_YET
        self.status = 0
        self.reason = ""


@final
class Wait:
    """What a sampled request waits for while it is decided: who is asked for what, and what came of it.

    `status` is that of an HTTP answer, or 0; `error` is a word, empty where nothing went wrong.
    """

    __slots__ = ("begun", "ended", "error", "operation", "status", "url")

    def __init__(self, operation: str, url: str, begun: float) -> None:
        self.operation = operation
        self.url = url
        self.begun = begun
        self.ended = NOT_YET
        self.status = 0
        self.error = ""


@final
class Passage:
    """One request as the books see it.

    `begun` is when its head was read; `decided` the seconds from then until a backend was first turned to;
    `asked` when the last attempt was written, `answered` when the backend's final head came; `handled` the
    seconds that dealing with that head took. Points in time are NOT_YET until then. `status` is what the
    client was told, 0 before that. `policy` and `source` name who refused, for `reason`. `aborted` says that
    the answer broke off. `received` and `sent` are bytes of bodies. `attempts` is how often a backend was
    turned to, `endpoint` the last one, and `span_id` what calls it; `tried` are the attempts one by one, and
    `waits` what the policies waited for, both for a sampled request only.
    """

    __slots__ = (
        "aborted",
        "answered",
        "asked",
        "attempts",
        "begun",
        "decided",
        "endpoint",
        "exchange",
        "handled",
        "is_open",
        "policy",
        "reason",
        "received",
        "route",
        "sent",
        "source",
        "span_id",
        "status",
        "tally",
        "trace",
        "tried",
        "waits",
    )

    def __init__(
        self, route: Route, exchange: Exchange, tally: RouteTally, trace: Trace, begun: float
    ) -> None:
        self.route = route
        self.exchange = exchange
        self.tally = tally
        self.trace = trace
        self.begun = begun
        self.decided = 0.0
        self.asked = NOT_YET
        self.answered = NOT_YET
        self.handled = 0.0
        self.status = 0
        self.policy = ""
        self.source = ""
        self.reason: Reason | None = None
        self.aborted = False
        self.received = 0
        self.sent = 0
        self.attempts = 0
        self.endpoint = b""
        self.span_id = trace.span_id
        self.tried: list[Attempt] | None = [] if trace.sampled else None
        self.waits: list[Wait] | None = [] if trace.sampled else None
        self.is_open = True

    def refuse(self, policy: str, source: str, reason: Reason | None) -> None:
        """Note who answered in the place of the backend; no reason where nothing was refused."""
        self.policy = policy
        self.source = source
        self.reason = reason

    @property
    def ids(self) -> dict[str, str]:
        """What ties a message of the program's own log to this request."""
        return {
            "request_id": self.exchange.request_id.decode(),
            "trace_id": self.trace.trace_id.decode(),
            "span_id": self.trace.span_id.decode(),
        }
