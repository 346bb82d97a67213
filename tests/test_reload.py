"""Another configuration for a running gateway is taken whole, or not at all."""

import asyncio
import re
from functools import partial

import pytest
from aiohttp import ClientSession, web

from gateway.app import Gateway
from gateway.config.load import load_snapshot
from gateway.ports import LivePorts

GET = b"GET /%b HTTP/1.1\r\nHost: a.example\r\n\r\n"
CONFIG = """\
version: 1
admin: {{address: "127.0.0.1:0", token: {token}}}
listeners: [{{address: "{address}", trusted_proxies: [{trusted}]}}]
limits: {{request_line: {line}}}
telemetry: {{access_log: {{format: none}}}}
upstreams: {{backend: {{endpoints: ["{backend}"], timeouts: {{response: {response}}}}}}}
policies: [policies]
defaults: {{headers: {{preset: none, set: {{X-Policy: {mark}}}}}}}
"""
ROUTES = "routes:\n  - {{id: all, match: {{path: '/{{rest...}}'}}, upstream: backend, auth: {auth}}}\n"
USUAL = {
    "token": "secret",
    "address": "127.0.0.1:0",
    "trusted": "",
    "line": "8KiB",
    "response": "30s",
    "mark": "old",
    "auth": "public",
}


@pytest.fixture
async def files(tmp_path, backend):
    """Write the files of a configuration, which differ from the usual ones in what is given."""
    (tmp_path / "policies").mkdir()

    async def hello(request):
        return web.Response(text="hello")

    url = await backend(hello)

    def write(**words):
        words = {**USUAL, "backend": getattr(url, "url", url), **words}
        (tmp_path / "gateway.yaml").write_text(CONFIG.format(**words))
        (tmp_path / "policies" / "all.yaml").write_text(ROUTES.format(**words))
        return tmp_path / "gateway.yaml"

    return write


@pytest.fixture
async def gateway(files):
    """A gateway that reads its files anew when it is asked to."""
    load = partial(load_snapshot, files(), {})
    ports = LivePorts()
    gateway = Gateway(load(ports), ports, load)
    await gateway.start()
    yield gateway
    await gateway.stop()


async def asked(stream, path=b""):
    await stream.send(GET % path)
    head = await stream.head()
    length = int(re.search(rb"Content-Length: (\d+)", head)[1])
    await stream.exactly(length)
    mark = re.search(rb"X-Policy: (\w+)", head)
    return int(head[9:12]), mark and mark[1]


async def test_a_kept_connection_has_the_new_policy_with_its_next_request(gateway, files, connect):
    client = await connect(gateway)
    assert (200, b"old") == await asked(client)
    files(mark="new")
    outcome = await gateway.reloading.reload()
    assert (True, ()) == (outcome.is_new, outcome.problems)
    assert (200, b"new") == await asked(client)
    assert (200, b"new") == await asked(await connect(gateway))
    assert outcome.version == gateway.snapshot.version == gateway.reloading.version


async def test_the_log_names_the_configuration_that_serves(gateway, files, connect):
    client = await connect(gateway)
    before = gateway.snapshot.version
    await asked(client)
    files(mark="new")
    outcome = await gateway.reloading.reload()
    await asked(client)
    versions = [told["config_version"] for told in gateway.decisions.newest(2)]
    assert [outcome.version, before] == versions


@pytest.mark.parametrize(
    ("words", "path", "status"),
    [
        pytest.param({"line": "32B"}, b"a" * 40, 414, id="a limit"),
        pytest.param({"auth": "nobody"}, b"", 200, id="a configuration that does not load changes nothing"),
    ],
)
async def test_a_kept_connection_has_the_new_limits_too(gateway, files, connect, words, path, status):
    client = await connect(gateway)
    assert (200, b"old") == await asked(client)
    files(**words)
    await gateway.reloading.reload()
    assert status == (await asked(client, path))[0]


async def test_what_has_begun_keeps_its_configuration(gateway, files, connect, scripted):
    slow = await scripted()
    files(backend=slow.url)
    await gateway.reloading.reload()
    client = await connect(gateway)
    await client.send(GET % b"")
    stream, _ = await slow.requested()
    files(mark="new")
    assert (await gateway.reloading.reload()).is_new
    await stream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok")
    assert b"X-Policy: old" in await client.until(b"\r\n\r\nok")
    assert (200, b"new") == await asked(client)


