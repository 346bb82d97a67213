"""Roles and demands: what is wrong with them beyond their shape.

Looks at trees, not at specs, so that a file with other faults still has all of it checked. A permission that
no role grants is certainly a mistake, since nobody could ever pass; one that only `*` grants is not, since
that is how something is kept for administrators.
"""

import re
from collections.abc import Iterator, Sequence

from gateway.config.interpolation import Resolved
from gateway.config.names import ANY, at
from gateway.config.problem import Path, Problem
from gateway.config.tree import Tree, shown
from gateway.config.values import PERMISSION
from gateway.config.wording import nearest
from gateway.http.template import variables
from gateway.policy.condition import condition
from gateway.policy.roles import Role, Roles, cycles

_ROLES: Path = ("roles", ANY)
_CALLERS: tuple[Path, ...] = (("defaults", "allow"), ("routes", ANY, "allow"))
_SHOWN_AT_MOST = 6


def problems(trees: Sequence[Tree]) -> Iterator[Problem]:
    """Roles that inherit themselves, and conditions that are none."""
    places = {str(path[-1]): (tree, path) for tree in trees for path, _ in at(tree, _ROLES)}
    for way in cycles(_roles(trees)):
        tree, path = places[way[-2]]
        place = next(place for place, name in at(tree, (*path, "inherits", ANY)) if name == way[-1])
        yield tree.problem(place, f"expected no role that inherits itself, got {_spelled(way)}")
    for tree in trees:
        for caller in _CALLERS:
            for path, text in at(tree, (*caller, "when")):
                yield from _condition(tree, path, text)


def ungranted(trees: Sequence[Tree]) -> Iterator[Problem]:
    """Permissions that are demanded and that no role grants."""
    defined = _roles(trees)
    roles, known = Roles(defined), [each for role in defined.values() for each in role.permissions]
    for tree in trees:
        for caller in _CALLERS:
            for path, text in at(tree, (*caller, "permissions", ANY)):
                if isinstance(text, str) and re.fullmatch(PERMISSION, text) and not roles.granting(text):
                    message = f"expected a permission that a role grants, got {shown(text)}"
                    yield tree.problem(path, message + nearest(text, known))


def _roles(trees: Sequence[Tree]) -> dict[str, Role]:
    return {
        str(path[-1]): Role(_texts(tree, (*path, "permissions")), _texts(tree, (*path, "inherits")))
        for tree in trees
        for path, _ in at(tree, _ROLES)
    }


def _texts(tree: Tree, path: Path) -> tuple[str, ...]:
    return tuple(text for _, text in at(tree, (*path, ANY)) if isinstance(text, str))


def _spelled(way: tuple[str, ...]) -> str:
    # Names that bear a role were written as keys; a way of many roles is told by its ends.
    names = way if len(way) <= _SHOWN_AT_MOST else (*way[: _SHOWN_AT_MOST // 2], "...", *way[-2:])
    return " -> ".join(names)


def _condition(tree: Tree, path: Path, text: object) -> Iterator[Problem]:
    if not isinstance(text, str) or not text:
        return
    try:
        condition(text, _variables(tree, path))
    except ValueError as error:
        message = str(error)
        if isinstance(text, Resolved):
            message = f"{message.partition(', got ')[0]}, got {shown(text)}"
        yield tree.problem(path, message)


def _variables(tree: Tree, path: Path) -> tuple[str, ...] | None:
    """Those of the route at `path`; None for defaults, whose routes differ, and for a path that is none."""
    template = tree.at((*path[:2], "match", "path")) if path[0] == "routes" else None
    try:
        # A prefix has no variables.
        return variables(template) if isinstance(template, str) else None
    except ValueError:
        return None
