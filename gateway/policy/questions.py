"""What others are asked about credentials, and what they answer; `gateway.identity` asks."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, final

from gateway.http.fields import Field


@final
@dataclass(frozen=True, slots=True)
class Introspection:
    """An endpoint that judges tokens (RFC 7662). Seconds: `timeout` for an answer, `cache` to believe it."""

    url: str
    client_id: str
    client_secret: str = field(repr=False)
    timeout: float
    cache: float


# The members of an endpoint's answer. None: nobody can tell.
Told = Mapping[str, Any] | None


@final
@dataclass(frozen=True, slots=True)
class Service:
    """A service that judges requests. `timeout` is in seconds."""

    url: str
    timeout: float


@final
@dataclass(frozen=True, slots=True)
class Answer:
    """What a service says: its status and the fields of its head."""

    status: int
    fields: tuple[Field, ...]

    def value(self, name: bytes) -> bytes | None:
        """The value of a field by its lower-case name, joined where it is repeated."""
        values = [value for raw, value in self.fields if raw.lower() == name]
        return b", ".join(values) if values else None
