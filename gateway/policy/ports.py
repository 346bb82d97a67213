"""The I/O that policies may ask for, as Protocols.

A policy takes the ports it needs in its constructor and calls them while it decides; each gives its answer at
once or as an awaitable. In a running gateway `gateway.ports` fulfils them, elsewhere `config.offline`.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Protocol, final

from gateway.policy.jwk import Key

# Seconds. Told to policies, so that tests can tell another time.
Time = Callable[[], float]


@final
@dataclass(frozen=True, slots=True)
class KeySource:
    """Where the keys of an issuer are: at `jwks`, or where the metadata of `issuer` says, if that is empty.

    Metadata may name the issuer's own origin, or one of `origins`. `insecure` allows plain http beyond
    loopback.
    """

    issuer: str
    jwks: str = ""
    origins: tuple[str, ...] = ()
    insecure: bool = False


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
