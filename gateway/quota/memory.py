"""Buckets in the memory of this process.

A bucket of a rate is the moment at which it will be full again; one that nobody knows is full. So a full
bucket may be forgotten at any time, and the number of those remembered is bounded: a flood of new keys makes
us forget the buckets that were asked for the longest ago.
"""

from collections.abc import Mapping, Sequence
from functools import partial
from typing import Final, final

from gateway.policy.bucket import Charge, Grant, Lease, Want
from gateway.policy.ports import Time

KEYS_AT_MOST: Final = 100_000


@final
class MemoryBuckets:
    """Buckets by their keys; it always answers at once.

    Keys live in two generations: what is asked for moves to the young one, and when that holds half of what
    there may be, the old one is forgotten and the young one grows old.
    """

    def __init__(self, monotonic: Time, keys_at_most: int = KEYS_AT_MOST) -> None:
        self._now = monotonic
        self._generation = keys_at_most // 2
        self._young: dict[str, float] = {}
        self._old: dict[str, float] = {}
        self._under_way: dict[str, float] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old) + len(self._under_way)

    def take(self, wants: Sequence[Want], lease: Lease | None) -> Grant:
        """Take all that is wanted, or nothing; see `gateway.policy.ports.Buckets`."""
        now = self._now()
        levels = [self._level(charge, key, now) for charge, key in wants]
        for (charge, _), level in zip(wants, levels, strict=True):
            if level + charge.amount > charge.tier.capacity:
                return False, levels
        for index, (charge, key) in enumerate(wants):
            levels[index] += charge.amount
            if charge.tier.concurrent:
                self._under_way[key] = levels[index]
            else:
                self._remember(key, now + levels[index])
        if lease is not None:
            lease.begin(partial(self._give_back, [want for want in wants if want[0].tier.concurrent]))
        return True, levels

    def take_one(self, charge: Charge, key: str) -> float | Grant:
        """The same for one rate, in the fewest steps: most requests come here."""
        full = self._young.get(key)
        if full is None:
            return self.take([(charge, key)], None)
        now = self._now()
        level = full - now
        level = level + charge.amount if level > 0.0 else charge.amount
        if level > charge.capacity:
            return self.take([(charge, key)], None)
        self._young[key] = now + level
        return level

    def resume(self, wants: Sequence[Want], lease: Lease) -> None:
        """Count what is under way already: it was granted before these buckets were here."""
        for charge, key in wants:
            self._under_way[key] = self._under_way.get(key, 0.0) + charge.amount
        lease.begin(partial(self._give_back, wants))

    def fills(self) -> dict[str, float]:
        """The moments at which the buckets of rates are full, those that were asked for last at the end."""
        now = self._now()
        old = [item for item in self._old.items() if item[0] not in self._young]
        return {key: full for key, full in [*old, *self._young.items()] if full > now}

    def refill(self, fills: Mapping[str, float]) -> None:
        """Go on from what `fills` has said, by the same clock."""
        for key, full in fills.items():
            self._remember(key, full)

    def _level(self, charge: Charge, key: str, now: float) -> float:
        tier = charge.tier
        if tier.concurrent:
            return self._under_way.get(key, 0.0)
        full = self._young.get(key)
        if full is None:
            full = self._old.get(key)
            if full is None:
                return 0.0
            # Also what is refused was asked for.
            self._remember(key, full)
        level = full - now
        if level <= 0.0:
            return 0.0
        if level > tier.capacity:
            # The clock went back; that must not lock anybody out for as long.
            level = tier.capacity
            self._young[key] = now + level
        return level

    def _remember(self, key: str, full: float) -> None:
        if len(self._young) >= self._generation and key not in self._young:
            self._old, self._young = self._young, {}
        self._young[key] = full

    def _give_back(self, wants: Sequence[Want]) -> None:
        for charge, key in wants:
            left = self._under_way.pop(key) - charge.amount
            if left > 0:
                self._under_way[key] = left
