"""One document by HTTP: a question whose answer is a JSON object, which may be kept for a while."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

from gateway.http.fields import Field
from gateway.identity.asking import Asker, AskError, Question
from gateway.identity.freshness import lifetime
from gateway.policy.document import members

SECONDS_AT_MOST = 5.0
# KiB.
_SIZE = 512


class FetchError(Exception):
    """No document. The text says why in our own words; nothing that was sent is in it."""


@final
@dataclass(frozen=True, slots=True)
class Document:
    """What was fetched, for `lifetime` seconds. `members` is None where it is what it was before (304)."""

    members: dict[str, Any] | None
    lifetime: float
    etag: str | None = None


@final
class Fetcher:
    """Fetches for everybody in this process; its connections are made when they are needed."""

    __slots__ = ("_asker", "_seconds")

    def __init__(self, seconds: float = SECONDS_AT_MOST) -> None:
        self._asker = Asker()
        self._seconds = seconds

    async def get(self, url: str, etag: str | None = None) -> Document:
        """The JSON object at `url`; with `etag`, only if it is another by now. Raises FetchError."""
        fields: tuple[Field, ...] = ((b"Accept", b"application/json"),)
        if etag:
            fields += ((b"If-None-Match", etag.encode("latin-1")),)
        try:
            answer, raw = await self._asker.ask(Question("GET", url, fields, self._seconds, size=_SIZE))
        except AskError as error:
            raise FetchError(str(error)) from None
        said = {name.decode().lower(): value.decode("latin-1") for name, value in reversed(answer.fields)}
        if answer.status == 304 and etag:
            return Document(None, lifetime(said), etag)
        if answer.status != 200:
            raise FetchError(f"status {answer.status}")
        return Document(_members(raw), lifetime(said), _etag(said))

    async def close(self) -> None:
        """Close the connections."""
        await self._asker.close()


def _members(raw: bytes) -> dict[str, Any]:
    try:
        return members(raw)
    except ValueError as error:
        raise FetchError(str(error)) from None


def _etag(fields: Mapping[str, str]) -> str | None:
    etag = fields.get("etag", "")
    return etag if 0 < len(etag) <= 256 else None
