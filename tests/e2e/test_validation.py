"""Validation from outside: what reaches a service, what a client is told, and what is never asked for."""

import asyncio
import json

import pytest

SCHEMA = """{
  "type": "object",
  "properties": {
    "user": {"type": "string", "pattern": "^(a+)+$"},
    "amount": {"type": "integer", "minimum": 1}
  },
  "required": ["amount"]
}"""
QUERY = """
properties:
  limit: {type: integer, maximum: 100}
additionalProperties: false
"""
OPENAPI = """
openapi: 3.0.3
info: {title: Pay, version: "1"}
servers: [{url: https://pay.example/v2}]
paths:
  /charges/{id}:
    put:
      parameters: [{name: id, in: path, required: true, schema: {type: integer}}]
      requestBody:
        required: true
        content: {application/json: {schema: {$ref: "#/components/schemas/Charge"}}}
components:
  schemas:
    Charge:
      type: object
      properties:
        id: {type: string, readOnly: true}
        note: {type: string, nullable: true, maxLength: 5}
        parent: {$ref: "#/components/schemas/Charge"}
"""
ROUTES = """
defaults: {upstream: backend, auth: public}
routes:
  - {id: charge, match: {path: /charge}, validate: {schema: d/charge.json}}
  - {id: wide, match: {path: /wide}, validate: {schema: d/charge.json, max_body: 256KiB}}
  - {id: trial, match: {path: /trial}, validate: {schema: d/charge.json, max_body: 32B}, report: [validate]}
  - {id: listed, match: {path: /listed}, validate: {query: d/query.yaml}}
  - {id: denied, match: {path: /denied}, validate: {schema: d/charge.json}, clients: {deny: [127.0.0.0/8]}}
  - {id: service, match: {path: "/{rest...}"}, prefix: /pay, validate: {openapi: d/pay.yaml}}
"""
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
GOOD = b'{"user": "aaa", "amount": 49}'
JSON = b"Content-Type: application/json"


def request(body, *lines, method=b"POST", path=b"/charge", length=None):
    counted = b"Content-Length: %d" % (len(body) if length is None else length)
    head = [method + b" " + path + b" HTTP/1.1", b"Host: a.example", *(lines or (JSON,)), counted]
    return b"\r\n".join([*head, b"", b""]) + body


@pytest.fixture
async def checked(serve, scripted, tmp_path):
    """A gateway that validates, and the backend behind it."""

    async def start(**configuration):
        folder = tmp_path / "configuration" / "policies" / "d"
        folder.mkdir(parents=True)
        (folder / "charge.json").write_text(SCHEMA)
        (folder / "query.yaml").write_text(QUERY)
        (folder / "pay.yaml").write_text(OPENAPI)
        backend = await scripted()
        return await serve(backend.url, policies=ROUTES, **configuration), backend

    return start


async def problem(client):
    """The status of a refusal, and its members."""
    head = await client.head()
    size = int(head.partition(b"Content-Length: ")[2].partition(b"\r\n")[0])
    return int(head[9:12]), json.loads(await client.exactly(size))


async def test_good_request_is_forwarded_as_it_came(checked, connect):
    """Not one byte of the body is written anew."""
    gateway, backend = await checked()
    client = await connect(gateway)
    body = b' {"amount" : 4.9e1,\t"other": "\\u00e9"}\n'
    await client.send(request(body))
    stream, head = await backend.requested()
    assert b"Content-Length: %d" % len(body) in head.split(b"\r\n")
    assert body == await stream.exactly(len(body))
    await stream.send(OK)
    assert (await client.head()).startswith(b"HTTP/1.1 200 ")


