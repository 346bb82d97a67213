"""What the policies of a running gateway ask for, and what outlives a configuration.

A snapshot is compiled with these ports; they are started once and stopped once, by `app`.
"""

import asyncio
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, TypeVar, final

from gateway.identity import Fetcher, LiveVerifier, RemoteKeys
from gateway.policy.key_source import KeySource
from gateway.policy.ports import Buckets, QuotaStore, Time
from gateway.quota.memory import MemoryBuckets
from gateway.quota.shared import SharedBuckets

if TYPE_CHECKING:
    from gateway.quota.redis import RedisBuckets

K = TypeVar("K")
V = TypeVar("V")

# Seconds for which requests under way still find what their configuration had.
_GRACE = 30.0


@final
class LivePorts:
    """The ports of one process.

    `memory` has the buckets that are here, or with the supervisor of several workers; `shared` those in a
    Redis; `issuers` are the keys of each source.
    """

    def __init__(
        self,
        wall: Time = time.time,
        monotonic: Time = time.monotonic,
        memory: MemoryBuckets | SharedBuckets | None = None,
    ) -> None:
        self.wall = wall
        self.monotonic = monotonic
        self.verifier = LiveVerifier(wall, monotonic)
        self.memory = MemoryBuckets(monotonic) if memory is None else memory
        self.shared: dict[QuotaStore, RedisBuckets] = {}
        self.issuers: dict[KeySource, RemoteKeys] = {}
        self._fetcher = Fetcher()
        self._stopping = asyncio.Event()
        self._retiring: set[asyncio.Task[None]] = set()

    def keys(self, source: KeySource) -> RemoteKeys:
        """The keys of a source; equal ones share them."""
        return _known(self.issuers, source, self.new_keys)

    def buckets(self, store: QuotaStore) -> Buckets:
        """The buckets of a store."""
        return _known(self.shared, store, self.new_buckets) if store.redis else self.here(store)

    def here(self, store: QuotaStore) -> Buckets:
        """The buckets of a store without a Redis."""
        if isinstance(self.memory, SharedBuckets) and store.on_failure != "local":
            return self.memory.or_nothing
        return self.memory

    @property
    def stores(self) -> "list[RedisBuckets | SharedBuckets]":
        """Those that some other process has, and that may be down."""
        here = [self.memory] if isinstance(self.memory, SharedBuckets) else []
        return [*here, *self.shared.values()]

    def new_keys(self, source: KeySource) -> RemoteKeys:
        """Keys that nobody keeps fresh yet."""
        return RemoteKeys(source, self._fetcher, self.monotonic)

    def new_buckets(self, store: QuotaStore) -> "RedisBuckets":
        """Buckets in a Redis that nobody has connected to yet."""
        # The library takes a fifth of a second and 6 MiB; who names no Redis need not pay for it.
        from gateway.quota.redis import RedisBuckets

        return RedisBuckets(store, self.memory)

    def adopt(self, candidate: "Candidate") -> None:
        """Go on with what a configuration asked for while it was compiled.

        What is new begins; what it does not need any more ends a little later, for requests under way.
        """
        gone: list[RemoteKeys | RedisBuckets] = [
            *[keys for source, keys in self.issuers.items() if source not in candidate.issuers],
            *[buckets for store, buckets in self.shared.items() if store not in candidate.shared],
        ]
        begun: list[RemoteKeys | RedisBuckets] = [
            *[keys for source, keys in candidate.issuers.items() if source not in self.issuers],
            *[buckets for store, buckets in candidate.shared.items() if store not in self.shared],
        ]
        self.issuers, self.shared = candidate.issuers, candidate.shared
        for part in begun:
            part.start()
        if gone:
            task = asyncio.create_task(_retire(gone, self._stopping))
            self._retiring.add(task)
            task.add_done_callback(self._retiring.discard)

    async def start(self) -> None:
        """Begin what runs beside requests. Nothing is waited for, nothing raises."""
        for keys in self.issuers.values():
            keys.start()
        for store in self.stores:
            store.start()

    async def stop(self) -> None:
        """End what `start` began."""
        self._stopping.set()
        await asyncio.gather(*self._retiring)
        for keys in self.issuers.values():
            await keys.stop()
        for store in reversed(self.stores):
            # The memory last: it stands in for the others.
            await store.stop()
        await self._fetcher.close()
        await self.verifier.stop()


@final
class Candidate:
    """The ports of a configuration that may come to serve: what is there already, and what it needs besides.

    Nothing of it runs before `LivePorts.adopt`, so it may be made in any thread and thrown away.
    """

    def __init__(self, live: LivePorts) -> None:
        self.wall = live.wall
        self.monotonic = live.monotonic
        self.verifier = live.verifier
        self.issuers: dict[KeySource, RemoteKeys] = {}
        self.shared: dict[QuotaStore, RedisBuckets] = {}
        self._live = live

    def keys(self, source: KeySource) -> RemoteKeys:
        """The keys that are there, else new ones."""
        live = self._live
        return _known(self.issuers, source, lambda it: live.issuers.get(it) or live.new_keys(it))

    def buckets(self, store: QuotaStore) -> Buckets:
        """The buckets that are there, else new ones; what was counted stays counted."""
        live = self._live
        if not store.redis:
            return live.here(store)
        return _known(self.shared, store, lambda it: live.shared.get(it) or live.new_buckets(it))


def _known(known: dict[K, V], key: K, make: Callable[[K], V]) -> V:
    if key not in known:
        known[key] = make(key)
    return known[key]


async def _retire(parts: "Iterable[RemoteKeys | RedisBuckets]", stopping: asyncio.Event) -> None:
    with suppress(TimeoutError):
        async with asyncio.timeout(_GRACE):
            await stopping.wait()
    for part in parts:
        await part.stop()
