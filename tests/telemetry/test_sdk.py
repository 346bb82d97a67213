"""The SDK of OpenTelemetry as an oracle: of the same facts its encoder makes the same message as ours.

Each row says what happens to a request, and which spans of the SDK tell that. What the two may differ in is
the order of attributes; whether a status that says nothing is there; and the lower eight bits of flags, which
OTLP has for those of W3C Trace Context and the SDK leaves empty.
"""

from dataclasses import dataclass, field, replace

import pytest
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.util.instrumentation import InstrumentationScope
from opentelemetry.trace import Link, SpanContext, SpanKind, Status, StatusCode, TraceFlags, TraceState

from gateway import __version__
from gateway.http.edits import Block
from gateway.http.reason import Reason
from gateway.http.request import Request
from gateway.policy import Exchange
from gateway.telemetry.books import Books
from gateway.telemetry.passage import Wait
from gateway.telemetry.recorder import Recorder
from gateway.telemetry.redaction import Redaction
from gateway.telemetry.spans import Encoder
from gateway.wire.clock import Clock

EPOCH = 1_800_000_000.0
BEGUN = 100.0
OF_W3C = 0xFF
RESOURCE = Resource({"service.name": "edge", "deployment.environment.name": "test"})
SCOPE = InstrumentationScope("gateway", __version__)

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SENT = {b"traceparent": f"00-{TRACE}-{SPAN}-01".encode(), b"tracestate": b"a=1,b=2"}
TOLD = b"00000000000000aa"

SERVER = {
    "http.request.method": "GET",
    "http.response.status_code": 200,
    "http.route": "/a/{b}",
    "url.scheme": "https",
    "url.path": "/a/1",
    "url.query": "b=2&token=REDACTED",
    "server.address": "api.example",
    "server.port": 8443,
    "client.address": "192.0.2.1",
    "network.peer.address": "192.0.2.9",
    "network.protocol.version": "1.1",
    "user_agent.original": "probe/1",
    "gateway.config.version": "v1",
    "gateway.operation": "payment",
}
CLIENT = {
    "http.request.method": "GET",
    "http.response.status_code": 200,
    "url.full": "http://127.0.0.1:80/a/1?b=2&token=REDACTED",
    "server.address": "127.0.0.1",
    "server.port": 80,
    "network.protocol.version": "1.1",
}


class Time:
    now = BEGUN

    def __call__(self):
        return self.now


@dataclass
class Told:
    """A span as the SDK is told of it: seconds since the request began, attributes; None takes one away."""

    begun: float
    ended: float
    attributes: dict = field(default_factory=dict)
    name: str = "GET"
    is_error: bool = False


def attempts(*answers):
    """One attempt for each, of a quarter of a second: a status, or why there is none."""

    def does(books, passage, time):
        for number, answer in enumerate(answers):
            books.attempt(passage, b"127.0.0.1:%d" % (80 + number))
            time.now += 0.25
            if isinstance(answer, Reason):
                books.attempt_failed(passage, answer)
            else:
                books.attempt_answered(passage, answer)

    return does


def refused(policy, reason, status, *before):
    def does(books, passage, time):
        attempts(*before)(books, passage, time)
        passage.refuse(policy, "a.yaml:3", reason)
        passage.status = status

    return does


def reported(books, passage, time):
    passage.exchange.reported = ("quota", Reason.QUOTA_EXCEEDED), ("csrf", Reason.CROSS_SITE_REQUEST)
    attempts(200)(books, passage, time)


def waited(books, passage, time):
    for operation, url, status, error in (
        ("POST", "https://id.example/introspect?a=b", 0, ""),
        ("GET", "http://judge:9000/check", 403, ""),
        ("EVALSHA", "redis://127.0.0.1:6379", 0, "quota_unavailable"),
    ):
        wait = Wait(operation, url, time.now)
        time.now += 0.25
        wait.ended, wait.status, wait.error, wait.span_id = time.now, status, error, TOLD
        passage.waits.append(wait)


def left(books, passage, time):
    books.attempt(passage, b"127.0.0.1:80")
    passage.aborted = True
    passage.status = 499


def broken_off(books, passage, time):
    attempts(200)(books, passage, time)
    passage.status = 200
    passage.refuse("upstream", "", Reason.UPSTREAM_RESET)
    passage.aborted = True


def upgraded(books, passage, time):
    attempts(101)(books, passage, time)
    passage.status = 101
    time.now += 60.0


AUTH = {"gateway.policy": "auth", "gateway.reason": "no_credentials", "gateway.mode": "enforce"}
AWAY = {"gateway.policy": "upstream", "gateway.reason": "upstream_refused", "gateway.mode": "enforce"}
RESET = {"gateway.policy": "upstream", "gateway.reason": "upstream_reset", "gateway.mode": "enforce"}
TRIED = {
    "quota": ["quota: quota_exceeded", "csrf: cross_site_request"],
    "first": {"gateway.policy": "quota", "gateway.reason": "quota_exceeded", "gateway.mode": "report"},
}
NO_STATUS = {"http.response.status_code": None}


