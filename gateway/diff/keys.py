"""What the other keys of a route mean for access: from where, with what, how and whereto one may ask."""

from collections.abc import Callable, Iterator, Mapping
from typing import Final

from gateway.config.schema.named import CorsSpec
from gateway.config.schema.routes import ClientsSpec, TrustedSpec, ValidateSpec
from gateway.config.validation import looked_at
from gateway.diff.change import Change, Kind, told
from gateway.diff.order import (
    Rule,
    admitted,
    denied,
    members,
    members_or_all,
    more,
    neutral,
    origins,
    ranks,
    unproved,
    wildcards,
)
from gateway.diff.quotas import quotas
from gateway.diff.seen import Seen, places_of, variables_of
from gateway.policy.presets import PRESETS
from gateway.routing import Forward, Redirect

# Fields by which browsers are told to protect somebody.
_PROTECTING: Final = frozenset(
    name.lower() for preset in PRESETS.values() for name in (*preset.set, *preset.default)
)
CORS: Final[Mapping[str, Rule]] = {
    "allow_origins": origins,
    "allow_methods": members,
    "allow_headers": wildcards,
    "expose_headers": wildcards,
    "credentials": more,
    "max_age": more,
    "on_disallowed": ranks("reject", "omit"),
}


def keys(old: Seen, new: Seen) -> Iterator[Change]:
    """What differs about every key but `match`, `auth` and `allow`."""
    yield from _report(old, new)
    for key, judge in _JUDGES.items():
        for change in judge(old, new):
            # What is not enforced on both sides is told by `report`. Cors not only refuses, it permits.
            is_idle = key != "cors" and (old.is_on_trial(key) or new.is_on_trial(key))
            yield (change.harmless() if is_idle else change).at(old.source(key), new.source(key))


def _report(old: Seen, new: Seen) -> Iterator[Change]:
    was, now = old.spec.report or (), new.spec.report or ()
    places = old.source("report"), new.source("report")
    for name in dict.fromkeys((*was, *now)):
        if name not in was:
            yield Change(Kind.WIDENS, f"report: {name} is on trial and refuses nobody", *places)
        elif name not in now:
            yield Change(Kind.NARROWS, f"report: {name} is no longer on trial", *places)


def _by(rule: Rule, was: object, now: object, what: str, usual: str = "") -> Iterator[Change]:
    if was != now:
        for change in rule(was, now):
            said = change.what or usual or f"{told(_plain(was))} -> {told(_plain(now))}"
            yield Change(change.kind, f"{what}: {said}", proved=change.proved)


def _plain(value: object) -> object:
    return list(value) if isinstance(value, tuple) else value


def _clients(old: Seen, new: Seen) -> Iterator[Change]:
    was, now = old.spec.clients or ClientsSpec(), new.spec.clients or ClientsSpec()
    yield from _by(admitted, was.allow, now.allow, "clients.allow", "the same networks in other words")
    yield from _by(denied, was.deny, now.deny, "clients.deny", "the same networks in other words")


def _limits(old: Seen, new: Seen) -> Iterator[Change]:
    def body(side: Seen) -> int:
        return side.spec.limits.body if side.spec.limits else side.stage.specs.gateway.limits.body

    yield from _by(more, body(old), body(new), "limits.body", f"{body(old)} B -> {body(new)} B")


def _csrf(old: Seen, new: Seen) -> Iterator[Change]:
    was, now = old.spec.csrf or "auto", new.spec.csrf or "auto"
    if "off" in (was, now) and was != now:
        kind = Kind.WIDENS if now == "off" else Kind.NARROWS
        yield Change(kind, f"csrf: {_name(was)} -> {_name(now)}")
    elif was != "off":
        yield from _by(members, _trusted(was), _trusted(now), "csrf.trusted")


def _name(csrf: str | TrustedSpec) -> str:
    return csrf if isinstance(csrf, str) else "trusted"


def _trusted(csrf: str | TrustedSpec) -> tuple[str, ...]:
    return csrf.trusted if isinstance(csrf, TrustedSpec) else ()


