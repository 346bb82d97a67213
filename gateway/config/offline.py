"""The ports of a configuration that is checked, listed or explained, and not served: none of them waits."""

import time
from typing import final

from gateway.policy.ports import Time


@final
class Offline:
    """Answers without any I/O."""

    def __init__(self, wall: Time = time.time, monotonic: Time = time.monotonic) -> None:
        self.wall = wall
        self.monotonic = monotonic
