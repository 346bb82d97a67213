"""Quotas as clients meet them: through one gateway, and through several that share a Redis."""

import asyncio
import re
import socket
import time
from collections import Counter

import pytest
from aiohttp import ClientSession, TCPConnector, web

from gateway.ports import LivePorts
from gateway.quota.keeper import BucketKeeper
from gateway.quota.memory import MemoryBuckets
from gateway.quota.shared import SharedBuckets

POLICIES = """
tiers:
  public: {limit: 60/1h, burst: 3}
  standard: {limit: 60/1h, burst: 2, key: principal}
  uploads: {concurrent: 1, key: principal}
  spot: {concurrent: 1}
routes:
  - {id: public, match: {path: /public}, upstream: backend, auth: public, quota: [public]}
  - {id: both, match: {path: /both}, upstream: backend, auth: public, quota: [public, standard]}
  - {id: trial, match: {path: /trial}, upstream: backend, auth: public, quota: [standard], report: [quota]}
  - {id: own, match: {path: /own}, auth: public, quota: [public], respond: {body: ours}}
  - {id: spot, match: {path: /spot}, upstream: backend, auth: public, quota: [spot], limits: {body: 1B}}
  - id: held
    match: {path: /held}
    upstream: backend
    auth: public
    quota: [uploads]
    upgrade: [websocket]
"""


async def answer(request):
    return web.Response(text="theirs", headers={"RateLimit": '"backend";r=7'})


@pytest.fixture(params=["one process", "several workers"])
async def ports(request):
    """The buckets of memory are here, or those of a supervisor: nobody can tell by any answer."""
    if request.param == "one process":
        yield LivePorts()
        return
    sock, other = socket.socketpair()
    keeper = BucketKeeper(MemoryBuckets(time.monotonic))
    keeper.serve(other)
    yield LivePorts(memory=SharedBuckets(sock, MemoryBuckets(time.monotonic), 10.0))
    keeper.close()


@pytest.fixture
async def asked(serve, backend, session, url):
    """Ask a gateway for a path; its URL of Redis and other keys of the store, if any, come first."""
    gateways = {}

    async def ask(path, *, store="", method="GET", **fields):
        if store not in gateways:
            more = f"quota_store: {{{store}}}\n" if store else ""
            gateways[store] = await serve(await backend(answer), policies=POLICIES, more=more)
        async with session.request(method, url(gateways[store], path), **fields) as response:
            await response.read()
            return response

    return ask


STORES = [
    pytest.param("", id="in memory"),
    pytest.param("redis: '{}', timeout: 2s, on_failure: deny", id="in Redis"),
]


@pytest.mark.parametrize("store", STORES)
async def test_a_client_is_told_and_then_refused(asked, redis, store):
    store = store.format(redis.url)
    responses = [await asked("/public", store=store) for _ in range(4)]
    assert [200, 200, 200, 429] == [response.status for response in responses]
    # The backend's own items stay in the list.
    assert ['"backend";r=7', '"public";r=2;t=60'] == responses[0].headers.getall("RateLimit")
    assert '"public";q=60;w=3600' == responses[0].headers["RateLimit-Policy"]
    refused = responses[3].headers
    wait = refused["Retry-After"]
    assert 50 <= int(wait) <= 60
    assert (f'"public";r=0;t={wait}', "no-store") == (refused["RateLimit"], refused["Cache-Control"])


@pytest.mark.parametrize("store", STORES)
async def test_a_refusal_says_which_quota(asked, redis, store):
    for _ in range(3):
        response = await asked("/both", store=store.format(redis.url))
    assert {
        "type": "https://iana.org/assignments/http-problem-types#quota-exceeded",
        "title": "Too Many Requests",
        "status": 429,
        "detail": "Too many requests: a quota is used up.",
        "reason": "quota_exceeded",
        "request_id": response.headers["X-Request-Id"],
        "violated-policies": ["standard"],
    } == await response.json(content_type="application/problem+json")
    (told,) = response.headers.getall("RateLimit")
    assert re.fullmatch(r'"standard";r=0;t=(60|5\d), "public";r=0;t=(60|5\d)', told)


async def test_a_head_and_an_answer_of_our_own_count_too(asked):
    statuses = [(await asked("/own", method=method)).status for method in ("GET", "HEAD", "GET", "HEAD")]
    assert [200, 200, 200, 429] == statuses


async def test_a_quota_on_trial_refuses_nobody(asked):
    responses = [await asked("/trial") for _ in range(5)]
    assert [(200, None)] * 5 == [(each.status, each.headers.get("Retry-After")) for each in responses]


@pytest.mark.parametrize("store", STORES)
async def test_who_is_refused_behind_a_quota_holds_no_place(asked, redis, store):
    store = store.format(redis.url)
    refused = [(await asked("/spot", store=store, method="POST", data=b"ab")).status for _ in range(3)]
    async with asyncio.timeout(5):
        # Redis hears of the end a moment later.
        while (await asked("/spot", store=store)).status != 200:
            pass
    assert 413 == refused[0]


async def test_nobody_gets_around_a_quota_by_what_he_says(asked):
    """Fields of forwarding are believed from nobody here, whatever they name."""
    spoofed = [{"X-Forwarded-For": f"198.51.100.{number}"} for number in range(4)]
    assert [200, 200, 200, 429] == [(await asked("/public", headers=each)).status for each in spoofed]


