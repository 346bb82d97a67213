"""What a file says, as those may read it who run the gateway: with `***` where a secret could stand.

Each value is judged by its key in the schema, and only what is known to hold no secret is told: a key that is
new to this module is masked. What `${...}` put in came from where secrets are kept, so of that only numbers,
closed words and addresses are told.
"""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import cache
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
    return _told((_Shape(spec=GatewaySpec),), data)


def masked_policies(data: object) -> object:
    """The same for a file of policies."""
    return _told((_Shape(spec=PoliciesSpec),), data)


def masked_key(name: str, value: object) -> object:
    """The value of one key of a route, its own or that of a default."""
    return _told(_keys(RouteSpec).get(name, ()), value)


def bare(url: str) -> str:
    """A URL up to its host and port, and what follows masked."""
    found = _AUTHORITY.match(url)
    if found is None:
        return MASK
    return found[0] if url.removesuffix("/") == found[0] else f"{found[0]}/{MASK}"


@final
@dataclass(frozen=True, slots=True)
class _Shape:
    """One of the shapes that a value may have. No shape at all is that of a secret.

    It is a mapping with the keys of `spec`, or with any keys where only `members` are known, or a list of
    `items`; else a scalar. A text is told by what `reads` it, or, where it is free, by `key`; what is neither
    is no text, but a number or a closed word.
    """

    spec: type[Spec] | None = None
    members: "_Shapes | None" = None
    items: "_Shapes | None" = None
    is_text: bool = False
    reads: Callable[[str], object] | None = None
    key: str = ""

    def fits(self, value: object) -> bool:
        """Whether a value, of which the schema has already approved, has this shape."""
        if isinstance(value, dict):
            return self.members is not None or (self.spec is not None and _has(self.spec, value))
        if isinstance(value, list | tuple):
            return self.items is not None
        return self.spec is None and self.members is None and self.items is None


_Shapes = tuple[_Shape, ...]


def _told(shapes: _Shapes, value: object) -> object:
    fitting = [shape for shape in shapes if shape.fits(value)]
    if not fitting:
        return MASK
    shape = fitting[0]
    if isinstance(value, dict):
        if shape.spec is not None:
            return _mapping(shape.spec, value)
        return {name: _told(shape.members or (), each) for name, each in value.items()}
    if isinstance(value, list | tuple):
        return [_told(shape.items or (), each) for each in value]
    told = [_scalar(each, value) for each in fitting]
    # Where a text may mean two things, the stricter view counts.
    return MASK if MASK in told else told[0]


def _mapping(spec: type[Spec], value: Mapping[str, object]) -> dict[str, object]:
    keys, others = _keys(spec), _others(spec)
    told = {name: _told(keys.get(name, others), each) for name, each in value.items()}
    return told | {name: usual for name, usual in _usual(spec).items() if name not in value}


def _scalar(shape: _Shape, value: object) -> object:
    if not shape.is_text:
        # Also where it came as a text.
        return core(value) if isinstance(value, Resolved) else value
    if not isinstance(value, str):
        return MASK
    if shape.reads in _LOCATIONS:
        return _location(value)
    if isinstance(value, Resolved):
        return str(value) if shape.reads in _HARMLESS else MASK
    if shape.reads in _PLAIN or (shape.reads is None and shape.key in _FREE):
        return MASK if _PEM in value else _USER.sub(f"//{MASK}@", value)
    return MASK


def _location(value: str) -> str:
    if isinstance(value, Resolved):
        return bare(value)
    path, mark, _ = value.partition("?")
    return path + (f"?{MASK}" if mark else "")


@cache
def _keys(spec: type[Spec]) -> Mapping[str, _Shapes]:
    """The shapes of each key of a mapping, as files spell it."""
    found = {}
    for name, field in spec.model_fields.items():
        key = field.alias or name
        annotation = Annotated[field.annotation, *field.metadata] if field.metadata else field.annotation
        found[key] = tuple(_shapes(annotation, f"{spec.__name__}.{key}")) if field.repr else ()
    return found


@cache
def _others(spec: type[Spec]) -> _Shapes:
    """The shapes of keys that a mapping may have beside its own, such as the values of a choice of tiers."""
    more = spec.__annotations__.get("__pydantic_extra__")
    return () if more is None else tuple(_shapes(get_args(more)[1], ""))


@cache
def _usual(spec: type[Spec]) -> Mapping[str, object]:
    """What holds where a file does not say it; what is empty goes without saying."""
    found = {}
    for name, field in spec.model_fields.items():
        key = field.alias or name
        usual = None if field.is_required() else _told(_keys(spec)[key], field.default)
        if usual not in (None, "", [], {}, MASK):
            found[key] = usual
    return found


def _has(spec: type[Spec], value: Mapping[str, object]) -> bool:
    return bool(_others(spec)) or value.keys() <= _keys(spec).keys()


def _shapes(annotation: Any, key: str) -> Iterator[_Shape]:
    """What may stand at a key. No shape for what its key keeps unseen, nor for what could be anything."""
    origin, arguments = get_origin(annotation), get_args(annotation)
    if origin is Annotated:
        notes = arguments[1:]
        reads = next((note.parse for note in notes if isinstance(note, Reads)), None)
        if any(isinstance(note, FieldInfo) and not note.repr for note in notes):
            return
        if reads is not None:
            yield _Shape(is_text=True, reads=reads)
        else:
            yield from _shapes(arguments[0], key)
    elif origin in (Union, UnionType):
        for member in arguments:
            yield from _shapes(member, key)
    elif origin is tuple:
        yield _Shape(items=tuple(_shapes(arguments[0], key)))
    elif origin is dict:
        yield _Shape(members=tuple(_shapes(arguments[1], key)))
    elif isinstance(annotation, type) and issubclass(annotation, Spec):
        yield _Shape(spec=annotation)
    elif annotation is str:
        yield _Shape(is_text=True, key=key)
    elif origin is Literal or annotation in (int, float, bool):
        yield _Shape()
