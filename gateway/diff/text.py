"""The differences, as people and as programs read them."""

import json
from collections.abc import Iterator, Sequence
from typing import Final

from gateway.diff.change import Change, Group, Kind

_UNPROVED: Final = " (not proved narrower)"
_NAMED_AT_MOST: Final = 5


def text(groups: Sequence[Group]) -> str:
    """A block for each thing that changed, and the counts, with a line break at its end."""
    lines = [line for group in groups for line in _block(group)]
    counts = _counts(groups)
    total = ", ".join([f"{counts[kind]} {kind}" for kind in Kind])
    return "".join([f"{line}\n" for line in (*lines, total if lines else "nothing differs")])


def as_json(groups: Sequence[Group]) -> str:
    """One object: how many lines of each class, and the lines."""
    changes = [_record(group, change) for group in groups for change in group.changes]
    record: dict[str, object] = {kind: count for kind, count in _counts(groups).items()}
    record["lines"] = changes
    return json.dumps(record, indent=2, ensure_ascii=False) + "\n"


def widens(groups: Sequence[Group]) -> bool:
    """Whether any access widens."""
    return _counts(groups)[Kind.WIDENS] > 0


def _block(group: Group) -> Iterator[str]:
    names = group.names
    rest = len(names) - _NAMED_AT_MOST
    yield plain(", ".join(names[:_NAMED_AT_MOST])) + (f" and {rest} more" if rest > 0 else "")
    for change in group.changes:
        what = plain(change.what) + ("" if change.proved else _UNPROVED)
        yield f"  {change.kind:8} {what}"
        if change.old or change.new:
            yield f"           {change.old or 'nowhere'} -> {change.new or 'nowhere'}"
    yield ""


def plain(what: str) -> str:
    """One line, and nothing that a terminal would obey."""
    return "".join([each if each.isprintable() else ascii(each)[1:-1] for each in what])


def _counts(groups: Sequence[Group]) -> dict[Kind, int]:
    kinds = [change.kind for group in groups for change in group.changes]
    return {kind: kinds.count(kind) for kind in Kind}


def _record(group: Group, change: Change) -> dict[str, object]:
    return {
        "class": change.kind,
        "about": list(group.names),
        "what": change.what,
        "proved": change.proved,
        "old": change.old or None,
        "new": change.new or None,
    }
