"""Rules about who may ask."""

from collections.abc import Iterator
from typing import Final

from gateway.audit.finding import Rule, Spot, place
from gateway.audit.survey import Survey, Way
from gateway.http.match import REST, Place, covering, place_of
from gateway.http.template import Kind
from gateway.progress import counted
from gateway.routing import Forward


def _open_changes(survey: Survey) -> Iterator[Spot]:
    for way in survey.ways:
        if way.is_open and way.changes:
            methods = " ".join(way.route.methods) or "any method"
            yield Spot(way.id, way.said("auth"), f"{way.id} takes {methods} from everybody", is_route=True)


def _without_allow(survey: Survey) -> Iterator[Spot]:
    for way in survey.ways:
        if not way.is_open and way.spec.allow is None:
            message = f"{way.id} lets pass everybody whom {', '.join(way.methods_of_auth)} verifies"
            yield Spot(way.id, way.said("auth"), message, is_route=True)


def _everything(survey: Survey) -> Iterator[Spot]:
    for tree in survey.specs.policies:
        said = tree.at(("roles",))
        for name in said if isinstance(said, dict) else ():
            if "*" in survey.specs.roles[name].permissions:
                path = ("roles", name, "permissions")
                yield place(tree, path, f"the role {name} has every permission, also those to come")


def _on_trial(survey: Survey) -> Iterator[Spot]:
    for way in survey.ways:
        if way.spec.report:
            message = f"{way.id} lets pass what {', '.join(way.spec.report)} would refuse"
            yield Spot(way.id, way.said("report"), message, is_route=True)


def _weaker(survey: Survey) -> Iterator[Spot]:
    ways = [(way, _demand(way), place_of(way.entry.match)) for way in survey.ways if way.is_forwarded]
    for wide, asked, broad in counted(ways, len(ways), "routes compared"):
        for way, demanded, narrow in ways:
            if asked < demanded and _is_within(narrow, broad) and _covers(wide, way):
                message = f"{wide.id} takes what is beside {way.id} ({way.entry.source}), and asks for less"
                yield Spot(wide.id, wide.entry.source, message, is_route=True)
                break


def _demand(way: Way) -> int:
    """How much is asked of a principal, as far as that can be compared without knowing what roles mean."""
    if way.is_open:
        return 0
    return 1 if way.spec.allow is None else 2


def _covers(wide: Way, way: Way) -> bool:
    """Whether `wide` sends to the service of `way` what has one of its methods. What fields either asks for
    is no matter: a client sends what it likes."""
    one, other = wide.route.target, way.route.target
    if not isinstance(one, Forward) or not isinstance(other, Forward) or one.upstream != other.upstream:
        return False
    methods, others = {*wide.route.methods}, {*way.route.methods}
    return not methods or not others or bool(methods & others)


def _is_within(taken: Place, wide: Place) -> bool:
    """Whether a route at `wide` would take the requests of `taken`, if none stood there."""
    (narrow_host, narrow), (host, shape) = taken, wide
    if host not in covering(narrow_host):
        return False
    has_rest = shape[-1:] == (REST,)
    fixed = shape[:-1] if has_rest else shape
    if len(fixed) > len(narrow) or (not has_rest and len(fixed) != len(narrow)):
        return False
    pairs = zip(fixed, narrow, strict=False)
    return all(mine == its or (mine[0] is Kind.NAME and its[0] is Kind.LITERAL) for mine, its in pairs)


def _any_method(survey: Survey) -> Iterator[Spot]:
    for way in survey.ways:
        if way.is_forwarded and not way.route.methods:
            message = f"{way.id} forwards every method"
            yield Spot(way.id, way.entry.source, message, is_route=True)


RULES: Final = (
    Rule(
        "AZ101",
        "error",
        "A change without proof",
        "Name in `auth` how a client proves who it is, or waive it with the reason that it must be open.",
        _open_changes,
    ),
    Rule(
        "AZ102",
        "warning",
        "Proof without a demand",
        "Say in `allow` which of the verified principals may ask.",
        _without_allow,
    ),
    Rule(
        "AZ103",
        "warning",
        "A role with every permission",
        "List the areas that the role needs, as `area:*`.",
        _everything,
    ),
    Rule(
        "AZ104",
        "warning",
        "A policy on trial",
        "Take it out of `report` once its reports show nothing that should pass.",
        _on_trial,
    ),
    Rule(
        "AZ105",
        "warning",
        "A wider route that asks for less",
        "Ask the same on both, narrow the wider one, or send them to different services.",
        _weaker,
    ),
    Rule(
        "AZ106",
        "warning",
        "A route for every method",
        "List in `match.methods` those that the service is meant to serve.",
        _any_method,
    ),
)
