"""A request that is over, explained from what the decision record knows of it.

The record tells who refused and who was asked before; what each policy was told to do stands in the
configuration, and is told if the same one still serves.
"""

from collections.abc import Iterator, Mapping
from typing import Any, Final

from gateway.config.compile import Specs
from gateway.config.masked import masked_key
from gateway.explain.effective import Key, effective, of_defaults
from gateway.explain.text import Ink, key_lines, page, table
from gateway.rehearsal import Verdict

# The words of the decision record, as an explanation says them.
_VERDICTS: Final[Mapping[str, Verdict]] = {
    "passed": Verdict.PASSED,
    "refused": Verdict.REFUSED,
    "reported": Verdict.ON_TRIAL,
    "not_asked": Verdict.NOT_ASKED,
    "unknown": Verdict.UNKNOWN,
}
_OF_REQUEST: Final = ("request_id", "time", "client", "method", "host", "path", "query", "principal", "roles")
# What no route takes is told what the defaults say.
_NO_ROUTES: Final = ("_unmatched", "_method_not_allowed")


def remembered(told: Mapping[str, Any], specs: Specs) -> dict[str, Any]:
    """The explanation; `told` is what `/decisions` tells of one request, `specs` are those that serve.

    `docs/admin.md` lists the members; none is renamed or taken away.
    """
    then, now = told["config_version"], specs.version
    changed = f"The configuration was {then} then, and is {now} now: what its keys said is not known."
    return {
        "request": {name: told[name] for name in _OF_REQUEST},
        "verdict": told["decision"],
        "status": told["status"],
        "reason": told["reason"] or None,
        "decided_by": {"step": told["policy"] or None, "source": told["source"] or None},
        "steps": list(_steps(told)),
        "route": told["route"],
        "policy": _policy(told["route"], specs) if then == now else [],
        "upstream": {"name": told["upstream"], "endpoint": told["endpoint"], "attempts": told["attempts"]},
        "hints": [] if then == now else [changed],
        "config_version": then,
        "decision": dict(told),
    }


def passes(said: Mapping[str, Any]) -> bool:
    """Whether the request passed, or was answered by what is no refusal."""
    return said["verdict"] in ("passed", "answered")


def remembered_text(said: Mapping[str, Any], ink: Ink) -> str:
    """The same for people, with a line break at its end."""
    return page(_lines(said, ink))


def _steps(told: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    reported = dict(told["reported"])
    for policy in told["policies"]:
        verdict = _VERDICTS[policy["verdict"]]
        reason = ""
        if verdict is Verdict.REFUSED:
            reason = told["reason"]
        elif verdict is Verdict.ON_TRIAL:
            reason = reported[policy["name"]]
        yield _step(policy["name"], verdict, reason, policy["source"])
    # Who ended it may be no policy of the route: the wire, the route itself, the backend.
    last = told["policy"] or ("upstream" if told["attempts"] else "")
    if last and last not in [policy["name"] for policy in told["policies"]]:
        yield _step(last, told["decision"], told["reason"], told["source"])


def _step(name: str, verdict: str, reason: str, source: str) -> dict[str, Any]:
    return {"step": name, "verdict": str(verdict), "reason": reason or None, "source": source or None}


def _policy(route: str, specs: Specs) -> list[dict[str, Any]]:
    """What the route is told to do, as those may read it who perhaps cannot read the files."""
    entry = next((each for each in specs.entries if each.spec.id == route), None)
    if entry is None and route not in _NO_ROUTES:
        return []
    keys = effective(entry, specs.tree, masked_key) if entry else of_defaults(specs.tree, masked_key)
    return [{"key": key.name, "value": key.value, "source": key.source or None} for key in keys]


def _lines(said: Mapping[str, Any], ink: Ink) -> Iterator[str]:
    request, keys = said["request"], [_key(key) for key in said["policy"]]
    url = f"{request['method']} {request['host']}{request['path']}{request['query']}".strip()
    who = f", as {request['principal']}:{','.join(request['roles'])}" if request["principal"] else ""
    yield f"{ink.bold(url or 'What was no request')}  from {request['client']} at {request['time']}{who}"
    yield ""
    yield from table([_row(step) for step in said["steps"]], ink)
    yield ""
    yield ink.verdict(said["verdict"], _verdict(said))
    by = said["decided_by"]["step"]
    yield from [f"  {key.name}: {key}" for key in keys if key.name == by and said["reason"]]
    yield from [f"  {hint}" for hint in said["hints"]]
    if keys:
        named = (
            "The defaults of gateway.yaml" if said["route"] in _NO_ROUTES else f"The route {said['route']}"
        )
        yield from ["", ink.bold(named), *key_lines(keys, ink)]


def _row(step: Mapping[str, Any]) -> tuple[str, str, str, str]:
    return step["step"], step["verdict"], step["reason"] or "", step["source"] or ""


def _key(said: Mapping[str, Any]) -> Key:
    return Key(said["key"], said["value"], said["source"] or "")


def _verdict(said: Mapping[str, Any]) -> str:
    if said["verdict"] == "passed":
        return f"Passed: {said['status']} by {said['upstream']['name']}"
    by, source = said["decided_by"]["step"], said["decided_by"]["source"]
    reason = f" {said['reason']}" if said["reason"] else ""
    decider = f" by {by}" if by else ""
    place = f" at {source}" if source else ""
    return f"{said['verdict'].capitalize()}: {said['status']}{reason}{decider}{place}"
