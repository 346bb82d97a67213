"""The admin listener: who may ask what, over a real socket."""

import asyncio
import json
import re
import socket
from dataclasses import replace
from pathlib import Path

import pytest
from aiohttp import ClientSession, UnixConnector

from gateway.admin import answers, site
from gateway.explain.curl import curl

MANUAL = (Path(__file__).parents[2] / "docs" / "admin.md").read_text()
TOKEN = "test-token"
CONSOLE = "https://console.example"
ROUTES = """\
defaults: {auth: public}
routes:
  - {id: all, match: {path: "/{rest...}"}, upstream: backend}
  - {id: kept, match: {path: /kept, methods: [GET, PUT]}, upstream: backend, clients: {deny: [192.0.2.0/24]}}
  - {id: moved, match: {path: /moved}, redirect: {to: /kept}}
  - {id: said, match: {path: /said}, respond: {status: 204}}
"""


@pytest.fixture
def ask(session):
    """Ask a gateway's admin listener; gives status, fields and text."""

    async def ask(gateway, path, method="GET", **fields):
        names = {name.replace("_", "-"): value for name, value in fields.items()}
        async with session.request(
            method, f"http://{gateway.admin.address}{path}", headers=names
        ) as response:
            return response.status, response.headers, await response.text()

    return ask


@pytest.fixture
def administered(serve):
    """A gateway whose admin listener has the given settings beside its address."""
    return lambda admin="": serve(policies=ROUTES, admin=f'address: "127.0.0.1:0", {admin}')


@pytest.mark.parametrize(
    ("draining", "path", "expected"),
    [
        pytest.param(False, "/livez", (200, "ok\n"), id="it is alive"),
        pytest.param(False, "/readyz", (200, "ready\n"), id="it is ready"),
        pytest.param(True, "/livez", (200, "ok\n"), id="it is alive while it drains"),
        pytest.param(True, "/readyz", (503, "draining\n"), id="but not ready"),
    ],
)
async def test_probes_are_answered(administered, ask, draining, path, expected):
    """Without the token, where there is one: a probe has none."""
    gateway = await administered(f"token: {TOKEN}")
    gateway.proxy.draining = draining
    status, _, text = await ask(gateway, path)
    assert expected == (status, text)


async def test_routes_are_told(administered, ask):
    """In the order of the files, with the line that made each."""
    status, fields, text = await ask(await administered(), "/routes")
    told = json.loads(text)
    assert (200, "application/json") == (status, fields["Content-Type"])
    every = ["limits", "csrf"]
    assert [
        ("all", [], "/{rest...}", "backend", every),
        ("kept", ["GET", "PUT"], "/kept", "backend", ["clients", *every]),
        ("moved", [], "/moved", "redirect 308", every),
        ("said", [], "/said", "respond 204", every),
    ] == [
        (route["id"], route["methods"], route["path"], route["target"], route["policies"]) for route in told
    ]
    assert [3, 4, 5, 6] == [int(route["source"].rpartition(":")[2]) for route in told]


async def test_upstreams_tell_what_they_are_doing(serve, scripted, connect, ask):
    backend = await scripted()
    gateway = await serve(backend.url, upstream="pool: {max_connections: 1}")
    await (await connect(gateway)).send(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
    await backend.requested()
    _, _, text = await ask(gateway, "/upstreams")
    endpoint = {
        "address": backend.url.removeprefix("http://"),
        "state": "up",
        "failures": 0,
        "addresses": [],
        "pending": 1,
        "connections": 1,
        "idle": 0,
        "waiting": 0,
    }
    assert [{"name": "backend", "endpoints": [endpoint]}] == json.loads(text)


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        pytest.param({"Authorization": f"Bearer {TOKEN}"}, 200, id="the token"),
        pytest.param({}, 401, id="nothing"),
        pytest.param({"Authorization": "Bearer other"}, 401, id="another token"),
        pytest.param({"Authorization": f"Bearer {TOKEN}x"}, 401, id="more than the token"),
        pytest.param({"Authorization": f"Bearer {TOKEN[:-1]}"}, 401, id="less than the token"),
        pytest.param({"Authorization": f"Basic {TOKEN}"}, 401, id="another scheme"),
        pytest.param({"Authorization": TOKEN}, 401, id="no scheme"),
        pytest.param({"Authorization": "Bearer \u00fc"}, 401, id="a letter of more than one byte"),
    ],
)
@pytest.mark.parametrize("path", ["/routes", "/upstreams", "/metrics", "/config", "/log-level", "/nowhere"])
async def test_all_but_probes_needs_the_token(administered, ask, path, fields, status):
    """What does not exist is not told apart either."""
    got, told, _ = await ask(await administered(f"token: {TOKEN}"), path, **fields)
    assert (404 if (status, path) == (200, "/nowhere") else status) == got
    assert ("Bearer" if status == 401 else None) == told.get("WWW-Authenticate")


