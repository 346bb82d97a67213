"""The frames of a WebSocket, as far as a tunnel has to know them (RFC 6455 5.2).

A tunnel passes bytes unread. On the way to the client it only follows where frames begin, so that a close
frame of the gateway's own stands between two of the backend's. Nothing is kept of a frame but the part of its
header that has come, which is less than 14 bytes.
"""

from enum import Enum, auto
from typing import Final, final

# RFC 6455 7.4.1.
GOING_AWAY: Final = 1001
POLICY_VIOLATION: Final = 1008

_FINAL: Final = 0x80
_CONTROL: Final = 0x08
_CLOSE: Final = 0x08
_MASKED: Final = 0x80
_CONTROL_AT_MOST: Final = 125
_MASK: Final = 4
# How many bytes tell a length that does not stand in the header's second byte.
_EXTENDED: Final = {126: 2, 127: 8}
_MARKED: Final = 126  # from here on the second byte is not the length alone
# First bytes of frames of which nothing but the length matters: no close frame, no control frame in parts.
_PLAIN: Final = frozenset(
    byte for byte in range(256) if not byte & _CONTROL or (byte & _FINAL and byte & 0x0F != _CLOSE)
)
_LENGTH_AT_MOST: Final = (1 << 63) - 1


class _Course(Enum):
    OPEN = auto()
    CLOSED = auto()  # the backend's close frame has passed
    OURS = auto()  # our close frame has passed, and nothing goes behind it
    LOST = auto()  # what came is no frame: where others begin is not known any more


@final
class Frames:
    """Follows the frames that go to a client. `passed` counts the bytes, ours too."""

    __slots__ = ("_close", "_course", "_header", "_payload", "passed")

    def __init__(self) -> None:
        self._course = _Course.OPEN
        self._header = b""  # of a frame whose header is not complete
        self._payload = 0  # bytes of the frame that are still to come
        self._close = b""
        self.passed = 0

    @property
    def is_lost(self) -> bool:
        """True where no close frame can be placed any more."""
        return self._course is _Course.LOST

    @property
    def is_closing(self) -> bool:
        """True once `close` was called."""
        return self._close != b""

    def take(self, data: bytes) -> bytes:
        """What goes to the client for `data`: the same, or what our close frame leaves of it."""
        if len(data) < self._payload:
            self._payload -= len(data)
        else:
            data = self._follow(data)
        self.passed += len(data)
        return data

    def close(self, code: int) -> bytes:
        """The close frame to write now; nothing where it has to wait for the end of a frame, or for none."""
        self._close = b"\x88\x02" + code.to_bytes(2, "big")
        if self._course is not _Course.OPEN or self._header or self._payload:
            return b""
        return self.take(b"")

    def _follow(self, data: bytes) -> bytes:
        if self._course is not _Course.OPEN:
            return b"" if self._course is _Course.OURS else data
        held = len(self._header)
        stream = self._header + data if held else data
        place = self._payload
        self._header, self._payload = b"", 0
        while place <= len(stream):
            if self._close and place >= held:
                self._course = _Course.OURS
                return stream[held:place] + self._close
            if not self._close:
                place = _behind_short_ones(stream, place)
            end = self._end(stream, place)
            if end is None:
                self._header = stream[place:]
                break
            if self._course is not _Course.OPEN:
                return data
            place = end
        self._payload = max(0, place - len(stream))
        return data

    def _end(self, stream: bytes, place: int) -> int | None:
        """Where the frame that begins at `place` ends; None while its header is not complete."""
        if len(stream) < place + 2:
            return None
        first, second = stream[place], stream[place + 1]
        length = second & 0x7F
        extended = _EXTENDED.get(length, 0)
        begin = place + 2 + extended
        if len(stream) < begin:
            return None
        if extended:
            length = int.from_bytes(stream[place + 2 : begin], "big")
        is_control = first & _CONTROL
        if length > (_CONTROL_AT_MOST if is_control else _LENGTH_AT_MOST) or (
            is_control and not first & _FINAL
        ):
            self._course = _Course.LOST
        elif first & 0x0F == _CLOSE:
            self._course = _Course.CLOSED
        return begin + (_MASK if second & _MASKED else 0) + length


def _behind_short_ones(stream: bytes, place: int) -> int:
    """Where the first frame from `place` on begins that is long, masked, a close frame or not all there.

    A backend may write a hundred thousand tiny ones in one read: each has to cost next to nothing.
    """
    last = len(stream) - 2
    while place <= last and stream[place + 1] < _MARKED and stream[place] in _PLAIN:
        place += 2 + stream[place + 1]
    return place
