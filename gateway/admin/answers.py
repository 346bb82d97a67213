"""What the admin listener reads and writes: JSON, in bounds, for as long as somebody takes it."""

import asyncio
from collections.abc import Mapping

import orjson
from aiohttp import web

# Bytes of what may be asked with; seconds for which somebody may take to ask, or to take a long answer.
BODY_AT_MOST = 64 * 1024
READING_AT_MOST = 10.0
WRITING_AT_MOST = 10.0


def json_answer(value: object, status: int = 200) -> web.Response:
    """A value as JSON."""
    body = orjson.dumps(value, option=orjson.OPT_INDENT_2)
    return web.Response(status=status, body=body, content_type="application/json")


def refusal(
    status: int, detail: str, headers: Mapping[str, str] | None = None, **more: object
) -> web.Response:
    """Why there is no answer."""
    said = {"status": status, "detail": detail, **more}
    return web.json_response(said, status=status, headers=headers)


async def body(request: web.Request) -> bytes | web.Response:
    """What a request is asked with, or the refusal of one that is too large or too slow."""
    try:
        async with asyncio.timeout(READING_AT_MOST):
            return await request.read()
    except TimeoutError:
        return refusal(408, "The body did not arrive in time.")
    except web.HTTPRequestEntityTooLarge:
        return refusal(413, f"A body has at most {BODY_AT_MOST} bytes.")


async def written(request: web.Request, text: bytes, media_type: str) -> web.StreamResponse:
    """Write a long answer; whoever does not take it in time is cut off."""
    response = web.StreamResponse(headers={"Content-Type": media_type})
    response.content_length = len(text)
    try:
        async with asyncio.timeout(WRITING_AT_MOST):
            await response.prepare(request)
            if request.method != "HEAD":
                await response.write(text)
            await response.write_eof()
    except TimeoutError:
        if request.transport is not None:
            request.transport.abort()
    return response
