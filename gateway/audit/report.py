"""One audit: what stands, what is excused, and the lists."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import final

from gateway.audit.checklist import Line, checklist
from gateway.audit.finding import SEVERITIES, Finding, Severity, is_at_least
from gateway.audit.rules import findings
from gateway.audit.survey import Survey
from gateway.audit.waiving import Waived, waived
from gateway.config.compile import Specs
from gateway.config.waivers import Waiver


@final
@dataclass(frozen=True, slots=True)
class Report:
    """What `gateway audit` has to say; findings stand from the worst on."""

    survey: Survey
    findings: tuple[Finding, ...]
    waived: tuple[Waived, ...]
    lines: tuple[Line, ...]

    def count(self, severity: Severity) -> int:
        """How many findings of a severity stand."""
        return sum(finding.rule.severity == severity for finding in self.findings)

    def is_clean(self, level: Severity) -> bool:
        """Whether nothing as bad as `level`, or worse, stands."""
        return not any(is_at_least(finding.rule.severity, level) for finding in self.findings)


def audit(specs: Specs, waivers: Sequence[Waiver], now: float) -> Report:
    """The report on specs that load, at a moment in seconds since 1970."""
    survey = Survey(specs, now)
    standing, excused = waived(findings(survey), waivers, now)
    standing.sort(key=lambda finding: SEVERITIES.index(finding.rule.severity))
    return Report(survey, tuple(standing), tuple(excused), checklist(survey, standing, excused))
