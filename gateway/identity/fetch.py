"""One document by HTTP, within bounds: no redirect, no cookie, no more bytes and seconds than it may take."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final

import aiohttp

from gateway.identity.freshness import lifetime
from gateway.policy.document import members
from gateway.telemetry import waits

BYTES_AT_MOST = 512 * 1024
SECONDS_AT_MOST = 5.0
# A body that is compressed could grow without measure.
_FIELDS = {"Accept": "application/json", "Accept-Encoding": "identity", "User-Agent": "azora-gateway"}


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

    __slots__ = ("_seconds", "_session")

    def __init__(self, seconds: float = SECONDS_AT_MOST) -> None:
        self._seconds = seconds
        self._session: aiohttp.ClientSession | None = None

    async def get(self, url: str, etag: str | None = None) -> Document:
        """The JSON object at `url`; with `etag`, only if it is another by now. Raises FetchError.

        Who is asked is told of the trace of the request that was the first to want it, if there is one.
        """
        fields = _FIELDS | {name.decode(): value.decode() for name, value in waits.fields()}
        if etag:
            fields["If-None-Match"] = etag
        try:
            async with self._opened().get(url, headers=fields, allow_redirects=False) as response:
                if response.status == 304 and etag:
                    return Document(None, lifetime(response.headers), etag)
                if response.status != 200:
                    raise FetchError(f"status {response.status}")
                raw = await _body(response)
                return Document(_members(raw), lifetime(response.headers), _etag(response.headers))
        except TimeoutError:
            raise FetchError(f"no answer within {self._seconds:g} s") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise FetchError(type(error).__name__) from None

    async def close(self) -> None:
        """Close the connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                # Documents are fetched every few minutes: an idle connection would only be a stale one.
                connector=aiohttp.TCPConnector(force_close=True, use_dns_cache=False),
                timeout=aiohttp.ClientTimeout(total=self._seconds),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
            )
        return self._session


async def _body(response: aiohttp.ClientResponse) -> bytes:
    raw = bytearray()
    async for piece in response.content.iter_any():
        raw += piece
        if len(raw) > BYTES_AT_MOST:
            raise FetchError("more than 512 KiB")
    return bytes(raw)


def _members(raw: bytes) -> dict[str, Any]:
    try:
        return members(raw)
    except ValueError as error:
        raise FetchError(str(error)) from None


def _etag(fields: Mapping[str, str]) -> str | None:
    etag = fields.get("ETag", "")
    return etag if 0 < len(etag) <= 256 else None
