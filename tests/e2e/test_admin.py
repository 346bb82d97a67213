"""Whoever runs the gateway asks it about itself: a real process, and real commands beside it."""

import asyncio
import json
import re
from signal import SIGTERM

import pytest
from aiohttp import ClientSession, UnixConnector

GATEWAY = """\
version: 1
listeners: [{{address: "127.0.0.1:0"}}]
admin: {{address: "unix:{folder}/admin.sock", token: "${{env:ADMIN_TOKEN:-s3cr3t-token}}"}}
upstreams: {{backend: {{endpoints: ["http://127.0.0.1:1"]}}}}
telemetry: {{access_log: {{format: none}}, decisions: {decisions}}}
policies: [policies]
"""
ROUTES = """\
defaults: {upstream: backend, auth: public}
routes:
  - {id: open, match: {path: /open}, respond: {body: hello}}
  - {id: closed, match: {path: /closed}, clients: {deny: [127.0.0.0/8]}}
  - {id: secretive, match: {path: /secretive}, request_headers: {set: {X-Key: s3cr3t-key}}}
"""
FIELDS = {"Authorization": "Bearer s3cr3t-token", "X-Gateway-Admin": "1"}


@pytest.fixture
def config(tmp_path):
    """Writes a configuration and gives its path."""

    def write(decisions=100):
        (tmp_path / "policies").mkdir()
        (tmp_path / "policies" / "routes.yaml").write_text(ROUTES)
        path = tmp_path / "gateway.yaml"
        path.write_text(GATEWAY.format(folder=tmp_path, decisions=decisions))
        return path

    return write


@pytest.fixture
def gateway(program, config):
    """A gateway in a process of its own; gives it, its configuration and its port."""

    async def start(**settings):
        path = config(**settings)
        running = await program("run", "--config", path)
        line = await running.said("listening on ")
        await running.said("admin on ")
        return running, path, int(re.search(r"127\.0\.0\.1:(\d+)", line)[1])

    return start


@pytest.fixture
def requested(session):
    """Send a request to the gateway; gives the id that its client got."""

    async def send(port, path):
        async with session.get(f"http://127.0.0.1:{port}{path}") as response:
            return response.headers["X-Request-Id"]

    return send


@pytest.fixture
async def ask(tmp_path):
    """Ask the admin listener on its socket; gives the status and what the JSON says."""
    async with ClientSession(connector=UnixConnector(str(tmp_path / "admin.sock"))) as session:

        async def ask(method, path, said=None):
            url = f"http://gateway{path}"
            async with session.request(method, url, headers=FIELDS, json=said) as response:
                return response.status, await response.json()

        yield ask


async def test_a_request_that_was_refused_is_explained_by_its_id(program, gateway, requested):
    """The command finds the gateway by its configuration, and ends as the request did."""
    _, path, port = await gateway()
    closed, opened = await requested(port, "/closed"), await requested(port, "/open")
    told = await program("explain", "--request-id", closed, "--config", path)
    status, out, err = await told.ended()
    assert (1, "") == (status, err)
    assert (
        f"Refused: 403 address_denied by clients at {path.parent}/policies/routes.yaml:4" in out.splitlines()
    )
    assert "  clients: {deny: [127.0.0.0/8]}" in out.splitlines()
    told = await program("explain", "--request-id", opened, "--config", path, "--format", "json")
    status, out, _ = await told.ended()
    assert (0, "answered", opened) == (
        *(status, json.loads(out)["verdict"]),
        json.loads(out)["request"]["request_id"],
    )


@pytest.mark.parametrize(
    ("decisions", "message"),
    [
        pytest.param(7, "No such request is remembered: only the last 7 are.", id="it is not remembered"),
        pytest.param(0, "Nothing is remembered here: telemetry.decisions is 0.", id="nothing is"),
    ],
)
async def test_what_is_not_remembered_is_one_line(program, gateway, decisions, message):
    _, path, _ = await gateway(decisions=decisions)
    told = await program("explain", "--request-id", "0" * 32, "--config", path)
    assert (2, "", f"gateway: {message}\n") == await told.ended()


async def test_nobody_who_answers_is_one_line(program, config):
    told = await program("explain", "--request-id", "0" * 32, "--config", config())
    status, out, err = await told.ended()
    assert (2, "", 1) == (status, out, err.count("\n"))
    assert err.startswith("gateway: no answer from the admin listener unix:")


async def test_what_serves_answers_whatever_the_files_say(gateway, ask):
    _, path, _ = await gateway()
    question = {"url": "/closed", "client": "127.0.0.1"}
    (path.parent / "policies" / "routes.yaml").write_text("routes: [")
    status, told = await ask("POST", "/explain", question)
    assert (200, "address_denied") == (status, told["reason"])
    assert (200, told["config_version"]) == _version(await ask("GET", "/config"))


def _version(answer):
    status, told = answer
    return status, told["version"]


async def test_no_secret_leaves(gateway, ask, requested):
    _, _, port = await gateway()
    request_id = await requested(port, "/secretive")
    answers = [
        await ask("GET", "/config"),
        await ask("POST", "/explain", {"url": "/secretive"}),
        await ask("GET", f"/explain?request_id={request_id}"),
        await ask("POST", "/explain", {"url": "/secretive", "listener": 9}),
    ]
    assert [200, 200, 200, 422] == [status for status, _ in answers]
    assert "s3cr3t" not in json.dumps(answers)


async def test_the_log_tells_more_at_once_and_says_why(gateway, ask):
    running, _, _ = await gateway()
    assert (200, {"level": "debug", "configured": "info"}) == await ask(
        "POST", "/log-level", {"level": "debug"}
    )
    assert (await running.said("the log tells from debug on, no longer from info")).count("\n") == 1
    running.signal(SIGTERM)
    assert 0 == (await running.ended())[0]


async def test_a_question_keeps_no_request_waiting_and_the_gateway_from_no_end(gateway, ask, requested):
    """Many at once; then it stops as ever."""
    running, _, port = await gateway()
    questions = [asyncio.create_task(ask("POST", "/explain", {"url": "/open"})) for _ in range(20)]
    for _ in range(20):
        await requested(port, "/open")
    statuses = {status for status, _ in await asyncio.gather(*questions)}
    assert 200 in statuses
    assert statuses <= {200, 503}
    running.signal(SIGTERM)
    status, _, err = await running.ended()
    assert (0, "stopped") == (status, running.messages(err)[-1])
