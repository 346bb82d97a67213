"""The ports of a configuration that is checked, listed or explained, and not served: none of them waits."""

import time
from collections.abc import Sequence
from typing import Final, final

from gateway.http.fields import Field
from gateway.policy.bucket import Charge, Grant, Lease, Want
from gateway.policy.key_source import KeySource
from gateway.policy.ports import Buckets, QuotaStore, Time
from gateway.policy.questions import Introspection, Service


@final
class NoKeys:
    """Nobody was asked for any."""

    generation: Final = 0

    def find(self, kid: str | None, algorithm: str) -> None:
        """None: there is nobody who could tell."""


@final
class NoVerifier:
    """Nobody is asked."""

    def password(self, hash: str, password: bytes) -> None:
        """None: a hash is slow on purpose."""

    def introspect(self, endpoint: Introspection, token: bytes) -> None:
        """None: there is nobody who could tell."""

    def ask(self, service: Service, fields: tuple[Field, ...]) -> None:
        """None, too."""


@final
class Offline:
    """Answers without any I/O."""

    def __init__(self, wall: Time = time.time, monotonic: Time = time.monotonic) -> None:
        self.wall = wall
        self.monotonic = monotonic
        self.verifier = NoVerifier()

    def keys(self, source: KeySource) -> NoKeys:
        """Keys that nobody can tell."""
        return NoKeys()

    def buckets(self, store: QuotaStore) -> Buckets:
        """Buckets that are always full."""
        return _Full()


@final
class _Full:
    def take(self, wants: Sequence[Want], lease: Lease | None) -> Grant:
        return True, [charge.amount for charge, _ in wants]

    def take_one(self, charge: Charge, key: str) -> float:
        return charge.amount
