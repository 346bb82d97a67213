"""Whether a response is compressed on its way to the client, and what that does to its fields.

The policy notes which coding the client wants; once the head of the response is there, `is_worthwhile` says
whether it gets it. What is encoded already passes as it is: nothing is ever decoded here.
"""

from collections.abc import Container
from typing import Final, final

from gateway.http.coding import Accepted, accepted
from gateway.http.request import Request
from gateway.http.response import Response
from gateway.policy import Exchange

# What the responses of a route that compresses are asked for. A digest behind the body comes too late to be
# taken out, so these are fields in which we have a say and which therefore cannot trail.
NOTED: Final = (
    *(b"cache-control", b"content-encoding", b"content-range", b"content-type", b"etag"),
    *(b"digest", b"repr-digest"),
)
# What all of them depend on.
VARY: Final = b"Accept-Encoding"

_ACCEPT = b"accept-encoding"
_LEARNED_AT_MOST = 1024
_LEARNED_LENGTH = 128

# Below this a packet is not saved (Traefik's bound).
_SMALLEST = 1024
# No body, or a part of one, whose place is counted in bytes (RFC 9110 14.4).
_UNTOUCHED = frozenset([204, 205, 206, 304])

_COMPRESSIBLE = frozenset(
    b"application/%b" % name
    for name in (
        b"ecmascript graphql javascript json json-seq jsonl ndjson openmetrics-text rtf sql toml "
        b"vnd.ms-fontobject wasm x-javascript x-ndjson x-sh x-www-form-urlencoded x-yaml xml xml-dtd yaml"
    ).split()
) | {b"font/otf", b"font/ttf", b"image/bmp", b"image/vnd.microsoft.icon", b"image/x-icon"}
_SUFFIXES = (b"+json", b"+xml", b"+yaml")
# Its reader waits for each event; a coder between the two would be one more place to wait in.
_EVENTS = b"text/event-stream"
_GRPC = b"application/grpc"
_PAGES = frozenset([b"text/html", b"application/xhtml+xml"])

# Said of the bytes that the backend sent, not of those that the client gets (RFC 9530 2 and 3; RFC 1864).
_OF_THE_BYTES = frozenset([b"accept-ranges", b"content-digest", b"content-md5", b"digest", b"repr-digest"])


@final
class Compress:
    """Notes the coding that the client wants, and asks the backend for none that we do not know.

    `replaced` are lower-case names of fields that the route writes or removes itself: its word stands.
    """

    __slots__ = ("_accepted", "_narrows", "source")

    name: Final = "compress"

    def __init__(self, replaced: Container[bytes], source: str) -> None:
        self.source = source
        self._accepted = _Learned()
        self._narrows = _ACCEPT not in replaced

    def __call__(self, exchange: Exchange) -> None:
        """Refuses nothing."""
        sent = exchange.request.value(_ACCEPT)
        if sent is None:
            # RFC 9110 12.5.3 lets us choose then; who says nothing usually cannot decode.
            return
        wishes = self._accepted[sent]
        exchange.coding = wishes.coding
        if self._narrows and wishes.narrowed != sent:
            exchange.hidden += (_ACCEPT,)
            exchange.upstream_fields += ((b"Accept-Encoding", wishes.narrowed),)


@final
class _Learned(dict[bytes, Accepted]):
    """Value of `Accept-Encoding` -> what comes of it; there are few, and they are learned as they come."""

    def __missing__(self, value: bytes) -> Accepted:
        wishes = accepted(value)
        if len(value) <= _LEARNED_LENGTH:
            if len(self) >= _LEARNED_AT_MOST:
                self.clear()
            self[value] = wishes
        return wishes


def is_worthwhile(request: Request, response: Response) -> bool:
    """Whether this response may be compressed, for a client that wants it, and is worth it."""
    noted = response.noted
    if response.status in _UNTOUCHED or request.method == b"HEAD" or 0 <= response.length < _SMALLEST:
        return False
    if b"content-encoding" in noted or b"content-range" in noted:
        return False
    # RFC 9111 5.2.2.6; wherever the word stands, it is taken at its word.
    if b"no-transform" in noted.get(b"cache-control", b"").lower():
        return False
    media = noted.get(b"content-type", b"").partition(b";")[0].strip(b" \t").lower()
    if media in _PAGES and (b"cookie" in request.noted or b"authorization" in request.noted):
        # BREACH: where a page repeats what an attacker wrote beside a secret of its reader, the size of the
        # compressed page tells the secret, letter by letter.
        return False
    return _is_compressible(media)


def _is_compressible(media: bytes) -> bool:
    if media.startswith(b"text/"):
        return media != _EVENTS
    return media in _COMPRESSIBLE or (media.endswith(_SUFFIXES) and not media.startswith(_GRPC))


def encoded(lines: list[bytes], coding: bytes) -> list[bytes]:
    """The field lines of a response whose body is written in `coding`.

    A strong ETag becomes weak: other bytes, the same meaning (RFC 9110 8.8.1). Nothing has to be mapped back,
    since `If-None-Match` compares weakly; `If-Match` and `If-Range` do not, and so never match it.
    """
    kept = []
    for line in lines:
        name = line.partition(b":")[0].lower()
        if name not in _OF_THE_BYTES:
            kept.append(_weak(line) if name == b"etag" else line)
    kept.append(b"Content-Encoding: %b\r\nAccept-Ranges: none" % coding)
    return kept


def revalidated(lines: list[bytes], request: Request) -> list[bytes]:
    """The field lines of a 304, whose ETag is the weak one if that is what the client has.

    RFC 9111 4.3.4: a cache that has a response only under its weak ETag must not refresh it by the strong
    one.
    """
    known = request.value(b"if-none-match") or b""
    return [_weak(line) if _is_known_as_weak(line, known) else line for line in lines]


def _is_known_as_weak(line: bytes, known: bytes) -> bool:
    name, _, value = line.partition(b":")
    if name.lower() != b"etag":
        return False
    strong = value.strip(b" \t")
    weak = b"W/" + strong
    return weak in known and strong not in known.replace(weak, b"")


def _weak(line: bytes) -> bytes:
    name, _, value = line.partition(b":")
    value = value.strip(b" \t")
    return b"%b: W/%b" % (name, value) if value.startswith(b'"') else line
