"""What a configuration says of a step, as something that two configurations can be compared by.

Whatever stands behind a name is a part of it: a tier, an issuer, a cors policy, the text of a document.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from hashlib import sha256
from typing import Final, final

from gateway.config.schema.identity import IssuerSpec
from gateway.config.schema.named import CorsSpec
from gateway.config.schema.routes import ChargeSpec, ChoiceSpec, DefaultsSpec, RouteSpec
from gateway.rehearsal import Stage
from gateway.routing import Route

_PUBLIC: Final = "public"
_SUB: Final = "sub"


@final
@dataclass(frozen=True, slots=True)
class Proofs:
    """The methods of `auth` in their order, each with all that it is made from; `optional` admits nobody."""

    methods: tuple[tuple[str, object], ...]
    optional: bool

    @property
    def tell_sub(self) -> bool:
        """Whether a principal's subject is the claim `sub` whichever of them verified it."""
        return all(isinstance(spec, IssuerSpec) and spec.claims.subject == _SUB for _, spec in self.methods)


def spec_of(stage: Stage, route: Route) -> DefaultsSpec:
    """What holds on a route; for what no route takes the defaults of gateway.yaml."""
    entry = stage.entries.get(route.id)
    return entry.spec if entry is not None else stage.specs.gateway.defaults


@final
@dataclass(frozen=True, slots=True)
class Tiers:
    """What a request is counted by: each item of `quota` with the tiers that it names, and where."""

    items: tuple[tuple[object, tuple[object, ...]], ...]
    store: object


def cors_of(stage: Stage, spec: DefaultsSpec) -> CorsSpec | None:
    """The cors policy, in place or by its name."""
    return stage.specs.cors[spec.cors] if isinstance(spec.cors, str) else spec.cors


def said(stage: Stage, route: Route, name: str) -> object:
    """What holds for the step of that name on a route."""
    spec = spec_of(stage, route)
    tell = _TELL.get(name)
    if tell is not None:
        return tell(stage, spec)
    # One that nobody here knows: what its key says, wherever that stands.
    entry = stage.entries.get(route.id)
    return entry.said.get(name) if entry is not None else stage.specs.tree.at(("defaults", name))


def _allow(stage: Stage, spec: DefaultsSpec) -> object:
    """What of a demand cannot be judged here: its permissions and roles can."""
    said = spec.allow
    return (said.scopes, said.when, _path(spec)) if said is not None else None


def proofs_of(stage: Stage, spec: DefaultsSpec) -> Proofs:
    """The methods that hold."""
    names = (spec.auth,) if isinstance(spec.auth, str) else spec.auth or ()
    methods = tuple((name, _method(stage, name)) for name in names if name != _PUBLIC)
    return Proofs(methods, _PUBLIC in names)


def _method(stage: Stage, name: str) -> object:
    gateway, credentials = stage.specs.gateway, stage.specs.credentials
    own: Mapping[str, Callable[[], object]] = {
        "api_key": lambda: (gateway.api_keys, credentials.keys),
        "basic": lambda: (gateway.basic_users, credentials.users),
        "mtls": lambda: (gateway.certificates, [listener.tls for listener in gateway.listeners]),
    }
    if name in own:
        return own[name]()
    return gateway.issuers.get(name) or gateway.forward_auth.get(name)


def _csrf(stage: Stage, spec: DefaultsSpec) -> object:
    return spec.csrf if spec.csrf is not None else "auto"


def _limits(stage: Stage, spec: DefaultsSpec) -> object:
    return spec.limits.body if spec.limits is not None else stage.specs.gateway.limits.body


def _quota(stage: Stage, spec: DefaultsSpec) -> Tiers:
    items = spec.quota or ()
    tiers = stage.specs.tiers
    named = [tuple(tiers[name] for name in _names(item)) for item in items]
    return Tiers(tuple(zip(items, named, strict=True)), stage.specs.gateway.quota_store)


def _names(item: str | ChargeSpec | ChoiceSpec) -> tuple[str, ...]:
    if isinstance(item, ChoiceSpec):
        return (*item.values.values(), item.otherwise)
    return (item.tier if isinstance(item, ChargeSpec) else item,)


def _validate(stage: Stage, spec: DefaultsSpec) -> object:
    said = spec.validate_
    if said is None:
        return None
    source = _source(stage, spec)
    named = [name for name in (said.schema_, said.openapi, said.query) if name]
    texts = [sha256(repr(stage.specs.documents.data(source, name)).encode()).digest() for name in named]
    # An operation is looked up by the path that the service sees.
    where = (_path(spec), spec.prefix, spec.rewrite) if isinstance(spec, RouteSpec) else None
    return said.model_copy(update={"schema_": None, "openapi": None, "query": None}), texts, where


def _source(stage: Stage, spec: DefaultsSpec) -> str:
    if isinstance(spec, RouteSpec):
        return stage.entries[spec.id].sources["validate"]
    return stage.specs.tree.source(("defaults", "validate"))


def _path(spec: DefaultsSpec) -> str:
    return (spec.prefix or "") + spec.match.path if isinstance(spec, RouteSpec) else ""


_TELL: Final[Mapping[str, Callable[[Stage, DefaultsSpec], object]]] = {
    "allow": _allow,
    "auth": proofs_of,
    "cors": cors_of,
    "csrf": _csrf,
    "limits": _limits,
    "quota": _quota,
    "validate": _validate,
}
