"""What the policies of a running gateway ask for, and what outlives a configuration.

A snapshot is compiled with these ports; they are started once and stopped once, by `app`.
"""

import time
from typing import final

from gateway.identity import Fetcher, LiveVerifier, RemoteKeys
from gateway.policy.key_source import KeySource
from gateway.policy.ports import Time


@final
class LivePorts:
    """The ports of one process."""

    def __init__(self, wall: Time = time.time, monotonic: Time = time.monotonic) -> None:
        self.wall = wall
        self.monotonic = monotonic
        self.verifier = LiveVerifier(wall, monotonic)
        self._fetcher = Fetcher()
        self._keys: dict[KeySource, RemoteKeys] = {}
        self._is_running = False

    def keys(self, source: KeySource) -> RemoteKeys:
        """The keys that are there; equal sources share them, from one configuration to the next."""
        keys = self._keys.get(source)
        if keys is None:
            keys = self._keys[source] = RemoteKeys(source, self._fetcher, self.monotonic)
            if self._is_running:
                keys.start()
        return keys

    async def start(self) -> None:
        """Begin what runs beside requests. Nothing is waited for, nothing raises."""
        self._is_running = True
        for keys in self._keys.values():
            keys.start()

    async def stop(self) -> None:
        """End what `start` began."""
        self._is_running = False
        for keys in self._keys.values():
            await keys.stop()
        await self._fetcher.close()
        await self.verifier.stop()
