"""CORS as a real browser judges it: Chromium fetches through the gateway from pages of two origins.

Nothing but loopback is reached. Where there is no Chromium these tests are skipped, and pytest says why.
"""

import pytest
from aiohttp import web
from playwright.async_api import Browser, Page

POLICY = """\
defaults: {{auth: public, upstream: backend, cors: web}}
cors:
  web:
    allow_origins: ["{page}"]
    allow_methods: [PUT]
    allow_headers: [Authorization, X-Api]
    expose_headers: [X-Told]
    credentials: true
routes:
  - {{id: items, match: {{path: /items, methods: [GET, POST, PUT, DELETE]}}, limits: {{body: 64B}}}}
  - {{id: chat, match: {{path: /chat}}, upgrade: [websocket]}}
"""
# What a script learns of an answer, or that there is none.
FETCH = """async ([url, options]) => {
    try {
        const answer = await fetch(url, options)
        const fields = ["X-Told", "X-Hidden", "X-Request-Id"].map(name => answer.headers.get(name) !== null)
        const body = await answer.text()
        return [answer.status, fields, answer.ok ? body : JSON.parse(body).reason]
    } catch (error) {
        return error.name
    }
}"""
SOCKET = """url => new Promise(resolve => {
    const socket = new WebSocket(url)
    socket.onmessage = message => resolve(message.data)
    socket.onerror = () => resolve("failed")
})"""
FAILED = "TypeError"
TOLD = [True, False, True]
OURS = [False, False, True]


class Site:
    """A gateway with POLICY at `url`, the pages that may and may not ask, and what reached the backend."""

    def __init__(self, browser: Browser, url: str, port: int, asked: list[str]) -> None:
        self.url = url
        self.asked = asked
        self._browser = browser
        self._port = port

    async def page(self, host: str) -> Page:
        """A page of the origin with this host; the policy allows the one of `localhost`."""
        context = await self._browser.new_context()
        page = await context.new_page()
        await page.goto(f"http://{host}:{self._port}/")
        return page


async def paper(request: web.Request) -> web.Response:
    return web.Response(text="<!doctype html><title>A page</title>", content_type="text/html")


@pytest.fixture
async def site(chromium, serve, backend):
    """Its backend has no OPTIONS and a CORS of its own, which would forbid everything."""
    asked = []

    async def items(request: web.Request) -> web.StreamResponse:
        asked.append(request.method)
        if request.path == "/chat":
            socket = web.WebSocketResponse()
            await socket.prepare(request)
            await socket.send_str("hello")
            await socket.close()
            return socket
        if request.method == "OPTIONS":
            return web.Response(status=405)
        fields = {"Access-Control-Allow-Origin": "https://nobody.example", "X-Told": "a", "X-Hidden": "b"}
        return web.Response(text=request.headers.get("Cookie", "no cookie"), headers=fields)

    pages = await backend(paper)
    port = int(pages.rpartition(":")[2])
    page = f"http://localhost:{port}"
    gateway = await serve(
        await backend(items),
        policies=POLICY.format(page=page),
        defaults=f'cors: {{allow_origins: ["{page}"]}}',
    )
    return Site(chromium, f"http://localhost:{gateway.listeners[0].address.port}", port, asked)


JSON = {"Content-Type": "application/json"}

# What a page asks for, what a script learns when the page may ask and when it may not, and what arrives.
FETCHED = {
    "a simple request": ("/items", {}, [200, TOLD, "no cookie"], FAILED, ["GET"], ["GET"]),
    "a form's POST": (
        *("/items", {"method": "POST", "body": "a"}),
        *([200, TOLD, "no cookie"], FAILED, ["POST"], ["POST"]),
    ),
    "JSON, after a preflight": (
        *("/items", {"method": "POST", "body": "{}", "headers": JSON}),
        *([200, TOLD, "no cookie"], FAILED, ["POST"], []),
    ),
    "a method that is allowed": (
        *("/items", {"method": "PUT", "body": "{}", "headers": {"Authorization": "Bearer x", "X-Api": "2"}}),
        *([200, TOLD, "no cookie"], FAILED, ["PUT"], []),
    ),
    "a method that is not": ("/items", {"method": "DELETE"}, FAILED, FAILED, [], []),
    "a field that is not": ("/items", {"headers": {"X-Other": "1"}}, FAILED, FAILED, [], []),
    "a refusal of ours: 404": ("/nowhere", {}, [404, OURS, "no_route"], FAILED, [], []),
    "a refusal of ours: 413": (
        *("/items", {"method": "PUT", "headers": {"X-Api": "2"}, "body": "x" * 65}),
        *([413, OURS, "body_too_large"], FAILED, [], []),
    ),
    "cookies": ("/items", {"credentials": "include"}, [200, TOLD, "session=7"], FAILED, ["GET"], ["GET"]),
}


async def fetched(site: Site, page: Page) -> tuple[dict[str, object], dict[str, list[str]]]:
    """What a script of a page learns of each request, and what of it arrives at the backend."""
    await page.evaluate("document.cookie = 'session=7'")
    learned, arrived = {}, {}
    for what, (path, options, *_) in FETCHED.items():
        site.asked.clear()
        learned[what] = await page.evaluate(FETCH, [site.url + path, {"credentials": "omit"} | options])
        arrived[what] = site.asked.copy()
    return learned, arrived


async def test_page_that_may_ask_reads_what_is_allowed(site):
    """Preflights never reach the backend; a request that one refused is never sent."""
    learned, arrived = await fetched(site, await site.page("localhost"))
    assert {what: row[2] for what, row in FETCHED.items()} == learned
    assert {what: row[4] for what, row in FETCHED.items()} == arrived


async def test_page_that_may_not_ask_reads_nothing(site):
    """And sends nothing but what a form could send."""
    learned, arrived = await fetched(site, await site.page("127.0.0.1"))
    assert {what: row[3] for what, row in FETCHED.items()} == learned
    assert {what: row[5] for what, row in FETCHED.items()} == arrived


@pytest.mark.parametrize(
    ("host", "heard", "arrived"),
    [
        pytest.param("localhost", "hello", ["GET"], id="of an origin that may ask"),
        pytest.param("127.0.0.1", "failed", [], id="of another one"),
    ],
)
async def test_web_socket_is_opened(site, host, heard, arrived):
    page = await site.page(host)
    assert heard == await page.evaluate(SOCKET, site.url.replace("http:", "ws:") + "/chat")
    assert arrived == site.asked
