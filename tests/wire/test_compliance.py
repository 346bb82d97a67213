"""HTTP/1.1 as others test it: the requests of Http11Probe's compliance suite, and what each comes to here.

The requests are those of the public suite Http11Probe (MDA2AV, MIT licence); the words are ours. Each row
says how our answer stands to what the suite asks for:

- PASS: it is the answer asked for, or one of several.
- STRICTER: the suite would rather have it accepted, or takes either; it is refused.
- BACKEND: what is asked for is the backend's to decide; what the backend answers is passed on as it is.

None deviates; a row that did would have to say so.
"""

import asyncio
import re
from collections import Counter
from contextlib import suppress

import pytest

PASS, STRICTER, BACKEND = "pass", "stricter", "backend"

GATEWAY = """\
version: 1
name: test-gateway
listeners: [{address: "127.0.0.1:0"}]
admin: {address: "127.0.0.1:0"}
upstreams: {backend: {endpoints: ["${env:BACKEND:-http://127.0.0.1:1}"], pool: {idle: 10000s}}}
policies: [policies]
defaults: {headers: {preset: none}}
"""
POLICIES = """\
defaults: {upstream: backend, auth: public}
routes:
  - {id: root, match: {path: /, methods: [GET, POST, OPTIONS]}, upgrade: [websocket]}
  - {id: rest, match: {path: "/{rest...}"}}
"""
GET = b"GET / HTTP/1.1\r\nHost: a.test\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a.test\r\n"
ECHO = b"POST /echo HTTP/1.1\r\nHost: a.test\r\n"
COOKIE = b"GET /echo HTTP/1.1\r\nHost: a.test\r\n"
READ = b"GET /cookie HTTP/1.1\r\nHost: a.test\r\n"
KEY = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: "
PAIRS = b"; ".join([b"k%d=v%d" % (number, number) for number in range(1000)])
IMF_FIXDATE = re.compile(r"[A-Z][a-z]{2}, \d{2} [A-Z][a-z]{2} \d{4} \d{2}:\d{2}:\d{2} GMT")

