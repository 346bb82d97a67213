"""Traces end to end: who is whose parent, what a span says, and what a collector can do to requests."""

import asyncio
import json
import re
import sys
import time
from functools import partial
from itertools import pairwise
from statistics import quantiles

import pytest
from aiohttp import web
from grpc import StatusCode

from gateway.app import Gateway
from gateway.config.load import load_snapshot
from gateway.ports import LivePorts
from gateway.telemetry.recorder import QUEUED_AT_MOST

TRACE, SPAN = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"
SENT = f"00-{TRACE}-{SPAN}-00"
PARENT = re.compile("00-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})")
CONTINUE = 'address: "127.0.0.1:0", trace_context: continue'
NOBODY = "http://127.0.0.1:1"
INNER = """\
version: 1
name: inner
admin: {address: "127.0.0.1:0"}
listeners: [{address: "127.0.0.1:0", trace_context: continue}]
upstreams: {backend: {endpoints: ["${env:BACKEND}"]}}
policies: [policies]
defaults: {headers: {preset: none}}
"""
ISSUERS = """\
issuers:
  id: {issuer: https://id.example, audience: [api], algorithms: [ES256], keys: [%s]}
"""
SERVICE_ROUTES = """\
routes:
  - {id: item, match: {path: "/items/{id}"}, upstream: backend, auth: public, operation: payment}
  - {id: closed, match: {path: /closed, methods: [GET]}, upstream: backend, auth: id}
  - {id: socket, match: {path: /socket}, upstream: backend, auth: public, upgrade: [websocket]}
  - {id: moved, match: {path: /moved}, redirect: {to: /items/1, status: 308}, auth: public}
  - {id: all, match: {path: "/{rest...}"}, upstream: backend, auth: public}
"""


def telemetry(collector, protocol="http/protobuf", sample="100%", more=""):
    traces = f'endpoint: "{collector}", protocol: {protocol}, sample: {sample}{more}'
    return f"telemetry: {{traces: {{{traces}}}}}\n"


@pytest.fixture(autouse=True)
def _soon(monkeypatch):
    """Spans wait for no others."""
    monkeypatch.setattr("gateway.telemetry.exporter._INTERVAL", 0.02)


@pytest.fixture
def collector(collectors):
    """A collector by HTTP."""
    return collectors()


class Backend:
    """Shows every request's head, answers with the next of `statuses`, or 200."""

    def __init__(self):
        self.seen = []
        self.statuses = []
        self.fields = {}

    async def answer(self, request):
        self.seen.append(request.headers)
        if request.path == "/socket":
            socket = web.WebSocketResponse()
            await socket.prepare(request)
            async for message in socket:
                await socket.send_str(message.data)
            return socket
        status = self.statuses.pop(0) if self.statuses else 200
        return web.json_response({}, status=status, headers=self.fields)

    def parent(self, number=-1):
        """Of a request: trace, span, flags."""
        return PARENT.fullmatch(self.seen[number]["traceparent"]).groups()


@pytest.fixture
def service():
    return Backend()


@pytest.fixture
def edge(serve, backend, service, collector, signer):
    """A gateway before the service, every request sampled; gives what asks it."""

    async def start(policies=SERVICE_ROUTES, *, sample="100%", more="", endpoint="", **configuration):
        more = telemetry(endpoint or collector.url, sample=sample) + ISSUERS % json.dumps(signer().jwk) + more
        url = await backend(service.answer)
        return await serve(url, policies=policies, more=more, **configuration)

    return start


@pytest.fixture
def ask(session, url):
    """The status and the fields of an answer."""

    async def asked(gateway, path="/items/7", method="GET", **fields):
        headers = {name.replace("_", "-"): value for name, value in fields.items()}
        async with session.request(method, url(gateway, path), headers=headers, allow_redirects=False) as got:
            await got.read()
            return got.status, got.headers

    return asked


# Where a request stands.


