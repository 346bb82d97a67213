"""Who may ask: route by route, method by method, role by role.

What answers is the route's real pipeline: its `auth` is asked by somebody who shows nothing, its `allow` by
a principal of exactly one role, as each method of `auth` would have made it. Scopes are taken as given, and
told beside it. Every other policy asks how and how often, not who, and is left out.
"""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, final

from gateway.config.entry import Entry
from gateway.http.reason import Reason
from gateway.http.reply import Reply
from gateway.matrix.blind import certain, request
from gateway.policy import Exchange, Policy, Principal
from gateway.progress import counted
from gateway.rehearsal import Stage
from gateway.routing import Route

ANY: Final = "any"
PUBLIC: Final = "public"
# Reasons of a service or an issuer that is not here to be asked.
_UNKNOWN: Final = frozenset([Reason.KEYS_UNAVAILABLE, Reason.VERIFIER_UNAVAILABLE])


class Answer(StrEnum):
    """Whether somebody may ask; `depends` is what the request decides, or a service that would be asked."""

    ALLOW = "allow"
    DEPENDS = "depends"
    DENY = "deny"


@final
@dataclass(frozen=True, slots=True)
class Row:
    """One route and method. `roleless` is who is verified and has no role; `when` decides what depends.

    `on_trial` says that `allow` only reports.
    """

    route: str
    method: str
    host: str
    path: str
    auth: tuple[str, ...]
    anonymous: Answer
    roleless: Answer
    roles: Mapping[str, Answer]
    scopes: tuple[str, ...]
    when: str
    on_trial: bool
    source: str


def roles_of(stage: Stage) -> tuple[str, ...]:
    """The roles of a configuration in the order of their names."""
    return tuple(sorted(stage.specs.roles))


def matrix(stage: Stage, roles: Iterable[str]) -> list[Row]:
    """A row for each method of each route, in the order of their ids; the roles in that of `roles`."""
    asked = tuple(roles)
    routes = sorted(stage.snapshot.routes, key=lambda route: route.id)
    known = counted(routes, len(routes), "routes")
    return [row for route in known for row in rows(route, stage.entries[route.id], asked)]


def rows(route: Route, entry: Entry, roles: tuple[str, ...]) -> Iterator[Row]:
    """The rows of one route; that of a route for any method says `any`."""
    allow = entry.spec.allow if not entry.spec.is_public else None
    on_trial = allow is not None and "allow" in (entry.spec.report or ())
    gate = Gate(route, entry)
    for method in sorted(route.methods) or (ANY,):
        yield Row(
            route=route.id,
            method=method,
            host=entry.match.host or "",
            path=route.pattern,
            auth=auth_of(entry),
            anonymous=gate.anonymous(method),
            roleless=gate.verified(method, frozenset()),
            roles={role: gate.verified(method, frozenset([role])) for role in roles},
            scopes=(allow.scopes or ()) if allow is not None else (),
            when=(allow.when or "") if allow is not None else "",
            on_trial=on_trial,
            source=entry.sources.get("allow", route.source) if allow is not None else route.source,
        )


def auth_of(entry: Entry) -> tuple[str, ...]:
    """The words of `auth`."""
    said = entry.spec.auth or ()
    return (said,) if isinstance(said, str) else said


@final
class Gate:
    """What of a route's pipeline asks who it is."""

    def __init__(self, route: Route, entry: Entry) -> None:
        self._auth = _named(route, "auth")
        self._allow = _named(route, "allow")
        self._names = [name for name in auth_of(entry) if name != PUBLIC]
        said = entry.spec.allow
        self._scopes = frozenset((said.scopes or ()) if said is not None else ())
        self._when = (said.when or "") if said is not None else ""
        self._enforces = "allow" not in (entry.spec.report or ())

    def anonymous(self, method: str) -> Answer:
        """Whether somebody may ask who shows nothing."""
        exchange = Exchange(request(method), b"", ())
        for policy in (*self._auth, *self._allow):
            reply = policy(exchange)
            if isinstance(reply, Reply):
                return Answer.DEPENDS if reply.reason in _UNKNOWN else Answer.DENY
        return Answer.ALLOW

    def verified(self, method: str, roles: frozenset[str]) -> Answer:
        """Whether a principal of these roles may ask, whatever method of `auth` has verified it."""
        if not self._names:
            return Answer.ALLOW
        answers = {self._one(method, Principal("", name, roles, self._scopes)) for name in self._names}
        return answers.pop() if len(answers) == 1 else Answer.DEPENDS

    def _one(self, method: str, principal: Principal) -> Answer:
        for policy in self._allow:
            exchange = Exchange(request(method), b"", ())
            exchange.principal = principal
            try:
                reply = policy(exchange)
            except IndexError:
                # Its condition has come to a variable of the path, which stands behind all other demands.
                return self._decided(method, principal.roles)
            if isinstance(reply, Reply) and reply.reason is not Reason.CONDITION_FAILED:
                return Answer.DENY
        return self._decided(method, principal.roles)

    def _decided(self, method: str, roles: frozenset[str]) -> Answer:
        if not self._when or not self._enforces:
            return Answer.ALLOW
        verdict = certain(self._when, roles, () if method == ANY else (method,))
        return {True: Answer.ALLOW, False: Answer.DENY, None: Answer.DEPENDS}[verdict]


def _named(route: Route, name: str) -> tuple[Policy, ...]:
    return tuple(policy for policy in route.pipeline.policies if policy.name == name)
