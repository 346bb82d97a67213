"""How a request stands with its tiers, told to the client in response fields.

`Standard` writes those of draft-ietf-httpapi-ratelimit-headers-11, `Legacy` the three that went before. What
has been written once is remembered: a bucket has few levels that read differently.
"""

from collections.abc import Callable
from math import ceil
from typing import Final, final

from gateway.http.fields import Field
from gateway.policy.ports import Time
from gateway.policy.tier import Standing, Tier

# Answers remembered; when they are more, all are forgotten.
_LEARNED_AT_MOST = 4096

# Gives the fields for the standings of a request, whatever their order.
Teller = Callable[[tuple[Standing, ...]], tuple[Field, ...]]
# A tier, what is left, and the seconds until there is more; 0 where it is full, or time brings nothing.
_Shown = tuple[Tier, int, int]

POLICY: Final = b"RateLimit-Policy"
LIMIT: Final = b"RateLimit"
LEGACY: Final = (b"X-RateLimit-Limit", b"X-RateLimit-Remaining", b"X-RateLimit-Reset")
# Those that are written for all standings together, whoever wrote them first.
NAMES: Final = frozenset([POLICY, LIMIT, *LEGACY])


def tell_nothing(standings: tuple[Standing, ...]) -> tuple[Field, ...]:
    """No fields."""
    return ()


@final
class Standard:
    """`RateLimit-Policy: "public";q=60;w=60` and `RateLimit: "public";r=19;t=1`, most constrained first."""

    def __init__(self) -> None:
        self._learned: dict[tuple[_Shown, ...], tuple[Field, ...]] = {}

    def __call__(self, standings: tuple[Standing, ...]) -> tuple[Field, ...]:
        if len(standings) > 1:
            shown = tuple(map(_shown, sorted(standings, key=_constraint)))
        else:
            shown = (_shown(standings[0]),)
        fields = self._learned.get(shown)
        if fields is None:
            if len(self._learned) >= _LEARNED_AT_MOST:
                self._learned.clear()
            fields = self._learned[shown] = _written(shown)
        return fields


@final
class Legacy:
    """`X-RateLimit-*` of the most constrained tier; the reset is the second, since 1970, of a full bucket."""

    def __init__(self, wall: Time) -> None:
        self._wall = wall

    def __call__(self, standings: tuple[Standing, ...]) -> tuple[Field, ...]:
        tier, level, _ = min(standings, key=_constraint)
        full = 0.0 if tier.concurrent else level
        numbers = (tier.count, tier.left(level), ceil(self._wall() + full))
        return tuple([(name, b"%d" % number) for name, number in zip(LEGACY, numbers, strict=True)])


def _shown(standing: Standing) -> _Shown:
    tier, level, wait = standing
    left = tier.left(level)
    return (tier, left, max(1, ceil(wait))) if wait else (tier, left, tier.wait(level, left))


def _constraint(standing: Standing) -> tuple[float, int, int]:
    """Orders standings: those that refused, the longest wait first, then those with the least left."""
    tier, level, wait = standing
    left = tier.left(level)
    return -wait, left, -tier.wait(level, left)


def _written(shown: tuple[_Shown, ...]) -> tuple[Field, ...]:
    items = [
        b'"%b";r=%d' % (tier.name.encode(), left) + (b";t=%d" % wait if wait else b"")
        for tier, left, wait in shown
    ]
    return (POLICY, b", ".join([tier.policy for tier, _, _ in shown])), (LIMIT, b", ".join(items))
