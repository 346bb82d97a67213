"""How much a route lets everybody do: tiers, what a request costs, and which tier is chosen for whom.

Charges are compared by the name of their tier: another tier is another bucket, which is full when that of the
routes beside it is empty.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import final

from gateway.config.schema.named import TierSpec
from gateway.config.schema.routes import ChargeSpec, ChoiceSpec
from gateway.diff.change import Change, Kind
from gateway.diff.seen import Seen

_Item = str | ChargeSpec | ChoiceSpec


@final
@dataclass(frozen=True, slots=True)
class _Charge:
    """A tier of one side, what a request costs, and where the tier is defined."""

    name: str
    spec: TierSpec
    cost: int
    source: str

    @property
    def rate(self) -> float:
        """Requests in a second, in the long run."""
        count, seconds = self.spec.limit or (0, 1.0)
        return count / seconds / self.cost

    @property
    def most(self) -> float:
        """Requests at once."""
        return self.spec.most / self.cost

    def __str__(self) -> str:
        cost = f", cost {self.cost}" if self.cost != 1 else ""
        if self.spec.limit is None:
            return f"{self.spec.concurrent} at once{cost}"
        count, seconds = self.spec.limit
        burst = f", burst {self.spec.burst}" if self.spec.burst else ""
        return f"{count}/{seconds:g}s{burst}{cost}"


def quotas(old: Seen, new: Seen) -> Iterator[Change]:
    """What differs about the quotas of a route."""
    was, now = old.spec.quota or (), new.spec.quota or ()
    yield from _charges(_plain(old, was), _plain(new, now))
    yield from _choices(old, new, _choices_of(was), _choices_of(now))


def _plain(side: Seen, items: Sequence[_Item]) -> list[_Charge]:
    charges = []
    for item in items:
        if isinstance(item, ChargeSpec):
            charges.append(_charge(side, item.tier, item.cost))
        elif isinstance(item, str):
            charges.append(_charge(side, item, 1))
    return charges


def _choices_of(items: Sequence[_Item]) -> list[ChoiceSpec]:
    return [item for item in items if isinstance(item, ChoiceSpec)]


def _charge(side: Seen, name: str, cost: int) -> _Charge:
    return _Charge(name, side.stage.specs.tiers[name], cost, side.definition("tiers", name))


def _charges(old: list[_Charge], new: list[_Charge]) -> Iterator[Change]:
    left = list(new)
    for was in old:
        now = next((each for each in left if each.name == was.name), None)
        if now is None:
            yield Change(Kind.WIDENS, f"quota {was.name} ({was}) no longer counts", old=was.source)
            continue
        left.remove(now)
        yield from _between(was, now, f"quota {was.name}")
    for now in left:
        yield Change(Kind.NARROWS, f"quota {now.name} ({now}) counts, too", new=now.source)


def _is_wider(was: _Charge, now: _Charge) -> bool:
    other_kind = (was.spec.limit is None) != (now.spec.limit is None)
    return other_kind or now.rate > was.rate or now.most > was.most


def _between(was: _Charge, now: _Charge, what: str) -> Iterator[Change]:
    """The difference of two charges, if there is one."""
    if was.spec.keys != now.spec.keys:
        keys = f"{' '.join(was.spec.keys)} -> {' '.join(now.spec.keys)}"
        yield Change(Kind.WIDENS, f"{what} is counted by {keys}", was.source, now.source, proved=False)
    if was.name != now.name:
        words = f"{what} is counted by the tier {now.name} ({now}), not {was.name} ({was})"
        yield Change(Kind.WIDENS, words, was.source, now.source, proved=_is_wider(was, now))
        return
    if str(was) == str(now):
        return
    kind = Kind.CHANGES
    if _is_wider(was, now):
        kind = Kind.WIDENS
    elif (now.rate, now.most) != (was.rate, was.most):
        kind = Kind.NARROWS
    yield Change(kind, f"{what}: {was} -> {now}", was.source, now.source)


def _choices(old: Seen, new: Seen, was: list[ChoiceSpec], now: list[ChoiceSpec]) -> Iterator[Change]:
    before, after = {each.by: each for each in was}, {each.by: each for each in now}
    places = old.source("quota"), new.source("quota")
    if len(before) < len(was) or len(after) < len(now):
        if was != now:
            yield Change(Kind.WIDENS, "quota: other tiers are chosen", *places, proved=False)
        return
    for by in dict.fromkeys((*before, *after)):
        if by not in after:
            yield Change(Kind.WIDENS, f"quota by {by} no longer counts", *places)
        elif by not in before:
            yield Change(Kind.NARROWS, f"quota by {by} counts, too", *places)
        else:
            yield from _chosen(old, new, before[by], after[by])


def _chosen(old: Seen, new: Seen, was: ChoiceSpec, now: ChoiceSpec) -> Iterator[Change]:
    for value in dict.fromkeys((*was.values, *now.values, None)):
        name = "everybody else" if value is None else value
        before = was.otherwise if value is None else was.values.get(value, was.otherwise)
        after = now.otherwise if value is None else now.values.get(value, now.otherwise)
        one, other = _charge(old, before, 1), _charge(new, after, 1)
        yield from _between(one, other, f"quota of {name} by {was.by}")
