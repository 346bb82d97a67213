"""An issuer on loopback that does what a test tells it."""

import asyncio

import pytest
from aiohttp import web


class Issuer:
    """Keys stand at `/keys`, metadata where OpenID Connect puts it; `asked` has the paths in their order.

    `next_keys`, if any, are there from the next request for keys on. `fields` go with every answer, `status`
    is that of the keys; while `open` is not set, keys wait.
    """

    def __init__(self):
        self.url = ""
        self.keys = []
        self.next_keys = None
        self.fields = {}
        self.status = 200
        self.metadata = {}
        self.etag = None
        self.asked = []
        self.headers = []
        self.open = asyncio.Event()
        self.open.set()

    async def answer(self, request):
        self.asked.append(request.path)
        self.headers.append(request.headers)
        if request.path == "/keys":
            return await self.answer_keys(request)
        if request.path == "/.well-known/openid-configuration":
            about = {"issuer": self.url, "jwks_uri": f"{self.url}/keys"} | self.metadata
            return web.json_response(about, headers=self.fields)
        return web.Response(status=404)

    async def answer_keys(self, request):
        keys = self.keys
        self.keys = self.next_keys or keys
        await self.open.wait()
        if self.etag and request.headers.get("If-None-Match") == self.etag:
            return web.Response(status=304, headers=self.fields)
        etag = {"ETag": self.etag} if self.etag else {}
        return web.json_response({"keys": keys}, status=self.status, headers=self.fields | etag)

    def fetches(self):
        """How often the keys were asked for."""
        return self.asked.count("/keys")


@pytest.fixture
async def issuer(backend):
    made = Issuer()
    made.url = await backend(made.answer)
    yield made
    made.open.set()
