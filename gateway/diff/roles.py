"""What roles grant, inheritance and all: the routes tell what comes of it."""

from collections.abc import Iterator

from gateway.diff.change import Change, Group, Kind, group
from gateway.diff.seen import defined
from gateway.policy.roles import EVERYTHING
from gateway.rehearsal import Stage


def roles(old: Stage, new: Stage) -> Iterator[Group]:
    """A group for each role that grants something else."""
    for name in sorted({*old.specs.roles, *new.specs.roles}):
        was, now = _granted(old, name), _granted(new, name)
        places = defined(old, ("roles", name)), defined(new, ("roles", name))
        changes = [Change(Kind.WIDENS, f"grants {each}", *places) for each in _beyond(now, was)]
        changes += [Change(Kind.NARROWS, f"no longer grants {each}", *places) for each in _beyond(was, now)]
        if not changes and (name in old.specs.roles) != (name in new.specs.roles):
            verb = "is removed" if name in old.specs.roles else "is added"
            changes.append(Change(Kind.CHANGES, f"{verb}, and grants nothing of its own", *places))
        yield from group(f"role {name}", changes)


def _granted(stage: Stage, name: str) -> set[str]:
    """The permissions of a role and of all that it inherits, as they are spelled."""
    found: set[str] = set()
    seen: set[str] = set()
    waiting = [name]
    while waiting:
        here = waiting.pop()
        role = stage.specs.roles.get(here)
        if role is not None and here not in seen:
            seen.add(here)
            found |= {*role.permissions}
            waiting += role.inherits
    return found


def _beyond(granted: set[str], known: set[str]) -> list[str]:
    return sorted(each for each in granted if known.isdisjoint(_spellings(each)))


def _spellings(permission: str) -> set[str]:
    return {EVERYTHING, f"{permission.partition(':')[0]}:*", permission}
