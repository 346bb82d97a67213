"""Backends that speak TLS, over real sockets and the loop that the gateway runs on."""

import asyncio
import socket
import ssl
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from threading import Thread

import orjson
import pytest

GET = b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
ENDLESS = b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nhello"
RETRY = "retry: {attempts: 3, after: [connect, reset, 502, 503, 504]}"
UPGRADES = """\
routes:
  - {id: chat, match: {path: /chat}, upgrade: [websocket], upstream: backend, auth: public}
"""
HANDSHAKE = (
    b"GET /chat HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: bW91bnQga2lsaW1hbmphcg==\r\n\r\n"
)
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"


@pytest.fixture
def behind(serve, connect, authority):
    """A client of a gateway that has the backend behind it; `tls` is what stands beside the authority."""

    async def start(backend, *, tls="", more="", request=GET, **configuration):
        upstream = f'tls: {{ca: "{authority.file}"{tls}}}, {more}'
        gateway = await serve(backend.url, upstream=upstream, **configuration)
        client = await connect(gateway)
        await client.send(request)
        return gateway, client

    return start


async def refusal(client):
    """The status, the reason and the error that a client is told of."""
    lines = (await client.head()).decode().split("\r\n")
    fields = dict(line.split(": ", 1) for line in lines[1:] if line)
    problem = orjson.loads(await client.exactly(int(fields["Content-Length"])))
    return problem["status"], problem["reason"], fields["Proxy-Status"].partition("error=")[2]


@dataclass
class Refusing:
    """A backend with which no handshake succeeds; `reasons` says why, one by one."""

    url: str
    reasons: list[str] = field(default_factory=list)


@pytest.fixture
def refusing():
    """Start one. It blocks in a thread, because the loop would not send the alert that tells why."""
    with ExitStack() as stack:

        def serve(listening, context, backend):
            with suppress(OSError):
                while True:
                    taken, _ = listening.accept()
                    taken.settimeout(5)
                    with taken, pytest.raises(ssl.SSLError) as refused:
                        context.wrap_socket(taken, server_side=True)
                    backend.reasons.append(refused.value.reason)

        def start(context):
            listening = stack.enter_context(socket.create_server(("127.0.0.1", 0)))
            backend = Refusing("https://{}:{}".format(*listening.getsockname()))
            thread = Thread(target=serve, args=(listening, context, backend))
            thread.start()
            stack.callback(thread.join)
            stack.callback(listening.shutdown, socket.SHUT_RDWR)
            return backend

        yield start


CERTIFICATE = (502, "upstream_certificate", "tls_certificate_error")
TLS = (502, "upstream_tls", "tls_protocol_error")


async def test_an_endpoint_that_proves_its_address_is_asked(behind, scripted, authority):
    backend = await scripted(tls=authority.server("127.0.0.1"))
    _, client = await behind(backend)
    stream, head = await backend.requested()
    assert b"Host: a.test" in head.split(b"\r\n")
    for _ in range(2):
        await stream.send(OK)
        assert (await client.until(b"\r\n\r\nok")).startswith(b"HTTP/1.1 200 ")
        await client.send(GET)
        await stream.head()
    assert 1 == len(backend.taken)


@pytest.mark.parametrize(
    ("tls", "name"),
    [
        pytest.param("", None, id="none to an address"),
        pytest.param(", server_name: pay.internal", "pay.internal", id="that of server_name"),
    ],
)
async def test_the_name_is_sent_and_verified(behind, scripted, authority, tls, name):
    context = authority.server("127.0.0.1", "pay.internal")
    asked = []
    context.sni_callback = lambda connection, name, first: asked.append(name)
    backend = await scripted(tls=context)
    _, client = await behind(backend, tls=tls)
    stream, _ = await backend.requested()
    await stream.send(OK)
    assert (await client.head()).startswith(b"HTTP/1.1 200 ")
    assert [name] == asked


@pytest.mark.parametrize(
    ("server", "tls"),
    [
        pytest.param(lambda ours, other: other.server("127.0.0.1"), "", id="another authority"),
        pytest.param(lambda ours, other: ours.server("127.0.0.2"), "", id="another address"),
        pytest.param(lambda ours, other: ours.server("pay.internal"), "", id="a name for an address"),
        pytest.param(
            lambda ours, other: ours.server("127.0.0.1"), ", server_name: pay.internal", id="another name"
        ),
        pytest.param(lambda ours, other: ours.server("127.0.0.1", expired=True), "", id="it has expired"),
    ],
)
async def test_an_endpoint_that_does_not_prove_its_name_gets_no_request(
    behind, scripted, authorities, authority, server, tls
):
    """And is not asked again: another attempt would hide that somebody stands between."""
    backend = await scripted(tls=server(authority, next(authorities)))
    gateway, client = await behind(backend, tls=tls, more=RETRY)
    assert CERTIFICATE == await refusal(client)
    endpoint = gateway.upstreams["backend"].endpoints[0]
    assert ([], 0, 0, 1) == (backend.taken, endpoint.pool.open, endpoint.pending, endpoint.failures)


async def test_an_endpoint_that_speaks_no_tls_gets_no_request(behind, scripted):
    backend = await scripted()
    backend.url = backend.url.replace("http", "https")
    gateway, client = await behind(backend, more=RETRY)
    stream = await backend.accept()
    await stream.send(b"HTTP/1.1 400 Bad Request\r\n\r\n")
    assert TLS == await refusal(client)
    assert b"GET" not in await stream.rest()
    assert (1, 0) == (len(backend.taken), gateway.upstreams["backend"].endpoints[0].pool.open)


