"""Every rule there is, in the order of their ids."""

from typing import Final

from gateway.audit import access, bounds, browsers, edges, proofs, unused
from gateway.audit.finding import Finding, Rule
from gateway.audit.survey import Survey

RULES: Final[tuple[Rule, ...]] = (
    *access.RULES,
    *bounds.RULES,
    *browsers.RULES,
    *edges.RULES,
    *proofs.RULES,
    *unused.RULES,
)
# What waivers themselves break; no waiver excuses that.
EXPIRED: Final = Rule(
    "AZ701",
    "error",
    "A waiver that has expired",
    "Do what it put off, or say again for how long and why.",
)
IDLE: Final = Rule(
    "AZ702",
    "warning",
    "A waiver for nothing",
    "Take it out: what it excused is not there any more, or was never called that.",
)


# All that a finding can name.
EVERY: Final = (*RULES, EXPIRED, IDLE)


def findings(survey: Survey) -> tuple[Finding, ...]:
    """What breaks the rules, rule by rule."""
    return tuple(Finding(rule, spot) for rule in RULES for spot in rule.find(survey))
