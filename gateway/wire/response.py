"""From the bytes of a whole response head to a Response, as strict as for requests (RFC 9112 6.3)."""

from enum import IntEnum
from typing import final

import httptools

from gateway.http.fields import RESPONSE_FIELDS, Malformed, sift
from gateway.http.reason import Reason
from gateway.http.response import Response
from gateway.wire.collector import Collector

HEAD_AT_MOST = 64 * 1024
TRAILERS_AT_MOST = 100


class Framing(IntEnum):
    """How the end of a response's body is known."""

    NONE = 0
    COUNTED = 1
    CHUNKED = 2
    UNTIL_EOF = 3


@final
class ResponseReader:
    """Reads the responses of one connection, one whole head at a time; bodies with a length pass it by."""

    __slots__ = ("_collector", "framing")

    def __init__(self) -> None:
        self._collector = Collector(httptools.HttpResponseParser)
        self.framing = Framing.NONE

    @property
    def keep_alive(self) -> bool:
        """True if the backend will answer another request on this connection."""
        return self._collector.keep_alive

    @property
    def body_complete(self) -> bool:
        """True once a chunked body has ended."""
        return self._collector.complete

    @property
    def overrun(self) -> bool:
        """True if something came behind a chunked body that nobody asked for."""
        return self._collector.overrun

    def head(self, head: bytes, method: bytes) -> Response:
        """The response whose head is `head`, to a request with `method`. Raises Malformed."""
        collector = self._collector
        parser = collector.head(head, Reason.UPSTREAM_PROTOCOL)
        status = parser.get_status_code()
        if not 100 <= status <= 599 or not head.startswith((b"HTTP/1.1", b"HTTP/1.0")):
            raise Malformed(Reason.UPSTREAM_PROTOCOL)
        fields, noted = sift(collector.fields, RESPONSE_FIELDS)
        length = self._frame(status, method, noted)
        if self.framing is Framing.CHUNKED:
            collector.begin_chunks()
        elif not collector.complete:
            # The parser waits for a body that passes it by, or that never comes.
            collector.renew()
        return Response(status, fields, noted, length)

    def body(self, data: bytes) -> bytes:
        """What of a chunked body `data` carries. Raises Malformed."""
        return self._collector.body(data, TRAILERS_AT_MOST, Reason.UPSTREAM_PROTOCOL)

    def _frame(self, status: int, method: bytes, noted: dict[bytes, bytes]) -> int:
        coding = noted.get(b"transfer-encoding")
        counted = noted.get(b"content-length")
        if status < 200 or status == 204 or status == 304 or method == b"HEAD":
            self.framing = Framing.NONE
            return -1 if counted is None else int(counted)
        if coding is not None:
            if coding.lower() != b"chunked" or counted is not None:
                raise Malformed(Reason.UPSTREAM_PROTOCOL)
            self.framing = Framing.CHUNKED
            return -1
        if counted is None:
            self.framing = Framing.UNTIL_EOF
            return -1
        length = int(counted)
        self.framing = Framing.COUNTED if length else Framing.NONE
        return length
