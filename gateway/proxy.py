"""Where both halves meet: a request of any listener becomes a relay on the route it takes."""

from collections.abc import Mapping
from typing import final

from gateway.config.snapshot import Snapshot
from gateway.http.reason import Reason
from gateway.http.request import Request
from gateway.policy import Exchange
from gateway.relay import Relay
from gateway.surroundings import Surroundings
from gateway.telemetry.books import Books
from gateway.upstream import Upstream
from gateway.wire.clock import Clock
from gateway.wire.downstream import Downstream


@final
class Proxy:
    """Takes the requests of every listener and carries them by the snapshot that serves now."""

    def __init__(
        self,
        snapshot: Snapshot,
        upstreams: Mapping[str, Upstream],
        clock: Clock,
        pseudonym: bytes,
        books: Books,
    ) -> None:
        self.snapshot = snapshot
        self.upstreams = upstreams
        self.draining = False
        self.books = books
        self.surroundings = Surroundings(snapshot.name, pseudonym, upstreams, clock, books)

    def adopt(self, snapshot: Snapshot, upstreams: Mapping[str, Upstream], pseudonym: bytes) -> None:
        """Carry what begins from now on by another snapshot; what has begun keeps its own."""
        self.surroundings = self.surroundings.after(snapshot.name, pseudonym, upstreams)
        self.snapshot = snapshot
        self.upstreams = upstreams

    def begin(self, stream: Downstream, request: Request) -> Relay:
        """Take a request; its body, or the end of it, follows at once."""
        books = self.books
        begun = books.monotonic()
        route, captures = self.snapshot.router.route(request)
        request_id, trace = books.identify(request, stream.intake.continues_traces)
        exchange = Exchange(request, request_id, captures)
        if trace.link:
            # W3C Trace Context, editor's draft 4: who sent a trace of its own finds its way to ours.
            exchange.response_fields = ((b"traceresponse", trace.response),)
        return Relay(self.surroundings, stream, books.open(route, exchange, trace, begun))

    def refuse(self, stream: Downstream, reason: Reason) -> None:
        """Answer what could not be read as a request."""
        edits = self.snapshot.router.unmatched.edits[stream.secure]
        surroundings = self.surroundings
        reply = surroundings.faults.refusal(reason)
        request_id = surroundings.answer(stream, reply, edits, None)
        self.books.unreadable(reason, reply.status, request_id, stream.peer)
