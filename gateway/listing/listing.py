"""The routes as an operator looks at them, each on one line."""

from collections.abc import Iterable, Sequence

from gateway.config.entry import Entry
from gateway.config.schema.routes import AllowSpec, ChargeSpec, ChoiceSpec
from gateway.listing.view import route_view
from gateway.rehearsal import Stage
from gateway.routing import Route

_NOTHING = "-"
_SHOWN_AT_MOST = 48


def listing(stage: Stage) -> str:
    """A line for each route, in the order of the files; the columns stand below each other."""
    return columns([_row(route, stage.entries[route.id]) for route in stage.snapshot.routes])


def records(stage: Stage) -> list[dict[str, object]]:
    """The same for programs. Members may join these; none is renamed or taken away."""
    return [_record(route, stage.entries[route.id]) for route in stage.snapshot.routes]


def columns(rows: Sequence[Sequence[str]]) -> str:
    """Lines whose cells stand below each other, two blanks apart."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = ["  ".join([cell.ljust(width) for cell, width in zip(row, widths, strict=True)]) for row in rows]
    return "".join([f"{line.rstrip()}\n" for line in lines])


def _row(route: Route, entry: Entry) -> tuple[str, ...]:
    spec = entry.spec
    auth = _auth(entry)
    return (
        " ".join(route.methods) or "any",
        f"{entry.match.host or ''}{route.pattern}",
        str(route_view(route)["target"]),
        route.id,
        ", ".join(auth) or _NOTHING,
        _cut(in_short(spec.allow)) if spec.allow is not None and not spec.is_public else _NOTHING,
        ", ".join(map(charge, spec.quota or ())) or _NOTHING,
        route.source,
    )


def _record(route: Route, entry: Entry) -> dict[str, object]:
    spec = entry.spec
    allow = spec.allow if not spec.is_public else None
    return {
        **route_view(route),
        "host": entry.match.host,
        "fields": [name.decode() for name, _ in entry.match.headers],
        "auth": list(_auth(entry)),
        "allow": allow.model_dump(exclude_unset=True) if allow is not None else None,
        "quota": [charge(item) for item in spec.quota or ()],
        "report": list(spec.report or ()),
    }


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN_AT_MOST else f"{text[: _SHOWN_AT_MOST - 3]}..."


def _auth(entry: Entry) -> Iterable[str]:
    said = entry.spec.auth or ()
    return (said,) if isinstance(said, str) else said


def in_short(allow: AllowSpec) -> str:
    """What is demanded of who asks, on one line."""
    parts = [*(allow.permissions or ())]
    parts += [f"role {' or '.join(allow.roles)}"] if allow.roles else []
    parts += [f"scope {' and '.join(allow.scopes)}"] if allow.scopes else []
    parts += [f"when {' '.join(allow.when.split())}"] if allow.when else []
    # Nothing that a terminal would obey.
    return "".join([each if each.isprintable() else " " for each in ", ".join(parts)])


def charge(item: str | ChargeSpec | ChoiceSpec) -> str:
    """What a request is counted by."""
    if isinstance(item, str):
        return item
    if isinstance(item, ChargeSpec):
        return f"{item.tier} x{item.cost}"
    return f"by {item.by}"
