"""What the policies of a running gateway ask for, and what outlives a configuration.

A snapshot is compiled with these ports; they are started once and stopped once, by `app`.
"""

import time
from typing import TYPE_CHECKING, final

from gateway.identity import Fetcher, LiveVerifier, RemoteKeys
from gateway.policy.key_source import KeySource
from gateway.policy.ports import Buckets, QuotaStore, Time
from gateway.quota.memory import MemoryBuckets

if TYPE_CHECKING:
    from gateway.quota.redis import RedisBuckets


@final
class LivePorts:
    """The ports of one process.

    `memory` has the buckets that are here, `shared` those in a Redis; `issuers` are the keys of each source.
    """

    def __init__(self, wall: Time = time.time, monotonic: Time = time.monotonic) -> None:
        self.wall = wall
        self.monotonic = monotonic
        self.verifier = LiveVerifier(wall, monotonic)
        self.memory = MemoryBuckets(monotonic)
        self.shared: dict[QuotaStore, RedisBuckets] = {}
        self.issuers: dict[KeySource, RemoteKeys] = {}
        self._fetcher = Fetcher()
        self._is_running = False

    def keys(self, source: KeySource) -> RemoteKeys:
        """The keys that are there; equal sources share them, from one configuration to the next."""
        keys = self.issuers.get(source)
        if keys is None:
            keys = self.issuers[source] = RemoteKeys(source, self._fetcher, self.monotonic)
            if self._is_running:
                keys.start()
        return keys

    def buckets(self, store: QuotaStore) -> Buckets:
        """The buckets of a store; what was counted stays counted when a configuration follows another."""
        if not store.redis:
            return self.memory
        if store not in self.shared:
            # The library takes a fifth of a second and 6 MiB; who names no Redis need not pay for it.
            from gateway.quota.redis import RedisBuckets

            buckets = self.shared[store] = RedisBuckets(store, self.memory)
            if self._is_running:
                buckets.start()
        return self.shared[store]

    async def start(self) -> None:
        """Begin what runs beside requests. Nothing is waited for, nothing raises."""
        self._is_running = True
        for keys in self.issuers.values():
            keys.start()
        for buckets in self.shared.values():
            buckets.start()

    async def stop(self) -> None:
        """End what `start` began."""
        self._is_running = False
        for keys in self.issuers.values():
            await keys.stop()
        for buckets in self.shared.values():
            await buckets.stop()
        await self._fetcher.close()
        await self.verifier.stop()
