"""Endpoints that show a gateway at work: a mirror, and the ways in which a service misbehaves."""

import asyncio
from hashlib import sha256

from aiohttp import web

_SLOWEST = 10.0


async def echo(request: web.Request) -> web.Response:
    """What arrived, as JSON: method, path, query, and the fields as `[name, value]` pairs in their order."""
    path, _, query = request.raw_path.partition("?")
    fields = [[name.decode("latin-1"), value.decode("latin-1")] for name, value in request.raw_headers]
    return web.json_response({"method": request.method, "path": path, "query": query, "fields": fields})


async def slow(request: web.Request) -> web.Response:
    """200 after `?seconds=`, from 0 to 10, 1 unless said; 400 outside of that."""
    try:
        seconds = float(request.query.get("seconds", "1"))
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= _SLOWEST:
        raise web.HTTPBadRequest(text=f"seconds: a number from 0 to {_SLOWEST:g} is expected.")
    await asyncio.sleep(seconds)
    return web.json_response({"slept": seconds})


async def fail(request: web.Request) -> web.Response:
    """500, always."""
    return web.json_response({"error": "The probe failed, as it always does."}, status=500)


async def drop(request: web.Request) -> web.StreamResponse:
    """200 that announces 1,000 bytes, sends ten of them and closes the connection."""
    response = web.StreamResponse(headers={"Content-Length": "1000"})
    await response.prepare(request)
    await response.write(b"0123456789")
    if request.transport is not None:
        request.transport.close()
    return response


async def upload(request: web.Request) -> web.Response:
    """201 with the size and digest of a body of any length; nothing of it is kept."""
    digest = sha256()
    size = 0
    async for chunk in request.content.iter_any():
        digest.update(chunk)
        size += len(chunk)
    return web.json_response({"bytes": size, "sha256": digest.hexdigest()}, status=201)
