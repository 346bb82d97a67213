"""The program's own log, on standard error: JSON, a line a message, or text for who sits at a terminal.

A message may quote what came from outside, such as the text of an exception. So neither form lets anything
but printable characters through: nobody can write a line that looks like one of ours.

A thread writes it: a reader of standard error that does not read must not hold the loop.
"""

import logging
import os
import queue
import sys
import threading
import time
from contextlib import suppress
from typing import Final, final, get_args

from gateway.config.snapshot import Level, Log
from gateway.telemetry.escape import escaped_text
from gateway.telemetry.writer import write_some

LEVELS: Final[tuple[str, ...]] = get_args(Level)

# Characters of one message, and of one traceback.
_MESSAGE_AT_MOST: Final = 8192
_EXCEPTION_AT_MOST: Final = 32768
# Messages that wait for the thread, and seconds that the last of them may take.
_WAITING_AT_MOST: Final = 1000
_CLOSING_AT_MOST: Final = 2.0
_STANDARD_ERROR: Final = 2
# What a log call about a request hands over as `extra`.
_OF_REQUEST: Final = ("request_id", "trace_id", "span_id")


@final
class JsonLines(logging.Formatter):
    """One object a line, of the same shape as the access log's; with a `pid` each has that."""

    def __init__(self, pid: int | None = None) -> None:
        super().__init__()
        self._pid = "" if pid is None else f',"pid":{pid}'

    def format(self, record: logging.LogRecord) -> str:
        """The line of a record, without its end."""
        moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        said = {
            "type": "log",
            "time": f"{moment}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage()[:_MESSAGE_AT_MOST],
            "exception": _exception(self, record),
            **{name: str(getattr(record, name)) for name in _OF_REQUEST if hasattr(record, name)},
        }
        members = [f'"{name}":"{escaped_text(value).decode()}"' for name, value in said.items()]
        return "{" + ",".join(members) + self._pid + "}"


@final
class TextLines(logging.Formatter):
    """The time, the level and the message on one line; a traceback follows, moved in."""

    def __init__(self, pid: int | None = None) -> None:
        super().__init__()
        self._pid = "" if pid is None else f" [{pid}]"

    def format(self, record: logging.LogRecord) -> str:
        """The text of a record, without its end."""
        moment = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(record.created))
        said = _printable(record.getMessage()[:_MESSAGE_AT_MOST])
        request_id = getattr(record, "request_id", "")
        about = f", request {_printable(request_id)}" if request_id else ""
        lines = [f"  {_printable(line)}" for line in _exception(self, record).split("\n") if line]
        return "\n".join([f"{moment} {record.levelname}{self._pid} {said}{about}", *lines])


@final
class Descriptor(logging.Handler):
    """Writes messages to a file descriptor, by a thread: whoever logs never waits.

    What finds no room is lost; how much that was is told once there is room again.
    """

    def __init__(self, descriptor: int) -> None:
        super().__init__()
        self._descriptor = descriptor
        self._lines: queue.Queue[str | None] = queue.Queue(_WAITING_AT_MOST)
        self._lost = 0
        # A daemon: one that is stuck in a write must not keep the process from ending.
        self._worker = threading.Thread(target=self._run, name="log", daemon=True)
        self._worker.start()

    def emit(self, record: logging.LogRecord) -> None:
        """Take a message."""
        try:
            self._lines.put_nowait(self.format(record) + "\n")
        except queue.Full:
            self._lost += 1
        except Exception:
            self.handleError(record)

    def close(self) -> None:
        """Write what is left, for two seconds at most; what is not written by then is lost."""
        with suppress(queue.Full):
            self._lines.put(None, timeout=_CLOSING_AT_MOST)
            self._worker.join(_CLOSING_AT_MOST)
        super().close()

    def _run(self) -> None:
        while (line := self._lines.get()) is not None:
            self._write(line)
            if self._lost and self._lines.empty():
                lost, self._lost = self._lost, 0
                logging.getLogger("gateway").warning("%d messages of this log are lost", lost)

    def _write(self, line: str) -> None:
        left = memoryview(line.encode(errors="backslashreplace"))
        # Nobody is left to be told that this one cannot be written.
        with suppress(OSError):
            while left:
                left = left[write_some(self._descriptor, left) :]


def application_log(settings: Log, descriptor: int, pid: int | None = None) -> None:
    """Have every message of this level and above written to an open file; nowhere else from now on.

    One of several processes says its `pid`.
    """
    is_text = settings.format == "text" or (settings.format == "auto" and os.isatty(descriptor))
    handler = Descriptor(descriptor)
    handler.setFormatter(TextLines(pid) if is_text else JsonLines(pid))
    root = logging.getLogger()
    before, root.handlers = root.handlers, [handler]
    for each in before:
        if isinstance(each, Descriptor):
            each.close()
    root.setLevel(settings.level.upper())
    # The loop warns of every write to a TLS connection that its client has left: clients could fill the log.
    logging.getLogger("asyncio").setLevel(logging.ERROR)


def level() -> str:
    """The level from which on messages are written."""
    return logging.getLevelName(logging.getLogger().level).lower()


def set_level(wanted: str) -> None:
    """Have messages of this level and above written from now on. The log tells so itself, on any level.

    Raises ValueError for what is none of LEVELS.
    """
    if wanted not in LEVELS:
        raise ValueError(f"expected one of {', '.join(LEVELS)}")
    log = logging.getLogger("gateway")
    before = level()
    logging.getLogger().setLevel(wanted.upper())
    said = "the log tells from %s on, no longer from %s"
    log.handle(log.makeRecord(log.name, logging.INFO, __name__, 0, said, (wanted, before), None))


def standard_error() -> int:
    """The file descriptor of standard error, or of nothing where it was closed at the start.

    Its number may be that of a client's connection by then.
    """
    return os.open(os.devnull, os.O_WRONLY) if sys.__stderr__ is None else _STANDARD_ERROR


def _exception(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    told = formatter.formatException(record.exc_info) if record.exc_info else ""
    return told[:_EXCEPTION_AT_MOST]


def _printable(text: str) -> str:
    """A text in which nothing orders a terminal about, ends a line or changes its direction."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)
