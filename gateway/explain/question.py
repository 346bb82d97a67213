"""What was typed, or stands in JSON -> the question: a request, who is assumed to ask, where it arrives."""

import argparse
import json
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import final

from gateway.config.question import QuestionSpec
from gateway.config.snapshot import Listener
from gateway.explain.curl import Recorded, curl
from gateway.explain.har import har
from gateway.rehearsal import CLIENT, Assumed, Draft, assumed
from gateway.rehearsal.draft import split_url


@final
@dataclass(frozen=True, slots=True)
class Question:
    """A request on a listener, which counts from 0; `assumed` is None where nobody is."""

    draft: Draft
    assumed: Assumed | None
    listener: int
    token: str = ""


def question(said: argparse.Namespace, listeners: tuple[Listener, ...]) -> Question:
    """What the options ask. Raises ValueError, which says what was expected, and OSError for a file."""
    recorded = _recorded(said)
    secure, host, target = split_url(recorded.url)
    number = _listener(said.listener, secure, listeners)
    draft = Draft(
        method=recorded.method,
        target=target,
        host=host,
        fields=(*recorded.fields, *_fields(said)),
        body=_body(said.body) if said.body else recorded.body,
        client=said.client or CLIENT,
        secure=listeners[number].tls is not None,
    )
    return Question(draft, _assumed(said), number, said.token or "")


def stated(said: QuestionSpec, listeners: tuple[Listener, ...]) -> Question:
    """What a question in JSON asks. Raises ValueError for a listener that there is not."""
    secure, host, target = split_url(said.url)
    number = _listener(said.listener, secure, listeners)
    lines = [(name, (each,) if isinstance(each, str) else each) for name, each in said.fields.items()]
    token = said.token or ""
    bearer = (("Authorization", f"Bearer {token}"),) if token else ()
    draft = Draft(
        method=said.method,
        target=target,
        host=host,
        fields=(*[(name, value) for name, values in lines for value in values], *bearer),
        body=said.body.encode(),
        client=said.client or CLIENT,
        secure=listeners[number].tls is not None,
    )
    principal = None if said.principal is None else assumed(said.principal)
    return Question(draft, principal, number, token)


def _recorded(said: argparse.Namespace) -> Recorded:
    ways = [said.method is not None, said.curl is not None, said.har is not None]
    if sum(ways) != 1 or (said.method is not None and said.url is None):
        raise ValueError("expected METHOD and URL, or --curl, or --har")
    if said.curl is not None:
        return curl(said.curl)
    if said.har is not None:
        return har(said.har)
    return Recorded(said.method, said.url, ())


def _fields(said: argparse.Namespace) -> list[tuple[str, str]]:
    fields = []
    for each in said.header:
        name, colon, value = each.partition(":")
        if not colon:
            raise ValueError(f"expected a field such as 'Origin: https://app.example', got {each!r}")
        fields.append((name, value.strip(" \t")))
    return fields + ([("Authorization", f"Bearer {said.token}")] if said.token else [])


def _body(name: str) -> bytes:
    return sys.stdin.buffer.read() if name == "-" else Path(name).read_bytes()


def _listener(number: int | None, secure: bool, listeners: tuple[Listener, ...]) -> int:
    if number is None:
        # The first that speaks the URL's scheme, else the first of all.
        fitting = [index for index, each in enumerate(listeners) if (each.tls is not None) == secure]
        return (fitting or [0])[0]
    if not 1 <= number <= len(listeners):
        raise ValueError(f"expected a listener from 1 to {len(listeners)}, got {number}")
    return number - 1


def _assumed(said: argparse.Namespace) -> Assumed | None:
    if said.subject is None:
        if said.scope or said.claim or said.method_of_auth or said.tier:
            raise ValueError("expected --as SUBJECT beside what is said about it")
        return None
    subject, _, roles = said.subject.partition(":")
    if not subject:
        raise ValueError(f"expected --as SUBJECT[:ROLE,ROLE], got {said.subject!r}")
    return Assumed(
        subject=subject,
        roles=frozenset(role for role in roles.split(",") if role),
        scopes=frozenset(said.scope),
        claims=dict(map(_claim, said.claim)),
        method=said.method_of_auth,
        tier=said.tier,
    )


def _claim(text: str) -> tuple[str, object]:
    name, equals, value = text.partition("=")
    if not name or not equals:
        raise ValueError(f"expected --claim NAME=JSON, got {text!r}")
    try:
        return name, json.loads(value)
    except ValueError:
        return name, value
