"""Content codings: which one a client gets, and which ones a backend is told that it takes (RFC 9110 12.5.3).

Only codings that we can write ourselves are spoken of. What cannot be understood counts as not accepted, so a
doubt ends with a body as it is.
"""

import re
from dataclasses import dataclass
from typing import Final, final

# The first is taken where a client wants several alike.
CODINGS: Final = (b"zstd", b"br", b"gzip")

_IDENTITY = b"identity"
_ANY = b"*"
# RFC 9110 8.4.1.3: "A recipient SHOULD consider "x-gzip" to be equivalent to "gzip"."
_ALIASES = {b"x-gzip": b"gzip"}
_KNOWN = frozenset([*CODINGS, _IDENTITY, _ANY])
_WEIGHT = re.compile(rb"[ \t]*q=(0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?)[ \t]*")
# A browser's field has some 30 bytes; what is longer is not worth weighing.
_FIELD_AT_MOST = 256


@final
@dataclass(frozen=True, slots=True)
class Accepted:
    """What came of an `Accept-Encoding`: `coding` is the one to write, None for none.

    `narrowed` is the value for the backend: what the client takes of the codings that we know.
    """

    coding: bytes | None
    narrowed: bytes


_NOTHING = Accepted(None, _IDENTITY)


def accepted(value: bytes) -> Accepted:
    """The client's wishes, weighed."""
    if len(value) > _FIELD_AT_MOST:
        return _NOTHING
    weights = _weights(value)
    anything = weights.get(_ANY, 0.0)
    offered = [(coding, weights.get(coding, anything)) for coding in CODINGS]
    best, weight = max(offered, key=lambda offer: offer[1])
    coding = best if weight and weight >= weights.get(_IDENTITY, 0.0) else None
    told = [_element(name, weight) for name, weight in offered if weight]
    if _IDENTITY in weights or (_ANY in weights and not anything):
        told.append(_element(_IDENTITY, weights.get(_IDENTITY, 0.0)))
    return Accepted(coding, b", ".join(told) or _IDENTITY)


def _weights(value: bytes) -> dict[bytes, float]:
    """The weight of each coding that is known and named; the lowest where one is named twice."""
    weights: dict[bytes, float] = {}
    for element in value.lower().split(b","):
        name, semicolon, parameter = element.partition(b";")
        name = name.strip(b" \t")
        name = _ALIASES.get(name, name)
        if name in _KNOWN:
            match = _WEIGHT.fullmatch(parameter)
            weight = float(match[1]) if match else 0.0 if semicolon else 1.0
            weights[name] = min(weight, weights.get(name, weight))
    return weights


def _element(name: bytes, weight: float) -> bytes:
    return name if weight == 1 else b"%b;q=%g" % (name, weight)
