"""What the policies of a running gateway ask for, and what outlives a configuration.

A snapshot is compiled with these ports; they are started once and stopped once, by `app`.
"""

import time
from typing import TYPE_CHECKING, final

from gateway.policy.ports import Buckets, QuotaStore, Time
from gateway.quota.memory import MemoryBuckets

if TYPE_CHECKING:
    from gateway.quota.redis import RedisBuckets


@final
class LivePorts:
    """The ports of one process."""

    def __init__(self, wall: Time = time.time, monotonic: Time = time.monotonic) -> None:
        self.wall = wall
        self.monotonic = monotonic
        self._memory = MemoryBuckets(monotonic)
        self._redis: dict[QuotaStore, RedisBuckets] = {}

    def buckets(self, store: QuotaStore) -> Buckets:
        """The buckets of a store; what was counted stays counted when a configuration follows another."""
        if not store.redis:
            return self._memory
        if store not in self._redis:
            # The library takes a fifth of a second and 6 MiB; who names no Redis need not pay for it.
            from gateway.quota.redis import RedisBuckets

            self._redis[store] = RedisBuckets(store, self._memory)
        return self._redis[store]

    async def start(self) -> None:
        """Begin what runs beside requests. Nothing is waited for, nothing raises."""
        for buckets in self._redis.values():
            buckets.start()

    async def stop(self) -> None:
        """End what `start` began."""
        for buckets in self._redis.values():
            await buckets.stop()