async def test_a_trace_goes_through_two_gateways_and_a_client_finds_it(
    serve, backend, service, collector, ask
):
    """The outer one begins it and links what came, the inner one goes on; an attempt is a parent."""
    inner = await serve(
        await backend(service.answer), gateway=INNER, more=telemetry(collector.url, sample="0%")
    )
    outer = await serve(f"http://{inner.listeners[0].address}", more=telemetry(collector.url))
    status, fields = await ask(outer, traceparent=SENT, tracestate="a=1")
    spans = await collector.took(4)
    first, second = [each for each in spans if each.kind == "SERVER"]
    if first.parent_id:
        first, second = second, first
    calls = {each.parent_id: each for each in spans if each.kind == "CLIENT"}
    ours = first.trace_id
    assert 200 == status
    assert {ours} == {each.trace_id for each in spans}
    assert TRACE != ours
    assert ("", [(TRACE, SPAN)]) == (first.parent_id, first.links)
    assert (calls[first.span_id].span_id, []) == (second.parent_id, second.links)
    assert (ours, calls[second.span_id].span_id, "03") == service.parent()
    assert f"00-{ours}-{first.span_id}-03" == fields["traceresponse"]
    assert "tracestate" not in service.seen[0]
    assert (0x103, 0x303) == (first.flags, second.flags)


@pytest.mark.parametrize(
    ("fields", "told"),
    [
        pytest.param({}, False, id="no trace was sent"),
        pytest.param({"traceparent": SENT}, True, id="one was"),
        pytest.param({"traceparent": SENT.upper()}, False, id="one that is none"),
        pytest.param({"tracestate": "a=1"}, False, id="a state alone"),
    ],
)
@pytest.mark.parametrize(
    ("path", "status"),
    [
        pytest.param("/items/7", 200, id="passed"),
        pytest.param("/closed", 401, id="refused"),
        pytest.param("/moved", 308, id="redirected"),
    ],
)
@pytest.mark.parametrize("sample", ["0%", "100%"])
async def test_who_sent_a_trace_is_told_of_ours(edge, ask, service, sample, path, status, fields, told):
    """Sampled or not, whatever the answer; a backend cannot say it."""
    service.fields = {"traceresponse": f"00-{TRACE}-{SPAN}-01"}
    gateway = await edge(sample=sample)
    code, answered = await ask(gateway, path, **fields)
    assert (status, told) == (code, "traceresponse" in answered)
    if told:
        trace, _, flags = PARENT.fullmatch(answered["traceresponse"]).groups()
        assert TRACE != trace
        assert ("02" if sample == "0%" else "03") == flags


async def test_who_asks_an_inner_listener_knows_its_trace(edge, ask):
    _, fields = await ask(await edge(listener=CONTINUE), traceparent=SENT)
    assert "traceresponse" not in fields


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        pytest.param([f"traceparent: {SENT}"], (TRACE, "00", None), id="goes on"),
        pytest.param([f"traceparent: {SENT[:-2]}02"], (TRACE, "02", None), id="with its random flag"),
        pytest.param(
            [f"TraceParent:\t{SENT[:-2]}ff "], (TRACE, "03", None), id="with no flag we do not know"
        ),
        pytest.param(
            [f"traceparent: {SENT}", "tracestate: a=1", "x: y", "Tracestate: b=2 , c=3"],
            (TRACE, "00", "a=1,b=2,c=3"),
            id="with its state, of all fields in their order",
        ),
        pytest.param(
            [f"traceparent: {SENT}", "tracestate: a=1", "tracestate: a=2"],
            (TRACE, "00", None),
            id="without a state that is not valid",
        ),
        pytest.param([f"traceparent: {SENT}"] * 2, (None, "02", None), id="not with two"),
        pytest.param(
            [f"traceparent: {SENT}", "Connection: traceparent"], (TRACE, "00", None), id="not hidden"
        ),
        pytest.param(
            ["traceparent: x", "tracestate: a=1"], (None, "02", None), id="not with one that is none"
        ),
        pytest.param([f"traceparent: {SENT}"[:-3]], (None, "02", None), id="not with a short one"),
        pytest.param([f"trace_parent: {SENT}"], (None, "02", None), id="not under another name"),
    ],
)
async def test_what_an_inner_listener_goes_on_with(edge, connect, service, sent, expected):
    """With nobody to send spans to, and no request sampled here."""
    gateway = await edge(listener=CONTINUE, sample="0%", endpoint=NOBODY)
    client = await connect(gateway)
    await client.send("\r\n".join(["GET /items/7 HTTP/1.1", "Host: a.example", *sent, "", ""]).encode())
    await client.head()
    (head,) = service.seen
    trace, _, flags = service.parent()
    assert 1 == len(head.getall("traceparent"))
    assert expected == (trace if trace == TRACE else None, flags, head.get("tracestate"))


