"""`config/gateway.yaml`: where things are."""

from ipaddress import ip_address
from typing import Annotated, Literal

from pydantic import Field, PlainValidator, WithJsonSchema, model_validator

from gateway.config.schema.identity import (
    ApiKeysSpec,
    BasicUsersSpec,
    CertificatesSpec,
    ForwardAuthSpec,
    IssuerSpec,
)
from gateway.config.schema.model import (
    NOT_EMPTY,
    TYPED,
    UNSEEN,
    Block,
    Count,
    Duration,
    Flag,
    Items,
    Listening,
    Name,
    Origin,
    Pause,
    Percent,
    Size,
    Spec,
    Store,
    Text,
    Url,
    needed,
    optional,
    rule,
)
from gateway.config.schema.routes import DefaultsSpec
from gateway.config.schema.upstream import UpstreamSpec
from gateway.config.snapshot import Address

# A token of RFC 9110 5.6.2, as W3C Baggage 3.3.2.1 asks; the operator's are shorter.
BaggageKey = Annotated[str, Field(pattern=r"^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$")]


_WORKERS_AT_MOST = 64


def _workers(value: object) -> object:
    if value == "auto" or (type(value) is int and 1 <= value <= _WORKERS_AT_MOST):
        return value
    raise ValueError(f"a number from 1 to {_WORKERS_AT_MOST}, or auto")


_NUMBERS = {"type": "integer", "minimum": 1, "maximum": _WORKERS_AT_MOST}
Workers = Annotated[
    int | Literal["auto"],
    PlainValidator(_workers),
    WithJsonSchema({"anyOf": [_NUMBERS, {"type": "string", "const": "auto"}]}),
    TYPED,
]


class PathSpec(Spec):
    """What may stand in a path that some backends read in two ways."""

    slashes: Literal["refuse", "merge"] = optional("Empty segments, as in `//`.", "refuse")
    semicolon: Literal["refuse", "allow"] = optional("`;`, also escaped.", "refuse")
    encoded_slash: Literal["refuse", "allow"] = optional("`%2F`, a slash that is data.", "refuse")


class CertificateSpec(Spec):
    """A certificate chain and its key, as PEM files relative to this one."""

    certificate: Text = needed("The chain, leaf first.")
    key: Text = needed("The private key.")


class ListenerTlsSpec(Spec):
    """TLS on a listener."""

    certificates: Annotated[Items[CertificateSpec], NOT_EMPTY] = needed(
        "Certificates; the client's SNI chooses."
    )
    min_version: Literal["1.2", "1.3"] = optional("The oldest version.", "1.2")
    client_ca: Text | None = optional("Authorities of client certificates.")
    client_auth: Literal["optional", "required"] | None = optional(
        "Whether clients may or must show a certificate of theirs."
    )

    @model_validator(mode="after")
    def _asks_whom_it_can_verify(self) -> "ListenerTlsSpec":
        if (self.client_ca is None) != (self.client_auth is None):
            raise rule("expected client_ca and client_auth together, got only one of them")
        return self


class ListenerSpec(Spec):
    """An address that connections are accepted on."""

    address: Listening = needed("Where to listen: `0.0.0.0:8080`, `[::]:8080` or `unix:/path`.")
    trusted_proxies: Items[Block] = optional("Networks whose forwarding fields are believed.", ())
    forwarded_by: Literal["x-forwarded-for", "forwarded"] = optional(
        "The one family of fields that those proxies maintain; the other is dropped unread.",
        "x-forwarded-for",
    )
    trace_context: Literal["restart", "continue"] = optional(
        "What becomes of the W3C trace context that arrives here: a new trace begins, linked to it, or it is "
        "gone on with. Continue only what you trust.",
        "restart",
    )
    path: PathSpec = optional("What may stand in a path.", {})
    tls: ListenerTlsSpec | None = optional("TLS on this listener. Absent: plain HTTP.")


class AdminCorsSpec(Spec):
    """Browser applications that may call the admin API."""

    allow_origins: Items[Origin] = optional("Their origins.", ())


class AdminSpec(Spec):
    """The admin API and console."""

    address: Listening = optional("Where to listen.", "127.0.0.1:9901")
    token: Annotated[Text | None, UNSEEN] = optional(
        "What a caller shows as `Authorization: Bearer`. Absent: only loopback or a Unix socket will do."
    )
    cors: AdminCorsSpec = optional("Browser applications that may call.", {})

    @model_validator(mode="after")
    def _guarded(self) -> "AdminSpec":
        if self.token is None and not _is_local(self.address):
            raise rule(f"expected a token, or a loopback address or Unix socket, got only {self.address}")
        return self


def _is_local(address: Address) -> bool:
    return bool(address.unix) or ip_address(address.host).is_loopback


class LimitsSpec(Spec):
    """Bounds of what a client may send."""

    request_line: Size = optional("The request line; above it 414.", "8KiB")
    fields: Count = optional("The number of header fields; above it 431.", 100)
    head: Size = optional("The whole head; above it 431.", "32KiB")
    body: Size = optional("A body, where the route does not say otherwise; above it 413.", "10MiB")
    requests: Count = optional("Requests under way at a time, without WebSockets; above it 503.", 10000)
    connections: Count = optional("Connections at a time; above it 503.", 10000)