@pytest.mark.parametrize(
    ("sent", "status", "reason"),
    [
        pytest.param(request(b'{"amount": 0}'), 422, "invalid_body", id="a value of the wrong form"),
        pytest.param(request(b"[" * 20_000), 400, "malformed_body", id="a deep bomb"),
        pytest.param(request(b'{"amount": 1, "amount": 2}'), 400, "malformed_body", id="a name twice"),
        pytest.param(
            request(json.dumps({str(n): 0 for n in range(4000)}).encode()),
            400,
            "malformed_body",
            id="many names",
        ),
        pytest.param(
            request(b'{"amount": ' + b"9" * 60_000 + b"}"), 400, "malformed_body", id="a huge number"
        ),
        pytest.param(request(b'{"amount": NaN}'), 400, "malformed_body", id="NaN"),
        pytest.param(request(b'{"amount": 1, "user": "\xff"}'), 400, "malformed_body", id="no UTF-8"),
        pytest.param(
            request(rb'{"amount": 1, "user": "\ud800"}'), 400, "malformed_body", id="a lone surrogate"
        ),
        pytest.param(request(rb'{"amount": 1, "user": "\u0000"}'), 400, "malformed_body", id="NUL"),
        pytest.param(
            request(b'{"amount": 1, "user": "' + b"a" * 60_000 + b'!"}'),
            422,
            "invalid_body",
            id="a text for a pattern that backtracks",
        ),
        pytest.param(request(GOOD, b"X: y"), 415, "unsupported_media_type", id="no type"),
        pytest.param(
            request(GOOD, JSON + b";charset=utf-7"), 415, "unsupported_media_type", id="another charset"
        ),
        pytest.param(
            request(GOOD, JSON + b", text/plain"), 415, "unsupported_media_type", id="two in one field"
        ),
        pytest.param(request(GOOD, JSON, JSON), 400, "duplicate_field", id="two fields"),
        pytest.param(
            request(b"\x1f\x8b\x08bomb", JSON, b"Content-Encoding: gzip"),
            415,
            "unsupported_encoding",
            id="gzip",
        ),
        pytest.param(request(b""), 400, "missing_body", id="nothing"),
        pytest.param(request(GOOD, path=b"/denied"), 403, "address_denied", id="one that may not ask"),
        pytest.param(
            request(b"", method=b"GET", path=b"/listed?limit=101"), 400, "invalid_query", id="a query"
        ),
        pytest.param(
            request(b"", method=b"GET", path=b"/listed?limit=1;a"), 400, "invalid_query", id="an odd query"
        ),
        pytest.param(
            request(b"{}", method=b"PUT", path=b"/pay/v2/charges/x"),
            400,
            "invalid_parameter",
            id="a parameter",
        ),
        pytest.param(
            request(b"{}", method=b"PUT", path=b"/pay/charges/7"), 404, "unknown_operation", id="no base"
        ),
        pytest.param(
            request(b'{"parent": {"note": "too long"}}', method=b"PUT", path=b"/pay/v2/charges/7"),
            422,
            "invalid_body",
            id="deep inside",
        ),
        pytest.param(
            request(b'{"id": "7"}', method=b"PUT", path=b"/pay/v2/charges/7"),
            422,
            "invalid_body",
            id="readOnly",
        ),
    ],
)
async def test_bad_request_reaches_no_service(checked, connect, sent, status, reason):
    gateway, backend = await checked()
    client = await connect(gateway)
    await client.send(sent)
    told = await problem(client)
    assert (status, reason, []) == (told[0], told[1]["reason"], backend.taken)


async def test_places_are_told_and_no_values(checked, connect):
    gateway, _ = await checked()
    client = await connect(gateway)
    await client.send(
        request(b'{"user": "SECRET", "amount": "SECRET", "SECRET": 1}', JSON, b"Accept: text/html")
    )
    await client.send(request(b'{"user": "SECRET", "amount": "SECRET", "SECRET": 1}'))
    page = await client.until(b"</html>\n")
    status, told = await problem(client)
    assert (422, b"SECRET" in page, "SECRET" in str(told)) == (status, False, False)
    assert [
        {"pointer": "#/user", "detail": "does not have the expected form"},
        {"pointer": "#/amount", "detail": "has the wrong type"},
    ] == sorted(told["errors"], key=lambda error: error["pointer"], reverse=True)


async def test_operation_of_a_document_is_forwarded(checked, connect):
    gateway, backend = await checked()
    client = await connect(gateway)
    await client.send(request(b'{"note": null, "parent": {}}', method=b"PUT", path=b"/pay/v2/charges/7?x=1"))
    _, head = await backend.requested()
    assert head.startswith(b"PUT /v2/charges/7?x=1 ")


@pytest.mark.parametrize(
    ("lines", "path", "status"),
    [
        pytest.param((JSON,), b"/denied", b"403", id="by another policy"),
        pytest.param((b"Content-Type: text/plain",), b"/charge", b"415", id="for its type"),
        pytest.param((JSON, b"Content-Encoding: br"), b"/charge", b"415", id="for its coding"),
        pytest.param((JSON,), b"/pay/v2/charges/x", b"404", id="for its operation"),
    ],
)
async def test_body_of_a_refused_head_is_never_asked_for(checked, connect, lines, path, status):
    gateway, _ = await checked()
    client = await connect(gateway)
    await client.send(request(b"", *lines, b"Expect: 100-continue", path=path, length=100))
    assert (await client.head()).startswith(b"HTTP/1.1 " + status)


async def test_body_is_asked_for_when_all_heads_agree(checked, connect):
    """Once, and before anything is sent to the backend."""
    gateway, backend = await checked()
    client = await connect(gateway)
    await client.send(request(b"", JSON, b"Expect: 100-continue", length=len(GOOD)))
    assert b"HTTP/1.1 100 Continue\r\n\r\n" == await client.head()
    assert [] == backend.taken
    await client.send(GOOD)
    stream, head = await backend.requested()
    assert b"expect" not in head.lower()
    await stream.send(OK)
    assert (await client.head()).startswith(b"HTTP/1.1 200 ")


