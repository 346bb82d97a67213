"""A request's way through the gateway and back, over real sockets."""

import asyncio
import json
import re
from hashlib import sha256
from io import BytesIO

import pytest
from aiohttp import web

LARGE = bytes(range(256)) * (5 << 12)  # 5 MiB

ROUTES = """\
headers:
  marked: {preset: none, set: {X-Policy: marked}, default: {X-Default: ours}, remove: [Server, "X-Secret-*"]}
defaults: {headers: marked, auth: public}
routes:
  - {id: all, match: {path: "/all/{rest...}"}, upstream: backend}
  - {id: get, match: {path: /get, methods: [GET, PUT]}, upstream: backend}
  - {id: small, match: {path: /small}, upstream: backend, limits: {body: 8B}}
  - {id: asked, match: {path: /asked}, redirect: {to: "https://new.example/?a=b", status: 308}}
  - {id: moved, match: {path: "/old/{rest...}"}, redirect: {to: "https://new.example/{rest...}", status: 308}}
  - {id: said, match: {path: /said}, respond: {status: 200, body: "as configured"}}
  - {id: empty, match: {path: /empty}, respond: {status: 204}}
"""
MARKED = "preset: none, set: {X-Policy: marked}"


@pytest.fixture
def marked(serve):
    """A gateway with ROUTES, where every response has to carry `X-Policy: marked`."""

    async def start(backend="http://127.0.0.1:1", **configuration):
        return await serve(backend, policies=ROUTES, headers=MARKED, **configuration)

    return start


async def mirror(request: web.Request) -> web.Response:
    """What arrived, in the response's fields; the body as it came."""
    body = await request.read()
    told = {"X-Method": request.method, "X-Framing": _framing(request), "X-Digest": sha256(body).hexdigest()}
    return web.Response(body=body, headers=told)


def _framing(request: web.Request) -> str:
    if "Transfer-Encoding" in request.headers:
        return request.headers["Transfer-Encoding"]
    return request.headers.get("Content-Length", "none")


