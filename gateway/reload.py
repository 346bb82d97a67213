"""Another configuration for a running gateway: loaded beside it, taken whole, or not at all."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import final

from gateway.config.problem import ConfigError
from gateway.config.snapshot import Snapshot
from gateway.gauges import Reloads
from gateway.ports import Candidate, LivePorts

log = logging.getLogger("gateway")

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
