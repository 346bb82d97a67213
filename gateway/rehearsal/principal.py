"""A principal that is assumed: it stands in for a verified one where nobody can verify."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import final

from gateway.config.schema.cases import PrincipalSpec
from gateway.policy import Principal
from gateway.policy.authn import Identity
from gateway.policy.identity_fields import identity_fields


@final
@dataclass(frozen=True, slots=True)
class Assumed:
    """Who is said to ask. Without `method` it is the first that the route's `auth` names."""

    subject: str
    roles: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()
    claims: Mapping[str, object] = field(default_factory=dict)
    method: str = ""
    tier: str | None = None

    def identity(self, usual: str) -> Identity:
        """The identity, as the method would have made it. Raises ValueError for what no token could say."""
        principal = Principal(
            subject=self.subject,
            method=self.method or usual,
            roles=self.roles,
            scopes=self.scopes,
            claims={"sub": self.subject, **self.claims},
            tier=self.tier,
        )
        return Identity(principal, identity_fields(principal))

    def __str__(self) -> str:
        return f"{self.subject}:{','.join(sorted(self.roles))}" if self.roles else self.subject


def assumed(said: PrincipalSpec) -> Assumed:
    """Who is meant by what a file or a question says of a principal."""
    return Assumed(
        subject=said.subject,
        roles=frozenset(said.roles),
        scopes=frozenset(said.scopes),
        claims=said.claims,
        method=said.method or "",
        tier=said.tier,
    )
