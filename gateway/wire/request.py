"""From the bytes of one whole head to a Request that can be read in one way only.

httptools collects; everything it lets through that a proxy must not is refused here (RFC 9112, RFC 9110).
Nothing of a refused message is kept: a refusal is a Reason.
"""

import re
from typing import final

import httptools

from gateway.config.snapshot import Limits
from gateway.http.edits import Block
from gateway.http.fields import REQUEST_FIELDS, Field, Malformed, sift
from gateway.http.forwarded import Forwarding
from gateway.http.path import PathRules, canonical
from gateway.http.reason import Reason
from gateway.http.request import Request
from gateway.wire.collector import Collector

CHUNKED = -1

# RFC 3986 3.2.2 without user information: a name, an IPv4 address or a bracketed IPv6 address, and a port.
_AUTHORITY = re.compile(rb"(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_ABSOLUTE = re.compile(rb"[Hh][Tt][Tt][Pp][Ss]?://([^/?#]*)(.*)", re.DOTALL)
_REFUSED_METHODS = frozenset([b"CONNECT", b"TRACE"])


@final
class Intake:
    """What every request of one listener is read by: limits, path rules, trusted proxies, our port."""

    __slots__ = ("_authorities", "forwarding", "limits", "path", "port")

    def __init__(self, limits: Limits, path: PathRules, forwarding: Forwarding, port: int) -> None:
        self.limits = limits
        self.path = path
        self.forwarding = forwarding
        self.port = port
        self._authorities: set[bytes] = set()

    def knows_authority(self, authority: bytes) -> bool:
        """True if `authority` is a host with an optional port; known ones are remembered, within bounds."""
        if authority in self._authorities:
            return True
        if len(authority) > 261 or _AUTHORITY.fullmatch(authority) is None:
            return False
        if len(self._authorities) < 4096:
            self._authorities.add(authority)
        return True


@final
class RequestReader:
    """Reads the requests of one connection, one whole head at a time; bodies with a length pass it by."""

    __slots__ = ("_collector", "_intake", "_own", "_peer", "_secure", "_trusted", "http11")

    def __init__(self, intake: Intake, peer: str, secure: bool) -> None:
        self._intake = intake
        self._peer = peer
        self._secure = secure
        self._trusted = intake.forwarding.trusts(peer)
        self._own: tuple[bytes, Block] | None = None
        self._collector = Collector(httptools.HttpRequestParser)
        self.http11 = True

    @property
    def keep_alive(self) -> bool:
        """True if the client wants to send another request on this connection."""
        return self._collector.keep_alive

    @property
    def body_complete(self) -> bool:
        """True once a chunked body has ended."""
        return self._collector.complete

    @property
    def overrun(self) -> bool:
        """True if a request behind a chunked body was swallowed: its sender must repeat it."""
        return self._collector.overrun

    def head(self, head: bytes) -> Request:
        """The request whose head, up to and with its empty line, is `head`. Raises Malformed."""
        limits = self._intake.limits
        end_of_line = head.find(b"\r\n")
        if end_of_line > limits.request_line:
            raise Malformed(Reason.TARGET_TOO_LONG)
        collector = self._collector
        parser = collector.head(head, Reason.MALFORMED)
        if len(collector.fields) > limits.fields:
            raise Malformed(Reason.FIELDS_TOO_LARGE)
        self.http11 = head.endswith(b" HTTP/1.1", 0, end_of_line)
        if not self.http11 and not head.endswith(b" HTTP/1.0", 0, end_of_line):
            raise Malformed(Reason.VERSION)
        request = self._request(parser.get_method(), *sift(collector.fields, REQUEST_FIELDS))
        if request.length == CHUNKED:
            collector.begin_chunks()
        elif request.length:
            collector.renew()
        elif not collector.complete:
            raise Malformed(Reason.MALFORMED)
        return request

    def body(self, data: bytes) -> bytes:
        """What of a chunked body `data` carries. Trailers are dropped. Raises Malformed."""
        return self._collector.body(data, self._intake.limits.fields, Reason.MALFORMED)

    def _request(self, method: bytes, fields: list[Field], noted: dict[bytes, bytes]) -> Request:
        if method in _REFUSED_METHODS:
            raise Malformed(Reason.METHOD_REFUSED)
        length = self._length(noted)
        authority = self._authority(noted)
        path, query = self._path(method, authority)
        client, secure = self._peer, self._secure
        if self._trusted:
            client, secure = self._intake.forwarding.origin(client, secure, noted)
            forwarding = self._forwarded(authority, noted)
        else:
            forwarding = self._remembered(authority)
        return Request(method, authority, path, query, fields, noted, length, client, secure, forwarding)

    def _forwarded(self, authority: bytes, noted: dict[bytes, bytes]) -> Block:
        intake = self._intake
        return Block(intake.forwarding.fields(self._peer, self._secure, intake.port, authority, noted))

    def _remembered(self, authority: bytes) -> Block:
        # For a peer that is not believed the fields depend on the authority alone, which seldom changes.
        known = self._own
        if known is None or known[0] != authority:
            known = self._own = authority, self._forwarded(authority, {})
        return known[1]

    def _length(self, noted: dict[bytes, bytes]) -> int:
        coding = noted.get(b"transfer-encoding")
        if coding is not None:
            # RFC 9112 6.1: a coding of which chunked is not the only one cannot be forwarded, and one in
            # HTTP/1.0 or beside a Content-Length may be read in two ways.
            if coding.lower() != b"chunked" or not self.http11 or b"content-length" in noted:
                raise Malformed(Reason.FRAMING)
            length = CHUNKED
        else:
            length = int(noted.get(b"content-length") or 0)
        if length and b"upgrade" in noted:
            # The bytes behind the head would be the body to one side and the new protocol to the other.
            raise Malformed(Reason.FRAMING)
        return length

    def _authority(self, noted: dict[bytes, bytes]) -> bytes:
        authority = noted.get(b"host")
        if authority is None:
            if self.http11:
                raise Malformed(Reason.HOST)
            return b""
        if not self._intake.knows_authority(authority):
            raise Malformed(Reason.HOST)
        return authority

    def _path(self, method: bytes, authority: bytes) -> tuple[bytes, bytes]:
        target = self._collector.url
        if target[:1] != b"/":
            if target == b"*" and method == b"OPTIONS":
                return target, b""
            absolute = _ABSOLUTE.fullmatch(target)
            if absolute is None:
                raise Malformed(Reason.TARGET)
            if absolute[1].lower() != authority.lower():
                raise Malformed(Reason.HOST)
            target = absolute[2] if absolute[2][:1] == b"/" else b"/" + absolute[2]
        if b"#" in target:
            raise Malformed(Reason.PATH)
        path, mark, query = target.partition(b"?")
        return canonical(path, self._intake.path), mark + query
