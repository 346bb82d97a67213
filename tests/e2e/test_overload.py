"""Four times the load that can be carried: what is served keeps its latency, the rest is refused at once.

How long an answer takes depends on the machine; what is compared is measured in the same run.
"""

import asyncio
import re

import pytest
from load import Backend, Load, first, serves_again

from gateway.config.snapshot import Address
from gateway.running import readiness

CONNECTIONS = 4
WAITING = 64
# One answer takes 20 ms, so this many a second is four times what is possible.
RATE = 4 * CONNECTIONS / 0.02
CONFIG = """\
version: 1
listeners: [{{address: "127.0.0.1:0"}}]
admin: {{address: "unix:{folder}/admin.sock"}}
telemetry: {{access_log: {{format: none}}}}
limits: {{{limits}}}
upstreams:
  backend:
    endpoints: ["{backend}"]
    pool: {{max_connections: {connections}, max_pending: {waiting}, wait: 5s}}
policies: [policies]
"""
ROUTES = """\
routes:
  - {id: all, match: {path: "/{rest...}"}, upstream: backend, auth: public}
"""


@pytest.fixture
async def running(program, tmp_path):
    """A gateway in a process of its own; gives its port and its backend."""
    backend = Backend(0.02)

    async def start(limits=""):
        (tmp_path / "policies").mkdir()
        (tmp_path / "policies" / "routes.yaml").write_text(ROUTES)
        path = tmp_path / "gateway.yaml"
        url = await backend.open()
        path.write_text(
            CONFIG.format(
                folder=tmp_path, backend=url, limits=limits, connections=CONNECTIONS, waiting=WAITING
            )
        )
        gateway = await program("run", "--config", path)
        port = int(re.search(r"127\.0\.0\.1:(\d+)", await gateway.said("listening on "))[1])
        await gateway.said("admin on ")
        return gateway, port, backend

    yield start
    backend.close()


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        pytest.param("", b"upstream_busy", id="the queue of the pool"),
        pytest.param("requests: 8", b"overloaded", id="requests in all"),
    ],
)
async def test_at_four_times_the_load_the_accepted_are_fast_and_the_rest_is_refused(
    running, tmp_path, limits, reason
):
    """A full queue would have everybody wait for as long as all of it takes."""
    _, port, _ = await running(limits)
    load = Load(port, 160, RATE)
    loading = asyncio.create_task(load.run(3.0))
    await asyncio.sleep(1)  # The queue has been full by then, and is short.
    load.forget()
    begun = asyncio.get_running_loop().time()
    assert await asyncio.to_thread(readiness, Address(unix=f"{tmp_path}/admin.sock")) is None
    await loading
    lasted = asyncio.get_running_loop().time() - begun
    assert {200, 503} == load.seconds.keys()
    served = len(load.seconds[200]) / lasted
    assert load.median(200) < WAITING / served / 2
    assert load.median(503) < load.median(200)
    refusal = load.answers[503]
    assert b"\r\nRetry-After: 1\r\n" in refusal
    assert b'"reason":"%b"' % reason in refusal
    await serves_again(port)


async def test_a_connection_too_many_is_told_so_and_the_next_is_served(running):
    _, port, _ = await running("connections: 2")
    opened = [await asyncio.open_connection("127.0.0.1", port) for _ in range(2)]
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    async with asyncio.timeout(5):
        answer = await reader.read()
    fields = answer.split(b"\r\n")
    assert b"HTTP/1.1 503 Service Unavailable" == fields[0]
    assert {b"Retry-After: 1", b"Connection: close"} <= set(fields)
    for _, each in (*opened, (reader, writer)):
        each.close()
    await serves_again(port)


async def test_a_backend_that_was_dead_serves_again_as_soon_as_it_is_back(running):
    _, port, backend = await running()
    await serves_again(port)
    backend.close()
    backend.hang_up()
    async with asyncio.timeout(5):
        while await first(port) != b"HTTP/1.1 502":
            pass
    assert {b"HTTP/1.1 502"} == set(await asyncio.gather(*[first(port) for _ in range(50)]))
    await backend.open()
    await serves_again(port)
