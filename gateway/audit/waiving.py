"""Which findings are waived, and which waivers are findings."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import final

from gateway.audit.finding import Finding, Spot
from gateway.audit.rules import EXPIRED, IDLE
from gateway.config.waivers import Waiver


@final
@dataclass(frozen=True, slots=True)
class Waived:
    """A finding, and the waiver that excuses it."""

    finding: Finding
    waiver: Waiver


def waived(
    found: Sequence[Finding], waivers: Sequence[Waiver], now: float
) -> tuple[list[Finding], list[Waived]]:
    """The findings that stand, with those about waivers behind them, and those that are excused."""
    standing: list[Finding] = []
    excused: list[Waived] = []
    for finding in found:
        waiver = next((each for each in waivers if _means(each, finding) and now < each.spec.expires), None)
        if waiver is None:
            standing.append(finding)
        else:
            excused.append(Waived(finding, waiver))
    standing += _about(found, waivers, now)
    return standing, excused


def _about(found: Sequence[Finding], waivers: Sequence[Waiver], now: float) -> Iterator[Finding]:
    for waiver in waivers:
        about = f"{waiver.spec.rule} of {waiver.spec.route or waiver.spec.place}"
        if not any(_means(waiver, finding) for finding in found):
            yield Finding(IDLE, Spot(waiver.place, waiver.source, f"there is no {about}"))
        elif waiver.spec.expires <= now:
            yield Finding(EXPIRED, Spot(waiver.place, waiver.source, f"{about} is waived no more"))


def _means(waiver: Waiver, finding: Finding) -> bool:
    said, spot = waiver.spec, finding.spot
    if said.rule != finding.rule.id:
        return False
    if said.place is None:
        return spot.is_route and spot.subject == said.route
    inside = (said.place, f"{said.place}.", f"{said.place}[")
    return not spot.is_route and (spot.subject == inside[0] or spot.subject.startswith(inside[1:]))
