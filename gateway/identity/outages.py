"""Who does not answer: told once when it begins and once when it is over, however many ask meanwhile."""

import logging
from typing import final

log = logging.getLogger("gateway")


@final
class Outages:
    """What is out, by the name that the log has for it; names come from the configuration."""

    __slots__ = ("_out",)

    def __init__(self) -> None:
        self._out: set[str] = set()

    def failed(self, name: str, why: str) -> None:
        """Note a failure."""
        if name not in self._out:
            self._out.add(name)
            log.warning("%s: %s", name, why)

    def answered(self, name: str) -> None:
        """Note that all is well."""
        if name in self._out:
            self._out.discard(name)
            log.info("%s: answers again", name)
