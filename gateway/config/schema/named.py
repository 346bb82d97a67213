"""Policies that are defined once and used by name: tiers, roles, cors and headers."""

from typing import Annotated, Literal

from pydantic import AfterValidator, ValidationInfo, field_validator, model_validator

from gateway.config.schema.model import (
    LIST,
    NAME,
    NOT_EMPTY,
    SHAPE,
    Count,
    Duration,
    FieldName,
    Flag,
    Grant,
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
from gateway.policy.cors import ANY

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

    permissions: Items[Grant] = optional(
        "What the role allows: `area:verb`, `area:*` for all of an area, or `*` for everything.", ()
    )
    inherits: Items[Name] = optional(
        "Roles whose permissions this one has too. It does not become one of them: `allow: {roles: ..}` asks "
        "for the roles that a principal was given.",
        (),
    )


def _any_alone(origins: tuple[str, ...]) -> tuple[str, ...]:
    if ANY in origins and len(origins) > 1:
        raise rule('expected "*" alone, or origins without it')
    return origins


class CorsSpec(Spec):
    """Which browser applications of other origins may call. What the service says of it is replaced."""

    allow_origins: Annotated[Items[Origin], NOT_EMPTY, AfterValidator(_any_alone)] = needed(
        "Origins, compared byte for byte. `https://*.app.example` stands for one or more labels, `null` for "
        "whatever hides its origin, `*` alone for all. For WebSockets and `reject` list the site's own too."
    )
    allow_methods: Items[Method] = optional("Methods beside GET, HEAD and POST.", ())
    allow_headers: Items[FieldName] = optional(
        "Request fields that a script may set beside Accept, Accept-Language, Content-Language, Content-Type "
        "and Range; `*` stands for all but Authorization.",
        (),
    )
    expose_headers: Items[FieldName] = optional(
        "Response fields that a script may read beside RateLimit, RateLimit-Policy, Retry-After, "
        "X-Request-Id and traceresponse; `*` stands for all but Authorization.",
        (),
    )
    credentials: Flag = optional("Whether cookies and other credentials may come along.", False)
    max_age: Duration | None = optional(
        "How long a browser may remember the answer to a preflight. Absent: as it likes, some seconds."
    )
    on_disallowed: Literal["omit", "reject"] = optional(
        "What another origin gets: an answer without permission, or 403. A WebSocket always gets 403.", "omit"
    )

    @field_validator("credentials")
    @classmethod
    def _with_nothing_wild(cls, credentials: bool, info: ValidationInfo) -> bool:
        # Fetch, "CORS protocol and credentials": with them `*` is no wildcard, and a browser refuses it.
        for name in ("allow_origins", "allow_headers", "expose_headers"):
            if credentials and ANY in info.data.get(name, ()):
                raise rule(f'expected no credentials beside "*" in {name}')
        return credentials


class HeadersSpec(Spec):
    """What is done to the fields of every response."""

    preset: Preset = optional("Where to start from.", "helmet")
    set: dict[str, str] = optional("Fields that replace those of the backend.", {})
    default: dict[str, str] = optional("Fields that step in where the backend sent none.", {})
    remove: Items[Text] = optional("Fields that are taken away; `X-Acme-*` removes by prefix.", ())
