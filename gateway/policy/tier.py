"""Tiers: a named rate and burst, or a number of requests at once. Pure arithmetic.

A bucket is one number, its level: what has been taken from it. Each request adds to it, and it never comes
above `capacity`. The level of a rate is in seconds and runs off by itself, one a second (GCRA: a bucket is
kept as the moment at which it will be full again); that of a number at once is what is under way.
"""

from dataclasses import dataclass
from hashlib import sha256
from math import ceil
from typing import final

# What floating-point numbers may lose, as a share of one request: far less is granted too much than would
# otherwise be refused at the last request of a burst.
_SLACK = 0.001
_DIGEST_DIGITS = 8


@final
@dataclass(frozen=True, slots=True, eq=False)
class Tier:
    """What one name stands for. `unit` is what one request adds to the level; without `burst` none passes.

    `id` is the same as long as the numbers are, so that a bucket outlives a change of anything else.
    """

    name: str
    id: str
    unit: float
    burst: int
    capacity: float
    concurrent: bool
    count: int
    policy: bytes  # as an item of RateLimit-Policy

    def left(self, level: float) -> int:
        """How many requests the bucket would grant now."""
        return int((self.capacity - level) // self.unit)

    def wait(self, level: float, left: int) -> int:
        """In how many seconds, rounded up, it would grant one more; 0 where no time brings that."""
        if self.concurrent or left >= self.burst:
            return 0
        if self.unit <= 1.0:
            return 1
        return max(1, ceil(level + (left + 1) * self.unit - self.capacity))

    def shortfall(self, level: float, amount: float) -> float:
        """Seconds until what is more than the bucket has can be granted; not above 0 if it can be now."""
        over = level + amount - self.capacity
        return 1.0 if self.concurrent and over > 0 else over


# How a request stands with a tier: the tier, the level of its bucket, and the seconds to wait if it was the
# one that refused, else 0.
Standing = tuple[Tier, float, float]


def rate(name: str, count: int, period: float, burst: int | None = None) -> Tier:
    """So many requests in so many seconds; none at all if `count` is 0."""
    burst = (count if burst is None else burst) if count else 0
    unit = period / count if count else period
    window = b";w=%d" % period if period == int(period) else b""
    return Tier(
        name=name,
        id=_id(name, count, period, burst),
        unit=unit,
        burst=burst,
        capacity=(burst + _SLACK) * unit if burst else 0.0,
        concurrent=False,
        count=count,
        policy=b'"%b";q=%d%b' % (name.encode(), count, window),
    )


def at_once(name: str, count: int) -> Tier:
    """So many requests under way at a time."""
    return Tier(
        name=name,
        id=_id(name, count),
        unit=1.0,
        burst=count,
        capacity=count + _SLACK,
        concurrent=True,
        count=count,
        policy=b'"%b";q=%d;qu="concurrent-requests"' % (name.encode(), count),
    )


def _id(name: str, *numbers: float) -> str:
    return f"{name}-{sha256(repr(numbers).encode()).hexdigest()[:_DIGEST_DIGITS]}"
