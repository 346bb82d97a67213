"""The I/O that policies may ask for, as Protocols.

A policy takes the ports it needs in its constructor and calls them while it decides; each gives its answer at
once or as an awaitable. In a running gateway `gateway.ports` fulfils them, elsewhere `config.offline`.
"""

from collections.abc import Awaitable, Callable
from typing import Protocol

from gateway.policy.jwk import Key
from gateway.policy.key_source import KeySource

# Seconds. Told to policies, so that tests can tell another time.
Time = Callable[[], float]


class Keys(Protocol):
    """The verification keys of one issuer.

    `generation` is another number whenever the set of keys has become another. `find` gives the keys that a
    token of this `kid` and algorithm may be verified by: none if there is no such key, None while nobody can
    tell.
    """

    @property
    def generation(self) -> int: ...

    def find(
        self, kid: str | None, algorithm: str
    ) -> tuple[Key, ...] | Awaitable[tuple[Key, ...] | None] | None: ...


class Ports(Protocol):
    """Everything that the policies of a snapshot may ask for.

    `wall` tells the seconds since 1970, for what others stamped with a time; `monotonic` those since some
    moment, for what we measure ourselves.
    """

    @property
    def wall(self) -> Time: ...

    @property
    def monotonic(self) -> Time: ...

    def keys(self, source: KeySource) -> Keys:
        """The keys that are there; equal sources share them."""
