"""A configuration on which requests are tried: bytes in, an Outcome out."""

from typing import Final, final

from gateway.config.compile import Specs, compile_snapshot
from gateway.config.entry import Entry
from gateway.config.problem import Path
from gateway.config.snapshot import Listener
from gateway.http.fields import Malformed
from gateway.http.forwarded import Forwarding, bare_address
from gateway.http.reason import Reason
from gateway.http.request import Request
from gateway.policy import Exchange
from gateway.policy.authn import Identity
from gateway.refusals import WIRE
from gateway.rehearsal.draft import Draft
from gateway.rehearsal.heads import REQUEST_ID, answer, coming_back, head_for, trace_lines
from gateway.rehearsal.notes import detail, size
from gateway.rehearsal.outcome import Outcome, Step, Verdict
from gateway.rehearsal.ports import RehearsalPorts
from gateway.rehearsal.principal import Assumed
from gateway.rehearsal.walk import Walk
from gateway.routing import Route
from gateway.wire.request import Intake, RequestReader

# Where gateway.yaml has a say in what is refused before it is a request.
_SAID_AT: Final[dict[Reason, Path]] = {
    Reason.TARGET_TOO_LONG: ("limits", "request_line"),
    Reason.FIELDS_TOO_LARGE: ("limits",),
}
_PUBLIC = "public"


@final
class Stage:
    """One configuration, compiled with the ports of a rehearsal. `entries` are its routes by their ids."""

    def __init__(self, specs: Specs, ports: RehearsalPorts) -> None:
        self.specs = specs
        self.ports = ports
        self.snapshot = compile_snapshot(specs, ports)
        self.entries: dict[str, Entry] = {entry.spec.id: entry for entry in specs.entries}
        self._via = f"1.1 {self.snapshot.name}".encode()
        self._intakes = [self._intake(listener) for listener in self.snapshot.listeners]

    def ask(self, draft: Draft, assumed: Assumed | None = None, listener: int = 0) -> Outcome:
        """What becomes of a request on a listener, which counts from 0.

        Raises ValueError for a draft that is not one request, and for a principal that cannot be.
        """
        self.ports.asked.clear()
        head = draft.head
        try:
            request = self._read(head, draft, listener)
        except Malformed as malformed:
            return self._unread(malformed.reason, listener, draft.secure)
        route, captures = self.snapshot.router.route(request)
        exchange = Exchange(request, request.noted.get(b"x-request-id") or REQUEST_ID, captures)
        exchange.body = _Given(draft.body, request.length)
        walk = Walk(route, exchange, self.ports, self._identity(assumed, route))
        walk.take(len(draft.body))
        seen = Step("wire", Verdict.PASSED, note=f"{len(head)} bytes of head, {size(request)}")
        trace = trace_lines(request.noted, self._intakes[listener].continues_traces)
        return self._outcome(walk, (seen, _taken(route), *walk.steps), trace)

    def _outcome(self, walk: Walk, steps: tuple[Step, ...], trace: bytes) -> Outcome:
        route, exchange, reply = walk.route, walk.exchange, walk.reply
        edits = route.edits[exchange.request.secure]
        if reply is not None:
            is_known = all(step.verdict is not Verdict.UNKNOWN for step in steps)
            own = answer(reply, edits, exchange, self._via) if is_known else None
            return Outcome(steps, edits, route, exchange, reply, own, told=own.fields if own else ())
        seen = head_for(route, exchange, self.snapshot.upstreams, self._via, trace)
        told = coming_back(edits, exchange, self._via)
        return Outcome(steps, edits, route, exchange, upstream_head=seen, told=told)

    def _unread(self, reason: Reason, listener: int, secure: bool) -> Outcome:
        reply = WIRE[reason]
        path: Path = ("listeners", listener, "path") if reason is Reason.PATH else _SAID_AT.get(reason, ())
        source = self.specs.tree.source(path) if path else ""
        unmatched = self.snapshot.router.unmatched
        edits = unmatched.edits[secure]
        steps = [Step("wire", Verdict.REFUSED, source, reason, detail(reply))]
        own = answer(reply, edits, None, self._via)
        return Outcome(tuple(steps), edits, reply=reply, answer=own, told=own.fields)

    def _intake(self, listener: Listener) -> Intake:
        forwarding = Forwarding(listener.trusted_proxies, listener.forwarded_by)
        return Intake(
            *(self.snapshot.limits, listener.path, forwarding, listener.address.port),
            continues_traces=listener.trace_context == "continue",
        )

    def _read(self, head: bytes, draft: Draft, listener: int) -> Request:
        """As `gateway.wire.downstream` reads a head that came in one piece. Raises Malformed."""
        if not head[:1].isalpha():
            raise Malformed(Reason.MALFORMED)
        if len(head) > self.snapshot.limits.head:
            raise Malformed(Reason.FIELDS_TOO_LARGE)
        try:
            peer = bare_address(draft.client)
        except ValueError:
            peer = draft.client
        return RequestReader(self._intakes[listener], peer, draft.secure).head(head)

    def _identity(self, assumed: Assumed | None, route: Route) -> Identity | None:
        entry = self.entries.get(route.id)
        if assumed is None or entry is None:
            return None
        said = entry.spec.auth or ()
        names = (said,) if isinstance(said, str) else said
        return assumed.identity(next((name for name in names if name != _PUBLIC), _PUBLIC))


def _taken(route: Route) -> Step:
    if not route.pattern:
        return Step("route", Verdict.PASSED, route.source, note="none: the defaults of gateway.yaml hold")
    asked = " ".join(route.methods) or "any method"
    return Step("route", Verdict.PASSED, route.source, note=f"{route.id}: {asked} {route.pattern}")


@final
class _Given:
    """The body of a draft; see `gateway.policy.Body`."""

    def __init__(self, content: bytes, length: int) -> None:
        self._content = content
        self._size = max(length, len(content))

    def read(self, limit: int) -> bytes | None:
        return None if self._size > limit else self._content