async def test_token_that_is_no_text_is_refused(administered):
    """A field may hold any byte; the answer is the same."""
    address = (await administered(f"token: {TOKEN}")).admin.address
    reader, writer = await asyncio.open_connection(address.host, address.port)
    writer.write(b"GET /routes HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer \xff\r\n\r\n")
    async with asyncio.timeout(5):
        answer = await reader.readuntil(b"\r\n")
    writer.close()
    assert b"HTTP/1.1 401 Unauthorized\r\n" == answer


@pytest.mark.parametrize(
    ("host", "status"),
    [
        pytest.param("localhost", 200, id="localhost"),
        pytest.param("LOCALHOST:9901", 200, id="in capitals, with a port"),
        pytest.param("127.0.0.1:9901", 200, id="its own address"),
        pytest.param("127.0.0.9", 200, id="any loopback address"),
        pytest.param("[::1]:9901", 200, id="that of IPv6"),
        pytest.param("[::1]", 200, id="without a port"),
        pytest.param("evil.example", 421, id="a name that was bound to this address"),
        pytest.param("localhost.evil.example", 421, id="a name that begins like ours"),
        pytest.param("127.0.0.1.evil.example", 421, id="or like an address"),
        pytest.param("192.0.2.1", 421, id="an address that is not ours"),
    ],
)
@pytest.mark.parametrize("path", ["/livez", "/routes"])
async def test_host_is_its_own_name_or_loopback(administered, ask, path, host, status):
    """A page of another site that has its name point here still says that name (DNS rebinding)."""
    assert status == (await ask(await administered(), path, Host=host))[0]


@pytest.mark.parametrize(
    ("host", "status"),
    [
        pytest.param("172.20.0.5:9901", 200, id="an address"),
        pytest.param("gateway:9901", 421, id="a name"),
    ],
)
async def test_who_listens_on_every_address_is_asked_by_address(serve, ask, host, status):
    """So does a scraper that found it in DNS; the name that it had found is any name."""
    gateway = await serve(policies=ROUTES, admin=f'address: "0.0.0.0:0", token: {TOKEN}')
    assert status == (await ask(gateway, "/routes", Host=host, Authorization=f"Bearer {TOKEN}"))[0]


@pytest.mark.parametrize(
    ("method", "fields", "status"),
    [
        pytest.param("POST", {}, 403, id="as a form could send it"),
        pytest.param("POST", {"X_Gateway_Admin": "0"}, 403, id="with another value"),
        pytest.param("DELETE", {}, 403, id="any other method"),
        pytest.param("POST", {"X_Gateway_Admin": "1"}, 405, id="with the field: there is nothing to change"),
        pytest.param("HEAD", {}, 200, id="what changes nothing needs no field"),
    ],
)
async def test_what_changes_something_needs_a_field_that_no_form_can_send(
    administered, ask, method, fields, status
):
    assert status == (await ask(await administered(), "/routes", method, **fields))[0]


@pytest.mark.parametrize(
    ("origin", "allowed"),
    [
        pytest.param(CONSOLE, CONSOLE, id="a console elsewhere"),
        pytest.param("https://evil.example", None, id="any other page"),
    ],
)
async def test_other_origins_read_only_if_they_are_named(administered, ask, origin, allowed):
    gateway = await administered(f'cors: {{allow_origins: ["{CONSOLE}"]}}')
    _, fields, _ = await ask(gateway, "/routes", Origin=origin)
    assert allowed == fields.get("Access-Control-Allow-Origin")


