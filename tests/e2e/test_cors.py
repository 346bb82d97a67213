"""CORS through a running gateway, on whatever it answers; and beside a server that aiohttp-cors guards."""

from itertools import product

import aiohttp_cors
import pytest
from aiohttp import ClientSession, web
from multidict import CIMultiDict

APP = "https://app.example"
EVIL = "https://evil.example"
SAFE = "Accept, Accept-Language, Content-Language, Content-Type, Range"
EXPOSED = "RateLimit, RateLimit-Policy, Retry-After, X-Request-Id, traceresponse"
WEB = f'{{allow_origins: ["{APP}", "https://*.app.example"], allow_methods: [PUT], credentials: true}}'
ROUTES = f"""\
cors:
  web: {WEB}
  strict: {{allow_origins: ["{APP}"], on_disallowed: reject}}
  all: {{allow_origins: ["*"], allow_headers: ["*"]}}
defaults: {{auth: public, upstream: backend, cors: web}}
routes:
  - {{id: all, match: {{path: "/{{rest...}}"}}}}
  - {{id: get, match: {{path: /get, methods: [GET]}}}}
  - {{id: put, match: {{path: /get, methods: [PUT]}}, cors: strict}}
  - {{id: small, match: {{path: /small}}, limits: {{body: 8B}}}}
  - {{id: strict, match: {{path: /strict}}, cors: strict}}
  - {{id: open, match: {{path: /open}}, cors: all}}
  - {{id: denied, match: {{path: /denied}}, clients: {{deny: [127.0.0.0/8]}}}}
  - {{id: versioned, match: {{path: /versioned, headers: {{X-Api: "2"}}}}}}
  - {{id: trial, match: {{path: /trial}}, cors: strict, report: [cors]}}
  - {{id: chat, match: {{path: /chat}}, upgrade: [websocket]}}
  - {{id: moved, match: {{path: /moved}}, redirect: {{to: /}}}}
"""
ALLOWED = {"Access-Control-Allow-Origin": APP, "Access-Control-Allow-Credentials": "true"}
READABLE = ALLOWED | {"Access-Control-Expose-Headers": EXPOSED}
NOTHING: dict[str, str] = {}


def said(fields) -> dict[str, str]:
    """What a response says of CORS; a field that stands there twice is joined."""
    names = [name for name in fields if name.lower().startswith("access-control-")]
    return {name: ", ".join(fields.getall(name)) for name in names}


def varies(fields) -> set[str]:
    return {member.strip() for value in fields.getall("Vary", []) for member in value.split(",")}


def preflight(origin=APP, method="GET", fields=None) -> dict[str, str]:
    asked = {"Origin": origin, "Access-Control-Request-Method": method}
    return asked if fields is None else asked | {"Access-Control-Request-Headers": fields}


async def opinionated(request: web.Request) -> web.Response:
    """A backend with a CORS of its own, twice, and nothing to say to OPTIONS."""
    if request.method == "OPTIONS" and request.path != "/trial":
        return web.Response(status=405, headers={"X-Backend": "asked"})
    told = CIMultiDict({"Vary": "Accept-Encoding", "X-Backend": "asked"})
    for origin in ("*", EVIL):
        told.add("Access-Control-Allow-Origin", origin)
    told["access-control-allow-credentials"] = "true"
    told["Access-Control-Allow-Private-Network"] = "true"
    status = {"/304": 304, "/500": 500}.get(request.path, 200)
    return web.Response(status=status, headers=told)


@pytest.fixture
async def guarded(serve, backend):
    """A gateway with ROUTES in front of `opinionated`, and with the same policy where no route is."""
    return await serve(await backend(opinionated), policies=ROUTES, defaults=f"cors: {WEB}")


