"""Everything compiled from one set of files: what the running gateway reads.

Sizes are bytes, durations seconds.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from ipaddress import IPv4Network, IPv6Network
from pathlib import Path
from typing import TYPE_CHECKING, Literal, final

from gateway.http.path import PathRules
from gateway.routing import Route, Router

if TYPE_CHECKING:
    from gateway.config.compile import Specs

Network = IPv4Network | IPv6Network


@final
@dataclass(frozen=True, slots=True)
class Address:
    """Where something listens or answers: a host and port, or the path of a Unix socket."""

    host: str = ""
    port: int = 0
    unix: str = ""
    tls: bool = False

    def __str__(self) -> str:
        if self.unix:
            return f"unix:{self.unix}"
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"


@final
@dataclass(frozen=True, slots=True)
class Limits:
    """Bounds of a request head, a body, and of the number of requests under way and of connections."""

    request_line: int
    fields: int
    head: int
    body: int
    requests: int
    connections: int


@final
@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long the client's side may take, and how a drain ends."""

    head: float
    body_idle: float
    write_idle: float
    keep_alive: float
    min_drain: float
    drain: float


@final
@dataclass(frozen=True, slots=True)
class Certificate:
    """PEM files of a chain, leaf first, and its key. `names` are the DNS names it is for, in lower case."""

    chain: str
    key: str
    names: tuple[str, ...]
    expires: datetime


@final
@dataclass(frozen=True, slots=True)
class ListenerTls:
    """TLS towards clients. `client_ca` is the PEM file of their authorities; empty, none is asked for."""

    certificates: tuple[Certificate, ...]
    min_version: Literal["1.2", "1.3"]
    client_ca: str
    client_auth: Literal["optional", "required"] | None


@final
@dataclass(frozen=True, slots=True)
class Listener:
    """An address we accept connections on."""

    address: Address
    trusted_proxies: tuple[Network, ...]
    forwarded_by: Literal["x-forwarded-for", "forwarded"]
    path: PathRules
    tls: ListenerTls | None = None
    trace_context: Literal["restart", "continue"] = "restart"


@final
@dataclass(frozen=True, slots=True)
class Admin:
    """The admin listener; without a token it answers on loopback or a Unix socket only."""

    address: Address
    token: str = field(repr=False)
    allow_origins: tuple[str, ...]


@final
@dataclass(frozen=True, slots=True)
class Pool:
    """Bounds of the connections to one endpoint, and of the requests that wait for one."""

    max_connections: int
    max_pending: int
    wait: float
    idle: float


@final
@dataclass(frozen=True, slots=True)
class Hash:
    """What of a request decides on its endpoint; `name` is that of the header field or the cookie."""

    source: Literal["address", "header", "cookie"]
    name: str = ""


@final
@dataclass(frozen=True, slots=True)
class Health:
    """How endpoints are probed; so many answers in a row make one healthy or unhealthy."""

    path: str
    interval: float
    timeout: float
    healthy: int
    unhealthy: int


@final
@dataclass(frozen=True, slots=True)
class Outlier:
    """So many failures in a row leave an endpoint out for `eject` seconds."""

    failures: int
    eject: float


@final
@dataclass(frozen=True, slots=True)
class Retry:
    """How many attempts there are in all, after what there is another, and which share they may be."""

    attempts: int
    after: frozenset[str | int]
    budget: float


@final
@dataclass(frozen=True, slots=True)
class UpstreamTls:
    """TLS towards endpoints. An empty `ca` is the system's, an empty `server_name` the endpoint's host.

    `digest` changes with the bytes of the files.
    """

    ca: str = ""
    server_name: str = ""
    certificate: Certificate | None = None
    digest: bytes = b""


@final
@dataclass(frozen=True, slots=True)
class UpstreamSettings:
    """A named set of endpoints with one connection policy. `host` is preserve, endpoint, or a name."""

    name: str
    endpoints: tuple[Address, ...]
    host: str
    balance: Literal["round_robin", "least_pending", "p2c"] | Hash
    pool: Pool
    connect: float
    response: float
    idle: float
    health: Health | None = None
    outlier: Outlier | None = None
    retry: Retry | None = None
    tls: UpstreamTls = UpstreamTls()


@final
@dataclass(frozen=True, slots=True)
class Slo:
    """One service level objective: the share `target` of the requests of 30 days has to be good.

    It is for the upstream `service`: for its one route of the id `route`, or where that is empty for all of
    its routes but those of the ids `excluded`. Good is an answer that is not 5xx, or, where there is `below`,
    one that takes at most so many seconds.
    """

    service: str
    route: str
    excluded: tuple[str, ...]
    target: float
    below: float | None = None


@final
@dataclass(frozen=True, slots=True)
class Traces:
    """Where spans go; `sample` is the share of requests, from 0 to 1.

    Where the endpoint is empty, and the protocol or the share None, the environment has a say.
    """

    endpoint: str
    protocol: Literal["http/protobuf", "grpc"] | None
    sample: float | None
    baggage: tuple[str, ...]


@final
@dataclass(frozen=True, slots=True)
class AccessLog:
    """Where a line a request goes; an empty `path` is standard output."""

    format: Literal["json", "none"]
    path: str


Level = Literal["debug", "info", "warning", "error"]


@final
@dataclass(frozen=True, slots=True)
class Log:
    """How the program's own log is written, and from which level on."""

    format: Literal["auto", "text", "json"]
    level: Level


@final
@dataclass(frozen=True, slots=True)
class Telemetry:
    """What the gateway says about itself; `decisions` is how many of the last requests it can explain."""

    traces: Traces
    access_log: AccessLog
    log: Log
    decisions: int


@final
@dataclass(frozen=True, slots=True, eq=False)
class Snapshot:
    """The whole configuration, compiled; `version` is a digest of every one of the `files` it was made from.

    With `watch` another one is loaded as soon as one of these changes. `workers` is the number of processes
    that serve; auto, one for each core. `secrets` are parameters of queries that hold tokens: no log tells
    their values. `specs` are what it was compiled from, for those who ask what serves: secrets stand in them.
    `made` is when that was, in seconds since 1970.
    """

    version: str
    files: tuple[Path, ...]
    watch: bool
    name: str
    listeners: tuple[Listener, ...]
    admin: Admin
    limits: Limits
    timeouts: Timeouts
    telemetry: Telemetry
    upstreams: Mapping[str, UpstreamSettings]
    routes: tuple[Route, ...]
    router: Router
    secrets: tuple[str, ...]
    specs: "Specs" = field(repr=False)
    made: float
    slos: tuple[Slo, ...] = ()
    workers: int | Literal["auto"] = 1

    @property
    def latency_thresholds(self) -> tuple[float, ...]:
        """The seconds that objectives draw a line at, in order: histograms need a bucket that ends there."""
        return tuple(sorted({slo.below for slo in self.slos if slo.below is not None}))