@pytest.mark.parametrize(
    ("origin", "status"),
    [
        pytest.param(CONSOLE, 200, id="a console elsewhere"),
        pytest.param("https://evil.example", 403, id="any other page"),
    ],
)
@pytest.mark.parametrize("path", ["/routes", "/config", "/explain", "/log-level"])
async def test_preflight_needs_no_token(administered, ask, path, origin, status):
    """It can carry none; what it allows is the question with the token."""
    gateway = await administered(f'token: {TOKEN}, cors: {{allow_origins: ["{CONSOLE}"]}}')
    asked = {"Access_Control_Request_Method": "GET", "Access_Control_Request_Headers": "authorization"}
    got, fields, _ = await ask(gateway, path, "OPTIONS", Origin=origin, **asked)
    assert status == got
    assert (status == 200) == ("AUTHORIZATION" in fields.get("Access-Control-Allow-Headers", "").upper())


@pytest.mark.parametrize(
    ("method", "path", "fields", "status"),
    [
        pytest.param("GET", "/livez", {}, 200, id="a probe's"),
        pytest.param("GET", "/routes", {"Authorization": f"Bearer {TOKEN}"}, 200, id="an operator's"),
        pytest.param("GET", "/routes", {}, 401, id="without the token"),
        pytest.param("GET", "/livez", {"Host": "evil.example"}, 421, id="to another name"),
        pytest.param("POST", "/livez", {}, 403, id="as a form could send it"),
        pytest.param("POST", "/livez", {"X_Gateway_Admin": "1"}, 405, id="to a method that is none"),
    ],
)
async def test_answers_are_neither_kept_nor_guessed_at(administered, ask, method, path, fields, status):
    """Nor do they tell what they were written with."""
    got, told, _ = await ask(await administered(f"token: {TOKEN}"), path, method, **fields)
    assert (status, "no-store", "nosniff") == (got, told["Cache-Control"], told["X-Content-Type-Options"])
    assert "aiohttp" not in told["Server"]


@pytest.mark.parametrize("path", ["/reload", "/explain", "/log-level"])
async def test_other_origins_do_no_more_than_read(administered, ask, path):
    """Also those that are named: neither is a preflight granted, nor is an answer theirs to see."""
    gateway = await administered(f'cors: {{allow_origins: ["{CONSOLE}"]}}')
    asked = {"Access_Control_Request_Method": "POST", "Access_Control_Request_Headers": "x-gateway-admin"}
    status, fields, _ = await ask(gateway, path, "OPTIONS", Origin=CONSOLE, **asked)
    assert (True, None) == (status >= 400, fields.get("Access-Control-Allow-Methods"))
    _, fields, _ = await ask(gateway, path, "POST", Origin=CONSOLE, X_Gateway_Admin="1")
    assert "Access-Control-Allow-Origin" not in fields


async def test_unix_socket_is_asked_by_any_name(serve, tmp_path):
    """Who may open the file is decided by the file."""
    path = str(tmp_path / "admin.sock")
    gateway = await serve(admin=f"address: unix:{path}")
    assert path == gateway.admin.address.unix
    async with (
        ClientSession(connector=UnixConnector(path)) as session,
        session.get("http://any.example/routes") as response,
    ):
        assert 200 == response.status


async def test_taken_port_is_an_error(serve):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        with pytest.raises(OSError, match="address already in use"):
            await serve(admin=f'address: "127.0.0.1:{port}"')


@pytest.mark.parametrize(
    ("accept", "media_type"),
    [
        pytest.param("", "text/plain; version=0.0.4; charset=utf-8", id="text"),
        pytest.param(
            "application/openmetrics-text; version=9.9.9; escaping=values, text/plain;q=0.5",
            "application/openmetrics-text; version=1.0.0; charset=utf-8",
            id="OpenMetrics, in the version that we speak",
        ),
    ],
)
@pytest.mark.parametrize("method", ["GET", "HEAD"])
async def test_metrics_are_told_in_the_format_that_is_asked_for(
    administered, ask, accept, media_type, method
):
    status, fields, text = await ask(await administered(), "/metrics", method, Accept=accept)
    assert (200, media_type, "no-store") == (status, fields["Content-Type"], fields["Cache-Control"])
    assert int(fields["Content-Length"]) > 1000
    assert ("gateway_requests_total" in text) == (method == "GET")


