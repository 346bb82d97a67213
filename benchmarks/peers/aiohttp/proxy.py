"""The proxy one writes with aiohttp in an afternoon: `proxy.py PORT BACKEND POLICIES`.

A `web.Application` in front of a `ClientSession`, on uvloop, bodies streamed both ways. It runs by its path
and imports nothing of this package. POLICIES is JSON: empty, or `allowed`, a network, and the fields `set`
and `removed` of every response.
"""

import json
import sys
import uuid
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from functools import cache
from ipaddress import ip_address, ip_network
from typing import TypedDict

import uvloop
from aiohttp import ClientSession, ClientTimeout, DummyCookieJar, TCPConnector, web
from aiohttp.typedefs import Middleware
from multidict import CIMultiDict

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

_HOP_BY_HOP = ("Connection", "Keep-Alive", "TE", "Trailer", "Transfer-Encoding", "Upgrade")
_SESSION = web.AppKey("session", ClientSession)
_TOLD = web.RequestKey("told", dict[str, str])


class Policies(TypedDict):
    """What the third argument holds, unless it is empty."""

    allowed: str
    set: dict[str, str]
    removed: list[str]


def application(backend: str, policies: Policies | None) -> web.Application:
    """Forwards everything to an origin such as `http://127.0.0.1:8080`."""
    app = web.Application(client_max_size=0, middlewares=[guard(policies["allowed"])] if policies else [])
    app.router.add_route("*", "/{path:.*}", forwarding(backend))
    app.cleanup_ctx.append(_session)
    if policies:
        app.on_response_prepare.append(writing(policies))
    return app


def forwarding(backend: str) -> Handler:
    """What sends a request on, and the response back."""

    async def forward(request: web.Request) -> web.StreamResponse:
        fields = _end_to_end(request.headers)
        fields.update(request.get(_TOLD, {}))
        body = request.content if request.body_exists else None
        url = backend + request.raw_path
        async with request.app[_SESSION].request(request.method, url, headers=fields, data=body) as answer:
            response = web.StreamResponse(status=answer.status, headers=_end_to_end(answer.headers))
            await response.prepare(request)
            async for piece in answer.content.iter_any():
                await response.write(piece)
            await response.write_eof()
        return response

    return forward


def guard(allowed: str) -> Middleware:
    """The middleware that checks the client's address and notes what the backend is told."""
    network = ip_network(allowed)

    @cache
    def admits(client: str) -> bool:
        return ip_address(client) in network

    @web.middleware
    async def guarded(request: web.Request, handler: Handler) -> web.StreamResponse:
        client = request.remote or ""
        if not admits(client):
            return web.Response(status=403)
        request[_TOLD] = {
            "X-Forwarded-For": client,
            "X-Forwarded-Proto": request.scheme,
            "X-Forwarded-Host": request.host,
            "X-Request-Id": uuid.uuid4().hex,
        }
        return await handler(request)

    return guarded


def writing(policies: Policies) -> Callable[[web.Request, web.StreamResponse], Awaitable[None]]:
    """The signal that edits the fields of every response."""

    async def write(request: web.Request, response: web.StreamResponse) -> None:
        for name in policies["removed"]:
            response.headers.pop(name, None)
        response.headers.update(policies["set"])
        if told := request.get(_TOLD):
            response.headers["X-Request-Id"] = told["X-Request-Id"]

    return write


def _end_to_end(fields: Mapping[str, str]) -> CIMultiDict[str]:
    kept = CIMultiDict(fields)
    for name in _HOP_BY_HOP:
        kept.popall(name, None)
    return kept


async def _session(app: web.Application) -> AsyncIterator[None]:
    session = ClientSession(
        connector=TCPConnector(limit=256),
        cookie_jar=DummyCookieJar(),
        timeout=ClientTimeout(total=None),
        auto_decompress=False,
        skip_auto_headers=["User-Agent", "Accept", "Accept-Encoding", "Content-Type"],
    )
    async with session:
        app[_SESSION] = session
        yield


if __name__ == "__main__":
    port, origin, text = sys.argv[1:]
    web.run_app(
        application(origin, json.loads(text) if text else None),
        host="127.0.0.1",
        port=int(port),
        backlog=4096,
        access_log=None,
        print=None,
        loop=uvloop.new_event_loop(),
    )