def _cors(old: Seen, new: Seen) -> Iterator[Change]:
    was, now = _cors_of(old), _cors_of(new)
    if was is None or now is None:
        if was is not None:
            yield Change(Kind.WIDENS, "cors: the service decides instead", proved=False)
        elif now is not None:
            listed = told(list(now.allow_origins))
            yield Change(Kind.WIDENS, f"cors: {listed} may call, the service decided before", proved=False)
        return
    places = _cors_place(old), _cors_place(new)
    for name in CorsSpec.model_fields:
        rule = CORS.get(name, unproved)
        for change in _by(rule, getattr(was, name), getattr(now, name), f"cors.{name}"):
            yield change.at(*places)


def _cors_of(side: Seen) -> CorsSpec | None:
    """The cors policy in force; on trial it is none."""
    said = side.spec.cors if not side.is_on_trial("cors") else None
    return side.stage.specs.cors[said] if isinstance(said, str) else said


def _cors_place(side: Seen) -> str:
    said = side.spec.cors
    return side.definition("cors", said) if isinstance(said, str) else side.source("cors")


def _validate(old: Seen, new: Seen) -> Iterator[Change]:
    was, now = _validation(old), _validation(new)
    if was is None or now is None:
        if was is not None:
            yield Change(Kind.WIDENS, "validate: nothing is validated any more")
        elif now is not None:
            yield Change(Kind.NARROWS, "validate: requests are validated")
        return
    yield from _by(members_or_all, _types(was), _types(now), "validate.content_types")
    largest = looked_at(was, old.route.body_limit), looked_at(now, new.route.body_limit)
    yield from _by(more, *largest, "validate.max_body", f"{largest[0]} B -> {largest[1]} B")
    for name in ("schema", "openapi", "query"):
        yield from _document(old, new, name)
    yield from _by(ranks("reject", "ignore"), was.unknown_query, now.unknown_query, "validate.unknown_query")


def _validation(side: Seen) -> ValidateSpec | None:
    return side.spec.validate_ if isinstance(side.route.target, Forward) else None


def _types(said: ValidateSpec) -> tuple[str, ...]:
    return said.content_types or (("application/json",) if said.schema_ is not None else ())


def _document(old: Seen, new: Seen, name: str) -> Iterator[Change]:
    was, now = _content(old, name), _content(new, name)
    if was is None or now is None:
        if was is not None:
            yield Change(Kind.WIDENS, f"validate.{name}: nothing is held against it any more")
        elif now is not None:
            yield Change(Kind.NARROWS, f"validate.{name}: requests are held against it")
    elif was != now:
        yield Change(Kind.WIDENS, f"validate.{name}: it says something else", proved=False)


def _content(side: Seen, name: str) -> str | None:
    said = side.spec.validate_
    file = getattr(said, "schema_" if name == "schema" else name)
    documents = side.stage.specs.documents
    # As it is written: to Python, 1 and true are equal.
    return repr(documents.data(side.source("validate"), file)) if file is not None else None


def _headers(old: Seen, new: Seen) -> Iterator[Change]:
    was, now = _written(old), _written(new)
    for name in sorted({*was, *now}):
        before, after = was.get(name), now.get(name)
        protects = name in _PROTECTING
        if before == after:
            continue
        if after is None:
            yield Change(Kind.WIDENS if protects else Kind.CHANGES, f"header {name} is no longer written")
        elif before is None:
            yield Change(Kind.NARROWS if protects else Kind.CHANGES, f"header {name} is written: {after}")
        else:
            kind = Kind.WIDENS if protects else Kind.CHANGES
            yield Change(kind, f"header {name}: {before} -> {after}", proved=not protects)
    removed, removes = _removed(old) - {*now}, _removed(new) - {*was}
    yield from [Change(Kind.WIDENS, f"header {name} passes again") for name in sorted(removed - removes)]
    yield from [Change(Kind.NARROWS, f"header {name} is removed") for name in sorted(removes - removed)]


