"""Clients that speak TLS, over real sockets and the loop that the gateway runs on."""

import asyncio
import hashlib
import ssl
import warnings

import pytest
from aiohttp import web

from gateway.wire.downstream_states import State

GET = b"GET /%b HTTP/1.1\r\nHost: a.test\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
LARGE = bytes(range(256)) * 131072  # 32 MiB
# How a client learns that it is not let in. The loop sends no alert with its refusal of a handshake.
REFUSED = (ssl.SSLError, ConnectionError, asyncio.IncompleteReadError)
UPGRADES = """\
routes:
  - {id: chat, match: {path: /chat}, upgrade: [websocket], upstream: backend, auth: public}
"""
LIMITLESS = """\
routes:
  - {id: all, match: {path: "/{rest...}"}, upstream: backend, auth: public, limits: {body: 1GiB}}
"""


class Noting:
    """A policy that notes the client's certificate of each request."""

    name = source = "noting"

    def __init__(self) -> None:
        self.certificates = []

    def __call__(self, exchange) -> None:
        self.certificates.append(exchange.request.certificate)


@pytest.fixture
def secured(serve, authority):
    """A gateway that speaks TLS as the names of its certificates; `tls` is what stands beside them."""

    async def start(backend="http://127.0.0.1:1", *, names=(("a.test",),), tls="", second="", **more):
        certificates = ", ".join(f"{{{authority.yaml(*each)}}}" for each in names)
        listener = f'address: "127.0.0.1:0", tls: {{certificates: [{certificates}]{tls}}}{second}'
        return await serve(backend, listener=listener, **more)

    return start


@pytest.fixture
def place():
    """The URL of a path at a gateway's first listener."""
    return lambda gateway, path="/": f"https://{gateway.listeners[0].address}{path}"


@pytest.fixture
async def asking(scripted, secured, connect, authority):
    """A client with a request under way, and the other end of it."""

    async def start(request=GET % b"", **configuration):
        backend = await scripted()
        gateway = await secured(backend.url, **configuration)
        client = await connect(gateway, authority.client(), "a.test")
        await client.send(request)
        stream, head = await backend.requested()
        return gateway, client, stream, head

    return start


def names_of(stream):
    certificate = stream._writer.get_extra_info("peercert")
    return [name for _, name in certificate["subjectAltName"]]


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        pytest.param("a.test", ["a.test"], id="the first"),
        pytest.param("b.test", ["b.test", "*.b.test"], id="another"),
        pytest.param("x.b.test", ["b.test", "*.b.test"], id="by a wildcard"),
        pytest.param("unknown.test", ["a.test"], id="a name of none"),
    ],
)
async def test_the_certificate_is_that_of_the_name(secured, connect, authority, name, shown):
    gateway = await secured(names=(("a.test",), ("b.test", "*.b.test")))
    context = authority.client()
    context.check_hostname = False
    assert shown == names_of(await connect(gateway, context, name))


async def test_without_a_name_it_is_the_first(secured, connect, authority):
    gateway = await secured(names=(("a.test",), ("b.test",)))
    context = authority.client()
    context.check_hostname = False
    assert ["a.test"] == names_of(await connect(gateway, context, "127.0.0.1"))


@pytest.mark.parametrize("offered", [["h2", "http/1.1"], ["http/1.1"]])
async def test_http_1_1_is_agreed_on(secured, connect, authority, offered):
    context = authority.client()
    context.set_alpn_protocols(offered)
    client = await connect(await secured(), context, "a.test")
    assert "http/1.1" == client._writer.get_extra_info("ssl_object").selected_alpn_protocol()


async def test_http_2_is_not_agreed_on(secured, connect, authority):
    context = authority.client()
    context.set_alpn_protocols(["h2"])
    client = await connect(await secured(), context, "a.test")
    assert client._writer.get_extra_info("ssl_object").selected_alpn_protocol() is None


