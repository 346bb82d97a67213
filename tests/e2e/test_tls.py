"""`gateway run` with TLS on both sides, as a process of its own."""

import asyncio
import re
import signal
from pathlib import Path

import pytest

GET = b"GET /%b HTTP/1.1\r\nHost: a.example\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
GATEWAY = """\
version: 1
listeners:
  - address: 127.0.0.1:0
    tls: {{certificates: [{{certificate: a.crt, key: a.key}}], client_ca: ca.pem, client_auth: optional}}
admin: {{address: "unix:{folder}/admin.sock"}}
upstreams: {{backend: {{endpoints: ["{backend}"], tls: {{ca: ca.pem, server_name: pay.internal}}}}}}
policies: [policies]
"""
ROUTES = """\
routes:
  - {id: all, match: {path: "/{rest...}"}, upstream: backend, auth: public}
"""


@pytest.fixture
def config(tmp_path, authority):
    """Writes a configuration with its certificates, and gives its path."""

    def write(backend="https://127.0.0.1:1"):
        (tmp_path / "policies").mkdir()
        (tmp_path / "policies" / "routes.yaml").write_text(ROUTES)
        chain, key = authority.issue("a.test", "127.0.0.1")
        chain.rename(tmp_path / "a.crt")
        key.rename(tmp_path / "a.key")
        authority.file.rename(tmp_path / "ca.pem")
        path = tmp_path / "gateway.yaml"
        path.write_text(GATEWAY.format(backend=backend, folder=tmp_path))
        return path

    return write


@pytest.fixture
async def running(program, config, scripted, authority):
    """A gateway in a process of its own, its backend, what its clients speak, and the port it listens on."""
    client = authority.client()
    backend = await scripted(tls=authority.server("pay.internal"))
    gateway = await program("run", "--config", config(backend.url))
    line = await gateway.said("listening on ")
    await gateway.said("admin on ")
    return gateway, backend, client, int(re.search(r"127\.0\.0\.1:(\d+)", line)[1])


async def test_tls_is_spoken_on_both_sides(running, dial):
    gateway, backend, context, port = running
    client = await dial(port, context, "a.test")
    await client.send(GET % b"")
    stream, head = await backend.requested()
    assert b"X-Forwarded-Proto: https" in head.split(b"\r\n")
    await stream.send(OK)
    answer = await client.until(b"\r\n\r\nok")
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert b"Strict-Transport-Security: max-age=31536000; includeSubDomains" in answer.split(b"\r\n")
    gateway.signal(signal.SIGTERM)
    status, _, err = await gateway.ended()
    assert (0, ["draining", "stopped"]) == (status, gateway.messages(err))
    assert b"" == await client.rest()


async def test_a_client_that_keeps_its_connection_for_later_does_not_hold_up_the_end(running, dial):
    """It does not read, so it never learns of the goodbye."""
    gateway, _, context, port = running
    client = await dial(port, context, "a.test")
    client.pause()
    gateway.signal(signal.SIGTERM)
    status, _, err = await gateway.ended()
    assert (0, False) == (status, "cut" in err)


async def test_plain_http_is_told_of_in_the_log(running, dial):
    gateway, _, _, port = running
    client = await dial(port)
    await client.send(GET % b"s3cret")
    assert b"" == await client.rest()
    line = await gateway.said("TLS handshakes failed")
    assert ["TLS handshakes failed: 1 so far, the last one: HTTP_REQUEST"] == gateway.messages(line)


async def test_check_tells_of_every_file(program, config, tmp_path):
    path = config()
    (tmp_path / "a.key").write_text("no key")
    (tmp_path / "ca.pem").unlink()
    check = await program("check", "--config", path)
    status, out, _ = await check.ended()
    places = [line.removeprefix(f"{path}:").split(": ")[1] for line in out.splitlines()]
    files = ["listeners[0].tls.certificates[0].key", "listeners[0].tls.client_ca", "upstreams.backend.tls.ca"]
    assert (1, files) == (status, places)


@pytest.mark.parametrize("leave", ["close", "cut"])
async def test_clients_come_and_go(running, dial, leave):
    """Nothing of it is worth a line in the log."""
    gateway, _, context, port = running
    clients = await asyncio.gather(*(dial(port, context, "a.test") for _ in range(20)))
    for client in clients:
        await client.send(GET % b"")
    for client in clients:
        getattr(client, leave)()
    gateway.signal(signal.SIGTERM)
    status, _, err = await gateway.ended()
    assert (0, ["draining", "stopped"]) == (status, gateway.messages(err))


@pytest.mark.long
async def test_an_idle_connection_costs_under_40_kib(running, dial):
    """Each has had one answer."""
    gateway, backend, context, port = running
    rollup = Path(f"/proc/{gateway.process.pid}/smaps_rollup").read_text

    async def memory_with(count):
        for _ in range(count):
            client = await dial(port, context, "a.test")
            await client.send(GET % b"")
            stream = backend.taken[0] if backend.taken else await backend.accept()
            await stream.head()
            await stream.send(OK)
            await client.until(b"\r\n\r\nok")
        return int(re.search(r"^Pss: +(\d+) kB", rollup(), re.MULTILINE)[1])

    before, count = await memory_with(20), 400
    assert await memory_with(count) - before < 40 * count