async def test_whoever_reads_nothing_holds_nothing_but_his_connection(
    administered, ask, dial, monkeypatch, until
):
    """And that not for long: others are answered meanwhile, and it is cut."""
    monkeypatch.setattr(answers, "WRITING_AT_MOST", 0.5)
    gateway = await administered()
    # More than all buffers between the two hold.
    route = gateway.snapshot.routes[0]
    gateway.books.bind(replace(route, id=f"{'r' * 200}-{number}") for number in range(1500))
    stalled = [await dial(gateway.admin.address.port) for _ in range(3)]
    for client in stalled:
        client.pause()
        await client.send(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
    await until(lambda: gateway.admin._pages == 3)
    assert 200 == (await ask(gateway, "/livez"))[0]
    assert 200 == (await ask(gateway, "/metrics"))[0]
    await until(lambda: gateway.admin._pages == 0)
    for client in stalled:
        client.resume()
        head, _, part = (await client.rest()).partition(b"\r\n\r\n")
        assert len(part) < int(head.lower().partition(b"content-length: ")[2].split()[0])


async def test_more_pages_than_a_few_are_not_written_at_a_time(administered, ask, monkeypatch):
    monkeypatch.setattr(site, "_PAGES_AT_MOST", 0)
    gateway = await administered()
    assert [503, 200] == [(await ask(gateway, path))[0] for path in ("/metrics", "/routes")]


async def test_a_stop_waits_for_nobody_who_reads_nothing(administered, dial, until, monkeypatch):
    monkeypatch.setattr(site, "_SHUTDOWN_AT_MOST", 0.1)
    gateway = await administered()
    gateway.books.bind(
        replace(gateway.snapshot.routes[0], id=f"{'r' * 200}-{number}") for number in range(1500)
    )
    client = await dial(gateway.admin.address.port)
    client.pause()
    await client.send(b"GET /metrics HTTP/1.1\r\nHost: localhost\r\n\r\n")
    await until(lambda: gateway.admin._pages == 1)
    async with asyncio.timeout(3):
        await gateway.admin.stop()


DECIDED = """\
defaults: {auth: public}
routes:
  - {id: kept, match: {path: /kept}, clients: {deny: [192.0.2.0/24]}, respond: {body: kept}}
  - {id: closed, match: {path: /closed}, clients: {deny: [127.0.0.0/8]}, respond: {status: 204}}
"""


@pytest.fixture
def decided(serve, session, url):
    """A gateway that was asked for these paths; gives it and the ids of the requests."""

    async def ask(*paths, **settings):
        gateway = await serve(policies=DECIDED, **settings)
        ids = []
        for path in paths:
            async with session.get(url(gateway, path)) as response:
                ids.append(response.headers["X-Request-Id"])
        return gateway, ids

    return ask


async def test_a_decision_is_told_by_the_id_that_the_client_got(decided, ask):
    gateway, (kept, closed) = await decided("/kept", "/closed")
    status, fields, text = await ask(gateway, f"/decisions?request_id={closed}")
    told = json.loads(text)
    assert (200, "application/json") == (status, fields["Content-Type"])
    assert (closed, "/closed", 403, "closed", "refused", "clients", "address_denied") == tuple(
        told[name] for name in ("request_id", "path", "status", "route", "decision", "policy", "reason")
    )
    assert [("clients", "refused"), ("limits", "not_asked"), ("csrf", "not_asked")] == [
        (policy["name"], policy["verdict"]) for policy in told["policies"]
    ]
    assert told["source"] == told["policies"][0]["source"]
    assert told["source"].endswith("routes.yaml:4")
    told = json.loads((await ask(gateway, f"/decisions?request_id={kept}"))[2])
    assert ["passed"] * 3 == [policy["verdict"] for policy in told["policies"]]


async def test_the_last_decisions_are_told(decided, ask):
    gateway, ids = await decided(*["/kept"] * 25)
    told = json.loads((await ask(gateway, "/decisions"))[2])
    assert ids[:-21:-1] == [one["request_id"] for one in told]
    told = json.loads((await ask(gateway, "/decisions?limit=3"))[2])
    assert ids[:-4:-1] == [one["request_id"] for one in told]


@pytest.mark.parametrize(
    ("query", "status"),
    [
        pytest.param("request_id=" + "0" * 32, 404, id="one that is not remembered"),
        pytest.param("request_id=", 400, id="no id"),
        pytest.param("request_id=abc", 400, id="a short one"),
        pytest.param("request_id=" + "G" * 32, 400, id="other digits"),
        pytest.param("request_id=" + "0" * 32 + "%0a", 400, id="one with more behind it"),
        pytest.param("limit=0", 400, id="none"),
        pytest.param("limit=201", 400, id="too many"),
        pytest.param("limit=-1", 400, id="less than none"),
        pytest.param("limit=%D9%A3", 400, id="a digit of another script"),
        pytest.param("limit=", 400, id="no number"),
        pytest.param("limit=200", 200, id="as many as may be asked for"),
    ],
)
async def test_a_question_that_is_none_is_refused(decided, ask, query, status):
    gateway, _ = await decided("/kept")
    got, fields, text = await ask(gateway, f"/decisions?{query}")
    assert (status, "application/json") == (got, fields["Content-Type"].partition(";")[0])
    assert "GGG" not in text


async def test_decisions_need_the_token(decided, ask):
    gateway, (kept,) = await decided("/kept", admin=f'address: "127.0.0.1:0", token: {TOKEN}')
    path = f"/decisions?request_id={kept}"
    assert 401 == (await ask(gateway, path))[0]
    assert 200 == (await ask(gateway, path, Authorization=f"Bearer {TOKEN}"))[0]


async def test_without_a_record_there_is_nothing_to_ask(decided, ask):
    """No line is made then either."""
    gateway, (kept,) = await decided("/kept", more="telemetry: {access_log: {format: none}, decisions: 0}\n")
    assert 404 == (await ask(gateway, f"/decisions?request_id={kept}"))[0]
    assert () == gateway.books.followers == gateway.books.unreadable_followers


async def test_the_manual_has_every_path(administered):
    """And no other, but for the files of a page, which nobody asks for by hand."""
    gateway = await administered()
    routes = gateway.admin._runner.app.router.routes()
    served = {f"{route.method} {route.resource.canonical}" for route in routes if route.resource}
    asked = {each for each in served if each.startswith(("GET ", "POST ")) and "." not in each}
    assert asked == set(re.findall(r"^## `([A-Z]+ /\S*)`$", MANUAL, re.MULTILINE))


EXAMPLES = [
    line.replace("\\\n", " ").replace("$GATEWAY_ADMIN_TOKEN", TOKEN)
    for block in re.findall(r"^```sh\n(.*?)^```$", MANUAL, re.MULTILINE | re.DOTALL)
    for line in re.findall(r"^(curl(?:.*\\\n)*.*)$", block, re.MULTILINE)
]


@pytest.mark.parametrize("example", EXAMPLES)
async def test_the_examples_of_the_manual_are_answered(administered, session, example):
    """As they stand there, up to the id of a request that nobody remembers, and a gateway without files."""
    gateway = await administered(f"token: {TOKEN}")
    asked = curl(example)
    url = asked.url.replace("127.0.0.1:9901", str(gateway.admin.address))
    async with session.request(asked.method, url, headers=dict(asked.fields), data=asked.body) as response:
        text = await response.text()
        expected = 404 if "request_id" in example else 422 if "/reload" in example else 200
        assert (expected, True) == (response.status, "request is remembered" in text or expected != 404)


def test_the_manual_has_an_example_of_every_path():
    paths = re.findall(r"^## `[A-Z]+ (/\S*)`$", MANUAL, re.MULTILINE)
    assert len(paths) == len(EXAMPLES)
    assert all(path in example for path, example in zip(paths, EXAMPLES, strict=True))
