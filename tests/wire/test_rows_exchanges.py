"""Requests one after the other on a connection: what is answered, in which order, and who hangs up."""

import pytest

HOST = b"Host: a.test\r\n"
KEEP = b"Connection: keep-alive\r\n"
CLOSE = b"Connection: close\r\n"
UPGRADE = b"Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
KEY = b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
LENGTH = b"Content-Length: 5\r\n"
BODY = LENGTH + b"\r\nhello"
UPLOADED = b"POST / HTTP/1.1\r\n" + HOST + BODY + b"GET /2 HTTP/1.1\r\n" + HOST + b"\r\n"
CHUNKS = b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"


def get(path: bytes = b"/", fields: bytes = b"", version: bytes = b"HTTP/1.1") -> bytes:
    return b"GET " + path + b" " + version + b"\r\n" + HOST + fields + b"\r\n"


@pytest.mark.parametrize(
    ("sent", "closed", "connection"),
    [
        pytest.param(get(), False, None, id="HTTP/1.1 stays"),
        pytest.param(get(fields=KEEP), False, None, id="HTTP/1.1 with keep-alive stays"),
        pytest.param(get(fields=CLOSE), True, "close", id="HTTP/1.1 with close ends"),
        pytest.param(get(fields=b"Connection: CLOSE\r\n"), True, "close", id="close in capitals"),
        pytest.param(get(fields=b"Connection: x, close\r\n"), True, "close", id="close in a list"),
        pytest.param(get(fields=KEEP + CLOSE), True, "close", id="close beside keep-alive"),
        pytest.param(get(version=b"HTTP/1.0"), True, "close", id="HTTP/1.0 ends"),
        pytest.param(
            get(version=b"HTTP/1.0", fields=KEEP), False, "keep-alive", id="HTTP/1.0 with keep-alive stays"
        ),
        pytest.param(b"GET / HTTP/1.0\r\n\r\n", True, "close", id="HTTP/1.0 without Host"),
    ],
)
async def test_who_hangs_up(replay, sent, closed, connection):
    outcome = await replay(sent)
    assert ["200"] == outcome.lines
    assert closed == outcome.closed
    assert connection == outcome.answers[0].fields.get("connection")
    assert b"GET / HTTP/1.1" == outcome.seen[0].lines[0]


@pytest.mark.parametrize(
    ("sent", "lines", "seen"),
    [
        pytest.param(get(b"/1") + get(b"/2"), ["200", "200"], [b"/1", b"/2"], id="two requests"),
        pytest.param(
            b"".join(get(b"/%d" % number) for number in range(20)),
            ["200"] * 20,
            [b"/%d" % number for number in range(20)],
            id="twenty requests",
        ),
        pytest.param(
            b"POST /1 HTTP/1.1\r\n" + HOST + BODY + get(b"/2"),
            ["200", "200"],
            [b"/1", b"/2"],
            id="behind a body",
        ),
        pytest.param(
            get(b"/1") + b"\r\n" + get(b"/2"), ["200", "200"], [b"/1", b"/2"], id="behind an empty line"
        ),
        pytest.param(get(b"/moved") + get(b"/2"), ["308", "200"], [b"/2"], id="behind a redirect"),
        pytest.param(
            b"POST /get-only HTTP/1.1\r\n" + HOST + b"\r\n" + get(b"/2"),
            ["405 method_not_allowed", "200"],
            [b"/2"],
            id="behind a refusal",
        ),
        pytest.param(
            get(b"/1", b"Expect: nonsense\r\n") + get(b"/2"),
            ["417 expectation_failed"],
            [],
            id="behind one that closes",
        ),
        pytest.param(get(b"/1", CLOSE) + get(b"/2"), ["200"], [b"/1"], id="behind a close"),
        pytest.param(
            get(b"/1") + b"nonsense\r\n\r\n", ["200", "400 malformed_request"], [b"/1"], id="before nonsense"
        ),
        pytest.param(b"OPTIONS * HTTP/1.1\r\n" + HOST + b"\r\n", ["204"], [], id="an asterisk"),
    ],
)
async def test_requests_in_a_row_are_answered_in_order(replay, sent, lines, seen):
    outcome = await replay(sent)
    assert lines == outcome.lines
    assert seen == [seen.lines[0].split(b" ")[1] for seen in outcome.seen]


@pytest.mark.parametrize(
    "behind",
    [
        pytest.param(get(b"/2"), id="a request"),
        pytest.param(b"nonsense", id="nonsense"),
        pytest.param(
            get(b"/2", UPGRADE + KEY),
            id="an upgrade",
        ),
        pytest.param(
            b"POST /2 HTTP/1.1\r\n" + HOST + BODY,
            id="another body",
        ),
        pytest.param(b"\r\n", id="an empty line"),
    ],
)
async def test_what_comes_behind_a_chunked_body_does_not_spoil_it(bench, behind):
    await bench.send(b"POST /1 HTTP/1.1\r\n" + HOST + CHUNKS + behind)
    outcome = bench.outcome()
    assert "200" == outcome.lines[0]
    assert b"hello" == outcome.seen[0].body
    assert b"POST /1 HTTP/1.1" == outcome.seen[0].lines[0]
    bench.check_books()