async def test_an_endpoint_that_agrees_on_nothing_gets_no_request(behind, refusing, authority, until):
    context = authority.server("127.0.0.1")
    context.set_ciphers("AES128-SHA:@SECLEVEL=0")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    backend = refusing(context)
    _, client = await behind(backend, more=RETRY)
    assert TLS == await refusal(client)
    # It tells of it in a thread of its own.
    await until(lambda: bool(backend.reasons))
    assert ["NO_SHARED_CIPHER"] == backend.reasons


async def test_an_endpoint_that_hangs_up_in_the_handshake_is_not_there(behind, scripted):
    """Nothing was sent, so another attempt does no harm; a word of TLS would have been final."""
    backend = await scripted()
    backend.url = backend.url.replace("http", "https")
    _, client = await behind(backend, more="retry: {attempts: 2, after: [connect]}")
    for _ in range(2):
        (await backend.accept()).cut()
    assert (502, "upstream_refused", "connection_refused") == await refusal(client)


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_an_endpoint_that_demands_a_certificate_sees_ours(behind, scripted, authority, newest):
    context = authority.server("127.0.0.1")
    context.maximum_version = newest
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority.file)
    backend = await scripted(tls=context)
    _, client = await behind(backend, tls=f", {authority.yaml('gateway.test')}")
    stream, _ = await backend.requested()
    assert (("DNS", "gateway.test"),) == stream._writer.get_extra_info("peercert")["subjectAltName"]
    await stream.send(OK)
    assert (await client.head()).startswith(b"HTTP/1.1 200 ")


async def test_an_endpoint_that_demands_a_certificate_we_lack_is_told_of(behind, refusing, authority, until):
    """With TLS 1.3 its refusal comes when our handshake is through and the request on its way."""
    context = authority.server("127.0.0.1")
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(authority.file)
    backend = refusing(context)
    _, client = await behind(backend, more=RETRY)
    assert TLS == await refusal(client)
    await until(lambda: bool(backend.reasons))
    assert ["PEER_DID_NOT_RETURN_A_CERTIFICATE"] == backend.reasons


async def test_a_handshake_that_never_ends_is_a_connection_that_takes_too_long(behind, scripted):
    backend = await scripted()
    backend.url = backend.url.replace("http", "https")
    gateway, client = await behind(backend, more="timeouts: {connect: 50ms}")
    await backend.accept()
    assert (504, "upstream_connect_timeout", "connection_timeout") == await refusal(client)
    assert 0 == gateway.upstreams["backend"].endpoints[0].pool.open


async def test_a_body_until_the_end_is_whole_with_a_goodbye(behind, scripted, authority):
    backend = await scripted(tls=authority.server("127.0.0.1"))
    _, client = await behind(backend)
    stream, _ = await backend.requested()
    await stream.send(ENDLESS)
    stream.close()
    assert b"5\r\nhello\r\n0\r\n\r\n" == (await client.until(b"0\r\n\r\n")).partition(b"\r\n\r\n")[2]


async def test_a_body_until_the_end_is_cut_short_without_one(behind, scripted, authority):
    """Anybody on the way can end a TCP connection; only the backend can say that this is all."""
    backend = await scripted(tls=authority.server("127.0.0.1"))
    gateway, client = await behind(backend)
    stream, _ = await backend.requested()
    await stream.send(ENDLESS)
    await client.until(b"hello\r\n")
    stream._writer.transport.abort()
    assert b"" == await client.rest()
    assert 0 == gateway.upstreams["backend"].endpoints[0].pending


async def test_an_idle_connection_that_ends_is_not_used_again(behind, scripted, authority, until):
    backend = await scripted(tls=authority.server("127.0.0.1"))
    gateway, client = await behind(backend)
    pool = gateway.upstreams["backend"].endpoints[0].pool
    stream, _ = await backend.requested()
    await stream.send(OK)
    await client.until(b"\r\n\r\nok")
    stream.close()
    await until(lambda: pool.open == 0)
    await client.send(GET)
    second, _ = await backend.requested()
    await second.send(OK)
    await client.until(b"\r\n\r\nok")


@pytest.mark.parametrize("ends", ["client", "backend"])
async def test_a_tunnel_ends_both_ways(behind, scripted, authority, ends):
    """A half that TLS cannot close takes the other with it."""
    backend = await scripted(tls=authority.server("127.0.0.1"))
    gateway, client = await behind(backend, request=HANDSHAKE, policies=UPGRADES)
    stream, _ = await backend.requested()
    await stream.send(SWITCH)
    await client.head()
    await client.send(b"ping")
    assert b"ping" == await stream.exactly(4)
    if ends == "client":
        client.end()
        assert b"" == await stream.rest()
        stream.close()
    else:
        await stream.send(b"pong")
        stream.close()
        assert b"pong" == await client.exactly(4)
    assert b"" == await client.rest()
    assert 0 == gateway.upstreams["backend"].endpoints[0].pending


async def test_a_slow_client_holds_back_a_backend_that_speaks_tls(behind, scripted, authority, until):
    backend = await scripted(tls=authority.server("127.0.0.1"))
    gateway, client = await behind(backend)
    (connection,) = gateway.connections
    client.pause()
    stream, _ = await backend.requested()
    size = 32 << 20

    async def send():
        await stream.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % size)
        for _ in range(128):
            await stream.send(bytes(1 << 18))

    sending = asyncio.create_task(send())
    await until(lambda: not connection._writable)
    assert not sending.done()
    client.resume()
    await client.head()
    assert size == len(await client.exactly(size))
    await sending
