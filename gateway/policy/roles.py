"""Roles, and the permissions they grant.

Inheritance is followed when the configuration is read, so a request only asks whether a principal holds one
of the roles that grant a permission. Names are compared byte for byte; a role that nobody defined grants
nothing.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import final

EVERYTHING = "*"


@final
@dataclass(frozen=True, slots=True)
class Role:
    """What a role allows by itself: permissions `area:verb`, `area:*` or `*`; and the roles it inherits."""

    permissions: tuple[str, ...] = ()
    inherits: tuple[str, ...] = ()


@final
class Roles:
    """The roles of a configuration, by name."""

    __slots__ = ("_granting", "_heirs", "_roles")

    def __init__(self, roles: Mapping[str, Role]) -> None:
        self._roles = roles
        self._granting: dict[str, frozenset[str]] = {}
        self._heirs: dict[str, list[str]] = {}
        for name, role in roles.items():
            for inherited in role.inherits:
                self._heirs.setdefault(inherited, []).append(name)

    def granting(self, permission: str) -> frozenset[str]:
        """The roles that grant a permission `area:verb`, by themselves or by what they inherit."""
        if permission not in self._granting:
            self._granting[permission] = self._with_heirs(self._naming(permission))
        return self._granting[permission]

    def _naming(self, permission: str) -> list[str]:
        area = permission.partition(":")[0]
        spellings = {EVERYTHING, f"{area}:*", permission}
        return [name for name, role in self._roles.items() if not spellings.isdisjoint(role.permissions)]

    def _with_heirs(self, names: Iterable[str]) -> frozenset[str]:
        found: set[str] = set()
        waiting = list(names)
        while waiting:
            name = waiting.pop()
            if name not in found:
                found.add(name)
                waiting += self._heirs.get(name, ())
        return frozenset(found)


def cycles(roles: Mapping[str, Role]) -> list[tuple[str, ...]]:
    """Ways that lead from a role back to itself, each as the names on it: `(a, b, a)`.

    The last two names are the role whose `inherits` closes the way, and what it names.
    """
    found: list[tuple[str, ...]] = []
    done: set[str] = set()
    for start in roles:
        way = {} if start in done else {start: iter(roles[start].inherits)}
        while way:
            here = next(reversed(way))
            inherited = next(way[here], None)
            if inherited is None:
                del way[here]
                done.add(here)
            elif inherited in way:
                names = [*way]
                found.append((*names[names.index(inherited) :], inherited))
            elif inherited in roles and inherited not in done:
                way[inherited] = iter(roles[inherited].inherits)
    return found
