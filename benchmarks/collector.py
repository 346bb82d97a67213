"""A collector that takes every span and keeps none: `python collector.py PORT`."""

import sys

from aiohttp import web


async def _take(request: web.Request) -> web.Response:
    await request.read()
    return web.Response(content_type="application/x-protobuf")


def main() -> None:
    """Serve until it is ended."""
    application = web.Application(client_max_size=64 << 20)
    application.router.add_post("/v1/traces", _take)
    web.run_app(application, host="127.0.0.1", port=int(sys.argv[1]), print=None)


if __name__ == "__main__":
    main()
