"""Answers that we make ourselves.

A refusal is a constant: its bodies are joined when the program loads, with a hole of 32 bytes for the id of
the request (RFC 9457 problem details; HTML for a client that prefers it).
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from http import HTTPStatus
from typing import Final, final

import orjson

from gateway.http.fields import Field
from gateway.http.reason import Reason

_HOLE: Final = b"0" * 32
JSON: Final = b"application/problem+json"
HTML: Final = b"text/html; charset=utf-8"

# A browser's `Accept` has some 150 bytes; what is longer is not worth weighing.
_ACCEPT_AT_MOST: Final = 256
_RANGE: Final = re.compile(
    rb"(?:^|,)[ \t]*(text/html|application/(?:problem\+)?json|application/\*|\*/\*)[ \t]*(?:;([^,]*))?(?=,|$)"
)
_QVALUE: Final = re.compile(rb"0(?:\.[0-9]{0,3})?|1(?:\.0{0,3})?")

# RFC 9110 15.5 renamed these; HTTPStatus follows from Python 3.13 on.
_PHRASES: Final = {413: "Content Too Large", 414: "URI Too Long", 422: "Unprocessable Content"}


@final
@dataclass(frozen=True, slots=True)
class Body:
    """A media type and the bytes around the hole for the request id; without a hole, `after` is None."""

    content_type: bytes
    before: bytes
    after: bytes | None = None

    def fill(self, request_id: bytes) -> bytes:
        """The body with the 32 hexadecimal digits of `request_id` in its place."""
        return self.before if self.after is None else self.before + request_id + self.after


@final
@dataclass(frozen=True, slots=True, eq=False)
class Reply:
    """An answer of our own: status, fields, a body per representation; no `reason` if nothing is refused."""

    status: int
    reason: Reason | None
    fields: tuple[Field, ...]
    body: Body
    html: Body | None = None
    closes: bool = False  # the connection cannot be used again: its framing is in doubt

    def choose(self, accept: bytes | None) -> Body:
        """The representation for an `Accept` value (RFC 9110 12.5.1): HTML only where it is preferred."""
        if self.html is None or accept is None or len(accept) > _ACCEPT_AT_MOST:
            return self.body
        return self.html if _prefers_html(accept) else self.body


def _prefers_html(accept: bytes) -> bool:
    accept = accept.lower()
    if b"text/html" not in accept:
        return False
    weights = {media: _weight(parameters) for media, parameters in _RANGE.findall(accept)}
    json = max(weights.get(JSON, 0), weights.get(b"application/json", 0))
    anything = max(weights.get(b"application/*", 0), weights.get(b"*/*", 0))
    html = weights.get(b"text/html", 0)
    # Who names HTML beside a wildcard of the same weight still means HTML.
    return html > json and html >= anything


def _weight(parameters: bytes) -> float:
    words = (word.strip(b" \t") for word in parameters.split(b";"))
    given = next((word[2:] for word in words if word.startswith(b"q=")), b"1")
    return float(given) if _QVALUE.fullmatch(given) else 0


def problem(  # noqa: PLR0913 - the members of RFC 9457 3.1, each by its name.
    status: int,
    reason: Reason,
    detail: str,
    *fields: Field,
    type: str = "about:blank",
    closes: bool = False,
    extensions: Mapping[str, object] | None = None,
) -> Reply:
    """A refusal as RFC 9457 problem details; `detail` is for people and tells nothing of our inside.

    `extensions` are members that the `type` has beside the usual ones.
    """
    title = _PHRASES.get(status) or HTTPStatus(status).phrase
    members: dict[str, object] = {
        "type": type,
        "title": title,
        "status": status,
        "detail": detail,
        "reason": str(reason),
        "request_id": _HOLE.decode(),
        **(extensions or {}),
    }
    page = (
        '<!doctype html><html lang="en"><meta charset="utf-8">'
        f"<title>{status} {escape(title)}</title><h1>{status} {escape(title)}</h1><p>{escape(detail)}</p>"
        f"<p>Reason: {reason}. Request: {_HOLE.decode()}.</p></html>\n"
    )
    return Reply(
        status,
        reason,
        ((b"Cache-Control", b"no-store"), *fields),
        _with_hole(JSON, orjson.dumps(members)),
        _with_hole(HTML, page.encode()),
        closes,
    )


def _with_hole(content_type: bytes, body: bytes) -> Body:
    before, _, after = body.partition(_HOLE)
    return Body(content_type, before, after)
