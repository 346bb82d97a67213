"""A route as it stands after its defaults, and what is wrong with it.

A route's own key replaces that of its file's defaults, which replaces that of gateway.yaml: whole, nothing is
merged. Every key remembers the file and line that said it.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import final

from gateway.config.problem import Path, Problem
from gateway.config.schema.routes import DefaultsSpec, RouteSpec
from gateway.config.tree import Tree, shown
from gateway.http.match import Place, place_of
from gateway.policy.condition import condition
from gateway.routing import Match, conflicts, parse_path, template, variables

_TARGETS = ("upstream", "redirect", "respond")
_OF_UPSTREAMS = ("rewrite", "request_headers", "timeouts", "upgrade", "validate", "slo")


@final
@dataclass(frozen=True, slots=True)
class Layer:
    """Where keys are said: a route, or the defaults of a file."""

    tree: Tree
    path: Path
    spec: DefaultsSpec


@final
@dataclass(frozen=True, slots=True, eq=False)
class Entry:
    """A route with its defaults filled in.

    Of each key that somebody said, `said` has the value as it stands there, and `sources` the `file:line`.
    """

    tree: Tree
    path: Path
    own: frozenset[str]
    spec: RouteSpec
    said: Mapping[str, object]
    sources: Mapping[str, str]

    @property
    def source(self) -> str:
        """The `file:line` of the route."""
        return self.tree.source(self.path)

    @property
    def match(self) -> Match:
        """What the route asks of a request, its prefix put before the path."""
        asked = self.spec.match
        headers = tuple((name.lower().encode(), value.encode()) for name, value in asked.headers.items())
        return Match(asked.host, (self.spec.prefix or "") + asked.path, asked.methods, headers)


def entry(tree: Tree, path: Path, spec: RouteSpec, defaults: Sequence[Layer]) -> Entry:
    """The route that stands at `path`, with what it does not say from the first of `defaults` that does."""
    layers = (Layer(tree, path, spec), *defaults)
    filled: dict[str, object] = {}
    said: dict[str, object] = {}
    sources: dict[str, str] = {}
    for name in DefaultsSpec.model_fields:
        layer = next((layer for layer in layers if getattr(layer.spec, name) is not None), None)
        if layer is not None:
            filled[name] = getattr(layer.spec, name)
            key = _key(name)
            said[key] = layer.tree.at((*layer.path, key))
            sources[key] = layer.tree.source((*layer.path, key))
    if spec.redirect is not None or spec.respond is not None:
        filled["upstream"] = spec.upstream
    own = frozenset(map(_key, spec.model_fields_set))
    return Entry(tree, path, own, spec.model_copy(update=filled), said, sources)


def _key(name: str) -> str:
    """What a field of a spec is called in the file."""
    return RouteSpec.model_fields[name].alias or name


def problems(entries: Sequence[Entry]) -> Iterator[Problem]:
    """What is wrong with each route, and with several that want the same requests."""
    sound = []
    for each in entries:
        found = [*_demands(each), *_targets(each), *_templates(each)]
        yield from found
        if not found:
            sound.append((each.match, each))
    for one, other, relation in conflicts(sound):
        message = f'expected a match of its own, but "{one.spec.id}" {relation} "{other.spec.id}"'
        yield one.tree.problem((*one.path, "match"), f"{message} ({other.source})")
    yield from _preflights([each for _, each in sound])


def _preflights(entries: Sequence[Entry]) -> Iterator[Problem]:
    """Routes that only fields tell apart: a preflight has none of them, so they need one answer to it.

    Otherwise what one route grants to an origin would let it write to the other.
    """
    places: dict[Place, list[Entry]] = {}
    for each in entries:
        places.setdefault(place_of(each.match), []).append(each)
    for together in places.values():
        for one, other in combinations(together, 2):
            if _share_preflights(one.match, other.match) and _cors(one) != _cors(other):
                message = f'expected the same cors as "{one.spec.id}" ({one.source})'
                place = (*other.path, "cors" if "cors" in other.own else "match")
                yield other.tree.problem(place, f"{message}, as no preflight has the fields that differ")


def _share_preflights(one: Match, other: Match) -> bool:
    methods = not one.methods or not other.methods or {*one.methods} & {*other.methods}
    return bool(methods and (one.headers or other.headers))


def _cors(entry: Entry) -> tuple[object, bool]:
    return entry.spec.cors, "cors" in (entry.spec.report or ())


def _demands(entry: Entry) -> Iterator[Problem]:
    if entry.spec.auth is None:
        message = 'expected the key "auth", here or in the defaults: an open route says `auth: public`'
        yield entry.tree.problem(entry.path, message)
    elif entry.spec.is_public and "allow" in entry.own:
        message = "expected no allow on a public route, where nobody is asked who he is"
        yield entry.tree.key_problem((*entry.path, "allow"), message)


def _targets(entry: Entry) -> Iterator[Problem]:
    own = [name for name in _TARGETS if name in entry.own]
    if len(own) > 1:
        yield entry.tree.problem(
            (*entry.path, own[1]), f"expected one of {', '.join(_TARGETS)}, got {len(own)}"
        )
    elif entry.spec.upstream is None:
        if not own:
            yield entry.tree.problem(entry.path, f"expected one of {', '.join(_TARGETS)}, here or by default")
        for name in _OF_UPSTREAMS:
            if own and name in entry.own:
                yield entry.tree.key_problem((*entry.path, name), f"expected no {name} without an upstream")


def _templates(entry: Entry) -> Iterator[Problem]:
    try:
        parse_path(entry.match.path)
        names = variables(entry.match.path)
    except ValueError as error:
        yield entry.tree.problem((*entry.path, "match", "path"), str(error))
        return
    yield from _conditions(entry, names)
    spec = entry.spec
    texts = {
        ("rewrite", "path"): spec.rewrite.path if spec.rewrite else None,
        ("redirect", "to"): spec.redirect.to if spec.redirect else None,
    }
    for place, text in texts.items():
        try:
            if text is not None:
                template(text, names)
            if text is not None and place[0] == "rewrite" and {"?", "#"} & {*text}:
                # It would end the path early: the client's query follows it.
                raise ValueError("expected a path without ? and #")
        except ValueError as error:
            yield entry.tree.problem((*entry.path, *place), str(error))


def _conditions(entry: Entry, names: tuple[str, ...]) -> Iterator[Problem]:
    # What a text alone has wrong, and a route's own text, is told by `gateway.config.allow` with its place.
    spec = entry.spec
    if spec.allow is None or spec.allow.when is None or spec.is_public or "allow" in entry.own:
        return
    if _is_sound(spec.allow.when, None) and not _is_sound(spec.allow.when, names):
        said = entry.sources["allow"]
        message = f'expected a path with the variables that the default "when" asks for ({said})'
        yield entry.tree.problem((*entry.path, "match", "path"), f"{message}, got {shown(spec.match.path)}")


def _is_sound(when: str, names: tuple[str, ...] | None) -> bool:
    try:
        condition(when, names)
    except ValueError:
        return False
    return True