def _written(side: Seen) -> dict[str, str]:
    edits = side.route.edits[True]
    fields = [(name, value, "") for name, value in edits.set]
    fields += [(name, value, " where the service sends none") for name, value in edits.default]
    return {name.decode().lower(): f"{told(value.decode())}{how}" for name, value, how in fields}


def _removed(side: Seen) -> frozenset[str]:
    names = [name.decode() for name in side.route.edits[True].remove]
    # Those of CORS go and come with the cors policy.
    return frozenset(name for name in names if not name.startswith("access-control-"))


def _target(old: Seen, new: Seen) -> Iterator[Change]:
    was, now = old.route.target, new.route.target
    if isinstance(was, Forward) and isinstance(now, Forward):
        yield from _by(unproved, was.upstream, now.upstream, "upstream")
        for name in ("prefix", "rewrite"):
            before, after = getattr(old.spec, name), getattr(new.spec, name)
            before, after = getattr(before, "path", before), getattr(after, "path", after)
            yield from _by(unproved, before, after, f"{name}, so the service sees another path")
        used = variables_of(new.spec.rewrite.path) if new.spec.rewrite is not None else ()
        if old.spec.rewrite == new.spec.rewrite and places_of(old, used) != places_of(new, used):
            yield Change(Kind.WIDENS, "rewrite takes other parts of the path", proved=False)
        return
    if isinstance(now, Forward):
        yield Change(Kind.WIDENS, f"requests reach {now.upstream}, and were answered without a service")
    elif isinstance(was, Forward):
        yield Change(Kind.NARROWS, f"requests are answered and no longer reach {was.upstream}")
    elif isinstance(was, Redirect) and isinstance(now, Redirect):
        for name in ("to", "status"):
            before, after = getattr(old.spec.redirect, name), getattr(new.spec.redirect, name)
            yield from _by(unproved if name == "to" else neutral, before, after, f"redirect.{name}")
    elif (old.spec.respond, old.spec.redirect) != (new.spec.respond, new.spec.redirect):
        yield Change(Kind.CHANGES, "another fixed answer")


def _request_headers(old: Seen, new: Seen) -> Iterator[Change]:
    was, now = old.spec.request_headers, new.spec.request_headers
    before, after = (was.set if was else {}), (now.set if now else {})
    for name in dict.fromkeys((*before, *after)):
        if before.get(name) != after.get(name):
            # The value may be what the service trusts, and a secret: only the name is told.
            yield Change(Kind.WIDENS, f"request_headers.set: another {name}", proved=False)
    gone = frozenset(each.lower() for each in (was.remove if was else ()))
    goes = frozenset(each.lower() for each in (now.remove if now else ()))
    for name in sorted(gone ^ goes):
        kind, verb = (Kind.WIDENS, "passes") if name in gone else (Kind.NARROWS, "is taken away")
        yield Change(kind, f"request_headers.remove: {name} {verb}")


def _upgrade(old: Seen, new: Seen) -> Iterator[Change]:
    yield from _by(members, old.spec.upgrade, new.spec.upgrade, "upgrade")


def _simple(key: str) -> Callable[[Seen, Seen], Iterator[Change]]:
    def judge(old: Seen, new: Seen) -> Iterator[Change]:
        yield from _by(neutral, getattr(old.spec, key), getattr(new.spec, key), key, "has changed")

    return judge


_JUDGES: Final[Mapping[str, Callable[[Seen, Seen], Iterator[Change]]]] = {
    "cors": _cors,
    "clients": _clients,
    "quota": quotas,
    "limits": _limits,
    "validate": _validate,
    "csrf": _csrf,
    "upstream": _target,
    "request_headers": _request_headers,
    "upgrade": _upgrade,
    "headers": _headers,
    "compress": _simple("compress"),
    "timeouts": _simple("timeouts"),
    "slo": _simple("slo"),
    "operation": _simple("operation"),
}
JUDGED: Final = frozenset(_JUDGES)
# What is judged with another key, or by `gateway.diff.match` and `gateway.diff.access`.
WITH_OTHERS: Final = frozenset(
    ["id", "match", "auth", "allow", "report", "prefix", "rewrite", "redirect", "respond"]
)
