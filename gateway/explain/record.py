"""An explanation as JSON. `docs/policies-as-code.md` lists the members; none is renamed or taken away."""

import json
from typing import Any

from gateway.explain.report import Report
from gateway.rehearsal import Outcome, Verdict


def record(told: Report) -> dict[str, Any]:
    """The members, in the order in which people read them."""
    outcome, draft = told.outcome, told.question.draft
    decider = outcome.decider
    return {
        "request": {
            "method": draft.method,
            "target": draft.target,
            "host": draft.host,
            "client": draft.client,
            "listener": told.listener,
        },
        "verdict": str(outcome.verdict),
        "status": outcome.answer.status if outcome.answer is not None else None,
        "reason": outcome.reason,
        "decided_by": {"step": decider.name, "source": decider.source or None},
        "steps": [
            {
                "step": step.name,
                "verdict": str(step.verdict),
                "reason": step.reason,
                "source": step.source or None,
                "note": step.note,
            }
            for step in outcome.steps
        ],
        "route": _route(told),
        "policy": [{"key": key.name, "value": key.value, "source": key.source or None} for key in told.keys],
        "upstream": _upstream(told),
        "response": _response(told),
        "answer": _answer(outcome),
        "hints": told.hints,
        "config_version": told.config_version,
    }


def _route(told: Report) -> dict[str, Any] | None:
    route = told.outcome.route
    if route is None or not route.pattern:
        return None
    return {
        "id": route.id,
        "path": route.pattern,
        "methods": list(route.methods),
        "variables": told.outcome.captures,
        "source": route.source,
    }


def _upstream(told: Report) -> dict[str, Any] | None:
    forward = told.outcome.forward
    if forward is None:
        return None
    line, fields = told.forwarded
    return {"name": forward.upstream, "request_line": line, "fields": fields}


def _response(told: Report) -> dict[str, Any] | None:
    if told.outcome.verdict is not Verdict.PASSED:
        return None
    changes = told.changes
    return {"set": changes.set, "default": changes.default, "add": changes.add, "remove": changes.remove}


def _answer(outcome: Outcome) -> dict[str, Any] | None:
    answer = outcome.answer
    if answer is None:
        return None
    fields = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in answer.fields]
    text = answer.body.decode(errors="replace")
    is_problem = any(value == "application/problem+json" for _, value in fields)
    return {"status": answer.status, "fields": fields, "body": json.loads(text) if is_problem else text}