# What is sent; the status with the reason of a refusal, or nothing where no answer is due; the body of the
# backend's answer; whether the connection ends with it.
CASES = [
    pytest.param(GET + b"\r\n", "200", b"ok", False, PASS, id="a plain GET"),
    pytest.param(
        b"GET / HTTP/1.1\nHost: a.test\r\n\r\n",
        "400 malformed_request",
        b"",
        True,
        PASS,
        id="a bare LF behind the request line",
    ),
    pytest.param(
        b"GET / HTTP/1.1\r\nHost: a.test\nX-Test: value\r\n\r\n",
        "400 malformed_request",
        b"",
        True,
        PASS,
        id="a bare LF behind a field",
    ),
    pytest.param(
        GET + b"X-Test: value\r\n continued\r\n\r\n",
        "400 malformed_request",
        b"",
        True,
        PASS,
        id="a folded field",
    ),
    pytest.param(
        GET + b"X-Test : value\r\n\r\n", "400 malformed_request", b"", True, PASS, id="a space before a colon"
    ),
    pytest.param(
        b"GET  / HTTP/1.1\r\nHost: a.test\r\n\r\n",
        "400 malformed_request",
        b"",
        True,
        STRICTER,
        id="two spaces in the request line",
    ),
    pytest.param(b"GET / HTTP/1.1\r\n\r\n", "400 bad_host", b"", True, PASS, id="no Host"),
    pytest.param(
        b"GET / HTTP/9.9\r\nHost: a.test\r\n\r\n", "505 unsupported_version", b"", True, PASS, id="HTTP/9.9"
    ),
    pytest.param(
        GET + b": empty-name\r\n\r\n", "400 malformed_request", b"", True, PASS, id="a field without a name"
    ),
    pytest.param(
        b"GET / HTTP/1.1\rHost: a.test\r\n\r\n",
        "400 malformed_request",
        b"",
        True,
        PASS,
        id="a bare CR behind the request line",
    ),
    pytest.param(
        b"GET HTTP/1.1\r\nHost: a.test\r\n\r\n", "400 malformed_request", b"", True, PASS, id="no target"
    ),
    pytest.param(
        b"GET /path#frag HTTP/1.1\r\nHost: a.test\r\n\r\n",
        "400 bad_path",
        b"",
        True,
        STRICTER,
        id="a fragment in the target",
    ),
    pytest.param(b"GET /\r\n", "", b"", False, PASS, id="a request line of HTTP/0.9"),
    pytest.param(
        GET + b"Bad[Name: value\r\n\r\n", "400 malformed_request", b"", True, PASS, id="a bracket in a name"
    ),
    pytest.param(
        GET + b"NoColonHere\r\n\r\n", "400 malformed_request", b"", True, PASS, id="a field without a colon"
    ),
    pytest.param(
        GET + b"Host: other.example.com\r\n\r\n",
        "400 duplicate_field",
        b"",
        True,
        PASS,
        id="two different Hosts",
    ),
    pytest.param(
        POST + b"Content-Length: abc\r\n\r\n",
        "400 malformed_request",
        b"",
        True,
        PASS,
        id="a length in letters",
    ),
    pytest.param(
        POST + b"Content-Length: +5\r\n\r\nhello",
        "400 malformed_request",
        b"",
        True,
        PASS,
        id="a length with a plus",
    ),
    pytest.param(
        b"GET / HTTP/1.1\r\n \r\nHost: a.test\r\n\r\n",
        "400 malformed_request",
        b"",
        True,
        PASS,
        id="white space ahead of the first field",
    ),
    pytest.param(
        GET + b"Host: a.test\r\n\r\n", "400 duplicate_field", b"", True, PASS, id="the same Host twice"
    ),
    pytest.param(
        b"GET / HTTP/1.1\r\nHost: user@a.test\r\n\r\n", "400 bad_host", b"", True, PASS, id="a user in Host"
    ),
    pytest.param(
        b"GET / HTTP/1.1\r\nHost: a.test/path\r\n\r\n", "400 bad_host", b"", True, PASS, id="a path in Host"
    ),
    pytest.param(
        b"GET * HTTP/1.1\r\nHost: a.test\r\n\r\n", "400 bad_target", b"", True, PASS, id="GET of an asterisk"
    ),
    pytest.param(
        b"OPTIONS * HTTP/1.1\r\nHost: a.test\r\n\r\n", "204", b"", False, PASS, id="OPTIONS of an asterisk"
    ),
    pytest.param(
        POST + b"Transfer-Encoding: gzip\r\n\r\n",
        "400 ambiguous_framing",
        b"",
        True,
        PASS,
        id="a coding that is not chunked",
    ),
    pytest.param(
        b"\r\n\r\nGET / HTTP/1.1\r\nHost: a.test\r\n\r\n",
        "200",
        b"ok",
        False,
        PASS,
        id="empty lines ahead of the request line",
    ),
    pytest.param(
        b"GET http://a.test/ HTTP/1.1\r\nHost: a.test\r\n\r\n",
        "200",
        b"ok",
        False,
        PASS,
        id="a target in absolute form",
    ),
    pytest.param(
        b"get / HTTP/1.1\r\nHost: a.test\r\n\r\n",
        "400 malformed_request",
        b"",
        True,
        STRICTER,
        id="a method in small letters",
    ),
    pytest.param(
        POST + b"Content-Length: 5\r\n\r\nhello", "200", b"hello", False, PASS, id="POST with a length"
    ),
    pytest.param(POST + b"Content-Length: 0\r\n\r\n", "200", b"", False, PASS, id="POST with a length of 0"),
    pytest.param(POST + b"\r\n", "200", b"", False, PASS, id="POST without a body"),
    pytest.param(
        POST + b"Content-Length: 10\r\n\r\nhello", "", b"", False, PASS, id="half of a counted body"
    ),
    pytest.param(
        POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
        "200",
        b"hello",
        False,
        PASS,
        id="POST with a chunk",
    ),
    pytest.param(
        POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
        "200",
        b"hello world",
        False,
        PASS,
        id="POST with two chunks",
    ),
    pytest.param(
        POST + b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "200",
        b"",
        False,
        PASS,
        id="POST with no chunk but the last",
    ),
    pytest.param(
        POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n",
        "",
        b"",
        False,
        PASS,
        id="chunks without the last",
    ),
    pytest.param(
        POST + b"Connection: Upgrade\r\nUpgrade: websocket\r\n" + KEY + b"13\r\n\r\n",
        "200",
        b"",
        False,
        PASS,
        id="a WebSocket by POST",
    ),
    pytest.param(
        GET + b"Upgrade: websocket\r\n" + KEY + b"13\r\n\r\n",
        "200",
        b"ok",
        False,
        PASS,
        id="a WebSocket that Connection does not name",
    ),
    pytest.param(
        GET + b"Connection: Upgrade\r\nUpgrade: totally-made-up/1.0\r\n\r\n",
        "200",
        b"ok",
        False,
        PASS,
        id="an unknown protocol to switch to",
    ),
    pytest.param(
        b"CONNECT example.com:443 HTTP/1.1\r\nHost: example.com:443\r\n\r\n",
        "405 method_refused",
        b"",
        True,
        PASS,
        id="CONNECT",
    ),
    pytest.param(
        GET + b"Expect: 200-ok\r\n\r\n",
        "417 expectation_failed",
        b"",
        True,
        PASS,
        id="an unknown expectation",
    ),
    pytest.param(GET + b"Content-Length: 5\r\n\r\nhello", "200", b"ok", False, PASS, id="GET with a body"),
    pytest.param(
        POST + b"Transfer-Encoding: chunked\r\n\r\n5;ext=value\r\nhello\r\n0\r\n\r\n",
        "200",
        b"hello",
        False,
        PASS,
        id="a chunk extension",
    ),
    pytest.param(
        GET + b"Connection: Upgrade\r\nUpgrade: websocket\r\n" + KEY + b"99\r\n\r\n",
        "200",
        b"ok",
        False,
        BACKEND,
        id="a WebSocket of an unknown version",
    ),
    pytest.param(
        b"TRACE / HTTP/1.1\r\nHost: a.test\r\n\r\n", "405 method_refused", b"", True, PASS, id="TRACE"
    ),
    pytest.param(b"GET / HTTP/1.1\r\nHost: \r\n\r\n", "400 bad_host", b"", True, PASS, id="an empty Host"),
    pytest.param(
        b"GET\t/ HTTP/1.1\r\nHost: a.test\r\n\r\n",
        "400 malformed_request",
        b"",
        True,
        STRICTER,
        id="a tab in the request line",
    ),
    pytest.param(
        b"GET / HTTP/1\r\nHost: a.test\r\n\r\n", "400 malformed_request", b"", True, PASS, id="HTTP/1"
    ),
    pytest.param(
        b"GET / HTTP/01.01\r\nHost: a.test\r\n\r\n", "400 malformed_request", b"", True, PASS, id="HTTP/01.01"
    ),
    pytest.param(
        b"GET / HTTP/ 1.1\r\nHost: a.test\r\n\r\n",
        "400 malformed_request",
        b"",
        True,
        PASS,
        id="a space in the version",
    ),
    pytest.param(
        GET + b"Connection: close\r\n\r\n", "200", b"ok", True, PASS, id="a client that wants to close"
    ),
    pytest.param(b"GET / HTTP/1.0\r\nHost: a.test\r\n\r\n", "200", b"ok", True, PASS, id="HTTP/1.0"),
    pytest.param(b"GET / HTTP/1.0\r\n\r\n", "200", b"ok", True, PASS, id="HTTP/1.0 without a Host"),
    pytest.param(
        b"GET / HTTP/1.2\r\nHost: a.test\r\n\r\n",
        "505 unsupported_version",
        b"",
        True,
        STRICTER,
        id="HTTP/1.2",
    ),
    pytest.param(
        b"TRACE / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nhello",
        "405 method_refused",
        b"",
        True,
        PASS,
        id="TRACE with a body",
    ),
    pytest.param(
        POST + b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX-Checksum: abc\r\n\r\n",
        "200",
        b"hello",
        False,
        PASS,
        id="a trailer behind chunks",
    ),
    pytest.param(
        POST + b"Transfer-Encoding: chunked\r\n\r\nA\r\nhelloworld\r\n0\r\n\r\n",
        "200",
        b"helloworld",
        False,
        PASS,
        id="a chunk size in capitals",
    ),
    pytest.param(
        POST + b"Content-Length: 5\r\nRange: bytes=0-10\r\n\r\nhello",
        "200",
        b"hello",
        False,
        BACKEND,
        id="POST of a range",
    ),
    pytest.param(
        b"GET / HTTP/1.0\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
        + KEY
        + b"13\r\n\r\n",
        "200",
        b"ok",
        True,
        PASS,
        id="a WebSocket by HTTP/1.0",
    ),
    pytest.param(b"HEAD / HTTP/1.1\r\nHost: a.test\r\n\r\n", "200", b"", False, PASS, id="HEAD"),
    pytest.param(
        b"FOOBAR / HTTP/1.1\r\nHost: a.test\r\n\r\n",
        "400 malformed_request",
        b"",
        True,
        PASS,
        id="an unknown method",
    ),
    pytest.param(
        b"DELETE / HTTP/1.1\r\nHost: a.test\r\n\r\n",
        "405 method_not_allowed",
        b"",
        False,
        PASS,
        id="a method that the route does not have",
    ),
    pytest.param(GET + b"\r\n", "200", b"ok", False, PASS, id="an answer has a Date"),
    pytest.param(GET + b"\r\n", "200", b"ok", False, PASS, id="whose form is the usual one"),
    pytest.param(
        b"POST / HTTP/1.0\r\nHost: a.test\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\nhello",
        "200",
        b"hello",
        True,
        PASS,
        id="an expectation by HTTP/1.0",
    ),
    pytest.param(
        b"OPTIONS / HTTP/1.1\r\nHost: a.test\r\n\r\n", "204", b"", False, PASS, id="a 204 has no length"
    ),
    pytest.param(
        b"OPTIONS / HTTP/1.1\r\nHost: a.test\r\n\r\n",
        "204",
        b"",
        False,
        BACKEND,
        id="OPTIONS tells what is allowed",
    ),
    pytest.param(GET + b"\r\n", "200", b"ok", False, BACKEND, id="content has a type"),
    pytest.param(
        b"GET / http/1.1\r\nHost: a.test\r\n\r\n",
        "400 malformed_request",
        b"",
        True,
        PASS,
        id="a version in small letters",
    ),
    pytest.param(
        b"GET /" + b"a" * 7900 + b" HTTP/1.1\r\nHost: a.test\r\n\r\n",
        "200",
        b"ok",
        False,
        PASS,
        id="a request line of 8000 bytes",
    ),
    pytest.param(
        b"GET /pa th HTTP/1.1\r\nHost: a.test\r\n\r\n",
        "400 malformed_request",
        b"",
        True,
        PASS,
        id="a space in the target",
    ),
    pytest.param(
        POST + b"Content-Length: 5\r\nContent-Type: text/plain\r\nContent-Type: text/html\r\n\r\nhello",
        "400 duplicate_field",
        b"",
        True,
        STRICTER,
        id="two types of content",
    ),
    pytest.param(
        b"TRACE / HTTP/1.1\r\nHost: a.test\r\nAuthorization: Bearer secret-token-123\r\n\r\n",
        "405 method_refused",
        b"",
        True,
        PASS,
        id="TRACE with credentials",
    ),
    pytest.param(
        GET + b"Range: bytes=abc-xyz\r\n\r\n", "200", b"ok", False, BACKEND, id="a range that is none"
    ),
    pytest.param(
        GET + b"Accept: application/x-nonsense\r\n\r\n",
        "200",
        b"ok",
        False,
        BACKEND,
        id="a type that nobody has",
    ),
    pytest.param(
        POST + b"Content-Length: 5\r\nContent-Type: application/x-nonsense\r\n\r\nhello",
        "200",
        b"hello",
        False,
        BACKEND,
        id="content of an unknown type",
    ),
    pytest.param(
        ECHO + b"Content-Length: 11\r\nContent_Length: 99\r\n\r\nhello world",
        "200",
        b"Content-Length: 11",
        False,
        PASS,
        id="Content_Length",
    ),
    pytest.param(
        ECHO + b"Content-Length: 11\r\nContent-Length : 5\r\n\r\nhello world",
        "400 malformed_request",
        b"",
        True,
        PASS,
        id="a second length with a space before its colon",
    ),
    pytest.param(
        ECHO + b"Content-Length: 11\r\nContent\tLength: 99\r\n\r\nhello world",
        "400 malformed_request",
        b"",
        True,
        PASS,
        id="a tab in the name of a length",
    ),
    pytest.param(
        ECHO + b"Content-Length: 11\r\nTRANSFER-ENCODING: chunked\r\n\r\nhello world",
        "400 ambiguous_framing",
        b"",
        True,
        PASS,
        id="a length beside chunked in capitals",
    ),
    pytest.param(
        ECHO + b"Content-Length: 11\r\nTransfer_Encoding: chunked\r\n\r\nhello world",
        "200",
        b"Content-Length: 11",
        False,
        PASS,
        id="Transfer_Encoding",
    ),
    pytest.param(COOKIE + b"Cookie: foo=bar\r\n\r\n", "200", b"Cookie: foo=bar", False, PASS, id="a cookie"),
    pytest.param(COOKIE + b"Cookie: \r\n\r\n", "200", b"Cookie: ", False, BACKEND, id="an empty cookie"),
    pytest.param(
        COOKIE + b"Cookie: foo=\x00bar\r\n\r\n",
        "400 malformed_request",
        b"",
        True,
        STRICTER,
        id="NUL in a cookie",
    ),
    pytest.param(
        COOKIE + b"Cookie: foo=\x01\x02\x03\r\n\r\n",
        "400 malformed_request",
        b"",
        True,
        STRICTER,
        id="control characters in a cookie",
    ),
    pytest.param(
        b"GET /echo HTTP/1.1\r\nHost: a.test\r\nCookie: " + PAIRS + b"\r\n\r\n",
        "200",
        b"Cookie: " + PAIRS,
        False,
        BACKEND,
        id="a thousand cookies",
    ),
    pytest.param(
        COOKIE + b"Cookie: ===;;;\r\n\r\n",
        "200",
        b"Cookie: ===;;;",
        False,
        BACKEND,
        id="a cookie that is none",
    ),
    pytest.param(
        COOKIE + b"Cookie: a=1\r\nCookie: b=2\r\n\r\n",
        "200",
        b"Cookie: a=1\nCookie: b=2",
        False,
        BACKEND,
        id="cookies in two fields",
    ),
    pytest.param(
        READ + b"Cookie: foo=bar\r\n\r\n", "200", b"Cookie: foo=bar", False, BACKEND, id="a cookie to be read"
    ),
    pytest.param(
        READ + b"Cookie: a=1; b=2; c=3\r\n\r\n",
        "200",
        b"Cookie: a=1; b=2; c=3",
        False,
        BACKEND,
        id="three cookies to be read",
    ),
    pytest.param(
        READ + b"Cookie: foo=\r\n\r\n",
        "200",
        b"Cookie: foo=",
        False,
        BACKEND,
        id="a cookie without a value to be read",
    ),
    pytest.param(
        READ + b"Cookie: a=hello world; b=x=y\r\n\r\n",
        "200",
        b"Cookie: a=hello world; b=x=y",
        False,
        BACKEND,
        id="cookies with blanks and equals signs to be read",
    ),
]


