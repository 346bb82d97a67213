"""Routes, each against what it was, and requests that another route takes than before."""

from collections.abc import Iterator
from typing import final

from gateway.diff.access import access
from gateway.diff.change import Change, Group, Kind, group
from gateway.diff.keys import keys
from gateway.diff.match import asked, match
from gateway.diff.seen import Seen, seen, unmatched
from gateway.diff.traffic import moves
from gateway.matrix.access import ANY, Answer, Gate
from gateway.progress import counted
from gateway.rehearsal import Stage
from gateway.routing import Forward


def routes(old: Stage, new: Stage) -> Iterator[Group]:
    """What differs about the routes, in the order of their ids; then about what no route takes."""
    yield from _Routes(old, new).groups()
    yield from group("what no route takes", keys(unmatched(old), unmatched(new)))


@final
class _Routes:
    """Both configurations, and the requests that tell them apart."""

    def __init__(self, old: Stage, new: Stage) -> None:
        self._old = seen(old)
        self._new = seen(new)
        self._moves = moves(old, new)

    def groups(self) -> Iterator[Group]:
        names = sorted({*self._old, *self._new})
        for name in counted(names, len(names), "routes compared"):
            yield from group(f"route {name}", self._of(name))
        for (was, now), example in sorted(self._moves.items(), key=lambda item: item[0]):
            if was and now and was != now:
                said = f"requests of {was} that {now} takes now, such as {example}"
                yield from group(said, self._moved(was, now))

    def _of(self, name: str) -> Iterator[Change]:
        was, now = self._old.get(name), self._new.get(name)
        if was is None and now is not None:
            yield from self._added(now)
        elif was is not None and now is None:
            yield self._removed(was)
        elif was is not None and now is not None:
            matched = [*match(was, now)]
            yield from (*matched, *access(was, now), *keys(was, now))
            yield from self._rerouted(was, now, matched)

    def _added(self, now: Seen) -> Iterator[Change]:
        """A new route widens, unless all of its requests were taken by others that asked for no more."""
        name, words = now.spec.id, f"added: {asked(now.entry.match)}, {_who(now)}"
        before = [was for was, to in self._moves if to == name]
        compared = [self._policy(self._old[was], now) for was in before if was]
        is_narrower = "" not in before and all(
            change.kind is not Kind.WIDENS for changes in compared for change in changes
        )
        if before and is_narrower:
            yield Change(Kind.NARROWS, f"{words}; before: {', '.join(sorted(before))}", new=now.entry.source)
            return
        yield Change(Kind.WIDENS, words, new=now.entry.source)

    def _removed(self, was: Seen) -> Change:
        name = was.spec.id
        after = sorted({now for of, now in self._moves if of == name and now})
        hint = f"; its requests are taken by {', '.join(after)}" if after else ""
        same = [new.spec.id for new in self._new.values() if new.entry.match == was.entry.match]
        if same:
            hint = f"; {same[0]} has its match: was it renamed?"
        return Change(Kind.NARROWS, f"removed: {asked(was.entry.match)}{hint}", old=was.entry.source)

    def _rerouted(self, was: Seen, now: Seen, matched: list[Change]) -> Iterator[Change]:
        """What the route takes or leaves though its own match says nothing of it."""
        name, places = now.spec.id, (was.entry.source, now.entry.source)
        said = {change.kind for change in matched}
        if ("", name) in self._moves and Kind.WIDENS not in said:
            example = self._moves["", name]
            # A fixed answer to what had none lets nobody reach anything.
            kind = Kind.WIDENS if isinstance(now.route.target, Forward) else Kind.CHANGES
            yield Change(kind, f"takes what no route took, such as {example}", *places)
        if (name, "") in self._moves and Kind.NARROWS not in said:
            example = self._moves[name, ""]
            yield Change(Kind.NARROWS, f"no longer takes requests such as {example}", *places)

    def _moved(self, was: str, now: str) -> list[Change]:
        old, new = self._old[was], self._new[now]
        if not isinstance(new.route.target, Forward):
            kind = Kind.NARROWS if isinstance(old.route.target, Forward) else Kind.CHANGES
            words = "they are answered and reach no service"
            return [Change(kind, words, old.entry.source, new.entry.source)]
        changes = self._policy(old, new)
        same = Change(Kind.CHANGES, "the same policy holds", old.entry.source, new.entry.source)
        return changes or [same]

    def _policy(self, old: Seen, new: Seen) -> list[Change]:
        return [*access(old, new), *keys(old, new)]


def _who(now: Seen) -> str:
    """Who may ask a route, in short."""
    gate = Gate(now.route, now.entry)
    methods = now.route.methods or (ANY,)
    if any(gate.anonymous(method) is Answer.ALLOW for method in methods):
        return "for anybody"
    if all(gate.verified(method, frozenset()) is Answer.ALLOW for method in methods):
        return "for whoever is verified"
    names = sorted(now.stage.specs.roles)
    admitted = [
        name
        for name in names
        if any(gate.verified(method, frozenset([name])) is not Answer.DENY for method in methods)
    ]
    return f"for {', '.join(admitted) or 'who has several roles'}"
