"""Specs -> Snapshot: whatever can be decided before a request comes is decided here.

The specs have no problems left; what this module raises would be a mistake of its own.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import final

from gateway.config import objectives
from gateway.config.credentials import Credentials
from gateway.config.documents import Documents
from gateway.config.entry import Entry
from gateway.config.identity import Authentications
from gateway.config.pem import Pem
from gateway.config.quotas import Quotas
from gateway.config.schema.gateway import GatewaySpec, ListenerSpec, ListenerTlsSpec, TelemetrySpec
from gateway.config.schema.named import CorsSpec, HeadersSpec, RoleSpec, TierSpec
from gateway.config.schema.routes import (
    AllowSpec,
    ClientsSpec,
    DefaultsSpec,
    RequestHeadersSpec,
    RespondSpec,
    RouteSpec,
    TrustedSpec,
)
from gateway.config.schema.upstream import HashSpec, RetrySpec, UpstreamSpec, UpstreamTlsSpec
from gateway.config.snapshot import (
    AccessLog,
    Admin,
    Certificate,
    Health,
    Limits,
    Listener,
    ListenerTls,
    Log,
    Outlier,
    Pool,
    Retry,
    Snapshot,
    Telemetry,
    Timeouts,
    Traces,
    UpstreamSettings,
    UpstreamTls,
)
from gateway.config.tree import Tree
from gateway.config.validation import Validation, looked_at
from gateway.http.edits import Edits
from gateway.http.path import PathRules
from gateway.http.reason import Reason
from gateway.http.reply import Body, Reply, problem
from gateway.policy import Pipeline, Policy
from gateway.policy.allow import Allow, Demand
from gateway.policy.compress import NOTED, VARY, Compress
from gateway.policy.condition import condition
from gateway.policy.cors import STRIPPED, Cors, Handshakes, Terms, Trial, constant
from gateway.policy.csrf import Csrf
from gateway.policy.guard import Clients, DeclaredLength
from gateway.policy.headers import compile_headers
from gateway.policy.ports import Ports
from gateway.policy.report import Reported
from gateway.policy.roles import Role, Roles
from gateway.routing import Forward, Redirect, Route, Router, template, variables

_PLAIN_TEXT = b"text/plain; charset=utf-8"
_DEFAULT_PRESET = "helmet"


@final
@dataclass(frozen=True, slots=True)
class Specs:
    """Everything that the files say: gateway.yaml, policies with a name, keys, users, routes, documents.

    `tree` is that of gateway.yaml, `policies` are those of policies, `trees` those of all files with keys;
    `files` are all that were read, `version` is a digest of their bytes and of what `${...}` gave.
    """

    tree: Tree
    policies: tuple[Tree, ...]
    trees: tuple[Tree, ...]
    gateway: GatewaySpec
    headers: Mapping[str, HeadersSpec]
    cors: Mapping[str, CorsSpec]
    roles: Mapping[str, RoleSpec]
    credentials: Credentials
    tiers: Mapping[str, TierSpec]
    entries: tuple[Entry, ...]
    pem: Pem
    documents: Documents
    files: tuple[Path, ...]
    version: str


def compile_snapshot(specs: Specs, ports: Ports) -> Snapshot:
    """The frozen Snapshot of specs that load; its policies ask `ports` for what they cannot know."""
    gateway = specs.gateway
    compiler = _Compiler(specs, ports)
    routes = [(entry.match, compiler.route(entry)) for entry in specs.entries]
    return Snapshot(
        version=specs.version,
        files=specs.files,
        watch=gateway.watch,
        name=gateway.name,
        listeners=tuple(_listener(spec, specs.pem) for spec in gateway.listeners),
        admin=Admin(gateway.admin.address, gateway.admin.token or "", gateway.admin.cors.allow_origins),
        limits=Limits(**dict(gateway.limits)),
        timeouts=Timeouts(**dict(gateway.timeouts)),
        telemetry=_telemetry(gateway.telemetry),
        upstreams={name: _upstream(name, spec, specs.pem) for name, spec in gateway.upstreams.items()},
        routes=tuple(route for _, route in routes),
        router=Router(routes, compiler.unmatched(), compiler.refuse_method),
        secrets=tuple(issuer.token.query for issuer in gateway.issuers.values() if issuer.token.query),
        specs=specs,
        made=ports.wall(),
        slos=objectives.slos(specs.entries),
        workers=gateway.workers,
    )


@final
@dataclass(frozen=True, slots=True)
class _Asked:
    """What the policies of a route are made from: its spec, its id, the variables of its path, where each key
    was said, and where its requests go."""

    spec: DefaultsSpec
    route: str
    variables: tuple[str, ...]
    sources: Mapping[str, str]
    target: Forward | Redirect | Reply


@final
class _Compiler:
    """Makes routes. Those whose headers policies are equal share one pair of Edits; so it is with cors."""

    def __init__(self, specs: Specs, ports: Ports) -> None:
        self._specs = specs
        self._authentications = Authentications(specs.gateway, specs.credentials, ports)
        self._quotas = Quotas(specs.tiers, specs.gateway.quota_store, ports)
        self._edits: dict[tuple[str, CorsSpec | None, bool], tuple[Edits, Edits]] = {}
        self._cors: dict[tuple[CorsSpec, str], Cors] = {}
        roles = specs.roles.items()
        self._roles = Roles({name: Role(role.permissions, role.inherits) for name, role in roles})

    def route(self, entry: Entry) -> Route:
        spec, names, target = entry.spec, variables(entry.match.path), self._target(entry)
        asked = _Asked(spec, spec.id, names, entry.sources, target)
        return Route(
            id=spec.id,
            source=entry.source,
            pattern=entry.match.path,
            methods=spec.match.methods,
            variables=names,
            upgrades="websocket" in spec.upgrade,
            pipeline=self._pipeline(asked),
            edits=self._edits_of(spec),
            body_limit=self._body_limit(asked),
            target=target,
            answers_preflights=self._cors_in_force(spec) is not None,
            operation=spec.operation or "",
        )

    def unmatched(self) -> Route:
        """The route of what no route takes."""
        return self._own_route("_unmatched", problem(404, Reason.NO_ROUTE, "There is nothing here."))

    def refuse_method(self, allow: bytes) -> Route:
        """The route of a method that a path does not have; `allow` is the value of the `Allow` field."""
        detail = "This resource does not have the method."
        reply = problem(405, Reason.METHOD_NOT_ALLOWED, detail, (b"Allow", allow))
        return self._own_route("_method_not_allowed", reply)

    def _own_route(self, id: str, reply: Reply) -> Route:
        tree = self._specs.tree
        # Who asks for what is not there is not asked who he is: there is nothing to protect.
        spec = self._specs.gateway.defaults.model_copy(update={"auth": "public"})
        sources = {name: tree.source(("defaults", name)) for name in spec.model_fields_set}
        asked = _Asked(spec, id, (), sources, reply)
        return Route(
            id=id,
            source=tree.source(("defaults",)),
            pattern="",
            methods=(),
            variables=(),
            upgrades=False,
            pipeline=self._pipeline(asked),
            edits=self._edits_of(spec),
            body_limit=self._body_limit(asked),
            target=reply,
            answers_preflights=self._cors_in_force(spec) is not None,
        )

    def _pipeline(self, asked: _Asked) -> Pipeline:
        on_trial = asked.spec.report or ()
        policies = self._policies(asked)
        return Pipeline(tuple(Reported(each) if each.name in on_trial else each for each in policies))

    def _policies(self, asked: _Asked) -> Iterator[Policy]:
        """The policies of a route in the order of the design, which no file can change."""
        spec, sources = asked.spec, asked.sources
        yield from self._cors_policies(spec, sources)
        if spec.clients is not None and spec.clients != ClientsSpec():
            yield Clients(spec.clients.allow, spec.clients.deny, sources["clients"])
        by_address, by_principal = self._quotas.of(spec.quota or (), asked.route, sources.get("quota", ""))
        yield from by_address
        limits = sources.get("limits") or self._specs.tree.source(("limits", "body"))
        yield DeclaredLength(self._limit(spec), limits)
        validation = self._validation(asked)
        if validation is not None:
            yield from validation.of_head()
        if spec.csrf != "off":
            trusted = spec.csrf.trusted if isinstance(spec.csrf, TrustedSpec) else ()
            yield Csrf(trusted, sources.get("csrf") or self._specs.tree.source(("defaults", "csrf")))
        authentication = self._authentications.policy(spec.auth, sources["auth"]) if spec.auth else None
        if authentication is not None:
            yield authentication
        if spec.allow is not None and spec.auth is not None and not spec.is_public:
            nobody = self._authentications.demand(spec.auth)
            yield Allow(self._demand(spec.allow, asked.variables), sources["allow"], nobody)
        yield from by_principal
        if spec.compress:
            yield Compress(_replaced(spec.request_headers), sources["compress"])
        # Last: a body is asked for when everybody else has agreed.
        if validation is not None:
            yield from validation.of_message()

    def _demand(self, spec: AllowSpec, names: tuple[str, ...]) -> Demand:
        return Demand(
            permissions=tuple(map(self._roles.granting, spec.permissions or ())),
            roles=frozenset(spec.roles or ()),
            scopes=spec.scopes or (),
            when=condition(spec.when, names) if spec.when is not None else None,
        )

    def _validation(self, asked: _Asked) -> Validation | None:
        said, target = asked.spec.validate_, asked.target
        if said is None or not isinstance(target, Forward):
            return None
        limit, source = self._limit(asked.spec), asked.sources["validate"]
        return Validation(said, self._specs.documents, source, limit, target)

    def _limit(self, spec: DefaultsSpec) -> int:
        return spec.limits.body if spec.limits is not None else self._specs.gateway.limits.body

    def _body_limit(self, asked: _Asked) -> int:
        """What a body is counted by while it passes; a validation on trial lets pass what is too large."""
        limit, said = self._limit(asked.spec), asked.spec.validate_
        if said is None or not isinstance(asked.target, Forward) or "validate" in (asked.spec.report or ()):
            return limit
        return min(limit, looked_at(said, limit))

    def _cors_policies(self, spec: DefaultsSpec, sources: Mapping[str, str]) -> Iterator[Policy]:
        said = self._cors_spec(spec)
        if said is None:
            return
        key = said, sources["cors"]
        if key not in self._cors:
            self._cors[key] = Cors(Terms(**dict(said)), sources["cors"])
        cors = self._cors[key]
        if self._cors_in_force(spec) is None:
            yield Trial(cors)
            return
        yield cors
        if isinstance(spec, RouteSpec) and spec.upgrade and not cors.origins.any:
            yield Handshakes(cors)

    def _cors_in_force(self, spec: DefaultsSpec) -> CorsSpec | None:
        return None if "cors" in (spec.report or ()) else self._cors_spec(spec)

    def _cors_spec(self, spec: DefaultsSpec) -> CorsSpec | None:
        return self._specs.cors[spec.cors] if isinstance(spec.cors, str) else spec.cors

    def _edits_of(self, spec: DefaultsSpec) -> tuple[Edits, Edits]:
        headers, cors = headers_in_force(spec.headers, self._specs.headers), self._cors_in_force(spec)
        key = headers.model_dump_json(), cors, bool(spec.compress)
        if key not in self._edits:
            plain, secure = compile_headers(headers.preset, headers.set, headers.default, headers.remove)
            if cors is not None:
                added = constant(Terms(**dict(cors)))
                plain, secure = plain.and_also(added, STRIPPED), secure.and_also(added, STRIPPED)
            if spec.compress:
                depends = ((b"Vary", VARY),)
                plain, secure = plain.and_also(depends, noted=NOTED), secure.and_also(depends, noted=NOTED)
            self._edits[key] = plain, secure
        return self._edits[key]

    def _target(self, entry: Entry) -> Forward | Redirect | Reply:
        spec = entry.spec
        if spec.redirect is not None:
            return Redirect(template(spec.redirect.to, variables(entry.match.path)), spec.redirect.status)
        if spec.respond is not None:
            return _reply(spec.respond)
        return self._forward(entry)

    def _forward(self, entry: Entry) -> Forward:
        spec = entry.spec
        name = spec.upstream or ""
        usual, timeouts, fields = (
            self._specs.gateway.upstreams[name].timeouts,
            spec.timeouts,
            spec.request_headers,
        )
        setting = fields.set if fields is not None else {}
        rewrite = (
            template(spec.rewrite.path, variables(entry.match.path)) if spec.rewrite is not None else None
        )
        return Forward(
            upstream=name,
            prefix=(spec.prefix or "").encode(),
            rewrite=rewrite,
            set_fields=tuple((name.encode(), value.encode()) for name, value in setting.items()),
            remove_fields=_replaced(fields),
            response=(timeouts.response if timeouts else None) or usual.response,
            idle=(timeouts.idle if timeouts else None) or usual.idle,
        )


def headers_in_force(said: str | HeadersSpec | None, named: Mapping[str, HeadersSpec]) -> HeadersSpec:
    """The headers policy of a route: in place, by its name among `named`, or that of a preset."""
    if isinstance(said, HeadersSpec):
        return said
    policy = named.get(said) if said else None
    return policy or HeadersSpec.model_validate({"preset": said or _DEFAULT_PRESET})


def _replaced(fields: RequestHeadersSpec | None) -> frozenset[bytes]:
    """Lower-case names of the fields that do not reach the backend as the client sent them."""
    names = (*fields.set, *fields.remove) if fields is not None else ()
    return frozenset(name.lower().encode() for name in names)


def _reply(spec: RespondSpec) -> Reply:
    return Reply(spec.status, None, (), Body(_PLAIN_TEXT, spec.body.encode()))


def _listener(spec: ListenerSpec, pem: Pem) -> Listener:
    path = PathRules(spec.path.slashes, spec.path.semicolon, spec.path.encoded_slash)
    tls = _listener_tls(spec.tls, pem) if spec.tls else None
    return Listener(
        spec.address, spec.trusted_proxies, spec.forwarded_by, path, tls, trace_context=spec.trace_context
    )


def _telemetry(spec: TelemetrySpec) -> Telemetry:
    traces = spec.traces
    return Telemetry(
        traces=Traces(traces.endpoint or "", traces.protocol, traces.sample, traces.baggage),
        access_log=AccessLog(spec.access_log.format, spec.access_log.path),
        log=Log(spec.log.format, spec.log.level),
        decisions=spec.decisions,
    )


def _listener_tls(spec: ListenerTlsSpec, pem: Pem) -> ListenerTls:
    return ListenerTls(
        certificates=tuple(_certificate(each.certificate, each.key, pem) for each in spec.certificates),
        min_version=spec.min_version,
        client_ca=pem.path(spec.client_ca) if spec.client_ca else "",
        client_auth=spec.client_auth,
    )


def _certificate(chain: str, key: str, pem: Pem) -> Certificate:
    leaf = pem.leaves[chain]
    return Certificate(pem.path(chain), pem.path(key), leaf.names, leaf.expires)


def _upstream(name: str, spec: UpstreamSpec, pem: Pem) -> UpstreamSettings:
    return UpstreamSettings(
        name=name,
        endpoints=spec.endpoints,
        host=spec.host,
        balance=spec.balance.hash if isinstance(spec.balance, HashSpec) else spec.balance,
        pool=Pool(**dict(spec.pool)),
        connect=spec.timeouts.connect,
        response=spec.timeouts.response,
        idle=spec.timeouts.idle,
        health=Health(**dict(spec.health)) if spec.health else None,
        outlier=Outlier(**dict(spec.outlier)) if spec.outlier else None,
        retry=_retry(spec.retry) if spec.retry else None,
        tls=_upstream_tls(spec.tls, pem) if spec.tls else UpstreamTls(),
    )


def _upstream_tls(spec: UpstreamTlsSpec, pem: Pem) -> UpstreamTls:
    certificate, digest = None, pem.digest(spec.ca, spec.certificate, spec.key)
    if spec.certificate and spec.key:
        certificate = _certificate(spec.certificate, spec.key, pem)
    return UpstreamTls(pem.path(spec.ca) if spec.ca else "", spec.server_name or "", certificate, digest)


def _retry(spec: RetrySpec) -> Retry:
    return Retry(spec.attempts, frozenset(spec.after), spec.budget)