@pytest.mark.parametrize(
    ("least", "newest"),
    [
        pytest.param("1.2", ssl.TLSVersion.TLSv1_1, id="1.1 where 1.2 is the least"),
        pytest.param("1.3", ssl.TLSVersion.TLSv1_2, id="1.2 where 1.3 is the least"),
    ],
)
async def test_an_older_version_is_refused(secured, connect, authority, until, caplog, least, newest):
    gateway = await secured(tls=f', min_version: "{least}"')
    context = authority.client()
    context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        context.minimum_version = context.maximum_version = newest
    with pytest.raises(REFUSED):
        await connect(gateway, context, "a.test")
    await until(lambda: sum(gateway.listeners[0].failed_handshakes.values()) == 1)
    assert ["the last one: UNSUPPORTED_PROTOCOL"] == [text.partition(", ")[2] for text in caplog.messages]


@pytest.mark.parametrize("cipher", ["AES256-GCM-SHA384", "ECDHE-RSA-AES128-SHA256", "ECDHE-ECDSA-AES128-SHA"])
async def test_a_cipher_of_old_is_refused(secured, connect, authority, cipher):
    """No forward secrecy, or no authenticated encryption."""
    context = authority.client()
    context.set_ciphers(f"{cipher}:@SECLEVEL=0")
    context.maximum_version = ssl.TLSVersion.TLSv1_2
    with pytest.raises(REFUSED):
        await connect(await secured(), context, "a.test")


@pytest.fixture
def asked(connect):
    """The head that answers a request, where a client is let in."""

    async def ask(gateway, context, name="a.test"):
        # A client of TLS 1.3 hears of its refusal only behind its own handshake.
        client = await connect(gateway, context, name)
        await client.send(GET % b"")
        return await client.head()

    return ask


@pytest.fixture
def asked_for(secured, authority, dial):
    """A gateway that asks clients for a certificate, and what it learned of one that shows `context`."""

    async def ask(auth, context):
        noting = Noting()
        gateway = await secured(
            tls=f', client_ca: "{authority.file}", client_auth: {auth}', pipeline=(noting,)
        )
        client = await dial(gateway.listeners[0].address.port, context, "a.test")
        await client.send((GET % b"") * 2)
        return noting, client

    return ask


@pytest.mark.parametrize("auth", ["optional", "required"])
async def test_a_certificate_is_known_to_every_request(asked_for, authority, auth):
    """It is read once a connection, as the bytes that a token may be bound to (RFC 8705 3.1)."""
    noting, client = await asked_for(auth, authority.client("client.test"))
    for _ in range(2):
        await client.until(b"HTTP/1.1 502 ")
    shown = ssl.PEM_cert_to_DER_cert(authority.issued("client.test").read_text())
    assert [shown, shown] == noting.certificates


async def test_an_optional_certificate_may_be_missing(asked_for, authority):
    noting, client = await asked_for("optional", authority.client())
    assert (await client.head()).startswith(b"HTTP/1.1 502 ")
    assert [None] == noting.certificates[:1]


