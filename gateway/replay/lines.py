"""The lines of logs, one file after the other. A file may be compressed, and may have been cut off."""

import gzip
import sys
import zlib
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any, BinaryIO, Final

# A line of ours has some 12 KiB at most.
LINE_AT_MOST: Final = 64 * 1024
STDIN: Final = "-"


def lines(names: Iterable[str]) -> Iterator[bytes]:
    """Each line, without its end; one that is longer than LINE_AT_MOST, or has no end, is empty.

    Raises OSError for a file that cannot be read at all.
    """
    for name in names:
        with _opened(name) as file:
            try:
                yield from _lines(file)
            except (EOFError, zlib.error, gzip.BadGzipFile):
                # A log that is still being compressed, or was damaged: what was read of it counts.
                yield b""


def _opened(name: str) -> Any:
    if name == STDIN:
        return nullcontext(sys.stdin.buffer)
    return gzip.open(name, "rb") if name.endswith(".gz") else Path(name).open("rb")


def _lines(file: BinaryIO) -> Iterator[bytes]:
    while piece := file.readline(LINE_AT_MOST):
        if piece.endswith(b"\n"):
            yield piece[:-1]
            continue
        while piece and not piece.endswith(b"\n"):
            piece = file.readline(LINE_AT_MOST)
        yield b""
