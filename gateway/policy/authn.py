"""Authentication: who asks.

A route names its methods in order, and the first that finds a credential decides: a bad one is refused, and
no other method is asked. Where nobody shows anything the answer is 401, unless `public` stands in the list.
Whatever a method could have taken for a credential is taken out of the request, also where another decided.
"""

from collections.abc import Awaitable, Iterable
from dataclasses import dataclass
from typing import Final, Protocol, final

from gateway.http.fields import Field
from gateway.http.reply import Reply, problem
from gateway.policy import Exchange, Principal, Reason, Verdict
from gateway.policy.credential import Place


@final
@dataclass(frozen=True, slots=True)
class Identity:
    """A verified principal, and the fields that tell the backend of it."""

    principal: Principal
    fields: tuple[Field, ...]


# None: no credential of this method is there.
Outcome = Identity | Reply | None


class Method(Protocol):
    """One way to prove who asks.

    `challenge` is what a 401 says about it in `WWW-Authenticate` (RFC 9110 11.6.1), None if nothing. `places`
    are those that it takes credentials from and that the backend must not see them in.
    """

    @property
    def challenge(self) -> bytes | None: ...

    @property
    def places(self) -> tuple[Place, ...]: ...

    def __call__(self, exchange: Exchange) -> Outcome | Awaitable[Outcome]: ...


@final
class Authentication:
    """The methods of a route. Who shows nothing gets `nobody`, or passes as nobody where that is None."""

    __slots__ = ("_cuts", "_hidden", "_methods", "_nobody", "source")

    name: Final = "auth"

    def __init__(self, methods: tuple[Method, ...], nobody: Reply | None, source: str) -> None:
        self.source = source
        self._methods = methods
        self._nobody = nobody
        places = [place for method in methods for place in method.places]
        self._hidden = tuple({name: None for place in places for name in place.hidden})
        self._cuts = tuple(place.cut for place in places if not place.hidden)

    def __call__(self, exchange: Exchange) -> Verdict | Awaitable[Verdict]:
        """None once the exchange has its principal, or the 401 of who has none."""
        for number, method in enumerate(self._methods, 1):
            outcome = method(exchange)
            if outcome is None:
                continue
            if isinstance(outcome, Identity | Reply):
                return self.decide(exchange, outcome)
            return self._wait(exchange, outcome, self._methods[number:])
        return self.decide(exchange, self._nobody)

    async def _wait(
        self, exchange: Exchange, waiting: Awaitable[Outcome], others: Iterable[Method]
    ) -> Verdict:
        outcome = await waiting
        for method in others:
            if outcome is not None:
                break
            answer = method(exchange)
            outcome = answer if answer is None or isinstance(answer, Identity | Reply) else await answer
        return self.decide(exchange, self._nobody if outcome is None else outcome)

    def decide(self, exchange: Exchange, outcome: Outcome) -> Verdict:
        """What follows from an outcome: the exchange has its principal, or the Reply is the verdict."""
        # A refused request is logged too: what was in its query is taken out in any case.
        for cut in self._cuts:
            cut(exchange.request)
        if isinstance(outcome, Reply):
            return outcome
        exchange.hidden += self._hidden
        if outcome is not None:
            exchange.principal = outcome.principal
            exchange.upstream_fields += outcome.fields
        return None


def demand(methods: Iterable[Method]) -> Reply:
    """The 401 that asks for credentials of any of the methods."""
    challenges = b", ".join([method.challenge for method in methods if method.challenge is not None])
    fields = ((b"WWW-Authenticate", challenges),) if challenges else ()
    return problem(401, Reason.NO_CREDENTIALS, "Say who you are: this needs credentials.", *fields)
