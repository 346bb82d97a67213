"""A report as JSON. `docs/audit.md` lists the members."""

from typing import Any

from gateway.audit.checklist import Line
from gateway.audit.finding import SEVERITIES, Finding
from gateway.audit.report import Report
from gateway.audit.text import until
from gateway.audit.waiving import Waived


def record(report: Report) -> dict[str, Any]:
    """The members."""
    return {
        "counts": {severity: report.count(severity) for severity in SEVERITIES},
        "findings": [_finding(finding) for finding in report.findings],
        "waived": [_waived(each) for each in report.waived],
        "checklist": [_line(line) for line in report.lines],
        "config_version": report.survey.specs.version,
    }


def _finding(finding: Finding) -> dict[str, Any]:
    rule, spot = finding.rule, finding.spot
    return {
        "rule": rule.id,
        "severity": rule.severity,
        "title": rule.title,
        "message": spot.message,
        "fix": rule.fix,
        "route": spot.subject if spot.is_route else None,
        "place": None if spot.is_route else spot.subject,
        "source": spot.source,
    }


def _waived(waived: Waived) -> dict[str, Any]:
    waiver = waived.waiver
    return {
        **_finding(waived.finding),
        "reason": waiver.spec.reason,
        "expires": until(waived),
        "waiver": waiver.source,
    }


def _line(line: Line) -> dict[str, Any]:
    return {
        "standard": line.standard,
        "id": line.id,
        "title": line.title,
        "verdict": line.verdict.value,
        "rest": line.rest,
        "proofs": [
            {
                "route": proof.subject if proof.is_route else None,
                "place": None if proof.is_route else proof.subject,
                "key": proof.what,
                "source": proof.source,
            }
            for proof in line.proofs
        ],
        "failures": [
            {"rule": each.rule.id, "source": each.spot.source, "message": each.spot.message}
            for each in line.failures
        ],
        "waived": [
            {"rule": each.finding.rule.id, "source": each.finding.spot.source, "waiver": each.waiver.source}
            for each in line.waived
        ],
    }
