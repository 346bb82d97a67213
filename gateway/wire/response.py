"""From the bytes of a whole response head to a Response, as strict as for requests (RFC 9112 6.3)."""

from enum import IntEnum
from typing import Final, final

import httptools

from gateway.http.fields import FieldTable, Malformed, sift
from gateway.http.reason import Reason
from gateway.http.response import Response
from gateway.wire.collector import Collector

HEAD_AT_MOST: Final = 64 * 1024
_ONE: Final = ord("1")


class Framing(IntEnum):
    """How the end of a response's body is known."""

    NONE = 0
    COUNTED = 1
    CHUNKED = 2
    UNTIL_EOF = 3


@final
class ResponseReader:
    """Reads the responses of one connection, one whole head at a time; bodies with a length pass it by."""

    __slots__ = ("collector", "framing")

    def __init__(self) -> None:
        self.collector = Collector(httptools.HttpResponseParser)
        self.framing = Framing.NONE

    def head(self, head: bytes, method: bytes, table: FieldTable) -> Response:
        """The response with this head to a request with `method`, sorted by `table`. Raises Malformed."""
        collector = self.collector
        parser = collector.head(head, Reason.UPSTREAM_PROTOCOL)
        status = parser.get_status_code()
        # Of the versions that llhttp knows two have a major number of 1; it skips empty lines before a head.
        if status < 100 or status > 599 or not head.startswith(b"HTTP/1."):
            raise Malformed(Reason.UPSTREAM_PROTOCOL)
        lines, noted, present = sift(head.split(b"\r\n")[1:-2], table)
        counted = noted.get(b"content-length")
        length = -1 if counted is None else int(counted)
        if status < 200 or status == 204 or status == 304 or method == b"HEAD":
            self.framing = Framing.NONE
        elif b"transfer-encoding" in noted:
            # RFC 9112 6.1: a coding in HTTP/1.0, or beside a Content-Length, makes the framing faulty.
            chunked = noted[b"transfer-encoding"].lower() == b"chunked" and head[7] == _ONE
            if not chunked or counted is not None:
                raise Malformed(Reason.UPSTREAM_PROTOCOL)
            self.framing = Framing.CHUNKED
            collector.begin_chunks()
            return Response(status, lines, noted, length, present)
        else:
            self.framing = Framing.COUNTED if length >= 0 else Framing.UNTIL_EOF
        if not collector.complete:
            # The parser waits for a body that passes it by, or that never comes.
            collector.renew()
        return Response(status, lines, noted, length, present)

    def body(self, data: bytes) -> bytes:
        """What of a chunked body `data` carries. Raises Malformed."""
        return self.collector.body(data, Reason.UPSTREAM_PROTOCOL)
