"""A rehearsal says what a running gateway does: both are asked the same, over a socket and without one."""

import re
from dataclasses import replace

import pytest

from gateway.http.fields import field_of
from gateway.rehearsal import Assumed, Draft, Verdict

# Seconds since 1970 that no clock has reached.
LATER = 4_000_000_000
SECRET = "s" * 32
MORE = f"""\
issuers:
  local:
    issuer: https://id.example
    secret: {SECRET}
    algorithms: [HS256]
    audience: [api]
limits: {{head: 2KiB, request_line: 512B}}
"""
POLICIES = """\
defaults: {upstream: backend, auth: public, headers: api}
tiers: {none: {limit: 0/1m, key: address}, some: {limit: 600/1m, burst: 50, key: principal}}
cors: {web: {allow_origins: ["https://app.example"], allow_headers: [X-A], credentials: true, max_age: 1h}}
routes:
  - {id: plain, match: {path: /plain}}
  - {id: prefixed, match: {path: "/things/{id}"}, prefix: /api}
  - {id: rewritten, match: {path: "/old/{rest...}"}, rewrite: {path: "/new/{rest...}"}}
  - {id: edited, match: {path: /edited}, request_headers: {set: {X-Edge: a}, remove: [X-Debug]}}
  - {id: web, match: {path: /web, methods: [GET]}, cors: web, quota: [some]}
  - {id: chat, match: {path: /chat}, upgrade: [websocket]}
  - {id: counted, match: {path: /counted}, quota: [none]}
  - {id: inside, match: {path: /inside}, clients: {allow: [10.0.0.0/8]}}
  - {id: small, match: {path: /small}, limits: {body: 4B}}
  - {id: json, match: {path: /json}, validate: {schema: body.json, max_body: 1KiB}}
  - {id: mine, match: {path: /mine}, auth: local, quota: [some]}
  - {id: maybe, match: {path: /maybe}, auth: [local, public]}
  - {id: boss, match: {path: /boss}, auth: local, allow: {roles: [boss]}}
  - {id: when, match: {path: "/when/{who}"}, auth: local, allow: {when: "path.who == subject"}}
  - {id: squeezed, match: {path: /squeezed}, compress: true}
  - {id: moved, match: {path: "/moved/{rest...}"}, redirect: {to: "https://a.example/{rest...}"}}
  - {id: fixed, match: {path: /fixed}, respond: {status: 200, body: "here\\n"}}
roles: {boss: {permissions: ["*"]}}
"""
JSON = ("Content-Type", "application/json")
PREFLIGHT = (("Origin", "https://app.example"), ("Access-Control-Request-Method", "GET"))


def to(target, *fields, method="GET", body=b"", host="a.example"):
    return Draft(method, target, host, fields, body, "127.0.0.1")


PASSING = {
    "a plain request": to("/plain?a=1&a=2"),
    "without a body that it might have": to("/plain", ("Content-Length", "0"), method="POST"),
    "with a body": to("/plain", method="POST", body=b"hello"),
    "a prefix": to("/api/things/1"),
    "a rewritten path": to("/old/a/b?c"),
    "edited fields": to("/edited", ("X-Debug", "1"), ("X-Other", "2")),
    "fields that nobody may send": to("/plain", ("X-Auth-Subject", "root"), ("X_A", "1"), ("TE", "trailers")),
    "an origin": to("/web", ("Origin", "https://app.example")),
    "another origin": to("/web", ("Origin", "https://other.example")),
    "a handshake": to("/chat", ("Connection", "Upgrade"), ("Upgrade", "websocket")),
    "a handshake for nothing": to("/plain", ("Connection", "Upgrade"), ("Upgrade", "websocket")),
    "a body as it should be": to("/json", JSON, method="POST", body=b'{"a": 1}'),
    "nobody, where that is allowed": to("/maybe"),
    "a coding": to("/squeezed", ("Accept-Encoding", "gzip")),
    "a hop less": to("/plain", ("Max-Forwards", "3"), method="OPTIONS"),
    "another proxy": to("/plain", ("Via", "1.1 other")),
    "an expectation": to("/plain", ("Expect", "100-continue"), method="POST", body=b"hi"),
}
# These come with the token of a student, Thandi.
WITH_TOKEN = {
    "a token": to("/mine"),
    "the one who is named": to("/when/thandi"),
    "a token that need not be there": to("/maybe"),
}
REFUSED_WITH_TOKEN = {
    "no boss": to("/boss"),
    "somebody else": to("/when/johan"),
}
ANSWERED = {
    "no route": to("/nowhere"),
    "no method": to("/web", method="POST"),
    "HTML for a browser": to("/nowhere", ("Accept", "text/html")),
    "a preflight": to("/web", *PREFLIGHT, method="OPTIONS"),
    "a preflight for too much": to(
        "/web", *PREFLIGHT, ("Access-Control-Request-Headers", "x-b"), method="OPTIONS"
    ),
    "a tier that lets none pass": to("/counted"),
    "an address": to("/inside"),
    "a body that is announced too large": to("/small", method="POST", body=b"hello"),
    "no token": to("/mine"),
    "a bad token": to("/mine", ("Authorization", "Bearer a.b.c")),
    "no body": to("/json", JSON, method="POST"),
    "a body that is none": to("/json", JSON, method="POST", body=b"{"),
    "a body that is wrong": to("/json", JSON, method="POST", body=b'{"a": "1"}'),
    "a form": to("/json", ("Content-Type", "text/plain"), method="POST", body=b"a"),
    "a redirection": to("/moved/a?b=c"),
    "a fixed answer": to("/fixed"),
    "the last hop": to("/plain", ("Max-Forwards", "0"), method="OPTIONS"),
    "an expectation that nobody meets": to("/plain", ("Expect", "rain")),
    "a bad path": to("/a/../b"),
    "a long line": to("/" + "a" * 600),
    "a long head": to("/", ("X", "a" * 3000)),
    "two lengths": to("/", ("Content-Length", "1"), ("Content-Length", "2")),
    "a host that is none": to("/plain", host="a b"),
    "a method that nobody serves": to("/plain", method="TRACE"),
    "a version of its own": to("/plain HTTP/2.0\tx"),
    "another site": to("/plain", ("Cookie", "a=b"), ("Sec-Fetch-Site", "cross-site"), method="POST"),
}


