"""A report as people read it in a terminal: what stands, what is excused, and what the lists come to."""

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Final

from gateway.audit.checklist import Verdict
from gateway.audit.finding import SEVERITIES
from gateway.audit.report import Report
from gateway.audit.waiving import Waived

_INDENT: Final = "    "


def text(report: Report) -> str:
    """The whole report, with a line break at its end."""
    return "\n".join([*_standing(report), *_excused(report), *_lists(report), "", counted(report)]) + "\n"


def counted(report: Report) -> str:
    """How many findings stand and are excused, in one line."""
    numbers = [(severity, report.count(severity)) for severity in SEVERITIES]
    counts = [f"{count} {severity}{'' if count == 1 else 's'}" for severity, count in numbers]
    return f"{', '.join(counts)}, {len(report.waived)} waived"


def until(waived: Waived) -> str:
    """The day on which a waiver ends."""
    return f"{datetime.fromtimestamp(waived.waiver.spec.expires, UTC):%Y-%m-%d}"


def _standing(report: Report) -> Iterator[str]:
    for rule in dict.fromkeys(finding.rule for finding in report.findings):
        yield f"{rule.id} {rule.severity}: {rule.title}"
        for finding in report.findings:
            if finding.rule is rule:
                yield f"{_INDENT}{finding.spot.source}: {finding.spot.message}"
        yield f"{_INDENT}fix: {rule.fix}"
        yield ""


def _excused(report: Report) -> Iterator[str]:
    if report.waived:
        yield "Waived:"
        for each in report.waived:
            spot = each.finding.spot
            yield f"{_INDENT}{each.finding.rule.id} {spot.source}: {spot.subject}, until {until(each)}"
        yield ""


def _lists(report: Report) -> Iterator[str]:
    for standard in dict.fromkeys(line.standard for line in report.lines):
        lines = [line for line in report.lines if line.standard == standard]
        counts = [(verdict, sum(line.verdict is verdict for line in lines)) for verdict in Verdict]
        yield f"{standard}: " + ", ".join(f"{count} {verdict}" for verdict, count in counts if count)
        for line in lines:
            if line.verdict is Verdict.FAILED:
                rules = ", ".join(dict.fromkeys(failure.rule.id for failure in line.failures))
                yield f"{_INDENT}fail  {line.id}  ({rules})"
