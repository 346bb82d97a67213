"""The quotas of routes, compiled: those before authentication, and those that may ask who it is."""

from collections.abc import Callable, Mapping, Sequence
from operator import attrgetter
from typing import final

from gateway.config.schema.gateway import QuotaStoreSpec
from gateway.config.schema.named import TierSpec
from gateway.config.schema.routes import ChargeSpec, ChoiceSpec
from gateway.policy import Policy, Principal
from gateway.policy.bucket import Charge
from gateway.policy.partition import keys
from gateway.policy.ports import Ports, QuotaStore
from gateway.policy.quota import Choice, quota
from gateway.policy.standing import Legacy, Silent, Standard, Teller
from gateway.policy.tier import Tier, at_once, rate

_Item = str | ChargeSpec | ChoiceSpec
# What is known of a request before anybody asks who it is.
_EARLY = frozenset(["address", "route"])


@final
class Quotas:
    """Makes quotas. Routes that pay the same to the same buckets share the keys that were learned."""

    def __init__(self, tiers: Mapping[str, TierSpec], store: QuotaStoreSpec, ports: Ports) -> None:
        self._specs = tiers
        self._tiers = {name: _tier(name, spec) for name, spec in tiers.items()}
        self._charges: dict[tuple[str, int, str], Charge] = {}
        self._store = QuotaStore(store.redis or "", store.timeout, store.on_failure)
        self._tell = _teller(store, ports)
        self._ports = ports

    def of(self, items: Sequence[_Item], route: str, source: str) -> tuple[list[Policy], list[Policy]]:
        """The policies of a route that stand before authentication, then those behind authorisation."""
        early = [self._item(item, route) for item in items if self._is_early(item)]
        late = [self._item(item, route) for item in items if not self._is_early(item)]
        return self._policy(early, source), self._policy(late, source)

    def _policy(self, items: list[Charge | Choice], source: str) -> list[Policy]:
        if not items:
            return []
        buckets = self._ports.buckets(self._store)
        denies = self._store.on_failure == "deny"
        return [quota(items, buckets, self._tell, denies=denies, source=source)]

    def _is_early(self, item: _Item) -> bool:
        if isinstance(item, ChoiceSpec):
            return False
        name = item if isinstance(item, str) else item.tier
        return _EARLY.issuperset(self._specs[name].keys)

    def _item(self, item: _Item, route: str) -> Charge | Choice:
        if isinstance(item, ChoiceSpec):
            charges = {value: self._charge(name, 1, route) for value, name in item.values.items()}
            return Choice(_chooser(item.by), charges, self._charge(item.otherwise, 1, route))
        if isinstance(item, ChargeSpec):
            return self._charge(item.tier, item.cost, route)
        return self._charge(item, 1, route)

    def _charge(self, name: str, cost: int, route: str) -> Charge:
        names = self._specs[name].keys
        known = name, cost, route if "route" in names else ""
        if known not in self._charges:
            tier = self._tiers[name]
            self._charges[known] = Charge(tier, cost, keys(names, tier.id, route))
        return self._charges[known]


def _tier(name: str, spec: TierSpec) -> Tier:
    if spec.limit is None:
        return at_once(name, spec.concurrent or 0)
    count, period = spec.limit
    return rate(name, count, period, spec.burst)


def _chooser(by: str) -> Callable[[Principal], object]:
    _, _, claim = by.partition(":")
    return (lambda principal: principal.claims.get(claim)) if claim else attrgetter("tier")


def _teller(spec: QuotaStoreSpec, ports: Ports) -> Teller:
    match spec.fields:
        case "standard":
            return Standard()
        case "legacy":
            return Legacy(ports.wall)
        case "none":
            return Silent()
