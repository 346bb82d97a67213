"""How far a verb is, for whoever waits at a terminal.

Nothing is written where standard error is none, nor for what is over at once; and nothing of it is left.
"""

import sys
import time
from collections.abc import Callable, Iterable, Iterator
from typing import Final, TextIO, TypeVar

T = TypeVar("T")

# Seconds before the first word, and between two.
_PATIENCE: Final = 0.5
_PAUSE: Final = 0.1
# Back to the beginning of the line, and nothing in it.
_ERASED: Final = "\r\x1b[K"


def counted(
    things: Iterable[T],
    total: int,
    what: str,
    *,
    to: TextIO | None = None,
    clock: Callable[[], float] = time.monotonic,
) -> Iterable[T]:
    """The same things; a terminal is told how many of the `total` are done."""
    stream = sys.stderr if to is None else to
    return _told(things, f"of {total} {what}", stream, clock) if stream.isatty() else things


def _told(things: Iterable[T], rest: str, stream: TextIO, clock: Callable[[], float]) -> Iterator[T]:
    due, is_begun = clock() + _PATIENCE, False
    try:
        for number, thing in enumerate(things):
            now = clock()
            if now >= due:
                due, is_begun = now + _PAUSE, True
                print(f"{_ERASED}{number} {rest}", end="", file=stream, flush=True)
            yield thing
    finally:
        if is_begun:
            print(_ERASED, end="", file=stream, flush=True)
