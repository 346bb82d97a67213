"""Writes the lines of the access log from a thread of its own, which only joins and writes.

Whoever gives a line never waits. What cannot be written in time is lost and counted: a full disk, a reader
that has gone or does not read, and a file that cannot be opened stop the log and nothing else.
"""

import errno
import logging
import os
import select
import stat
import sys
import threading
from contextlib import suppress
from typing import Final, final

log = logging.getLogger("gateway")

# Bytes of lines that wait at most: some ten thousand.
_WAITING_AT_MOST: Final = 8 * 1024 * 1024
# Bytes of one write: none is large enough to keep the interpreter's lock for long.
_BATCH_AT_MOST: Final = 256 * 1024
# PIPE_BUF of Linux: what is written at once up to here stands together, whoever else writes.
_TOGETHER: Final = 4096
# Seconds in which lines gather: the thread takes turns with the loop, so it should wake seldom.
_GATHERING: Final = 0.05
# Seconds that the last lines may take.
_STOPPING_AT_MOST: Final = 2.0
# Only the operator and his group: lines tell who asked for what.
_MODE: Final = 0o640
_FLAGS: Final = os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_NONBLOCK
_STANDARD_OUTPUT: Final = 1
_CLOSED: Final = -1
_NEWLINE: Final = ord("\n")


