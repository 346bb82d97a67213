"""What became of the cases, as people read it: the failures, then the counts, then what no case has shown."""

import json
import shlex
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from gateway.cases.coverage import KINDS, Coverage
from gateway.cases.play import Failure, Result
from gateway.rehearsal import CLIENT, Assumed, Draft, Verdict
from gateway.rehearsal.draft import HOST

_SHOWN_AT_MOST: Final = 20


def text(results: Sequence[Result], coverage: Coverage, minimum: float | None) -> str:
    """The whole report, with a line break at its end."""
    lines: list[str] = []
    for result in results:
        if result.failure is not None:
            lines += [*_failed(result, result.failure), ""]
    lines += [_counts(results), _covered(coverage)]
    if minimum is not None and coverage.percent < minimum:
        lines += ["", *_missing(coverage, minimum)]
    return "\n".join(lines) + "\n"


def _counts(results: Sequence[Result]) -> str:
    failed = sum(result.failure is not None for result in results)
    requests = sum(len(result.outcomes) for result in results)
    seconds = sum(result.seconds for result in results)
    said = f"{failed} failed, " if failed else ""
    return f"{said}{len(results) - failed} passed: {requests} requests in {seconds:.2f} s"


def _covered(coverage: Coverage) -> str:
    counts = [f"{kind}s {covered}/{there}" for kind in KINDS for covered, there in [coverage.counts(kind)]]
    return f"covered: {', '.join(counts)}: {coverage.percent:g} %"


def _missing(coverage: Coverage, minimum: float) -> Iterator[str]:
    yield f"Expected a coverage of at least {minimum:g} %. No case takes this route, or is refused by this:"
    missing = coverage.missing
    for item in missing[:_SHOWN_AT_MOST]:
        yield f"  {item.kind}  {item.name}  {item.source}".rstrip()
    if len(missing) > _SHOWN_AT_MOST:
        yield f"  and {len(missing) - _SHOWN_AT_MOST} more"


def _failed(result: Result, failure: Failure) -> Iterator[str]:
    yield f"FAILED {failure.scene.source}: {result.case.name}"
    yield from [f"  {line}" for line in explained(failure)]


def explained(failure: Failure) -> Iterator[str]:
    """What was expected and what came, who decided, and how to see all of it."""
    if failure.scene.times > 1:
        yield f"the request number {failure.number} of {failure.scene.times}"
    for each in failure.mismatches:
        yield f"{each.what}: expected {each.expected}, got {each.got}"
    decider = failure.outcome.decider
    place = f" at {decider.source}" if decider.source else ""
    verb = "let it pass last" if decider.verdict is Verdict.PASSED else "decided"
    yield f"{decider.name} {verb}{place}" + (f": {decider.note}" if decider.note else "")
    if failure.scene.draft is not None:
        yield command(failure.scene.draft, failure.scene.assumed)


def command(draft: Draft, assumed: Assumed | None) -> str:
    """The `gateway explain` that shows the same request; a body is left out."""
    url = draft.target if draft.host == HOST else f"http://{draft.host}{draft.target}"
    words = ["gateway", "explain", draft.method, url]
    words += [word for name, value in draft.fields for word in ("-H", f"{name}: {value}")]
    words += ["--client", draft.client] if draft.client != CLIENT else []
    words += _assumed(assumed) if assumed is not None else []
    words += ["--body", "FILE"] if draft.body else []
    return shlex.join(words)


def _assumed(assumed: Assumed) -> Iterable[str]:
    yield from ("--as", str(assumed))
    for scope in sorted(assumed.scopes):
        yield from ("--scope", scope)
    for name, value in assumed.claims.items():
        yield from ("--claim", f"{name}={json.dumps(value, ensure_ascii=False)}")