@pytest.mark.parametrize("listener", [pytest.param(CONTINUE, id="inner"), pytest.param(None, id="outer")])
@pytest.mark.parametrize(
    ("named", "passed"),
    [
        pytest.param("", None, id="dropped unless it is named"),
        pytest.param(", baggage: [tenant]", "tenant=1;p=2", id="what is named passes"),
    ],
)
async def test_baggage(serve, backend, service, ask, listener, named, passed):
    more = telemetry(NOBODY, more=named)
    options = {"listener": listener} if listener else {}
    gateway = await serve(await backend(service.answer), more=more, **options)
    await ask(gateway, baggage="user=a,tenant=1;p=2")
    assert passed == service.seen[0].get("baggage")


# What a span says.


async def test_a_request_by_the_conventions(edge, ask, collector, service):
    """SEMANTICS 14, as a table: required and recommended attributes of both kinds."""
    gateway = await edge()
    fields = {"Host": "api.example:8443", "User_Agent": "probe/1", "X_Forwarded_For": "203.0.113.9"}
    await ask(gateway, "/items/7?a=b&Access_Token=hunter2&sig=hunter3", **fields)
    server, client = await collector.took(2)
    endpoint = service.seen and gateway.upstreams["backend"].endpoints[0].name.decode()
    request_id = service.seen[0]["X-Request-Id"]
    query = "a=b&Access_Token=REDACTED&sig=REDACTED"
    assert ("GET /items/{id}", "GET") == (server.name, client.name)
    assert ("SERVER", "CLIENT") == (server.kind, client.kind)
    assert {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "http.route": "/items/{id}",
        "url.path": "/items/7",
        "url.query": query,
        "url.scheme": "http",
        "server.address": "api.example",
        "server.port": 8443,
        "client.address": "127.0.0.1",
        "network.peer.address": "127.0.0.1",
        "network.protocol.version": "1.1",
        "user_agent.original": "probe/1",
        "gateway.request_id": request_id,
        "gateway.config.version": gateway.snapshot.version,
        "gateway.operation": "payment",
    } == server.attributes
    assert {
        "http.request.method": "GET",
        "http.response.status_code": 200,
        "url.full": f"http://{endpoint}/items/7?{query}",
        "server.address": "127.0.0.1",
        "server.port": int(endpoint.rpartition(":")[2]),
        "network.protocol.version": "1.1",
    } == client.attributes
    assert "gateway" == server.scope
    assert "test-gateway" == server.resource["service.name"]
    assert {"service.name", "service.version", "service.instance.id"} == server.resource.keys()
    assert server.begun <= client.begun < client.ended <= server.ended
    assert not (server.failed)
    assert not (client.failed)


@pytest.mark.parametrize(
    ("method", "path", "name", "attributes", "failed"),
    [
        pytest.param(
            *("GET", "/closed", "GET /closed"),
            {
                "http.response.status_code": 401,
                "gateway.policy": "auth",
                "gateway.reason": "no_credentials",
                "gateway.mode": "enforce",
            },
            False,
            id="a refusal is no failure of ours",
        ),
        pytest.param(
            *("GET", "/moved", "GET /moved"),
            {"http.response.status_code": 308, "gateway.policy": None, "http.route": "/moved"},
            False,
            id="a redirect",
        ),
        pytest.param(
            *("PROPFIND", "/items/1", "HTTP /items/{id}"),
            {"http.request.method": "_OTHER", "http.request.method_original": "PROPFIND"},
            False,
            id="a method that nobody knows",
        ),
    ],
)
async def test_what_becomes_of_a_request(edge, ask, collector, method, path, name, attributes, failed):
    await ask(await edge(), path, method)
    server = (await collector.took(1, "SERVER"))[0]
    assert (name, failed) == (server.name, server.failed)
    assert attributes == {each: server[each] for each in attributes}


async def test_what_has_no_route_has_none_in_its_name(serve, ask, collector):
    policies = "routes: [{id: a, match: {path: /a, methods: [GET]}, upstream: backend, auth: public}]"
    gateway = await serve(NOBODY, policies=policies, more=telemetry(collector.url))
    await ask(gateway, "/nowhere/secret")
    await ask(gateway, "/a", "PUT")
    missed, method = await collector.took(2)
    assert [("GET", None), ("PUT", None)] == [(each.name, each["http.route"]) for each in (missed, method)]
    assert [("no_route", 404), ("method_not_allowed", 405)] == [
        (each["gateway.reason"], each["http.response.status_code"]) for each in (missed, method)
    ]


