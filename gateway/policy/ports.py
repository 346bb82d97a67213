"""The I/O that policies may ask for, as Protocols.

A policy takes the ports it needs in its constructor and calls them while it decides; each gives its answer at
once or as an awaitable. In a running gateway `gateway.ports` fulfils them, elsewhere `config.offline`.
"""

from collections.abc import Callable
from typing import Protocol

# Seconds. Told to policies, so that tests can tell another time.
Time = Callable[[], float]


class Ports(Protocol):
    """Everything that the policies of a snapshot may ask for.

    `wall` tells the seconds since 1970, for what others stamped with a time; `monotonic` those since some
    moment, for what we measure ourselves.
    """

    @property
    def wall(self) -> Time: ...

    @property
    def monotonic(self) -> Time: ...
