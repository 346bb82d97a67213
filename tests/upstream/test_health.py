"""Probes, asked of real backends."""

import asyncio

import pytest
from aiohttp import web

from gateway.config.snapshot import Address, Health
from gateway.config.snapshot import Pool as Bounds
from gateway.upstream.dial import Dialer
from gateway.upstream.endpoint import Endpoint
from gateway.upstream.health import Probes
from gateway.upstream.pool import Pool
from gateway.wire.tls import ClientTls


@pytest.fixture
async def probes():
    """Makes probes that are closed in the end, and tells how often a word has changed."""
    made = []

    def make(path="/health", *, healthy=1, unhealthy=1, timeout=5.0):
        changes = []
        found = Probes(Health(path, 5.0, timeout, healthy, unhealthy), lambda: changes.append(None))
        made.append(found)
        return found, changes

    yield make
    for found in made:
        await found.close()


@pytest.fixture
def endpoint(clock):
    """Makes an endpoint of a backend's URL."""

    def make(url, host="preserve", tls=None):
        if url.startswith("unix:"):
            address = Address(unix=url.removeprefix("unix:"))
        else:
            name, _, port = url.partition("://")[2].partition(":")
            address = Address(name, int(port), tls=tls is not None)
        bounds = Bounds(max_connections=1, max_pending=1, wait=1.0, idle=1.0)
        return Endpoint(Pool(Dialer(address, tls=tls), bounds, 1.0, clock), host)

    return make


@pytest.fixture
async def speaking():
    """Start a backend that gives the same bytes on every connection, whatever is asked, and hangs up."""
    servers = []

    async def start(answer):
        async def speak(reader, writer):
            await reader.readuntil(b"\r\n\r\n")
            writer.write(answer)
            writer.close()

        servers.append(await asyncio.start_server(speak, "127.0.0.1", 0))
        return "http://{}:{}".format(*servers[-1].sockets[0].getsockname())

    yield start
    for server in servers:
        server.close()


OK = b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"


def answering(*statuses):
    """A handler that gives these statuses, one after the other, and then the last one for ever."""
    left = list(statuses)

    async def answer(request):
        return web.Response(status=left.pop(0) if len(left) > 1 else left[0], headers={"Location": "/other"})

    return answer


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        pytest.param(200, True, id="it is well"),
        pytest.param(204, True, id="and has nothing to say"),
        pytest.param(302, True, id="a redirect is an answer, and is not followed"),
        pytest.param(404, False, id="the path is wrong"),
        pytest.param(503, False, id="it says that it is not"),
    ],
)
async def test_status_decides(backend, probes, endpoint, status, expected):
    paths = []

    async def answer(request):
        paths.append(request.path_qs)
        return await answering(status)(request)

    asked = endpoint(await backend(answer))
    found, changes = probes("/health?deep=1")
    await found.probe(asked)
    assert (expected, ["/health?deep=1"]) == (asked.healthy, paths)
    assert (not expected) is bool(changes)


async def test_so_many_in_a_row_change_the_word(backend, probes, endpoint):
    """One that differs begins the count again, either way."""
    answers = (503, 200, 503, 503, 200, 503, 200, 200, 200)
    asked = endpoint(await backend(answering(*answers)))
    found, changes = probes(healthy=3, unhealthy=2)
    words = []
    for _ in answers:
        await found.probe(asked)
        words.append(asked.healthy)
    assert [True, True, True, False, False, False, False, False, True] == words
    assert 2 == len(changes)


async def test_nobody_there_is_a_bad_answer(probes, endpoint):
    asked = endpoint("http://127.0.0.1:1")
    found, _ = probes()
    await found.probe(asked)
    assert not asked.healthy


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"", id="hangs up"),
        pytest.param(b"SSH-2.0-OpenSSH_9.9\r\n", id="speaks another protocol"),
        pytest.param(b"HTTP/1.1 200 OK\r\nX: " + b"a" * 100_000, id="a head without end"),
    ],
)
async def test_no_answer_is_a_bad_answer(speaking, probes, endpoint, answer):
    asked = endpoint(await speaking(answer))
    found, _ = probes()
    await found.probe(asked)
    assert not asked.healthy


async def test_silence_is_a_bad_answer(scripted, probes, endpoint):
    script = await scripted()
    asked = endpoint(script.url)
    found, _ = probes(timeout=0.01)
    await found.probe(asked)
    assert not asked.healthy


async def test_body_is_not_waited_for(scripted, probes, endpoint):
    """The status has said everything; the connection is closed over the rest."""
    script = await scripted()
    asked = endpoint(script.url)
    asked.healthy = False
    found, _ = probes()
    probing = asyncio.create_task(found.probe(asked))
    stream, _ = await script.requested()
    await stream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 1000000000\r\n\r\nok")
    await probing
    assert (True, b"") == (asked.healthy, await stream.rest())


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        pytest.param("preserve", b"Host: 127.0.0.1:%d\r\n", id="its own where there is no client"),
        pytest.param("pay.internal", b"Host: pay.internal\r\n", id="the name that requests get"),
    ],
)
async def test_probe_says_who_it_asks_and_who_asks(scripted, probes, endpoint, host, expected):
    script = await scripted()
    asked = endpoint(script.url, host)
    found, _ = probes()
    probing = asyncio.create_task(found.probe(asked))
    stream, head = await script.requested()
    await stream.send(OK)
    await probing
    assert head.startswith(b"GET /health HTTP/1.1\r\n")
    assert expected.replace(b"%d", b"%d" % asked.address.port) in head
    assert (1, 1) == (head.count(b"Host:"), head.count(b"User-Agent: azora-gateway-probe\r\n"))


async def test_unix_sockets_are_probed_too(scripted, probes, endpoint, tmp_path):
    """Each on its own path, and again on the same."""
    found, _ = probes()
    scripts = [await scripted(str(tmp_path / name)) for name in ("one.sock", "other.sock")]
    for script in (*scripts, *scripts):
        asked = endpoint(script.url)
        asked.healthy = False
        probing = asyncio.create_task(found.probe(asked))
        stream, head = await script.requested()
        await stream.send(OK)
        await probing
        assert (True, True) == (asked.healthy, b"Host: localhost\r\n" in head)


async def test_probe_that_is_called_off_says_nothing(scripted, probes, endpoint):
    script = await scripted()
    asked = endpoint(script.url)
    found, changes = probes()
    probing = asyncio.create_task(found.probe(asked))
    stream, _ = await script.requested()
    probing.cancel()
    await asyncio.gather(probing, return_exceptions=True)
    assert (True, [], b"") == (asked.healthy, changes, await stream.rest())


@pytest.mark.parametrize(
    ("names", "name", "healthy"),
    [
        pytest.param(["127.0.0.1"], "127.0.0.1", True, id="an address"),
        pytest.param(["pay.internal"], "pay.internal", True, id="a name that is not the address"),
        pytest.param(["127.0.0.1"], "pay.internal", False, id="another name"),
    ],
)
async def test_a_probe_verifies_the_endpoint_as_requests_do(
    probes, endpoint, scripted, authority, names, name, healthy
):
    backend = await scripted(tls=authority.server(*names))
    found, changes = probes()
    asked = endpoint(backend.url, tls=ClientTls(authority.client(), name))
    asked.healthy = not healthy
    probing = asyncio.create_task(found.probe(asked))
    if healthy:
        stream, _ = await backend.requested()
        await stream.send(OK)
    await probing
    assert (healthy, [None], len(backend.taken)) == (asked.healthy, changes, int(healthy))