@pytest.fixture
def words(tmp_path):
    (tmp_path / "configuration" / "policies").mkdir(parents=True)
    schema = '{"type": "object", "properties": {"a": {"type": "integer"}}}'
    (tmp_path / "configuration" / "policies" / "body.json").write_text(schema)
    return {"policies": POLICIES, "more": MORE}


@pytest.fixture
def rehearsed(stage, words):
    """The same configuration, on a port that has a number."""
    return lambda: stage(**words, listener='address: "127.0.0.1:8080"')


@pytest.fixture
def token(signer):
    claims = {"iss": "https://id.example", "aud": "api", "sub": "thandi", "roles": ["student"], "exp": LATER}
    return ("Authorization", f"Bearer {signer('HS256', None).token(claims).decode()}")


@pytest.fixture
def stream_of(serve, scripted, connect, words):
    """Send a draft to a running gateway; gives the client's stream, and the backend that waits behind it."""

    async def send(draft):
        script = await scripted()
        stream = await connect(await serve(script.url, **words))
        await stream.send(draft.head + draft.body)
        return stream, script

    return send


def cases(drafts):
    return pytest.mark.parametrize("draft", [pytest.param(draft, id=what) for what, draft in drafts.items()])


def spelled(head):
    """The first line of a head and its fields in any order, less what differs from one run to the next."""
    line, *lines = head.split(b"\r\n\r\n")[0].split(b"\r\n")
    fields = [(name.lower(), value) for name, value in map(field_of, lines)]
    masked = {b"x-request-id": b"ID", b"x-forwarded-port": b"PORT", b"traceparent": b"TRACE"}
    fields = [
        (name, masked.get(name, re.sub(rb"test-gateway-\w+", b"test-gateway", value)))
        for name, value in fields
    ]
    return line, sorted(each for each in fields if each[0] not in OF_THE_CONNECTION)


PSEUDONYM = re.compile(rb"test-gateway-\w+")
OF_THE_CONNECTION = (b"date", b"content-length", b"connection")


def written(outcome):
    """The head of an answer as it would stand on the wire."""
    lines = [b"%b: %b" % each for each in outcome.answer.fields]
    return b"\r\n".join([b"HTTP/1.1 %d" % outcome.answer.status, *lines, b"", b""])


def told(outcome):
    """The head of the answer to a request that passes, where the backend says nothing but 200."""
    lines = [b"%b: %b" % each for each in outcome.told]
    return b"\r\n".join([b"HTTP/1.1 200", *lines, b"", b""])


def same_answer(expected, head):
    """Whether two heads say the same; the phrase behind a status is nobody's business."""
    line, fields = spelled(head)
    assert spelled(expected) == (line.rpartition(b" ")[0] if line.count(b" ") == 2 else line[:12], fields)


async def passes(stream, script, outcome):
    backend, seen = await script.requested()
    assert Verdict.PASSED is outcome.verdict
    line, fields = spelled(seen)
    assert (line, fields) == spelled(outcome.upstream_head)
    await backend.send(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n")
    head = await stream.head()
    if head.startswith(b"HTTP/1.1 100"):
        head = await stream.head()
    same_answer(told(outcome), head)


@cases(PASSING)
async def test_both_heads_of_a_request_that_passes_are_those_of_the_gateway(draft, stream_of, rehearsed):
    await passes(*await stream_of(draft), rehearsed().ask(draft))


@cases(ANSWERED)
async def test_an_answer_is_that_of_the_gateway(draft, stream_of, rehearsed):
    outcome = rehearsed().ask(draft)
    stream, _ = await stream_of(draft)
    same_answer(written(outcome), await stream.head())


@cases(WITH_TOKEN)
async def test_a_principal_is_told_to_the_backend_as_by_the_gateway(draft, stream_of, rehearsed, token):
    shown = replace(draft, fields=(*draft.fields, token))
    await passes(*await stream_of(shown), rehearsed().ask(shown))


@cases({**WITH_TOKEN, **REFUSED_WITH_TOKEN})
def test_one_who_is_assumed_gets_what_a_verified_one_gets(draft, rehearsed, token):
    made = rehearsed()
    verified = made.ask(replace(draft, fields=(*draft.fields, token)))
    made.ports.begin(made.ports.wall())
    assumed = made.ask(draft, Assumed("thandi", frozenset(["student"])))
    assert verified.upstream_head == assumed.upstream_head
    assert verified.answer == assumed.answer
    assert Verdict.ASSUMED in {step.verdict for step in assumed.steps}


@cases(REFUSED_WITH_TOKEN)
async def test_a_principal_is_refused_as_by_the_gateway(draft, stream_of, rehearsed, token):
    draft = replace(draft, fields=(*draft.fields, token))
    outcome = rehearsed().ask(draft)
    stream, _ = await stream_of(draft)
    same_answer(written(outcome), await stream.head())
