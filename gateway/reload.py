"""Another configuration for a running gateway: loaded beside it, taken whole, or not at all."""

import asyncio
import logging
import os
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import final

from gateway.config.problem import ConfigError
from gateway.config.snapshot import Snapshot
from gateway.gauges import Reloads
from gateway.ports import Candidate, LivePorts

log = logging.getLogger("gateway")

# Seconds between two looks at the files. What has changed has to look the same twice before it is read: an
# editor or a copy may still be at work.
_LOOKED_AT_EVERY = 1.0

Load = Callable[[Candidate], Snapshot]


class UnchangeableError(Exception):
    """Another configuration asks for what only a new start can give; the text says what."""


@final
@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it: the `version` that serves now, whether it is another one, and what was wrong."""

    version: str
    is_new: bool
    problems: tuple[str, ...] = ()


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
        await pause(_LOOKED_AT_EVERY)
        now = await asyncio.to_thread(look, files())
        if now != known and now == latest:
            await reload()
            # It may need other files now. What has changed meanwhile is seen the next time.
            after = await asyncio.to_thread(look, files())
            known = {path: now.get(path, seen) for path, seen in after.items()}
        latest = now


@final
class Reloading:
    """Loads a configuration when it is asked to, one at a time, and has the gateway adopt it.

    `load` may block and is called in a thread; `adopt` is called on the loop with what it gave. Whatever goes
    wrong leaves what serves as it is, and is told in the log, on the metrics page and to whoever asked.
    `version` is that of the configuration that serves.
    """

    def __init__(
        self,
        load: Load | None,
        adopt: Callable[[Snapshot, Candidate], Awaitable[None]],
        version: str,
        ports: LivePorts,
        reloads: Reloads,
    ) -> None:
        self._load = load
        self._adopt = adopt
        self.version = version
        self._ports = ports
        self._reloads = reloads
        self._turn = asyncio.Lock()

    async def reload(self) -> Outcome:
        """Load what the files say now. Never raises."""
        async with self._turn:
            candidate = Candidate(self._ports)
            try:
                snapshot = await self._loaded(candidate)
                is_new = snapshot.version != self.version
                if is_new:
                    await self._adopt(snapshot, candidate)
            except ConfigError as error:
                return self._failed(*map(str, error.problems))
            except (UnchangeableError, OSError) as error:
                return self._failed(str(error))
            except Exception:
                log.exception("the new configuration could not be taken")
                return self._failed("a mistake of ours, see the log")
            self._reloads.success(self._ports.wall())
            log.info("configuration %s serves%s", snapshot.version, "" if is_new else ", as before")
            self.version = snapshot.version
            return Outcome(snapshot.version, is_new)

    async def _loaded(self, candidate: Candidate) -> Snapshot:
        if self._load is None:
            raise UnchangeableError("this gateway was started without files")
        return await asyncio.to_thread(self._load, candidate)

    def _failed(self, *problems: str) -> Outcome:
        self._reloads.failure()
        log.error("the new configuration is not taken, %s serves on:\n%s", self.version, "\n".join(problems))
        return Outcome(self.version, False, problems)
