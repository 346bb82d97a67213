"""Compressed responses over real sockets: what a client can decode, what passes as it is, what breaks off."""

import asyncio
import gzip
import random
import zlib
from itertools import pairwise

import brotli
import pytest
import zstandard
from aiohttp import ClientSession, web

ROUTES = """\
headers:
  mine: {preset: none, set: {X-Policy: mine}, default: {Cache-Control: private}, remove: ["X-Secret-*"]}
defaults: {upstream: backend, auth: public, headers: mine, compress: true}
routes:
  - {id: all, match: {path: "/{rest...}"}}
  - {id: plain, match: {path: /plain}, compress: false}
  - {id: asks, match: {path: /asks}, request_headers: {set: {Accept-Encoding: identity}}}
  - {id: silent, match: {path: /silent}, request_headers: {remove: [Accept-Encoding]}}
  - {id: prefixed, match: {path: /things}, prefix: /api}
  - {id: said, match: {path: /said}, respond: {body: "as configured"}}
  - {id: socket, match: {path: /socket}, upgrade: [websocket]}
"""
JSON = b'{"id": 1, "name": "a course", "lessons": [1, 2, 3]}\n' * 100  # 5 KiB
NOISE = random.Random(7).randbytes(5 << 19).hex().encode()  # 5 MiB that shrink by half
CODINGS = ["gzip", "br", "zstd"]


def decoded(coding: str, data: bytes) -> bytes:
    """A whole body; raises unless it ends where it should."""
    if coding == "gzip":
        return gzip.decompress(data)
    if coding == "br":
        return brotli.decompress(data)
    return zstandard.ZstdDecompressor().decompressobj().decompress(data)


def get(path=b"/", coding=b"gzip", *lines, method=b"GET", version=b"1.1"):
    fields = [b"Host: a.example", b"Accept-Encoding: " + coding, *lines]
    return b"%b %b HTTP/%b\r\n%b\r\n\r\n" % (method, path, version, b"\r\n".join(fields))


def answer(body=JSON, *lines, status=b"200 OK", media=b"application/json"):
    counted = b"Content-Length: %d" % len(body)
    return b"\r\n".join([b"HTTP/1.1 " + status, b"Content-Type: " + media, counted, *lines, b"", body])


def fields_of(head):
    """Lower-case name -> value, several lines joined."""
    fields: dict[bytes, bytes] = {}
    for line in head.split(b"\r\n")[1:-2]:
        name, _, value = line.partition(b": ")
        name = name.lower()
        fields[name] = fields[name] + b", " + value if name in fields else value
    return fields


async def body_of(client, fields):
    """The next body as it is framed, less the framing."""
    if b"content-length" in fields:
        return await client.exactly(int(fields[b"content-length"]))
    assert b"chunked" == fields[b"transfer-encoding"]
    body = b""
    while size := int(await client.until(b"\r\n"), 16):
        body += (await client.exactly(size + 2))[:-2]
    assert b"\r\n" == await client.until(b"\r\n")
    return body


@pytest.fixture
async def exchange(serve, scripted, connect):
    """Ask one thing of a gateway with ROUTES: gives the client, the backend's stream and the head it saw."""
    backend = await scripted()
    gateway = await serve(backend.url, policies=ROUTES, more="limits: {body: 100MiB}\n")

    async def ask(request):
        client = await connect(gateway)
        await client.send(request)
        stream, head = await backend.requested()
        return client, stream, head

    return ask


@pytest.fixture
async def gateway(serve, scripted):
    """A gateway with ROUTES, and its backend."""
    backend = await scripted()
    return await serve(backend.url, policies=ROUTES), backend


CODING = pytest.mark.parametrize("coding", CODINGS)


# What the client can decode.


