"""The console as operators have it: real Chromium on the admin listener of a real process with real traffic.

Tests have the page's time pass faster than ours. Whatever the browser complains of fails them.
"""

import asyncio
import json
import re
import signal
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any, final

import pytest
from aiohttp import ClientSession, web
from playwright.async_api import Browser, Page, Request

PATIENCE = 20.0
CONFIG = """\
version: 1
listeners: [{{address: "127.0.0.1:0"}}]
admin: {{address: "127.0.0.1:0"{token}}}
telemetry: {{access_log: {{format: none}}}}
upstreams:
  backend: {{endpoints: ["{backend}"]}}
  gone: {{endpoints: ["http://127.0.0.1:1"]}}
issuers: {{idp: {{issuer: "https://id.example", audience: [api], algorithms: [ES256], keys: [{jwk}]}}}}
policies: [policies]
"""
ROUTES = """\
tiers: {few: {limit: 3/1h, burst: 3, key: address}}
roles: {teacher: {permissions: [courses:read]}}
defaults: {auth: public}
routes:
  - {id: hello, match: {path: /hello}, upstream: backend}
  - {id: broken, match: {path: /broken}, upstream: gone}
  - {id: scarce, match: {path: /scarce}, respond: {status: 204}, quota: [few]}
  - {id: kept, match: {path: "/kept/{rest...}"}, upstream: backend, auth: idp, allow: {roles: [teacher]}}
  - {id: odd, match: {path: "/it's&amp;odd"}, respond: {status: 204}}
"""
TOKEN = "operators-only"
# Tells of everything that the page's policy has kept from it.
VIOLATIONS = """
addEventListener("securitypolicyviolation", event => console.error("violation " + event.violatedDirective))
"""


@final
class Console:
    """A console in a browser: the page, the process, its two addresses, what was asked, what went wrong."""

    def __init__(self, page: Page, gateway: Any, url: str, admin: str, session: ClientSession) -> None:
        self.page = page
        self.gateway = gateway
        self.url = url
        self.admin = admin
        self.asked: list[Request] = []
        self.complaints: list[str] = []
        self._session = session
        page.on("request", lambda request: self.asked.append(request))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("console", lambda said: self.complaints.append(said.text))
        page.on("dialog", lambda dialog: self.complaints.append(f"dialog {dialog.message}"))

    async def open(self) -> None:
        """Open the page, with a clock that can be put forward."""
        await self.page.clock.install()
        await self.page.add_init_script(VIOLATIONS)
        await self.page.goto(self.admin)

    async def text(self, place: str) -> str:
        """What can be read at a place."""
        return await self.page.locator(place).inner_text()

    async def shows(self, place: str, text: str) -> str:
        """Let time pass until a place says something; gives all that it says."""
        async with asyncio.timeout(PATIENCE):
            while text not in (said := await self.text(place)):
                await self.page.clock.run_for(250)
        return said

    async def rows(self, body: str) -> list[list[str]]:
        """The texts of the cells of a table."""
        rows = await self.page.locator(f"{body} tr").all()
        return [await row.locator("th, td").all_inner_texts() for row in rows]

    async def get(self, path: str, times: int = 1, **fields: str) -> str:
        """Ask the gateway, as a client; gives the last request's id."""
        headers = {name.replace("_", "-"): value for name, value in fields.items()}
        request_id = ""
        for _ in range(times):
            async with self._session.get(self.url + path, headers=headers) as response:
                request_id = response.headers["X-Request-Id"]
        return request_id

    async def tell(self, path: str, question: object = None) -> Any:
        """Ask the admin listener, as a program; gives JSON, or the text of another type."""
        method, headers = ("GET", {}) if question is None else ("POST", {"X-Gateway-Admin": "1"})
        async with self._session.request(
            method, self.admin + path, json=question, headers=headers
        ) as response:
            return await (response.json() if "json" in response.content_type else response.text())


