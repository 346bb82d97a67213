"""What all requests share on their way: upstreams, the budgets of retries, and how we answer ourselves."""

from collections.abc import Mapping
from typing import Final, final

from gateway.http.edits import Edits
from gateway.http.reply import Body, Reply
from gateway.http.request import Request
from gateway.policy import Exchange
from gateway.refusals import ASTERISK, Faults
from gateway.retry import Budget
from gateway.rewrite import with_hops
from gateway.routing import Redirect
from gateway.telemetry.books import Books
from gateway.telemetry.ids import TRACE
from gateway.upstream import Upstream
from gateway.wire.clock import Clock
from gateway.wire.compression import Compressed, Compression
from gateway.wire.downstream import Downstream

# More hops than that are as good as none counted.
_HOPS_DIGITS: Final = 9


@final
class Surroundings:
    """What all relays share: the upstreams, the budgets of their retries, and how we answer ourselves."""

    __slots__ = ("books", "budgets", "clock", "compression", "faults", "pseudonym", "upstreams", "via")

    def __init__(
        self, name: str, pseudonym: bytes, upstreams: Mapping[str, Upstream], clock: Clock, books: Books
    ) -> None:
        self.books = books
        self.upstreams = upstreams
        self.clock = clock
        self.compression = Compression()
        self.pseudonym = pseudonym
        self.via = b"1.1 " + pseudonym
        self.faults = Faults(name)
        self.budgets = {
            name: Budget(upstream.settings.retry)
            for name, upstream in upstreams.items()
            if upstream.settings.retry is not None
        }

    def after(self, name: str, pseudonym: bytes, upstreams: Mapping[str, Upstream]) -> "Surroundings":
        """Those of the next configuration. What is under way at an upstream that stays is counted on."""
        others = Surroundings(name, pseudonym, upstreams, self.clock, self.books)
        others.compression = self.compression
        for name, upstream in upstreams.items():
            if name in self.budgets and upstream is self.upstreams.get(name):
                others.budgets[name] = self.budgets[name]
        return others

    def answer(
        self, stream: Downstream | Compressed, reply: Reply, edits: Edits, exchange: Exchange | None
    ) -> bytes:
        """Write an answer of our own, with the same edits as every response; gives the request's id."""
        accept = None if exchange is None else exchange.request.value(b"accept")
        request_id = self.books.ids.take(TRACE) if exchange is None else exchange.request_id
        body = reply.choose(accept)
        content = body.fill(request_id)
        fields, block = edits.apply(reply.fields, reply.status)
        if exchange is not None:
            fields += exchange.response_fields
        if content:
            fields.append((b"Content-Type", body.content_type))
        fields += [(b"Date", self.clock.date), (b"X-Request-Id", request_id), (b"Via", self.via)]
        if reply.closes:
            stream.finish()
        stream.head(reply.status, [b"%b: %b" % field for field in fields], block, len(content))
        stream.end(content)
        return request_id

    def loops(self, request: Request) -> Reply | None:
        """The refusal of a request that already came through here (RFC 9110 7.6.3)."""
        via = request.noted.get(b"via")
        return self.faults.loop if via is not None and self.pseudonym in via else None


def without_backend(target: Redirect | Reply, exchange: Exchange) -> Reply:
    """The answer of a route that has no backend."""
    if isinstance(target, Reply):
        # RFC 9110 9.3.7: `OPTIONS *` asks what the server can do at all; it has no path and no route.
        return ASTERISK if exchange.request.path == b"*" else target
    location = target.to.fill(exchange.captures)
    if b"?" not in location and b"#" not in location:
        # What the operator wrote behind the path stands; the client's query would only spoil it.
        location += exchange.request.query
    return Reply(target.status, None, ((b"Location", location),), Body(b"text/plain", b""))


def last_hop(request: Request) -> Reply | None:
    """Our own answer where no other hop is wanted; else one hop less is left (RFC 9110 7.6.2)."""
    hops = request.noted.get(b"max-forwards", b"")
    if request.method != b"OPTIONS" or not hops.isdigit() or len(hops) > _HOPS_DIGITS:
        # For TRACE it counts too, but that is refused; for all others it means nothing.
        return None
    if int(hops) == 0:
        return ASTERISK
    request.lines = with_hops(request.lines, int(hops) - 1)
    return None