@pytest.mark.parametrize(
    ("path", "asked", "status", "expected"),
    [
        pytest.param(
            *("/a", preflight(method="PUT"), 204),
            ALLOWED
            | {
                "Access-Control-Allow-Headers": SAFE,
                "Access-Control-Allow-Methods": "PUT",
            },
            id="granted, though the backend has no OPTIONS",
        ),
        pytest.param("/a", preflight(method="DELETE"), 204, ALLOWED, id="another method"),
        pytest.param("/a", preflight(fields="x-api"), 204, ALLOWED, id="another field"),
        pytest.param("/a", preflight(EVIL), 204, NOTHING, id="another origin"),
        pytest.param("/strict", preflight(EVIL), 403, NOTHING, id="another origin that is rejected"),
        pytest.param("/get", preflight(EVIL), 204, NOTHING, id="the policy is that of the method: GET"),
        pytest.param(
            "/get", preflight(EVIL, "PUT"), 403, NOTHING, id="the policy is that of the method: PUT"
        ),
        pytest.param(
            *("/open", preflight(EVIL, fields="x-api"), 204),
            {
                "Access-Control-Allow-Origin": "*",
                "Access-Control-Allow-Headers": f"{SAFE}, *",
                "Access-Control-Expose-Headers": EXPOSED,
            },
            id="all origins",
        ),
    ],
)
async def test_preflight_is_answered(guarded, session, url, path, asked, status, expected):
    """By the gateway, with nothing in it, and it varies by all that it was made for."""
    async with session.options(url(guarded, path), headers=asked) as response:
        body = await response.read()
    assert (status, expected) == (response.status, said(response.headers))
    assert "X-Backend" not in response.headers
    if status == 204:
        assert (b"", False) == (body, "Content-Length" in response.headers)
    by_request = {"Origin", "Access-Control-Request-Method", "Access-Control-Request-Headers"}
    assert (set() if path == "/open" else by_request) == varies(response.headers)


@pytest.mark.parametrize(
    ("path", "status"),
    [
        pytest.param("/denied", 204, id="before the address is judged"),
        pytest.param("/versioned", 204, id="without the field that the route asks for"),
        pytest.param("/moved", 204, id="where there is no backend, and never as a redirection"),
        pytest.param("/get/", 204, id="with another spelling of the path"),
    ],
)
async def test_preflight_comes_before_everything_else(guarded, session, url, path, status):
    async with session.options(url(guarded, path), headers=preflight()) as response:
        assert (status, APP) == (response.status, response.headers["Access-Control-Allow-Origin"])


async def test_preflight_is_answered_where_no_route_is(serve, session, url, connect):
    """By the policy of the global defaults: also for a method that the path lacks, and for no path at all."""
    routes = "routes: [{id: a, match: {path: /a, methods: [GET]}, auth: public, respond: {}}]"
    gateway = await serve(policies=routes, defaults=f"cors: {WEB}")
    for path in ("/nowhere", "/a"):
        async with session.options(url(gateway, path), headers=preflight(method="PUT")) as response:
            assert (204, "PUT") == (response.status, response.headers["Access-Control-Allow-Methods"])
    client = await connect(gateway)
    fields = f"Origin: {APP}\r\nAccess-Control-Request-Method: GET\r\n".encode()
    await client.send(b"OPTIONS * HTTP/1.1\r\nHost: a.example\r\n" + fields + b"\r\n")
    head = await client.head()
    assert head.startswith(b"HTTP/1.1 204 ")
    assert b"\r\nAccess-Control-Allow-Origin: https://app.example\r\n" in head


@pytest.mark.parametrize(
    ("path", "asked", "status"),
    [
        pytest.param("/a", {}, 405, id="without an origin"),
        pytest.param("/a", {"Origin": APP}, 405, id="that asks for no method"),
        pytest.param("/a", {"Access-Control-Request-Method": "PUT"}, 405, id="of nobody"),
    ],
)
async def test_plain_options_is_the_backend_s(guarded, session, url, path, asked, status):
    async with session.options(url(guarded, path), headers=asked) as response:
        assert (status, "asked") == (response.status, response.headers.get("X-Backend"))


