"""What whoever asked may want to know next. A client is never told any of this."""

import json
import shlex
from collections.abc import Iterator, Mapping
from typing import Final

from gateway.config.entry import Entry
from gateway.http.reason import Reason
from gateway.policy.credential import Refused
from gateway.policy.document import members
from gateway.policy.jws import read
from gateway.policy.roles import Role, Roles
from gateway.rehearsal import Outcome, Stage, Verdict

# Registered claims (RFC 7519 4.1), and what `--as` and `--scope` say already.
_SAID: Final = frozenset(["iss", "sub", "aud", "exp", "nbf", "iat", "jti", "roles", "scope"])
_OPTIONS: Final = "--as SUBJECT:ROLE,ROLE --scope SCOPE --claim NAME=JSON"


def hints(stage: Stage, outcome: Outcome, entry: Entry | None, token: str) -> Iterator[str]:
    """One sentence each; `token` is what was shown, empty where nothing was."""
    decider = outcome.decider
    asked = {step.name: step.verdict for step in outcome.steps}
    if decider.verdict is Verdict.UNKNOWN:
        yield f"Nobody is asked here. Say who would be verified: {_OPTIONS}"
        yield from _of_token(token)
    if decider.reason is Reason.NO_CREDENTIALS:
        yield f"To see what a principal gets, say who asks: {_OPTIONS}"
    if decider.reason is Reason.MISSING_PERMISSION and entry is not None:
        yield from _grants(stage, outcome, entry)
    if decider.reason is Reason.CONDITION_FAILED and outcome.exchange is not None:
        yield from _known(outcome)
    if outcome.route is not None and entry is not None and entry.spec.allow is None and "auth" in asked:
        yield "This route has no `allow`: every verified principal may ask."


def ignored(outcome: Outcome) -> Iterator[str]:
    """Why a principal that was assumed made no difference."""
    if outcome.exchange is not None and "auth" not in {step.name for step in outcome.steps}:
        yield "Nobody is asked who he is here: --as makes no difference."


def _grants(stage: Stage, outcome: Outcome, entry: Entry) -> Iterator[str]:
    """Which roles would have done."""
    roles = Roles({name: Role(role.permissions, role.inherits) for name, role in stage.specs.roles.items()})
    principal = outcome.exchange.principal if outcome.exchange is not None else None
    demanded = entry.spec.allow.permissions if entry.spec.allow is not None else ()
    for permission in demanded or ():
        granting = roles.granting(permission)
        if principal is not None and granting.isdisjoint(principal.roles):
            yield f"{permission} is granted by {', '.join(sorted(granting))}."


def _known(outcome: Outcome) -> Iterator[str]:
    """What a condition could look at."""
    principal = outcome.exchange.principal if outcome.exchange is not None else None
    known = [f"path.{name} is {_text(value)}" for name, value in outcome.captures.items()]
    claims: Mapping[str, object] = principal.claims if principal is not None else {}
    known += [f"claims.{name} is {_text(value)}" for name, value in claims.items()]
    yield f"It was known that {', '.join(known)}." if known else "Nothing was known that it could look at."


def _of_token(token: str) -> Iterator[str]:
    try:
        claims = members(read(token.encode()).payload)
    except (Refused, ValueError):
        return
    words = ["--as", f"{claims.get('sub', 'nobody')}{_listed(claims.get('roles'))}"]
    words += [word for scope in str(claims.get("scope", "")).split() for word in ("--scope", scope)]
    others = {name: value for name, value in claims.items() if name not in _SAID}
    words += [word for name, value in others.items() for word in ("--claim", f"{name}={json.dumps(value)}")]
    yield f"The token says of itself, and nobody has verified it: {shlex.join(words)}"


def _listed(roles: object) -> str:
    return f":{','.join(map(str, roles))}" if isinstance(roles, list) and roles else ""


def _text(value: object) -> str:
    return json.dumps(value, ensure_ascii=False, default=str)
