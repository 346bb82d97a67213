"""The running gateway in this process: what it opens, what it closes, and in which order."""

import asyncio
import json
import socket
import subprocess
import sys

import pytest

from gateway.app import Gateway, _log_unexpected

GET = b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
ADDRESS = 'address: "127.0.0.1:{}"'


@pytest.fixture
async def busy(serve, scripted, connect):
    """A gateway with a request under way, both ends of it, and a client that waits between two requests."""

    async def start(**configuration):
        backend = await scripted()
        gateway = await serve(backend.url, **configuration)
        idle, client = await connect(gateway), await connect(gateway)
        await client.send(GET)
        stream, _ = await backend.requested()
        return gateway, client, stream, idle

    return start


async def test_every_listener_serves(serve, session):
    """Each by its own port."""
    two = 'address: "127.0.0.1:0"}, {address: "127.0.0.2:0"'
    gateway = await serve(listener=two)
    places = [str(listener.address) for listener in gateway.listeners]
    for place in places:
        async with session.get(f"http://{place}/") as response:
            assert 502 == response.status
    assert ["127.0.0.1", "127.0.0.2"] == [place.partition(":")[0] for place in places]


async def test_unix_listener_serves_and_leaves_no_file(serve, tmp_path):
    path = tmp_path / "gateway.sock"
    gateway = await serve(listener=f"address: unix:{path}")
    reader, writer = await asyncio.open_unix_connection(path)
    writer.write(GET)
    async with asyncio.timeout(5):
        assert b"HTTP/1.1 502 Bad Gateway\r\n" == await reader.readline()
    await gateway.stop()
    assert not path.exists()
    writer.close()


def test_objectives_draw_their_lines_through_the_histograms(snapshot, ports):
    """Those of all routes, so that any two can be compared."""
    promise = "slo: {latency: {below: 123ms, target: 99%}}"
    gateway = Gateway(snapshot(defaults=promise), ports)
    tallies = [*gateway.books.routes.values()]
    assert tallies
    assert {True} == {0.123 in tally.duration.bounds for tally in tallies}


async def test_start_that_fails_leaves_nothing_open(snapshot, ports, dial):
    """The admin listener and the listeners before the one that cannot be had are closed again."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        listeners = f'address: "127.0.0.1:0"}}, {{address: "127.0.0.1:{port}"'
        gateway = Gateway(snapshot(listener=listeners), ports)
        with pytest.raises(OSError, match=r"(?i)address already in use"):
            await gateway.start()
    for place in (gateway.admin.address, gateway.listeners[0].address):
        with pytest.raises(ConnectionRefusedError):
            await dial(place.port)


async def test_drain_waits_for_what_is_under_way(busy, dial):
    """Idle connections are closed at once, the busy one with its answer; then the drain is over."""
    gateway, client, stream, idle = await busy()
    draining = asyncio.create_task(gateway.drain())
    assert b"" == await idle.rest()
    with pytest.raises(ConnectionRefusedError):
        await dial(gateway.listeners[0].address.port)
    assert not draining.done()
    await stream.send(OK)
    answer = await client.rest()
    assert b"Connection: close" in answer.split(b"\r\n")
    async with asyncio.timeout(5):
        await draining
    assert set() == gateway.connections


async def test_drain_has_an_end(busy, caplog):
    """What has no answer then is told so, and cut by the stop that follows."""
    gateway, client, stream, _ = await busy(more="timeouts: {drain: 50ms}\n")
    await gateway.drain()
    assert ["drain: 1 connections cut after 0.05 s"] == [record.getMessage() for record in caplog.records]
    await gateway.stop()
    assert b'"reason":"draining"' in await client.rest()
    assert b"" == await stream.rest()


async def test_stop_closes_everything_now(busy, dial, until):
    """Clients, backends and both kinds of listeners; a second time there is nothing left to do."""
    gateway, client, stream, idle = await busy()
    await gateway.stop()
    assert [b"", b"", b""] == [await each.rest() for each in (client, stream, idle)]
    endpoint = gateway.upstreams["backend"].endpoints[0]
    await until(lambda: endpoint.pool.open == 0)
    assert (0, set()) == (endpoint.pending, gateway.connections)
    for place in (gateway.admin.address, gateway.listeners[0].address):
        with pytest.raises(ConnectionRefusedError):
            await dial(place.port)
    await gateway.stop()


async def test_stop_writes_the_lines_of_those_it_cuts(busy, tmp_path):
    """The log is opened before everything else, and closed behind it."""
    path = tmp_path / "access.log"
    gateway, *_ = await busy(more=f'telemetry: {{access_log: {{path: "{path}"}}}}')
    assert b"" == path.read_bytes()
    await gateway.stop()
    (line,) = path.read_bytes().splitlines()
    told = json.loads(line)
    assert ("aborted", 499, 1) == (told["decision"], told["status"], told["attempts"])
    assert (1, {"queue_full": 0, "write_failed": 0}) == (
        gateway.gauges.lines.lines,
        gateway.gauges.lines.lost,
    )


async def test_log_that_cannot_be_written_is_an_error_at_the_start(serve, tmp_path):
    path = tmp_path / "nowhere" / "access.log"
    with pytest.raises(FileNotFoundError) as raised:
        await serve(more=f'telemetry: {{access_log: {{path: "{path}"}}}}')
    assert str(path) == raised.value.filename


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        pytest.param(1, 1, True, id="equal configurations"),
        pytest.param(1, 2, False, id="two gateways of a name on a machine"),
    ],
)
def test_own_via_is_told_from_another_gateway_s(snapshot, ports, one, other, same):
    """By the addresses they listen on: only the own one in a request is a loop."""
    snapshots = [snapshot(listener=ADDRESS.format(port)) for port in (one, other)]
    vias = {Gateway(made, ports).proxy.surroundings.via for made in snapshots}
    assert same == (len(vias) == 1)
    assert all(via.startswith(b"1.1 test-gateway-") for via in vias)


@pytest.mark.parametrize(
    ("error", "told"),
    [
        pytest.param(
            RuntimeError("unable to perform operation on X; the handler is closed"), [], id="a reset"
        ),
        pytest.param(RuntimeError("a mistake"), ["unexpected: over TLS"], id="a mistake of ours"),
        pytest.param(None, ["unexpected: over TLS"], id="no error at all"),
    ],
)
def test_clients_cannot_fill_the_log_with_errors_of_the_loop(caplog, error, told):
    """Over TLS uvloop reports a socket that was reset as if it were a mistake, with a traceback each time."""
    _log_unexpected(None, {"message": "over TLS", "exception": error})
    assert told == caplog.messages


def test_warnings_of_the_loop_are_not_logged():
    """A client that leaves a TLS connection in a certain way makes one with each write that follows."""
    program = """
import logging
from gateway.app import run
async def main():
    for level in ("warning", "error"):
        getattr(logging.getLogger("asyncio"), level)(level)
run(main())
"""
    told = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True).stderr
    assert ["error"] == [json.loads(line)["message"] for line in told.splitlines()]
