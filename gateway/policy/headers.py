"""Security headers: how a route's own words change its preset, and what is wrong with those words.

A field is `set` (replaces the backend's), `default` (only where the backend sent none) or removed. All is
decided at load: a response costs the look-ups of its own fields and one constant block.
"""

import re
from collections.abc import Iterator, Mapping, Sequence

from gateway.http.edits import Edits
from gateway.http.fields import Field
from gateway.policy import csp
from gateway.policy.presets import PRESETS, Preset

__all__ = ["PRESETS", "Preset", "compile_headers", "problems"]

_HSTS = "strict-transport-security"

_NAME = re.compile(r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+")
_VALUE = re.compile(r"[!-~](?:[ \t!-~]*[!-~])?")

# Written by the gateway for every message, or merged from several sources: a constant would break them.
_OURS = (
    "connection content-encoding content-length date keep-alive proxy-authenticate proxy-connection te "
    "trailer transfer-encoding upgrade vary via x-request-id"
)
_OF_CORS = (
    "access-control-allow-credentials access-control-allow-headers access-control-allow-methods "
    "access-control-allow-origin access-control-expose-headers access-control-max-age"
)
_MANAGED = dict.fromkeys(_OURS.split(), "the gateway") | dict.fromkeys(_OF_CORS.split(), "the cors policy")

# Fields whose value browsers ignore altogether unless it is one of these.
_CLOSED = {
    "cross-origin-opener-policy": [
        *("unsafe-none", "same-origin-allow-popups", "same-origin", "noopener-allow-popups")
    ],
    "cross-origin-embedder-policy": ["unsafe-none", "require-corp", "credentialless"],
    "cross-origin-resource-policy": ["same-site", "same-origin", "cross-origin"],
    "origin-agent-cluster": ["?0", "?1"],
    "x-content-type-options": ["nosniff"],
    "x-frame-options": ["deny", "sameorigin"],
}
_REFERRER = [
    *("no-referrer", "no-referrer-when-downgrade", "same-origin", "origin", "strict-origin"),
    *("origin-when-cross-origin", "strict-origin-when-cross-origin", "unsafe-url"),
]
_HSTS_DIRECTIVES = ["max-age", "includeSubDomains", "preload"]


def compile_headers(
    preset: str, set: Mapping[str, str], default: Mapping[str, str], remove: Sequence[str]
) -> tuple[Edits, Edits]:
    """The edits for clients on a plain and on a secure connection, in this order.

    What `set`, `default` and `remove` name (in any case; `X-Acme-*` removes by prefix) replaces the preset's
    word on it. The three are expected to have no `problems`. Raises KeyError for an unknown preset.
    """
    base = PRESETS[preset]
    exact = frozenset(name.lower() for name in (*set, *default, *remove))
    prefixes = tuple(name[:-1].lower() for name in remove if name.endswith("*"))

    def stands(name: str) -> bool:
        return name.lower() not in exact and not name.lower().startswith(prefixes)

    setting = {name: value for name, value in base.set.items() if stands(name)} | dict(set)
    defaults = {name: value for name, value in base.default.items() if stands(name)} | dict(default)
    removed = (*filter(stands, base.remove), *remove)
    return _plain(setting, defaults, removed), _edits(setting, defaults, removed)


def _plain(setting: Mapping[str, str], defaults: Mapping[str, str], removed: Sequence[str]) -> Edits:
    # RFC 6797 7.2: "An HSTS Host MUST NOT include the STS header field in HTTP responses conveyed over
    # non-secure transport." Where we speak of it at all, that holds for the backend's field as well. A host
    # that is an IP address needs no care: browsers ignore the field there (RFC 6797 8.1.1).
    if _HSTS not in map(str.lower, (*setting, *defaults)):
        return _edits(setting, defaults, removed)
    return _edits(_without_hsts(setting), _without_hsts(defaults), (*removed, _HSTS))


def _without_hsts(values: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in values.items() if name.lower() != _HSTS}


def _edits(setting: Mapping[str, str], defaults: Mapping[str, str], removed: Sequence[str]) -> Edits:
    return Edits(_fields(setting), _fields(defaults), [name.encode("ascii") for name in removed])


def _fields(values: Mapping[str, str]) -> Iterator[Field]:
    return ((name.encode("ascii"), value.encode("ascii")) for name, value in values.items())


def problems(
    set: Mapping[str, str], default: Mapping[str, str], remove: Sequence[str] = ()
) -> list[tuple[str, str]]:
    """Each fault as (field name, "expected X, got Y"), in the order of the arguments."""
    found = [
        (name, text)
        for values in (set, default)
        for name, value in values.items()
        for text in (*_name_problems(name), *_value_problems(name, value))
    ]
    found += [(name, text) for name in remove for text in _removal_problems(name)]
    return found + list(_repeated([*set, *default, *remove]))


def _name_problems(name: str) -> Iterator[str]:
    if not _NAME.fullmatch(name):
        yield f"expected a field name (RFC 9110 5.6.2), got {name!a}"
    elif name.lower() in _MANAGED:
        yield f"expected a field that {_MANAGED[name.lower()]} does not manage, got {name}"


def _removal_problems(name: str) -> Iterator[str]:
    if not name.endswith("*"):
        yield from _name_problems(name)
        return
    prefix = name[:-1].lower()
    covered = next((managed for managed in _MANAGED if managed.startswith(prefix)), None)
    if covered is not None:
        yield f"expected a prefix that {_MANAGED[covered]} manages nothing of, got {name}, as in {covered}"
    elif not _NAME.fullmatch(prefix):
        yield f"expected the beginning of a field name and *, got {name!a}"


def _repeated(names: Sequence[str]) -> Iterator[tuple[str, str]]:
    seen: dict[str, str] = {}
    for name in names:
        first = seen.get(name.lower())
        if first is not None:
            yield name, f"expected each field once in set, default and remove, got {first} and {name}"
        seen[name.lower()] = name


def _value_problems(name: str, value: str) -> Iterator[str]:
    field = name.lower()
    if not _VALUE.fullmatch(value):
        yield f"expected visible ASCII without white space around it, got {value!a}"
    elif field.startswith("content-security-policy"):
        yield from csp.problems(value)
    elif field == _HSTS:
        yield from _hsts_problems(value)
    elif field == "referrer-policy":
        # A list: browsers take the last member they know.
        words = [word.strip() for word in value.split(",")]
        yield from (f"expected {_either(_REFERRER)}, got {word}" for word in words if word not in _REFERRER)
    elif field in _CLOSED:
        # Cross-Origin-* are structured: their words have a case and a parameter, `; report-to="name"`.
        word = value.partition(";")[0].rstrip() if field.startswith("cross-origin-") else value.lower()
        if word not in _CLOSED[field]:
            yield f"expected {_either(_CLOSED[field])}, got {value}"


def _hsts_problems(value: str) -> Iterator[str]:
    # RFC 6797 6.1. Names are held to their published spelling, so that a near miss is never a silent one.
    names = []
    for directive in filter(None, map(str.strip, value.split(";"))):
        name, _, seconds = directive.partition("=")
        if name == "max-age" and not seconds.isdecimal():
            yield f"expected max-age=SECONDS, got {directive}"
        elif name not in _HSTS_DIRECTIVES:
            known = csp.nearest(name, _HSTS_DIRECTIVES, _either(_HSTS_DIRECTIVES))
            yield f"expected {known}, got {directive}"
        names.append(name)
    if "max-age" not in names:
        yield f"expected max-age=SECONDS, got {value}"
    if len(names) != len(frozenset(names)):
        yield f"expected each directive once, got {value}"


def _either(words: Sequence[str]) -> str:
    return " or ".join(words)