@pytest.fixture
async def console(
    chromium: Browser, program, backend, session, signer, tmp_path
) -> Callable[..., Awaitable[Console]]:
    """Start a gateway, with a token if need be, and a browser that has not opened its console yet."""

    async def hello(request: web.Request) -> web.Response:
        return web.Response(text="hello")

    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "all.yaml").write_text(ROUTES)
    settings = {"backend": await backend(hello), "jwk": json.dumps(signer().jwk)}

    async def start(token: str = "", **context: Any) -> Console:
        named = f", token: {token}" if token else ""
        (tmp_path / "gateway.yaml").write_text(CONFIG.format(token=named, **settings))
        gateway = await program("run", "--config", tmp_path / "gateway.yaml")
        place = re.search(r"127\.0\.0\.1:\d+", await gateway.said("listening on "))[0]
        admin = re.search(r"127\.0\.0\.1:\d+", await gateway.said("admin on "))[0]
        window = {"viewport": {"width": 1440, "height": 900}} | context
        page = await (await chromium.new_context(**window)).new_page()
        return Console(page, gateway, f"http://{place}", f"http://{admin}/", session)

    return start


@pytest.fixture
async def opened(console) -> AsyncIterator[Console]:
    """A console that is open and live, without a token. The browser must have nothing to complain of."""
    made = await console()
    await made.open()
    await made.shows("#status", "live")
    yield made
    assert [] == made.complaints


async def test_traffic_is_told_as_the_metrics_page_counts_it(opened):
    for path, times in (("/hello", 6), ("/broken", 2), ("/scarce", 5), ("/kept/a", 4), ("/nowhere", 1)):
        await opened.get(path, times)
    await opened.shows("#routes", "_unmatched")
    shares = {row[0]: (row[1], row[4], row[5]) for row in await opened.rows("#routes")}
    assert {
        "hello": ("/hello", "0", "0"),
        "broken": ("/broken", "0", "100 %"),
        "scarce": ("/scarce", "40 %", "0"),
        "kept": ("/kept/{rest...}", "100 %", "0"),
        "_unmatched": ("", "100 %", "0"),
    } == shares
    assert ["_unmatched", "broken", "hello", "kept", "scarce"] == sorted(shares)
    page = await opened.tell("metrics")
    for reason, by, route, now, ever in await opened.rows("#reasons"):
        labels = f'mode="enforce",policy="{by}",reason="{reason}",route="{route}"'
        assert f"gateway_decisions_total{{{labels}}} {float(ever)}\n" in page
        assert now == ever
    assert 4 == len(await opened.rows("#reasons"))
    assert [["few", "2", "2"]] == await opened.rows("#tiers")
    assert [
        [upstream["name"], each["address"], each["state"], str(each["failures"])]
        for upstream in await opened.tell("upstreams")
        for each in upstream["endpoints"]
    ] == [row[:4] for row in await opened.rows("#endpoints")]
    assert "1 of 1" == await opened.text("#workers")
    assert f'gateway_config_info{{version="{await opened.text("#version")}"}} 1.0' in page
    assert 2 + 2 + 4 + 1 == len(await opened.rows("#refused"))


COMPUTED = """async ([before, after, seconds]) => {
    const { History, Reading, quantile, total } = await import("/console/metrics.js")
    const history = new History()
    history.add(new Reading(before, 100))
    history.add(new Reading(after, 100 + seconds))
    const told = history.histograms("gateway_request_duration_seconds_bucket", "route").get("hello")
    return [total(history.growth("gateway_requests_total")) / history.seconds,
            [0.5, 0.9, 0.99, 1].map(share => quantile(share, told)),
            quantile(0.5, history.histograms("gateway_overhead_seconds_bucket", "route").get("hello"))]
}"""
PAGE = """\
process_start_time_seconds 1.5e+09
gateway_requests_total{{method="GET",operation="",route="hello",status="200",upstream="b"}} {requests}
gateway_requests_total{{method="GET",operation="a\\"}} \\\\ \\n",route="odd",status="200",upstream="b"}} 7.0
gateway_request_duration_seconds_bucket{{le="0.005",route="hello",upstream="b"}} {buckets[0]}
gateway_request_duration_seconds_bucket{{le="0.01",route="hello",upstream="b"}} {buckets[1]}
gateway_request_duration_seconds_bucket{{le="10.0",route="hello",upstream="b"}} {buckets[2]}
gateway_request_duration_seconds_bucket{{le="+Inf",route="hello",upstream="b"}} {buckets[3]}
"""


# What was counted below 5 ms, 10 ms, 10 s and in all, and its quantiles 0.5, 0.9, 0.99 and 1.
QUANTILES = {
    (10, 10, 10, 10): [0.0025, 0.0045, 0.00495, 0.005],
    (0, 10, 10, 10): [0.0075, 0.0095, 0.00995, 0.01],
    (5, 5, 10, 10): [0.005, 8.002, 9.8002, 10],
    (0, 0, 0, 10): [10, 10, 10, 10],
    (0, 0, 0, 0): [None] * 4,
}