def at(number, **more):
    """What the attempt at the port of that number says otherwise."""
    port = 80 + number
    url = f"http://127.0.0.1:{port}/a/1?b=2&token=REDACTED"
    again = {"http.request.resend_count": number} if number else {}
    named = {name.replace("__", "."): value for name, value in more.items()}
    return CLIENT | {"url.full": url, "server.port": port} | again | named


def failed(error):
    return {"error.type": error}


@pytest.fixture
def happening(snapshot):
    """Have something happen to a sampled request; gives its passage, and our message parsed."""

    def happen(does, noted, continues, method):
        time = Time()
        clock = Clock(time, lambda: EPOCH + time.now)
        recorder = Recorder(clock, "v1", frozenset(), Redaction())
        books = Books(clock, 1.0)
        books.followers = (recorder.follow,)
        route = replace(snapshot().routes[0], pattern="/a/{b}", operation="payment")
        request = Request(
            *(method, b"api.example:8443", b"/a/1", b"?b=2&token=hunter2", []),
            *({b"user-agent": b"probe/1"} | noted, 0, "192.0.2.1", True, Block(())),
        )
        request_id, trace = books.identify(request, continues=continues)
        passage = books.open(route, Exchange(request, request_id, ()), trace, time.now)
        passage.version, passage.peer = "v1", "192.0.2.9"
        does(books, passage, time)
        passage.status = passage.status or 200
        books.close(passage)
        return passage, ours(recorder)

    return happen


def ours(recorder):
    message = Encoder(RESOURCE.attributes.items())(recorder.take())
    return type(message).FromString(message.SerializeToString())


def theirs(passage, expected):
    """The message that the SDK makes of the SERVER span and those below it."""
    trace = passage.trace
    state = TraceState([pair.split("=") for pair in trace.state.decode().split(",") if pair])

    def context(span_id, *, is_remote=False):
        flags = TraceFlags(trace.flags & TraceFlags.SAMPLED)
        return SpanContext(int(trace.trace_id, 16), int(span_id, 16), is_remote, flags, state)

    server, *below = expected
    parent = context(trace.parent_id, is_remote=True) if trace.parent_id else None
    link = trace.link.decode()
    links = [Link(SpanContext(int(link[:32], 16), int(link[32:], 16), is_remote=True))] if link else []
    own = {"gateway.request_id": passage.exchange.request_id.decode()}
    server.attributes = SERVER | own | server.attributes
    spans = [readable(server, SpanKind.SERVER, context(trace.span_id), parent, links)]
    ids = [attempt.span_id for attempt in passage.tried] + [wait.span_id for wait in passage.waits]
    for told, span_id in zip(below, ids, strict=True):
        spans.append(readable(told, SpanKind.CLIENT, context(span_id), context(trace.span_id), []))
    return encode_spans(spans)


def readable(told, kind, context, parent, links):
    return ReadableSpan(
        name=told.name,
        context=context,
        parent=parent,
        resource=RESOURCE,
        attributes={name: value for name, value in told.attributes.items() if value is not None},
        links=links,
        kind=kind,
        status=Status(StatusCode.ERROR if told.is_error else StatusCode.UNSET),
        start_time=int((EPOCH + BEGUN + told.begun) * 1e9),
        end_time=int((EPOCH + BEGUN + told.ended) * 1e9),
        instrumentation_scope=SCOPE,
    )


def settled(message):
    """A message without what the two may differ in."""
    for resource in message.resource_spans:
        resource.resource.attributes.sort(key=lambda each: each.key)
        for span in [span for scope in resource.scope_spans for span in scope.spans]:
            span.attributes.sort(key=lambda each: each.key)
            span.status.SetInParent()
            span.flags &= ~OF_W3C
            for link in span.links:
                link.flags &= ~OF_W3C
    return message


ROUTED = "GET /a/{b}"


