"""What was expected against what came: each difference, in words."""

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import final

from gateway.config.schema.cases import ExpectSpec
from gateway.http.fields import Field, field_of
from gateway.rehearsal import Outcome, Verdict


@final
@dataclass(frozen=True, slots=True)
class Mismatch:
    """One difference: what was looked at, what it had to be, what it was."""

    what: str
    expected: str
    got: str


def mismatches(expect: ExpectSpec, outcome: Outcome) -> Iterator[Mismatch]:
    """Every difference; none where all that is said came true."""
    if outcome.verdict is Verdict.UNKNOWN:
        yield Mismatch("answer", "one that is known here", f"{outcome.decider.note}: say `as`")
        return
    for what, expected, got in _simple(expect, outcome):
        if expected is not None and expected != got:
            yield Mismatch(what, str(expected), "none" if got is None else str(got))
    reported = dict(outcome.exchange.reported) if outcome.exchange is not None else {}
    for policy, reason in expect.reported.items():
        if reported.get(policy) != reason:
            yield Mismatch(f"reported {policy}", reason, str(reported.get(policy, "none")))
    if outcome.forward is not None:
        yield from _fields("upstream_fields", expect.upstream_fields, _seen(outcome))
    yield from _fields("response_fields", expect.response_fields, outcome.told)
    if outcome.forward is not None:
        yield from _coming_through(expect.response_fields, outcome)


def _simple(expect: ExpectSpec, outcome: Outcome) -> Iterator[tuple[str, object, object]]:
    """Name, what is expected or None, what came."""
    forward, route = outcome.forward, outcome.route
    passes = f"passes to {forward.upstream}" if forward is not None else None
    status = outcome.answer.status if outcome.answer is not None else passes
    yield "upstream", expect.upstream, forward.upstream if forward is not None else _refusal(outcome)
    yield "status", expect.status, status
    yield "reason", expect.reason, outcome.reason if passes is None else passes
    yield "policy", expect.policy, outcome.decider.name if passes is None else passes
    yield "route", expect.route, route.id if route is not None else None
    if forward is not None:
        yield "path", expect.path, _target(outcome)


def _refusal(outcome: Outcome) -> str:
    answer = outcome.answer
    return f"{answer.status if answer is not None else 'no answer'} {outcome.reason or ''}".rstrip()


def _target(outcome: Outcome) -> str:
    return outcome.upstream_head.partition(b"\r\n")[0].split(b" ")[1].decode(errors="replace")


def _seen(outcome: Outcome) -> list[Field]:
    return [field_of(line) for line in outcome.upstream_head.split(b"\r\n")[1:] if line]


def _fields(what: str, expected: Mapping[str, bool | str], got: Iterable[Field]) -> Iterator[Mismatch]:
    sent = list(got)
    for name, wanted in expected.items():
        values = [value for raw, value in sent if raw.lower() == name.lower().encode()]
        said = ", ".join([value.decode(errors="replace") for value in values]) if values else None
        if wanted is True and said is None:
            yield Mismatch(f"{what} {name}", "any value", "none")
        elif wanted is False and said is not None:
            yield Mismatch(f"{what} {name}", "none", said)
        elif isinstance(wanted, str) and said != wanted:
            yield Mismatch(f"{what} {name}", wanted, "none" if said is None else said)


def _coming_through(expected: Mapping[str, bool | str], outcome: Outcome) -> Iterator[Mismatch]:
    """Fields that are not to reach the client, and would if the backend sent them."""
    own = {name.lower() for name, _ in outcome.told}
    for name, wanted in expected.items():
        rule = outcome.edits.table[name.encode()]
        passes = rule is None or rule.forwarded
        if wanted is False and passes and name.lower().encode() not in own:
            yield Mismatch(f"response_fields {name}", "none", "what the backend sends")
