"""How a request stands with its tiers, told to the client in response fields.

`Standard` writes those of draft-ietf-httpapi-ratelimit-headers-11, `Legacy` the three that went before. What
has been written once is remembered: a bucket has few levels that read differently.
"""

from collections.abc import Callable
from math import ceil
from typing import Any, Final, Protocol, final

from gateway.http.fields import Field
from gateway.policy.ports import Time
from gateway.policy.tier import Standing, Tier

# Answers remembered for each choice of tiers; when they are more, all are forgotten.
_LEARNED_AT_MOST = 4096

POLICY: Final = b"RateLimit-Policy"
LIMIT: Final = b"RateLimit"
LEGACY: Final = (b"X-RateLimit-Limit", b"X-RateLimit-Remaining", b"X-RateLimit-Reset")
# Those that are written for all standings together, whoever wrote them first.
NAMES: Final = frozenset([POLICY, LIMIT, *LEGACY])

# A tier, what is left, and the seconds until there is more: 0 where it is full, or time brings nothing, and
# below 0 where it refused.
_Shown = tuple[Tier, int, int]


class Teller(Protocol):
    """Gives the fields for the standings of a request, whatever their order."""

    def __call__(self, standings: tuple[Standing, ...]) -> tuple[Field, ...]: ...

    def one(self, tier: Tier) -> Callable[[float], tuple[Field, ...]]:
        """The same for what is granted of one tier, from the level of its bucket."""
        ...


@final
class Silent:
    """Tells nothing."""

    def __call__(self, standings: tuple[Standing, ...]) -> tuple[Field, ...]:
        return ()

    def one(self, tier: Tier) -> Callable[[float], tuple[Field, ...]]:
        """See Teller."""
        return lambda level: ()


@final
class Standard:
    """`RateLimit-Policy: "public";q=60;w=60` and `RateLimit: "public";r=19;t=1`, most constrained first."""

    def __init__(self) -> None:
        self._learned = _Learned()

    def __call__(self, standings: tuple[Standing, ...]) -> tuple[Field, ...]:
        flat: list[Tier | int] = []
        for standing in standings:
            flat += _shown(standing)
        return self._learned[tuple(flat)]

    def one(self, tier: Tier) -> Callable[[float], tuple[Field, ...]]:
        """See Teller."""
        learned: dict[float, tuple[Field, ...]] = {}
        unit, capacity = tier.unit, tier.capacity
        if unit > 1.0 or tier.burst > _LEARNED_AT_MOST:
            return lambda level: self(((tier, level, 0.0),))

        def told(level: float) -> tuple[Field, ...]:
            # A unit takes no longer than a second, so `t` is 1 for every level but that of a full bucket.
            left = (capacity - level) // unit
            fields = learned.get(left)
            if fields is None:
                fields = learned[left] = self(((tier, level, 0.0),))
            return fields

        return told


@final
class _Learned(dict[tuple[Any, ...], tuple[Field, ...]]):
    """What is shown of tiers, all in one flat tuple, which is quickly looked up -> fields."""

    def __missing__(self, flat: tuple[Any, ...]) -> tuple[Field, ...]:
        if len(self) >= _LEARNED_AT_MOST:
            self.clear()
        threes = zip(flat[::3], flat[1::3], flat[2::3], strict=True)
        shown: list[_Shown] = sorted(threes, key=_constraint)
        items = [
            b'"%b";r=%d' % (tier.name.encode(), left) + (b";t=%d" % abs(wait) if wait else b"")
            for tier, left, wait in shown
        ]
        policies = b", ".join([tier.policy for tier, *_ in shown])
        fields = self[flat] = ((POLICY, policies), (LIMIT, b", ".join(items)))
        return fields


@final
class Legacy:
    """`X-RateLimit-*` of the most constrained tier; the reset is the second, since 1970, of a full bucket."""

    def __init__(self, wall: Time) -> None:
        self._wall = wall

    def __call__(self, standings: tuple[Standing, ...]) -> tuple[Field, ...]:
        tier, level, _ = min(standings, key=lambda standing: _constraint(_shown(standing)))
        full = 0.0 if tier.concurrent else level
        numbers = (tier.count, tier.left(level), ceil(self._wall() + full))
        return tuple([(name, b"%d" % number) for name, number in zip(LEGACY, numbers, strict=True)])

    def one(self, tier: Tier) -> Callable[[float], tuple[Field, ...]]:
        """See Teller."""
        return lambda level: self(((tier, level, 0.0),))


def _shown(standing: Standing) -> _Shown:
    tier, level, wait = standing
    left = tier.left(level)
    return tier, left, -max(1, ceil(wait)) if wait else tier.wait(level, left)


def _constraint(shown: _Shown) -> tuple[bool, int, int]:
    """Orders what is shown: who refused, the longest wait first; then the others, the least left first."""
    _, left, wait = shown
    return (False, wait, left) if wait < 0 else (True, left, -wait)