class TimeoutsSpec(Spec):
    """How long the client's side may take."""

    head: Duration = optional("From the first byte of a head to its last; above it 408.", "10s")
    body_idle: Duration = optional("Between two pieces of a request body; above it 408.", "30s")
    write_idle: Duration = optional("Until a client takes more of a response.", "30s")
    keep_alive: Duration = optional("Between two requests on a connection.", "75s")
    min_drain: Pause = optional("For how long a drain still serves as ever; load balancers lag.", "0s")
    drain: Duration = optional("When a drain cuts what is still open.", "20s")


class QuotaStoreSpec(Spec):
    """Where quotas are counted."""

    redis: Annotated[Store | None, UNSEEN] = optional(
        "The URL of a Redis of 6.2 or later: `redis://`, `rediss://` (TLS), `unix:///path`, "
        "`redis+cluster://h1:6379,h2:6379`, `redis+sentinel://h1:26379,h2:26379/MASTER/DB`; with "
        "`USER:PASSWORD@` before the hosts. Absent: memory, which workers share."
    )
    timeout: Duration = optional("How long an answer may take.", "50ms")
    on_failure: Literal["local", "allow", "deny"] = optional(
        "What happens without the store: count in memory, let pass, or answer 503.", "local"
    )
    fields: Literal["standard", "legacy", "none"] = optional(
        "What clients are told: `RateLimit` and `RateLimit-Policy`, or `X-RateLimit-Limit`, `-Remaining` and "
        "`-Reset` (seconds since 1970), or nothing. A 429 has `Retry-After` in any case.",
        "standard",
    )


class TracesSpec(Spec):
    """Where spans go."""

    endpoint: Url | None = optional(
        "The base URL of an OTLP collector; `/v1/traces` is put behind it. Absent: what `OTEL_*` say, else "
        "nowhere."
    )
    protocol: Literal["http/protobuf", "grpc"] | None = optional(
        "How spans are sent. Absent: what `OTEL_*` say, else http/protobuf."
    )
    sample: Percent | None = optional(
        "The share of requests that become spans. Absent: what `OTEL_*` say, else 1%."
    )
    baggage: Items[BaggageKey] = optional(
        "Members of the W3C `baggage` that pass; the others are dropped.", ()
    )


class AccessLogSpec(Spec):
    """One line a request."""

    format: Literal["json", "none"] = optional("How a line is written; none: not at all.", "json")
    path: str = optional("The file to append to. Empty: standard output.", "")


class LogSpec(Spec):
    """The program's own log, on standard error."""

    format: Literal["auto", "text", "json"] = optional(
        "How a line is written; auto: as text on a terminal, as JSON elsewhere.", "auto"
    )
    level: Literal["debug", "info", "warning", "error"] = optional("From which level on.", "info")


class TelemetrySpec(Spec):
    """What the gateway says about itself."""

    traces: TracesSpec = optional("Where spans go.", {})
    access_log: AccessLogSpec = optional("One line a request.", {})
    log: LogSpec = optional("The program's own log, on standard error.", {})
    decisions: Annotated[int, Field(ge=0, le=1_000_000)] = optional(
        "For how many requests, the last ones, `/decisions` of the admin listener tells what was decided.",
        4096,
    )


class GatewaySpec(Spec):
    """The file that the gateway starts from."""

    version: Annotated[Literal[1], TYPED] = needed("The version of this format.")
    name: Name = optional(
        "What the gateway calls itself in `Via`, `Proxy-Status` and telemetry.", "azora-gateway"
    )
    listeners: Annotated[Items[ListenerSpec], NOT_EMPTY] = optional(
        "Addresses that connections are accepted on.", ({"address": "0.0.0.0:8080"},)
    )
    admin: AdminSpec = optional("The admin API and console.", {})
    workers: Workers = optional(
        "How many processes serve, each on a core of its own; auto: one for each core that the gateway may "
        "use. Limits of connections, pools and budgets of retries hold for each of them; quotas for all.",
        1,
    )
    watch: Flag = optional(
        "Whether files that change are loaded by themselves; else SIGHUP or `gateway reload` say when.",
        False,
    )
    limits: LimitsSpec = optional("Bounds of what a client may send.", {})
    timeouts: TimeoutsSpec = optional("How long the client's side may take.", {})
    quota_store: QuotaStoreSpec = optional("Where quotas are counted.", {})
    upstreams: dict[Name, UpstreamSpec] = optional("What is behind the gateway, by name.", {})
    issuers: dict[Name, IssuerSpec] = optional("Who issues tokens, by name.", {})
    api_keys: ApiKeysSpec | None = optional("Keys that programs show.")
    basic_users: BasicUsersSpec | None = optional("Users with a password.")
    certificates: CertificatesSpec | None = optional(
        "How a client certificate becomes a principal. Absent: none does."
    )
    forward_auth: dict[Name, ForwardAuthSpec] = optional("Services that decide about a request, by name.", {})
    telemetry: TelemetrySpec = optional("What the gateway says about itself.", {})
    policies: Items[Text] = optional(
        "Folders of policies, relative to this file; every `*.yaml` directly in them is read.",
        ("../policies",),
    )
    defaults: DefaultsSpec = optional("Keys for every route of every file, and for what matches none.", {})

    @model_validator(mode="after")
    def _each_address_once(self) -> "GatewaySpec":
        addresses = [listener.address for listener in self.listeners] + [self.admin.address]
        # Port 0 asks the system for any free port, each time another one.
        fixed = [address for address in addresses if address.unix or address.port]
        twice = next((address for address in fixed if fixed.count(address) > 1), None)
        if twice is not None:
            raise rule(f"expected each address once among listeners and admin, got {twice} again")
        return self
