"""What a span says of a request, where no gateway has to run to show it."""

from dataclasses import replace

import pytest

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
ERROR = 2


class Time:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def encoded(time, snapshot):
    """The spans of one sampled request that `does` something on its way, as dicts."""

    def encode(does=lambda books, passage: None, *, method=b"GET", authority=b"x", query=b"", **changes):
        clock = Clock(time, lambda: EPOCH + time.now)
        recorder = Recorder(clock, "v1", frozenset([b"127.0.0.1:443"]), Redaction())
        books = Books(clock, 1.0)
        books.followers = (recorder.follow,)
        route = replace(snapshot().routes[0], pattern="/a/{b}", operation="payment", **changes)
        noted = {b"user-agent": b"caf\xc3\xa9"}
        request = Request(method, authority, b"/a/1", query, [], noted, 0, "192.0.2.1", True, Block(()))
        request_id, trace = books.identify(request, continues=False)
        passage = books.open(route, Exchange(request, request_id, ()), trace, time.now)
        does(books, passage)
        passage.status = passage.status or 200
        books.close(passage)
        message = Encoder([("service.name", "edge")])(recorder.take())
        (resource,) = message.resource_spans
        (scope,) = resource.scope_spans
        assert [("service.name", "edge")] == [
            (each.key, each.value.string_value) for each in resource.resource.attributes
        ]
        assert ("gateway", __version__) == (scope.scope.name, scope.scope.version)
        return scope.spans

    return encode


def said(span):
    return {each.key: getattr(each.value, each.value.WhichOneof("value")) for each in span.attributes}


def waits(*made):
    def does(books, passage):
        passage.waits.extend(made)

    return does


def wait(operation, url, status=0, error="", ended=100.5):
    made = Wait(operation, url, 100.0)
    made.ended, made.status, made.error = ended, status, error
    return made


@pytest.mark.parametrize(
    ("authority", "place"),
    [
        pytest.param(b"api.example", ("api.example", 443), id="a name, at the usual port"),
        pytest.param(b"api.example:8443", ("api.example", 8443), id="a name and a port"),
        pytest.param(b"[2001:db8::1]:80", ("2001:db8::1", 80), id="an address of version 6"),
        pytest.param(b"", (None, None), id="none, as HTTP/1.0 allows"),
    ],
)
def test_where_a_request_was_sent(encoded, authority, place):
    (server,) = encoded(authority=authority)
    found = said(server)
    assert (*place, "https") == (
        found.get("server.address"),
        found.get("server.port"),
        found["url.scheme"],
    )


def test_what_is_not_ascii_is_told_all_the_same(encoded):
    (server,) = encoded()
    assert "caf\\xc3\\xa9" == said(server)["user_agent.original"]


def test_the_operation_of_a_route_is_told(encoded):
    (server,) = encoded()
    assert ("payment", "v1") == (
        said(server)["gateway.operation"],
        said(server)["gateway.config.version"],
    )


def test_times_are_those_of_the_world(encoded, time):
    def does(books, passage):
        time.now += 0.25

    (server,) = encoded(does)
    begun, ended = server.start_time_unix_nano, server.end_time_unix_nano
    assert (pytest.approx((EPOCH + 100) * 1e9), pytest.approx(0.25e9, rel=1e-4)) == (begun, ended - begun)


@pytest.mark.parametrize(
    ("endpoint", "expected"),
    [
        pytest.param(
            b"127.0.0.1:80",
            ("http://127.0.0.1:80/a/1?b=2&token=REDACTED", "127.0.0.1", 80),
            id="an address",
        ),
        pytest.param(
            b"127.0.0.1:443",
            ("https://127.0.0.1:443/a/1?b=2&token=REDACTED", "127.0.0.1", 443),
            id="one that is spoken TLS with",
        ),
        pytest.param(
            b"unix:/run/backend.sock",
            ("http://localhost/a/1?b=2&token=REDACTED", "/run/backend.sock", None),
            id="a Unix socket",
        ),
    ],
)
def test_where_an_attempt_went(encoded, endpoint, expected):
    def does(books, passage):
        books.attempt(passage, endpoint)
        books.attempt_answered(passage, 200)

    _, client = encoded(does, query=b"?b=2&token=hunter2")
    found = said(client)
    assert expected == (found["url.full"], found["server.address"], found.get("server.port"))


