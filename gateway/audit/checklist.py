"""The published lists of risks, line by line: what this configuration shows for each.

A line fails where a rule that belongs to it is broken and not waived; notes break none. It is partly kept
where the rest is a matter of the services, which the gateway does not see. Its proofs are lines of the files.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, final

from gateway.audit import fields
from gateway.audit.fields import State
from gateway.audit.finding import Finding
from gateway.audit.risks import RISKS, Proof, Risk
from gateway.audit.survey import Survey
from gateway.audit.waiving import Waived
from gateway.config.header_manual import PURPOSES

SECURE_HEADERS: Final = "OWASP Secure Headers"
# What may leave a field out; the one of TLS has a rule of its own.
_BARE: Final = "AZ305"
_WITHOUT_TLS: Final = "AZ306"
_INCOMPLETE: Final = "AZ309"
_LOGOUT: Final = "Say it on the route of a logout alone: on any other answer it would log people out."
_NO_TLS: Final = "No connection is known to be secure, and on others the field must not stand (RFC 6797 7.2)."
_NO_PAGE: Final = "By our policy no page may load or run anything; a service with another one says this, too."
_WAIVED: Final = "Where it is missing, that is waived."
_SERVICE: Final = "Where a service sends the field itself, that stands."


class Verdict(StrEnum):
    """What a line comes to."""

    PASSED = "pass"
    FAILED = "fail"
    PARTLY = "partly"
    NOT_APPLICABLE = "not applicable"


@final
@dataclass(frozen=True, slots=True)
class Line:
    """One line of a list. `rest` is what is left to the service, or why there is nothing to judge."""

    standard: str
    id: str
    title: str
    verdict: Verdict
    proofs: tuple[Proof, ...]
    failures: tuple[Finding, ...]
    waived: tuple[Waived, ...]
    rest: str = ""


def checklist(survey: Survey, standing: Sequence[Finding], excused: Sequence[Waived]) -> tuple[Line, ...]:
    """Every line of every list."""
    risks = [_risk(survey, risk, standing, excused) for risk in RISKS]
    return (*risks, *(_field(survey, name, standing, excused) for name in fields.NAMES))


def _risk(survey: Survey, risk: Risk, standing: Sequence[Finding], excused: Sequence[Waived]) -> Line:
    failures = tuple(_failing(standing, risk.rules))
    waived = tuple(each for each in excused if each.finding.rule.id in risk.rules and _counts(each.finding))
    proofs = tuple(dict.fromkeys(risk.proofs(survey)))
    rest = " ".join(filter(None, (risk.always, risk.rest)))
    if failures:
        verdict = Verdict.FAILED
    elif not proofs and not risk.always:
        verdict, rest = Verdict.NOT_APPLICABLE, risk.without
    else:
        verdict = Verdict.PARTLY if risk.rest else Verdict.PASSED
    return Line(risk.standard, risk.id, risk.title, verdict, proofs, failures, waived, rest)


def _failing(standing: Sequence[Finding], rules: Sequence[str]) -> Iterator[Finding]:
    return (each for each in standing if each.rule.id in rules and _counts(each))


def _counts(finding: Finding) -> bool:
    return finding.rule.severity != "note"


def _field(survey: Survey, name: str, standing: Sequence[Finding], excused: Sequence[Waived]) -> Line:
    states = [(way, fields.state(survey, way, name)) for way in survey.ways]
    without = {way.id for way, state in states if state is State.MISSING}
    rules = (_BARE, _WITHOUT_TLS if name == fields.HSTS else _INCOMPLETE)
    failures = tuple(each for each in _failing(standing, rules) if each.spot.subject in without)
    waived = tuple(
        each for each in excused if each.finding.rule.id in rules and each.finding.spot.subject in without
    )
    proofs = tuple(
        Proof(way.id, state.value, way.said("headers"), is_route=True)
        for way, state in states
        if state in (State.SET, State.DEFAULT)
    )
    verdict, rest = _of_field(name, {state for _, state in states}, bool(failures))
    return Line(SECURE_HEADERS, name, PURPOSES[name], verdict, proofs, failures, waived, rest)


def _of_field(name: str, states: set[State], is_broken: bool) -> tuple[Verdict, str]:
    if is_broken:
        return Verdict.FAILED, ""
    if State.MISSING in states:
        return Verdict.PARTLY, _WAIVED
    if states <= {State.UNNEEDED}:
        reasons = {fields.HSTS: _NO_TLS, fields.CLEAR: _LOGOUT}
        return Verdict.NOT_APPLICABLE, reasons.get(name, _NO_PAGE)
    return (Verdict.PARTLY, _SERVICE) if State.DEFAULT in states else (Verdict.PASSED, "")
