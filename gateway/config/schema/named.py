"""Policies that are defined once and used by name: tiers, roles, cors and headers."""

from typing import Annotated, Literal

from pydantic import model_validator

from gateway.config.schema.model import (
    LIST,
    NAME,
    NOT_EMPTY,
    SHAPE,
    Count,
    Duration,
    FieldName,
    Flag,
    Items,
    Method,
    Name,
    Origin,
    Partition,
    Rate,
    Spec,
    Text,
    needed,
    optional,
    rule,
)

Preset = Literal["helmet", "api", "owasp", "none"]
Names = Annotated[Annotated[Name, NAME] | Annotated[Items[Name], LIST], SHAPE]


Partitions = Annotated[
    Annotated[Partition, NAME] | Annotated[Annotated[Items[Partition], NOT_EMPTY], LIST], SHAPE
]


class TierSpec(Spec):
    """A named rate and burst, or a number of requests at once."""

    limit: Rate | None = optional(
        "How many requests in how much time, such as `600/1m`; `0/1m` lets none pass."
    )
    burst: Count | None = optional("What a full bucket admits at once. Absent: the count of `limit`.")
    concurrent: Count | None = optional("How many requests of one key may be under way at once.")
    key: Partitions = optional(
        "Who is counted together: `address` (an IPv6 one by its /64), `principal` (the address of who is "
        "nobody), `route`, `header:NAME`, `claim:NAME`, or a list of them. A tier by `address` and `route` "
        "alone is taken before authentication, any other after authorisation.",
        "address",
    )

    @model_validator(mode="after")
    def _one_of_two(self) -> "TierSpec":
        if (self.limit is None) == (self.concurrent is None):
            raise rule("expected exactly one of limit and concurrent")
        if self.burst is not None and (self.limit is None or not self.limit[0]):
            raise rule("expected no burst without a limit above 0")
        return self

    @property
    def keys(self) -> tuple[str, ...]:
        """What `key` lists."""
        return (self.key,) if isinstance(self.key, str) else self.key

    @property
    def most(self) -> int:
        """The highest cost that a request could ever pay."""
        return self.concurrent or self.burst or (self.limit or (0, 0.0))[0]


class RoleSpec(Spec):
    """What a role allows."""

    permissions: Items[Text] = optional("What the role allows, as `area:verb`; `*` allows everything.", ())
    inherits: Items[Name] = optional("Roles whose permissions this one has too.", ())


class CorsSpec(Spec):
    """Which browser applications of other origins may call."""

    allow_origins: Annotated[Items[Origin], NOT_EMPTY] = needed(
        "Origins, compared byte for byte. `https://*.app.example` stands for one or more labels."
    )
    allow_methods: Items[Method] = optional("Methods beside GET, HEAD and POST.", ())
    allow_headers: Items[FieldName] = optional("Request fields that a browser may send.", ())
    expose_headers: Items[FieldName] = optional("Response fields that a script may read.", ())
    credentials: Flag = optional("Whether cookies and other credentials may come along.", False)
    max_age: Duration | None = optional("How long a browser may remember the answer to a preflight.")
    on_disallowed: Literal["omit", "reject"] = optional(
        "What another origin gets: an answer without permission, or a refusal.", "omit"
    )


class HeadersSpec(Spec):
    """What is done to the fields of every response."""

    preset: Preset = optional("Where to start from.", "helmet")
    set: dict[str, str] = optional("Fields that replace those of the backend.", {})
    default: dict[str, str] = optional("Fields that step in where the backend sent none.", {})
    remove: Items[Text] = optional("Fields that are taken away; `X-Acme-*` removes by prefix.", ())
