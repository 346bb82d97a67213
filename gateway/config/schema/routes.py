"""Routes: what matches, where it goes, what is demanded; and the defaults for all of it."""

from typing import Annotated, Literal

from pydantic import AfterValidator, ConfigDict, Discriminator, Tag, model_validator

from gateway.config.schema.model import (
    MAPPING,
    NAME,
    NOT_EMPTY,
    SHAPE,
    TYPED,
    Block,
    Chooser,
    Count,
    Duration,
    FieldName,
    FieldValue,
    Flag,
    Host,
    Items,
    MediaType,
    Method,
    Name,
    OwnField,
    Permission,
    Prefix,
    Scope,
    Site,
    Size,
    Spec,
    Status,
    Target,
    Text,
    needed,
    optional,
    rule,
)
from gateway.config.schema.named import CorsSpec, HeadersSpec, Names
from gateway.http.media_type import is_json

CHOICE = Tag("<choice>")
# What is looked at is looked at while others wait.
LOOKED_AT_MOST = 256 * 1024
Decider = Literal["clients", "cors", "csrf", "quota", "validate", "allow"]


class RequestHeadersSpec(Spec):
    """What is done to the fields of the request before it is forwarded."""

    set: dict[OwnField, FieldValue] = optional("Fields that replace those of the client.", {})
    remove: Items[OwnField] = optional("Fields that are taken away.", ())


class ClientsSpec(Spec):
    """Which addresses may ask."""

    allow: Items[Block] = optional("Networks that may ask. Empty: every network.", ())
    deny: Items[Block] = optional("Networks that may not; stronger than `allow`.", ())


class BodyLimitsSpec(Spec):
    """Bounds of a route's requests."""

    body: Size = needed("The largest body, announced or counted while it passes.")


class RouteTimeoutsSpec(Spec):
    """How long the backend may take."""

    response: Duration | None = optional(
        "Until the head of the response, all attempts together. Absent: as the upstream says."
    )
    idle: Duration | None = optional("Between two pieces of a body. Absent: as the upstream says.")


class AllowSpec(Spec):
    """Which verified principals may ask; every given part must hold."""

    permissions: Annotated[Items[Permission], NOT_EMPTY] | None = optional(
        "All of these permissions; the principal's roles grant them."
    )
    roles: Annotated[Items[Name], NOT_EMPTY] | None = optional("Any of these roles.")
    scopes: Annotated[Items[Scope], NOT_EMPTY] | None = optional("All of these scopes.")
    when: Text | None = optional('A condition over the request, such as `"path.id == claims.sub"`.')

    @model_validator(mode="after")
    def _asks_something(self) -> "AllowSpec":
        if not self.model_fields_set:
            raise rule("expected at least one of permissions, roles, scopes and when, got none")
        return self


class ChargeSpec(Spec):
    """A tier and how much of it one request takes."""

    tier: Name = needed("The tier.")
    cost: Count = optional("What one request takes.", 1)


class ChoiceSpec(Spec):
    """A tier chosen by what is known of the principal; every further key is a value of that."""

    model_config = ConfigDict(extra="allow")
    __pydantic_extra__: dict[str, Name]

    by: Chooser = needed("What decides: a claim such as `claim:plan`, or `tier`, that of an API key.")
    otherwise: Name = needed("The tier for every other value.", alias="else")

    @property
    def values(self) -> dict[str, str]:
        """Tiers by the values that choose them."""
        return dict(self.__pydantic_extra__)


class TrustedSpec(Spec):
    """Origins beside the gateway's own."""

    trusted: Items[Site] = needed("Origins that may send requests with cookies, byte for byte.")


def _item(value: object) -> str:
    if isinstance(value, dict):
        return "<choice>" if "by" in value else "<mapping>"
    return "<name>"


class ValidateSpec(Spec):
    """What a request has to look like; the only policy that buffers a body."""

    content_types: Items[MediaType] = optional(
        "Media types of the body. Empty: `application/json` beside a `schema`, else any.", ()
    )
    max_body: Size | None = optional(
        "The largest body. One that is looked at has at most 256 KiB, and 64 KiB where this is absent."
    )
    schema_: Text | None = optional(
        "A file with the JSON Schema (2020-12) of the body, `.json` or `.yaml`, relative to this file.",
        alias="schema",
    )
    openapi: Text | None = optional(
        "A file with the OpenAPI document (3.0, 3.1) of the service, relative to this file. A path is looked "
        "up as the service sees it; what the document does not have is answered 404."
    )
    query: Text | None = optional(
        "A file with the JSON Schema of the query as an object of its parameters, relative to this file."
    )
    unknown_query: Literal["ignore", "reject"] = optional(
        "What becomes of parameters in the query that the OpenAPI document does not name.", "ignore"
    )

    @model_validator(mode="after")
    def _makes_sense(self) -> "ValidateSpec":
        if self.schema_ is not None and self.openapi is not None:
            raise rule("expected one of schema, openapi, got both")
        if self.schema_ is not None and not all(is_json(name.encode()) for name in self.content_types):
            raise rule("expected media types of JSON beside a schema")
        if self.openapi is None and "unknown_query" in self.model_fields_set:
            raise rule("expected unknown_query beside openapi only")
        looks = self.schema_ is not None or self.openapi is not None
        if looks and self.max_body is not None and self.max_body > LOOKED_AT_MOST:
            raise rule("expected max_body of at most 256KiB where a body is looked at")
        return self


class LatencySpec(Spec):
    """How many answers have to come how soon."""

    below: Duration = needed("How long an answer may take.")
    target: Target = needed("The share of requests whose answer must not take longer.")


