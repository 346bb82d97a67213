"""What a step makes of a request of which the log has only a part.

A finding is certain where the log has all that the step looks at. Otherwise it says what the step depends
on, so that it can be compared with that of another configuration.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Final, final

from gateway.config.schema.named import CorsSpec
from gateway.config.schema.routes import AllowSpec, DefaultsSpec
from gateway.http.reason import Reason
from gateway.policy.condition import condition
from gateway.rehearsal import Outcome, Step, Verdict
from gateway.replay.recorded import Asked
from gateway.routing import Route

_SAFE: Final = frozenset(["GET", "HEAD", "OPTIONS"])
_BODILESS: Final = frozenset(["GET", "HEAD", "DELETE", "OPTIONS"])
_TOO_LARGE: Final = 413


@final
@dataclass(frozen=True, slots=True)
class Refusal:
    """A refusal that is certain."""

    reason: str
    status: int


@final
@dataclass(frozen=True, slots=True)
class Finding:
    """One step. `refusal` is None where it lets pass, or where `lacks` says what the log has not.

    `is_for_proved` tells of one that no request passes of which the log names no principal.
    """

    name: str
    source: str
    refusal: Refusal | None = None
    lacks: str = ""
    is_for_proved: bool = False


@final
@dataclass(frozen=True, slots=True)
class Scene:
    """What a judge looks at: the request, what its rehearsal came to, its route, and what holds there.

    `tells_sub` says that the principal of the log is the claim `sub` of its token.
    """

    asked: Asked
    outcome: Outcome
    route: Route
    spec: DefaultsSpec
    cors: CorsSpec | None
    tells_sub: bool


# None: it passes; a text: what would have to be known.
_Judged = Refusal | str | None


def finding(scene: Scene, step: Step) -> Finding:
    """What a policy of the route makes of the request, by its step of the rehearsal."""
    if step.name in (scene.spec.report or ()):
        return Finding(step.name, step.source)
    judge = _JUDGES.get(step.name)
    judged = judge(scene, step) if judge is not None else "what it looks at"
    if isinstance(judged, str):
        keeps_out = step.reason is Reason.NO_CREDENTIALS and step.name == "auth"
        return Finding(step.name, step.source, lacks=judged, is_for_proved=keeps_out)
    return Finding(step.name, step.source, judged)


def _allow(scene: Scene, step: Step) -> _Judged:
    said = scene.spec.allow
    exchange = scene.outcome.exchange
    if step.verdict is Verdict.NOT_ASKED or exchange is None or exchange.principal is None or said is None:
        return "the principal"
    if step.reason in (Reason.MISSING_PERMISSION, Reason.MISSING_ROLE):
        return Refusal(step.reason, 403)
    if said.scopes:
        return "the scopes of the token"
    return _condition(scene, said) if said.when is not None else None


def _condition(scene: Scene, said: AllowSpec) -> _Judged:
    exchange = scene.outcome.exchange
    if exchange is None or exchange.principal is None or said.when is None:
        return "the principal"
    known = exchange.principal.claims if scene.tells_sub else {}
    principal = replace(exchange.principal, claims=known)
    holds = condition(said.when, scene.route.variables)(exchange, principal)
    # Claims that the log has not are unknown to it, and what is unknown stays so: what holds or does not
    # hold in spite of that does so whatever they are.
    if holds is None:
        return "the claims of the token"
    return None if holds else Refusal(Reason.CONDITION_FAILED, 403)


def _auth(scene: Scene, step: Step) -> _Judged:
    return "the credentials"


def _clients(scene: Scene, step: Step) -> _Judged:
    if step.verdict is Verdict.NOT_ASKED:
        return "the address"
    return Refusal(step.reason, 403) if step.verdict is Verdict.REFUSED and step.reason else None


def _cors(scene: Scene, step: Step) -> _Judged:
    # Only a preflight, a handshake and, where it says so, a request of another origin are refused.
    is_harmless = scene.asked.method != "OPTIONS" and not scene.route.upgrades
    rejects = scene.cors is None or scene.cors.on_disallowed == "reject"
    return None if is_harmless and not rejects else "the origin"


def _csrf(scene: Scene, step: Step) -> _Judged:
    is_safe = scene.asked.method in _SAFE and not scene.route.upgrades
    return None if is_safe else "cookies and the origin"


def _limits(scene: Scene, step: Step) -> _Judged:
    size = scene.asked.size
    if size > scene.route.body_limit:
        return Refusal(Reason.BODY_TOO_LARGE, _TOO_LARGE)
    return None if size >= 0 else "the size of the body"


def _quota(scene: Scene, step: Step) -> _Judged:
    return "how often it was asked"


def _validate(scene: Scene, step: Step) -> _Judged:
    said = scene.spec.validate_
    looks_further = said is None or said.openapi is not None or said.query is not None
    is_bare = scene.asked.size == 0 and scene.asked.method in _BODILESS
    return None if is_bare and not looks_further else "the body, the query and the fields"


def _passes(scene: Scene, step: Step) -> _Judged:
    return None


_JUDGES: Final[Mapping[str, Callable[[Scene, Step], _Judged]]] = {
    "allow": _allow,
    "auth": _auth,
    "clients": _clients,
    "compress": _passes,
    "cors": _cors,
    "csrf": _csrf,
    "limits": _limits,
    "quota": _quota,
    "validate": _validate,
}
