"""Where both halves meet: a request of any listener becomes a relay on the route it takes.

What comes while as many requests are under way as there may be is refused before anybody looks at it: that
costs a fraction of what serving it would, and those that are served keep their latency.
"""

from collections.abc import Mapping
from typing import final

from gateway.config.snapshot import Snapshot
from gateway.http.reason import Reason
from gateway.http.reply import Reply
from gateway.http.request import Request
from gateway.policy import Exchange
from gateway.refusals import SHED
from gateway.relay import Relay
from gateway.surroundings import Surroundings
from gateway.telemetry.books import Books
from gateway.upstream import Upstream
from gateway.wire.clock import Clock
from gateway.wire.downstream import ClientEvents, Downstream


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
        self._most = snapshot.limits.requests

    def adopt(self, snapshot: Snapshot, upstreams: Mapping[str, Upstream], pseudonym: bytes) -> None:
        """Carry what begins from now on by another snapshot; what has begun keeps its own."""
        self.surroundings = self.surroundings.after(snapshot.name, pseudonym, upstreams)
        self.snapshot = snapshot
        self.upstreams = upstreams
        self._most = snapshot.limits.requests

    def begin(self, stream: Downstream, request: Request) -> ClientEvents:
        """Take a request; its body, or the end of it, follows at once."""
        books = self.books
        if books.in_flight - books.tunnels >= self._most:
            return Unheard(self, stream)
        begun = books.monotonic()
        route, captures = self.snapshot.router.route(request)
        request_id, trace = books.identify(request, stream.intake.continues_traces)
        exchange = Exchange(request, request_id, captures)
        if trace.link:
            # W3C Trace Context, editor's draft 4: who sent a trace of its own finds its way to ours.
            exchange.response_fields = ((b"traceresponse", trace.response),)
        passage = books.open(route, exchange, trace, begun)
        passage.version = self.snapshot.version
        passage.peer = stream.peer
        passage.http11 = stream.http11
        return Relay(self.surroundings, stream, passage)

    def refuse(self, stream: Downstream, reason: Reason) -> None:
        """Answer what could not be read as a request."""
        self.answer(stream, self.surroundings.faults.refusal(reason), reason)

    def answer(self, stream: Downstream, reply: Reply, reason: Reason) -> None:
        """Answer what was not routed."""
        edits = self.snapshot.router.unmatched.edits[stream.secure]
        request_id = self.surroundings.answer(stream, reply, edits, None)
        self.books.unreadable(reason, reply.status, request_id, stream.peer)


@final
class Unheard:
    """A request that comes while too many are under way. It is answered at once, and nothing follows that."""

    __slots__ = ("_proxy", "_stream")

    def __init__(self, proxy: Proxy, stream: Downstream) -> None:
        self._proxy = proxy
        self._stream = stream

    def client_data(self, chunk: bytes) -> None:
        self._proxy.answer(self._stream, SHED, Reason.OVERLOADED)

    def client_end(self, chunk: bytes) -> None:
        self._proxy.answer(self._stream, SHED, Reason.OVERLOADED)

    def client_broken(self, reason: Reason) -> None: ...
    def client_gone(self) -> None: ...
    def client_paused(self) -> None: ...
    def client_resumed(self) -> None: ...
    def expired(self) -> None: ...
    def close_tunnel(self, code: int) -> None: ...
    def answered(self) -> None: ...
