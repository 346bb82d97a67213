"""What a file says, as those may read it who run the gateway: with `***` where a secret could stand.

Each value is judged by its key in the schema, and only what is known to hold no secret is told: a key that is
new to this module is masked. What `${...}` put in came from where secrets are kept, so of that only numbers,
closed words and addresses are told.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from types import UnionType
from typing import Annotated, Any, Final, Literal, Union, final, get_args, get_origin

from pydantic.fields import FieldInfo

from gateway.config import values
from gateway.config.interpolation import Resolved
from gateway.config.scalar import core
from gateway.config.schema.gateway import GatewaySpec
from gateway.config.schema.model import Reads, Spec
from gateway.config.schema.policies import PoliciesSpec
from gateway.config.schema.routes import RouteSpec
from gateway.config.schema.upstream import probe_path, request_part

MASK: Final = "***"

# Functions that read a text into what holds no secret, wherever the text comes from.
_HARMLESS: Final = frozenset(
    (
        *(values.duration, values.pause, values.moment, values.size, values.rate, values.percent),
        *(values.target, values.network, values.listening, values.endpoint, values.method),
    )
)
# The same for a text that stands in the file itself: names, and what is public by its nature.
_PLAIN: Final = _HARMLESS | frozenset(
    (
        *(values.name, values.partition, values.chooser, values.origin, values.site, values.host),
        *(values.server_name, values.permission, values.grant, values.scope, values.media_type),
        *(values.field_name, values.own_field, values.prefix, request_part),
    )
)
# What is told up to its query, and, where it comes from outside, up to its path.
_LOCATIONS: Final = frozenset((values.url, probe_path))

# Keys whose free text is told if it stands in the file: paths of files, names, and what every client gets.
_FREE: Final = frozenset(
    (
        *("CertificateSpec.certificate", "CertificateSpec.key", "ListenerTlsSpec.client_ca"),
        *("UpstreamTlsSpec.ca", "UpstreamTlsSpec.certificate", "UpstreamTlsSpec.key"),
        *("ApiKeysSpec.file", "BasicUsersSpec.file", "AccessLogSpec.path", "GatewaySpec.policies"),
        *("ValidateSpec.schema", "ValidateSpec.openapi", "ValidateSpec.query"),
        *("IntrospectionSpec.client_id", "IssuerSpec.audience", "TracesSpec.baggage"),
        *("ClaimsSpec.subject", "ClaimsSpec.roles", "ClaimsSpec.scopes"),
        *("HeadersSpec.set", "HeadersSpec.default", "HeadersSpec.remove", "RespondSpec.body"),
        *("AllowSpec.when", "MatchSpec.path", "RedirectSpec.to", "RewriteSpec.path"),
    )
)
# Credentials before a host, however broken the URL; a key or a certificate in the place of its path.
_USER: Final = re.compile(r"//.*@", re.DOTALL)
_PEM: Final = "-----BEGIN"
_AUTHORITY: Final = re.compile(r"https?://(\[[0-9A-Fa-f:.]+\]|[0-9A-Za-z._-]+)(:[0-9]{1,5})?(?![^/?#])")


def masked_gateway(data: object) -> object:
    """What stands in gateway.yaml, with what holds by default where it says nothing."""
    return _told(_Key("", GatewaySpec), data)


def masked_policies(data: object) -> object:
    """The same for a file of policies."""
    return _told(_Key("", PoliciesSpec), data)


def masked_key(name: str, value: object) -> object:
    """The value of one key of a route, its own or that of a default."""
    field = next((each for key, each in _fields(RouteSpec) if key == name), None)
    return MASK if field is None else _member(RouteSpec, name, field, value)


def bare(url: str) -> str:
    """A URL up to its host and port, and what follows masked."""
    found = _AUTHORITY.match(url)
    if found is None:
        return MASK
    return found[0] if url.removesuffix("/") == found[0] else f"{found[0]}/{MASK}"


@final
@dataclass(frozen=True, slots=True)
class _Key:
    """Where a value stands: the key that holds it, as `Spec.key`, its shape, and what reads its text."""

    name: str
    shape: Any
    reads: Callable[[str], object] | None = None


def _told(key: _Key, value: object) -> object:
    fitting = [each for each in _shapes(key) if _fits(each.shape, value)]
    if not fitting:
        return MASK
    if isinstance(value, dict):
        return _mapping(fitting, value)
    if isinstance(value, list | tuple):
        (item, *_) = get_args(fitting[0].shape)
        return [_told(replace(key, shape=item), each) for each in value]
    told = [_scalar(each, value) for each in fitting]
    # Where a text may mean two things, the stricter view counts.
    return MASK if MASK in told else told[0]


def _shapes(key: _Key) -> Iterator[_Key]:
    """What may stand at a key, one by one."""
    origin, arguments = get_origin(key.shape), get_args(key.shape)
    if origin is Annotated:
        reads = next((note.parse for note in arguments[1:] if isinstance(note, Reads)), key.reads)
        if reads is not None:
            yield replace(key, shape=str, reads=reads)
        elif not any(isinstance(note, FieldInfo) and not note.repr for note in arguments[1:]):
            yield from _shapes(replace(key, shape=arguments[0]))
    elif origin in (Union, UnionType):
        for member in arguments:
            yield from _shapes(replace(key, shape=member))
    else:
        yield key


def _fits(shape: Any, value: object) -> bool:
    origin = get_origin(shape)
    if isinstance(value, dict):
        return origin is dict or (isinstance(shape, type) and issubclass(shape, Spec))
    if isinstance(value, list | tuple):
        return origin is tuple
    return origin is Literal or shape in (str, int, float, bool)


def _mapping(shapes: list[_Key], value: dict[str, object]) -> object:
    first = shapes[0]
    if get_origin(first.shape) is dict:
        item = get_args(first.shape)[1]
        return {name: _told(replace(first, shape=item), each) for name, each in value.items()}
    names = value.keys()
    spec = next((each.shape for each in shapes if names <= {key for key, _ in _fields(each.shape)}), None)
    # Beside its own keys a choice of tiers has one for each value: names of tiers, all of them.
    spec = spec or next((each.shape for each in shapes if each.shape.model_config["extra"] == "allow"), None)
    return MASK if spec is None else _members(spec, value)


def _members(spec: type[Spec], value: dict[str, object]) -> dict[str, object]:
    fields = dict(_fields(spec))
    told: dict[str, object] = {}
    for name, each in value.items():
        if name in fields:
            told[name] = _member(spec, name, fields[name], each)
        else:
            more = get_args(spec.__annotations__["__pydantic_extra__"])
            told[name] = _told(_Key("", more[1]), each)
    return told | {name: usual for name, usual in _usual(spec) if name not in value}


def _usual(spec: type[Spec]) -> Iterator[tuple[str, object]]:
    """What holds where a file does not say it; what is empty goes without saying."""
    for name, field in _fields(spec):
        if not field.is_required() and field.repr:
            usual = _member(spec, name, field, field.default)
            if usual not in (None, "", [], {}, MASK):
                yield name, usual


def _member(spec: type[Spec], name: str, field: FieldInfo, value: object) -> object:
    if not field.repr:
        return MASK
    reads = next((note.parse for note in field.metadata if isinstance(note, Reads)), None)
    return _told(_Key(f"{spec.__name__}.{name}", field.annotation if reads is None else str, reads), value)


def _fields(spec: type[Spec]) -> Iterator[tuple[str, FieldInfo]]:
    """The keys of a mapping as files spell them."""
    for name, field in spec.model_fields.items():
        yield field.alias or name, field


def _scalar(key: _Key, value: object) -> object:
    if key.shape is not str:
        # A closed word or a number, also where it came as a text.
        return core(value) if isinstance(value, Resolved) else value
    if not isinstance(value, str):
        return MASK
    if key.reads in _LOCATIONS:
        return _location(value)
    if isinstance(value, Resolved):
        return str(value) if key.reads in _HARMLESS else MASK
    if key.reads in _PLAIN or (key.reads is None and key.name in _FREE):
        return MASK if _PEM in value else _USER.sub(f"//{MASK}@", value)
    return MASK


def _location(value: str) -> str:
    if isinstance(value, Resolved):
        return bare(value)
    path, mark, _ = value.partition("?")
    return path + (f"?{MASK}" if mark else "")