async def test_plain_options_of_a_route_that_does_not_list_it_is_refused(guarded, session, url):
    async with session.options(url(guarded, "/get"), headers={"Origin": APP}) as response:
        assert (405, READABLE) == (response.status, said(response.headers))


@pytest.mark.parametrize(
    ("origin", "expected"),
    [
        pytest.param(APP, READABLE, id="an origin that may ask"),
        pytest.param(
            "https://a.b.app.example",
            READABLE | {"Access-Control-Allow-Origin": "https://a.b.app.example"},
            id="one that a pattern holds",
        ),
        pytest.param(EVIL, NOTHING, id="another origin"),
        pytest.param(None, NOTHING, id="no origin"),
    ],
)
@pytest.mark.parametrize(
    ("path", "status"),
    [
        pytest.param("/a", 200, id="200"),
        pytest.param("/304", 304, id="304"),
        pytest.param("/500", 500, id="500"),
        pytest.param("/moved", 308, id="308"),
        pytest.param("/denied", 403, id="403"),
        pytest.param("/versioned", 404, id="404"),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_every_answer_says_it_once(guarded, session, url, method, path, status, origin, expected):
    """Whatever the backend says of CORS is gone, and what it varies by stays."""
    asked = {} if origin is None else {"Origin": origin}
    target = url(guarded, path)
    async with session.request(method, target, headers=asked, allow_redirects=False) as response:
        assert (status, expected) == (response.status, said(response.headers))
    by_backend = {"Accept-Encoding"} if "X-Backend" in response.headers else set()
    assert {"Origin", *by_backend} == varies(response.headers)


async def test_other_origin_that_is_rejected_reaches_no_backend(guarded, session, url):
    async with session.get(url(guarded, "/strict"), headers={"Origin": EVIL}) as response:
        told = await response.json(content_type="application/problem+json")
    assert (403, "origin_denied", NOTHING) == (response.status, told["reason"], said(response.headers))
    assert {"Origin"} == varies(response.headers)
    async with session.get(url(guarded, "/strict")) as response:
        assert (200, "asked") == (response.status, response.headers["X-Backend"])


async def test_all_origins_are_told_the_same(guarded, session, url):
    """With and without an origin, so that a cache may keep one answer for all."""
    seen = []
    for asked in ({}, {"Origin": APP}, {"Origin": EVIL}):
        async with session.get(url(guarded, "/open"), headers=asked) as response:
            seen.append((said(response.headers), varies(response.headers)))
    told = {"Access-Control-Allow-Origin": "*", "Access-Control-Expose-Headers": EXPOSED}
    assert [(told, {"Accept-Encoding"})] * 3 == seen


UPLOAD = b"POST /small HTTP/1.1\r\nHost: a.example\r\nOrigin: https://app.example\r\n"


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        pytest.param(UPLOAD + b"Content-Length: 9\r\n\r\n", b"413", id="a body that is announced too large"),
        pytest.param(
            UPLOAD + b"Transfer-Encoding: chunked\r\n\r\n9\r\n123456789\r\n",
            b"413",
            id="a body that comes too large with its head",
        ),
        pytest.param(
            UPLOAD + b"Content-Length: 1\r\nExpect: rain\r\n\r\n",
            b"417",
            id="an expectation of something else",
        ),
        pytest.param(
            b"GET /get HTTP/1.1\r\nHost: a\r\nOrigin: https://app.example\r\n\r\n", b"502", id="502"
        ),
        pytest.param(
            b"PATCH /get HTTP/1.1\r\nHost: a\r\nOrigin: https://app.example\r\n\r\n", b"405", id="405"
        ),
        pytest.param(
            b"GET /versioned HTTP/1.1\r\nHost: a\r\nOrigin: https://app.example\r\n\r\n", b"404", id="404"
        ),
    ],
)
async def test_our_own_refusals_can_be_read(serve, connect, sent, status):
    client = await connect(await serve(policies=ROUTES, defaults=f"cors: {WEB}"))
    await client.send(sent)
    head = await client.head()
    assert head.startswith(b"HTTP/1.1 %b " % status)
    assert 1 == head.count(b"\r\nAccess-Control-Allow-Origin: https://app.example\r\n")
    assert 1 == head.count(b"\r\nAccess-Control-Allow-Credentials: true\r\n")
    assert 1 == head.count(b"\r\nVary: Origin\r\n")


