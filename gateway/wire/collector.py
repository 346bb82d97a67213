"""httptools with its traps closed: it validates heads and takes chunked bodies apart.

The parser's callbacks only collect; what to do is decided when `feed_data` has returned. One whole head is
fed at a time, bodies with a length never pass through here, and a parser that waits for one is thrown away.
"""

from collections.abc import Callable
from typing import Final, Generic, Protocol, TypeVar, final

import httptools

from gateway.http.fields import Malformed
from gateway.http.reason import Reason

# Bytes of a chunked body that may come in a row without any of its content.
_BARREN_AT_MOST: Final = 64 * 1024


class Parser(Protocol):
    """What httptools' parsers for requests and for responses share."""

    def feed_data(self, data: bytes) -> None: ...
    def should_keep_alive(self) -> bool: ...


P = TypeVar("P", bound=Parser)


@final
class Collector(Generic[P]):
    """The target of one parser at a time, and what its callbacks collected of the current message.

    `complete` says that the message has ended, `overrun` that another one began behind it in the same bytes.
    `trailers` are the lines behind a chunked body, or None where nobody asked for them.
    """

    __slots__ = ("_barren", "_chunks", "_make", "_parser", "complete", "keep_alive", "overrun", "trailers")

    def __init__(self, make: Callable[[object], P]) -> None:
        self._make = make
        self._parser: P | None = None
        self._chunks: list[bytes] = []
        self._barren = 0
        self.keep_alive = False
        self.complete = False
        self.overrun = False
        self.trailers: list[bytes] | None = None

    def on_message_begin(self) -> None:
        # A message behind a chunked body cannot be told apart beforehand: note that one began.
        self.overrun = self.complete

    def on_headers_complete(self) -> None:
        # The only place where the answer is right; it knows of HTTP/1.0 and of bodies without a length.
        self.keep_alive = self._parser.should_keep_alive()  # type: ignore[union-attr]

    def on_body(self, body: bytes) -> None:
        if not self.overrun:
            self._chunks.append(body)

    def on_message_complete(self) -> None:
        self.complete = True

    def head(self, head: bytes, refusal: Reason) -> P:
        """Validate one whole head; the parser comes back, to be asked for more. Raises Malformed."""
        self.complete = self.overrun = False
        parser = self._parser
        if parser is None:
            parser = self._parser = self._make(self)
        try:
            parser.feed_data(head)
        except httptools.HttpParserUpgrade:
            # The parser will not read on as HTTP; whether there is a switch is not its decision.
            self._parser = None
        except httptools.HttpParserError:
            raise Malformed(refusal) from None
        return parser

    def collect_trailers(self) -> None:
        """Keep the trailers of the next message; a parser that tells of fields is slower."""
        self._parser = self._make(_Trailers(self))
        self.trailers = []

    def take_trailers(self) -> list[bytes]:
        """The trailers of the message that has ended; the next one is read without any."""
        trailers, self.trailers = self.trailers or [], None
        self._parser = None
        return trailers

    def renew(self) -> None:
        """Take a fresh parser for the next message: this one waits for a body that it will not see."""
        self._parser = None

    def begin_chunks(self) -> None:
        """A chunked body follows."""
        self._barren = 0

    def body(self, data: bytes, refusal: Reason) -> bytes:
        """What of a chunked body `data` carries; `complete` tells its end. Raises Malformed.

        Trailers and chunk extensions can go on for ever without a byte of body: bounded.
        """
        chunks = self._chunks = []
        try:
            self._parser.feed_data(data)  # type: ignore[union-attr]
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            if not self.complete:
                raise Malformed(refusal) from None
            # The fault is in what came behind the message.
            self.overrun = True
        self._barren = 0 if chunks else self._barren + len(data)
        if self._barren > _BARREN_AT_MOST:
            raise Malformed(refusal)
        if self.overrun:
            self._parser = None
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)


@final
class _Trailers:
    """The target of a parser whose collector wants trailers: it passes everything on, and keeps fields."""

    def __init__(self, collector: Collector[P]) -> None:
        self._collector = collector
        self.on_message_begin = collector.on_message_begin
        self.on_body = collector.on_body
        self.on_message_complete = collector.on_message_complete

    def on_headers_complete(self) -> None:
        if not self._collector.complete:
            # The parser has told of the head's fields in the same way.
            self._collector.trailers = []
        self._collector.on_headers_complete()

    def on_header(self, name: bytes, value: bytes) -> None:
        collector = self._collector
        if collector.trailers is not None and not collector.complete:
            collector.trailers.append(b"%b: %b" % (name, value.rstrip(b" \t")))
