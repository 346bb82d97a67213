"""Service level objectives: which routes each is for.

A route that says `slo` has objectives of its own. One that is said by default is for the upstream, so for all
its routes together that do not say their own: two different ones by default would be two answers to one
question.
"""

from collections.abc import Iterator, Sequence
from operator import itemgetter

from gateway.config.entry import Entry
from gateway.config.problem import Problem
from gateway.config.schema.routes import SloSpec
from gateway.config.snapshot import Slo


def problems(entries: Sequence[Entry]) -> Iterator[Problem]:
    """Upstreams of which the defaults of several files promise different things."""
    first: dict[str, Entry] = {}
    told = set()
    for each in entries:
        upstream = each.spec.upstream
        if upstream is None or each.spec.slo is None or "slo" in each.own:
            continue
        other, source = first.setdefault(upstream, each), each.sources["slo"]
        if other.spec.slo != each.spec.slo and (upstream, source) not in told:
            told.add((upstream, source))
            message = f'expected one slo by default for the upstream "{upstream}", got that of {source}'
            yield each.tree.problem(each.path, f"{message} beside that of {other.sources['slo']}")


def slos(entries: Sequence[Entry]) -> tuple[Slo, ...]:
    """Every objective: upstream by upstream, that of the whole before those of its routes."""
    found: dict[tuple[str, str], SloSpec] = {}
    excluded: dict[str, list[str]] = {}
    for each in entries:
        upstream, said, id = each.spec.upstream, each.spec.slo, each.spec.id
        if upstream is None:
            continue
        if said is None or "slo" in each.own:
            excluded.setdefault(upstream, []).append(id)
        if said is not None:
            found[upstream, id if "slo" in each.own else ""] = said
    return tuple(
        slo
        for (service, route), said in sorted(found.items(), key=itemgetter(0))
        for slo in _slos(said, service, route, () if route else tuple(sorted(excluded.get(service, ()))))
    )


def _slos(said: SloSpec, service: str, route: str, excluded: tuple[str, ...]) -> Iterator[Slo]:
    if said.availability is not None:
        yield Slo(service, route, excluded, said.availability)
    if said.latency is not None:
        # Milliseconds are the finest that a file can say; 9 * 0.001 is not 0.009.
        yield Slo(service, route, excluded, said.latency.target, round(said.latency.below, 3))
