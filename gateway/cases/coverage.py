"""What of a configuration the cases have seen at work.

A route is covered when a request has taken it; a tier when it has run out; a rule when it has refused, or
would have where it is on trial. A rule is a line of YAML that can refuse. Who may ask is proved on every
route: `auth` and `allow` count once for each, and every other line once for all routes that it holds for.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Final, final

from gateway.rehearsal import Outcome, Stage, Verdict
from gateway.routing import Route

_OF_EACH_ROUTE: Final = frozenset(["auth", "allow"])
_NEVER_REFUSE: Final = frozenset(["compress"])
_TAKEN: Final = frozenset([Verdict.REFUSED, Verdict.ON_TRIAL])


@final
@dataclass(frozen=True, slots=True, order=True)
class Item:
    """Something that can be covered: a route, a rule or a tier, and the `file:line` that made it."""

    kind: str
    name: str
    source: str = ""


@final
class Coverage:
    """Counts what outcomes have shown."""

    def __init__(self, stage: Stage) -> None:
        self._all = {*_routes(stage), *_tiers(stage), *_rules(stage)}
        self._seen: set[Item] = set()

    def add(self, outcomes: Iterable[Outcome]) -> None:
        """Take note of what these have shown."""
        for outcome in outcomes:
            self._seen.update(_shown(outcome))

    @property
    def missing(self) -> list[Item]:
        """What no case has shown."""
        return sorted(self._all - self._seen)

    def counts(self, kind: str) -> tuple[int, int]:
        """How many of a kind are covered, and how many there are."""
        items = {item for item in self._all if item.kind == kind}
        return len(items & self._seen), len(items)

    @property
    def percent(self) -> float:
        """The share of all that is covered, rounded down to a tenth: 100 means all of it."""
        covered = len(self._all & self._seen)
        return covered * 1000 // len(self._all) / 10 if self._all else 100.0


KINDS: Final = ("route", "rule", "tier")


def _routes(stage: Stage) -> Iterator[Item]:
    return (Item("route", route.id, route.source) for route in stage.snapshot.routes)


def _tiers(stage: Stage) -> Iterator[Item]:
    return (Item("tier", name) for name in stage.specs.tiers)


def _rules(stage: Stage) -> Iterator[Item]:
    for route in stage.snapshot.routes:
        for policy in route.pipeline.policies:
            if policy.name not in _NEVER_REFUSE:
                yield _rule(route, policy.name, policy.source)


def _rule(route: Route, name: str, source: str) -> Item:
    return Item("rule", f"{name} of {route.id}" if name in _OF_EACH_ROUTE else name, source)


def _shown(outcome: Outcome) -> Iterator[Item]:
    route, exchange = outcome.route, outcome.exchange
    if route is None or exchange is None:
        return
    yield Item("route", route.id, route.source)
    for step in outcome.steps:
        if step.verdict in _TAKEN:
            yield _rule(route, step.name, step.source)
    yield from (Item("tier", tier.name) for tier, _, wait in exchange.quotas if wait)
