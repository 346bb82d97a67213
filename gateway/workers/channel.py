"""One end of the conversation between supervisor and worker, on a socket that both inherit or hand on.

Messages arrive in order. Whoever stops reading is given up: nothing waits for room.
"""

import asyncio
import socket
from array import array
from collections import deque
from collections.abc import Callable, Sequence
from secrets import randbits
from typing import Final, final

from gateway.workers.frames import SOCKETS_AT_MOST, BrokenChannelError, Frames, Message, Word, frame

_READ: Final = 256 * 1024
_ANCILLARY: Final = socket.CMSG_SPACE(SOCKETS_AT_MOST * array("i").itemsize)
_NUMBERS: Final = 0xFFFFFFFF
# Bytes that may wait for the other side to read them.
_UNSENT_AT_MOST: Final = 128 * 1024 * 1024


class UnansweredError(Exception):
    """The other side did not answer in time, or is gone."""


@final
class Channel:
    """Sends and hears messages on the loop that runs.

    `hear` is called with each message that is no answer, `lost` once when the other side has gone.
    """

    def __init__(
        self,
        sock: socket.socket,
        hear: Callable[[Message], None],
        lost: Callable[[], None],
        rest: bytes = b"",
    ) -> None:
        sock.setblocking(False)
        self.socket = sock
        self._hear = hear
        self._lost = lost
        self._frames = Frames(rest)
        self._unsent: deque[tuple[memoryview, tuple[int, ...]]] = deque()
        self._size = 0
        self._calls: dict[int, asyncio.Future[bytes]] = {}
        # Answers to the program before this one, if there was one, are not ours.
        self._number = randbits(32)
        self._loop = asyncio.get_running_loop()
        self._is_open = True
        self._loop.add_reader(sock, self._read)

    @property
    def rest(self) -> bytes:
        """The beginning of a message that has not come whole."""
        return self._frames.rest

    @property
    def is_flushed(self) -> bool:
        """True if all that was said has left."""
        return not self._unsent

    def tell(self, word: Word, body: bytes = b"") -> None:
        """Say something that nobody answers. Never raises: who has gone hears nothing."""
        self._send(Message(word, 0, body))

    def reply(self, message: Message, body: bytes = b"") -> None:
        """Answer a message. Never raises."""
        self._send(Message(Word.REPLY, message.number, body))

    async def call(
        self, word: Word, body: bytes = b"", descriptors: Sequence[int] = (), *, within: float
    ) -> bytes:
        """Say something, and what is answered within so many seconds. Raises UnansweredError."""
        self._number = number = self._number % _NUMBERS + 1
        answer = self._calls[number] = self._loop.create_future()
        try:
            self._send(Message(word, number, body, tuple(descriptors)))
            async with asyncio.timeout(within):
                said: bytes = await answer
                return said
        except TimeoutError:
            raise UnansweredError(f"no answer to {word.name} within {within:g} s") from None
        finally:
            del self._calls[number]

    def read_all(self) -> None:
        """Hear everything that has come by now: the other side may have ended since."""
        while self._is_open and self._read():
            pass

    def close(self) -> None:
        """Say and hear no more; what was not sent is lost."""
        if not self._is_open:
            return
        self._is_open = False
        self._loop.remove_reader(self.socket)
        self._loop.remove_writer(self.socket)
        self.socket.close()
        self._unsent.clear()
        for answer in self._calls.values():
            if not answer.done():
                answer.set_exception(UnansweredError("the other side has gone"))

    async def flush(self, within: float) -> None:
        """Wait until all that was said has left, or the other side has gone, for so many seconds at most."""
        end = self._loop.time() + within
        while self._is_open and self._unsent and self._loop.time() < end:  # noqa: ASYNC110 - the last words.
            await asyncio.sleep(0.01)

    # The socket.

    def _send(self, message: Message) -> None:
        if not self._is_open:
            if message.number in self._calls:
                raise UnansweredError("the other side has gone")
            return
        data = frame(message)
        self._size += len(data)
        if self._size > _UNSENT_AT_MOST:
            return self._end()
        self._unsent.append((memoryview(data), message.descriptors))
        if len(self._unsent) == 1:
            self._write()

    def _write(self) -> None:
        while self._unsent:
            data, descriptors = self._unsent[0]
            try:
                if descriptors:
                    sent = socket.send_fds(self.socket, [data], list(descriptors))
                else:
                    sent = self.socket.send(data)
            except (BlockingIOError, InterruptedError):
                self._loop.add_writer(self.socket, self._write)
                return
            except OSError:
                # What it said last may still be there to be read.
                self._unsent.clear()
                break
            self._size -= sent
            if sent < len(data):
                self._unsent[0] = (data[sent:], ())
            else:
                self._unsent.popleft()
        if self._is_open:
            self._loop.remove_writer(self.socket)

    def _read(self) -> bool:
        """Hear what is there; False if nothing is."""
        try:
            # Not `recv_fds`, which takes flags and passes none of them on.
            data, said, flags, _ = self.socket.recvmsg(_READ, _ANCILLARY, socket.MSG_CMSG_CLOEXEC)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:
            data, said, flags = b"", [], 0
        descriptors = array("i")
        for _, kind, numbers in said:
            if kind == socket.SCM_RIGHTS:
                descriptors.frombytes(numbers)
        if not data or flags & socket.MSG_CTRUNC:
            self._end()
            return False
        try:
            for message in self._frames.feed(data, descriptors):
                self._take(message)
        except BrokenChannelError:
            self._end()
            return False
        return True

    def _take(self, message: Message) -> None:
        if message.word is not Word.REPLY:
            return self._hear(message)
        answer = self._calls.get(message.number)
        if answer is not None and not answer.done():
            answer.set_result(message.body)

    def _end(self) -> None:
        if self._is_open:
            self.close()
            self._lost()
