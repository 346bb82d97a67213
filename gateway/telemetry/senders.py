"""Two ways to a collector, HTTP and gRPC: one message each time, within ten seconds."""

from collections.abc import Callable
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Final, final
from urllib.parse import urlsplit

from google.protobuf.message import DecodeError
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

from gateway import __version__
from gateway.telemetry.destination import Destination

SECONDS_AT_MOST: Final = 10.0
_BYTES_AT_MOST: Final = 64 * 1024
# The gateway's own connections to a collector that is away are not made more seldom than that.
_RECONNECTION_AT_MOST: Final = 5_000
_AGENT: Final = f"azora-gateway/{__version__}"
# OTLP 1.10, "OTLP/HTTP Response" and "OTLP/gRPC Response": what may be sent once more.
_HTTP_AGAIN: Final = frozenset([429, 502, 503, 504])
_GRPC_AGAIN: Final = frozenset(
    ["CANCELLED", "DEADLINE_EXCEEDED", "ABORTED", "OUT_OF_RANGE", "UNAVAILABLE", "DATA_LOSS"]
)

# Sends a message; gives the number of spans that the collector refuses. Raises SendError.
Send = Callable[[ExportTraceServiceRequest], int]


class SendError(Exception):
    """The collector has not taken a message. The text says why in our own words.

    `is_final` says that the same message is not worth another attempt.
    """

    def __init__(self, why: str, *, is_final: bool) -> None:
        super().__init__(why)
        self.is_final = is_final


def sender(destination: Destination) -> Send:
    """The way to a destination."""
    return _Grpc(destination) if destination.protocol == "grpc" else _Http(destination)


@final
class _Http:
    """OTLP/HTTP, with Protobuf. No redirect is followed; each message has a connection of its own."""

    def __init__(self, destination: Destination) -> None:
        parts = urlsplit(destination.url)
        self._connection = HTTPSConnection if parts.scheme == "https" else HTTPConnection
        self._host, self._port = parts.hostname or "", parts.port
        self._target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        own = {"content-type": "application/x-protobuf", "user-agent": _AGENT}
        self._headers = dict(destination.headers) | own

    def __call__(self, request: ExportTraceServiceRequest) -> int:
        connection = self._connection(self._host, self._port, timeout=SECONDS_AT_MOST)
        try:
            connection.request("POST", self._target, request.SerializeToString(), self._headers)
            with connection.getresponse() as response:
                body = response.read(_BYTES_AT_MOST)
        except (OSError, HTTPException) as error:
            raise SendError(type(error).__name__, is_final=False) from None
        finally:
            connection.close()
        if response.status != 200:
            raise SendError(f"status {response.status}", is_final=response.status not in _HTTP_AGAIN)
        try:
            answer = ExportTraceServiceResponse.FromString(body)
        except DecodeError:
            raise SendError("an answer that is none of OTLP", is_final=True) from None
        return int(answer.partial_success.rejected_spans)


@final
class _Grpc:
    """OTLP/gRPC."""

    def __init__(self, destination: Destination) -> None:
        # A tenth of a second and 10 MiB that only this protocol needs.
        import grpc
        from opentelemetry.proto.collector.trace.v1.trace_service_pb2_grpc import TraceServiceStub

        self._failure = grpc.RpcError
        self._metadata = destination.headers
        parts = urlsplit(destination.url)
        options = [
            ("grpc.primary_user_agent", _AGENT),
            ("grpc.max_reconnect_backoff_ms", _RECONNECTION_AT_MOST),
            ("grpc.max_receive_message_length", _BYTES_AT_MOST),
        ]
        if parts.scheme == "https":
            channel = grpc.secure_channel(parts.netloc, grpc.ssl_channel_credentials(), options)
        else:
            channel = grpc.insecure_channel(parts.netloc, options)
        self._export = TraceServiceStub(channel).Export  # type: ignore[no-untyped-call]

    def __call__(self, request: ExportTraceServiceRequest) -> int:
        try:
            answer = self._export(request, timeout=SECONDS_AT_MOST, metadata=self._metadata)
        except self._failure as error:
            code = error.code().name
            raise SendError(code, is_final=code not in _GRPC_AGAIN) from None
        return int(answer.partial_success.rejected_spans)