@pytest.mark.parametrize(
    ("does", "noted", "continues", "expected"),
    [
        pytest.param(attempts(200), {}, False, [Told(0, 0.25, {}, ROUTED), Told(0, 0.25, at(0))], id="plain"),
        pytest.param(
            refused("auth", Reason.NO_CREDENTIALS, 401),
            *({}, False),
            [Told(0, 0, AUTH | {"http.response.status_code": 401}, ROUTED)],
            id="refused",
        ),
        pytest.param(
            reported,
            *({}, False),
            [
                Told(0, 0.25, TRIED["first"] | {"gateway.reported": TRIED["quota"]}, ROUTED),
                Told(0, 0.25, at(0)),
            ],
            id="refused by policies on trial",
        ),
        pytest.param(
            attempts(Reason.UPSTREAM_REFUSED, 503, 200),
            *({}, False),
            [
                Told(0, 0.75, {}, ROUTED),
                Told(0, 0.25, at(0) | NO_STATUS | failed("upstream_refused"), is_error=True),
                Told(0.25, 0.5, at(1, http__response__status_code=503) | failed("503"), is_error=True),
                Told(0.5, 0.75, at(2)),
            ],
            id="retried",
        ),
        pytest.param(
            refused("upstream", Reason.UPSTREAM_REFUSED, 502, Reason.UPSTREAM_REFUSED),
            *({}, False),
            [
                Told(
                    *(0, 0.25),
                    AWAY | {"http.response.status_code": 502} | failed("upstream_refused"),
                    *(ROUTED, True),
                ),
                Told(0, 0.25, at(0) | NO_STATUS | failed("upstream_refused"), is_error=True),
            ],
            id="failed",
        ),
        pytest.param(
            broken_off,
            *({}, False),
            [
                Told(0, 0.25, RESET | failed("upstream_reset"), ROUTED, True),
                Told(0, 0.25, at(0) | failed("upstream_reset"), is_error=True),
            ],
            id="broken off",
        ),
        pytest.param(
            left,
            *({}, False),
            [Told(0, 0, NO_STATUS, ROUTED), Told(0, 0, at(0) | NO_STATUS)],
            id="left by its client",
        ),
        pytest.param(
            attempts(200),
            *(SENT, False),
            [Told(0, 0.25, {}, ROUTED), Told(0, 0.25, at(0))],
            id="restarted, with a link",
        ),
        pytest.param(
            attempts(200),
            *(SENT, True),
            [Told(0, 0.25, {}, ROUTED), Told(0, 0.25, at(0))],
            id="continued, with its state",
        ),
        pytest.param(
            upgraded,
            *({}, False),
            [
                Told(0, 60.25, {"http.response.status_code": 101}, ROUTED),
                Told(0, 60.25, at(0, http__response__status_code=101)),
            ],
            id="a WebSocket",
        ),
        pytest.param(
            waited,
            *({}, False),
            [
                Told(0, 0.75, {}, ROUTED),
                Told(
                    *(0, 0.25),
                    {
                        "http.request.method": "POST",
                        "url.full": "https://id.example/introspect",
                        "server.address": "id.example",
                        "server.port": 443,
                    },
                    "POST",
                ),
                Told(
                    *(0.25, 0.5),
                    {
                        "http.request.method": "GET",
                        "http.response.status_code": 403,
                        "url.full": "http://judge:9000/check",
                        "server.address": "judge",
                        "server.port": 9000,
                        "error.type": "403",
                    },
                    is_error=True,
                ),
                Told(
                    *(0.5, 0.75),
                    {
                        "db.system.name": "redis",
                        "db.operation.name": "EVALSHA",
                        "server.address": "127.0.0.1",
                        "server.port": 6379,
                        "error.type": "quota_unavailable",
                    },
                    *("EVALSHA", True),
                ),
            ],
            id="that waited",
        ),
    ],
)
def test_a_request_is_told_as_the_sdk_tells_it(happening, does, noted, continues, expected):
    passage, message = happening(does, noted, continues, b"GET")
    spans = message.resource_spans[0].scope_spans[0].spans
    assert {passage.trace.flags} == {span.flags & OF_W3C for span in spans}
    assert settled(theirs(passage, expected)) == settled(message)


def test_a_method_that_nobody_knows_is_told_as_the_sdk_tells_it(happening):
    passage, message = happening(attempts(200), {}, False, b"BREW")
    other = {"http.request.method": "_OTHER", "http.request.method_original": "BREW"}
    expected = [Told(0, 0.25, other, "HTTP /a/{b}"), Told(0, 0.25, at(0) | other, "HTTP")]
    assert settled(theirs(passage, expected)) == settled(message)


def test_what_could_not_be_read_is_told_as_the_sdk_tells_it():
    recorder = Recorder(Clock(Time(), lambda: EPOCH + BEGUN), "v1", frozenset(), Redaction())
    recorder.unreadable(Reason.PATH, 400, TRACE.encode(), "192.0.2.9")
    message = ours(recorder)
    (span,) = message.resource_spans[0].scope_spans[0].spans
    attributes = {
        "http.request.method": "_OTHER",
        "http.response.status_code": 400,
        "network.peer.address": "192.0.2.9",
        "gateway.request_id": TRACE,
        "gateway.config.version": "v1",
        "gateway.policy": "wire",
        "gateway.reason": "bad_path",
        "gateway.mode": "enforce",
    }
    context = SpanContext(int(TRACE, 16), int(span.span_id.hex(), 16), is_remote=False)
    told = readable(Told(0, 0, attributes, "HTTP"), SpanKind.SERVER, context, None, [])
    assert settled(encode_spans([told])) == settled(message)
