"""What is asked of buckets, and what they give."""

from collections.abc import Callable, Sequence
from typing import final

from gateway.policy import Exchange
from gateway.policy.tier import Tier


@final
class Charge:
    """What one request takes of a tier, and from which of its buckets: `key` names it for an exchange."""

    __slots__ = ("amount", "capacity", "key", "numbers", "tier")

    def __init__(self, tier: Tier, cost: int, key: Callable[[Exchange], str]) -> None:
        self.tier = tier
        self.amount = cost * tier.unit
        self.capacity = tier.capacity
        self.key = key
        # As texts that give the same numbers again, for who has to send them.
        self.numbers = f"{self.amount!r} {tier.capacity!r}"


# A charge, and the key of the bucket that it is for.
Want = tuple[Charge, str]
# Whether everything was granted, and the level of each bucket: with the amount if it was, else without.
Grant = tuple[bool, Sequence[float]]


@final
class Lease:
    """What a request holds until it is over, whether it was granted before that or comes to be after."""

    __slots__ = ("_give_back", "_is_over")

    def __init__(self) -> None:
        self._is_over = False
        self._give_back: Callable[[], None] | None = None

    def begin(self, give_back: Callable[[], None]) -> None:
        """Something was granted: it is given back at the end, or at once if that is past."""
        if self._is_over:
            give_back()
        else:
            self._give_back = give_back

    def end(self) -> None:
        """The request is over."""
        self._is_over = True
        give_back, self._give_back = self._give_back, None
        if give_back is not None:
            give_back()
