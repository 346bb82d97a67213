"""How often a client may ask.

Every tier of a step grants what the request takes of it, or none of them loses anything. Where the buckets
are, and whether one has to wait for them, is the business of the store.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from math import ceil
from typing import Final, final

from gateway.http.reply import Reply, problem
from gateway.policy import Exchange, Principal, Reason, Verdict
from gateway.policy.bucket import Charge, Grant, Lease
from gateway.policy.ports import Buckets
from gateway.policy.standing import NAMES, Teller
from gateway.policy.tier import Standing

# RFC 9457 types of draft-ietf-httpapi-ratelimit-headers-11, section "Problem Types".
_TYPES = "https://iana.org/assignments/http-problem-types#"
_EXCEEDED = "Too many requests: a quota is used up."
_UNAVAILABLE = problem(
    503,
    Reason.QUOTA_UNAVAILABLE,
    "Quotas cannot be counted now.",
    (b"Retry-After", b"1"),
    type=f"{_TYPES}temporary-reduced-capacity",
)


@final
@dataclass(frozen=True, slots=True)
class Choice:
    """A charge chosen by a value that the principal has; `otherwise` for any other value, and none."""

    value: Callable[[Principal], object]
    charges: Mapping[str, Charge]
    otherwise: Charge

    def choose(self, exchange: Exchange) -> Charge:
        """The charge for a request."""
        principal = exchange.principal
        value = None if principal is None else self.value(principal)
        return self.charges.get(value, self.otherwise) if isinstance(value, str) else self.otherwise


@final
class Quota:
    """Takes what a request costs from the buckets of its tiers.

    `denies` says what becomes of a request when the store cannot tell: 503, or it passes uncounted. `tiers`
    are the names of all that may be asked.
    """

    __slots__ = (
        "_buckets",
        "_charges",
        "_choices",
        "_denies",
        "_holds",
        "_refusals",
        "_tell",
        "source",
        "tiers",
    )

    name: Final = "quota"

    def __init__(
        self,
        items: Sequence[Charge | Choice],
        buckets: Buckets,
        tell: Teller,
        *,
        denies: bool,
        source: str,
    ) -> None:
        self.source = source
        self._charges = tuple([item for item in items if isinstance(item, Charge)])
        self._choices = tuple([item for item in items if isinstance(item, Choice)])
        self.tiers = tuple([charge.tier.name for charge in _all(items)])
        self._holds = any(charge.tier.concurrent for charge in _all(items))
        self._refusals = _Refusals()
        self._buckets = buckets
        self._denies = denies
        self._tell = tell

    def __call__(self, exchange: Exchange) -> Verdict | Awaitable[Verdict]:
        """429 `quota_exceeded`, 503 `quota_unavailable`, or None."""
        charges = self._charges
        if self._choices:
            charges += tuple([choice.choose(exchange) for choice in self._choices])
        lease = None
        if self._holds:
            # Before anything waits: the request may be over before it is granted.
            lease = Lease()
            exchange.endings += (lease.end,)
        grant = self._buckets.take([(charge, charge.key(exchange)) for charge in charges], lease)
        return self.follow(exchange, charges, grant)

    def follow(
        self, exchange: Exchange, charges: tuple[Charge, ...], grant: Grant | Awaitable[Grant | None] | None
    ) -> Verdict | Awaitable[Verdict]:
        """The verdict that an answer of the store leads to."""
        if grant is None or isinstance(grant, tuple):
            return self._judge(exchange, charges, grant)
        return self._wait(exchange, charges, grant)

    async def _wait(
        self, exchange: Exchange, charges: tuple[Charge, ...], grant: Awaitable[Grant | None]
    ) -> Verdict:
        return self._judge(exchange, charges, await grant)

    def _judge(self, exchange: Exchange, charges: tuple[Charge, ...], grant: Grant | None) -> Verdict:
        if grant is None:
            return _UNAVAILABLE if self._denies else None
        granted, levels = grant
        if not granted:
            return self._refuse(exchange, charges, levels)
        standings = tuple([(charge.tier, level, 0.0) for charge, level in zip(charges, levels, strict=True)])
        _note(exchange, standings, self._tell)
        return None

    def _refuse(self, exchange: Exchange, charges: tuple[Charge, ...], levels: Sequence[float]) -> Reply:
        waits = [
            max(charge.tier.shortfall(level, charge.amount), 0.0)
            for charge, level in zip(charges, levels, strict=True)
        ]
        standings = tuple(
            [(charge.tier, level, wait) for charge, level, wait in zip(charges, levels, waits, strict=True)]
        )
        _note(exchange, standings, self._tell)
        violated = tuple([tier.name for tier, _, wait in standings if wait])
        reply = self._refusals[violated]
        return replace(reply, fields=(*reply.fields, (b"Retry-After", b"%d" % max(1, ceil(max(waits))))))


@final
class RateOnly:
    """A Quota of nothing but one rate, which most are: it does the same in fewer steps."""

    __slots__ = ("_charge", "_key", "_quota", "_take", "_tell", "_tell_one", "_tier", "source", "tiers")

    name: Final = "quota"

    def __init__(self, charge: Charge, quota: Quota, buckets: Buckets, tell: Teller) -> None:
        self.source = quota.source
        self.tiers = quota.tiers
        self._charge = charge
        self._key = charge.key
        self._quota = quota
        self._take = buckets.take_one
        self._tell = tell
        self._tell_one = tell.one(charge.tier)
        self._tier = charge.tier

    def __call__(self, exchange: Exchange) -> Verdict | Awaitable[Verdict]:
        """429 `quota_exceeded`, 503 `quota_unavailable`, or None."""
        charge = self._charge
        grant = self._take(charge, self._key(exchange))
        if not isinstance(grant, float):
            return self._quota.follow(exchange, (charge,), grant)
        standings = ((self._tier, grant, 0.0),)
        if exchange.quotas:
            _note(exchange, standings, self._tell)
        else:
            exchange.quotas = standings
            exchange.response_fields += self._tell_one(grant)
        return None


def quota(
    items: Sequence[Charge | Choice], buckets: Buckets, tell: Teller, *, denies: bool, source: str
) -> Quota | RateOnly:
    """The policy for these items. `denies` as Quota takes it."""
    made = Quota(items, buckets, tell, denies=denies, source=source)
    if len(items) > 1 or not isinstance(items[0], Charge) or items[0].tier.concurrent:
        return made
    return RateOnly(items[0], made, buckets, tell)


@final
class _Refusals(dict[tuple[str, ...], Reply]):
    """Names of violated tiers -> 429; there are no more than the configuration has combinations."""

    def __missing__(self, violated: tuple[str, ...]) -> Reply:
        reply = self[violated] = problem(
            429,
            Reason.QUOTA_EXCEEDED,
            _EXCEEDED,
            type=f"{_TYPES}quota-exceeded",
            extensions={"violated-policies": violated},
        )
        return reply


def _all(items: Sequence[Charge | Choice]) -> list[Charge]:
    charges = [item for item in items if isinstance(item, Charge)]
    for item in items:
        if isinstance(item, Choice):
            charges += [*item.charges.values(), item.otherwise]
    return charges


def _note(exchange: Exchange, standings: tuple[Standing, ...], tell: Teller) -> None:
    """Add to how the request stands, and tell all of it together."""
    if exchange.quotas:
        others = [field for field in exchange.response_fields if field[0] not in NAMES]
        exchange.response_fields = tuple(others)
        standings = exchange.quotas + standings
    exchange.quotas = standings
    exchange.response_fields += tell(standings)