@pytest.mark.parametrize("newest", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize(
    ("auth", "shows"),
    [
        pytest.param("required", "none", id="none where one is required"),
        pytest.param("required", "foreign", id="one of another authority"),
        pytest.param("optional", "foreign", id="that is no better where it is optional"),
        pytest.param("required", "expired", id="one that has expired"),
    ],
)
async def test_a_client_without_its_certificate_gets_nothing(
    secured, asked, authorities, authority, until, auth, shows, newest
):
    noting = Noting()
    gateway = await secured(tls=f', client_ca: "{authority.file}", client_auth: {auth}', pipeline=(noting,))
    context = authority.client()
    context.maximum_version = newest
    if shows == "foreign":
        context.load_cert_chain(*next(authorities).issue("client.test"))
    elif shows == "expired":
        context.load_cert_chain(*authority.issue("client.test", expired=True))
    with pytest.raises(REFUSED):
        await asked(gateway, context)
    await until(lambda: sum(gateway.listeners[0].failed_handshakes.values()) == 1)
    assert ([], set()) == (noting.certificates, gateway.connections)


async def test_a_name_does_not_choose_a_certificate_that_asks_less(secured, asked, authority):
    """Every certificate of a listener comes with the same demands."""
    tls = f', client_ca: "{authority.file}", client_auth: required, min_version: "1.3"'
    gateway = await secured(names=(("a.test",), ("b.test",)), tls=tls)
    for name in ("a.test", "b.test"):
        with pytest.raises(REFUSED):
            await asked(gateway, authority.client(), name)
        assert (await asked(gateway, authority.client("client.test"), name)).startswith(b"HTTP/1.1 502 ")


async def test_strict_transport_security_comes_over_tls_alone(secured, session, authority):
    """RFC 6797 7.2: "An HSTS Host MUST NOT include the STS header field in HTTP responses conveyed over
    non-secure transport"."""
    gateway = await secured(second='}, {address: "127.0.0.1:0"', headers="preset: helmet")
    found = []
    for scheme, listener in zip(("https", "http"), gateway.listeners, strict=True):
        async with session.get(
            f"{scheme}://{listener.address}/", ssl=authority.client(), server_hostname="a.test"
        ) as response:
            found.append((response.status, "Strict-Transport-Security" in response.headers))
    assert [(502, True), (502, False)] == found


async def test_the_backend_hears_of_tls(asking):
    gateway, _, _, head = await asking()
    lines = head.split(b"\r\n")
    assert {
        b"X-Forwarded-Proto: https",
        b"X-Forwarded-For: 127.0.0.1",
        b"X-Forwarded-Port: %d" % gateway.listeners[0].address.port,
    } <= {*lines}


async def test_a_connection_is_kept(asking):
    gateway, client, stream, _ = await asking()
    for _ in range(3):
        await stream.send(OK)
        assert (await client.until(b"\r\n\r\nok")).startswith(b"HTTP/1.1 200 ")
        await client.send(GET % b"")
        await stream.head()
    assert 1 == len(gateway.connections)


async def test_pipelined_requests_are_answered_in_order(secured, connect, authority, backend):
    async def echo(request):
        return web.Response(text=request.path)

    gateway = await secured(await backend(echo))
    client = await connect(gateway, authority.client(), "a.test")
    await client.send(b"".join(GET % b"%d" % number for number in range(50)))
    for number in range(50):
        await client.head()
        assert f"/{number}".encode() == await client.exactly(len(f"/{number}"))


async def test_a_large_answer_waits_for_a_slow_reader(asking, until):
    """The gateway does not pile it up: the backend cannot send all of it before the client reads."""
    gateway, client, stream, _ = await asking()
    (connection,) = gateway.connections
    client.pause()
    sending = asyncio.create_task(
        stream.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(LARGE) + LARGE)
    )
    await until(lambda: not connection._writable)
    assert not sending.done()
    client.resume()
    await client.head()
    taken = await client.exactly(len(LARGE))
    await sending
    assert hashlib.sha256(LARGE).digest() == hashlib.sha256(taken).digest()


async def test_a_large_body_waits_for_a_slow_backend(asking, until):
    request = b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: %d\r\n\r\n" % len(LARGE)
    gateway, client, stream, _ = await asking(request, policies=LIMITLESS)
    (connection,) = gateway.connections
    stream.pause()

    async def send():
        # One write, however large, would not be held back by the client's own loop.
        for start in range(0, len(LARGE), 1 << 18):
            await client.send(LARGE[start : start + (1 << 18)])

    sending = asyncio.create_task(send())
    await until(lambda: not connection._reading)
    assert not sending.done()
    stream.resume()
    taken = await stream.exactly(len(LARGE))
    await sending
    await stream.send(OK)
    assert (await client.head()).startswith(b"HTTP/1.1 200 ")
    assert hashlib.sha256(LARGE).digest() == hashlib.sha256(taken).digest()


