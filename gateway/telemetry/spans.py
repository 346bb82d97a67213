"""Records as messages of OTLP, described by the semantic conventions of OpenTelemetry for HTTP (1.44).

The messages are filled without the SDK: what it does for a span costs nearly three times as much processor
time, and all of it is taken from the requests. One request is one SERVER span, each of its attempts and each
answer that it waited for a CLIENT span below it.
"""

import re
import time
from collections.abc import Iterable, Iterator, Sequence
from functools import lru_cache
from typing import Final, final
from urllib.parse import urlsplit

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.common.v1.common_pb2 import AnyValue, InstrumentationScope, KeyValue
from opentelemetry.proto.resource.v1.resource_pb2 import Resource
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span, Status

from gateway import __version__
from gateway.http.reason import Reason
from gateway.telemetry.ids import SPAN, Ids
from gateway.telemetry.passage import NOT_YET, Attempt, Wait
from gateway.telemetry.recorder import Record
from gateway.telemetry.tally import METHODS

# OTLP, SpanFlags: whether the parent is another process's is known, and it is.
_HAS_REMOTE: Final = 0x100
_REMOTE: Final = 0x200

_NANOSECONDS: Final = 1_000_000_000
_UNIX: Final = b"unix:"
# As the wire has let it through: an address in brackets or a name, and a port.
_AUTHORITY: Final = re.compile(rb"(?:\[([^\]]*)\]|([^:\[\]]*))(?::([0-9]{1,5}))?")
_OTHER: Final = METHODS[0]
_PORTS: Final = {"http": 80, "https": 443}
_FAILURE: Final = 500
_CLIENT_FAILURE: Final = 400
# Who is to blame for an answer that breaks off.
_FAULTY: Final = ("upstream", "gateway")

_ERROR: Final = Status(code=Status.STATUS_CODE_ERROR)

# Names and values that requests share are made once.
_REMEMBERED: Final = 4096


@final
class Encoder:
    """Makes one message of many records. `resource` says whose they are."""

    def __init__(self, resource: Iterable[tuple[str, str]]) -> None:
        self._resource = Resource(attributes=[_shared(name, value) for name, value in resource])
        self._scope = InstrumentationScope(name="gateway", version=__version__)
        self._ids = Ids()

    def __call__(self, records: Sequence[Record]) -> ExportTraceServiceRequest:
        """The spans of these records."""
        spans = ScopeSpans(scope=self._scope)
        for record in records:
            spans.spans.append(self._server(record))
            spans.spans.extend(self._attempts(record))
            spans.spans.extend([self._wait(record, wait) for wait in record.waits])
            # Whoever serves requests takes its turn now, and not when the interpreter makes us pause.
            time.sleep(0)
        return ExportTraceServiceRequest(
            resource_spans=[ResourceSpans(resource=self._resource, scope_spans=[spans])]
        )

    def _server(self, record: Record) -> Span:
        trace = record.trace
        method, original = _method(record.method)
        pattern = record.route.pattern
        error = _error(record)
        host, port = _place(record.authority, record.scheme)
        links = []
        if trace.link:
            link = bytes.fromhex(trace.link.decode())
            links.append(Span.Link(trace_id=link[:16], span_id=link[16:], flags=_HAS_REMOTE | _REMOTE))
        return Span(
            trace_id=bytes.fromhex(trace.trace_id.decode()),
            span_id=bytes.fromhex(trace.span_id.decode()),
            parent_span_id=bytes.fromhex(trace.parent_id.decode()),
            trace_state=trace.state.decode(),
            flags=trace.flags | _HAS_REMOTE | (_REMOTE if trace.parent_id else 0),
            name=f"{_verb(method)} {pattern}" if pattern else _verb(method),
            kind=Span.SPAN_KIND_SERVER,
            start_time_unix_nano=_nanoseconds(record.begun),
            end_time_unix_nano=_nanoseconds(record.ended),
            status=_ERROR if error else None,
            links=links,
            attributes=[
                _shared("http.request.method", method),
                *_if("http.request.method_original", original),
                _shared("url.scheme", record.scheme),
                _own("url.path", _text(record.path)),
                *_if("url.query", _text(record.query)[1:]),
                *_if("server.address", host),
                *_number("server.port", port),
                *_if("client.address", record.client),
                *_if("user_agent.original", _text(record.user_agent)),
                *_same("http.route", pattern),
                *_number("http.response.status_code", record.answer),
                *_same("error.type", error),
                _own("gateway.request_id", record.request_id.decode()),
                _shared("gateway.config.version", record.version),
                *_same("gateway.operation", record.route.operation),
                *_same("gateway.policy", record.policy),
                *_same("gateway.reason", record.reason),
                *_same("gateway.mode", record.mode),
            ],
        )

    def _attempts(self, record: Record) -> Iterator[Span]:
        tried = record.tried
        last = len(tried) - 1
        for number, attempt in enumerate(tried):
            until = attempt.ended
            if until == NOT_YET:
                # It has its answer, or was given up for the next one without a word.
                until = record.ended - record.epoch if number == last else tried[number + 1].begun
            yield self._attempt(record, attempt, number, until, is_last=number == last)

    def _attempt(self, record: Record, attempt: Attempt, number: int, until: float, *, is_last: bool) -> Span:
        method, original = _method(record.method)
        scheme = "https" if attempt.endpoint in record.secure else "http"
        host, port = _place(attempt.endpoint, scheme)
        authority = "localhost" if attempt.endpoint.startswith(_UNIX) else _text(attempt.endpoint)
        url = f"{scheme}://{authority}{_text(record.target + record.query)}"
        error = _attempt_error(record, attempt, is_last=is_last)
        return _client(
            *(record, attempt.span_id, _verb(method), attempt.begun, until, error),
            [
                _shared("http.request.method", method),
                *_if("http.request.method_original", original),
                _own("url.full", url),
                *_same("server.address", host),
                *_number("server.port", port),
                _shared("network.protocol.version", "1.1"),
                *_number("http.request.resend_count", number),
                *_number("http.response.status_code", attempt.status),
                *_same("error.type", error),
            ],
        )

    def _wait(self, record: Record, wait: Wait) -> Span:
        parts = urlsplit(wait.url)
        until = wait.ended if wait.ended != NOT_YET else record.ended - record.epoch
        error = wait.error or (str(wait.status) if wait.status >= _CLIENT_FAILURE else "")
        host, port = _place(parts.netloc.encode(), parts.scheme)
        if parts.scheme in _PORTS:
            asked = [
                _shared("http.request.method", wait.operation),
                # What stands in the query is nobody's business, the operator's neither.
                _shared("url.full", f"{parts.scheme}://{parts.netloc}{parts.path}"),
                *_number("http.response.status_code", wait.status),
            ]
        else:
            asked = [_shared("db.system.name", parts.scheme), _shared("db.operation.name", wait.operation)]
        return _client(
            *(record, self._ids.take(SPAN), wait.operation, wait.begun, until, error),
            [
                *asked,
                *_same("server.address", host),
                *_number("server.port", port),
                *_same("error.type", error),
            ],
        )


