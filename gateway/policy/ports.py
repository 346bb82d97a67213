"""The I/O that policies may ask for, as Protocols.

A policy takes the ports it needs in its constructor and calls them while it decides; each gives its answer at
once or as an awaitable. In a running gateway `gateway.ports` fulfils them, elsewhere `config.offline`.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Literal, Protocol, final

from gateway.http.fields import Field
from gateway.policy.bucket import Charge, Grant, Lease, Want
from gateway.policy.jwk import Key
from gateway.policy.key_source import KeySource
from gateway.policy.questions import Answer, Introspection, Service, Told

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


class Verifier(Protocol):
    """Those who judge credentials that policies cannot judge; None always means that nobody can tell."""

    def password(self, hash: str, password: bytes) -> bool | Awaitable[bool | None] | None:
        """True if the password is that of an argon2id or bcrypt hash."""

    def introspect(self, endpoint: Introspection, token: bytes) -> Told | Awaitable[Told]:
        """The members of the answer about a token, `active` among them."""

    def ask(self, service: Service, fields: tuple[Field, ...]) -> Awaitable[Answer | None] | None:
        """The answer to a GET with these fields."""


@final
@dataclass(frozen=True, slots=True)
class QuotaStore:
    """Where quotas are counted: in the Redis of a URL, or in memory if that is empty.

    `timeout` is in seconds; `on_failure` is what happens when the Redis does not answer within it.
    """

    redis: str = field(default="", repr=False)
    timeout: float = 0.05
    on_failure: Literal["local", "allow", "deny"] = "local"


class Buckets(Protocol):
    """Where the buckets of all tiers are kept."""

    def take(self, wants: Sequence[Want], lease: Lease | None) -> Grant | Awaitable[Grant | None] | None:
        """Take all that is wanted, or nothing. None: the store cannot say, and the policy knows what then.

        No two wants have one key. With a lease, what is granted of tiers at once begins with it; without
        one, nothing of such a tier is wanted.
        """
        ...

    def take_one(self, charge: Charge, key: str) -> float | Grant | Awaitable[Grant | None] | None:
        """The same for one rate; what was granted may also be told as the new level alone."""
        ...


class Ports(Protocol):
    """Everything that the policies of a snapshot may ask for.

    `wall` tells the seconds since 1970, for what others stamped with a time; `monotonic` those since some
    moment, for what we measure ourselves.
    """

    @property
    def wall(self) -> Time: ...

    @property
    def monotonic(self) -> Time: ...

    @property
    def verifier(self) -> Verifier: ...

    def keys(self, source: KeySource) -> Keys:
        """The keys that are there; equal sources share them."""
        ...

    def buckets(self, store: QuotaStore) -> Buckets:
        """The buckets of a store: the same ones, whatever the configuration, as long as the store is."""
        ...
