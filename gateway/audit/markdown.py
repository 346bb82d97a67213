"""A report as Markdown, for a repository: the same files give the same text, whoever asks and when."""

from collections import Counter
from collections.abc import Iterable, Iterator
from typing import Final

from gateway.audit.checklist import Line
from gateway.audit.report import Report
from gateway.audit.risks import Proof
from gateway.audit.survey import Survey, Way
from gateway.audit.text import counted, until

_INTRODUCTION: Final = """\
# Security checklist

<!-- Made by `gateway audit --format markdown`. -->

What the configuration shows for the published lists of risks. `pass`: the gateway keeps it. `fail`: a rule
is broken. `partly`: the rest, which stands beside it, is up to the services. `not applicable`: there is
nothing to judge. The lines of each route stand [below](#routes). What a rule means tells [audit](audit.md).
"""
_OF_ROUTES: Final = "Each cell is the line that holds for the route; in italics it is on trial."
# The keys whose lines prove something of a route, as columns.
_COLUMNS: Final = ("auth", "allow", "quota", "limits", "validate", "csrf", "cors", "headers")


def markdown(report: Report) -> str:
    """The whole report, with a line break at its end."""
    lines = [_INTRODUCTION, f"{counted(report)}.", ""]
    for standard in dict.fromkeys(line.standard for line in report.lines):
        lines += [f"## {standard}", "", *_table(line for line in report.lines if line.standard == standard)]
        lines.append("")
    lines += [*_findings(report), *_waived(report), *_routes(report.survey)]
    return "\n".join(lines) + "\n"


def _table(lines: Iterable[Line]) -> Iterator[str]:
    yield "| | | verdict | shown by | beside that |"
    yield "| --- | --- | --- | --- | --- |"
    for line in lines:
        shown = "<br>".join([*_broken(line), *_shown(line.proofs), *_excused(line)])
        yield _row(line.id, line.title, line.verdict.value, shown, line.rest)


def _broken(line: Line) -> Iterator[str]:
    for rule, count in Counter(failure.rule.id for failure in line.failures).items():
        yield f"[{rule}](#findings): {count}"


def _shown(proofs: Iterable[Proof]) -> Iterator[str]:
    proofs = tuple(proofs)
    of_routes = {(proof.what, proof.subject) for proof in proofs if proof.is_route}
    for what, count in Counter(what for what, _ in sorted(of_routes)).items():
        yield f"`{what}` on {count} route{'' if count == 1 else 's'}"
    for file, whats in _by_file(proof for proof in proofs if not proof.is_route).items():
        said = ", ".join(f"{what} {' '.join(numbers)}" for what, numbers in whats.items())
        yield f"{file}: {said}"


def _by_file(proofs: Iterable[Proof]) -> dict[str, dict[str, list[str]]]:
    """Files -> sections -> lines."""
    files: dict[str, dict[str, list[str]]] = {}
    for proof in proofs:
        file, _, line = proof.source.rpartition(":")
        files.setdefault(file, {}).setdefault(f"`{proof.what}`", []).append(line)
    return files


def _excused(line: Line) -> Iterator[str]:
    for rule, count in Counter(each.finding.rule.id for each in line.waived).items():
        yield f"[{rule} waived](#waived): {count}"


def _findings(report: Report) -> Iterator[str]:
    yield from ("## Findings", "")
    if not report.findings:
        yield from ("None.", "")
    for rule in dict.fromkeys(finding.rule for finding in report.findings):
        yield from (f"{rule.id}, {rule.severity}: {rule.title}. {rule.fix}", "")
        for finding in report.findings:
            if finding.rule is rule:
                yield f"- {finding.spot.source}: {finding.spot.message}"
        yield ""


def _waived(report: Report) -> Iterator[str]:
    if not report.waived:
        return
    yield from ("## Waived", "", "| rule | where | what | why | until |", "| --- | --- | --- | --- | --- |")
    for each in report.waived:
        spot = each.finding.spot
        reason = f"{each.waiver.spec.reason} ({each.waiver.source})"
        yield _row(each.finding.rule.id, spot.source, spot.message, reason, until(each))
    yield ""


def _routes(survey: Survey) -> Iterator[str]:
    yield from ("## Routes", "", _OF_ROUTES, "")
    yield _row("route", *(f"`{column}`" for column in _COLUMNS))
    yield "| --- " * (len(_COLUMNS) + 1) + "|"
    for way in survey.ways:
        yield _row(f"`{way.id}`", *(_cell(way, column) for column in _COLUMNS))


def _cell(way: Way, column: str) -> str:
    asked = [policy.source for policy in way.route.pipeline.policies if policy.name == column]
    said = [way.said(column)] if column in way.entry.sources else []
    source = next(iter(asked or said), "")
    if column == "auth" and way.spec.is_public:
        return f"public {source}"
    return f"*{source}*" if source and column in (way.spec.report or ()) else source


def _row(*cells: str) -> str:
    # A reason may have come in several lines.
    plain = (" ".join(cell.split()).replace("|", r"\|") for cell in cells)
    return f"| {' | '.join(plain)} |"
