"""The demo's own issuer: metadata and a key set. Nobody logs in there; `gateway token` signs."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from aiohttp import web

from gateway.config.snapshot import Address
from gateway.demo.signing import Signing, fresh

_HOST = "127.0.0.1"
_KEPT = {"Cache-Control": "max-age=300"}


@asynccontextmanager
async def issuer(port: int = 0, host: str = _HOST) -> AsyncIterator[Signing]:
    """Run it on a free port unless one is given. Raises OSError where that is taken.

    It calls itself by the address that it listens on.
    """
    published: list[Signing] = []

    async def metadata(request: web.Request) -> web.Response:
        url = published[0].issuer
        return web.json_response({"issuer": url, "jwks_uri": f"{url}/keys"}, headers=_KEPT)

    async def keys(request: web.Request) -> web.Response:
        return web.json_response({"keys": [published[0].public]}, headers=_KEPT)

    application = web.Application()
    application.add_routes([web.get("/.well-known/openid-configuration", metadata), web.get("/keys", keys)])
    runner = web.AppRunner(application, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        signing = fresh(f"http://{Address(host, runner.addresses[0][1])}")
        published.append(signing)
        with signing.kept():
            yield signing
    finally:
        await runner.cleanup()
