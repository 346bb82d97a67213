"""Which of the usable endpoints takes a request.

Each balance is made for a set of endpoints and never sees another: when the set changes, a new one is made.
So none of them asks whether an endpoint can be used, and a single endpoint needs no balance at all.
"""

from collections.abc import Callable, Sequence
from operator import attrgetter
from random import Random

from gateway.http.request import Request
from gateway.upstream.endpoint import Endpoint

Choose = Callable[[Request], Endpoint]
Balance = Callable[[Sequence[Endpoint], Random], Choose]

_PENDING = attrgetter("pending")


def round_robin(endpoints: Sequence[Endpoint], random: Random) -> Choose:
    """Each endpoint in its turn; who begins is drawn, so that several workers do not walk in step."""
    count = len(endpoints)
    turn = random.randrange(count)

    def choose(request: Request) -> Endpoint:
        nonlocal turn
        turn = (turn + 1) % count
        return endpoints[turn]

    return choose


def least_pending(endpoints: Sequence[Endpoint], random: Random) -> Choose:
    """The endpoint with the fewest unfinished requests; in turn where several have as few."""
    count = len(endpoints)
    turn = random.randrange(count)

    def choose(request: Request) -> Endpoint:
        nonlocal turn
        turn = (turn + 1) % count
        # The first of the smallest wins: so each turn begins with another one.
        return min((*endpoints[turn:], *endpoints[:turn]), key=_PENDING)

    return choose


def p2c(endpoints: Sequence[Endpoint], random: Random) -> Choose:
    """The less busy of two drawn endpoints: nearly as even as the least of all, and no herd.

    Mitzenmacher, "The Power of Two Choices in Randomized Load Balancing".
    """
    count = len(endpoints)
    draw = random.random

    def choose(request: Request) -> Endpoint:
        first = int(draw() * count)
        second = (first + 1 + int(draw() * (count - 1))) % count
        one, other = endpoints[first], endpoints[second]
        return one if one.pending <= other.pending else other

    return choose
