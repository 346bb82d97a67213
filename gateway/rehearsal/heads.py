"""The heads that would be written, as `gateway.relay` and `gateway.surroundings` write them.

`tests/rehearsal/test_heads.py` compares both with what a running gateway writes. What is
drawn anew for each request, its id and those of its trace, is all zeros here.
"""

from collections.abc import Mapping
from typing import Final

from gateway.config.snapshot import UpstreamSettings
from gateway.http.edits import Edits
from gateway.http.fields import Field
from gateway.http.reply import Reply
from gateway.http.request import is_websocket
from gateway.http.trailers import wants_trailers
from gateway.policy import Exchange
from gateway.rehearsal.outcome import Answer
from gateway.rewrite import upstream_head
from gateway.routing import Forward, Route
from gateway.telemetry.context import RANDOM, SAMPLED, Trace, parse
from gateway.telemetry.ids import SPAN, TRACE
from gateway.upstream.endpoint import authority
from gateway.wire.request import CHUNKED

REQUEST_ID: Final = b"0" * TRACE
_SPAN_ID: Final = b"0" * SPAN


def answer(reply: Reply, edits: Edits, exchange: Exchange | None, via: bytes) -> Answer:
    """An answer of our own, with the edits of its route."""
    accept = None if exchange is None else exchange.request.value(b"accept")
    body = reply.choose(accept)
    request_id = REQUEST_ID if exchange is None else exchange.request_id
    content = body.fill(request_id)
    fields, block = edits.apply(reply.fields, reply.status)
    if exchange is not None:
        fields += exchange.response_fields
    if content:
        fields.append((b"Content-Type", body.content_type))
    fields += [(b"X-Request-Id", request_id), (b"Via", via)]
    return Answer(reply.status, (*fields, *block.fields), content)


def head_for(
    route: Route, exchange: Exchange, upstreams: Mapping[str, UpstreamSettings], via: bytes, trace: bytes
) -> bytes:
    """The head of a request that passes, for the first endpoint of its upstream.

    `trace` are the lines of its trace context.
    """
    target = route.target
    assert isinstance(target, Forward)  # noqa: S101 - every other target answers.
    settings = upstreams[target.upstream]
    first = authority(settings.endpoints[0])
    usual = {"preserve": exchange.request.authority or first, "endpoint": first}
    host = usual.get(settings.host, settings.host.encode())
    return upstream_head(exchange, target, host, via, trace, _framing(route, exchange))


def trace_lines(noted: dict[bytes, bytes], continues: bool) -> bytes:
    """The trace context for the backend: a new one, or the client's where its listener `continues` traces."""
    came = parse(noted.get(b"traceparent", b"")) if continues else None
    if came is None:
        return Trace(REQUEST_ID, _SPAN_ID, b"", RANDOM, b"", b"").lines(_SPAN_ID)
    trace_id, parent_id, flags = came
    state = noted.get(b"tracestate", b"")
    return Trace(trace_id, _SPAN_ID, parent_id, flags & (SAMPLED | RANDOM), state, b"").lines(_SPAN_ID)


def coming_back(edits: Edits, exchange: Exchange, via: bytes) -> tuple[Field, ...]:
    """What a response has beside the backend's own fields, where that sent none of the defaults."""
    own = ((b"X-Request-Id", exchange.request_id), (b"Via", via))
    return (*exchange.response_fields, *own, *edits.block(0, 200).fields)


def _framing(route: Route, exchange: Exchange) -> bytes:
    request = exchange.request
    noted = request.noted
    framing = b""
    if request.length > 0:
        framing = b"Content-Length: %d\r\n" % request.length
    elif request.length == CHUNKED:
        framing = b"Transfer-Encoding: chunked\r\n"
    elif b"content-length" in noted:
        framing = b"Content-Length: 0\r\n"
    elif route.upgrades and is_websocket(request):
        framing = b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
    if b"te" in noted and b"upgrade" not in noted and wants_trailers(noted[b"te"]):
        framing += b"TE: trailers\r\nConnection: TE\r\n"
    return framing