async def test_another_expectation_is_refused(checked, connect):
    gateway, backend = await checked()
    client = await connect(gateway)
    await client.send(request(GOOD, JSON, b"Expect: rain"))
    assert (417, []) == ((await problem(client))[0], backend.taken)


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(request(b"", length=65 * 1024 + 1), id="announced"),
        pytest.param(
            request(b"").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
            + b"10001\r\n"
            + b" " * 0x10001
            + b"\r\n",
            id="in chunks",
        ),
    ],
)
async def test_body_that_is_too_large_is_refused(checked, connect, sent):
    gateway, backend = await checked()
    client = await connect(gateway)
    await client.send(sent)
    assert (413, []) == ((await problem(client))[0], backend.taken)


async def test_body_larger_than_what_is_held_otherwise_is_read_and_forwarded(checked, connect):
    """256 KiB at most, though a body that waits for a connection is held to 64 KiB only."""
    gateway, backend = await checked()
    client = await connect(gateway)
    body = GOOD[:-1] + b" " * 200_000 + b"}"
    await client.send(request(b"", path=b"/wide", length=len(body)))
    for start in range(0, len(body), 50_000):
        await client.send(body[start : start + 50_000])
    stream, _ = await backend.requested()
    assert body == await stream.exactly(len(body))


async def test_slow_body_is_given_up(checked, connect):
    gateway, backend = await checked(more="timeouts: {body_idle: 300ms}\n")
    client = await connect(gateway)
    await client.send(request(GOOD[:10], length=len(GOOD)))
    status, told = await problem(client)
    assert (408, "request_timeout", []) == (status, told["reason"], backend.taken)


async def test_client_that_leaves_in_its_body_leaves_nothing(checked, connect, until):
    gateway, backend = await checked()
    client = await connect(gateway)
    await client.send(request(b"", JSON, b"Expect: 100-continue", length=len(GOOD)))
    await client.head()
    client.cut()
    await until(lambda: not gateway.connections)
    endpoint = gateway.upstreams["backend"].endpoints[0]
    assert ([], 0, 0) == (backend.taken, endpoint.pending, endpoint.pool.open)
    await until(lambda: not [task for task in asyncio.all_tasks() if "_waited" in repr(task.get_coro())])


@pytest.mark.parametrize("at_once", [pytest.param(1000, id="in pieces"), pytest.param(None, id="at once")])
async def test_body_that_was_read_is_still_whole_for_a_retry(checked, connect, at_once):
    """The kept connection is dead: the request goes out again, with all of its body."""
    gateway, backend = await checked()
    client = await connect(gateway)
    body = GOOD[:-1] + b" " * 100_000 + b"}"
    await client.send(request(body, path=b"/wide", method=b"PUT"))
    first, _ = await backend.requested()
    await first.exactly(len(body))
    await first.send(OK)
    await client.until(b"\r\n\r\nok")
    await client.send(request(body[:at_once], path=b"/wide", method=b"PUT", length=len(body)))
    await client.send(body[len(body[:at_once]) :])
    await first.head()
    first.cut()
    second, _ = await backend.requested()
    assert body == await second.exactly(len(body))


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(request(b'{"amount": 0}', path=b"/trial"), id="a bad body"),
        pytest.param(request(b"not JSON", b"Content-Type: text/plain", path=b"/trial"), id="a bad type"),
        pytest.param(request(b" " * 100_000, path=b"/trial"), id="a body that is too large"),
        pytest.param(
            request(b"", path=b"/trial").replace(b"Content-Length: 0", b"Transfer-Encoding: chunked")
            + b"2710\r\n%b\r\n0\r\n\r\n" % (b"x" * 10_000),
            id="in chunks",
        ),
    ],
)
async def test_validation_on_trial_lets_pass(checked, connect, sent):
    """All of the body arrives, also what was read of one that is too large to be looked at."""
    gateway, backend = await checked()
    client = await connect(gateway)
    await client.send(sent[:200])
    await client.send(sent[200:])
    stream, _ = await backend.requested()
    body = sent.partition(b"\r\n\r\n")[2]
    if b"chunked" in sent:
        carried = b""
        while not carried.endswith(b"0\r\n\r\n"):
            carried += await stream.until(b"\r\n")
        assert 10_000 == carried.count(b"x")
    else:
        assert body == await stream.exactly(len(body))
    await stream.send(OK)
    assert (await client.head()).startswith(b"HTTP/1.1 200 ")
