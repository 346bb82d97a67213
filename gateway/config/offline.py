"""The ports of a configuration that is checked, listed or explained, and not served: none of them waits."""

import time
from typing import Final, final

from gateway.http.fields import Field
from gateway.policy.key_source import KeySource
from gateway.policy.ports import Time
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
