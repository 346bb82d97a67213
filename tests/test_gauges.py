"""What the running parts are like: each number on the metrics page of a real gateway."""

import asyncio
import platform
import socket
from datetime import datetime
from textwrap import dedent

import pytest
from aiohttp import web
from cryptography.x509 import load_pem_x509_certificate

from gateway import __version__, build
from gateway.gauges import Reloads
from gateway.policy.bucket import Charge
from gateway.policy.tier import rate
from gateway.quota.memory import MemoryBuckets
from gateway.quota.shared import SharedBuckets

GET = b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"


async def test_an_endpoint_tells_of_its_connections_and_its_requests(serve, scripted, connect, scrape):
    backend = await scripted()
    gateway = await serve(backend.url, upstream="pool: {max_connections: 1}")
    endpoint = {"upstream": "backend", "endpoint": backend.url.removeprefix("http://")}
    first, second = await connect(gateway), await connect(gateway)
    await first.send(GET)
    behind, _ = await backend.requested()
    await second.send(GET)
    await asyncio.sleep(0.05)
    found = await scrape(gateway)
    assert {
        "endpoint_up": 1,
        "endpoint_ejected": 0,
        "ejections_total": 0,
        "pending_requests": 2,
        "connections_limit": 1,
        "waiting_requests": 1,
    } == {
        name: found.value(f"gateway_upstream_{name}", **endpoint)
        for name in (
            *("endpoint_up", "endpoint_ejected", "ejections_total", "pending_requests"),
            *("connections_limit", "waiting_requests"),
        )
    }
    states = ("idle", "busy")
    connections = [found.value("gateway_upstream_connections", **endpoint, state=each) for each in states]
    assert [0, 1] == connections
    assert (2, 2) == (
        found.value("gateway_client_connections"),
        found.value("gateway_requests_in_flight"),
    )
    for client in (first, second):
        await behind.send(b"HTTP/1.1 204 No Content\r\n\r\n")
        await client.head()
    found = await scrape(gateway)
    connections = [found.value("gateway_upstream_connections", **endpoint, state=each) for each in states]
    assert [1, 0] == connections
    assert 0 == found.value("gateway_requests_in_flight")


async def test_an_endpoint_that_is_left_out_is_not_up(serve, connect, scrape):
    gateway = await serve("http://127.0.0.1:1", upstream="outlier: {failures: 1, eject: 10s}")
    client = await connect(gateway)
    await client.send(GET)
    await client.head()
    found = await scrape(gateway)
    endpoint = {"upstream": "backend", "endpoint": "127.0.0.1:1"}
    assert [0, 1, 1] == [
        found.value(f"gateway_upstream_{name}", **endpoint)
        for name in ("endpoint_up", "endpoint_ejected", "ejections_total")
    ]
    assert 1 == found.value("gateway_upstream_failures_total", upstream="backend", reason="upstream_refused")


async def test_an_address_that_stands_there_twice_is_one_endpoint(serve, scrape):
    text = """\
    version: 1
    admin: {address: "127.0.0.1:0"}
    listeners: [{address: "127.0.0.1:0"}]
    upstreams:
      backend: {endpoints: ["http://127.0.0.1:1", "http://127.0.0.1:1"], pool: {max_connections: 5}}
    policies: [policies]
    """
    found = await scrape(await serve(gateway=dedent(text)))
    endpoint = {"upstream": "backend", "endpoint": "127.0.0.1:1"}
    assert (1, 10) == (
        found.value("gateway_upstream_endpoint_up", **endpoint),
        found.value("gateway_upstream_connections_limit", **endpoint),
    )