def test_a_connection_that_went_stale_is_an_attempt_that_failed(encoded):
    """It is replaced without a word; the answer came on the next one."""

    def does(books, passage):
        books.attempt(passage, b"127.0.0.1:80")
        books.attempt(passage, b"127.0.0.1:80")
        books.attempt_answered(passage, 200)

    _, stale, fresh = encoded(does)
    assert ("upstream_reset", ERROR) == (said(stale)["error.type"], stale.status.code)
    assert (1, 0) == (said(fresh)["http.request.resend_count"], fresh.status.code)
    assert stale.end_time_unix_nano <= fresh.start_time_unix_nano


@pytest.mark.parametrize(
    ("policy", "failed"),
    [
        pytest.param("upstream", [True, True], id="a backend's fault"),
        pytest.param("gateway", [True, False], id="ours"),
        pytest.param("wire", [False, False], id="the client's"),
    ],
)
def test_whose_fault_it_is_that_an_answer_breaks_off(encoded, policy, failed):
    def does(books, passage):
        books.attempt(passage, b"127.0.0.1:80")
        books.attempt_answered(passage, 200)
        passage.refuse(policy, "", Reason.UPSTREAM_RESET)
        passage.aborted = True

    assert failed == [span.status.code == ERROR for span in encoded(does)]


@pytest.mark.parametrize(
    ("made", "expected", "failed"),
    [
        pytest.param(
            wait("GET", "https://id.example/keys?secret=1", 200),
            {
                "http.request.method": "GET",
                "url.full": "https://id.example/keys",
                "http.response.status_code": 200,
                "server.address": "id.example",
                "server.port": 443,
            },
            False,
            id="HTTP, without what stands in the query",
        ),
        pytest.param(
            wait("GET", "http://judge:9000/check", 403),
            {
                "http.request.method": "GET",
                "url.full": "http://judge:9000/check",
                "http.response.status_code": 403,
                "server.address": "judge",
                "server.port": 9000,
                "error.type": "403",
            },
            True,
            id="HTTP that says no",
        ),
        pytest.param(
            wait("EVALSHA", "redis://127.0.0.1:6379"),
            {
                "db.system.name": "redis",
                "db.operation.name": "EVALSHA",
                "server.address": "127.0.0.1",
                "server.port": 6379,
            },
            False,
            id="Redis",
        ),
        pytest.param(
            wait("EVALSHA", "redis://h1:1,h2:2", error="quota_unavailable"),
            {"db.system.name": "redis", "db.operation.name": "EVALSHA", "error.type": "quota_unavailable"},
            True,
            id="a cluster of Redis that does not answer",
        ),
    ],
)
def test_what_a_request_waited_for(encoded, made, expected, failed):
    server, client = encoded(waits(made))
    assert (expected, failed) == (said(client), client.status.code == ERROR)
    assert (server.span_id, made.operation) == (client.parent_span_id, client.name)
    assert server.span_id != client.span_id


def test_what_has_no_end_ends_with_the_request(encoded):
    server, client = encoded(waits(wait("GET", "http://judge", ended=0.0)))
    assert server.end_time_unix_nano == client.end_time_unix_nano


@pytest.mark.parametrize(
    ("method", "name", "attributes"),
    [
        pytest.param(b"GET", "GET /a/{b}", ("GET", None), id="a usual one"),
        pytest.param(b"BREW", "HTTP /a/{b}", ("_OTHER", "BREW"), id="one that nobody knows"),
        pytest.param(b"_OTHER", "HTTP /a/{b}", ("_OTHER", "_OTHER"), id="one that is spelled so"),
        pytest.param(b"get", "HTTP /a/{b}", ("_OTHER", "get"), id="methods are case-sensitive"),
    ],
)
def test_the_method(encoded, method, name, attributes):
    (server,) = encoded(method=method)
    found = said(server)
    assert (name, *attributes) == (
        server.name,
        found["http.request.method"],
        found.get("http.request.method_original"),
    )