@pytest.mark.long
async def test_rates_and_quantiles_are_those_of_prometheus(opened):
    """`rate` and `histogram_quantile` of what was counted between two pages; what is not there is nothing."""
    before = PAGE.format(requests=5.0, buckets=(3, 4, 5, 6))
    for counted, expected in QUANTILES.items():
        buckets = [more + each for more, each in zip(counted, (3, 4, 5, 6), strict=True)]
        after = PAGE.format(requests=25.0, buckets=buckets)
        rate, quantiles, nothing = await opened.page.evaluate(COMPUTED, [before, after, 4])
        assert (5.0, None) == (rate, nothing)
        assert expected == [each if each is None else pytest.approx(each) for each in quantiles], counted


async def test_a_typed_request_is_explained(opened):
    """Step by step as `POST /explain` tells it, with the line of YAML behind each."""
    page = opened.page
    await page.fill("#url", "/kept/a?b=c")
    await page.fill("#fields", "Accept: text/plain\nX-Twice: 1\nX-Twice: 2")
    await page.fill("#principal", "thandi:teacher")
    await page.fill("#client", "198.51.100.7")
    await page.click("#question button")
    assert "passed to backend" == await opened.shows("#verdict", "passed")
    told = await opened.tell(
        "explain",
        {
            "method": "GET",
            "url": "/kept/a?b=c",
            "fields": {"Accept": "text/plain", "X-Twice": ["1", "2"]},
            "principal": {"subject": "thandi", "roles": ["teacher"]},
            "client": "198.51.100.7",
        },
    )
    assert [
        [step["step"], step["verdict"], step["reason"] or "", step["source"] or "", step["note"] or ""]
        for step in told["steps"]
    ] == await opened.rows("#steps")
    assert "all.yaml:8" in await opened.text("#gist")
    await page.click("summary >> text=What the service gets")
    got = await opened.text("#more details[open] pre")
    assert {"GET /kept/a?b=c HTTP/1.1", "X-Twice: 2", "X-Auth-Subject: thandi"} <= set(got.splitlines())


@pytest.mark.long
async def test_what_is_no_question_is_not_asked(opened):
    await opened.page.fill("#url", "/hello")
    for fields in ("no field", ": no name"):
        await opened.page.fill("#fields", fields)
        await opened.page.click("#question button")
        await opened.shows("#verdict", f"It could not be explained: expected “Name: value”, got {fields}")
    assert not [request for request in opened.asked if request.method == "POST"]


@pytest.mark.long
async def test_a_refused_request_is_explained_by_its_id(opened):
    request_id = await opened.get("/kept/a")
    await opened.shows("#refused", "no_credentials")
    await opened.page.click("#refused button")
    assert "refused with 401 for no_credentials by auth" in await opened.shows("#verdict", "refused")
    told = await opened.tell(f"explain?request_id={request_id}")
    assert [
        [step["step"], step["verdict"], step["reason"] or "", step["source"] or "", ""]
        for step in told["steps"]
    ] == await opened.rows("#steps")
    assert "answer" == await opened.page.evaluate("document.activeElement.id")


@pytest.mark.long
async def test_a_reload_tells_every_problem(opened, tmp_path):
    page, before = opened.page, await opened.text("#version")
    await page.click("#reload")
    assert f"{before} serves on: nothing has changed." == await opened.shows("#reload-said", "serves")
    policies = tmp_path / "policies" / "all.yaml"
    policies.write_text(ROUTES.replace("3/1h", "many").replace("auth: public", "auth: nobody"))
    await page.click("#reload")
    assert f"Not taken, for 2 problems. {before} serves on." == await opened.shows("#reload-said", "Not")
    problems = (await opened.text("#problems")).splitlines()
    assert [1, 3] == [int(re.search(r"policies/all\.yaml:(\d+):\d+: ", problem)[1]) for problem in problems]
    assert "was not taken" in await opened.shows("#given", "not")
    policies.write_text(ROUTES.replace("id: odd", "id: even"))
    await page.click("#reload")
    said = await opened.shows("#reload-said", "serves now")
    assert await opened.shows("#version", said[:12]) != before
    await page.check("#quiet")
    await opened.shows("#routes", "even")
    assert not await page.is_visible("#problems")
    # A refused load is an answer that browsers write down.
    opened.complaints[:] = [said for said in opened.complaints if "422" not in said]