def _client(  # noqa: PLR0913 - what the two kinds of CLIENT spans differ in.
    record: Record,
    span_id: bytes,
    name: str,
    begun: float,
    until: float,
    error: str,
    attributes: list[KeyValue],
) -> Span:
    trace = record.trace
    return Span(
        trace_id=bytes.fromhex(trace.trace_id.decode()),
        span_id=bytes.fromhex(span_id.decode()),
        parent_span_id=bytes.fromhex(trace.span_id.decode()),
        trace_state=trace.state.decode(),
        flags=trace.flags | _HAS_REMOTE,
        name=name,
        kind=Span.SPAN_KIND_CLIENT,
        start_time_unix_nano=_nanoseconds(begun + record.epoch),
        end_time_unix_nano=_nanoseconds(until + record.epoch),
        status=_ERROR if error else None,
        attributes=attributes,
    )


def _error(record: Record) -> str:
    """What makes the request a failure of ours: 4xx is not, and neither is a client that leaves."""
    if record.answer >= _FAILURE:
        return record.reason if record.mode == "enforce" else str(record.answer)
    return record.reason if record.aborted and record.policy in _FAULTY else ""


def _attempt_error(record: Record, attempt: Attempt, *, is_last: bool) -> str:
    if attempt.status >= _CLIENT_FAILURE:
        return str(attempt.status)
    if attempt.reason or (attempt.status and not is_last):
        return attempt.reason
    if not is_last:
        # A connection that went stale is replaced without a word.
        return Reason.UPSTREAM_RESET
    return record.reason if record.aborted and record.policy == _FAULTY[0] else ""


def _method(method: bytes) -> tuple[str, str]:
    """The method as it is told, and what it was where that is another."""
    name = _text(method)
    return (name, "") if name in METHODS[1:] else (_OTHER, name)


def _verb(method: str) -> str:
    """The method in a span's name."""
    return "HTTP" if method == _OTHER else method


@lru_cache(_REMEMBERED)
def _place(authority: bytes, scheme: str) -> tuple[str, int]:
    """A host and its port, 0 where none is known; for a Unix socket its path."""
    if authority.startswith(_UNIX):
        return _text(authority[len(_UNIX) :]), 0
    match = _AUTHORITY.fullmatch(authority)
    host = match[1] or match[2] if match is not None else b""
    if match is None or not host:
        return "", 0
    return _text(host), int(match[3]) if match[3] else _PORTS.get(scheme, 0)


def _nanoseconds(seconds: float) -> int:
    return int(seconds * _NANOSECONDS)


def _text(raw: bytes) -> str:
    return raw.decode("ascii", "backslashreplace")


def _own(name: str, value: str) -> KeyValue:
    """An attribute that hardly another span shares."""
    return KeyValue(key=name, value=AnyValue(string_value=value))


@lru_cache(_REMEMBERED)
def _shared(name: str, value: str | int) -> KeyValue:
    """An attribute that many spans share."""
    made = AnyValue(string_value=value) if isinstance(value, str) else AnyValue(int_value=value)
    return KeyValue(key=name, value=made)


def _if(name: str, value: str) -> tuple[KeyValue, ...]:
    return (_own(name, value),) if value else ()


def _same(name: str, value: str) -> tuple[KeyValue, ...]:
    return (_shared(name, value),) if value else ()


def _number(name: str, value: int) -> tuple[KeyValue, ...]:
    return (_shared(name, value),) if value else ()
