"""From the bytes of one whole head to a Request that can be read in one way only.

httptools collects; everything it lets through that a proxy must not is refused here (RFC 9112, RFC 9110).
Nothing of a refused message is kept: a refusal is a Reason.
"""

import re
from typing import Final, final

import httptools

from gateway.config.snapshot import Limits, Timeouts
from gateway.http.edits import Block
from gateway.http.fields import REQUEST_FIELDS, Malformed, sift
from gateway.http.forwarded import Forwarding
from gateway.http.path import PathRules, canonical
from gateway.http.reason import Reason
from gateway.http.request import Request
from gateway.wire.collector import Collector
from gateway.wire.descriptors import Descriptors

CHUNKED: Final = -1
_REQUEST_ID: Final = re.compile(rb"[0-9a-f]{32}")
_SLASH: Final = ord("/")
_HASH: Final = ord("#")
_QUESTION: Final = ord("?")

# RFC 3986 3.2.2 without user information: a name, an IPv4 address or a bracketed IPv6 address, and a port.
_AUTHORITY: Final = re.compile(rb"(?:[A-Za-z0-9._~-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_ABSOLUTE: Final = re.compile(rb"[Hh][Tt][Tt][Pp][Ss]?://([^/?#]*)(.*)", re.DOTALL)
_AUTHORITY_AT_MOST: Final = 261
# RFC 9112 2.3: a version that is well formed and that nobody here speaks.
_OTHER_VERSION: Final = re.compile(rb"[!-~]+ [!-~]+ HTTP/(?!1\.[01]\r)[0-9]\.[0-9]\r\n")
_LEARNED_AT_MOST: Final = 4096
_REFUSED_METHODS: Final = frozenset([b"CONNECT", b"TRACE"])


@final
class Intake:
    """What every request of one listener is read by: limits, path rules, trusted proxies, our port.

    `continues_traces` says that a trace context from outside is gone on with.
    """

    __slots__ = ("authorities", "continues_traces", "forwarding", "limits", "path", "port")

    def __init__(
        self,
        limits: Limits,
        path: PathRules,
        forwarding: Forwarding,
        port: int,
        *,
        continues_traces: bool = False,
    ) -> None:
        self.limits = limits
        self.path = path
        self.forwarding = forwarding
        self.port = port
        self.continues_traces = continues_traces
        self.authorities: set[bytes] = set()

    def learn_authority(self, authority: bytes) -> None:
        """Remember a host with an optional port. Raises Malformed for anything else."""
        if len(authority) > _AUTHORITY_AT_MOST or _AUTHORITY.fullmatch(authority) is None:
            raise Malformed(Reason.HOST)
        if len(self.authorities) >= _LEARNED_AT_MOST:
            self.authorities.clear()
        self.authorities.add(authority)


@final
class Terms:
    """By what the connections of a listener are served now; another configuration brings others."""

    __slots__ = ("descriptors", "intake", "timeouts")

    def __init__(self, intake: Intake, timeouts: Timeouts, descriptors: Descriptors) -> None:
        self.intake = intake
        self.timeouts = timeouts
        self.descriptors = descriptors


@final
class RequestReader:
    """Reads the requests of one connection, one whole head at a time; bodies with a length pass it by.

    `secure` says whether it is TLS; `certificate` is that of the client, in DER, None where it showed none.
    """

    __slots__ = ("_certificate", "_intake", "_own", "_peer", "_secure", "_trusted", "collector", "http11")

    def __init__(self, intake: Intake, peer: str, secure: bool, certificate: bytes | None = None) -> None:
        self._intake = intake
        self._peer = peer
        self._secure = secure
        self._certificate = certificate
        self._trusted = intake.forwarding.trusts(peer)
        self._own: tuple[bytes, Block] | None = None
        self.collector = Collector(httptools.HttpRequestParser)
        self.http11 = True

    def anew(self, intake: Intake) -> "RequestReader":
        """A reader of the same connection by another intake."""
        return RequestReader(intake, self._peer, self._secure, self._certificate)

    def head(self, head: bytes) -> Request:
        """The request whose head, up to and with its empty line, is `head`. Raises Malformed."""
        intake = self._intake
        limits = intake.limits
        collector = self.collector
        try:
            collector.head(head, Reason.MALFORMED)
        except Malformed:
            raise Malformed(_cause(head)) from None
        # llhttp is strict about every line, so they can be cut where it saw their ends (RFC 9112 2.2).
        lines = head.split(b"\r\n")
        if len(lines[0]) > limits.request_line:
            raise Malformed(Reason.TARGET_TOO_LONG)
        if len(lines) > limits.fields + 3:
            raise Malformed(Reason.FIELDS_TOO_LARGE)
        try:
            method, target, version = lines[0].split(b" ")
        except ValueError:
            # llhttp lets more than one space pass (RFC 9112 3: a single one).
            raise Malformed(Reason.MALFORMED) from None
        http11 = self.http11 = version == b"HTTP/1.1"
        if not http11 and version != b"HTTP/1.0":
            raise Malformed(Reason.VERSION)
        if method in _REFUSED_METHODS:
            raise Malformed(Reason.METHOD_REFUSED)
        lines, noted, _ = sift(lines[1:-2], REQUEST_FIELDS)
        if not http11:
            # There are no chunks in HTTP/1.0, and so nothing behind them.
            noted.pop(b"te", None)
        framed = b"content-length" in noted or b"transfer-encoding" in noted
        length = self._length(noted) if framed else 0
        if length == CHUNKED:
            collector.begin_chunks()
        elif length:
            collector.renew()
        elif not collector.complete:
            raise Malformed(Reason.MALFORMED)
        if b"upgrade" in noted:
            self._check_upgrade(noted, length)
        authority = noted.get(b"host", b"")
        if authority not in intake.authorities:
            self._check_authority(authority, noted)
        if target[0] != _SLASH or _HASH in target:
            target = _origin_form(target, method, authority)
        path, query = target, b""
        if _QUESTION in target:
            mark = target.find(b"?")
            path, query = target[:mark], target[mark:]
        if path != b"*":
            path = canonical(path, intake.path)
        client, secure = self._peer, self._secure
        if b"x-request-id" in noted and not self._is_believed(noted[b"x-request-id"]):
            del noted[b"x-request-id"]
        if self._trusted:
            client, secure = intake.forwarding.origin(client, secure, noted)
            forwarding = self._forwarding(authority, noted)
        elif self._own is not None and self._own[0] == authority:
            # For a peer that is not believed the fields depend on the authority alone, which seldom changes.
            forwarding = self._own[1]
        else:
            forwarding = self._forwarding(authority, {})
            self._own = authority, forwarding
        return Request(
            *(method, authority, path, query, lines, noted, length, client, secure, forwarding),
            self._certificate,
        )

    def body(self, data: bytes) -> bytes:
        """What of a chunked body `data` carries. Trailers are dropped. Raises Malformed."""
        return self.collector.body(data, Reason.MALFORMED)

    def _is_believed(self, request_id: bytes) -> bool:
        return self._trusted and _REQUEST_ID.fullmatch(request_id) is not None

    def _forwarding(self, authority: bytes, noted: dict[bytes, bytes]) -> Block:
        intake = self._intake
        return Block(intake.forwarding.fields(self._peer, self._secure, intake.port, authority, noted))

    def _length(self, noted: dict[bytes, bytes]) -> int:
        coding = noted.get(b"transfer-encoding")
        if coding is not None:
            # RFC 9112 6.1: a coding of which chunked is not the only one cannot be forwarded, and one in
            # HTTP/1.0 or beside a Content-Length may be read in two ways.
            if coding.lower() != b"chunked" or not self.http11 or b"content-length" in noted:
                raise Malformed(Reason.FRAMING)
            length = CHUNKED
        else:
            length = int(noted[b"content-length"])
        return length

    def _check_upgrade(self, noted: dict[bytes, bytes], length: int) -> None:
        if length:
            # The bytes behind the head would be the body to one side and the new protocol to the other.
            raise Malformed(Reason.FRAMING)
        options = [option.strip(b" \t").lower() for option in noted.get(b"connection", b"").split(b",")]
        if not self.http11 or b"upgrade" not in options:
            # RFC 9110 7.8: ignored in HTTP/1.0, and where Connection does not name it.
            del noted[b"upgrade"]

    def _check_authority(self, authority: bytes, noted: dict[bytes, bytes]) -> None:
        # RFC 9112 3.2: "A server MUST respond with a 400 (Bad Request) status code to any HTTP/1.1 request
        # message that lacks a Host header field".
        if b"host" in noted or self.http11:
            self._intake.learn_authority(authority)


def _cause(head: bytes) -> Reason:
    """Why the parser has refused a head: it tells nothing apart."""
    if _OTHER_VERSION.match(head) is not None:
        return Reason.VERSION
    return Reason.FRAMING if _has_two_ends(head) else Reason.MALFORMED


def _has_two_ends(head: bytes) -> bool:
    """True if the fields say two things, or none, of where the body ends (RFC 9112 6.1, 6.3)."""
    pairs = [line.partition(b":") for line in head.lower().split(b"\r\n")]
    codings = [value.strip(b" \t") for name, _, value in pairs if name == b"transfer-encoding"]
    lengths = {
        length.strip(b" \t")
        for name, _, value in pairs
        if name == b"content-length"
        for length in value.split(b",")
    }
    return len(lengths) > 1 or (bool(codings) and (bool(lengths) or codings != [b"chunked"]))


def _origin_form(target: bytes, method: bytes, authority: bytes) -> bytes:
    """The path and query of a target in absolute form, or `*` (RFC 9112 3.2). Raises Malformed."""
    if target == b"*" and method == b"OPTIONS":
        return target
    if target[0] != _SLASH:
        absolute = _ABSOLUTE.fullmatch(target)
        if absolute is None:
            raise Malformed(Reason.TARGET)
        if absolute[1].lower() != authority.lower():
            raise Malformed(Reason.HOST)
        target = absolute[2] if absolute[2][:1] == b"/" else b"/" + absolute[2]
    if _HASH in target:
        raise Malformed(Reason.PATH)
    return target