@pytest.mark.parametrize(
    ("cors", "mark"),
    [
        pytest.param(WEB, b"\r\nVary: Origin\r\n", id="some origins"),
        pytest.param(
            '{allow_origins: ["*"]}', b"\r\nAccess-Control-Allow-Origin: *\r\n", id="all origins may read it"
        ),
    ],
)
async def test_what_is_no_request_is_answered_as_what_no_route_takes(serve, connect, cors, mark):
    client = await connect(await serve(defaults=f"cors: {cors}"))
    await client.send(b"GET /../ HTTP/1.1\r\nHost: a\r\nOrigin: https://app.example\r\n\r\n")
    head = await client.head()
    assert head.startswith(b"HTTP/1.1 400 ")
    assert mark in head


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        pytest.param(b"Origin: %b\r\nOrigin: %b\r\n", b"400", id="two origins, one of them good"),
        pytest.param(
            b"Origin: %b\r\nConnection: Origin\r\n", b"405", id="an origin that is hidden in Connection"
        ),
        pytest.param(
            b"Origin: %b\r\nConnection: Access-Control-Request-Method\r\n", b"405", id="a method hidden alike"
        ),
    ],
)
async def test_preflight_with_a_trick_is_none(guarded, connect, sent, status):
    client = await connect(guarded)
    fields = sent.replace(b"%b", APP.encode())
    asking = b"OPTIONS /a HTTP/1.1\r\nHost: a\r\nAccess-Control-Request-Method: PUT\r\n"
    await client.send(asking + fields + b"\r\n")
    head = await client.head()
    assert head.startswith(b"HTTP/1.1 %b " % status)
    assert b"Access-Control-Allow-Methods" not in head


async def test_connection_goes_on_behind_a_preflight(guarded, connect):
    """Also behind one with a body, which is read and never forwarded."""
    client = await connect(guarded)
    asking = (
        b"OPTIONS /a HTTP/1.1\r\nHost: a\r\nOrigin: https://app.example\r\n"
        b"Access-Control-Request-Method: PUT\r\nContent-Length: 5\r\n\r\nhello"
    )
    for _ in range(3):
        await client.send(asking)
        assert (await client.head()).startswith(b"HTTP/1.1 204 ")


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        pytest.param(b"Origin: https://app.example\r\n", b"101", id="of an origin that may ask"),
        pytest.param(b"Origin: https://a.app.example\r\n", b"101", id="of one that a pattern holds"),
        pytest.param(b"", b"101", id="of a client that is no browser"),
        pytest.param(b"Origin: https://evil.example\r\n", b"403", id="of another origin"),
        pytest.param(b"Origin: null\r\n", b"403", id="of a hidden origin"),
    ],
)
async def test_handshake_is_let_through(serve, scripted, connect, fields, status):
    """Or refused, although the policy only omits permissions: a tunnel has no answer that could be hidden."""
    backend = await scripted()
    client = await connect(await serve(backend.url, policies=ROUTES))
    await client.send(
        b"GET /chat HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: bW91bnQga2lsaW1hbmphcg==\r\n" + fields + b"\r\n"
    )
    if status == b"101":
        stream, _ = await backend.requested()
        await stream.send(
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
        )
    assert (await client.head()).startswith(b"HTTP/1.1 %b " % status)
    assert (status == b"101") == bool(backend.taken)


