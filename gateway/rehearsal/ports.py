"""The ports of a rehearsal: a clock that stands still, full buckets, and nobody who could be asked.

Whom a running gateway would have asked is noted, so that people can be told why an answer is not known.
"""

from collections.abc import Sequence
from typing import final

from gateway.http.fields import Field
from gateway.policy.bucket import Charge, Grant, Lease, Want
from gateway.policy.key_source import KeySource
from gateway.policy.ports import Buckets, QuotaStore
from gateway.policy.questions import Introspection, Service
from gateway.quota.memory import MemoryBuckets


@final
class RehearsalPorts:
    """Answers without any I/O. `asked` names those who would have been asked since `begin`."""

    def __init__(self, now: float) -> None:
        self._now = now
        self._store = MemoryBuckets(self.monotonic)
        self.asked: list[str] = []
        self.verifier = _Nobody(self.asked)

    def wall(self) -> float:
        """Seconds since 1970, as long as nobody lets time pass."""
        return self._now

    def monotonic(self) -> float:
        """The same clock: it never goes back here."""
        return self._now

    def begin(self, now: float) -> None:
        """All buckets are full again, and it is `now`, in seconds since 1970."""
        self._now = now
        self._store = MemoryBuckets(self.monotonic)
        self.asked.clear()

    def advance(self, seconds: float) -> None:
        """Let time pass."""
        self._now += seconds

    def keys(self, source: KeySource) -> "_RemoteKeys":
        """Keys that nobody can tell."""
        return _RemoteKeys(source, self.asked)

    def buckets(self, store: QuotaStore) -> Buckets:
        """Buckets in memory, whatever the store: they count from nothing in every rehearsal."""
        return self

    def take(self, wants: Sequence[Want], lease: Lease | None) -> Grant:
        """See `gateway.policy.ports.Buckets`."""
        return self._store.take(wants, lease)

    def take_one(self, charge: Charge, key: str) -> float | Grant:
        """The same for one rate."""
        return self._store.take_one(charge, key)


@final
class _RemoteKeys:
    """Keys that an issuer publishes somewhere."""

    generation = 0

    def __init__(self, source: KeySource, asked: list[str]) -> None:
        self._name = f"the keys of {source.issuer or source.jwks}"
        self._asked = asked

    def find(self, kid: str | None, algorithm: str) -> None:
        self._asked.append(self._name)


@final
class _Nobody:
    """Those who judge credentials; none of them is here."""

    def __init__(self, asked: list[str]) -> None:
        self._asked = asked

    def password(self, hash: str, password: bytes) -> None:
        self._asked.append("the hash of a password, which is slow on purpose")

    def introspect(self, endpoint: Introspection, token: bytes) -> None:
        self._asked.append(f"the word of {endpoint.url}")

    def ask(self, service: Service, fields: tuple[Field, ...]) -> None:
        self._asked.append(f"the word of {service.url}")