@final
class Writer:
    """Appends lines to a file, or to standard output where `path` is empty.

    `lines` counts those that were written, `queue_full` those for which there was no room, `write_failed`
    those that could not be written. The file may be moved away at any time; a new one takes its place. One
    that `is_alone` writes there; several take care that their lines do not run into each other.
    """

    __slots__ = (
        "_awake",
        "_bound",
        "_descriptor",
        "_failing",
        "_given",
        "_is_alone",
        "_is_stream",
        "_lines",
        "_opened",
        "_path",
        "_stopping",
        "_taken",
        "_told",
        "_torn",
        "_wake",
        "_worker",
        "lines",
        "queue_full",
        "write_failed",
    )

    def __init__(self, path: str, bound: int = _WAITING_AT_MOST, *, is_alone: bool = True) -> None:
        self.lines = 0
        self.queue_full = 0
        self.write_failed = 0
        self._path = path
        self._is_alone = is_alone
        # A pipe or a socket, where nothing but a small write stands together.
        self._is_stream = False
        self._bound = bound
        # Always the same list: the loop appends, the thread cuts off the front, and either is one step.
        self._lines: list[bytes] = []
        # Bytes ever given, a number of the loop's; and ever taken, one of the thread's.
        self._given = 0
        self._taken = 0
        self._awake = False
        self._wake = threading.Event()
        self._stopping = threading.Event()
        # Not `_thread`: compiled, that would be a word of the C compiler's.
        self._worker: threading.Thread | None = None
        self._descriptor = _CLOSED
        self._opened = (0, 0)
        self._torn = False  # the last line stands there without its end
        self._failing = False
        self._told = 0  # lines lost for want of room that the log has told of

    def start(self) -> None:
        """Open the file and begin to write. Raises OSError where it cannot be opened."""
        try:
            self._open()
        except OSError as error:
            # A pipe that nobody reads yet; somebody may come.
            if error.errno != errno.ENXIO:
                raise
            self._fail(error)
        # A daemon: one that is stuck in a write must not keep the process from ending.
        self._worker = threading.Thread(target=self._run, name="access-log", daemon=True)
        self._worker.start()

    def put(self, line: bytes) -> None:
        """Take a line, with its end; never waits."""
        given = self._given + len(line)
        if given - self._taken > self._bound:
            self.queue_full += 1
            return
        self._given = given
        self._lines.append(line)
        if not self._awake:
            self._awake = True
            self._wake.set()

    def stop(self) -> None:
        """Write what is left, for two seconds at most; what is not written by then is lost."""
        worker, self._worker = self._worker, None
        if worker is None:
            return
        self._stopping.set()
        self._wake.set()
        worker.join(_STOPPING_AT_MOST)
        if worker.is_alive():
            log.warning("access log: nobody reads %s, the last lines are lost", self._name)
            return
        self._tell_lost()
        self._close()

    @property
    def lost(self) -> dict[str, int]:
        """Lines that were lost, by cause."""
        return {"queue_full": self.queue_full, "write_failed": self.write_failed}

    @property
    def _name(self) -> str:
        return self._path or "standard output"

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._wake.wait()
            self._wake.clear()
            self._drain()
        self._drain()

    def _drain(self) -> None:
        """Write until nothing more has come while lines gathered."""
        while True:
            self._stopping.wait(_GATHERING)
            # First this, then a look: who gives a line does it the other way round.
            self._awake = False
            if not self._lines:
                return
            self._awake = True
            while self._lines:
                self._write(self._next())

    def _next(self) -> list[bytes]:
        """Some of the lines that wait, the oldest."""
        size = 0
        count = 0
        for line in self._lines:
            size += len(line)
            count += 1
            if size >= _BATCH_AT_MOST:
                break
        batch = self._lines[:count]
        del self._lines[:count]
        return batch

    def _write(self, batch: list[bytes]) -> None:
        """Write these lines, and count what becomes of them."""
        text = b"".join(batch)
        size = len(text)
        written = mended = 0
        try:
            self._renew()
            if self._torn:
                # What follows a line that was cut must not become a part of it.
                mended = 1
                text = b"\n" + text
            while written < len(text):
                end = self._end(text, written)
                written += write_some(self._descriptor, memoryview(text)[written:end])
        except OSError as error:
            self._fail(error)
        else:
            self._recover()
        if written:
            self._torn = text[written - 1] != _NEWLINE
        whole = text.count(b"\n", mended, written)
        self.lines += whole
        self.write_failed += len(batch) - whole
        self._taken += size

    def _end(self, text: bytes, start: int) -> int:
        """Up to where to write at once: all of it, or as many whole lines as stand together."""
        if self._is_alone or not self._is_stream or len(text) - start <= _TOGETHER:
            return len(text)
        end = text.rfind(b"\n", start, start + _TOGETHER) + 1
        # A line that is longer than that is written as it is.
        return end or text.find(b"\n", start) + 1 or len(text)

    # The file.

    def _open(self) -> None:
        if not self._path:
            # Where it was closed at the start its number may be that of a client's connection by now.
            name = os.devnull if sys.stdout is None else ""
            self._descriptor = os.open(name, os.O_WRONLY) if name else _STANDARD_OUTPUT
            self._is_stream = _is_stream(os.fstat(self._descriptor).st_mode)
            return
        # A pipe without a reader is an error then, not a reason to wait for one.
        self._descriptor = os.open(self._path, _FLAGS, _MODE)
        os.set_blocking(self._descriptor, True)
        status = os.fstat(self._descriptor)
        self._opened = _identity(status)
        self._is_stream = _is_stream(status.st_mode)

    def _renew(self) -> None:
        """Open the file again if it is not the one of that name any more. Raises OSError."""
        if self._descriptor != _CLOSED:
            if not self._path:
                return
            with suppress(FileNotFoundError):
                if _identity(os.stat(self._path)) == self._opened:
                    return
            self._close()
            self._torn = False
        self._open()

    def _close(self) -> None:
        descriptor, self._descriptor = self._descriptor, _CLOSED
        if descriptor not in (_CLOSED, _STANDARD_OUTPUT):
            os.close(descriptor)

    # What the program's own log is told, once an outage.

    def _fail(self, error: OSError) -> None:
        if not self._failing:
            self._failing = True
            log.error("access log: %s cannot be written: %s", self._name, error.strerror)

    def _recover(self) -> None:
        if self._failing:
            self._failing = False
            log.info("access log: %s can be written again", self._name)
        self._tell_lost()

    def _tell_lost(self) -> None:
        # Told afterwards, by the thread: who cannot write one log may have to wait at the other one.
        lost = self.queue_full - self._told
        if lost and not self._lines:
            self._told += lost
            log.warning("access log: %s was too slow, %d lines are lost", self._name, lost)


def _is_stream(mode: int) -> bool:
    return stat.S_ISFIFO(mode) or stat.S_ISSOCK(mode)


def write_some(descriptor: int, text: memoryview) -> int:
    """Write to it and give how many bytes were written; wait where there is no room. Raises OSError."""
    try:
        return os.write(descriptor, text)
    except BlockingIOError:
        # Whoever shares our standard output has it so.
        room = select.poll()
        room.register(descriptor, select.POLLOUT)
        room.poll()
        return 0


def _identity(status: os.stat_result) -> tuple[int, int]:
    return status.st_dev, status.st_ino
