"""httptools with its traps closed: whole heads in, what they carry out.

The parser's callbacks only collect; what to do is decided when `feed_data` has returned. One whole head is
fed at a time, bodies with a length never pass through here, and a parser that waits for one is thrown away.
"""

from collections.abc import Callable
from typing import Generic, Protocol, TypeVar, final

import httptools

from gateway.http.fields import Field, Malformed
from gateway.http.reason import Reason


class Parser(Protocol):
    """What httptools' parsers for requests and for responses share."""

    def feed_data(self, data: bytes) -> None: ...
    def should_keep_alive(self) -> bool: ...


P = TypeVar("P", bound=Parser)


@final
class Collector(Generic[P]):
    """The target of one parser at a time, and what its callbacks collected of the current message.

    `complete` says that the message has ended, `overrun` that another one began behind it in the same bytes.
    """

    __slots__ = (
        "_append",
        "_barren",
        "_chunks",
        "_make",
        "_parser",
        "_trailers",
        "complete",
        "fields",
        "keep_alive",
        "overrun",
        "url",
    )

    def __init__(self, make: Callable[["Collector[P]"], P]) -> None:
        self._make = make
        self._parser: P | None = None
        self._chunks: list[bytes] = []
        self._trailers = 0
        self._barren = 0
        self.url = b""
        self.fields: list[Field] = []
        self._append = self.fields.append
        self.keep_alive = False
        self.complete = False
        self.overrun = False

    def on_message_begin(self) -> None:
        # A message behind a chunked body cannot be told apart beforehand: note that one began.
        self.overrun = self.complete

    def on_url(self, url: bytes) -> None:
        self.url = url

    def on_header(self, name: bytes, value: bytes) -> None:
        self._append((name, value))

    def on_headers_complete(self) -> None:
        # The only place where the answer is right; it knows of HTTP/1.0 and of bodies without a length.
        self.keep_alive = self._parser.should_keep_alive()  # type: ignore[union-attr]

    def on_body(self, body: bytes) -> None:
        self._chunks.append(body)

    def on_message_complete(self) -> None:
        self.complete = True

    def head(self, head: bytes, refusal: Reason) -> P:
        """Collect from one whole head; the parser comes back, to be asked for more. Raises Malformed."""
        fields = self.fields = []
        self._append = fields.append
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

    def renew(self) -> None:
        """Take a fresh parser for the next message: this one waits for a body that it will not see."""
        self._parser = None

    def begin_chunks(self) -> None:
        """A chunked body follows."""
        self._trailers = self._barren = 0

    def body(self, data: bytes, fields: int, refusal: Reason) -> bytes:
        """What of a chunked body `data` carries; `complete` tells its end. Raises Malformed.

        Fields that come here are trailers, `fields` at most. Those and chunk extensions can go on for ever
        without a byte of body, so that is bounded too.
        """
        chunks = self._chunks = []
        fields_of_trailers = self.fields = []
        self._append = fields_of_trailers.append
        try:
            self._parser.feed_data(data)  # type: ignore[union-attr]
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            if not self.complete:
                raise Malformed(refusal) from None
            # The fault is in what came behind the message.
            self.overrun = True
        self._trailers += len(self.fields)
        self._barren = 0 if chunks else self._barren + len(data)
        if self._trailers > fields or self._barren > _BARREN_AT_MOST:
            raise Malformed(refusal)
        if self.overrun:
            self._parser = None
        return chunks[0] if len(chunks) == 1 else b"".join(chunks)


_BARREN_AT_MOST = 64 * 1024
