"""The logic of conditions: what holds, what does not, and what is unknown.

There are three values. Unknown (None) is what is missing, and what is of another kind than asked for: a text
is never compared with a number, nor a truth value with either. `not` leaves it unknown, `and` and `or` are
Kleene's (1938). Every function here makes a function, when the configuration is read.
"""

from collections.abc import Callable, Iterable
from math import isfinite
from typing import Any, final

from gateway.http.path import decode
from gateway.policy import Exchange, Principal
from gateway.policy.guard import Network, address_of, unmapped

# What a request and its principal have: a text, a number, a truth value, a list; None where there is nothing.
Value = Callable[[Exchange, Principal], Any]
# What holds of them.
When = Callable[[Exchange, Principal], bool | None]

_KINDS = {str: "text", bool: "truth value", int: "number", float: "number"}
# Addresses remembered per condition; when they are more, all are forgotten.
_LEARNED_AT_MOST = 4096


def constant(value: object) -> Value:
    """The same for everybody."""
    return lambda exchange, principal: value


def claim(members: tuple[str, ...]) -> Value:
    """What a verified token says under a name, or under a name of what it says there, and so on."""
    first, *others = members

    def value(exchange: Exchange, principal: Principal) -> object:
        here = principal.claims.get(first)
        for member in others:
            # As JSON gives them: what is no dict has no members.
            if not isinstance(here, dict):
                return None
            here = here.get(member)
        return here

    return value


def capture(index: int) -> Value:
    """What a variable of the path stands for, percent-decoded once."""
    return lambda exchange, principal: decode(exchange.captures[index])


def method(exchange: Exchange, principal: Principal) -> str:
    """The method; what holds for GET holds for HEAD, which is GET without the content (RFC 9110 9.3.2)."""
    asked = exchange.request.method
    return "GET" if asked == b"HEAD" else asked.decode("ascii")


def truth(claimed: Value) -> When:
    """Whether something is true, where it is a truth value at all."""

    def value(exchange: Exchange, principal: Principal) -> bool | None:
        found = claimed(exchange, principal)
        return found if isinstance(found, bool) else None

    return value


def negation(operand: When) -> When:
    """`not`."""

    def value(exchange: Exchange, principal: Principal) -> bool | None:
        found = operand(exchange, principal)
        return None if found is None else not found

    return value


def chain(operands: Iterable[When], decisive: bool) -> When:
    """`or`, where one that is True decides, or `and`, where one that is False does."""
    asked = tuple(operands)

    def value(exchange: Exchange, principal: Principal) -> bool | None:
        verdict: bool | None = not decisive
        for operand in asked:
            found = operand(exchange, principal)
            if found is decisive:
                return decisive
            if found is None:
                verdict = None
        return verdict

    return value


def equality(left: Value, right: Value, wanted: bool) -> When:
    """`==`, or `!=` where they are not `wanted` to be equal."""

    def value(exchange: Exchange, principal: Principal) -> bool | None:
        same = _same(left(exchange, principal), right(exchange, principal))
        return None if same is None else same is wanted

    return value


def inclusion(one: Value, many: Value) -> When:
    """`in`: is it equal to the first member, or to the second, and so on?"""
    return lambda exchange, principal: _among(one(exchange, principal), many(exchange, principal))


def inside(networks: Iterable[Network]) -> When:
    """Whether the client's address is in one of the networks; unknown where it has none."""
    known = _Inside(networks)
    return lambda exchange, principal: known[exchange.request.client]


def each(values: tuple[Value, ...]) -> Value:
    """A list."""
    return lambda exchange, principal: [value(exchange, principal) for value in values]


def _same(left: object, right: object) -> bool | None:
    if type(left) is str is type(right):
        return left == right  # nearly always
    kind = _kind(left)
    return left == right if kind is not None and kind is _kind(right) else None


def _kind(value: object) -> str | None:
    # Python reads NaN in JSON, which differs from everything, itself too.
    if type(value) is float and not isfinite(value):
        return None
    # By exact type: to isinstance, True is an int.
    return _KINDS.get(type(value))


def _among(value: object, members: object) -> bool | None:
    if type(members) is frozenset:
        # Of our own making, texts only: roles, scopes, a list of written texts.
        return value in members if type(value) is str else None
    if _kind(value) is None or not isinstance(members, list):
        return None
    verdict: bool | None = False
    for member in members:
        same = _same(value, member)
        if same:
            return True
        if same is None:
            verdict = None
    return verdict


@final
class _Inside(dict[str, bool | None]):
    """Client as text -> is it in one of the networks? It learns addresses as they come."""

    def __init__(self, networks: Iterable[Network]) -> None:
        super().__init__()
        self._networks = tuple(map(unmapped, networks))

    def __missing__(self, client: str) -> bool | None:
        if len(self) >= _LEARNED_AT_MOST:
            self.clear()
        address = address_of(client)
        verdict = None if address is None else any(address in network for network in self._networks)
        self[client] = verdict
        return verdict