async def test_memory_is_a_store_that_is_always_up(serve, connect, scrape):
    gateway = await serve(
        policies="""\
        routes: [{id: a, match: {path: "/"}, respond: {status: 204}, auth: public, quota: [some]}]
        tiers: {some: {limit: 100/1h, key: address}}
        """
    )
    await (client := await connect(gateway)).send(GET)
    await client.head()
    found = await scrape(gateway)
    assert (1, 0, 1) == (
        found.value("gateway_quota_store_up", store="memory"),
        found.value("gateway_quota_store_local"),
        found.value("gateway_quota_buckets"),
    )
    assert "redis" not in {each.labels.get("store") for each in found.samples}


async def test_memory_that_a_supervisor_keeps_is_a_store_that_may_be_down(serve, scrape, until, ports):
    sock, keeper = socket.socketpair()
    ports.memory = SharedBuckets(sock, MemoryBuckets(ports.monotonic))
    gateway = await serve()
    seen = []
    for _ in range(2):
        found = await scrape(gateway)
        seen.append(
            (
                found.value("gateway_quota_store_up", store="memory"),
                found.value("gateway_quota_store_local"),
                found.value("gateway_quota_store_failures_total"),
            )
        )
        keeper.close()
        await until(lambda: not ports.memory.is_up)
        ports.memory.take_one(Charge(rate("some", 1, 60.0), 1, str), "a")
    assert [(1, 0, 0), (0, 1, 1)] == seen


async def test_a_store_that_is_down_is_told_with_what_stands_in_for_it(serve, connect, scrape, until, ports):
    gateway = await serve(
        more='quota_store: {redis: "redis://127.0.0.1:1"}',
        policies="""\
        routes: [{id: a, match: {path: "/"}, respond: {status: 204}, auth: public, quota: [some]}]
        tiers: {some: {limit: 100/1h, key: address}}
        """,
    )
    await (client := await connect(gateway)).send(GET)
    assert (await client.head()).startswith(b"HTTP/1.1 204 ")
    (store,) = ports.shared.values()
    await until(lambda: not store.is_up)
    found = await scrape(gateway)
    assert (0, 1) == (
        found.value("gateway_quota_store_up", store="redis"),
        found.value("gateway_quota_store_local"),
    )
    calls = found.value("gateway_quota_store_calls_total")
    assert calls == found.value("gateway_quota_store_failures_total")
    assert calls == found.value("gateway_quota_store_duration_seconds_count")


async def test_keys_are_told_by_their_issuer(serve, backend, connect, scrape, until, signer, ports):
    async def publish(request):
        return web.json_response({"keys": [signer().jwk]})

    url = await backend(publish)
    gateway = await serve(
        policies='routes: [{id: a, match: {path: "/"}, respond: {status: 204}, auth: main}]',
        more=f"""\
        issuers:
          main: {{issuer: "https://id.example", jwks: "{url}/jwks", audience: [api]}}
        """,
    )
    (keys,) = ports.issuers.values()
    await until(lambda: keys.is_loaded)
    issuer = {"issuer": "https://id.example"}
    found = await scrape(gateway)
    assert [1, 1, 0, 0] == [
        found.value("gateway_keys_loaded", **issuer),
        found.value("gateway_keys_fetches_total", **issuer, result="success"),
        found.value("gateway_keys_fetches_total", **issuer, result="failure"),
        found.value("gateway_keys_unknown_total", **issuer),
    ]
    at = found.value("gateway_keys_last_success_timestamp_seconds", **issuer)
    assert abs(at - ports.wall()) < 60


async def test_certificates_tell_when_they_expire(serve, authority, scrape):
    text = f"""\
version: 1
admin: {{address: "127.0.0.1:0"}}
listeners: [{{address: "127.0.0.1:0", tls: {{certificates: [{{{authority.yaml("a.test", "b.test")}}}]}}}}]
policies: [policies]
"""
    routes = 'routes: [{id: all, match: {path: "/{rest...}"}, respond: {status: 204}, auth: public}]'
    gateway = await serve(gateway=text, policies=routes)
    leaf = load_pem_x509_certificate(authority.issued("a.test").read_bytes())
    found = await scrape(gateway)
    expires = found.value(
        "gateway_certificate_expiry_timestamp_seconds", use="listener", certificate="a.test"
    )
    assert leaf.not_valid_after_utc == datetime.fromtimestamp(expires, leaf.not_valid_after_utc.tzinfo)


