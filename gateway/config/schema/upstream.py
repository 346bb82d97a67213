"""Upstreams: where the backends answer and how they are asked."""

import re
from typing import Annotated, Literal

from pydantic import model_validator

from gateway.config.schema.model import (
    MAPPING,
    NAME,
    NOT_EMPTY,
    SHAPE,
    Count,
    Duration,
    Endpoint,
    Host,
    Items,
    Number,
    Percent,
    Reads,
    ServerName,
    Spec,
    Text,
    needed,
    optional,
    rule,
)
from gateway.config.snapshot import Hash
from gateway.config.values import FIELD_NAME
from gateway.http.fields import REQUEST_FIELDS

# Visible ASCII; a fragment would not be sent.
_PATH = r'/[!"$-~]*'
_PART = rf"address|(header|cookie):{FIELD_NAME}"


def request_part(text: str) -> Hash:
    """`address`, `header:NAME` or `cookie:NAME`. Raises ValueError."""
    if not re.fullmatch(_PART, text):
        raise ValueError("address, header:NAME or cookie:NAME")
    source, _, name = text.partition(":")
    if source == "address":
        return Hash("address")
    if source == "cookie":
        return Hash("cookie", name)
    rule = REQUEST_FIELDS[name.encode()]
    if rule is not None and not rule.forwarded and not rule.noted:
        raise ValueError("a field that the gateway takes from clients")
    return Hash("header", name)


def probe_path(text: str) -> str:
    """`/health`, with a query if need be. Raises ValueError."""
    if not re.fullmatch(_PATH, text):
        raise ValueError("a path such as /health, in visible ASCII")
    return text


class HashSpec(Spec):
    """The same endpoint for the same value."""

    hash: Annotated[Hash, Reads(request_part, _PART)] = needed(
        "What is hashed: `address`, `header:NAME` or `cookie:NAME`. Without it `least_pending` chooses."
    )


class HealthSpec(Spec):
    """Probes of the endpoints."""

    path: Annotated[str, Reads(probe_path, _PATH)] = needed(
        "The path that is asked; a status under 400 is healthy."
    )
    interval: Duration = optional("Between two probes.", "5s")
    timeout: Duration = optional("How long an answer may take.", "1s")
    healthy: Count = optional("Good answers in a row that bring an endpoint back.", 2)
    unhealthy: Count = optional("Bad answers in a row that take it out.", 3)


class OutlierSpec(Spec):
    """What requests themselves tell about an endpoint."""

    failures: Count = optional(
        "Failures in a row that take an endpoint out: no connection, no response, 502, 503, 504.", 5
    )
    eject: Duration = optional("For how long, times how often it was lately ejected, at most ten.", "30s")


class PoolSpec(Spec):
    """Connections to one endpoint."""

    max_connections: Count = optional("Connections at a time.", 256)
    max_pending: Number = optional("Requests that may wait for one; above it 503.", 1024)
    wait: Duration = optional("For how long they may wait.", "1s")
    idle: Duration = optional("How long an unused connection is kept; less than the backend keeps it.", "55s")


class UpstreamTimeoutsSpec(Spec):
    """How long a backend may take."""

    connect: Duration = optional("Until a connection stands.", "2s")
    response: Duration = optional("Until the head of the response, all attempts together.", "30s")
    idle: Duration = optional("Between two pieces of a body.", "60s")


class RetrySpec(Spec):
    """Another attempt where the first one failed; idempotent methods only."""

    attempts: Count = optional("Tries in all.", 2)
    after: Items[Literal["connect", "reset", 502, 503, 504]] = optional(
        "What is tried again.", ("connect", "reset")
    )
    budget: Percent = optional("The share of requests that may be retries.", "20%")


class UpstreamTlsSpec(Spec):
    """TLS towards an upstream."""

    ca: Text | None = optional("Authorities of its certificate. Absent: the system's.")
    server_name: ServerName | None = optional(
        "The name or address in its certificate. Absent: the endpoint's host."
    )
    certificate: Text | None = optional("Our certificate, where it wants one.")
    key: Text | None = optional("Our private key.")

    @model_validator(mode="after")
    def _shows_what_it_can_prove(self) -> "UpstreamTlsSpec":
        if (self.certificate is None) != (self.key is None):
            raise rule("expected certificate and key together, got only one of them")
        return self


class UpstreamSpec(Spec):
    """A named set of endpoints with one connection policy."""

    endpoints: Annotated[Items[Endpoint], NOT_EMPTY] = needed(
        "Where it answers: `http://host:port`, `https://host:port` or `unix:/path`."
    )
    host: Host = optional(
        "The Host field that is sent: the client's (`preserve`), the endpoint's (`endpoint`), or a name.",
        "preserve",
    )
    balance: Annotated[
        Annotated[Literal["round_robin", "least_pending", "p2c"], NAME] | Annotated[HashSpec, MAPPING],
        SHAPE,
    ] = optional("Which endpoint is asked.", "least_pending")
    health: HealthSpec | None = optional("Probes of the endpoints. Absent: every endpoint counts as healthy.")
    outlier: OutlierSpec | None = optional("Endpoints that fail are left out for a while.")
    pool: PoolSpec = optional("Connections to one endpoint.", {})
    timeouts: UpstreamTimeoutsSpec = optional("How long a backend may take.", {})
    retry: RetrySpec | None = optional("Another attempt where the first one failed.")
    tls: UpstreamTlsSpec | None = optional(
        "How TLS is spoken with `https` endpoints. Absent: as with any site, by the system's authorities."
    )

    @model_validator(mode="after")
    def _secures_every_endpoint(self) -> "UpstreamSpec":
        if self.tls is not None and not all(endpoint.tls for endpoint in self.endpoints):
            raise rule("expected https endpoints alone beside tls, got one without TLS")
        return self
