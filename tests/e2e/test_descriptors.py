"""A process that runs out of descriptors serves those it has, rests, says so once, and recovers by itself."""

import asyncio
import json
import os
import re
import signal
from pathlib import Path

import pytest
from load import Backend, serves_again

from gateway.config.snapshot import Address
from gateway.running import readiness

DESCRIPTORS = 64
GET = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"
CONFIG = """\
version: 1
listeners: [{{address: "127.0.0.1:0"}}]
admin: {{address: "unix:{folder}/admin.sock"}}
telemetry: {{access_log: {{path: "{folder}/access.log"}}}}
upstreams: {{backend: {{endpoints: ["{backend}"], outlier: {{failures: 1}}}}}}
policies: [policies]
"""
ROUTES = """\
routes:
  - {id: all, match: {path: "/{rest...}"}, upstream: backend, auth: public}
"""


@pytest.fixture
async def running(program, tmp_path):
    """A gateway with few descriptors, its port, and its backend."""
    backend = Backend()
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "routes.yaml").write_text(ROUTES)
    (tmp_path / "gateway.yaml").write_text(CONFIG.format(folder=tmp_path, backend=await backend.open()))
    gateway = await program("run", "--config", tmp_path / "gateway.yaml", descriptors=DESCRIPTORS)
    said = await gateway.said("listening on ")
    assert "64 descriptors are allowed, connections may need 10256" in said
    await gateway.said("admin on ")
    yield gateway, int(re.search(r"127\.0\.0\.1:(\d+)", said)[1]), backend
    backend.close()


def seconds_used(gateway):
    """What of the processor's time the gateway has used."""
    stat = Path(f"/proc/{gateway.process.pid}/stat").read_text().rpartition(")")[2].split()
    return (int(stat[11]) + int(stat[12])) / os.sysconf("SC_CLK_TCK")


async def test_clients_that_take_all_descriptors_are_refused_and_leave_no_trace(running, dial, tmp_path):
    """Meanwhile kept connections, the backend, the admin listener, the log and a reload go on."""
    gateway, port, _ = running
    kept = await dial(port)
    flood = [await dial(port) for _ in range(2 * DESCRIPTORS)]
    refused = [await client.rest() for client in flood[DESCRIPTORS:]]
    # The first of them get an answer; when there are as many as answers wait for, the others are cut.
    assert {b"", b"HTTP/1.1 503 "} >= {answer[:13] for answer in refused}
    used = seconds_used(gateway)
    await asyncio.sleep(1)  # What is measured is what happens while nothing does.
    assert seconds_used(gateway) - used < 0.5
    await kept.send(GET)
    assert (await kept.until(b"\r\n\r\nok")).startswith(b"HTTP/1.1 200 OK\r\n")
    assert await asyncio.to_thread(readiness, Address(unix=f"{tmp_path}/admin.sock")) is None
    (tmp_path / "policies" / "routes.yaml").write_text(ROUTES.replace("id: all", "id: other"))
    gateway.signal(signal.SIGHUP)
    said = await gateway.said(" serves")
    assert 1 == said.count("descriptors run out")
    for client in flood:
        client.cut()
    await serves_again(port)
    gateway.signal(signal.SIGTERM)
    status, _, err = await gateway.ended()
    assert (0, False) == (status, "Traceback" in err)
    lines = [json.loads(line) for line in (tmp_path / "access.log").read_text().splitlines()]
    assert {"all", "other"} == {line["route"] for line in lines if line["status"] == 200}
    assert {"overloaded"} == {line["reason"] for line in lines if line["status"] == 503}


async def test_requests_that_find_no_descriptor_for_their_backend_are_told_so(running, dial):
    """It is no fault of the backend's, which is not left out for it."""
    gateway, port, backend = running
    clients = [await dial(port) for _ in range(28)]
    for client in clients:
        await client.send(GET)
        await client.until(b"\r\n\r\nok")
    backend.hold()
    for client in clients:
        await client.send(GET)
    heads = [asyncio.create_task(client.head()) for client in clients]
    said = await gateway.said("no connection to ")
    assert "Too many open files" in said
    backend.let_go()
    answers = await asyncio.gather(*heads)
    assert {b"HTTP/1.1 200 ", b"HTTP/1.1 503 "} == {answer[:13] for answer in answers}
    told = next(answer for answer in answers if answer.startswith(b"HTTP/1.1 503 ")).split(b"\r\n")
    assert {b"Retry-After: 1", b'Proxy-Status: "azora-gateway"; error=connection_limit_reached'} <= set(told)
    for client in clients:
        client.cut()
    await serves_again(port)
    gateway.signal(signal.SIGTERM)
    status, _, err = await gateway.ended()
    assert (0, False) == (status, "no connection to " in err)
