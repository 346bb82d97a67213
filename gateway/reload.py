"""Another configuration for a running gateway: loaded beside it, taken whole, or not at all.

It is taken in two steps: whoever is one of several prepares, and adopts only when all the others have
prepared the same.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from typing import final

from gateway.config.problem import ConfigError
from gateway.config.snapshot import Snapshot
from gateway.gauges import Reloads
from gateway.outcome import Outcome
from gateway.ports import Candidate, LivePorts

log = logging.getLogger("gateway")

Load = Callable[[Candidate], Snapshot]
# Serves by what was prepared. Nothing fails in it, and nothing waits before all has changed.
Adoption = Callable[[], Awaitable[None]]


class UnchangeableError(Exception):
    """Another configuration asks for what only a new start can give; the text says what."""


@final
class Reloading:
    """Loads a configuration when it is asked to, one at a time, and has the gateway adopt it.

    `load` may block and is called in a thread; `renew` is called on the loop with what it gave, and raises
    UnchangeableError or OSError for what cannot be taken. Whatever goes wrong leaves what serves as it is.
    `version` is that of the configuration that serves, `prepared` the one that may be next; `problems` are
    those of the last one that was given, as long as it is not taken.
    """

    def __init__(
        self,
        load: Load | None,
        renew: Callable[[Snapshot, Candidate], Adoption],
        version: str,
        ports: LivePorts,
        reloads: Reloads,
    ) -> None:
        self._load = load
        self._renew = renew
        self.version = version
        self.prepared: Snapshot | None = None
        self.problems: Sequence[str] = ()
        self._adoption: Adoption | None = None
        self._ports = ports
        self._reloads = reloads
        self._turn = asyncio.Lock()

    async def reload(self) -> Outcome:
        """Take what the files say now, alone, and tell in the log what came of it. Never raises."""
        async with self._turn:
            outcome = await self.prepare()
            if not outcome.problems:
                outcome = await self.adopt()
            else:
                self.refuse(outcome.problems)
            log.log(logging.ERROR if outcome.problems else logging.INFO, "%s", outcome.told)
            return outcome

    async def prepare(self) -> Outcome:
        """Load what the files say now, and what would come of it. Never raises, and changes nothing."""
        self.prepared = self._adoption = None
        candidate = Candidate(self._ports)
        try:
            snapshot = await self._loaded(candidate)
            is_new = snapshot.version != self.version
            if is_new:
                self._adoption = self._renew(snapshot, candidate)
        except ConfigError as error:
            return self._failed(*map(str, error.problems))
        except (UnchangeableError, OSError) as error:
            return self._failed(str(error))
        except Exception:
            log.exception("the new configuration could not be taken")
            return self._failed("a mistake of ours, see the log")
        self.prepared = snapshot
        return Outcome(snapshot.version, is_new)

    async def adopt(self) -> Outcome:
        """Serve by what was prepared last. Never raises."""
        adoption, self._adoption = self._adoption, None
        if adoption is not None and self.prepared is not None:
            try:
                await adoption()
            except Exception:
                log.exception("the new configuration could not be taken")
                failed = self._failed("a mistake of ours, see the log")
                self.refuse(failed.problems)
                return failed
            self.version = self.prepared.version
        self.prepared, self.problems = None, ()
        self._reloads.success(self._ports.wall())
        return Outcome(self.version, adoption is not None)

    def refuse(self, problems: Sequence[str]) -> None:
        """Forget what was prepared: it is not taken, for these reasons."""
        self.prepared = self._adoption = None
        self.problems = problems
        self._reloads.failure()

    async def _loaded(self, candidate: Candidate) -> Snapshot:
        if self._load is None:
            raise UnchangeableError("this gateway was started without files")
        return await asyncio.to_thread(self._load, candidate)

    def _failed(self, *problems: str) -> Outcome:
        return Outcome(self.version, False, problems)