@pytest.mark.parametrize(
    ("sent", "lines", "body"),
    [
        pytest.param(
            b"POST / HTTP/1.1\r\n" + HOST + b"Expect: 100-Continue\r\n" + LENGTH + b"\r\n",
            ["100"],
            b"",
            id="the body waits for a 100",
        ),
        pytest.param(get(fields=b"Expect: 100-continue\r\n"), ["200"], b"", id="there is no body"),
        pytest.param(
            get(fields=b"Expect: 200-ok\r\n"), ["417 expectation_failed"], b"", id="another expectation"
        ),
        pytest.param(
            b"POST / HTTP/1.0\r\n" + HOST + KEEP + b"Expect: 100-continue\r\n" + BODY,
            ["200"],
            b"hello",
            id="HTTP/1.0 knows no 100",
        ),
        pytest.param(
            b"POST /get-only HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\n" + LENGTH + b"\r\n",
            ["405 method_not_allowed"],
            b"",
            id="what is refused is not asked for",
        ),
    ],
)
async def test_an_expectation_is_met_or_refused(bench, sent, lines, body):
    await bench.send(sent)
    outcome = bench.outcome()
    assert lines == outcome.lines
    assert body == b"".join(seen.body for seen in outcome.seen)
    bench.check_books()


async def test_a_body_follows_its_100(bench):
    await bench.send(b"POST / HTTP/1.1\r\n" + HOST + b"Expect: 100-continue\r\n" + LENGTH + b"\r\n", b"hello")
    outcome = bench.outcome()
    assert ["100", "200"] == outcome.lines
    assert b"hello" == outcome.seen[0].body
    assert not [line for line in outcome.seen[0].lines if line.startswith(b"Expect")]


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(get(b"/", UPGRADE + KEY), id="on a route that allows none"),
        pytest.param(b"POST /socket HTTP/1.1\r\n" + HOST + UPGRADE + KEY + b"\r\n", id="in a POST"),
        pytest.param(get(b"/socket", b"Connection: Upgrade\r\nUpgrade: h2c\r\n"), id="to h2c"),
        pytest.param(
            get(b"/socket", b"Connection: Upgrade\r\nUpgrade: made-up/1.0\r\n"), id="to anything else"
        ),
        pytest.param(
            get(b"/socket", b"Connection: Upgrade\r\nUpgrade: websocket, h2c\r\n"),
            id="to one of two protocols",
        ),
        pytest.param(
            get(b"/socket", b"Upgrade: websocket\r\n" + KEY),
            id="that Connection does not name",
        ),
        pytest.param(
            get(b"/socket", UPGRADE.replace(b": Upgrade", b": keep-alive, Upgrade") + KEY, b"HTTP/1.0"),
            id="in HTTP/1.0",
        ),
    ],
)
async def test_an_upgrade_that_may_not_be_is_stripped(replay, sent):
    outcome = await replay(sent)
    assert ["200"] == outcome.lines
    [seen] = outcome.seen
    assert not [line for line in seen.lines if line.lower().startswith((b"upgrade", b"connection"))]
    assert not outcome.closed


@pytest.mark.parametrize(
    ("sent", "line"),
    [
        pytest.param(b"HEAD / HTTP/1.1\r\n" + HOST + b"\r\n", "200", id="of a backend's response"),
        pytest.param(b"HEAD /moved HTTP/1.1\r\n" + HOST + b"\r\n", "308", id="of our own answer"),
        pytest.param(b"HEAD /get-only HTTP/1.1\r\n" + HOST + b"\r\n", "200", id="where GET is listed"),
        pytest.param(
            b"HEAD / HTTP/1.1\r\n\r\n",
            "400",
            id="of what is no request",
        ),
        pytest.param(
            b"HEAD / HTTP/1.1\r\n" + HOST + b"Via: 1.1 test-gateway-0\r\n\r\n", "502", id="of a refusal"
        ),
    ],
)
async def test_head_gets_no_body(replay, sent, line):
    outcome = await replay(sent)
    assert [line] == outcome.lines
    assert b"" == outcome.answers[0].body


async def test_half_of_a_connection_is_enough_for_an_answer(bench):
    bench.transport.feed(get(), b"")
    await bench.settle()
    assert ["200"] == bench.outcome().lines
    assert bench.outcome().closed
    bench.check_books()


@pytest.mark.parametrize("place", range(len(UPLOADED)))
async def test_a_client_that_leaves_in_the_middle_of_a_request_leaves_nothing_behind(bench, place):
    await bench.send(*[UPLOADED[:place]] * bool(place))
    bench.transport.lose()
    await bench.settle()
    bench.check_books()