def answer(seen):
    """A backend as the suite wants it: it gives a POST its body back, and tells at /echo what it was sent."""
    method, target, _ = seen.lines[0].split(b" ")
    if method == b"OPTIONS":
        return (b"HTTP/1.1 204 No Content\r\nAllow: GET, POST, OPTIONS\r\n\r\n",)
    body = seen.body if method == b"POST" else b"ok"
    if target in (b"/echo", b"/cookie"):
        told = (b"content", b"cookie", b"transfer")
        body = b"\n".join([line for line in seen.lines if line.lower().startswith(told)])
    if method == b"HEAD":
        return (b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\n",)
    return (
        b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: %d\r\n\r\n%b" % (len(body), body),
    )


def check(answers, sent, line, body):
    """One answer at most, the one that was expected, with the fields that any answer must have."""
    assert [line] * bool(line) == [each.line for each in answers]
    for each in answers:
        assert each.whole
        assert IMF_FIXDATE.fullmatch(each.fields["date"])
        assert "allow" in each.fields or not (each.line[:3] == "405" or sent.startswith(b"OPTIONS / "))
        assert ("content-length" in each.fields) == (each.line != "204")
        assert ("content-type" in each.fields) == (each.line != "204")
        if each.line[:1] == "2":
            assert body == each.body


@pytest.mark.parametrize(("sent", "line", "body", "ends", "verdict"), CASES)
async def test_on_transports(make_bench, load, sent, line, body, ends, verdict):
    """Whole, byte by byte or in two parts; what is not complete is only waited for."""
    every = range(len(sent)) if len(sent) < 1024 else (0, 700)
    for cuts in ((0,), every):
        bench = make_bench(snapshot=load(policies=POLICIES, gateway=GATEWAY))
        bench.script.at_end = answer
        await bench.send(*[sent[a:b] for a, b in zip(cuts, [*cuts[1:], len(sent)], strict=True)])
        check(bench.answers("HEAD" if sent.startswith(b"HEAD") else "GET"), sent, line, body)
        assert ends == (bench.transport.closed or bench.transport.ended)
        bench.check_books()


@pytest.mark.parametrize(("sent", "line", "body", "ends", "verdict"), CASES)
async def test_over_sockets(serve, listen, script, read, sent, line, body, ends, verdict):
    """To the real listener, from a client that says no more and reads to the end."""
    gateway = await serve(await listen(script(at_end=answer)), policies=POLICIES, gateway=GATEWAY)
    reader, writer = await asyncio.open_connection("127.0.0.1", gateway.listeners[0].address.port)
    writer.write(sent)
    with suppress(OSError):
        writer.write_eof()
    async with asyncio.timeout(5):
        written = await reader.read()
    writer.close()
    check(read(written, ["HEAD" if sent.startswith(b"HEAD") else "GET"]), sent, line, body)


def test_how_many_of_each():
    """So that nobody loosens a row unseen."""
    verdicts = Counter(case.values[-1] for case in CASES)
    assert {PASS: 69, STRICTER: 8, BACKEND: 15} == verdicts
