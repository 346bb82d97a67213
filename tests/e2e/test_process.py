"""`gateway run` as a process of its own: it serves, drains, stops, and says what is in its way."""

import asyncio
import json
import re
import signal
import socket

import pytest

from gateway.config.snapshot import Address
from gateway.running import readiness

GET = b"GET /%b HTTP/1.1\r\nHost: a.example\r\n\r\n"
UPGRADE = (
    b"GET /talk HTTP/1.1\r\nHost: a.example\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n"
)
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
GATEWAY = """\
version: 1
listeners: [{{address: "127.0.0.1:{port}"}}]
admin: {{address: "{admin}"}}
timeouts: {{min_drain: {min_drain}, drain: {drain}}}
upstreams: {{backend: {{endpoints: ["{backend}"]}}}}
policies: [policies]
"""
ROUTES = """\
routes:
  - {id: all, match: {path: "/{rest...}"}, upstream: backend, auth: public}
  - {id: talk, match: {path: /talk}, upstream: backend, auth: public, upgrade: [websocket]}
"""


@pytest.fixture
def config(tmp_path):
    """Writes a configuration whose admin listener is a Unix socket, and gives its path."""

    def write(backend="http://127.0.0.1:1", *, port=0, admin=None, min_drain="0s", drain="10s"):
        (tmp_path / "policies").mkdir()
        (tmp_path / "policies" / "routes.yaml").write_text(ROUTES)
        path = tmp_path / "gateway.yaml"
        admin = admin or f"unix:{tmp_path}/admin.sock"
        path.write_text(
            GATEWAY.format(backend=backend, port=port, admin=admin, min_drain=min_drain, drain=drain)
        )
        return path

    return write


@pytest.fixture
async def running(program, config, scripted, dial):
    """A gateway in a process of its own, its backend, and the port it listens on."""

    async def start(**configuration):
        backend = await scripted()
        gateway = await program("run", "--config", config(backend.url, **configuration))
        line = await gateway.said("listening on ")
        await gateway.said("admin on ")
        return gateway, backend, int(re.search(r"127\.0\.0\.1:(\d+)", line)[1])

    return start


@pytest.fixture
def ready(tmp_path):
    """What the admin listener says to a health check: None if it is ready."""
    return lambda: asyncio.to_thread(readiness, Address(unix=f"{tmp_path}/admin.sock"))


async def test_it_serves_until_it_is_told_to_stop(running, dial, ready):
    gateway, backend, port = await running()
    client = await dial(port)
    await client.send(GET % b"")
    stream, _ = await backend.requested()
    await stream.send(OK)
    assert (await client.until(b"\r\n\r\nok")).startswith(b"HTTP/1.1 200 OK\r\n")
    assert await ready() is None
    gateway.signal(signal.SIGTERM)
    status, out, err = await gateway.ended()
    assert (0, ["/"]) == (status, [json.loads(line)["path"] for line in out.splitlines()])
    assert ["draining", "stopped"] == gateway.messages(err)
    assert b"" == await client.rest()


async def test_it_can_be_told_to_stop_as_soon_as_it_listens(program, config):
    """Whoever waits for that line may act on it."""
    gateway = await program("run", "--config", config())
    await gateway.said("listening on ")
    gateway.signal(signal.SIGTERM)
    status, _, err = await gateway.ended()
    assert (0, "stopped") == (status, gateway.messages(err)[-1])


async def test_request_that_is_under_way_is_finished(running, dial, ready):
    """Meanwhile it is not ready, takes no more connections, and the answer ends the connection."""
    gateway, backend, port = await running()
    client = await dial(port)
    await client.send(GET % b"")
    stream, _ = await backend.requested()
    gateway.signal(signal.SIGTERM)
    await gateway.said("draining")
    assert (await ready()).endswith(" says 503 draining")
    with pytest.raises(ConnectionRefusedError):
        await dial(port)
    await stream.send(OK)
    answer = await client.rest()
    assert b"Connection: close" in answer.split(b"\r\n")
    assert answer.endswith(b"\r\n\r\nok")
    assert 0 == (await gateway.ended())[0]


async def test_it_goes_on_serving_until_load_balancers_have_seen(running, dial, ready):
    """For `min_drain` it takes connections and requests as before, but says that it will close."""
    gateway, backend, port = await running(min_drain="1s")
    kept = await dial(port)
    await kept.send(GET % b"first")
    stream, _ = await backend.requested()
    await stream.send(OK)
    await kept.until(b"\r\n\r\nok")
    gateway.signal(signal.SIGTERM)
    await gateway.said("draining")
    assert (await ready()).endswith(" says 503 draining")
    for client in (kept, await dial(port)):
        await client.send(GET % b"late")
        await stream.head()
        await stream.send(OK)
        answer = await client.rest()
        assert (b"HTTP/1.1 200 OK", b"ok") == (answer[:15], answer[-2:])
        assert b"Connection: close" in answer.split(b"\r\n")
    assert 0 == (await gateway.ended())[0]


