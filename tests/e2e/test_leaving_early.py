"""Clients that leave while their backend's connection is being made."""

import asyncio
import re
import socket
from random import Random
from struct import pack

from aiohttp import ClientSession, UnixConnector
from load import GET, Backend, serves_again

CONFIG = """\
version: 1
listeners: [{{address: "127.0.0.1:0"}}]
admin: {{address: "unix:{folder}/admin.sock"}}
telemetry: {{access_log: {{format: none}}}}
upstreams: {{backend: {{endpoints: ["{backend}"]}}}}
policies: [policies]
"""
ROUTES = """\
routes:
  - {id: all, match: {path: "/{rest...}"}, upstream: backend, auth: public}
"""


async def leave(port, seconds):
    """Ask, and reset the connection so many seconds later."""
    _, writer = await asyncio.open_connection("127.0.0.1", port)
    taken = writer.get_extra_info("socket")
    taken.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, pack("ii", 1, 0))
    writer.write(GET % 0)
    await asyncio.sleep(seconds)
    writer.transport.abort()


async def test_whoever_leaves_early_takes_no_place_of_the_pool_with_him(program, tmp_path):
    """Who is cancelled just as he is connected is told nothing of that connection's end."""
    backend = Backend(1.0)
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "routes.yaml").write_text(ROUTES)
    (tmp_path / "gateway.yaml").write_text(CONFIG.format(folder=tmp_path, backend=await backend.open()))
    gateway = await program("run", "--config", tmp_path / "gateway.yaml")
    port = int(re.search(r"127\.0\.0\.1:(\d+)", await gateway.said("listening on "))[1])
    await gateway.said("admin on ")
    random = Random(7)
    for _ in range(30):
        await asyncio.gather(*[leave(port, random.random() * 0.02) for _ in range(64)])
    backend.delay = 0
    await serves_again(port)
    backend.hang_up()
    async with ClientSession(connector=UnixConnector(f"{tmp_path}/admin.sock")) as session:
        async with asyncio.timeout(10):
            while (counts := await counted(session)) != (0, 0):
                await serves_again(port)
                backend.hang_up()
    backend.close()
    assert (0, 0) == counts


async def counted(session):
    """Requests that are not over, and connections that the pool counts."""
    async with session.get("http://localhost/upstreams") as response:
        (upstream,) = await response.json()
    (endpoint,) = upstream["endpoints"]
    return endpoint["pending"], endpoint["connections"]
