"""What became of the cases as JSON. `docs/policies-as-code.md` lists the members."""

from collections.abc import Sequence
from typing import Any

from gateway.cases.coverage import KINDS, Coverage
from gateway.cases.play import Failure, Result


def record(results: Sequence[Result], coverage: Coverage) -> dict[str, Any]:
    """The members."""
    failed = sum(result.failure is not None for result in results)
    return {
        "passed": len(results) - failed,
        "failed": failed,
        "cases": [_case(result) for result in results],
        "coverage": {
            "percent": coverage.percent,
            **{
                f"{kind}s": dict(zip(("covered", "all"), coverage.counts(kind), strict=True))
                for kind in KINDS
            },
            "missing": [
                {"kind": item.kind, "name": item.name, "source": item.source or None}
                for item in coverage.missing
            ],
        },
    }


def _counts(covered: int, there: int) -> dict[str, int]:
    return {"covered": covered, "all": there}


def _case(result: Result) -> dict[str, Any]:
    case, failure = result.case, result.failure
    return {
        "name": case.name,
        "source": case.source,
        "passed": failure is None,
        "seconds": round(result.seconds, 6),
        "failure": _failure(failure) if failure is not None else None,
    }


def _failure(failure: Failure) -> dict[str, Any]:
    decider = failure.outcome.decider
    return {
        "source": failure.scene.source,
        "mismatches": [
            {"what": each.what, "expected": each.expected, "got": each.got} for each in failure.mismatches
        ],
        "decided_by": {"step": decider.name, "source": decider.source or None},
    }
