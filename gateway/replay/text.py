"""What a replay found, as people and as programs read it."""

import json
from collections.abc import Callable, Iterator, Sequence
from typing import Any, Final

from gateway.diff.text import plain
from gateway.replay.compare import Difference, Doubt, Kind
from gateway.replay.recorded import Unread
from gateway.replay.side import Decision
from gateway.replay.tally import PRINCIPALS_AT_MOST, Group, Mismatch, Tally, told

_HEADS: Final = {
    Kind.REFUSED: "newly refused",
    Kind.ALLOWED: "newly allowed",
    Kind.OTHERWISE: "refused for another reason",
    Kind.UPSTREAM: "another way to a service",
    Kind.ANSWER: "another answer",
    Kind.ROUTE: "another route",
}
_SKIPPED: Final = {
    Unread.OTHER: "of another log",
    Unread.TORN: "torn or foreign",
    Unread.UNREADABLE: "of what was no request",
    Unread.CUT: "that the log has cut off",
    Unread.BROKEN: "of requests that ended undecided",
    Unread.PREFLIGHT: "of preflights",
}
_SHOWN_AT_MOST: Final = 100
_VERSIONS_SHOWN: Final = 5


def text(tally: Tally, groups: Sequence[Group], version: str) -> str:
    """A block for each cause, then what cannot be told, then the counts, with a line break at its end."""
    lines = [line for group in groups for line in (*_block(group, tally), "")]
    lines += _section("nobody can tell", tally.doubts(), _doubt, tally)
    lines += _section("OLD does not decide as the log says", tally.mismatches(), _mismatch, tally)
    lines += _counts(tally, version)
    return "".join([f"{plain(line)}\n" for line in lines])


def as_json(tally: Tally, groups: Sequence[Group], version: str) -> str:
    """One object: the counts, and the groups."""
    record = {
        "requests": tally.requests,
        "different": sum(group.count for group in tally.differences()),
        "unknown": sum(group.count for group in tally.doubts()),
        "not_reproducible": sum(group.count for group in tally.mismatches()),
        "same": tally.same,
        "differences": [_record(group, tally) for group in groups],
        "doubts": [_record(group, tally) for group in tally.doubts()],
        "mismatches": [_record(group, tally) for group in tally.mismatches()],
        "skipped": {why: tally.unread[why] for why in Unread},
        "old_version": version,
        "versions": dict(tally.versions),
    }
    return json.dumps(record, indent=2, ensure_ascii=False) + "\n"


def _block(group: Group, tally: Tally) -> Iterator[str]:
    cause = group.cause
    assert isinstance(cause, Difference)  # noqa: S101 - these groups are made of them.
    yield f"{_HEADS[cause.kind]}: {_share(group, tally)}, {_principals(group)}"
    same_service = cause.kind is Kind.UPSTREAM and cause.old.upstream == cause.new.upstream
    old, new = told(cause.old), told(cause.new) + (" as another path" if same_service else "")
    width = max(len(old), len(new))
    yield f"  old  {old:{width}}  {cause.old.source}"
    yield f"  new  {new:{width}}  {cause.new.source}"
    if cause.unless:
        yield f"       unless it is refused by {', '.join(cause.unless)}, of which the log tells too little"
    yield from _examples(group)


def _section(head: str, groups: Sequence[Group], line: Callable[[Any], str], tally: Tally) -> Iterator[str]:
    for group in groups:
        yield f"{head}: {_share(group, tally)}"
        yield f"  {line(group.cause)}"
        yield from _examples(group)
        yield ""


def _doubt(doubt: Doubt) -> str:
    return f"{doubt.step} is new or says something else; the log lacks {doubt.lacks}  {doubt.source}"


def _mismatch(mismatch: Mismatch) -> str:
    return f"log: {mismatch.logged}; OLD: {mismatch.rehearsed}  {mismatch.source}"


def _examples(group: Group) -> Iterator[str]:
    for request_id, what in group.examples:
        yield f"    {request_id}  {what if len(what) <= _SHOWN_AT_MOST else f'{what[:_SHOWN_AT_MOST]}...'}"


def _counts(tally: Tally, version: str) -> Iterator[str]:
    different = sum(group.count for group in tally.differences())
    doubtful = sum(group.count for group in tally.doubts())
    mismatched = sum(group.count for group in tally.mismatches())
    yield (
        f"{_requests(tally.requests)} replayed: {different:,} decided differently, {tally.same:,} alike, "
        f"{doubtful:,} of which nobody can tell, {mismatched:,} not as OLD decides"
    )
    skipped = [f"{tally.unread[why]:,} {name}" for why, name in _SKIPPED.items() if tally.unread[why]]
    if skipped:
        yield f"lines left out: {', '.join(skipped)}"
    others = [(each, count) for each, count in tally.versions.most_common() if each != version]
    if others:
        named = ", ".join([f"{each or 'none'}: {count:,}" for each, count in others[:_VERSIONS_SHOWN]])
        yield f"OLD is {version}; what the log tells was decided by {named}"


def _requests(count: int) -> str:
    return f"{count:,} request{'' if count == 1 else 's'}"


def _share(group: Group, tally: Tally) -> str:
    return f"{_requests(group.count)} ({group.count / tally.requests:.1%})"


def _principals(group: Group) -> str:
    count = len(group.principals)
    if not count:
        return "nobody verified"
    more = " or more" if count >= PRINCIPALS_AT_MOST else ""
    return f"{count:,} principal{'' if count == 1 else 's'}{more}"


def _record(group: Group, tally: Tally) -> dict[str, Any]:
    counts: dict[str, Any] = {
        "requests": group.count,
        "share": round(group.count / tally.requests, 6),
        "principals": len(group.principals),
        "examples": [{"request_id": id, "request": what} for id, what in group.examples],
    }
    return _cause(group) | counts


def _cause(group: Group) -> dict[str, Any]:
    cause = group.cause
    if isinstance(cause, Difference):
        sides = {"old": _decision(cause.old), "new": _decision(cause.new)}
        return {"kind": cause.kind, **sides, "unless": list(cause.unless)}
    if isinstance(cause, Doubt):
        return {"step": cause.step, "lacks": cause.lacks, "source": cause.source or None}
    return {"logged": cause.logged, "old": cause.rehearsed, "source": cause.source or None}


def _decision(decision: Decision) -> dict[str, Any]:
    return {
        "decision": decision.word,
        "route": decision.route or None,
        "source": decision.source or None,
        "policy": decision.step or None,
        "reason": decision.reason or None,
        "status": decision.status or None,
        "upstream": decision.upstream or None,
    }