class SloSpec(Spec):
    """What is promised of the requests of 30 days: `gateway slo` makes recordings and alerts of it."""

    availability: Target | None = optional("The share of requests whose answer must not be 5xx.")
    latency: LatencySpec | None = optional("How many answers have to come how soon.")

    @model_validator(mode="after")
    def _promises_something(self) -> "SloSpec":
        if not self.model_fields_set:
            raise rule("expected at least one of availability and latency, got none")
        return self


def _each_once(said: str | tuple[str, ...]) -> str | tuple[str, ...]:
    if not said or (isinstance(said, tuple) and len({*said}) != len(said)):
        raise ValueError("a name, or a list of names with each of them once")
    return said


class DefaultsSpec(Spec):
    """Keys for every route that does not say them itself; a key replaces the wider one whole."""

    upstream: Name | None = optional("The upstream that requests are forwarded to.")
    prefix: Prefix | None = optional("Put before the path of the match, and taken off on forwarding.")
    request_headers: RequestHeadersSpec | None = optional("What is done to the fields of the request.")
    timeouts: RouteTimeoutsSpec | None = optional("How long the backend may take.")
    auth: Annotated[Names, AfterValidator(_each_once)] | None = optional(
        "How a client proves who it is: the name of an issuer or of a forward_auth, `api_key`, `basic`, "
        "`mtls`, or a list of them; `public` alone is open to everybody, in a list it makes proof optional."
    )
    headers: Annotated[Annotated[Name, NAME] | Annotated[HeadersSpec, MAPPING], SHAPE] | None = optional(
        "What is done to the fields of the response: the name of a headers policy or of a preset, or the "
        "policy in place. Absent: the preset `helmet`."
    )
    clients: ClientsSpec | None = optional("Which addresses may ask.")
    limits: BodyLimitsSpec | None = optional("Bounds of the requests.")
    allow: AllowSpec | None = optional(
        "Which verified principals may ask: every part that is given must hold. Absent: any verified "
        "principal. What the defaults say does not hold for public routes."
    )
    quota: (
        Items[
            Annotated[
                Annotated[Name, NAME] | Annotated[ChargeSpec, MAPPING] | Annotated[ChoiceSpec, CHOICE],
                Discriminator(_item),
            ]
        ]
        | None
    ) = optional(
        "Tiers that every request is counted by: names of tiers, `{tier, cost}`, or `{by: claim:plan, pro: "
        "TIER, else: TIER}`."
    )
    cors: Annotated[Annotated[Name, NAME] | Annotated[CorsSpec, MAPPING], SHAPE] | None = optional(
        "Which browser applications may call: the name of a cors policy, or the policy in place. Absent: the "
        "service decides."
    )
    csrf: (
        Annotated[Annotated[Literal["auto", "off"], NAME] | Annotated[TrustedSpec, MAPPING], SHAPE] | None
    ) = optional(
        "Whether a request with cookies or a password that another site made a browser send is refused: "
        '`auto`, `"off"`, or `trusted`, which names other origins that may. Absent: `auto`.'
    )
    validate_: ValidateSpec | None = optional("What a request has to look like.", alias="validate")
    compress: Flag | None = optional(
        "Whether responses are compressed for clients that accept it, as zstd, br or gzip. Strong ETags then "
        "become weak, which `If-Match` does not match."
    )
    report: Items[Decider] | None = optional("Policies that decide, but let pass what they would refuse.")
    slo: SloSpec | None = optional(
        "What is promised of the requests of 30 days. In `defaults` it is promised of the upstream: of all "
        "its routes together that do not say it themselves."
    )

    @property
    def is_public(self) -> bool:
        """Whether nobody is asked who he is."""
        return self.auth in ("public", ("public",))


class MatchSpec(Spec):
    """What a request has to look like to take the route."""

    host: Host | None = optional(
        "The host, without a port; `*.app.example` is one or more labels. Absent: any."
    )
    path: Text = needed("The path: `{name}` is one segment, `{name...}` at the end the rest, also nothing.")
    methods: Items[Method] = optional("Methods; another one is answered 405. Empty: any.", ())
    headers: dict[FieldName, FieldValue] = optional("Fields and the exact values that they must have.", {})


class RedirectSpec(Spec):
    """A redirection."""

    to: Text = needed("The path or URL to go to; `{name}` is filled in from the path.")
    status: Annotated[Literal[301, 302, 303, 307, 308], TYPED] = optional("The status.", 308)


class RespondSpec(Spec):
    """A fixed answer."""

    status: Status = optional("The status.", 200)
    body: str = optional("The body, as plain text.", "")

    @model_validator(mode="after")
    def _empty_where_it_must_be(self) -> "RespondSpec":
        if self.body and self.status in (204, 205, 304):
            raise rule(f"expected no body with the status {self.status}")
        return self


class RewriteSpec(Spec):
    """Another path for the backend."""

    path: Text = needed("The path that is forwarded; `{name}` is filled in from the path of the match.")


class RouteSpec(DefaultsSpec):
    """What matches, where it goes, and what is demanded of it. One of upstream, redirect and respond."""

    id: Name = needed("What the route is called in logs and metrics; unique.")
    match: MatchSpec = needed("What matches.")
    redirect: RedirectSpec | None = optional("Where the client is sent instead.")
    respond: RespondSpec | None = optional("What is answered without a backend.")
    rewrite: RewriteSpec | None = optional("The path that is forwarded, instead of taking the prefix off.")
    upgrade: Items[Literal["websocket"]] = optional("Protocols that a connection may change to.", ())
    operation: Name | None = optional(
        "What the route is for, such as `payment`: a label in metrics, an attribute of spans. Several routes "
        "may have the same."
    )