RETRYING = """\
version: 1
name: test-gateway
admin: {address: "127.0.0.1:0"}
listeners: [{address: "127.0.0.1:0"}]
upstreams: {backend: {retry: {attempts: 3, after: [connect, 503]}, endpoints: [ENDPOINTS]}}
policies: [policies]
defaults: {headers: {preset: none}}
"""


async def test_each_attempt_is_a_span(serve, backend, service, ask, collector):
    """The first is refused, the second answers 503, the third 200: one each, in their order."""
    service.statuses = [503]
    endpoints = [NOBODY, await backend(service.answer), await backend(service.answer)]
    text = RETRYING.replace("ENDPOINTS", ", ".join(f'"{each}"' for each in endpoints))
    gateway = await serve(gateway=text, more=telemetry(collector.url))
    upstream = gateway.upstreams["backend"]
    upstream.choose = lambda request: upstream.endpoints[0]
    assert 200 == (await ask(gateway))[0]
    server, *tries = await collector.took(4)
    assert {server.span_id} == {each.parent_id for each in tries}
    assert [None, 1, 2] == [each["http.request.resend_count"] for each in tries]
    assert ["upstream_refused", "503", None] == [each["error.type"] for each in tries]
    assert [None, 503, 200] == [each["http.response.status_code"] for each in tries]
    assert [True, True, False] == [each.failed for each in tries]
    assert [each.span_id for each in tries[1:]] == [service.parent(0)[1], service.parent(1)[1]]
    assert all(each.begun <= each.ended <= after.begun for each, after in pairwise(tries))


async def test_a_backend_that_is_away_is_a_failure(serve, ask, collector):
    await ask(await serve(NOBODY, more=telemetry(collector.url)), "/a")
    server, client = await collector.took(2)
    assert (502, "upstream_refused", True) == (
        server["http.response.status_code"],
        server["error.type"],
        server.failed,
    )
    assert ("upstream", "upstream_refused") == (server["gateway.policy"], server["gateway.reason"])
    assert ("upstream_refused", True) == (client["error.type"], client.failed)


@pytest.mark.parametrize(
    ("status", "server", "client"),
    [
        pytest.param(404, (None, False), ("404", True), id="4xx fails the attempt alone"),
        pytest.param(500, ("500", True), ("500", True), id="5xx fails both"),
        pytest.param(304, (None, False), (None, False), id="3xx fails none"),
    ],
)
async def test_a_status_of_a_backend(edge, ask, collector, service, status, server, client):
    service.statuses = [status]
    await ask(await edge())
    for expected, span in zip((server, client), await collector.took(2), strict=True):
        assert (*expected, status) == (span["error.type"], span.failed, span["http.response.status_code"])


