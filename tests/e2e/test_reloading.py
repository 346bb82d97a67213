"""Fifty reloads of a gateway in a process of its own, while clients ask and a WebSocket talks."""

import asyncio
import re
import signal

import pytest
from aiohttp import ClientSession, WSMsgType, web

RELOADS = 50
CLIENTS = 8
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
  - {{id: talk, match: {{path: /talk}}, upstream: backend, auth: public, upgrade: [websocket]}}
  - id: all
    match: {{path: "/{{rest...}}"}}
    upstream: backend
    auth: public
    headers: {{preset: none, set: {{X-Generation: "{generation}"}}}}
"""


@pytest.fixture
async def url(backend):
    async def serve(request):
        if request.path != "/talk":
            return web.Response(text="hello")
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            await socket.send_str(message.data)
        return socket

    return await backend(serve)


@pytest.fixture
async def running(program, tmp_path, url):
    """The gateway, its address, and what writes a generation of its policies."""
    (tmp_path / "policies").mkdir()
    (tmp_path / "gateway.yaml").write_text(CONFIG.format(folder=tmp_path, backend=url))

    def write(generation):
        path = tmp_path / "policies" / "all.new"
        path.write_text(ROUTES.format(generation=generation))
        path.rename(tmp_path / "policies" / "all.yaml")

    write(0)
    gateway = await program("run", "--config", tmp_path / "gateway.yaml")
    place = re.search(r"127\.0\.0\.1:\d+", await gateway.said("listening on "))[0]
    await gateway.said("admin on ")
    return gateway, place, write


async def test_no_request_fails_and_none_meets_an_old_policy(running, tmp_path):
    gateway, place, write = running
    acknowledged, done = 0, asyncio.Event()
    asked = failed = 0

    async def ask(session, headers):
        nonlocal asked, failed
        while not done.is_set():
            before = acknowledged
            async with session.get(f"http://{place}/", headers=headers) as response:
                await response.read()
                asked += 1
                if response.status != 200 or int(response.headers["X-Generation"]) < before:
                    failed += 1

    async def talk(session):
        said = 0
        async with session.ws_connect(f"http://{place}/talk") as socket:
            while not done.is_set():
                await socket.send_str(str(said))
                message = await socket.receive(5)
                assert (WSMsgType.TEXT, str(said)) == (message.type, message.data)
                said += 1
        return said

    async with ClientSession() as session:
        clients = [
            asyncio.create_task(ask(session, {"Connection": "close"} if number % 2 else {}))
            for number in range(CLIENTS)
        ]
        talking = asyncio.create_task(talk(session))
        for generation in range(1, RELOADS + 1):
            write(generation)
            gateway.signal(signal.SIGHUP)
            await gateway.said(" serves")
            acknowledged = generation
        done.set()
        await asyncio.gather(*clients)
        said = await talking
    assert 0 == failed
    assert asked > RELOADS
    assert said > RELOADS


async def test_the_verb_tells_what_came_of_it(running, program, tmp_path):
    gateway, _, write = running
    config = tmp_path / "gateway.yaml"
    write(1)
    told = await program("reload", "--config", config)
    status, out, err = await told.ended()
    assert (0, "") == (status, err)
    assert re.fullmatch(r"configuration [0-9a-f]{12} serves\n", out)
    await gateway.said(" serves")
    (tmp_path / "policies" / "all.yaml").write_text("routes: 7\n")
    told = await program("reload", "--config", config)
    status, out, err = await told.ended()
    assert (1, "") == (status, out)
    assert "policies/all.yaml:1:9: routes: expected" in err
