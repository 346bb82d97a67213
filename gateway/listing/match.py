"""Which route a request takes, and what of it keeps it from each of the others."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, final

from gateway.config.entry import Entry
from gateway.http.match import REST, Match, covering, place_of
from gateway.http.request import Request, is_preflight
from gateway.http.template import Kind
from gateway.listing.listing import columns
from gateway.rehearsal import Draft, Stage

# How near a route is that is not taken: what it lacks, the nearest first.
_LACKS: Final = ("exactness", "fields", "method", "host", "path")
_SHOWN_AT_MOST: Final = 10


@final
@dataclass(frozen=True, slots=True)
class Miss:
    """A route that is not taken: `lacks` is one of _LACKS, `why` a sentence about it."""

    id: str
    lacks: str
    why: str
    source: str


@final
@dataclass(frozen=True, slots=True)
class Found:
    """The route that a request takes, empty with the reason word where none does, and why not the others."""

    id: str
    source: str
    reason: str
    misses: tuple[Miss, ...]


def find(stage: Stage, draft: Draft, listener: int = 0) -> Found:
    """Ask the router. Raises ValueError for a draft that is no request."""
    outcome = stage.ask(draft, None, listener)
    if outcome.exchange is None or outcome.route is None:
        raise ValueError(f"refused before any route: {outcome.reason}, {outcome.decider.note}")
    request, route = outcome.exchange.request, outcome.route
    taken = stage.entries.get(route.id)
    others = [entry for entry in stage.specs.entries if entry is not taken]
    misses = [_miss(entry, request, taken) for entry in others]
    misses.sort(key=lambda miss: _LACKS.index(miss.lacks))
    reason = "" if taken is not None else str(outcome.reason)
    return Found(route.id if taken else "", route.source if taken else "", reason, tuple(misses))


def text(found: Found) -> str:
    """A line for the route, then one for each that is near; with a line break at its end."""
    near = [miss for miss in found.misses if miss.lacks != "path"]
    far = [miss for miss in found.misses if miss.lacks == "path"]
    shown = [*near, *far[: max(0, _SHOWN_AT_MOST - len(near))]]
    head = f"{found.id}  {found.source}\n" if found.id else f"no route takes it: {found.reason}\n"
    lines = [(f"  not {miss.id}", f"{miss.lacks}: {miss.why}", miss.source) for miss in shown]
    rest = len(found.misses) - len(shown)
    more = f"  and {rest} more with another path\n" if rest else ""
    return head + (columns(lines) if lines else "") + more


def record(found: Found) -> dict[str, object]:
    """The same for programs; `not` has every other route."""
    misses = [
        {"id": miss.id, "lacks": miss.lacks, "why": miss.why, "source": miss.source} for miss in found.misses
    ]
    return {
        "route": found.id or None,
        "source": found.source or None,
        "reason": found.reason or None,
        "not": misses,
    }


def _miss(entry: Entry, request: Request, taken: Entry | None) -> Miss:
    lacks, why = _lack(entry.match, request, taken)
    return Miss(entry.spec.id, lacks, why, entry.source)


def _lack(match: Match, request: Request, taken: Entry | None) -> tuple[str, str]:
    why = _other_path(match, request.path)
    if why:
        return "path", why
    if place_of(match)[0] not in covering(_host(request.authority)):
        return "host", f"it is for {match.host}"
    if taken is not None and place_of(taken.match) != place_of(match):
        return "exactness", f"{taken.spec.id} has the exacter path or host"
    if not _admits(match.methods, request):
        return "method", f"it is for {' '.join(match.methods)}"
    wanting = [name.decode() for name, value in match.headers if request.value(name) != value]
    if wanting:
        return "fields", f"it asks for another {', '.join(wanting)}"
    return "exactness", "another one asks for more"


def _admits(methods: Sequence[str], request: Request) -> bool:
    asked = request.method
    if is_preflight(request):
        asked = request.noted[b"access-control-request-method"]
    method = "GET" if asked == b"HEAD" and "HEAD" not in methods else asked.decode("latin-1")
    return not methods or method in methods


def _host(authority: bytes) -> bytes:
    # As the router cuts it: behind the last colon, unless that is inside an IPv6 literal.
    colon = authority.rfind(b":")
    host = authority[:colon] if colon > authority.rfind(b"]") else authority
    return host.lower().removesuffix(b".")


def _other_path(match: Match, path: bytes) -> str:
    """Where the paths part, empty where they do not."""
    shape = place_of(match)[1]
    segments = path.removesuffix(b"/").split(b"/")[1:]
    is_open = shape[-1:] == (REST,)
    fixed = shape[:-1] if is_open else shape
    for number, ((kind, text), segment) in enumerate(zip(fixed, segments, strict=False), 1):
        if kind is Kind.LITERAL and text != segment:
            return f'segment {number} of {match.path} is "{text.decode()}"'
    if len(segments) < len(fixed) or (len(segments) > len(fixed) and not is_open):
        return f"{match.path} has {'at least ' if is_open else ''}{len(fixed)} segments"
    return ""
