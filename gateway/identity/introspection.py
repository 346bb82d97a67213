"""What the endpoints of issuers say about tokens (RFC 7662), remembered shortly by a digest of each.

`active` is believed as long as the configuration says and no longer than the token lasts; its contrary for a
few seconds; and a failure never. All who ask about one token at a time share one question.
"""

import asyncio
from base64 import b64encode
from collections.abc import Awaitable, Mapping
from hashlib import sha256
from typing import Any, final
from urllib.parse import quote_plus, urlencode

from gateway.http.reason import Reason
from gateway.identity.asking import Asker, AskError, Question
from gateway.identity.outages import Outages
from gateway.policy.document import members
from gateway.policy.ports import Time
from gateway.policy.questions import Introspection, Told
from gateway.policy.recent import Recent
from gateway.telemetry import waits

INACTIVE_FOR = 10.0
_REMEMBERED = 4096

_Key = tuple[Introspection, bytes]


@final
class Introspections:
    """Asks every endpoint."""

    def __init__(self, asker: Asker, outages: Outages, wall: Time, monotonic: Time) -> None:
        self._asker = asker
        self._outages = outages
        self._wall = wall
        self._monotonic = monotonic
        self._known: Recent[_Key, tuple[Mapping[str, Any], float]] = Recent(_REMEMBERED)
        self._flights: dict[_Key, asyncio.Task[Told]] = {}

    def find(self, endpoint: Introspection, token: bytes) -> Told | Awaitable[Told]:
        """The members of the answer: at once where it is remembered."""
        # Who reads our memory finds no tokens.
        key = endpoint, sha256(token).digest()
        known = self._known.get(key)
        if known is not None and self._monotonic() < known[1]:
            return known[0]
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = asyncio.create_task(self._fetch(key, token))
            flight.add_done_callback(lambda _: self._flights.pop(key, None))
        return self._wait(endpoint, flight)

    async def _wait(self, endpoint: Introspection, flight: asyncio.Task[Told]) -> Told:
        wait = waits.begin("POST", endpoint.url)
        # The question is everybody's: who goes away does not end it.
        told = await asyncio.shield(flight)
        waits.end(wait, error="" if told is not None else Reason.VERIFIER_UNAVAILABLE)
        return told

    async def stop(self) -> None:
        """End the questions that are under way."""
        flights = list(self._flights.values())
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)

    async def _fetch(self, key: _Key, token: bytes) -> Told:
        endpoint, _ = key
        try:
            answer, raw = await self._asker.ask(_question(endpoint, token))
            if answer.status != 200:
                raise AskError(f"status {answer.status}")
            told = _members(raw)
        except AskError as error:
            self._outages.failed(endpoint.url, str(error))
            return None
        self._outages.answered(endpoint.url)
        seconds = self._lasting(endpoint, told)
        if seconds > 0:
            self._known.put(key, (told, self._monotonic() + seconds))
        return told

    def _lasting(self, endpoint: Introspection, told: Mapping[str, Any]) -> float:
        if told["active"] is False:
            return min(INACTIVE_FOR, endpoint.cache)
        expires = told.get("exp")
        if not isinstance(expires, int | float):
            return endpoint.cache
        return min(endpoint.cache, expires - self._wall())


def _question(endpoint: Introspection, token: bytes) -> Question:
    # RFC 6749 2.3.1: both are form-encoded before they are joined.
    pair = f"{quote_plus(endpoint.client_id)}:{quote_plus(endpoint.client_secret)}"
    fields = (
        (b"Authorization", b"Basic " + b64encode(pair.encode())),
        (b"Content-Type", b"application/x-www-form-urlencoded"),
        (b"Accept", b"application/json"),
    )
    body = urlencode({"token": token, "token_type_hint": "access_token"}).encode()
    return Question("POST", endpoint.url, fields, endpoint.timeout, body)


def _members(raw: bytes) -> dict[str, Any]:
    try:
        told = members(raw)
    except ValueError as error:
        raise AskError(str(error)) from None
    if not isinstance(told.get("active"), bool):
        raise AskError("an answer that does not say whether the token is active")
    return told
