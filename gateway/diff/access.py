"""Who may ask a route: what another `auth`, another `allow` or other roles let whom do.

Each role is tried alone, as in the matrix. A principal may have several, so the demands are compared as well:
what they ask of roles is a conjunction of "one of these", and one conjunction follows from another exactly if
each of its parts holds one of the other's.
"""

from collections.abc import Iterable, Iterator
from typing import Final

from gateway.config.schema.routes import AllowSpec
from gateway.diff.change import Change, Kind, told
from gateway.diff.order import demands, members
from gateway.diff.seen import Seen, places_of, variables_of
from gateway.matrix.access import ANY, Answer, Gate, auth_of

_RANK: Final = {Answer.DENY: 0, Answer.DEPENDS: 1, Answer.ALLOW: 2}
_SAID: Final = {
    (Answer.DENY, Answer.ALLOW): "may newly ask",
    (Answer.DENY, Answer.DEPENDS): "may newly ask, where what decides agrees",
    (Answer.DEPENDS, Answer.ALLOW): "may newly ask without a condition",
    (Answer.ALLOW, Answer.DEPENDS): "may no longer ask without a condition",
    (Answer.DEPENDS, Answer.DENY): "may no longer ask",
    (Answer.ALLOW, Answer.DENY): "may no longer ask",
}
_Clauses = list[frozenset[str]]


def access(old: Seen, new: Seen) -> Iterator[Change]:
    """What differs about who may ask."""
    yield from _auth(old, new)
    places = old.source("allow"), new.source("allow")
    cells = list(_cells(old, new))
    yield from [change.at(*places) for change in cells]
    kinds = {change.kind for change in cells}
    for change in (*_together(old, new, kinds), *_scopes(old, new), *_condition(old, new)):
        yield change.at(*places)


def _auth(old: Seen, new: Seen) -> Iterator[Change]:
    was, now = auth_of(old.entry), auth_of(new.entry)
    if was == now:
        return
    if old.spec.is_public:
        # Whoever it is, he could ask before.
        places = old.source("auth"), new.source("auth")
        yield Change(Kind.NARROWS, f"auth: public -> {told(list(now))}", *places)
        return
    for change in members(was, now):
        words = change.what or f"another order: {told(list(was))} -> {told(list(now))}"
        yield Change(change.kind, f"auth: {words}", old.source("auth"), new.source("auth"), change.proved)


def _cells(old: Seen, new: Seen) -> Iterator[Change]:
    """Whom a method newly admits or refuses, one role at a time."""
    was, now = Gate(old.route, old.entry), Gate(new.route, new.entry)
    methods = _methods(old.route.methods, new.route.methods)
    anonymous = {method: (was.anonymous(method), now.anonymous(method)) for method in methods}
    yield from _spoken({"anybody": anonymous})
    if _is_open(old, new):
        return
    everybody = {
        method: (was.verified(method, frozenset()), now.verified(method, frozenset())) for method in methods
    }
    yield from _spoken({"who is verified and has no role": everybody})
    names = sorted({*old.stage.specs.roles, *new.stage.specs.roles})
    roles = {
        name: {
            method: (was.verified(method, frozenset([name])), now.verified(method, frozenset([name])))
            for method in methods
        }
        for name in names
    }
    yield from _spoken({name: cells for name, cells in roles.items() if cells != everybody})


def _is_open(old: Seen, new: Seen) -> bool:
    """Whether one of them asks nobody who he is, so that a role is nothing that could matter."""
    return old.spec.is_public or new.spec.is_public


def _methods(old: tuple[str, ...], new: tuple[str, ...]) -> tuple[str, ...]:
    """The methods that both have; what one of them has alone is told of the match."""
    if old and new:
        return tuple(method for method in new if method in old)
    return new or old or (ANY,)


def _spoken(cells: dict[str, dict[str, tuple[Answer, Answer]]]) -> Iterator[Change]:
    """One line for all who are newly treated alike."""
    alike: dict[tuple[Answer, Answer, tuple[str, ...]], list[str]] = {}
    for who, by_method in cells.items():
        pairs: dict[tuple[Answer, Answer], list[str]] = {}
        for method, pair in by_method.items():
            if pair[0] is not pair[1]:
                pairs.setdefault(pair, []).append(method)
        for (was, now), methods in pairs.items():
            alike.setdefault((was, now, tuple(methods)), []).append(who)
    for (was, now, listed), names in alike.items():
        kind = Kind.WIDENS if _RANK[now] > _RANK[was] else Kind.NARROWS
        by = "" if listed == (ANY,) else f" ({' '.join(listed)})"
        yield Change(kind, f"{', '.join(names)} {_SAID[was, now]}{by}")


def _together(old: Seen, new: Seen, told_of: set[Kind]) -> Iterator[Change]:
    """What several roles of one principal can do together, where no role alone has told of it."""
    was, now = _clauses(old), _clauses(new)
    for kind, one, other, verb in (
        (Kind.WIDENS, was, now, "may newly ask"),
        (Kind.NARROWS, now, was, "may no longer ask"),
    ):
        example = _beyond(one, other)
        if example is not None and kind not in told_of:
            yield Change(kind, f"who has several roles {verb}, such as {' and '.join(example)}")


def _beyond(asked: _Clauses, other: _Clauses) -> list[str] | None:
    """Roles that fulfil the `other` demands and not those that are `asked`; None if there are none."""
    for clause in asked:
        if not any(each <= clause for each in other):
            return sorted({min(each - clause) for each in other}) or ["no role"]
    return None


def _clauses(side: Seen) -> _Clauses:
    allow = _enforced(side)
    if allow is None:
        return []
    granting = [side.roles.granting(permission) for permission in allow.permissions or ()]
    return [*granting, *([frozenset(allow.roles)] if allow.roles else [])]


def _enforced(side: Seen) -> AllowSpec | None:
    is_idle = side.spec.is_public or side.is_on_trial("allow")
    return None if is_idle else side.spec.allow


def _scopes(old: Seen, new: Seen) -> Iterable[Change]:
    was, now = _enforced(old), _enforced(new)
    before = frozenset((was.scopes or ()) if was else ())
    after = frozenset((now.scopes or ()) if now else ())
    if before == after:
        return []
    return [Change(change.kind, f"scope {change.what}") for change in demands(sorted(before), sorted(after))]


def _condition(old: Seen, new: Seen) -> Iterator[Change]:
    was, now = _enforced(old), _enforced(new)
    before, after = (was.when or "") if was else "", (now.when or "") if now else ""
    if before == after:
        used = variables_of(before)
        if places_of(old, used) != places_of(new, used):
            words = f"the condition {told(before)} asks for other parts of the path"
            yield Change(Kind.WIDENS, words, proved=False)
        return
    if not before or not after:
        kind = Kind.WIDENS if before else Kind.NARROWS
        verb = "is no longer asked" if before else "is asked"
        yield Change(kind, f"the condition {told(before or after)} {verb}")
        return
    yield Change(Kind.WIDENS, f"the condition: {told(before)} -> {told(after)}", proved=False)
