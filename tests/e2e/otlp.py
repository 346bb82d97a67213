"""A collector on loopback: OTLP by HTTP and by gRPC, which does what a test tells it."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)
from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import (
    TraceServiceServicer,
    add_TraceServiceServicer_to_server,
)

PATIENCE = 8.0
KINDS = {2: "SERVER", 3: "CLIENT"}


class Spanned:
    """A span as tests read it: ids in hexadecimal digits, attributes as a dict."""

    def __init__(self, span, resource, scope):
        self.name = span.name
        self.kind = KINDS[span.kind]
        self.trace_id = span.trace_id.hex()
        self.span_id = span.span_id.hex()
        self.parent_id = span.parent_span_id.hex()
        self.state = span.trace_state
        self.flags = span.flags
        self.begun, self.ended = span.start_time_unix_nano, span.end_time_unix_nano
        self.failed = span.status.code == span.status.STATUS_CODE_ERROR
        self.links = [(link.trace_id.hex(), link.span_id.hex()) for link in span.links]
        self.attributes = _attributes(span.attributes)
        self.resource = resource
        self.scope = scope

    def __getitem__(self, name):
        return self.attributes.get(name)


def _attributes(pairs):
    found = {}
    for pair in pairs:
        assert pair.key not in found
        found[pair.key] = getattr(pair.value, pair.value.WhichOneof("value"))
    return found


class Collector(TraceServiceServicer):
    """Keeps what it is sent. `status` and `body` are what HTTP answers, `code` what gRPC fails with.

    While `open` is not set, an answer waits.
    """

    def __init__(self):
        self.url = ""
        self.status, self.body, self.code = 200, None, None
        self.open = threading.Event()
        self.open.set()
        self.asked = 0
        self.headers = []
        self._messages = []

    @property
    def spans(self):
        """Every span so far, in the order they came."""
        return [
            Spanned(span, _attributes(resource.resource.attributes), scope.scope.name)
            for message in list(self._messages)
            for resource in message.resource_spans
            for scope in resource.scope_spans
            for span in scope.spans
        ]

    async def took(self, count, kind=None):
        """The spans, of one kind, when there are so many."""
        async with asyncio.timeout(PATIENCE):
            while len(spans := self._of(kind)) < count:  # noqa: ASYNC110 - threads take what comes.
                await asyncio.sleep(0.01)
        assert count == len(spans), [(each.kind, each.name) for each in spans]
        return spans

    def _of(self, kind):
        return [each for each in self.spans if kind in (None, each.kind)]

    def take(self, message, headers):
        self.asked += 1
        self.headers.append(headers)
        self.open.wait(PATIENCE)
        if self.status == 200 and self.code is None and self.body is None:
            self._messages.append(message)

    def Export(self, request, context):
        self.take(request, dict(context.invocation_metadata()))
        if self.code is not None:
            context.abort(self.code, "as told")
        return ExportTraceServiceResponse()


def http_collector():
    """One that speaks HTTP, and what ends it."""
    collector = Collector()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self):
            raw = self.rfile.read(int(self.headers["content-length"]))
            headers = {name.lower(): value for name, value in self.headers.items()} | {":path": self.path}
            collector.take(ExportTraceServiceRequest.FromString(raw), headers)
            body = collector.body or b""
            self.send_response(collector.status)
            self.send_header("content-type", "application/x-protobuf")
            self.send_header("content-length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *arguments):
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    collector.url = f"http://127.0.0.1:{server.server_port}"

    def end():
        collector.open.set()
        server.shutdown()
        server.server_close()
        thread.join()

    return collector, end


def grpc_collector():
    """One that speaks gRPC, and what ends it."""
    collector = Collector()
    server = grpc.server(ThreadPoolExecutor(2))
    add_TraceServiceServicer_to_server(collector, server)
    port = server.add_insecure_port("127.0.0.1:0")
    server.start()
    collector.url = f"http://127.0.0.1:{port}"

    def end():
        collector.open.set()
        server.stop(None).wait()

    return collector, end
