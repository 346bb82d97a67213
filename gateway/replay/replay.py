"""Requests of a log, one after the other: equal ones are rehearsed once."""

from dataclasses import replace
from typing import Final, final

from gateway.rehearsal import CLIENT
from gateway.replay.compare import compare
from gateway.replay.recorded import Asked, Unread, recorded
from gateway.replay.settle import settle
from gateway.replay.side import Rehearsed, Side
from gateway.replay.tally import Cause, Mismatch, Tally, logged, told
from gateway.routing import Route

# Requests that are remembered; when they are more, all are forgotten.
_REMEMBERED_AT_MOST: Final = 1 << 16
_SOMEBODY: Final = "somebody"


@final
class Replay:
    """Replays the lines of a log on two configurations; `tally` has what became of them."""

    def __init__(self, old: Side, new: Side) -> None:
        self.tally = Tally()
        self._old = old
        self._new = new
        self._causes: dict[Asked, Cause | Unread | None] = {}
        # Whether the address, and whether the principal, may make a difference to such a request.
        self._matters: dict[tuple[str, str, str, str], tuple[bool, bool]] = {}

    def take(self, line: bytes) -> None:
        """One line, whatever it is."""
        found = recorded(line)
        if isinstance(found, Unread):
            self.tally.skip(found)
            return
        try:
            cause = self._cause(found.asked)
        except ValueError:
            # What no request and no principal can be was never served.
            self.tally.skip(Unread.TORN)
            return
        if isinstance(cause, Unread):
            self.tally.skip(cause)
        else:
            self.tally.add(found, cause)

    def _cause(self, asked: Asked) -> Cause | Unread | None:
        place = asked.method, asked.host, asked.path, asked.route
        matters = self._matters.get(place)
        if matters is not None:
            asked = _alike(asked, *matters)
            if asked in self._causes:
                return self._causes[asked]
        fields = self._old.fields_of(asked.route)
        old, new = self._old.rehearse(asked, fields), self._new.rehearse(asked, fields)
        cause = self._compared(asked, old, new)
        for memory in (self._matters, self._causes):
            if len(memory) >= _REMEMBERED_AT_MOST:
                memory.clear()
        if matters is None:
            looks = [self._old.looks_at(old.route), self._new.looks_at(new.route)]
            matters = self._matters[place] = (any(one for one, _ in looks), any(one for _, one in looks))
        self._causes[_alike(asked, *matters)] = cause
        return cause

    def _compared(self, asked: Asked, old: Rehearsed, new: Rehearsed) -> Cause | Unread | None:
        settled = settle(asked, old)
        if settled is None and asked.method == "OPTIONS":
            return Unread.PREFLIGHT
        if settled is None:
            found = next((each for each in old.findings if each.refusal is not None), None)
            if found is not None and found.refusal is not None:
                said = f"{old.end.route}: {found.refusal.status} {found.refusal.reason} by {found.name}"
                return Mismatch(logged(asked), said, found.source)
            return Mismatch(logged(asked), told(old.end), old.end.source)
        return compare(asked, settled, new, lambda name: self._said(old.route, new.route, name))

    def _said(self, old: Route | None, new: Route | None, name: str) -> tuple[object, object]:
        return self._old.said(old, name), self._new.said(new, name)


def _alike(asked: Asked, by_address: bool, by_principal: bool) -> Asked:
    """The request, without what makes no difference to it: so it is equal to more of them."""
    client = asked.client if by_address else CLIENT
    principal = asked.principal if by_principal or not asked.principal else _SOMEBODY
    return replace(asked, client=client, principal=principal)
