"""A route as one of the two configurations has it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, final

from gateway.config.entry import Entry
from gateway.config.problem import Path
from gateway.config.schema.routes import DefaultsSpec, RouteSpec
from gateway.policy.roles import Role, Roles
from gateway.rehearsal import Stage
from gateway.routing import Kind, Route, parse_path

# `{name}` and `{name...}` of a template, `path.name` of a condition.
_VARIABLE: Final = re.compile(r"(?:\{|path\.)([A-Za-z0-9_-]+)")
_OF_ROUTES: Final = frozenset(["auth", "allow", "upstream", "prefix", "validate_", "slo"])


@final
@dataclass(frozen=True, slots=True, eq=False)
class Seen:
    """One route of one configuration."""

    stage: Stage
    entry: Entry
    route: Route

    @property
    def spec(self) -> RouteSpec:
        """The route with its defaults."""
        return self.entry.spec

    @property
    def roles(self) -> Roles:
        """The roles of its configuration."""
        named = self.stage.specs.roles.items()
        return Roles({name: Role(role.permissions, role.inherits) for name, role in named})

    def source(self, key: str) -> str:
        """The `file:line` of a key, that of the route where nobody says the key."""
        return self.entry.sources.get(key) or self.entry.source

    def definition(self, section: str, name: str) -> str:
        """The `file:line` of a policy that has a name, empty where there is none."""
        return defined(self.stage, (section, name))

    def is_on_trial(self, key: str) -> bool:
        """Whether what the key says only reports."""
        return key in (self.spec.report or ())


def defined(stage: Stage, path: Path) -> str:
    """The `file:line` of what stands at a path of any file, empty where no file has it."""
    trees = stage.specs.trees
    return next((tree.source(path) for tree in trees if tree.at(path) is not None), "")


def variables_of(text: str) -> tuple[str, ...]:
    """The variables that a template or a condition may ask for."""
    return tuple(dict.fromkeys(_VARIABLE.findall(text)))


def places_of(side: Seen, names: Iterable[str]) -> list[int]:
    """Which segments of its path the variables of a route stand for, -1 for what is none of them."""
    known = [
        segment.text if segment.kind is not Kind.LITERAL else "" for segment in parse_path(side.route.pattern)
    ]
    return [known.index(name) if name in known else -1 for name in names]


def seen(stage: Stage) -> dict[str, Seen]:
    """The routes by their ids."""
    return {route.id: Seen(stage, stage.entries[route.id], route) for route in stage.snapshot.routes}


def unmatched(stage: Stage) -> Seen:
    """What no route takes: the defaults of gateway.yaml, and nobody is asked who it is."""
    tree, defaults = stage.specs.tree, stage.specs.gateway.defaults
    names = [name for name in DefaultsSpec.model_fields if name not in _OF_ROUTES]
    said = {name: getattr(defaults, name) for name in names}
    route = RouteSpec.model_validate({"id": "none", "match": {"path": "/"}, "respond": {"status": 404}})
    spec = route.model_copy(update={**said, "auth": "public"})
    sources = {name: tree.source(("defaults", name)) for name in names if said[name] is not None}
    entry = Entry(tree, ("defaults",), frozenset(), spec, {}, sources)
    return Seen(stage, entry, stage.snapshot.router.unmatched)