async def _chunks(body: bytes):
    yield body[: len(body) // 2]
    yield body[len(body) // 2 :]


@pytest.mark.parametrize(
    ("method", "body", "framing"),
    [
        pytest.param("GET", None, "none", id="GET without a body"),
        pytest.param("HEAD", None, "none", id="HEAD"),
        pytest.param("POST", b"", "0", id="POST with an empty body"),
        pytest.param("POST", b"hello", "5", id="POST with a counted body"),
        pytest.param("PUT", LARGE, str(len(LARGE)), id="PUT with a counted body of 5 MiB"),
        pytest.param("PROPFIND", b"<all/>", "6", id="a method of an extension"),
    ],
)
async def test_counted_body_goes_both_ways(serve, backend, session, url, method, body, framing):
    gateway = await serve(await backend(mirror))
    async with session.request(
        method, url(gateway), data=None if body is None else BytesIO(body)
    ) as response:
        answer = await response.read()
    seen = (response.headers["X-Method"], response.headers["X-Framing"])
    assert (200, method, framing) == (response.status, *seen)
    assert sha256(body or b"").hexdigest() == response.headers["X-Digest"]
    assert (body or b"") == answer


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"hello", id="a few bytes"),
        pytest.param(b"", id="none"),
        pytest.param(LARGE, id="5 MiB"),
    ],
)
async def test_chunked_body_goes_both_ways(serve, backend, session, url, body):
    async def chunked(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse(headers={"X-Framing": _framing(request)})
        response.enable_chunked_encoding()
        await response.prepare(request)
        async for chunk in request.content.iter_any():
            await response.write(chunk)
        return response

    gateway = await serve(await backend(chunked))
    async with session.post(url(gateway), data=_chunks(body)) as response:
        answer = await response.read()
    assert ("chunked", "chunked") == (response.headers["X-Framing"], response.headers["Transfer-Encoding"])
    assert body == answer


async def test_body_that_ends_with_the_connection_becomes_chunked(serve, scripted, session, url):
    backend = await scripted()
    gateway = await serve(backend.url)
    asked = asyncio.create_task(session.get(url(gateway)).__aenter__())
    stream, _ = await backend.requested()
    await stream.send(b"HTTP/1.1 200 OK\r\n\r\nuntil the end")
    stream.close()
    response = await asked
    assert ("chunked", b"until the end") == (
        response.headers["Transfer-Encoding"],
        await response.read(),
    )


@pytest.mark.parametrize(
    ("method", "answer", "told"),
    [
        pytest.param(
            b"HEAD", b"HTTP/1.1 200 OK\r\nContent-Length: 1234\r\n\r\n", b"Content-Length: 1234", id="HEAD"
        ),
        pytest.param(
            b"GET",
            b'HTTP/1.1 304 Not Modified\r\nETag: "a"\r\nContent-Length: 9\r\n\r\n',
            b'ETag: "a"',
            id="304",
        ),
        pytest.param(b"DELETE", b"HTTP/1.1 204 No Content\r\nX-A: b\r\n\r\n", b"X-A: b", id="204"),
    ],
)
async def test_answer_without_a_body_ends_with_its_head(serve, scripted, connect, method, answer, told):
    """A second request on the same two connections shows that nothing of the first is left over."""
    backend = await scripted()
    gateway = await serve(backend.url)
    client = await connect(gateway)
    await client.send(method + b" / HTTP/1.1\r\nHost: a.example\r\n\r\n")
    stream, _ = await backend.requested()
    await stream.send(answer)
    first = await client.head()
    await client.send(b"GET /next HTTP/1.1\r\nHost: a.example\r\n\r\n")
    assert (await stream.head()).startswith(b"GET /next ")
    await stream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    assert (await client.head()).startswith(b"HTTP/1.1 200 OK\r\n")
    assert (b"ok", 1) == (await client.exactly(2), len(backend.taken))
    assert told in first.split(b"\r\n")


async def test_repeated_response_fields_keep_their_order(serve, scripted, connect):
    backend = await scripted()
    gateway = await serve(backend.url)
    client = await connect(gateway)
    await client.send(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
    stream, _ = await backend.requested()
    lines = [b"Set-Cookie: a=1", b"Link: <a>", b"Set-Cookie: b=2", b"x-odd: 1", b"X-Odd: 2"]
    await stream.send(b"\r\n".join([b"HTTP/1.1 200 OK", *lines, b"Content-Length: 0", b"", b""]))
    head = (await client.head()).split(b"\r\n")
    assert lines == [line for line in head if line in lines]


async def test_connection_specific_response_fields_end_at_the_gateway(serve, scripted, connect):
    """RFC 9110 7.6.1: the field named in Connection goes with it."""
    backend = await scripted()
    gateway = await serve(backend.url)
    client = await connect(gateway)
    await client.send(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
    stream, _ = await backend.requested()
    await stream.send(
        b"HTTP/1.1 200 OK\r\nConnection: X-Hop, close\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\n"
        b"Proxy-Authenticate: Basic\r\nX-Kept: 1\r\nContent-Length: 0\r\n\r\n"
    )
    names = {line.partition(b":")[0].lower() for line in (await client.head()).split(b"\r\n")}
    assert {b"x-kept"} == names & {b"connection", b"x-hop", b"keep-alive", b"proxy-authenticate", b"x-kept"}


@pytest.mark.parametrize(
    ("method", "path", "status", "fields"),
    [
        pytest.param(
            "GET", "/old/a/b?c=d", 308, {"Location": "https://new.example/a/b?c=d"}, id="a redirect"
        ),
        pytest.param("POST", "/old/", 308, {"Location": "https://new.example/"}, id="a redirect of nothing"),
        pytest.param(
            "GET",
            "/asked?c=d",
            308,
            {"Location": "https://new.example/?a=b"},
            id="a redirect with its own query",
        ),
        pytest.param("GET", "/said", 200, {"Content-Type": "text/plain; charset=utf-8"}, id="a fixed answer"),
        pytest.param("HEAD", "/said", 200, {"Content-Length": "13"}, id="the head of a fixed answer"),
        pytest.param("GET", "/empty", 204, {}, id="a fixed answer without a body"),
        pytest.param("GET", "/nowhere", 404, {"Cache-Control": "no-store"}, id="no route"),
        pytest.param("DELETE", "/get", 405, {"Allow": "GET, HEAD, PUT"}, id="a method that is not allowed"),
        pytest.param("POST", "/small", 413, {"Cache-Control": "no-store"}, id="a body that is too large"),
        pytest.param("GET", "/all/", 502, {"Cache-Control": "no-store"}, id="a backend that is not there"),
    ],
)
async def test_own_answers_carry_the_route_s_fields(marked, session, url, method, path, status, fields):
    gateway = await marked()
    body = b"larger than eight" if method == "POST" else None
    async with session.request(method, url(gateway, path), data=body, allow_redirects=False) as response:
        told = response.headers
    assert (status, "marked") == (response.status, told["X-Policy"])
    assert fields == {name: told[name] for name in fields}
    assert re.fullmatch("[0-9a-f]{32}", told["X-Request-Id"])
    assert re.fullmatch("1.1 test-gateway-[0-9a-f]{8}", told["Via"])


async def test_answer_in_place_of_a_silent_backend_carries_the_route_s_fields(marked, scripted, session, url):
    backend = await scripted()
    gateway = await marked(backend.url, upstream="timeouts: {response: 50ms}")
    async with session.get(url(gateway, "/all/")) as response:
        told = response.headers
    assert (504, "marked", "ours") == (response.status, told["X-Policy"], told["X-Default"])


async def test_backend_s_answer_carries_the_route_s_fields(marked, backend, session, url):
    """`set` wins, `default` steps in where there is none, `remove` takes away."""

    async def answer(request: web.Request) -> web.Response:
        sent = {"X-Policy": "theirs", "Server": "toy", "X-Secret-A": "1", "X-Other": "theirs"}
        return web.Response(status=418, headers=sent)

    gateway = await marked(await backend(answer))
    async with session.get(url(gateway, "/all/")) as response:
        told = response.headers
    assert (418, ["marked"], "ours", "theirs") == (
        response.status,
        told.getall("X-Policy"),
        told["X-Default"],
        told["X-Other"],
    )
    assert not {"Server", "X-Secret-A"} & {*told}


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        pytest.param("*/*", "application/problem+json", id="a program"),
        pytest.param("text/html,*/*;q=0.8", "text/html; charset=utf-8", id="a browser"),
    ],
)
async def test_problem_has_the_id_of_its_response(marked, session, url, accept, content_type):
    gateway = await marked()
    async with session.get(url(gateway, "/nowhere"), headers={"Accept": accept}) as response:
        body = await response.text()
    assert content_type == response.headers["Content-Type"]
    assert response.headers["X-Request-Id"] in body
    assert "no_route" in body


async def test_problem_is_rfc_9457(marked, session, url):
    gateway = await marked()
    async with session.get(url(gateway, "/nowhere")) as response:
        problem = json.loads(await response.read())
    assert {
        "type": "about:blank",
        "title": "Not Found",
        "status": 404,
        "detail": "There is nothing here.",
        "reason": "no_route",
        "request_id": response.headers["X-Request-Id"],
    } == problem


@pytest.mark.parametrize(
    "request_line",
    [
        pytest.param(b"GET /all/?a=1&a=2&b=%20+%zz", id="order, repetition and bad escapes"),
        pytest.param(b"GET /all/?", id="an empty query"),
        pytest.param(b"GET /all/x%20y%2Bz?q=/../", id="a path with escapes"),
    ],
)
async def test_target_reaches_the_backend_as_it_came(marked, scripted, connect, request_line):
    backend = await scripted()
    gateway = await marked(backend.url)
    client = await connect(gateway)
    await client.send(request_line + b" HTTP/1.1\r\nHost: a.example\r\n\r\n")
    _, head = await backend.requested()
    assert request_line + b" HTTP/1.1" == head.partition(b"\r\n")[0]


async def test_options_of_the_server_itself_is_answered(serve, scripted, connect):
    """RFC 9110 9.3.7: an asterisk asks for no resource, so no backend is asked."""
    backend = await scripted()
    gateway = await serve(backend.url)
    client = await connect(gateway)
    await client.send(b"OPTIONS * HTTP/1.1\r\nHost: a.example\r\nConnection: close\r\n\r\n")
    answer = await client.rest()
    assert (b"HTTP/1.1 204 No Content", []) == (answer.partition(b"\r\n")[0], backend.taken)