async def test_a_last_answer_arrives_whole_at_a_slow_reader(asking, until):
    """Closing sends what is left and says goodbye; the goodbye is not waited for instead of the reader."""
    request = b"GET / HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n"
    gateway, client, stream, _ = await asking(request)
    (connection,) = gateway.connections
    client.pause()
    sending = asyncio.create_task(
        stream.send(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(LARGE) + LARGE)
    )
    await until(lambda: not connection._writable)
    client.resume()
    await client.head()
    taken = await client.exactly(len(LARGE) // 2)
    await sending
    await until(lambda: connection.state == State.DEAD or not gateway.connections)
    taken += await client.rest()
    assert hashlib.sha256(LARGE).digest() == hashlib.sha256(taken).digest()


async def test_websockets_are_secure_too(secured, backend, session, place, authority):
    async def talk(request):
        socket = web.WebSocketResponse()
        await socket.prepare(request)
        async for message in socket:
            await socket.send_bytes(message.data)
        return socket

    gateway = await secured(await backend(talk), policies=UPGRADES)
    async with session.ws_connect(
        place(gateway, "/chat").replace("https", "wss"), ssl=authority.client(), server_hostname="a.test"
    ) as socket:
        await socket.send_bytes(LARGE[:200_000])
        assert LARGE[:200_000] == await socket.receive_bytes()


@pytest.mark.parametrize(
    "leave", [pytest.param("close", id="with a goodbye"), pytest.param("cut", id="without")]
)
async def test_a_client_that_ends_while_it_waits_has_left(asking, until, caplog, leave):
    """There is no half-close over TLS: who ends one direction gets nothing in the other."""
    gateway, client, stream, _ = await asking()
    getattr(client, leave)()
    assert b"" == await stream.rest()
    await until(lambda: not gateway.connections)
    assert (0, []) == (gateway.upstreams["backend"].endpoints[0].pending, caplog.messages)


async def test_a_client_that_ends_between_requests_is_let_go(asking, until, caplog):
    gateway, client, stream, _ = await asking()
    await stream.send(OK)
    await client.until(b"\r\n\r\nok")
    client.close()
    await until(lambda: not gateway.connections)
    assert [] == caplog.messages


async def test_a_client_that_ends_its_tunnel_ends_both_ways(asking, until, caplog):
    handshake = (
        b"GET /chat HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: bW91bnQga2lsaW1hbmphcg==\r\n\r\n"
    )
    gateway, client, stream, _ = await asking(handshake, policies=UPGRADES)
    await stream.send(
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    )
    await client.head()
    await client.send(b"last words")
    client.close()
    assert b"last words" == await stream.rest()
    await until(lambda: not gateway.connections)
    assert [] == caplog.messages


async def test_an_answer_that_is_broken_off_is_no_whole_one(asking):
    _, client, stream, _ = await asking()
    await stream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello")
    await client.head()
    stream.close()
    assert b"hello" == await client.rest()


async def test_an_expired_certificate_serves_and_is_warned_of(serve, authority, connect, caplog):
    certificate = authority.yaml("a.test", expired=True)
    gateway = await serve(listener=f'address: "127.0.0.1:0", tls: {{certificates: [{{{certificate}}}]}}')
    (line,) = caplog.messages
    assert line.endswith("a.test.crt has expired: clients will refuse it")
    with pytest.raises(ssl.SSLCertVerificationError, match="expired"):
        await connect(gateway, authority.client(), "a.test")


async def test_a_unix_socket_can_speak_tls(secured, authority, serve, tmp_path):
    certificate = authority.yaml("a.test")
    path = tmp_path / "gateway.sock"
    await serve(listener=f'address: "unix:{path}", tls: {{certificates: [{{{certificate}}}]}}')
    reader, writer = await asyncio.open_unix_connection(
        path, ssl=authority.client(), server_hostname="a.test"
    )
    writer.write(GET % b"")
    async with asyncio.timeout(5):
        assert b"HTTP/1.1 502 Bad Gateway\r\n" == await reader.readline()
    writer.close()
