"""The program's own log, on standard error: JSON, a line a message, or text for who sits at a terminal.

A message may quote what came from outside, such as the text of an exception. So neither form lets anything
but printable characters through: nobody can write a line that looks like one of ours.
"""

import logging
import time
from typing import Final, TextIO, final

from gateway.config.snapshot import Log
from gateway.telemetry.escape import escaped_text

# Characters of one message, and of one traceback.
_MESSAGE_AT_MOST: Final = 8192
_EXCEPTION_AT_MOST: Final = 32768
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


def application_log(settings: Log, stream: TextIO, pid: int | None = None) -> None:
    """Have every message of this level and above written to `stream`.

    One of several processes says its `pid`.
    """
    is_text = settings.format == "text" or (settings.format == "auto" and stream.isatty())
    handler = logging.StreamHandler(stream)
    handler.setFormatter(TextLines(pid) if is_text else JsonLines(pid))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(settings.level.upper())
    # The loop warns of every write to a TLS connection that its client has left: clients could fill the log.
    logging.getLogger("asyncio").setLevel(logging.ERROR)


def _exception(formatter: logging.Formatter, record: logging.LogRecord) -> str:
    told = formatter.formatException(record.exc_info) if record.exc_info else ""
    return told[:_EXCEPTION_AT_MOST]


def _printable(text: str) -> str:
    """A text in which nothing orders a terminal about, ends a line or changes its direction."""
    if text.isprintable():
        return text
    return "".join(character if character.isprintable() else ascii(character)[1:-1] for character in text)