async def test_policy_on_trial_leaves_the_backend_s_own(guarded, session, url):
    """Preflights reach it, and its permissions reach the browser, also those we would not give."""
    for method, asked in (("OPTIONS", preflight(EVIL, "PUT")), ("GET", {"Origin": EVIL})):
        async with session.request(method, url(guarded, "/trial"), headers=asked) as response:
            told = said(response.headers)
        assert (200, "asked") == (response.status, response.headers["X-Backend"])
        assert f"*, {EVIL}" == told["Access-Control-Allow-Origin"]
        assert {"Accept-Encoding"} == varies(response.headers)


# Beside aiohttp-cors.

ORIGINS = (APP, "https://app.example:8443", "http://app.example", EVIL, "null", "https://App.example")
METHODS = ("GET", "POST", "PUT", "DELETE")
# Without names of the safelist: aiohttp-cors wants those listed too, we grant them to whoever may ask.
FIELDS = ([], ["x-api"], ["X-API"], ["x-api", "x-other"], ["x-other", "authorization"])


@pytest.fixture
async def other():
    """A server that aiohttp-cors guards: its options for one origin, on GET, POST and PUT."""
    servers = []

    async def start(options: aiohttp_cors.ResourceOptions) -> str:
        application = web.Application()
        cors = aiohttp_cors.setup(application)
        resource = cors.add(application.router.add_resource("/a"))
        for method in ("GET", "POST", "PUT"):
            cors.add(resource.add_route(method, silent), {APP: options})
        runner = web.AppRunner(application, access_log=None, shutdown_timeout=0.1)
        servers.append(runner)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        return f"http://127.0.0.1:{runner.addresses[0][1]}/a"

    yield start
    for runner in servers:
        await runner.cleanup()


async def silent(request: web.Request) -> web.Response:
    return web.Response()


async def outcomes(session: ClientSession, url: str, browser, *, credentials: bool):
    """What a browser does after each preflight, and which answers it shows."""
    seen = {}
    for origin, method, names in product(ORIGINS, METHODS, FIELDS):
        asked = preflight(origin, method, ",".join(names) or None)
        async with session.options(url, headers=asked) as response:
            answer = response.status, [*response.headers.items()]
        sends = browser.sends(answer, origin, method, names, credentials=credentials)
        seen[origin, method, *names] = sends
    for origin in ORIGINS:
        async with session.get(url, headers={"Origin": origin}) as response:
            shown = browser.shows([*response.headers.items()], origin, credentials=credentials)
            exposed = {
                name.lower() for name in response.headers.get("Access-Control-Expose-Headers", "").split(", ")
            }
        seen[origin] = shown, "x-told" in exposed
    return seen


@pytest.mark.parametrize(
    ("fields", "credentials"),
    [
        pytest.param(["X-Api"], True, id="one field, with credentials"),
        pytest.param(["X-Other", "Authorization"], False, id="two fields, without"),
        pytest.param([], True, id="no field"),
    ],
)
async def test_browser_does_the_same_behind_aiohttp_cors(
    serve, backend, other, session, url, browser, fields, credentials
):
    """In all that both of them can say.

    They differ elsewhere: aiohttp-cors answers a granted preflight with 200 and a refused one with 403, wants
    the names of the safelist listed, echoes the origin where all are allowed, lets such a policy have
    credentials, knows no patterns of origins, and has no Vary.
    """
    options = aiohttp_cors.ResourceOptions(
        allow_credentials=credentials, allow_headers=fields, expose_headers=["X-Told"], max_age=600
    )
    policy = (
        f'cors: {{allow_origins: ["{APP}"], allow_methods: [PUT], allow_headers: [{", ".join(fields)}], '
        f"expose_headers: [X-Told], credentials: {str(credentials).lower()}, max_age: 10m}}"
    )
    routes = f"routes: [{{id: a, match: {{path: /a}}, auth: public, upstream: backend, {policy}}}]"
    gateway = await serve(await backend(silent), policies=routes)
    for mode in (False, True):
        ours = await outcomes(session, url(gateway, "/a"), browser, credentials=mode)
        theirs = await outcomes(session, await other(options), browser, credentials=mode)
        assert theirs == ours
        assert (credentials or not mode) is any(sends is True for sends in ours.values())