@pytest.mark.parametrize(
    ("sent", "cause"),
    [
        pytest.param(GET, "plain_http", id="plain HTTP"),
        pytest.param(b"\x00" * 100, "other", id="neither HTTP nor TLS"),
    ],
)
async def test_handshakes_that_fail_are_counted_by_our_words_for_it(
    serve, authority, connect, scrape, until, sent, cause
):
    text = f"""\
version: 1
admin: {{address: "127.0.0.1:0"}}
listeners: [{{address: "127.0.0.1:0", tls: {{certificates: [{{{authority.yaml("a.test")}}}]}}}}]
policies: [policies]
"""
    routes = 'routes: [{id: all, match: {path: "/{rest...}"}, respond: {status: 204}, auth: public}]'
    gateway = await serve(gateway=text, policies=routes)
    client = await connect(gateway)
    await client.send(sent)
    await client.rest()
    await until(lambda: any(gateway.listeners[0].failed_handshakes.values()))
    found = await scrape(gateway)
    assert 1 == found.value("gateway_tls_handshakes_failed_total", cause=cause)
    assert 1 == found.total("gateway_tls_handshakes_failed_total")


async def test_what_runs_is_told(serve, scrape):
    gateway = await serve()
    found = await scrape(gateway)
    built = {"version": __version__, "build": build(), "python": platform.python_version()}
    assert 1 == found.value("gateway_build_info", **built)
    assert 1 == found.value("gateway_config_info", version=gateway.snapshot.version)
    assert gateway.snapshot.limits.connections == found.value("gateway_client_connections_limit")
    assert (1, 1, 0) == (
        found.value("gateway_reload_successful"),
        found.value("gateway_reload_total", result="success"),
        found.value("gateway_reload_total", result="failure"),
    )
    assert found.value("gateway_reload_last_success_timestamp_seconds") > 1_700_000_000


async def test_a_tick_that_comes_late_is_seen(serve, scrape):
    gateway = await serve()
    lag = gateway.gauges.lag
    counted = sum(lag.counts)
    gateway._ticked(gateway.clock.monotonic() - 0.03)
    found = await scrape(gateway)
    assert counted + 1 <= found.value("gateway_event_loop_lag_seconds_count")
    assert found.value("gateway_event_loop_lag_seconds_sum") >= 0.03


class Counting:
    """What a log and an exporter count."""

    lines, lost = 7, {"queue_full": 2, "write_failed": 1}
    exported, dropped, failures = 5, {"queue_full": 3, "export_failed": 4, "rate": 6}, 1


async def test_what_the_log_and_the_spans_count_is_told(serve, scrape):
    gateway = await serve()
    gateway.gauges.lines = gateway.gauges.spans = Counting()
    found = await scrape(gateway)
    assert [7, 5, 1] == [
        found.value(f"gateway_{name}_total")
        for name in ("log_lines", "spans_exported", "span_export_failures")
    ]
    assert [2, 1] == [
        found.value("gateway_log_lost_total", cause=cause) for cause in ("queue_full", "write_failed")
    ]
    assert [3, 4, 6] == [
        found.value("gateway_spans_dropped_total", cause=cause)
        for cause in ("queue_full", "export_failed", "rate")
    ]


def test_reloads_say_what_the_last_one_came_to():
    reloads = Reloads()
    reloads.success(10.0)
    reloads.failure()
    assert (1, 1, False, 10.0) == (
        reloads.succeeded,
        reloads.failed,
        reloads.is_successful,
        reloads.last_success,
    )
    reloads.success(20.0)
    assert (2, 1, True, 20.0) == (
        reloads.succeeded,
        reloads.failed,
        reloads.is_successful,
        reloads.last_success,
    )