@CODING
@pytest.mark.parametrize("framing", ["counted", "chunked", "until the end"])
@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param(1, id="whole"),
        pytest.param(7, id="in seven pieces"),
        pytest.param(61, id="in small pieces"),
    ],
)
async def test_a_body_comes_back_however_it_was_sent(exchange, coding, framing, pieces):
    client, stream, _ = await exchange(get(coding=coding.encode()))
    places = sorted(random.Random(pieces).sample(range(len(JSON)), pieces - 1))
    parts = [JSON[start:end] for start, end in pairwise([0, *places, len(JSON)])]
    head = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\n"
    if framing == "counted":
        head += b"Content-Length: %d\r\n" % len(JSON)
    elif framing == "chunked":
        head += b"Transfer-Encoding: chunked\r\n"
        parts = [*(b"%x\r\n%b\r\n" % (len(part), part) for part in parts if part), b"0\r\n\r\n"]
    await stream.send(head + b"\r\n" + parts[0])
    for part in parts[1:]:
        await stream.send(part)
        await asyncio.sleep(0)
    if framing == "until the end":
        stream.close()
    fields = fields_of(await client.head())
    assert coding.encode() == fields[b"content-encoding"]
    body = await body_of(client, fields)
    assert JSON == decoded(coding, body)
    assert len(body) < len(JSON) / 2


@CODING
@pytest.mark.parametrize("chunked", [pytest.param(False, id="counted"), pytest.param(True, id="chunked")])
async def test_five_mebibytes_come_back(serve, backend, session, url, coding, chunked):
    """Threads do the work, read by read."""

    async def large(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"Content-Type": "text/plain"})
        if chunked:
            response.enable_chunked_encoding()
        else:
            response.content_length = len(NOISE)
        await response.prepare(request)
        for start in range(0, len(NOISE), 100_000):
            await response.write(NOISE[start : start + 100_000])
        return response

    gateway = await serve(await backend(large), policies=ROUTES)
    async with session.get(url(gateway), headers={"Accept-Encoding": coding}) as response:
        body = await response.read()
    assert (coding, "Accept-Encoding") == (response.headers["Content-Encoding"], response.headers["Vary"])
    assert NOISE == decoded(coding, body)
    assert 0 == gateway.proxy.surroundings.compression.open


async def test_a_client_of_another_make_decodes_it(serve, backend, url):
    async def courses(request: web.Request) -> web.Response:
        return web.Response(body=JSON, content_type="application/json")

    gateway = await serve(await backend(courses), policies=ROUTES)
    async with ClientSession() as session, session.get(url(gateway)) as response:
        assert response.headers["Content-Encoding"] in CODINGS
        assert JSON == await response.read()


async def test_the_head_says_what_the_body_is(exchange):
    client, stream, _ = await exchange(get(b"/", b"gzip"))
    await stream.send(
        answer(
            JSON,
            *(b'ETag: "a"', b"Accept-Ranges: bytes", b"Content-MD5: Q2hlY2s=", b"Digest: sha-256=a"),
            *(b"Repr-Digest: sha-256=:a:", b"Vary: Cookie", b"X-Secret-Place: here"),
        )
    )
    fields = fields_of(await client.head())
    body = await body_of(client, fields)
    names = [b"content-encoding", b"etag", b"accept-ranges", b"vary", b"content-length", b"x-policy"]
    assert [b"gzip", b'W/"a"', b"none", b"Cookie, Accept-Encoding", b"%d" % len(body), b"mine"] == [
        fields[name] for name in names
    ]
    assert b"private" == fields[b"cache-control"]
    gone = {b"content-md5", b"digest", b"repr-digest", b"x-secret-place", b"transfer-encoding"}
    assert set() == gone & fields.keys()


async def test_connections_go_on_behind_a_compressed_response(gateway, connect):
    """A pipeline of three on one connection to each side."""
    running, backend = gateway
    client = await connect(running)
    await client.send(get(b"/1") + get(b"/2", b"br") + get(b"/3", b"identity"))
    stream, head = await backend.requested()
    for number, coding in enumerate(["gzip", "br", None], 1):
        assert head.startswith(b"GET /%d " % number)
        await stream.send(answer())
        fields = fields_of(await client.head())
        body = await body_of(client, fields)
        assert JSON == (decoded(coding, body) if coding else body)
        if number < 3:
            head = await stream.head()
    assert 1 == len(backend.taken)


