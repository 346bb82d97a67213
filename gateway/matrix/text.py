"""The matrix as Markdown, CSV or JSON: one line a route and method, so that two of them can be compared."""

import csv
import io
import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Final

from gateway.matrix.access import Row

_HEADS: Final = ("route", "method", "host", "path", "auth", "anonymous", "authenticated without role")
_TAILS: Final = ("scopes", "when", "on trial")


def markdown(rows: Sequence[Row], roles: Sequence[str]) -> str:
    """A table, its columns padded, with a line break at its end."""
    table = [[_cell(text) for text in line] for line in _lines(rows, roles)]
    widths = [max(3, *map(len, column)) for column in zip(*table, strict=True)]
    table.insert(1, ["-" * width for width in widths])
    padded = [[cell.ljust(width) for cell, width in zip(line, widths, strict=True)] for line in table]
    return "".join([f"| {' | '.join(line)} |\n" for line in padded])


def comma_separated(rows: Sequence[Row], roles: Sequence[str]) -> str:
    """Values with commas between them, the first line being their names (RFC 4180, but for its CRLF)."""
    written = io.StringIO()
    csv.writer(written, lineterminator="\n").writerows(_lines(rows, roles))
    return written.getvalue()


def as_json(rows: Sequence[Row], roles: Sequence[str]) -> str:
    """One object: `roles`, and `rows` with one object a line."""
    lines = [json.dumps(_record(row), ensure_ascii=False) for row in rows]
    listed = json.dumps(list(roles), ensure_ascii=False)
    return '{"roles": ' + listed + ', "rows": [\n' + ",\n".join(lines) + "\n]}\n"


def _lines(rows: Iterable[Row], roles: Sequence[str]) -> Iterator[list[str]]:
    yield [*_HEADS, *roles, *_TAILS]
    for row in rows:
        heads = [row.route, row.method, row.host, row.path, " ".join(row.auth)]
        tails = [" ".join(row.scopes), row.when, "allow" if row.on_trial else ""]
        yield [*heads, row.anonymous, row.roleless, *[row.roles[role] for role in roles], *tails]


def _cell(text: str) -> str:
    printable = "".join([each if each.isprintable() else " " for each in text])
    return printable.replace("|", "\\|")


def _record(row: Row) -> dict[str, object]:
    return {
        "route": row.route,
        "method": row.method,
        "host": row.host or None,
        "path": row.path,
        "auth": list(row.auth),
        "anonymous": row.anonymous,
        "authenticated": row.roleless,
        "roles": dict(row.roles),
        "scopes": list(row.scopes),
        "when": row.when or None,
        "on_trial": row.on_trial,
        "source": row.source,
    }
