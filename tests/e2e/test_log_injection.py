"""What a client writes into the logs: values, and never anything else. A real process, and its real file.

Bytes that mean something to JSON, to a terminal or to whoever reads lines stand in every place that a client
or the issuer of its token has a say in. The file is read as the operator's programs read it.
"""

import asyncio
import json
import re
import signal
import time

import orjson
import pytest

SECRET = b"s3cret"
GATEWAY = """\
version: 1
listeners: [{{address: "127.0.0.1:0"}}]
admin: {{address: "unix:{folder}/admin.sock"}}
upstreams: {{backend: {{endpoints: ["{backend}"]}}}}
issuers:
  idp:
    issuer: https://id.example
    audience: [api]
    algorithms: [ES256]
    keys: [{jwk}]
    token: {{header: Authorization, query: ticket}}
telemetry: {{access_log: {{path: "{folder}/access.log"}}}}
policies: [policies]
"""
ROUTES = """\
routes:
  - {id: open, match: {path: "/open/{rest...}"}, upstream: backend, auth: public}
  - {id: kept, match: {path: /kept}, auth: idp, respond: {status: 204}}
"""
NAMES = (
    *("type", "time", "request_id", "trace_id", "span_id", "sampled", "client", "method", "host", "path"),
    *("query", "status", "bytes_in", "bytes_out", "user_agent", "route", "operation", "principal", "roles"),
    *("decision", "policy", "reason", "source", "reported", "upstream", "endpoint", "attempts"),
    *("duration_ms", "upstream_ms", "overhead_ms", "config_version"),
)
# Ends a value, begins a line, orders a terminal about, turns text round, is no text.
HOSTILE = b'","type":"forged"}\\ \x1b[2J \xe2\x80\xa8 \xe2\x80\xae \xc2\x9b \xff \xed\xa0\x80 \t end'


@pytest.fixture
async def logged(program, tmp_path, dial, signer):
    """Run a gateway, send it bytes, each on a connection of its own; gives the lines of its file."""
    issuer = signer()

    async def run(*requests: bytes) -> list[bytes]:
        (tmp_path / "policies").mkdir()
        (tmp_path / "policies" / "routes.yaml").write_text(ROUTES)
        config = tmp_path / "gateway.yaml"
        jwk = json.dumps(issuer.jwk)
        config.write_text(GATEWAY.format(folder=tmp_path, backend="http://127.0.0.1:1", jwk=jwk))
        gateway = await program("run", "--config", config)
        port = int(re.search(r"127\.0\.0\.1:(\d+)", await gateway.said("listening on "))[1])
        await gateway.said("admin on ")
        for request in requests:
            client = await dial(port)
            await client.send(request)
            await client.rest()
        gateway.signal(signal.SIGTERM)
        status, out, err = await gateway.ended()
        assert (0, "", ["draining", "stopped"]) == (status, out, gateway.messages(err))
        return (tmp_path / "access.log").read_bytes().splitlines(keepends=True)

    return run


def get(target: bytes = b"/open/a", *fields: bytes, method: bytes = b"GET") -> bytes:
    lines = [b"%b %b HTTP/1.1" % (method, target), b"Host: a.example", b"Connection: close", *fields]
    return b"\r\n".join(lines) + b"\r\n\r\n"


def checked(lines: list[bytes]) -> list[dict]:
    """What the lines say, once it is certain that they are lines of ours and nothing else."""
    for line in lines:
        assert line.endswith(b"\n")
        assert not any(byte < 0x20 or byte > 0x7E for byte in line[:-1]), line
        assert SECRET not in line
        told = orjson.loads(line)
        assert json.loads(line) == told
        assert [*NAMES] == [*told]
        assert "access" == told["type"]
    return [orjson.loads(line) for line in lines]


