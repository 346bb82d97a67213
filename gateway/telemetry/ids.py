"""Ids of requests, traces and spans: random hexadecimal digits, drawn a few hundred at a time."""

from binascii import hexlify
from os import urandom
from typing import Final, final

# Bytes of random data; two digits come of each.
_DRAWN_AT_ONCE: Final = 4096
TRACE: Final = 32
SPAN: Final = 16


@final
class Ids:
    """Gives ids that nobody had before; what the system has drawn is used once."""

    __slots__ = ("_drawn", "_used")

    def __init__(self) -> None:
        self._drawn = b""
        self._used = 0

    def take(self, digits: int) -> bytes:
        """So many digits; TRACE for a request or a trace, SPAN for a span."""
        begin = self._used
        end = begin + digits
        if end > len(self._drawn):
            self._drawn = hexlify(urandom(_DRAWN_AT_ONCE))
            begin, end = 0, digits
        self._used = end
        return self._drawn[begin:end]