async def test_the_token_is_asked_for_and_kept_nowhere(console):
    made = await console(TOKEN)
    page = made.page
    await made.open()
    await made.shows("#status", "token needed")
    assert not await page.is_visible("#figures")
    await page.fill("#token", "not-it")
    await page.keyboard.press("Enter")
    assert "This is not the token" in await made.shows("#access-error", "not")
    asked = len(made.asked)
    await page.clock.run_for(120_000)
    assert asked == len(made.asked), "it goes on guessing"
    await page.fill("#token", TOKEN)
    await page.keyboard.press("Enter")
    await made.shows("#status", "live")
    assert "hello" not in await made.text("#routes")
    assert [0, 0, ""] == await page.evaluate("[localStorage.length, sessionStorage.length, document.cookie]")
    assert "" == await page.input_value("#token")
    assert not any(TOKEN in request.url for request in made.asked)
    last = await made.asked[-1].all_headers()
    assert f"Bearer {TOKEN}" == last["authorization"]
    assert not [said for said in made.complaints if "401" not in said]
    await page.reload()
    await made.shows("#status", "token needed")


HOSTILE = "\"'><script>alert(1)</script><img src=x onerror=alert(1)>\u202e{{7*7}}"


async def test_what_others_said_stays_text(opened, signer):
    """Of a path, a query, a principal, a user agent, a route, and what is typed."""
    claims = {"iss": "https://id.example", "aud": "api", "sub": HOSTILE, "exp": 4_000_000_000}
    token = signer().token(claims).decode()
    path = "/kept/%3Cscript%3Ealert(1)%3C/script%3E'&%E2%80%AE?%22%3E%3Cscript%3E=<b>"
    await opened.get(path, Authorization=f"Bearer {token}", User_Agent=HOSTILE)
    await opened.shows("#refused", "missing_role")
    await opened.page.click("#refused button")
    await opened.shows("#verdict", "missing_role")
    await opened.page.click("summary >> text=record")
    seen = HOSTILE.replace("\u202e", "\\u{202e}")
    assert seen in await opened.text("#refused")
    record = await opened.text("#more details[open] pre")
    assert f"principal: {seen}" in record
    assert f"user_agent: {seen}" in record
    await opened.page.check("#quiet")
    assert "/it's&amp;odd" in await opened.shows("#routes", "odd")
    for url, place in (("/kept/a", "#steps"), (f"/{HOSTILE}", "#gist")):
        typed = {"#url": url, "#principal": HOSTILE, "#fields": f"X-Name: {HOSTILE}", "#body": HOSTILE}
        for field, text in typed.items():
            await opened.page.fill(field, text)
        await opened.page.click("#question button")
        await opened.shows(place, seen)
    tags = "['script', 'img', 'iframe', 'object', 'b'].map(tag => document.querySelectorAll(tag).length)"
    assert [1, 1, 0, 0, 0] == await opened.page.evaluate(tags)
    assert "\u202e" not in await opened.page.evaluate("document.body.textContent")


@pytest.mark.long
async def test_a_script_that_gets_in_does_not_run(opened):
    """Were a text ever made markup: the browser throws, and what stands inline is not run."""
    thrown = await opened.page.evaluate(
        "() => { try { document.body.innerHTML = '<b>a</b>' } catch (error) { return error.name } }"
    )
    assert "TypeError" == thrown
    run = """() => {
        const made = document.createElement("button")
        made.setAttribute("onclick", "window.taken = 1")
        document.body.append(made)
        made.click()
        return window.taken
    }"""
    with pytest.raises(Exception, match="TrustedScript"):
        await opened.page.evaluate(run)
    assert len(opened.complaints) >= 2
    opened.complaints.clear()


@pytest.mark.long
async def test_a_keyboard_is_enough(opened):
    """To get to the form, fill it, ask, and go on; what has the focus can be seen."""
    page, visited = opened.page, []
    shown = """() => {
        const { id, tagName } = document.activeElement
        const { outlineStyle, outlineWidth } = getComputedStyle(document.activeElement)
        return [id || tagName, outlineStyle !== "none" && outlineWidth !== "0px"]
    }"""

    async def step(*keys: str) -> str:
        for key in keys:
            await page.keyboard.press(key)
        place, is_seen = await page.evaluate(shown)
        visited.append(place)
        assert is_seen or place in ("explain", "BODY"), place
        return place

    await step("Tab")
    await step("Tab")
    assert "explain" == await step("Enter")
    typed = {"method": "", "url": "/kept/a", "fields": "", "principal": "thandi:teacher"}
    for place, text in typed.items():
        assert place == await step("Tab")
        await page.keyboard.type(text)
    assert ["bearer", "client", "body"] == [await step("Tab") for _ in range(3)]
    assert "BUTTON" == await step("Tab")
    await page.keyboard.press("Enter")
    assert "passed to backend" == await opened.shows("#verdict", "passed")
    while (place := await step("Tab")) != "BODY":
        assert len(visited) < 60, "there is no way out"
    assert {"request-id", "steps-box", "SUMMARY"} <= set(visited)


