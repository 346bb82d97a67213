"""Both ways to a collector, and every way in which it can fail."""

import socket
import threading
from contextlib import suppress

import grpc
import pytest
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTracePartialSuccess,
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.trace.v1.trace_pb2 import ResourceSpans, ScopeSpans, Span

from gateway.telemetry.destination import Destination
from gateway.telemetry.senders import SendError, sender

BOTH = [pytest.param("http/protobuf", id="HTTP"), pytest.param("grpc", id="gRPC")]
MESSAGE = ExportTraceServiceRequest(
    resource_spans=[ResourceSpans(scope_spans=[ScopeSpans(spans=[Span(name="a", kind=2)])])]
)


@pytest.fixture
def nobody():
    """A URL where nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


@pytest.fixture
def fake():
    """A server that says one thing to whoever connects, and hangs up once the other side does.

    What it left unread would reset the connection, and with it what it said.
    """
    servers = []

    def start(said):
        server = socket.create_server(("127.0.0.1", 0))
        servers.append(server)

        def serve():
            with suppress(OSError):
                taken, _ = server.accept()
                with taken:
                    taken.recv(65536)
                    taken.sendall(said)
                    taken.shutdown(socket.SHUT_WR)
                    while taken.recv(65536):
                        pass

        threading.Thread(target=serve, daemon=True).start()
        return f"http://127.0.0.1:{server.getsockname()[1]}"

    yield start
    for server in servers:
        server.close()


def send(protocol, url, headers=()):
    return sender(Destination(url, protocol, headers, ()))(MESSAGE)


@pytest.mark.parametrize("protocol", BOTH)
def test_spans_arrive_with_the_fields_that_go_with_them(collectors, protocol):
    collector = collectors(protocol)
    assert 0 == send(protocol, collector.url + "/v1/traces", (("authorization", "Bearer a"),))
    assert ["a"] == [span.name for span in collector.spans]
    assert "Bearer a" == collector.headers[0]["authorization"]


def test_http_asks_at_the_path_of_its_url_as_itself(collectors):
    collector = collectors()
    send("http/protobuf", collector.url + "/here?tenant=1", (("user-agent", "x"), ("content-type", "y")))
    (headers,) = collector.headers
    assert "/here?tenant=1" == headers[":path"]
    assert "application/x-protobuf" == headers["content-type"]
    assert headers["user-agent"].startswith("azora-gateway/")


def test_spans_that_are_refused_are_counted(collectors):
    collector = collectors()
    partial = ExportTracePartialSuccess(rejected_spans=3)
    collector.body = ExportTraceServiceResponse(partial_success=partial).SerializeToString()
    assert 3 == send("http/protobuf", collector.url)


@pytest.mark.parametrize(
    ("status", "is_final"),
    [
        pytest.param(400, True, id="400"),
        pytest.param(404, True, id="404"),
        pytest.param(500, True, id="500"),
        pytest.param(302, True, id="a redirect, which is not followed"),
        pytest.param(202, True, id="a success that OTLP does not know"),
        pytest.param(429, False, id="429"),
        pytest.param(502, False, id="502"),
        pytest.param(503, False, id="503"),
        pytest.param(504, False, id="504"),
    ],
)
def test_a_status_says_whether_another_attempt_is_worth_it(collectors, status, is_final):
    collector = collectors()
    collector.status = status
    with pytest.raises(SendError, match=f"^status {status}$") as error:
        send("http/protobuf", collector.url)
    assert is_final == error.value.is_final


@pytest.mark.parametrize(
    ("code", "is_final"),
    [
        pytest.param(grpc.StatusCode.UNAVAILABLE, False, id="away"),
        pytest.param(grpc.StatusCode.DATA_LOSS, False, id="lost"),
        pytest.param(grpc.StatusCode.RESOURCE_EXHAUSTED, True, id="too much"),
        pytest.param(grpc.StatusCode.UNAUTHENTICATED, True, id="not let in"),
        pytest.param(grpc.StatusCode.INVALID_ARGUMENT, True, id="not understood"),
    ],
)
def test_a_code_says_whether_another_attempt_is_worth_it(collectors, code, is_final):
    collector = collectors("grpc")
    collector.code = code
    with pytest.raises(SendError, match=f"^{code.name}$") as error:
        send("grpc", collector.url)
    assert is_final == error.value.is_final


@pytest.mark.parametrize("protocol", BOTH)
def test_a_collector_that_is_not_there_may_come_back(nobody, protocol):
    with pytest.raises(SendError) as error:
        send(protocol, nobody)
    assert not error.value.is_final


@pytest.mark.parametrize(
    ("said", "why"),
    [
        pytest.param(b"", "RemoteDisconnected", id="not a word"),
        pytest.param(b"SSH-2.0-x\r\n", "BadStatusLine", id="another protocol"),
        pytest.param(b"HTTP/1.1 200 OK\r\n\r\n<html>hello</html>", "none of OTLP", id="a page"),
        pytest.param(b"HTTP/1.1 200 OK\r\ncontent-length: 9\r\n\r\nx", "none of OTLP", id="a part"),
        pytest.param(b"HTTP/1.1 200 OK\r\n" + b"a: b\r\n" * 999 + b"\r\n", "HTTPException", id="many fields"),
        pytest.param(b"HTTP/1.1 200 OK\r\na: " + b"b" * 99999, "LineTooLong", id="a long field"),
    ],
)
def test_nonsense_is_an_error_in_our_own_words(fake, said, why):
    with pytest.raises(SendError, match=why) as error:
        send("http/protobuf", fake(said))
    assert "hello" not in str(error.value)


def test_nonsense_is_an_error_by_grpc_too(fake):
    with pytest.raises(SendError, match=r"^[A-Z_]+$"):
        send("grpc", fake(b"HTTP/1.1 200 OK\r\n\r\nhello"))
