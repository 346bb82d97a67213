"""What the policies of a running gateway ask for, and what outlives a configuration.

A snapshot is compiled with these ports; they are started once and stopped once, by `app`.
"""

import time
from typing import final

from gateway.config.offline import NoKeys
from gateway.policy.ports import KeySource, Time


@final
class LivePorts:
    """The ports of one process."""

    def __init__(self, wall: Time = time.time, monotonic: Time = time.monotonic) -> None:
        self.wall = wall
        self.monotonic = monotonic

    def keys(self, source: KeySource) -> NoKeys:
        """Nobody's keys, as long as none can be fetched."""
        return NoKeys()

    async def start(self) -> None:
        """Begin what runs beside requests. Nothing is waited for, nothing raises."""

    async def stop(self) -> None:
        """End what `start` began."""