# Of each text, by what it stands on: the contrast that WCAG 2.2 asks of it (1.4.3, AA) is 4.5.
CONTRASTS = """() => {
    const channel = value => value <= 0.03928 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4
    const light = colour => {
        const [red, green, blue] = colour.match(/[0-9.]+/g).map(Number)
        return 0.2126 * channel(red / 255) + 0.7152 * channel(green / 255) + 0.0722 * channel(blue / 255)
    }
    const behind = element => {
        const colour = getComputedStyle(element).backgroundColor
        return colour === "rgba(0, 0, 0, 0)" ? behind(element.parentElement) : colour
    }
    const hasText = ({ childNodes }) => [...childNodes].some(node => node.nodeType === 3 && node.data.trim())
    const seen = [...document.querySelectorAll("main *, header *")].filter(each => each.checkVisibility())
    return seen.filter(hasText).map(element => {
        const colours = [getComputedStyle(element).color, behind(element)]
        const [one, other] = colours.map(light).sort((a, b) => b - a)
        return [(one + 0.05) / (other + 0.05), element.className + " " + element.textContent.slice(0, 30)]
    }).sort((one, other) => one[0] - other[0])[0]
}"""


@pytest.mark.long
@pytest.mark.parametrize("scheme", ["light", "dark"])
async def test_it_can_be_read_and_fits_a_phone(console, scheme):
    made = await console(viewport={"width": 360, "height": 740}, color_scheme=scheme, reduced_motion="reduce")
    await made.open()
    await made.get("/kept/a", 3)
    await made.get("/broken", 2)
    await made.shows("#refused", "no_credentials")
    await made.page.click("#refused button")
    await made.shows("#verdict", "refused")
    contrast, text = await made.page.evaluate(CONTRASTS)
    assert contrast >= 4.5, text
    width, motion, dark = await made.page.evaluate("""[
        document.documentElement.scrollWidth,
        getComputedStyle(document.documentElement).scrollBehavior,
        getComputedStyle(document.body).backgroundColor,
    ]""")
    assert (360, "auto") == (width, motion)
    assert (scheme == "dark") == (dark == "rgb(15, 20, 25)")
    assert [] == made.complaints


@pytest.mark.long
async def test_it_says_that_nobody_answers_and_goes_on_asking(opened):
    page, rounds = opened.page, lambda: sum(request.url.endswith("/metrics") for request in opened.asked)
    await page.route("**/metrics", lambda route: route.fulfill(status=503, json={"detail": "Too many ask."}))
    await opened.shows("#status", "503 Too many ask.; the figures are old; trying again")
    before, began = rounds(), await page.evaluate("performance.now()")
    async with asyncio.timeout(PATIENCE):
        while rounds() < before + 4:
            await page.clock.run_for(1000)
    # A failed round is followed by another after four seconds at least.
    assert (await page.evaluate("performance.now()") - began) / 4000 >= 3
    await page.unroute("**/metrics")
    assert "live" == await opened.shows("#status", "live")
    opened.gateway.signal(signal.SIGKILL)
    await opened.gateway.ended()
    await opened.shows("#status", "nobody answers; the figures are old; trying again")
    assert await page.is_visible("#routes")
    opened.complaints[:] = [said for said in opened.complaints if "Failed to load resource" not in said]


@pytest.mark.long
async def test_nobody_is_asked_while_nobody_looks(opened):
    page, rounds = opened.page, lambda: sum(request.url.endswith("/metrics") for request in opened.asked)
    look = """is_hidden => {
        Object.defineProperty(document, "hidden", { configurable: true, get: () => is_hidden })
        document.dispatchEvent(new Event("visibilitychange"))
    }"""
    await page.evaluate(look, True)
    before = rounds()
    await page.clock.run_for(60_000)
    assert before == rounds()
    await page.evaluate(look, False)
    await opened.get("/hello")
    await opened.shows("#routes", "hello")