async def test_a_client_that_leaves_is_no_failure(edge, scripted, serve, connect, collector):
    backend = await scripted()
    gateway = await serve(backend.url, more=telemetry(collector.url))
    client = await connect(gateway)
    await client.send(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
    await backend.requested()
    client.cut()
    for span in await collector.took(2):
        assert (False, None, None) == (span.failed, span["error.type"], span["http.response.status_code"])


async def test_an_answer_that_breaks_off_is_one(scripted, serve, connect, collector):
    backend = await scripted()
    gateway = await serve(backend.url, more=telemetry(collector.url))
    client = await connect(gateway)
    await client.send(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
    stream, _ = await backend.requested()
    await stream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf")
    await client.until(b"half")
    stream.cut()
    for span in await collector.took(2):
        assert (True, "upstream_reset", 200) == (
            span.failed,
            span["error.type"],
            span["http.response.status_code"],
        )


async def test_a_tunnel_is_a_span_until_it_ends(edge, session, url, collector):
    gateway = await edge()
    async with session.ws_connect(url(gateway, "/socket")) as socket:
        await socket.send_str("hello")
        assert "hello" == (await socket.receive()).data
        assert [] == collector.spans
    server, client = await collector.took(2)
    assert (101, False, "GET /socket") == (server["http.response.status_code"], server.failed, server.name)
    assert (101, False) == (client["http.response.status_code"], client.failed)


# What a request waits for.

ASKING = """\
routes:
  - {id: token, match: {path: /token}, upstream: backend, auth: id}
  - {id: opaque, match: {path: /opaque}, upstream: backend, auth: opaque}
  - {id: legacy, match: {path: /legacy}, upstream: backend, auth: legacy}
"""
ASKED = """\
issuers:
  id: {{issuer: https://id.example, audience: [api], algorithms: [ES256], jwks: "{url}/keys?secret=1"}}
  opaque:
    introspection: {{url: "{url}/introspect", client_id: edge, client_secret: hunter2, timeout: 5s}}
forward_auth:
  legacy: {{url: "{url}/check", timeout: 5s, subject: X-User}}
"""


class Asked:
    """The backend and every service that is asked; `status` is that of their answers.

    `told` is the `traceparent` that came last, by path. While `keys` is not set, they wait.
    """

    def __init__(self, jwk):
        self.jwk = jwk
        self.keys = asyncio.Event()
        self.keys.set()
        self.status = 200
        self.told = {}

    async def answer(self, request):
        self.told[request.path] = request.headers.get("traceparent")
        if request.path == "/keys":
            await self.keys.wait()
        told = {
            "/keys": {"keys": [self.jwk]},
            "/introspect": {"active": True, "sub": "thandi"},
        }
        status = self.status if request.path in ("/keys", "/introspect", "/check") else 200
        return web.json_response(told.get(request.path, {}), status=status, headers={"X-User": "thandi"})


@pytest.fixture
async def asking(serve, backend, signer, collector):
    """A gateway whose policies ask, the URL of what they ask, and who answers there."""
    asked = Asked(signer().jwk)
    url = await backend(asked.answer)

    async def start(sample="100%"):
        more = telemetry(collector.url, sample=sample) + ASKED.format(url=url)
        return await serve(url, policies=ASKING, more=more)

    return start, url, asked


@pytest.mark.parametrize(
    ("path", "method", "asked", "status"),
    [
        pytest.param("/opaque", "POST", "/introspect", None, id="introspection"),
        pytest.param("/legacy", "GET", "/check", 200, id="a service that judges"),
    ],
)
async def test_an_answer_that_a_request_waits_for_is_a_span(
    asking, ask, collector, path, method, asked, status
):
    start, url, service = asking
    gateway = await start()
    assert 200 == (await ask(gateway, path, Authorization="Bearer opaque"))[0]
    spans = await collector.took(3)
    server, wait = spans[0], next(each for each in spans if each["url.full"] == url + asked)
    assert (server.trace_id, server.span_id, "CLIENT", method) == (
        *(wait.trace_id, wait.parent_id, wait.kind, wait.name),
    )
    assert (status, None, False) == (wait["http.response.status_code"], wait["error.type"], wait.failed)
    assert int(url.rpartition(":")[2]) == wait["server.port"]
    assert server.begun <= wait.begun < wait.ended <= server.ended
    assert f"00-{wait.trace_id}-{wait.span_id}-03" == service.told[asked]


@pytest.mark.parametrize("path", ["/opaque", "/legacy"])
async def test_no_answer_is_a_failure_of_that_span(asking, ask, collector, path):
    start, _, asked = asking
    asked.status = 500
    gateway = await start()
    assert 503 == (await ask(gateway, path, Authorization="Bearer opaque"))[0]
    server, wait = await collector.took(2)
    assert ("verifier_unavailable", True) == (server["error.type"], server.failed)
    assert wait.failed


async def test_keys_that_a_request_waits_for_are_a_span(asking, ask, collector, signer, until):
    """Of everybody who waits for the one fetch that there is, and without what stands in the query."""
    start, url, asked = asking
    asked.keys.clear()
    gateway = await start()
    claims = {"iss": "https://id.example", "aud": "api", "sub": "a", "exp": 9_999_999_999}
    bearer = "Bearer " + signer().token(claims).decode()
    answers = asyncio.gather(*[ask(gateway, "/token", Authorization=bearer) for _ in range(2)])
    await until(lambda: gateway.books.in_flight == 2)
    asked.keys.set()
    assert [200, 200] == [status for status, _ in await answers]
    spans = await collector.took(6)
    waits = [each for each in spans if each["url.full"] == url + "/keys"]
    servers = {each.span_id for each in spans if each.kind == "SERVER"}
    assert servers == {each.parent_id for each in waits}
    assert not any(each.failed for each in waits)
    assert "secret" not in json.dumps([each.attributes for each in waits])


async def test_who_has_keys_fetched_tells_of_the_trace(asking, ask, collector, signer, until):
    """For a token whose key nobody knows; the fetch of the start belongs to no request."""
    start, _, asked = asking
    gateway = await start()
    await until(lambda: "/keys" in asked.told)
    (keys,) = gateway.ports.issuers.values()
    await until(lambda: keys.is_loaded)
    assert None is asked.told["/keys"]
    claims = {"iss": "https://id.example", "aud": "api", "sub": "a", "exp": 9_999_999_999}
    other = "Bearer " + signer(kid="another").token(claims).decode()
    assert 401 == (await ask(gateway, "/token", Authorization=other))[0]
    _, wait = await collector.took(2)
    assert f"00-{wait.trace_id}-{wait.span_id}-03" == asked.told["/keys"]


@pytest.mark.parametrize(("path", "asked"), [("/opaque", "/introspect"), ("/legacy", "/check")])
async def test_what_is_not_sampled_tells_of_its_trace_all_the_same(asking, ask, path, asked):
    """As the request itself: the backend is called by the same span."""
    start, _, service = asking
    await ask(await start(sample="0%"), path, Authorization="Bearer opaque")
    assert None is not service.told[path]
    assert service.told[path] == service.told[asked]
    assert service.told[path].endswith("-02")


async def test_what_is_not_sampled_waits_without_a_span(asking, ask, collector):
    start, _, asked = asking
    asked.status = 500
    await ask(await start(sample="0%"), "/legacy", Authorization="Bearer opaque")
    (server,) = await collector.took(1)
    assert ("SERVER", 503, 0x102) == (server.kind, server["http.response.status_code"], server.flags)


# What is not sampled.


async def test_what_goes_wrong_is_recorded_of_what_is_not_sampled(edge, ask, collector, service):
    """As one SERVER span; the backend is told what it is told of every other request."""
    service.statuses = [200, 503, 404]
    gateway = await edge(sample="0%")
    for _ in range(3):
        await ask(gateway)
    await ask(gateway, "/closed")
    failed, refused = await collector.took(2)
    assert [("SERVER", 503), ("SERVER", 401)] == [
        (each.kind, each["http.response.status_code"]) for each in (failed, refused)
    ]
    assert {"02"} == {service.parent(number)[2] for number in range(3)}
    assert failed.span_id == service.parent(1)[1]
    assert 0 == gateway.recorder.dropped["rate"]


async def test_what_could_not_be_read_is_recorded(edge, connect, collector):
    client = await connect(await edge())
    await client.send(b"GET /a/../../b HTTP/1.1\r\nHost: a.example\r\n\r\n")
    head = (await client.head()).lower()
    (span,) = await collector.took(1)
    assert ("SERVER", "HTTP", 400, False) == (
        *(span.kind, span.name, span["http.response.status_code"], span.failed),
    )
    assert ("wire", "bad_path", "127.0.0.1") == (
        *(span["gateway.policy"], span["gateway.reason"], span["network.peer.address"]),
    )
    assert span.trace_id == span["gateway.request_id"]
    assert b"x-request-id: " + span.trace_id.encode() in head


async def test_no_attack_makes_more_than_ten_spans_a_second(edge, ask, collector, until):
    gateway = await edge(sample="0%")
    for _ in range(40):
        await ask(gateway, "/closed")
    recorder = gateway.recorder
    await until(lambda: recorder.exported + recorder.dropped["rate"] == 40)
    assert recorder.dropped["rate"] > 0
    assert len({each.trace_id for each in collector.spans}) == recorder.exported


# A collector that is not well.


@pytest.mark.parametrize(
    "protocol", [pytest.param("http/protobuf", id="HTTP"), pytest.param("grpc", id="gRPC")]
)
async def test_both_protocols(serve, backend, service, ask, collectors, protocol):
    collector = collectors(protocol)
    gateway = await serve(await backend(service.answer), more=telemetry(collector.url, protocol))
    await ask(gateway, "/a")
    assert ["SERVER", "CLIENT"] == [each.kind for each in await collector.took(2)]
    await gateway.stop()
    assert (2, 0) == (gateway.recorder.exported, gateway.recorder.failures)


@pytest.mark.parametrize(
    ("protocol", "ail"),
    [
        pytest.param("http/protobuf", "away", id="away, HTTP"),
        pytest.param("grpc", "away", id="away, gRPC"),
        pytest.param("http/protobuf", "failing", id="failing, HTTP"),
        pytest.param("grpc", "failing", id="failing, gRPC"),
        pytest.param("http/protobuf", "nonsense", id="talking nonsense"),
    ],
)
async def test_no_request_notices_a_collector_that_is_not_well(
    serve, backend, service, ask, collectors, caplog, monkeypatch, until, protocol, ail
):
    """Every request has its answer, spans are dropped and counted, and that is told once."""
    monkeypatch.setattr("gateway.telemetry.exporter._PAUSES", ())
    collector = collectors(protocol)
    if ail == "failing":
        collector.status, collector.code = 500, StatusCode.INTERNAL
    elif ail == "nonsense":
        collector.body = b"<html>"
    url = NOBODY if ail == "away" else collector.url
    gateway = await serve(await backend(service.answer), more=telemetry(url, protocol))
    recorder = gateway.recorder
    for number in range(1, 4):
        assert 200 == (await ask(gateway, "/a"))[0]
        await until(lambda number=number: recorder.dropped["export_failed"] == 2 * number)
    assert (0, 3) == (recorder.exported, recorder.failures)
    assert 1 == sum("spans cannot be sent" in each for each in caplog.messages)


async def test_no_request_waits_for_a_collector_that_does_not_answer(edge, ask, collector, until):
    """What finds no room is dropped and counted."""
    collector.open.clear()
    gateway = await edge()
    await ask(gateway)
    await until(lambda: collector.asked == 1)
    await ask(gateway)
    queue = gateway.recorder._queue
    queue.extend(list(queue) * (QUEUED_AT_MOST - 1))
    for _ in range(3):
        assert 200 == (await ask(gateway))[0]
    assert {"queue_full": 6, "export_failed": 0, "rate": 0} == gateway.recorder.dropped
    assert QUEUED_AT_MOST == len(queue)


@pytest.mark.long
@pytest.mark.parametrize(
    "ail",
    [
        pytest.param("away", id="away"),
        pytest.param("silent", id="silent"),
        pytest.param("failing", id="failing"),
    ],
)
async def test_a_collector_that_is_not_well_costs_a_request_less_than_a_millisecond(
    tmp_path, program, backend, service, collector, dial, capsys, ail
):
    """By the median of requests that go to two gateways by turns, one of which records every one of them."""
    if ail == "silent":
        collector.open.clear()
    elif ail == "failing":
        collector.status = 503
    url = NOBODY if ail == "away" else collector.url
    clients = {}
    inner = INNER.replace("${env:BACKEND}", await backend(service.answer))
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "all.yaml").write_text(
        'routes: [{id: all, match: {path: "/{rest...}"}, upstream: backend, auth: public}]'
    )
    for name, sample in {"untold": "0%", "recording": "100%"}.items():
        file = tmp_path / f"{name}.yaml"
        file.write_text(inner + telemetry(url, sample=sample, more="}, access_log: {format: none"))
        running = await program("run", "--config", file)
        address = re.search(r"listening on \S+:(\d+),", await running.said("listening on"))
        clients[name] = await dial(int(address[1]))
    took = {name: [] for name in clients}
    for _ in range(1500):
        for name, client in clients.items():
            begun = time.perf_counter()
            await client.send(b"GET /items/7 HTTP/1.1\r\nHost: a\r\n\r\n")
            assert b" 200 " in await client.head()
            await client.until(b"}")
            took[name].append(time.perf_counter() - begun)
    untold, recording = [quantiles(times, n=100) for times in took.values()]
    cost = recording[49] - untold[49]
    with capsys.disabled():
        print(f" {ail}: {cost * 1e6:+.0f} us at p50, {(recording[98] - untold[98]) * 1e6:+.0f} us at p99")
    assert cost < 0.001


async def test_what_is_recorded_is_sent_before_the_end(edge, ask, collector, monkeypatch):
    monkeypatch.setattr("gateway.telemetry.exporter._INTERVAL", 600.0)
    gateway = await edge()
    await ask(gateway)
    await gateway.stop()
    assert 2 == len(collector.spans)


async def test_without_a_collector_nothing_is_recorded(serve, ask):
    gateway = await serve(NOBODY)
    assert (None, None) == (gateway.recorder, gateway.gauges.spans)


async def test_without_a_collector_its_libraries_are_not_loaded():
    code = "import sys, gateway.cli, gateway.app; print([*{'opentelemetry', 'grpc'} & {*sys.modules}])"
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    assert b"[]\n" == out


# As operators run it.


async def test_the_environment_has_a_say_where_the_configuration_is_silent(
    repository, program, collectors, monkeypatch, session
):
    """The real process: an endpoint, a name, a sampler, fields; each as OpenTelemetry spells it."""
    collector = collectors()
    for name, value in {
        "OTEL_EXPORTER_OTLP_ENDPOINT": collector.url,
        "OTEL_EXPORTER_OTLP_HEADERS": "x-tenant=azora",
        "OTEL_TRACES_SAMPLER_ARG": "1",
        "OTEL_RESOURCE_ATTRIBUTES": "deployment.environment.name=test",
    }.items():
        monkeypatch.setenv(name, value)
    said = 'traces: {sample: "${env:GATEWAY_TRACES_SAMPLE:-1%}"}'
    text = repository.read_text()
    assert said in text
    repository.write_text(text.replace(said, "traces: {}"))
    running = await program("run", "--config", repository)
    said = await running.said("listening on")
    address = re.search(r"listening on (\S+),", said)[1]
    async with session.get(f"http://{address}/nowhere") as response:
        assert 404 == response.status
    (span,) = await collector.took(1)
    assert ("test", True) == (span.resource["deployment.environment.name"], bool(span.flags & 1))
    assert "azora" == collector.headers[0]["x-tenant"]


async def test_what_a_reload_meets_under_way_is_told_with_the_configuration_that_served_it(
    tmp_path, scripted, collector, connect
):
    """In its span and in its line, however much later it ends."""
    backend = await scripted()
    (tmp_path / "policies").mkdir()
    policies = tmp_path / "policies" / "all.yaml"
    policies.write_text('routes: [{id: all, match: {path: "/{rest...}"}, upstream: backend, auth: public}]')
    file = tmp_path / "gateway.yaml"
    file.write_text(INNER.replace("${env:BACKEND}", backend.url) + telemetry(collector.url))
    load = partial(load_snapshot, file, {})
    ports = LivePorts()
    gateway = Gateway(load(ports), ports, load)
    await gateway.start()
    try:
        before = gateway.snapshot.version
        client = await connect(gateway)
        await client.send(b"GET /a HTTP/1.1\r\nHost: a\r\n\r\n")
        stream, _ = await backend.requested()
        policies.write_text(policies.read_text() + "# Another one.\n")
        await gateway.reloading.reload()
        assert before != gateway.snapshot.version
        await stream.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
        await client.head()
        server, _ = await collector.took(2)
        (line,) = gateway.decisions.newest(1)
        assert (before, before) == (server["gateway.config.version"], line["config_version"])
    finally:
        await gateway.stop()


async def test_another_configuration_goes_on_with_its_traces(tmp_path, backend, service, collector, ask):
    """The share of a reload counts from then on; baggage that is named still passes."""
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "all.yaml").write_text(
        'routes: [{id: all, match: {path: "/{rest...}"}, upstream: backend, auth: public}]'
    )
    file, url = tmp_path / "gateway.yaml", await backend(service.answer)

    def write(sample):
        more = telemetry(collector.url, sample=sample, more=", baggage: [tenant]")
        file.write_text(INNER.replace("${env:BACKEND}", url) + more)

    write("0%")
    load = partial(load_snapshot, file, {})
    ports = LivePorts()
    gateway = Gateway(load(ports), ports, load)
    await gateway.start()
    try:
        await ask(gateway)
        write("100%")
        await gateway.reloading.reload()
        await ask(gateway, baggage="tenant=1,user=2")
        server, _ = await collector.took(2)
        assert gateway.snapshot.version == server["gateway.config.version"]
        assert "tenant=1" == service.seen[1]["baggage"]
    finally:
        await gateway.stop()