@pytest.mark.parametrize(
    ("on_failure", "statuses", "may_come_again"),
    [
        pytest.param("local", [200, 200, 200, 429], True, id="local"),
        pytest.param("allow", [200] * 4, False, id="allow"),
        pytest.param("deny", [503] * 4, True, id="deny"),
    ],
)
async def test_without_its_redis_a_gateway_goes_on(asked, tmp_path, on_failure, statuses, may_come_again):
    store = f"redis: 'unix://{tmp_path}/nothing', on_failure: {on_failure}"
    responses = [await asked("/public", store=store) for _ in range(4)]
    assert (statuses, may_come_again) == (
        [response.status for response in responses],
        "Retry-After" in responses[3].headers,
    )


REQUEST = b"GET /held HTTP/1.1\r\nHost: a\r\n\r\n"
HANDSHAKE = (
    b"GET /held HTTP/1.1\r\nHost: a\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: bW91bnQga2lsaW1hbmphcg==\r\n\r\n"
)
ACCEPTED = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"


@pytest.fixture
async def held(serve, scripted, connect, redis):
    """A gateway whose backend is a script: gives a way to a client of it, and the script."""

    async def make(store):
        script = await scripted()
        more = f"quota_store: {{{store.format(redis.url)}}}\n" if store else ""
        gateway = await serve(script.url, policies=POLICIES, more=more)

        async def status(request=REQUEST):
            stream = await connect(gateway)
            await stream.send(request)
            line = await stream.until(b"\r\n")
            stream.cut()
            return int(line.split()[1])

        return gateway, script, status

    return make


async def freed(script, status):
    """Ask until a place is free; the backend answers then."""
    while True:
        asking = asyncio.ensure_future(status())
        accepting = asyncio.ensure_future(script.requested())
        await asyncio.wait([asking, accepting], return_when=asyncio.FIRST_COMPLETED)
        if accepting.done():
            stream, _ = accepting.result()
            await stream.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 0\r\n\r\n")
            return await asking
        accepting.cancel()
        assert 429 == await asking


@pytest.mark.parametrize("store", STORES)
@pytest.mark.parametrize(
    "end",
    [
        pytest.param("answered", id="the answer is complete"),
        pytest.param("gone", id="the client goes away"),
        pytest.param("broken", id="the backend breaks off"),
    ],
)
async def test_a_place_is_held_until_the_request_is_over(held, connect, store, end):
    gateway, script, status = await held(store)
    client = await connect(gateway)
    await client.send(REQUEST)
    stream, _ = await script.requested()
    await stream.send(b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 9\r\n\r\nhalf")
    await client.until(b"half")
    assert 429 == await status()
    if end == "answered":
        await stream.send(b" done")
        await client.until(b" done")
    elif end == "gone":
        client.cut()
    else:
        stream.cut()
        await client.rest()
    async with asyncio.timeout(5):
        assert 200 == await freed(script, status)


@pytest.mark.parametrize("store", STORES)
async def test_a_websocket_holds_its_place_until_it_closes(held, connect, store):
    gateway, script, status = await held(store)
    client = await connect(gateway)
    await client.send(HANDSHAKE)
    stream, _ = await script.requested()
    await stream.send(ACCEPTED)
    assert b"101" in await client.head()
    assert [429, 429] == [await status(), await status(HANDSHAKE)]
    client.cut()
    async with asyncio.timeout(5):
        assert 200 == await freed(script, status)


CALLERS = 200
SECONDS = 3.0
RATE, BURST = 100, 50
SHARED = """
version: 1
listeners: [{address: "127.0.0.1:0"}]
admin: {address: "ADMIN"}
quota_store: {redis: "REDIS", timeout: 5s, on_failure: deny}
policies: [policies]
"""
ROUTES = f"""
tiers: {{shared: {{limit: {RATE}/1s, burst: {BURST}}}}}
routes: [{{id: a, match: {{path: /}}, auth: public, quota: [shared], respond: {{body: granted}}}}]
"""


@pytest.mark.long
async def test_gateways_that_share_a_redis_never_admit_more_than_one_would(processes, redis):
    """200 callers as fast as they can, over four processes. Most of what there is is granted, too."""
    gateways = await processes(4, SHARED.replace("REDIS", redis.url), ROUTES)
    statuses = Counter()
    begin = time.monotonic()

    async def call(session, url):
        while time.monotonic() < begin + SECONDS:
            async with session.get(url) as response:
                statuses[response.status] += 1

    async with ClientSession(connector=TCPConnector(limit=0)) as session:
        await asyncio.gather(*(call(session, gateways[number % 4]) for number in range(CALLERS)))
    passed = time.monotonic() - begin
    assert {200, 429} == statuses.keys()
    assert BURST + RATE * SECONDS * 0.5 < statuses[200] <= BURST + RATE * passed + 1


async def test_what_redis_is_asked_is_a_span_of_a_sampled_request(
    serve, backend, session, url, redis, collectors, monkeypatch
):
    """Without the user and the password of its URL, and only of the request that waits for the answer."""
    monkeypatch.setattr("gateway.telemetry.exporter._INTERVAL", 0.02)
    collector = collectors()
    more = f"""\
quota_store: {{redis: "{redis.url}", timeout: 2s}}
telemetry: {{traces: {{endpoint: "{collector.url}", sample: 100%}}}}
"""
    gateway = await serve(await backend(answer), policies=POLICIES, more=more)
    async with session.get(url(gateway, "/public")) as response:
        assert 200 == response.status
    server, *clients = await collector.took(3)
    (asked,) = [each for each in clients if each.name == "EVALSHA"]
    assert (server.span_id, "redis", "EVALSHA", False) == (
        *(asked.parent_id, asked["db.system.name"], asked["db.operation.name"], asked.failed),
    )
