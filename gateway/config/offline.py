"""The ports of a configuration that is checked, listed or explained, and not served: none of them waits."""

import time
from typing import Final, final

from gateway.policy.key_source import KeySource
from gateway.policy.ports import Time


@final
class NoKeys:
    """Nobody was asked for any."""

    generation: Final = 0

    def find(self, kid: str | None, algorithm: str) -> None:
        """None: there is nobody who could tell."""


@final
class Offline:
    """Answers without any I/O."""

    def __init__(self, wall: Time = time.time, monotonic: Time = time.monotonic) -> None:
        self.wall = wall
        self.monotonic = monotonic

    def keys(self, source: KeySource) -> NoKeys:
        """Keys that nobody can tell."""
        return NoKeys()
