"""One question to another service by HTTP, within bounds: no redirect is followed, no cookie kept, and an
answer has no more bytes and seconds than it may take.

Connections are kept for the next question: some are asked with every request.
"""

from dataclasses import dataclass
from typing import final

import aiohttp

from gateway.http.fields import Field
from gateway.policy.questions import Answer
from gateway.telemetry import waits

# KiB of an answer, unless a question says otherwise.
_USUAL_SIZE = 64
_CONNECTIONS_AT_MOST = 100
# Shorter than what servers usually keep a connection for.
_IDLE = 10.0
_OURS = ((b"Accept-Encoding", b"identity"), (b"User-Agent", b"azora-gateway"))


class AskError(Exception):
    """No answer. The text says why in our own words; nothing that was sent is in it."""


@final
@dataclass(frozen=True, slots=True)
class Question:
    """What is asked, with a body if there is one; `timeout` is in seconds, `size` in KiB of the answer."""

    method: str
    url: str
    fields: tuple[Field, ...]
    timeout: float
    body: bytes | None = None
    size: int = _USUAL_SIZE


@final
class Asker:
    """Asks for everybody in this process; its connections are made when they are needed."""

    __slots__ = ("_session",)

    def __init__(self) -> None:
        self._session: aiohttp.ClientSession | None = None

    async def ask(self, question: Question) -> tuple[Answer, bytes]:
        """The answer and its body. Raises AskError. It is told of the trace of the request that asks."""
        asked = question.fields + _OURS + waits.fields()
        try:
            async with self._opened().request(
                question.method,
                question.url,
                headers=[(name.decode(), value.decode()) for name, value in asked],
                data=question.body,
                allow_redirects=False,
                # The time for everything, a free connection included.
                timeout=aiohttp.ClientTimeout(total=question.timeout),
            ) as response:
                raw = await _body(response, question.size)
                return Answer(response.status, tuple(response.raw_headers)), raw
        except TimeoutError:
            raise AskError(f"no answer within {question.timeout:g} s") from None
        except (aiohttp.ClientError, OSError, ValueError) as error:
            raise AskError(type(error).__name__) from None

    async def close(self) -> None:
        """Close the connections."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _opened(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(limit=_CONNECTIONS_AT_MOST, keepalive_timeout=_IDLE),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
            )
        return self._session


async def _body(response: aiohttp.ClientResponse, size: int) -> bytes:
    raw = bytearray()
    async for piece in response.content.iter_any():
        raw += piece
        if len(raw) > size * 1024:
            raise AskError(f"more than {size} KiB")
    return bytes(raw)
