"""The same endpoint for the same value of a request.

Every endpoint holds many points of a ring, and a value belongs to the next point behind its own. The points
depend on nothing but the address: workers and restarts agree, and when an endpoint leaves only what was its
own moves, to all the others.
"""

from binascii import crc32
from bisect import bisect
from collections.abc import Callable, Sequence
from functools import cache
from hashlib import blake2b
from random import Random

from gateway.config.snapshot import Hash
from gateway.http.fields import REQUEST_FIELDS
from gateway.http.request import Request
from gateway.upstream.balance import Balance, Choose, least_pending
from gateway.upstream.endpoint import Endpoint

# The shares of endpoints differ by about a tenth; more points level them little and cost memory.
_POINTS = 128

Value = Callable[[Request], bytes | None]


def hashed(by: Hash) -> Balance:
    """The balance that looks at what `by` names; a request without it goes where the fewest are pending."""
    value_of = _value(by)
    points_of = cache(_points)

    def balance(endpoints: Sequence[Endpoint], random: Random) -> Choose:
        held = sorted((point, index) for index, each in enumerate(endpoints) for point in points_of(each))
        points = [point for point, _ in held]
        owners = [endpoints[index] for _, index in held]
        # What lies behind the last point belongs to the first: a ring.
        owners.append(owners[0])
        otherwise = least_pending(endpoints, random)

        def choose(request: Request) -> Endpoint:
            value = value_of(request)
            return otherwise(request) if value is None else owners[bisect(points, crc32(value))]

        return choose

    return balance


def _points(endpoint: Endpoint) -> list[int]:
    digest = b"".join(
        blake2b(f"{endpoint.address}#{number}".encode()).digest() for number in range(_POINTS // 16)
    )
    return [int.from_bytes(digest[start : start + 4], "big") for start in range(0, len(digest), 4)]


def _value(by: Hash) -> Value:
    if by.source == "address":
        return lambda request: request.client.encode()
    name = by.name.encode()
    return _cookie(name) if by.source == "cookie" else _field(name.lower())


def _field(name: bytes) -> Value:
    rule = REQUEST_FIELDS[name]
    if rule is not None and rule.noted:
        return lambda request: request.noted.get(name)
    prefix = name + b":"
    size = len(prefix)

    def value(request: Request) -> bytes | None:
        for line in request.lines:
            if line[:size].lower() == prefix:
                return line[size:].strip(b" \t")
        return None

    return value


def _cookie(name: bytes) -> Value:
    prefix = name + b"="

    def value(request: Request) -> bytes | None:
        # RFC 6265 5.4: pairs, parted by a semicolon and a blank.
        for pair in request.noted.get(b"cookie", b"").split(b";"):
            pair = pair.strip(b" \t")
            if pair.startswith(prefix):
                return pair[len(prefix) :]
        return None

    return value
