"""Requests that another service judges: it is shown what was asked and by whom, and says yes or no.

2xx lets the request pass, 401 and 403 refuse it, and whatever else comes, or nothing in time, is a 503. No
answer is remembered: what it depends on only the service knows. Of its fields only those that are named in
`copy` reach the backend, and none of these from the client.
"""

import re
from collections.abc import Awaitable
from dataclasses import replace
from typing import Final, final

from gateway.http.fields import Field
from gateway.http.reply import Reply, problem
from gateway.http.request import Request
from gateway.policy import Exchange, Principal, Reason
from gateway.policy.authn import Identity, Outcome
from gateway.policy.credential import AUTHORIZATION, Place
from gateway.policy.identity_fields import identity_fields
from gateway.policy.ports import Verifier
from gateway.policy.questions import Answer, Service

_SHOWN = ((b"Authorization", AUTHORIZATION), (b"Cookie", b"cookie"))
_COPIED_AT_MOST = 4096
_CHALLENGE_AT_MOST = 1024
# RFC 9110 5.5, without what no backend should have to read: neither a control character nor a line break.
_VALUE = re.compile(rb"[\t -~\x80-\xff]+")
# RFC 9110 11.6.1, as far as it can break nothing: a scheme, and what follows in visible ASCII.
_CHALLENGE = re.compile(rb"[!#$%&'*+.^_`|~0-9A-Za-z-]+( [ -~]+)?")

_UNKNOWN = problem(401, Reason.UNKNOWN_TO_SERVICE, "Say who you are: this needs other credentials.")
_DENIED = problem(403, Reason.DENIED_BY_SERVICE, "This is not for you.")
_MALFORMED = problem(400, Reason.MALFORMED_CREDENTIALS, "The credentials are not spelled as they have to be.")
_UNAVAILABLE = problem(
    503, Reason.VERIFIER_UNAVAILABLE, "Requests cannot be judged at the moment.", (b"Retry-After", b"5")
)


@final
class ForwardAuth:
    """The method of one service, by its name.

    `copy` holds names of fields as they are sent on; `subject` is the lower-case name of the field that says
    who asks. Without it all who pass are one principal, that of the service's name.
    """

    __slots__ = ("_copy", "_name", "_service", "_subject", "_verifier", "places")

    challenge: Final = None

    def __init__(  # noqa: PLR0913 - a word each, made in one place.
        self,
        name: str,
        service: Service,
        *,
        copy: tuple[bytes, ...],
        subject: bytes | None,
        places: tuple[Place, ...],
        verifier: Verifier,
    ) -> None:
        self._name = name
        self._service = service
        self._copy = copy
        self._subject = subject
        self._verifier = verifier
        self.places = places

    def __call__(self, exchange: Exchange) -> Outcome | Awaitable[Outcome]:
        """What the service makes of the request."""
        question = _question(exchange.request)
        try:
            # What is no text could reach the service as another one.
            for _, value in question:
                value.decode()
        except UnicodeDecodeError:
            return _MALFORMED
        answer = self._verifier.ask(self._service, question)
        return _UNAVAILABLE if answer is None else self._wait(answer)

    async def _wait(self, waiting: Awaitable[Answer | None]) -> Outcome:
        answer = await waiting
        if answer is None:
            return _UNAVAILABLE
        if answer.status == 401:
            return _unknown(answer)
        if answer.status == 403:
            return _DENIED
        return self._passed(answer) if 200 <= answer.status < 300 else _UNAVAILABLE

    def _passed(self, answer: Answer) -> Identity | Reply:
        found = [(name, answer.value(name.lower())) for name in self._copy]
        copied = tuple((name, value) for name, value in found if value)
        if not all(map(_VALUE.fullmatch, (value for _, value in copied))):
            return _UNAVAILABLE
        if sum(len(value) for _, value in copied) > _COPIED_AT_MOST:
            return _UNAVAILABLE
        try:
            principal = Principal(subject=self._who(answer), method=self._name)
            return Identity(principal, identity_fields(principal) + copied)
        except ValueError:
            return _UNAVAILABLE

    def _who(self, answer: Answer) -> str:
        if self._subject is None:
            return self._name
        subject = (answer.value(self._subject) or b"").decode()
        if not subject:
            raise ValueError("nobody")
        return subject


@final
class Prompted:
    """A service that is asked only about requests that show something; others are left to the next method."""

    __slots__ = ("_service", "places")

    challenge: Final = None

    def __init__(self, service: ForwardAuth) -> None:
        self._service = service
        self.places = service.places

    def __call__(self, exchange: Exchange) -> Outcome | Awaitable[Outcome]:
        """What the service makes of the request, None if it has neither Authorization nor a cookie."""
        noted = exchange.request.noted
        return self._service(exchange) if any(name in noted for _, name in _SHOWN) else None


def _question(request: Request) -> tuple[Field, ...]:
    shown = [(field, request.noted[name]) for field, name in _SHOWN if name in request.noted]
    return (
        (b"X-Forwarded-Method", request.method),
        (b"X-Forwarded-Uri", request.path + request.query),
        (b"X-Forwarded-Host", request.authority),
        (b"X-Forwarded-Proto", b"https" if request.secure else b"http"),
        (b"X-Forwarded-For", request.client.encode()),
        *shown,
    )


def _unknown(answer: Answer) -> Reply:
    """The 401, with the challenge of the service where it is one that can be passed on."""
    challenge = answer.value(b"www-authenticate") or b""
    if len(challenge) > _CHALLENGE_AT_MOST or _CHALLENGE.fullmatch(challenge) is None:
        return _UNKNOWN
    return replace(_UNKNOWN, fields=(*_UNKNOWN.fields, (b"WWW-Authenticate", challenge)))