@pytest.mark.parametrize(
    ("lines", "kept"),
    [pytest.param([b"Connection: keep-alive"], True, id="it stays"), pytest.param([], False, id="it closes")],
)
async def test_http_1_0_gets_a_whole_body_with_its_length(exchange, lines, kept):
    client, stream, _ = await exchange(get(b"/", b"gzip", *lines, version=b"1.0"))
    await stream.send(answer())
    fields = fields_of(await client.head())
    assert JSON == gzip.decompress(await body_of(client, fields))
    assert (b"keep-alive" if kept else b"close") == fields[b"connection"]


async def test_http_1_0_gets_an_endless_body_up_to_the_end(exchange):
    client, stream, _ = await exchange(get(version=b"1.0"))
    await stream.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nTransfer-Encoding: chunked\r\n\r\n")
    await stream.send(b"3\r\none\r\n")
    fields = fields_of(await client.head())
    await stream.send(b"3\r\ntwo\r\n0\r\n\r\n")
    assert {b"transfer-encoding", b"content-length"}.isdisjoint(fields)
    assert b"onetwo" == gzip.decompress(await client.rest())


# Streams.


@CODING
async def test_pieces_of_an_endless_body_arrive_at_once(exchange, coding):
    """The next one is not even written before the client has decoded this one."""
    client, stream, _ = await exchange(get(coding=coding.encode()))
    await stream.send(
        b"HTTP/1.1 200 OK\r\nContent-Type: application/x-ndjson\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    await client.head()
    decode = {
        "gzip": zlib.decompressobj(31).decompress,
        "br": brotli.Decompressor().process,
        "zstd": zstandard.ZstdDecompressor().decompressobj().decompress,
    }[coding]
    for number in range(5):
        await stream.send(b'a\r\n{"n": %3d}\r\n' % number)
        size = int(await client.until(b"\r\n"), 16)
        assert b'{"n": %3d}' % number == decode((await client.exactly(size + 2))[:-2])


async def test_events_pass_as_they_come(exchange):
    client, stream, _ = await exchange(get(coding=b"gzip, br, zstd"))
    await stream.send(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n"
    )
    fields = fields_of(await client.head())
    assert (None, b"Accept-Encoding") == (fields.get(b"content-encoding"), fields[b"vary"])
    for number in range(3):
        await stream.send(b"9\r\ndata: %d\n\n\r\n" % number)
        assert b"9\r\ndata: %d\n\n\r\n" % number == await client.until(b"\n\n\r\n")


async def test_an_upgrade_passes(exchange):
    client, stream, _ = await exchange(
        get(b"/socket", b"gzip", b"Connection: Upgrade", b"Upgrade: websocket", b"Sec-WebSocket-Version: 13")
    )
    await stream.send(
        b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    )
    assert (await client.head()).startswith(b"HTTP/1.1 101 ")
    await stream.send(JSON)
    assert JSON == await client.exactly(len(JSON))


# What passes as it is.


@pytest.mark.parametrize(
    ("request_", "sent"),
    [
        pytest.param(get(coding=b"gzip;q=0, *;q=0"), answer(), id="a client that takes nothing"),
        pytest.param(get(coding=b"deflate"), answer(), id="a client that takes what we do not write"),
        pytest.param(get(coding=b"identity"), answer(), id="a client that wants it as it is"),
        pytest.param(get(), answer(JSON[:1023]), id="a short body"),
        pytest.param(get(), answer(gzip.compress(JSON) * 9, b"Content-Encoding: gzip"), id="encoded already"),
        pytest.param(get(), answer(JSON, b"Content-Encoding: br"), id="encoded in another way"),
        pytest.param(get(), answer(JSON, b"Cache-Control: no-transform"), id="not to be touched"),
        pytest.param(
            get(), answer(JSON, b"Content-Range: bytes 0-9/99", status=b"206 Partial Content"), id="a part"
        ),
        pytest.param(get(), answer(media=b"image/png"), id="a picture"),
        pytest.param(get(), answer(media=b"application/grpc"), id="gRPC"),
        pytest.param(
            get(b"/", b"gzip", b"Cookie: a=b"), answer(media=b"text/html"), id="a page with a cookie"
        ),
        pytest.param(
            get(b"/", b"gzip", b"Authorization: Bearer a"),
            answer(media=b"text/html"),
            id="a page with a token",
        ),
        pytest.param(get(b"/plain"), answer(), id="a route that does not compress"),
    ],
)
async def test_it_passes_byte_by_byte(exchange, request_, sent):
    client, stream, _ = await exchange(request_)
    await stream.send(sent)
    told, _, body = sent.partition(b"\r\n\r\n")
    fields = fields_of(await client.head())
    before = fields_of(told + b"\r\n\r\n")
    names = (b"content-encoding", b"content-length", b"etag", b"accept-ranges", b"content-range")
    assert [before.get(name) for name in names] == [fields.get(name) for name in names]
    assert body == await client.exactly(len(body))
    assert (None if b"/plain" in request_ else b"Accept-Encoding") == fields.get(b"vary")


@pytest.mark.parametrize(
    ("request_", "sent"),
    [
        pytest.param(get(method=b"HEAD"), answer(b"", b'ETag: "a"').replace(b"h: 0", b"h: 5000"), id="HEAD"),
        pytest.param(get(), b'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n', id="304"),
        pytest.param(get(), b'HTTP/1.1 204 No Content\r\nETag: "a"\r\n\r\n', id="204"),
    ],
)
async def test_a_head_without_a_body_depends_on_the_coding_too(exchange, request_, sent):
    client, stream, _ = await exchange(request_)
    await stream.send(sent)
    fields = fields_of(await client.head())
    assert (b"Accept-Encoding", b'"a"', None) == (
        fields[b"vary"],
        fields[b"etag"],
        fields.get(b"content-encoding"),
    )


async def test_a_304_knows_the_response_that_was_compressed(exchange):
    """The client has our weak ETag; the backend compares weakly, and we answer with what the client has."""
    client, stream, head = await exchange(get(b"/", b"gzip", b'If-None-Match: W/"a"'))
    assert b'If-None-Match: W/"a"' in head.split(b"\r\n")
    await stream.send(b'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\n\r\n')
    assert b'W/"a"' == fields_of(await client.head())[b"etag"]


@pytest.mark.parametrize("path", [b"/said", b"/nowhere"])
async def test_our_own_answers_depend_on_the_coding_too(serve, connect, path):
    gateway = await serve(policies=ROUTES.replace('"/{rest...}"', "/only"), more="")
    client = await connect(gateway)
    await client.send(get(path))
    fields = fields_of(await client.head())
    expected = b"Accept-Encoding" if path == b"/said" else None
    assert (expected, None) == (fields.get(b"vary"), fields.get(b"content-encoding"))


async def test_a_refusal_of_the_route_depends_on_the_coding_too(serve, connect):
    client = await connect(await serve(policies=ROUTES))
    await client.send(get())
    head = await client.head()
    assert head.startswith(b"HTTP/1.1 502 ")
    assert b"Accept-Encoding" == fields_of(head)[b"vary"]


# What the backend sees.


@pytest.mark.parametrize(
    ("path", "sent", "seen"),
    [
        pytest.param(b"/", b"gzip, deflate, br, zstd", b"zstd, br, gzip", id="the codings that we know"),
        pytest.param(b"/", b"gzip;q=0.5, *;q=0", b"gzip;q=0.5, identity;q=0", id="with their weights"),
        pytest.param(b"/", b"gzip", b"gzip", id="as it was"),
        pytest.param(b"/", b"deflate", b"identity", id="none of them"),
        pytest.param(b"/plain", b"gzip, deflate", b"gzip, deflate", id="a route that does not compress"),
        pytest.param(b"/asks", b"gzip, deflate", b"identity", id="what the route says instead"),
        pytest.param(b"/silent", b"gzip, deflate", None, id="nothing, as the route says"),
    ],
)
async def test_the_backend_is_asked_for_what_can_pass(exchange, path, sent, seen):
    _, _, head = await exchange(get(path, sent))
    assert seen == fields_of(head).get(b"accept-encoding")


async def test_a_client_that_says_nothing_gets_the_body_as_it_is(exchange):
    client, stream, head = await exchange(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
    assert b"accept-encoding" not in fields_of(head)
    await stream.send(answer())
    fields = fields_of(await client.head())
    assert (None, b"%d" % len(JSON)) == (fields.get(b"content-encoding"), fields[b"content-length"])


# What breaks off, and what waits.


@pytest.mark.parametrize(
    ("head", "part", "rest"),
    [
        pytest.param(b"Content-Length: 100000\r\n", JSON, b"more", id="counted"),
        pytest.param(b"Content-Length: 600000\r\n", NOISE[:300_000], NOISE[:200_000], id="large"),
        pytest.param(b"Transfer-Encoding: chunked\r\n", b"5\r\nhello\r\n", b"5\r\nhel", id="chunked"),
        pytest.param(b"Transfer-Encoding: chunked\r\n", b"5\r\nhello\r\n", b"zz\r\n", id="chunked badly"),
    ],
)
async def test_a_body_that_breaks_off_never_ends_well(exchange, head, part, rest):
    client, stream, _ = await exchange(get())
    await stream.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n" + head + b"\r\n" + part)
    assert b"chunked" == fields_of(await client.head())[b"transfer-encoding"]
    await stream.send(rest)
    stream.close()
    assert not (await client.rest()).endswith(b"0\r\n\r\n")


async def test_a_client_that_leaves_takes_its_backend_connection_along(exchange):
    client, stream, _ = await exchange(get())
    await stream.send(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n" % len(NOISE)
    )
    await stream.send(NOISE[:200_000])
    await client.head()
    client.cut()
    await stream.rest()


async def test_a_client_that_reads_slowly_stops_the_backend(serve, scripted, connect, until):
    """What is under way is bounded by the buffers of sockets, and everything arrives in the end."""
    backend = await scripted()
    gateway = await serve(backend.url, policies=ROUTES)
    client = await connect(gateway)
    await client.send(get(coding=b"zstd"))
    stream, _ = await backend.requested()
    client.pause()
    sent = random.Random(7).randbytes(24 << 20)
    await stream.send(
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n" % len(sent)
    )
    sending = asyncio.create_task(stream.send(sent))
    connection = next(iter(gateway.connections))
    await until(lambda: not connection._writable)
    place = connection._relay
    await until(lambda: not place._relay._connection._reading and place._job is None)
    assert not sending.done()
    assert connection._transport.get_write_buffer_size() < 1 << 20
    assert len(place._waiting) <= 1 << 18
    assert 1 == gateway.proxy.surroundings.compression.open
    client.resume()
    fields = fields_of(await client.head())
    body = await body_of(client, fields)
    await sending
    assert sent == decoded("zstd", body)
    assert 0 == gateway.proxy.surroundings.compression.open


async def test_when_too_many_are_under_way_the_next_is_sent_as_it_is(gateway, connect):
    running, backend = gateway
    running.proxy.surroundings.compression.open = 256
    client = await connect(running)
    await client.send(get())
    stream, _ = await backend.requested()
    await stream.send(answer())
    fields = fields_of(await client.head())
    assert (None, b"Accept-Encoding") == (fields.get(b"content-encoding"), fields[b"vary"])
    assert JSON == await body_of(client, fields)


async def test_an_answer_before_the_request_has_ended_is_compressed_too(exchange):
    client, stream, _ = await exchange(get(b"/", b"gzip", b"Content-Length: 10", method=b"POST") + b"hello")
    await stream.send(answer(NOISE[:300_000]))
    fields = fields_of(await client.head())
    assert b"close" == fields[b"connection"]
    assert NOISE[:300_000] == gzip.decompress(await body_of(client, fields))


async def test_a_location_gets_its_prefix_back(exchange):
    client, stream, _ = await exchange(get(b"/api/things", method=b"POST"))
    await stream.send(answer(JSON, b"Location: /things/1", status=b"201 Created"))
    fields = fields_of(await client.head())
    assert (b"gzip", b"/api/things/1") == (fields[b"content-encoding"], fields[b"location"])
