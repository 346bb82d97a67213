"""A report as SARIF 2.1.0 (OASIS), which code hosts show beside the lines of a change.

What is waived stands there too, as suppressed with its reason. A result is the same from one run to the next
by its rule and its subject, whatever lines move above it.
"""

from hashlib import sha256
from typing import Any, Final
from urllib.parse import quote

from gateway import __version__
from gateway.audit.finding import Finding, Rule
from gateway.audit.report import Report
from gateway.audit.rules import EVERY
from gateway.audit.text import until
from gateway.audit.waiving import Waived

_SCHEMA: Final = "https://docs.oasis-open.org/sarif/sarif/v2.1.0/errata01/os/schemas/sarif-schema-2.1.0.json"
_POSITIONS: Final = {rule.id: position for position, rule in enumerate(EVERY)}


def sarif(report: Report) -> dict[str, Any]:
    """The log of one run."""
    driver = {
        "name": "azora-gateway",
        "semanticVersion": __version__,
        "rules": [_rule(rule) for rule in EVERY],
    }
    results = [_result(finding) for finding in report.findings]
    results += [_suppressed(each) for each in report.waived]
    run = {"tool": {"driver": driver}, "columnKind": "unicodeCodePoints", "results": results}
    return {"$schema": _SCHEMA, "version": "2.1.0", "runs": [run]}


def _rule(rule: Rule) -> dict[str, Any]:
    return {
        "id": rule.id,
        "shortDescription": {"text": rule.title},
        "help": {"text": rule.fix},
        "defaultConfiguration": {"level": rule.severity},
    }


def _result(finding: Finding) -> dict[str, Any]:
    rule, spot = finding.rule, finding.spot
    file, _, line = spot.source.rpartition(":")
    subject = sha256(f"{rule.id} {spot.is_route} {spot.subject}".encode()).hexdigest()
    return {
        "ruleId": rule.id,
        "ruleIndex": _POSITIONS[rule.id],
        "level": rule.severity,
        "message": {"text": f"{spot.message}. {rule.fix}"},
        "locations": [
            {
                "physicalLocation": {
                    "artifactLocation": {"uri": quote(file)},
                    "region": {"startLine": int(line)},
                },
                "logicalLocations": [{"fullyQualifiedName": spot.subject}],
            }
        ],
        "partialFingerprints": {"subject/v1": subject},
    }


def _suppressed(waived: Waived) -> dict[str, Any]:
    said = f"{waived.waiver.spec.reason} (until {until(waived)}, {waived.waiver.source})"
    suppression = {"kind": "external", "status": "accepted", "justification": said}
    return {**_result(waived.finding), "suppressions": [suppression]}
