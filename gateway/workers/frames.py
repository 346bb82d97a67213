"""Messages between supervisor and worker as bytes: their length, what is meant, a number, and a body.

Either side trusts the other as itself, but a program may be replaced while it runs: what does not read as a
message ends the conversation.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import IntEnum, unique
from struct import Struct
from typing import Final, final

# The length of the body, the word, how many sockets go with it, the number.
_HEAD: Final = Struct("!IBBI")
# Bytes of one body: the metrics of a great many routes.
BODY_AT_MOST: Final = 64 * 1024 * 1024
# What the system passes at a time (SCM_MAX_FD).
SOCKETS_AT_MOST: Final = 253


@final
@unique
class Word(IntEnum):
    """What is meant. Words keep their numbers: supervisor and worker may be of two releases."""

    # Of either: the answer to what was asked under the same number.
    REPLY = 0
    # Of the worker: it has loaded everything and waits; it cannot; it is on its way out; what it counted.
    READY = 1
    FAILED = 2
    LEAVING = 3
    REPORT = 4
    # Asked by the worker: what all workers answer, and that all of them reload.
    ASK = 5
    RELOAD = 6
    # Asked by the supervisor: to serve on these sockets; to prepare and to adopt a configuration; a question.
    SERVE = 7
    PREPARE = 8
    ADOPT = 9
    QUESTION = 10
    # Of the supervisor: forget what was prepared; end in peace, with all or beside a successor; end now.
    REFUSE = 11
    DRAIN = 12
    LEAVE = 13
    STOP = 14


class BrokenChannelError(Exception):
    """What came is no message."""


@final
@dataclass(frozen=True, slots=True)
class Message:
    """One message. `number` is 0 where no answer is expected; `descriptors` are the receiver's to close."""

    word: Word
    number: int = 0
    body: bytes = b""
    descriptors: tuple[int, ...] = ()


def frame(message: Message) -> bytes:
    """The bytes of a message. Its descriptors go with the first of them."""
    count = len(message.descriptors)
    if len(message.body) > BODY_AT_MOST or count > SOCKETS_AT_MOST:
        raise BrokenChannelError("a message is too large")
    return _HEAD.pack(len(message.body), message.word, count, message.number) + message.body


@final
class Frames:
    """Makes messages of bytes as they come, in pieces of any size. `rest` are those of no message yet."""

    def __init__(self, rest: bytes = b"") -> None:
        self._gathered = bytearray(rest)
        self._descriptors: deque[int] = deque()

    @property
    def rest(self) -> bytes:
        return bytes(self._gathered)

    def feed(self, data: bytes, descriptors: Sequence[int] = ()) -> Iterator[Message]:
        """The messages that are whole now. Raises BrokenChannelError."""
        self._gathered += data
        self._descriptors += descriptors
        while len(self._gathered) >= _HEAD.size:
            length, word, count, number = _HEAD.unpack_from(self._gathered)
            end = _HEAD.size + length
            if length > BODY_AT_MOST or word not in Word.__members__.values():
                raise BrokenChannelError("no message begins here")
            if len(self._gathered) < end:
                return
            if len(self._descriptors) < count:
                raise BrokenChannelError("a descriptor is missing")
            taken = tuple(self._descriptors.popleft() for _ in range(count))
            body = bytes(memoryview(self._gathered)[_HEAD.size : end])
            del self._gathered[:end]
            yield Message(Word(word), number, body, taken)


def packed(parts: Sequence[bytes]) -> bytes:
    """Several texts as one body."""
    return b"".join(len(part).to_bytes(4, "big") + part for part in parts)


def unpacked(body: bytes) -> list[bytes]:
    """The texts of a body. Raises BrokenChannelError."""
    parts = []
    while body:
        end = 4 + int.from_bytes(body[:4], "big")
        if len(body) < end:
            raise BrokenChannelError("a part is cut short")
        parts.append(body[4:end])
        body = body[end:]
    return parts