async def test_drain_has_an_end(running, dial):
    gateway, backend, port = await running(drain="100ms")
    client = await dial(port)
    await client.send(GET % b"")
    stream, _ = await backend.requested()
    gateway.signal(signal.SIGTERM)
    status, out, err = await gateway.ended()
    assert 0 == status
    assert "1 connections cut after 0.1 s" in err
    answer = await client.rest()
    assert answer.startswith(b"HTTP/1.1 503 Service Unavailable\r\n")
    fields = answer.split(b"\r\n")
    assert {b"Connection: close", b"Retry-After: 1"} <= set(fields)
    assert b'Proxy-Status: "azora-gateway"; error=proxy_internal_response' in fields
    assert b'"reason":"draining"' in answer
    assert ("draining", b"") == (json.loads(out)["reason"], await stream.rest())


async def test_an_idle_connection_is_closed_and_one_with_a_part_of_a_head_is_served(running, dial):
    """What has begun to arrive is a request under way."""
    gateway, backend, port = await running()
    idle, begun = await dial(port), await dial(port)
    await idle.send(GET % b"")
    stream, _ = await backend.requested()
    await stream.send(OK)
    await idle.until(b"\r\n\r\nok")
    request = GET % b"late"
    await begun.send(request[:20])
    # Another one's answer says that those bytes have been read.
    other = await dial(port)
    await other.send(GET % b"other")
    await stream.head()
    gateway.signal(signal.SIGTERM)
    await gateway.said("draining")
    assert b"" == await idle.rest()
    await stream.send(OK)
    assert b"Connection: close" in (await other.rest()).split(b"\r\n")
    await begun.send(request[20:])
    assert (await stream.head()).startswith(b"GET /late ")
    await stream.send(OK)
    answer = await begun.rest()
    assert (b"HTTP/1.1 200 OK", b"ok") == (answer[:15], answer[-2:])
    assert b"Connection: close" in answer.split(b"\r\n")
    assert 0 == (await gateway.ended())[0]


async def test_a_part_of_an_answer_is_cut_when_the_drain_is_over(running, dial):
    """Nobody can take it for the whole."""
    gateway, backend, port = await running(drain="100ms")
    client = await dial(port)
    await client.send(GET % b"")
    stream, _ = await backend.requested()
    await stream.send(OK[:-1])
    await client.until(b"\r\n\r\no")
    gateway.signal(signal.SIGTERM)
    assert 0 == (await gateway.ended())[0]
    assert b"" == await client.rest()


async def test_the_client_of_a_websocket_is_told_that_the_service_goes_away(running, dial):
    """RFC 6455 7.4.1: 1001. What it says last still reaches the backend."""
    gateway, backend, port = await running()
    client = await dial(port)
    await client.send(UPGRADE)
    stream, _ = await backend.requested()
    await stream.send(SWITCH)
    await client.head()
    gateway.signal(signal.SIGTERM)
    assert b"\x88\x02\x03\xe9" == await client.exactly(4)
    await client.send(b"\x88\x82\0\0\0\0\x03\xe9")
    assert b"\x88\x82\0\0\0\0\x03\xe9" == await stream.exactly(8)
    stream.close()
    assert 0 == (await gateway.ended())[0]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT], ids=["SIGTERM", "Ctrl-C"])
async def test_second_signal_stops_it_at_once(running, dial, number):
    gateway, backend, port = await running()
    client = await dial(port)
    await client.send(GET % b"")
    stream, _ = await backend.requested()
    gateway.signal(number)
    await gateway.said("draining")
    gateway.signal(number)
    status, _, err = await gateway.ended()
    assert (0, True, False) == (status, "stopped" in err, "Traceback" in err)
    assert (b"", b"") == (await client.rest(), await stream.rest())


@pytest.mark.parametrize(
    "which",
    [pytest.param("port", id="of the listener"), pytest.param("admin", id="of the admin listener")],
)
async def test_port_that_is_taken_is_one_line(program, config, which):
    """It names the address, so that one knows which of them."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        settings = {"port": port} if which == "port" else {"admin": f"127.0.0.1:{port}"}
        gateway = await program("run", "--config", config(**settings))
        status, out, err = await gateway.ended()
    assert (1, "") == (status, out)
    (line,) = err.splitlines()
    assert line.startswith("gateway: ")
    assert str(port) in line
    assert "address already in use" in line.lower()


async def test_healthcheck_asks_the_running_gateway(running, program, tmp_path, dial):
    gateway, backend, port = await running()
    check = await program("healthcheck", "--config", tmp_path / "gateway.yaml")
    assert (0, "ready\n", "") == await check.ended()
    client = await dial(port)
    await client.send(GET % b"")
    await backend.requested()
    gateway.signal(signal.SIGTERM)
    await gateway.said("draining")
    check = await program("healthcheck", "--config", tmp_path / "gateway.yaml")
    status, out, err = await check.ended()
    assert (1, "", True) == (status, out, err.endswith(" says 503 draining\n"))
