"""Which files have changed, seen from outside: nothing of them is read."""

import asyncio
import os
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Final

# Seconds between two looks at the files. What has changed has to look the same twice before it is read: an
# editor or a copy may still be at work.
LOOKED_AT_EVERY: Final = 1.0

# What a file or a folder looks like from outside; a swapped symbolic link looks like another file.
Look = tuple[int, int, int] | tuple[str, ...] | None


def look(paths: Iterable[Path]) -> dict[Path, Look]:
    """What these files, and the folders that they are in, look like now. Reads nothing, raises nothing."""
    looks: dict[Path, Look] = {}
    for path in paths:
        looks[path] = _file(path)
        if path.parent not in looks:
            looks[path.parent] = _folder(path.parent)
    return looks


def _file(path: Path) -> Look:
    try:
        status = path.stat()
    except OSError:
        return None
    return status.st_mtime_ns, status.st_size, status.st_ino


def _folder(path: Path) -> Look:
    # Only names that policies are read from: others come and go while editors are at work.
    try:
        return tuple(sorted(name for name in os.listdir(path) if name.endswith(".yaml")))
    except OSError:
        return None


async def watch(
    known: dict[Path, Look],
    files: Callable[[], Iterable[Path]],
    reload: Callable[[], Awaitable[object]],
    pause: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Reload whenever one of the files has changed and then kept still for one more look, for ever.

    `files` are those of the configuration that serves, asked for anew each time, and `known` is what they
    looked like at first.
    """
    latest = known
    while True:
        await pause(LOOKED_AT_EVERY)
        now = await asyncio.to_thread(look, files())
        if now != known and now == latest:
            await reload()
            # It may need other files now. What has changed meanwhile is seen the next time.
            after = await asyncio.to_thread(look, files())
            known = {path: now.get(path, seen) for path, seen in after.items()}
        latest = now