HOSTILE_REQUESTS = [
    pytest.param(get(b"/open/%22%7D%0A%00%1B%5B2J"), id="a path with escapes of everything"),
    pytest.param(get(b"/open/" + HOSTILE.replace(b" ", b"").replace(b"\t", b"")), id="a raw path"),
    pytest.param(get(b'/open/a?"}{\\"' + b"\xff\xe2\x80\xae"), id="a raw query"),
    pytest.param(get(b"/open/a?" + b"%0a%22" * 900), id="a long query"),
    pytest.param(get(b"/open/" + b"a" * 4000), id="a long path"),
    pytest.param(get(b"/open/a", b"User-Agent: " + HOSTILE), id="a name of the client's"),
    pytest.param(get(b"/open/a", b"User-Agent: " + b'"' * 1000), id="a long name"),
    pytest.param(get(b"/open/a", b"User-Agent: a", b"User-Agent: " + HOSTILE), id="two names"),
    pytest.param(get(b"/open/a", method=b"M-SEARCH"), id="another method"),
    pytest.param(get(b"/open/a", method=b"A" * 40), id="a method that nobody knows"),
    pytest.param(get(b"/open/a", b"Host: b.example"), id="two hosts"),
    pytest.param(get().replace(b"a.example", b'a"\x1b.example'), id="a host"),
    pytest.param(get().replace(b"a.example", b"a" * 300), id="a long host"),
    pytest.param(get(b"/open/a", b"X-Request-Id: " + HOSTILE), id="an id"),
    pytest.param(get(b"/open/a", b"X-Request-Id: " + b"a" * 32), id="an id that could be ours"),
    pytest.param(get(b"/open/a", b"traceparent: 00-" + HOSTILE), id="a trace"),
    pytest.param(get(b"/open/a", b"X-Forwarded-For: " + HOSTILE), id="an address"),
    pytest.param(b"\x16\x03\x01\x02\x00 \n\n", id="no HTTP"),
    pytest.param(HOSTILE + b"\r\n\r\n", id="nothing but hostile bytes"),
    pytest.param(get(b"/open/a?token=s3cret&a=1", b"Authorization: Bearer s3cret"), id="a token"),
    pytest.param(get(b"/open/a?%74OKEN=s3cret;sig=s3cret&user[password]=s3cret"), id="tokens by other names"),
    pytest.param(get(b"/kept?ticket=s3cret"), id="a token where the issuer takes it"),
    pytest.param(get(b"/open/a?TICKET=s3cret"), id="the same on a route that does not ask for it"),
    pytest.param(get(b"/open/a?next=%2Fb%3Fcode%3Ds3cret"), id="a token in a URL"),
    pytest.param(get(b"/open/a", b"Cookie: session=s3cret", b"X-Api-Key: s3cret"), id="cookies and keys"),
    pytest.param(get(b"/open/a", b"Authorization: Basic s3cret"), id="a password"),
]


async def test_nothing_that_a_client_sends_becomes_more_than_a_value(logged):
    """One line a request, whatever it is, in the order in which they ended."""
    requests = [case.values[0] for case in HOSTILE_REQUESTS]
    told = checked(await logged(*requests))
    for case, line in zip(HOSTILE_REQUESTS, told, strict=True):
        assert line["status"] in (400, 401, 404, 502), case.id
    assert {"127.0.0.1"} == {line["client"] for line in told}
    assert len({line["request_id"] for line in told}) == len(told)
    named = told[[case.id for case in HOSTILE_REQUESTS].index("a name of the client's")]
    assert named["user_agent"] in (HOSTILE.decode("utf-8", "replace"), "")


# Subjects and roles, and the reason where a token with them is refused.
PRINCIPALS = [
    pytest.param('a"b\\c', ['","type":"forged'], "", id="what ends a value"),
    pytest.param("a\u202eb\u2028c\u200b", ["\u2029"], "", id="what turns text round"),
    pytest.param("a" * 200, [f"role-{number:03}" for number in range(100)], "", id="many roles"),
    pytest.param("\U0001f600", ["\U0001f600"], "", id="pictures"),
    pytest.param("a\r\n{}", [], "unusable_claims", id="ends of lines"),
    pytest.param("\ud800", [], "unusable_claims", id="half a character"),
]


async def test_nothing_that_a_token_says_becomes_more_than_a_value(logged, signer):
    """An issuer takes names from those who register."""
    rows = [case.values for case in PRINCIPALS]
    usual = {"iss": "https://id.example", "aud": "api", "exp": int(time.time()) + 600}
    tokens = [signer().token({**usual, "sub": subject, "roles": roles}) for subject, roles, _ in rows]
    requests = [get(b"/kept", b"Authorization: Bearer " + token) for token in tokens]
    told = checked(await logged(*requests))
    expected = [(reason, "" if reason else who, [] if reason else roles[:32]) for who, roles, reason in rows]
    assert expected == [(line["reason"], line["principal"], line["roles"]) for line in told]


async def test_a_blocked_log_stops_no_request(program, tmp_path, dial, signer):
    """Standard output is a pipe here that nobody reads, and has no room for so many lines."""
    (tmp_path / "policies").mkdir()
    (tmp_path / "policies" / "routes.yaml").write_text(ROUTES)
    config = tmp_path / "gateway.yaml"
    text = GATEWAY.format(folder=tmp_path, backend="http://127.0.0.1:1", jwk=json.dumps(signer().jwk))
    config.write_text("".join(line for line in text.splitlines(True) if "access.log" not in line))
    gateway = await program("run", "--config", config)
    port = int(re.search(r"127\.0\.0\.1:(\d+)", await gateway.said("listening on "))[1])
    await gateway.said("admin on ")
    client = await dial(port)
    request = b"GET /nowhere HTTP/1.1\r\nHost: a.example\r\nUser-Agent: " + b'"' * 256 + b"\r\n\r\n"
    async with asyncio.timeout(20):
        for _ in range(20):
            await client.send(request * 20)
            for _ in range(20):
                await client.until(b"}")
    gateway.signal(signal.SIGTERM)
    status, out, _ = await gateway.ended()
    assert (0, 400) == (status, len(checked(out.encode().splitlines(keepends=True))))