async def test_what_is_wrong_is_told_with_its_place_and_changes_nothing(gateway, files, connect, caplog):
    version = gateway.snapshot.version
    files(auth="nobody")
    outcome = await gateway.reloading.reload()
    assert (version, False) == (outcome.version, outcome.is_new)
    assert 1 == len(outcome.problems)
    assert re.search(r"policies/all\.yaml:2:\d+: routes\[0\]\.auth: expected", outcome.problems[0])
    assert outcome.problems[0] in caplog.text
    reloads = gateway.gauges.reloads
    assert (1, 1, False) == (reloads.succeeded, reloads.failed, reloads.is_successful)
    assert outcome.problems == gateway.reloading.problems
    files(mark="new")
    assert (await gateway.reloading.reload()).is_new
    assert () == gateway.reloading.problems
    assert (2, 1, True) == (reloads.succeeded, reloads.failed, reloads.is_successful)


@pytest.mark.parametrize(
    ("words", "named"),
    [
        pytest.param({"address": "127.0.0.2:0"}, "listeners", id="where it listens"),
    ],
)
async def test_what_only_a_new_start_can_change_is_refused_whole(gateway, files, connect, words, named):
    files(mark="new", **words)
    outcome = await gateway.reloading.reload()
    assert (False, 1) == (outcome.is_new, len(outcome.problems))
    assert named in outcome.problems[0]
    assert (200, b"old") == await asked(await connect(gateway))


async def test_files_that_say_the_same_change_nothing(gateway, files):
    upstream = gateway.upstreams["backend"]
    outcome = await gateway.reloading.reload()
    assert (False, ()) == (outcome.is_new, outcome.problems)
    assert upstream is gateway.upstreams["backend"]


async def test_an_upstream_that_is_said_as_before_keeps_its_connections(gateway, files, connect):
    client = await connect(gateway)
    await asked(client)
    upstream = gateway.upstreams["backend"]
    files(mark="new")
    await gateway.reloading.reload()
    await asked(client)
    assert upstream is gateway.upstreams["backend"]
    assert 1 == upstream.endpoints[0].pool.open


async def test_an_upstream_that_is_said_otherwise_closes_its_idle_connections(gateway, files, connect):
    client = await connect(gateway)
    await asked(client)
    before = gateway.upstreams["backend"]
    files(response="7s")
    await gateway.reloading.reload()
    assert before is not gateway.upstreams["backend"]
    assert before.endpoints[0].pool.closed
    assert (200, b"old") == await asked(client)


async def test_counters_go_on(gateway, files, connect):
    client = await connect(gateway)
    await asked(client)
    files(mark="new")
    await gateway.reloading.reload()
    await asked(client)
    [tally] = [tally for tally in gateway.books.routes.values() if tally.route == "all"]
    assert 2 == sum(tally.requests.values())


async def test_two_at_a_time_are_taken_one_after_the_other(gateway, files):
    files(mark="new")
    outcomes = await asyncio.gather(*(gateway.reloading.reload() for _ in range(3)))
    assert [True, False, False] == sorted((outcome.is_new for outcome in outcomes), reverse=True)


async def test_the_admin_listener_reloads_for_whoever_shows_the_token(gateway, files):
    url = f"http://{gateway.admin.address}/reload"
    shown = {"Authorization": "Bearer secret"}
    files(mark="new")
    async with ClientSession() as session:
        async with session.post(url, headers={"X-Gateway-Admin": "1"}) as response:
            assert 401 == response.status
        async with session.post(url, headers=shown) as response:
            assert 403 == response.status, "a form of another site could send this"
        async with session.get(url, headers=shown) as response:
            assert 405 == response.status
        async with session.post(url, headers={"X-Gateway-Admin": "1", **shown}) as response:
            assert (200, True) == (response.status, (await response.json())["is_new"])
        files(auth="nobody")
        async with session.post(url, headers={"X-Gateway-Admin": "1", **shown}) as response:
            assert 422 == response.status
            assert 1 == len((await response.json())["problems"])
        files(token="another")
        async with session.post(url, headers={"X-Gateway-Admin": "1", **shown}) as response:
            assert 200 == response.status
        async with session.post(url, headers={"X-Gateway-Admin": "1", **shown}) as response:
            assert 401 == response.status


async def test_a_gateway_that_watches_takes_what_is_written(files, tmp_path, monkeypatch):
    monkeypatch.setattr("gateway.lookout.LOOKED_AT_EVERY", 0.01)
    path = files()
    path.write_text(path.read_text() + "watch: true\n")
    load, ports = partial(load_snapshot, path, {}), LivePorts()
    gateway = Gateway(load(ports), ports, load)
    await gateway.start()
    try:
        (tmp_path / "policies" / "more.yaml").write_text("roles: {nobody: {permissions: []}}\n")
        async with asyncio.timeout(5):
            while gateway.gauges.reloads.succeeded < 2:  # noqa: ASYNC110 - nobody tells of it in this process.
                await asyncio.sleep(0)
    finally:
        await gateway.stop()
