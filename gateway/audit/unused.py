"""Rules about what stands in the files and has no part in anything: forgotten, or misspelt elsewhere."""

import re
from collections.abc import Collection, Iterator
from typing import Final

from gateway.audit.finding import Rule, Spot, place
from gateway.audit.survey import Survey
from gateway.config.names import ANY, at
from gateway.config.problem import Path
from gateway.config.tree import Tree
from gateway.policy.roles import Role, Roles

_CALLERS: Final[tuple[Path, ...]] = (("defaults",), ("routes", ANY))


def _called(survey: Survey, *keys: Path) -> set[object]:
    """Every text that stands at one of the keys of a route or of defaults."""
    trees = (survey.specs.tree, *survey.specs.policies)
    patterns = [(*caller, *key) for caller in _CALLERS for key in keys]
    return {
        value
        for tree in trees
        for pattern in patterns
        for _, value in at(tree, pattern)
        if isinstance(value, str)
    }


def _idle(trees: Collection[Tree], section: str, called: Collection[object]) -> Iterator[Spot]:
    for tree in trees:
        said = tree.at((section,))
        for name in said if isinstance(said, dict) else ():
            if name not in called:
                yield place(tree, (section, name), f"nobody calls for {name}")


def _tiers(survey: Survey) -> Iterator[Spot]:
    called = _called(survey, ("quota", ANY), ("quota", ANY, ANY))
    called |= {key.tier for key in survey.specs.credentials.keys}
    called |= {user.tier for user in survey.specs.credentials.users}
    yield from _idle(survey.specs.policies, "tiers", called)


def _roles(survey: Survey) -> Iterator[Spot]:
    specs = survey.specs
    named = _called(survey, ("allow", "roles", ANY))
    # A condition names a role in quotes.
    quoted = re.compile(r"\"([^\"]*)\"|'([^']*)'")
    for way in survey.ways:
        when = (way.spec.allow.when if way.spec.allow else None) or ""
        named |= {text for pair in quoted.findall(when) for text in pair}
    granting = Roles({name: Role(role.permissions, role.inherits) for name, role in specs.roles.items()})
    for permission in _called(survey, ("allow", "permissions", ANY)):
        named |= granting.granting(str(permission))
    for tree in specs.policies:
        said = tree.at(("roles",))
        for name in said if isinstance(said, dict) else ():
            if name not in named:
                yield place(tree, ("roles", name), f"no route asks for {name} or what it grants")


def _upstreams(survey: Survey) -> Iterator[Spot]:
    used = {way.spec.upstream for way in survey.ways}
    yield from _idle([survey.specs.tree], "upstreams", used)


def _cors(survey: Survey) -> Iterator[Spot]:
    yield from _idle(survey.specs.policies, "cors", _called(survey, ("cors",)))


def _headers(survey: Survey) -> Iterator[Spot]:
    yield from _idle(survey.specs.policies, "headers", _called(survey, ("headers",)))


def _methods(survey: Survey) -> Iterator[Spot]:
    called = _called(survey, ("auth",), ("auth", ANY))
    for section in ("issuers", "forward_auth"):
        yield from _idle([survey.specs.tree], section, called)


_FIX: Final = "Take it out, or call it where it was meant."

RULES: Final = (
    Rule("AZ601", "note", "A tier without use", _FIX, _tiers),
    Rule("AZ602", "note", "A role without use", _FIX, _roles),
    Rule("AZ603", "note", "An upstream without use", _FIX, _upstreams),
    Rule("AZ604", "note", "A cors policy without use", _FIX, _cors),
    Rule("AZ605", "note", "A headers policy without use", _FIX, _headers),
    Rule("AZ606", "note", "A proof that no route asks for", _FIX, _methods),
)
