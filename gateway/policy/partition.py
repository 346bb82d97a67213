"""Who is counted together: from an exchange to the key of a bucket.

What a client sent is hashed before it becomes a key, so keys are short and say nothing. Each part has a
namespace of its own, also where it steps in for another: nobody can name himself into somebody else's bucket.
"""

from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from hashlib import sha256
from ipaddress import IPv6Address, ip_address
from operator import attrgetter
from typing import final

from gateway.policy import Exchange

# Keys remembered for each tier of a route; when they are more, all are forgotten. Longer texts never are.
_LEARNED_AT_MOST = 4096
_LEARNED_LENGTH = 256
_DIGEST_DIGITS = 32
# What a network of IPv6 usually gives one customer, of which he may use any address.
_HOST_BITS = 64


@final
@dataclass(frozen=True, slots=True)
class _Part:
    """`raw` takes out of an exchange what `text` makes a text of; equal texts are counted together."""

    raw: Callable[[Exchange], Hashable]
    text: Callable[[Hashable], str]


def keys(names: Sequence[str], tier: str, route: str) -> Callable[[Exchange], str]:
    """The key of the bucket that an exchange takes from: one for each value of the named things.

    The part in braces is the same for every tier that has the same names, so Redis Cluster keeps the buckets
    of one client together.
    """
    parts = [_part(name, route) for name in names]
    learned = _Learned(tier, [part.text for part in parts])
    raws = [part.raw for part in parts]
    if len(raws) == 1:
        only = raws[0]
        return lambda exchange: learned[only(exchange)]
    return lambda exchange: learned[tuple([raw(exchange) for raw in raws])]


@final
class _Learned(dict[Hashable, str]):
    """Raw values -> key; learns them as they come."""

    def __init__(self, tier: str, texts: Sequence[Callable[[Hashable], str]]) -> None:
        super().__init__()
        self._tier = tier
        self._texts = texts

    def __missing__(self, raw: Hashable) -> str:
        raws = raw if len(self._texts) > 1 and isinstance(raw, tuple) else (raw,)
        texts = [text(each) for text, each in zip(self._texts, raws, strict=True)]
        # Lengths in front, so that no two lists of texts read the same.
        whole = "".join([f"{len(text)}:{text}" for text in texts])
        digest = sha256(whole.encode(errors="surrogatepass")).hexdigest()[:_DIGEST_DIGITS]
        key = f"quota:{{{digest}}}:{self._tier}"
        if len(whole) <= _LEARNED_LENGTH:
            if len(self) >= _LEARNED_AT_MOST:
                self.clear()
            self[raw] = key
        return key


def _part(name: str, route: str) -> _Part:
    kind, _, of = name.partition(":")
    if kind == "address":
        return _Part(attrgetter("request.client"), lambda client: f"address {network(str(client))}")
    if kind == "route":
        return _Part(lambda exchange: route, lambda route: f"route {route}")
    if kind == "principal":
        return _Part(_who, _named_who)
    if kind == "header":
        return _header(of)
    return _claim(of)


def network(client: str) -> str:
    """Whom an address belongs to: itself, or the first half of an IPv6 one; any other text as it is."""
    try:
        address = ip_address(client)
    except ValueError:
        return client
    if not isinstance(address, IPv6Address):
        return str(address)
    if address.ipv4_mapped is not None:
        return str(address.ipv4_mapped)
    return f"{IPv6Address(int(address) >> _HOST_BITS << _HOST_BITS)}/{_HOST_BITS}"


def _who(exchange: Exchange) -> Hashable:
    """The principal; the text of its address for an anonymous request."""
    principal = exchange.principal
    if principal is None:
        return exchange.request.client
    # Two issuers may have a subject of the same name.
    return principal.method, str(principal.claims.get("iss", "")), principal.subject


def _named_who(raw: Hashable) -> str:
    return f"principal {raw!r}" if isinstance(raw, tuple) else f"anonymous {network(str(raw))}"


def _header(name: str) -> _Part:
    field = name.lower().encode()

    def raw(exchange: Exchange) -> Hashable:
        value = exchange.request.noted.get(field)
        if value is None:
            value = exchange.request.value(field)
        return exchange.request.client if value is None else value

    def text(raw: Hashable) -> str:
        return f"header {raw!r}" if isinstance(raw, bytes) else f"no header {network(str(raw))}"

    return _Part(raw, text)


def _claim(name: str) -> _Part:
    def raw(exchange: Exchange) -> Hashable:
        value = None if exchange.principal is None else exchange.principal.claims.get(name)
        # Lists and mappings are nobody's name.
        return ("claim", repr(value)) if isinstance(value, str | int) else _who(exchange)

    def text(raw: Hashable) -> str:
        return (
            f"claim {raw[1]}" if isinstance(raw, tuple) and len(raw) == 2 else f"no claim {_named_who(raw)}"
        )

    return _Part(raw, text)
