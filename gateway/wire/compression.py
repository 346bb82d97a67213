"""Response bodies, compressed while they pass.

`Compressed` stands between a relay and its client's stream, and speaks to each as the other one would. Small
pieces are compressed at once; beyond the first 64 KiB of a body the work is done in a thread, and nothing
more is taken from the backend until it is back. So the order is kept, and at most one read waits.
"""

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import final

from gateway.http.edits import Block
from gateway.http.reason import Reason
from gateway.wire.downstream import UNKNOWN, ClientEvents, ClientStream
from gateway.wire.encoder import ENCODERS, Encoder

log = logging.getLogger("gateway")

# Bytes of a body that are compressed on the loop: about a millisecond.
_AT_ONCE = 64 * 1024
# Compressors let go of the interpreter while they work, so a second thread means a second core.
_THREADS = 2
# Seconds that a thread may take for the last part of a body; it takes milliseconds, but others may be first.
_WORK_AT_MOST = 10.0
# Each compressor holds up to a megabyte as long as its client takes to read.
_AT_MOST = 256


@final
class Compression:
    """What the compressed responses of a process share: two threads, and a bound on how many there are."""

    __slots__ = ("open", "workers")

    def __init__(self) -> None:
        self.workers = ThreadPoolExecutor(_THREADS, "compression")
        self.open = 0

    @property
    def has_room(self) -> bool:
        """False while so many responses are under way that the next one is better sent as it is."""
        return self.open < _AT_MOST

    def between(self, relay: ClientEvents, stream: ClientStream, coding: bytes, length: int) -> "Compressed":
        """The stream that `relay` goes on with: head and body of its answer reach `stream` in `coding`.

        `length` is that of the body as it comes, or UNKNOWN.
        """
        compressed = Compressed(self, relay, stream, ENCODERS[coding](), length)
        stream.tell(compressed)
        return compressed

    def close(self) -> None:
        """Take no more work."""
        self.workers.shutdown(wait=False, cancel_futures=True)


@final
class Compressed:
    """One response: the stream that its relay writes to, and who its client's stream tells what happens."""

    __slots__ = (
        "_at_once",
        "_client_paused",
        "_encoder",
        "_ended",
        "_flushes",
        "_head",
        "_is_open",
        "_job",
        "_relay",
        "_shared",
        "_stream",
        "_trailers",
        "_waiting",
    )

    def __init__(
        self, shared: Compression, relay: ClientEvents, stream: ClientStream, encoder: Encoder, length: int
    ) -> None:
        self._shared = shared
        self._relay = relay
        self._stream = stream
        self._encoder = encoder
        # Who sends without saying how much may mean each piece to arrive by itself.
        self._flushes = length == UNKNOWN
        self._at_once = _AT_ONCE if length <= _AT_ONCE else 0
        self._head: tuple[int, list[bytes], Block] | None = None
        self._job: asyncio.Future[bytes] | None = None
        self._waiting = b""  # what came while a thread was at work, and whether that was the end
        self._ended = False
        self._trailers = b""
        self._client_paused = False
        self._is_open = True
        shared.open += 1

    # What the relay writes.

    def head(self, status: int, lines: list[bytes], block: Block, length: int) -> None:
        """Keep the head until there is something to send with it: only then is the length known."""
        self._head = status, lines, block

    def data(self, chunk: bytes) -> None:
        self._take(chunk, last=False)

    def end(self, chunk: bytes, trailers: bytes = b"") -> None:
        self._trailers = trailers
        self._take(chunk, last=True)

    def abort(self) -> None:
        self._close()
        self._stream.abort()

    @property
    def deadline(self) -> float:
        """That of the client's stream."""
        return self._stream.deadline

    @property
    def sent(self) -> int:
        """What the client's stream has of it."""
        return self._stream.sent

    def pause(self) -> None:
        self._stream.pause()

    def resume(self) -> None:
        self._stream.resume()

    def allow(self, seconds: float) -> None:
        self._stream.allow(seconds)

    def finish(self) -> None:
        self._stream.finish()

    def tell(self, relay: ClientEvents) -> None:
        self._relay = relay

    # What the client does.

    def client_data(self, chunk: bytes) -> None:
        self._relay.client_data(chunk)

    def client_end(self, chunk: bytes) -> None:
        self._relay.client_end(chunk)

    def client_broken(self, reason: Reason) -> None:
        self._relay.client_broken(reason)

    def client_gone(self) -> None:
        self._close()
        self._relay.client_gone()

    def client_paused(self) -> None:
        self._client_paused = True
        self._relay.client_paused()

    def client_resumed(self) -> None:
        self._client_paused = False
        self._go_on()

    def expired(self) -> None:
        # The head waits for the threads: to give up here is no fault of the backend's.
        self._break_off()

    def close_tunnel(self, code: int) -> None:
        self._relay.close_tunnel(code)

    def answered(self) -> None:
        self._relay.answered()

    # The work.

    def _take(self, chunk: bytes, last: bool) -> None:
        if self._job is not None:
            self._waiting += chunk
            self._ended = last
        elif len(chunk) <= self._at_once:
            self._at_once -= len(chunk)
            self._write(_encode(self._encoder, chunk, self._flushes, last), last)
        else:
            self._relay.client_paused()
            if last:
                # The backend has done its part: what time it had left is no matter of ours.
                self._stream.allow(_WORK_AT_MOST)
            work = partial(_encode, self._encoder, chunk, self._flushes, last)
            self._job = asyncio.get_running_loop().run_in_executor(self._shared.workers, work)
            self._job.add_done_callback(partial(self._encoded, last))

    def _encoded(self, last: bool, job: asyncio.Future[bytes]) -> None:
        if job is not self._job:
            return
        self._job = None
        error = asyncio.CancelledError() if job.cancelled() else job.exception()
        if error is not None:
            log.error("a response could not be compressed", exc_info=error)
            return self._break_off()
        self._write(job.result(), last)
        if last:
            return
        if self._waiting or self._ended:
            waiting, self._waiting = self._waiting, b""
            self._take(waiting, self._ended)
        self._go_on()

    def _go_on(self) -> None:
        if self._job is None and not self._client_paused:
            self._relay.client_resumed()

    def _write(self, coded: bytes, last: bool) -> None:
        stream, head = self._stream, self._head
        if head is not None:
            self._head = None
            # Trailers stand behind chunks only.
            stream.head(*head, len(coded) if last and not self._trailers else UNKNOWN)
        if last:
            self._close()
            stream.end(coded, self._trailers)
            self._relay.answered()
        else:
            stream.data(coded)

    def _break_off(self) -> None:
        self.abort()
        self._relay.client_gone()

    def _close(self) -> None:
        """Nothing more comes of this one, not even of a thread that is still at work."""
        if self._is_open:
            self._is_open = False
            self._shared.open -= 1
        job, self._job = self._job, None
        if job is not None:
            job.cancel()


def _encode(encoder: Encoder, chunk: bytes, flushes: bool, last: bool) -> bytes:
    coded = encoder.compress(chunk) if chunk else b""
    if last:
        return coded + encoder.finish()
    return coded + encoder.flush() if chunk and flushes else coded
