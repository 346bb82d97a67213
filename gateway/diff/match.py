"""What another `match` of a route means: whether it takes more requests than before."""

from collections.abc import Iterator

from gateway.diff.change import Change, Kind
from gateway.diff.order import members_or_all
from gateway.diff.seen import Seen
from gateway.http.match import REST, Match, Shape, place_of
from gateway.http.template import Kind as Segment


def match(old: Seen, new: Seen) -> Iterator[Change]:
    """What differs about the requests that a route asks for."""
    was, now = old.entry.match, new.entry.match
    places = old.entry.source, new.entry.source
    for change in (*_host(was, now), *_path(was, now), *_methods(was, now), *_headers(was, now)):
        yield change.at(*places)


def asked(match: Match) -> str:
    """What a route asks for, in short."""
    methods = " ".join(match.methods) or "any method"
    fields = f" with {', '.join([name.decode() for name, _ in match.headers])}" if match.headers else ""
    return f"{methods} {match.host or ''}{match.path}{fields}"


def _host(old: Match, new: Match) -> Iterator[Change]:
    if old.host == new.host:
        return
    was, now = place_of(old)[0], place_of(new)[0]
    words = f"host: {old.host or 'any'} -> {new.host or 'any'}"
    yield _judged(words, _holds_host(was, now), _holds_host(now, was))


def _holds_host(wide: bytes, narrow: bytes) -> bool:
    return wide in (b"", narrow) or (wide.startswith(b".") and narrow.endswith(wide))


def _path(old: Match, new: Match) -> Iterator[Change]:
    if old.path == new.path:
        return
    was, now = place_of(old)[1], place_of(new)[1]
    words = f"path: {old.path} -> {new.path}"
    if was == now:
        yield Change(Kind.CHANGES, words)
    else:
        yield _judged(words, _holds_path(was, now), _holds_path(now, was))


def _holds_path(wide: Shape, narrow: Shape) -> bool:
    """Whether every path of the one is a path of the other."""
    open_ended = wide[-1:] == (REST,)
    fixed = wide[:-1] if open_ended else wide
    bound = narrow[:-1] if narrow[-1:] == (REST,) else narrow
    if len(bound) < len(fixed) or (not open_ended and len(narrow) != len(wide)):
        return False
    if not open_ended and narrow[-1:] == (REST,):
        return False
    return all(one[0] is Segment.NAME or one == other for one, other in zip(fixed, bound, strict=False))


def _judged(words: str, is_narrower: bool, is_wider: bool) -> Change:
    if is_narrower:
        return Change(Kind.NARROWS, words)
    return Change(Kind.WIDENS, words, proved=is_wider)


def _methods(old: Match, new: Match) -> Iterator[Change]:
    was, now = old.methods, new.methods
    if {*was} == {*now}:
        return
    for change in members_or_all(was, now):
        words = change.what or f"{' '.join(was) or 'any'} -> {' '.join(now) or 'any'}"
        yield Change(change.kind, f"methods: {words}")


def _headers(old: Match, new: Match) -> Iterator[Change]:
    was, now = {*old.headers}, {*new.headers}
    if was == now:
        return
    # A value may be a secret that tells callers apart: only names are told.
    names = ", ".join(sorted({name.decode() for name, _ in was ^ now}))
    yield _judged(f"match.headers: other fields are asked for ({names})", was < now, now < was)
