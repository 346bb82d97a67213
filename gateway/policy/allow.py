"""Which verified principals may ask.

Every part of a demand must hold. What depends on roles and scopes alone is decided once and remembered, so a
principal that comes again costs one look-up; a condition is asked each time. 401 means "say who you are", 403
"you may not", and a 403 never tells which role or permission would have done.
"""

from dataclasses import dataclass
from typing import Final, final

from gateway.http.reply import Reply, problem
from gateway.policy import Exchange, Reason
from gateway.policy.logic import When

# Verdicts remembered per route, and the roles and scopes of one of them. When the verdicts are more, all are
# forgotten; a principal with more roles and scopes is judged each time. Both bound the memory.
_REMEMBERED_AT_MOST = 1024
_MEMBERS_AT_MOST = 64

_MISSING_PERMISSION = problem(403, Reason.MISSING_PERMISSION, "None of your roles permits this.")
_MISSING_ROLE = problem(403, Reason.MISSING_ROLE, "None of your roles may do this.")
_CONDITION_FAILED = problem(403, Reason.CONDITION_FAILED, "This is not for you, or not this way.")


@final
@dataclass(frozen=True, slots=True)
class Demand:
    """What a route asks of a principal.

    `permissions` has the roles that grant it for each permission that is needed: one of each must be there.
    Of `roles` one must be there, of `scopes` all; empty ones ask nothing. `when` must give True.
    """

    permissions: tuple[frozenset[str], ...] = ()
    roles: frozenset[str] = frozenset()
    scopes: tuple[str, ...] = ()
    when: When | None = None


@final
class Allow:
    """Refuses a principal that lacks what the route demands, and whoever did not say who he is."""

    __slots__ = ("_nobody", "_verdicts", "_when", "source")

    name: Final = "allow"

    def __init__(self, demand: Demand, source: str, nobody: Reply) -> None:
        self.source = source
        self._nobody = nobody
        self._verdicts = _Verdicts(demand)
        self._when = demand.when

    def __call__(self, exchange: Exchange) -> Reply | None:
        """401 `no_credentials`, 403 with the part that is missing, or None."""
        principal = exchange.principal
        if principal is None:
            return self._nobody
        refusal = self._verdicts[principal.roles, principal.scopes]
        if refusal is not None or self._when is None:
            return refusal
        # What is not known to hold does not hold.
        return None if self._when(exchange, principal) is True else _CONDITION_FAILED


@final
class _Verdicts(dict[tuple[frozenset[str], frozenset[str]], Reply | None]):
    """Roles and scopes -> verdict; learns those that come."""

    def __init__(self, demand: Demand) -> None:
        super().__init__()
        self._demand = demand
        self._scopes = frozenset(demand.scopes)
        self._insufficient_scope = _insufficient_scope(demand.scopes)

    def __missing__(self, held: tuple[frozenset[str], frozenset[str]]) -> Reply | None:
        roles, scopes = held
        verdict = self._judge(roles, scopes)
        if len(roles) + len(scopes) <= _MEMBERS_AT_MOST:
            if len(self) >= _REMEMBERED_AT_MOST:
                self.clear()
            self[held] = verdict
        return verdict

    def _judge(self, roles: frozenset[str], scopes: frozenset[str]) -> Reply | None:
        demand = self._demand
        if any(granting.isdisjoint(roles) for granting in demand.permissions):
            return _MISSING_PERMISSION
        if demand.roles and demand.roles.isdisjoint(roles):
            return _MISSING_ROLE
        return None if self._scopes <= scopes else self._insufficient_scope


def _insufficient_scope(scopes: tuple[str, ...]) -> Reply:
    # RFC 6750 3.1: the response "MAY include the 'scope' attribute with the scope necessary to access the
    # protected resource".
    challenge = f'Bearer error="insufficient_scope", scope="{" ".join(scopes)}"'
    return problem(
        403,
        Reason.INSUFFICIENT_SCOPE,
        "Your credentials do not reach this far.",
        (b"WWW-Authenticate", challenge.encode("ascii")),
    )
