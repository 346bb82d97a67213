"""What was found out lately: a bounded memory that forgets what nobody asked for, without keeping a clock."""

from collections.abc import Hashable
from typing import Generic, TypeVar, final

K = TypeVar("K", bound=Hashable)
V = TypeVar("V")


@final
class Recent(Generic[K, V]):
    """At most twice `size` values by key. When the young are `size`, they become old, the old are forgotten.

    What is asked for while it is old becomes young again. Each step takes the same short time, which keeping
    all in the order of their use would not.
    """

    __slots__ = ("_old", "_size", "_young")

    def __init__(self, size: int) -> None:
        self._size = size
        self._young: dict[K, V] = {}
        self._old: dict[K, V] = {}

    def __len__(self) -> int:
        return len(self._young) + len(self._old)

    def get(self, key: K) -> V | None:
        """What is remembered, None if nothing."""
        value = self._young.get(key)
        if value is None:
            value = self._old.pop(key, None)
            if value is not None:
                self.put(key, value)
        return value

    def put(self, key: K, value: V) -> None:
        """Remember."""
        if len(self._young) >= self._size:
            self._old, self._young = self._young, {}
        self._young[key] = value
