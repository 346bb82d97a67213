"""What a backend may answer, and what becomes of it: passed on whole, refused or broken off."""

import random

import pytest

GET = b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"
HEAD = b"HEAD / HTTP/1.1\r\nHost: a.test\r\n\r\n"
OLD = b"GET / HTTP/1.0\r\nHost: a.test\r\nConnection: keep-alive\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\n"
COUNTED = OK + b"Content-Length: 5\r\n\r\nhello"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
EOF = b""


@pytest.fixture
def ask(make_bench):
    """Send a request, let the backend answer with pieces, and give the Bench once all is settled."""

    async def play(sent: bytes, *pieces: bytes):
        bench = make_bench()
        bench.script.at_end = lambda seen: pieces
        await bench.send(sent)
        bench.check_books()
        return bench

    return play


@pytest.fixture
def ask_split(ask):
    """The same for one answer, whole and split at every byte: what the client gets must not depend on it."""

    async def play(sent: bytes, response: bytes, *ends: bytes):
        bench = await ask(sent, response, *ends)
        outcome = bench.outcome("HEAD" if sent.startswith(b"HEAD") else "GET")
        length = len(response)
        places = range(1, length) if length <= 2048 else sorted(random.Random(1).sample(range(1, length), 64))
        for place in places:
            other = await ask(sent, response[:place], response[place:], *ends)
            assert outcome == other.outcome("HEAD" if sent.startswith(b"HEAD") else "GET"), (
                f"split at {place}"
            )
            assert bench.pool.open == other.pool.open, f"split at {place}"
        return bench, outcome

    return play


@pytest.mark.parametrize(
    ("response", "body", "kept"),
    [
        pytest.param(COUNTED, b"hello", True, id="a counted body"),
        pytest.param(OK + b"Content-Length: 0\r\n\r\n", b"", True, id="an empty body"),
        pytest.param(
            OK + b"content-LENGTH:5 \r\n\r\nhello", b"hello", True, id="another spelling of the length"
        ),
        pytest.param(CHUNKED + b"5\r\nhello\r\n0\r\n\r\n", b"hello", True, id="a chunked body"),
        pytest.param(
            CHUNKED + b"2\r\nhe\r\n3;x=y\r\nllo\r\n0\r\nX-Sum: 1\r\n\r\n", b"hello", True, id="with trailers"
        ),
        pytest.param(CHUNKED + b"0\r\n\r\n", b"", True, id="an empty chunked body"),
        pytest.param(
            OK + b"Connection: close\r\nContent-Length: 5\r\n\r\nhello", b"hello", False, id="a close"
        ),
        pytest.param(
            b"HTTP/1.0 200 OK\r\nContent-Length: 5\r\n\r\nhello",
            b"hello",
            False,
            id="a counted body in HTTP/1.0",
        ),
        pytest.param(
            b"HTTP/1.0 200 OK\r\nConnection: keep-alive\r\nContent-Length: 5\r\n\r\nhello",
            b"hello",
            True,
            id="HTTP/1.0 with keep-alive",
        ),
        pytest.param(
            b"HTTP/1.1 200\r\nContent-Length: 5\r\n\r\nhello", b"hello", True, id="no reason phrase"
        ),
        pytest.param(
            OK + b"X-A: " + b"a" * 60_000 + b"\r\nContent-Length: 5\r\n\r\nhello",
            b"hello",
            True,
            id="a large field",
        ),
        pytest.param(
            OK + b"X: 1\r\n" * 500 + b"Content-Length: 5\r\n\r\nhello", b"hello", True, id="many fields"
        ),
        pytest.param(COUNTED + b"x", b"hello", False, id="a byte too much"),
        pytest.param(COUNTED + COUNTED, b"hello", False, id="two answers"),
        pytest.param(
            CHUNKED + b"5\r\nhello\r\n0\r\n\r\n" + COUNTED,
            b"hello",
            False,
            id="an answer behind chunks",
        ),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n" + COUNTED, b"hello", True, id="a 100 nobody waits for"),
    ],
)
async def test_a_response_is_passed_on(ask_split, response, body, kept):
    bench, outcome = await ask_split(GET, response)
    assert ["200"] == outcome.lines
    assert body == outcome.answers[0].body
    assert not outcome.closed
    assert (2 if kept else 1) == bench.pool.open


@pytest.mark.parametrize(
    ("sent", "response", "body", "closed"),
    [
        pytest.param(GET, OK + b"\r\nhello", b"hello", False, id="no length"),
        pytest.param(GET, OK + b"\r\n", b"", False, id="no length and no body"),
        pytest.param(GET, b"HTTP/1.0 200 OK\r\n\r\nhello", b"hello", False, id="no length in HTTP/1.0"),
        pytest.param(OLD, OK + b"\r\nhello", b"hello", True, id="no length for an HTTP/1.0 client"),
    ],
)
async def test_a_body_without_a_length_ends_with_its_connection(ask_split, sent, response, body, closed):
    bench, outcome = await ask_split(sent, response, EOF)
    assert ["200"] == outcome.lines
    assert outcome.answers[0].whole
    assert body == outcome.answers[0].body
    assert closed == outcome.closed
    assert 1 == bench.pool.open


async def test_chunks_reach_an_http10_client_bare(ask_split):
    _, outcome = await ask_split(OLD, CHUNKED + b"5\r\nhello\r\n0\r\n\r\n")
    [answer] = outcome.answers
    assert b"hello" == answer.body
    assert "transfer-encoding" not in answer.fields
    assert outcome.closed


@pytest.mark.parametrize(
    "response",
    [
        pytest.param(b"nonsense\r\n\r\n", id="nonsense"),
        pytest.param(b"\x15\x03\x01\x00\x02\x02\x46\r\n\r\n", id="TLS"),
        pytest.param(b"HTTP/1.1 200 OK\nContent-Length: 0\n\n", id="bare LF"),
        pytest.param(b"HTTP/1.1 200 OK\r\nContent-Length: 0\nX-A: 1\r\n\r\n", id="one bare LF"),
        pytest.param(b"HTTP/2.0 200 OK\r\nContent-Length: 0\r\n\r\n", id="HTTP/2.0"),
        pytest.param(b"HTTP/1.1 099 Low\r\nContent-Length: 0\r\n\r\n", id="a status below 100"),
        pytest.param(b"HTTP/1.1 600 High\r\nContent-Length: 0\r\n\r\n", id="a status beyond 599"),
        pytest.param(b"HTTP/1.1 20 Short\r\nContent-Length: 0\r\n\r\n", id="a status of two digits"),
        pytest.param(b"HTTP/1.1 2000 Long\r\nContent-Length: 0\r\n\r\n", id="a status of four digits"),
        pytest.param(OK + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello", id="two equal lengths"),
        pytest.param(OK + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello", id="two different lengths"),
        pytest.param(OK + b"Content-Length: 5, 5\r\n\r\nhello", id="a list of lengths"),
        pytest.param(OK + b"Content-Length: abc\r\n\r\n", id="a length in letters"),
        pytest.param(OK + b"Content-Length: -1\r\n\r\n", id="a negative length"),
        pytest.param(
            OK + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", id="length and chunked"
        ),
        pytest.param(OK + b"Transfer-Encoding: gzip\r\n\r\nhello", id="gzip alone"),
        pytest.param(OK + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n", id="gzip, chunked"),
        pytest.param(OK + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n", id="chunked twice"),
        pytest.param(
            b"HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            id="chunked in HTTP/1.0",
        ),
        pytest.param(OK + b"X-A : 1\r\n\r\n", id="a space before a colon"),
        pytest.param(OK + b"X-A: 1\r\n more\r\n\r\n", id="a folded value"),
        pytest.param(OK + b"X-A: 1\x002\r\n\r\n", id="NUL in a value"),
        pytest.param(OK + b": 1\r\n\r\n", id="no name"),
        pytest.param(
            OK + b"X-A: " + b"a" * 66_000 + b"\r\nContent-Length: 0\r\n\r\n", id="a head beyond 64 KiB"
        ),
        pytest.param(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" * 9 + COUNTED, id="a flood of 103"),
        pytest.param(b"HTTP/1.1 100 Continue\r\n\r\n" * 9 + COUNTED, id="a flood of 100"),
        pytest.param(
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n",
            id="a switch that nobody asked for",
        ),
        pytest.param(b"HTTP/1.1 101 Switching Protocols\r\n\r\n", id="a switch to nothing"),
    ],
)
async def test_what_is_no_response_is_a_502(ask_split, response):
    bench, outcome = await ask_split(GET, response)
    assert "502 upstream_protocol" == outcome.lines[-1]
    assert 1 == bench.pool.open
    assert not outcome.closed


@pytest.mark.parametrize(
    ("pieces", "line"),
    [
        pytest.param([EOF], "502 upstream_reset", id="without a byte"),
        pytest.param([OK, EOF], "502 upstream_reset", id="in the middle of the head"),
        pytest.param([b"HTTP/1.1 103 Early Hints\r\n\r\n", EOF], "502 upstream_reset", id="behind a 103"),
    ],
)
async def test_a_backend_that_leaves_before_its_head_is_a_502(ask, pieces, line):
    bench = await ask(GET, *pieces)
    assert line == bench.outcome().lines[-1]
    assert not bench.transport.closed
    assert 1 == bench.pool.open


@pytest.mark.parametrize(
    ("sent", "pieces"),
    [
        pytest.param(GET, [OK + b"Content-Length: 5\r\n\r\nhel", EOF], id="a counted body"),
        pytest.param(GET, [OK + b"Content-Length: 5\r\n\r\n", EOF], id="a counted body without a byte"),
        pytest.param(GET, [CHUNKED + b"5\r\nhel", EOF], id="a chunk"),
        pytest.param(GET, [CHUNKED + b"5\r\nhello\r\n", EOF], id="chunks without the last"),
        pytest.param(GET, [CHUNKED + b"5\r\nhello\r\n0\r\n", EOF], id="the last chunk"),
        pytest.param(OLD, [CHUNKED + b"5\r\nhello\r\n", EOF], id="chunks for an HTTP/1.0 client"),
        pytest.param(GET, [CHUNKED + b"5\r\nhello\r\n", b"g\r\n"], id="a bad chunk behind a good one"),
        pytest.param(GET, [CHUNKED, b"5\r\nhelloXX"], id="a chunk longer than its size"),
        pytest.param(GET, [CHUNKED, b"0\r\n" + b"X: 1\r\n" * 12_000], id="trailers that do not end"),
    ],
)
async def test_a_body_that_is_cut_off_is_never_ended_cleanly(ask, sent, pieces):
    bench = await ask(sent, *pieces)
    assert bench.transport.aborted
    assert 1 == bench.pool.open
    assert b"0\r\n\r\n" != bench.transport.written[-5:]


async def test_a_bad_chunk_right_behind_the_head_is_a_502(ask):
    bench = await ask(GET, CHUNKED + b"5\r\nhelloXX")
    assert ["502 upstream_protocol"] == bench.outcome().lines
    assert 1 == bench.pool.open


@pytest.mark.parametrize(
    ("sent", "response", "length"),
    [
        pytest.param(HEAD, OK + b"Content-Length: 5\r\n\r\n", "5", id="a HEAD with a length"),
        pytest.param(HEAD, CHUNKED, None, id="a HEAD with chunked"),
        pytest.param(GET, b"HTTP/1.1 204 No Content\r\n\r\n", None, id="a 204"),
        pytest.param(
            GET, b"HTTP/1.1 204 No Content\r\nContent-Length: 5\r\n\r\n", None, id="a 204 with a length"
        ),
        pytest.param(GET, b"HTTP/1.1 304 Not Modified\r\n\r\n", None, id="a 304"),
        pytest.param(
            GET, b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n\r\n", "5", id="a 304 with a length"
        ),
    ],
)
async def test_a_response_without_a_body_has_none(ask_split, sent, response, length):
    bench, outcome = await ask_split(sent, response)
    [answer] = outcome.answers
    assert answer.whole
    assert b"" == answer.body
    assert length == answer.fields.get("content-length")
    assert "transfer-encoding" not in answer.fields
    assert not outcome.closed
    assert 2 == bench.pool.open


@pytest.mark.parametrize(
    ("sent", "informed"),
    [
        pytest.param(GET, ["103", "200"], id="to a client of HTTP/1.1"),
        pytest.param(OLD, ["200"], id="not to one of HTTP/1.0"),
    ],
)
async def test_early_hints_pass(ask_split, sent, informed):
    hints = b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\nConnection: X-Hop\r\nX-Hop: 1\r\n\r\n"
    bench, outcome = await ask_split(sent, hints + COUNTED)
    assert informed == outcome.lines
    assert b"X-Hop" not in bench.transport.written


@pytest.mark.parametrize(
    ("line", "passes"),
    [
        pytest.param(b"Set-Cookie: a=1\r\nSet-Cookie: b=2", True, id="cookies are not folded"),
        pytest.param(b"X-Anything_at.all: 1", True, id="any name"),
        pytest.param(b"Connection: X-Hop\r\nX-Hop: 1", False, id="what Connection names"),
        pytest.param(b"Keep-Alive: timeout=5", False, id="Keep-Alive"),
        pytest.param(b"Proxy-Authenticate: Basic", False, id="Proxy-Authenticate"),
        pytest.param(b"Trailer: X-Sum", False, id="Trailer"),
        pytest.param(b"Upgrade: h2c", False, id="Upgrade"),
    ],
)
async def test_fields_of_one_connection_stay_on_it(ask, line, passes):
    bench = await ask(GET, OK + line + b"\r\nContent-Length: 5\r\n\r\nhello")
    assert ["200"] == bench.outcome().lines
    assert passes == (line in bench.transport.written)


@pytest.mark.parametrize(
    "status",
    [
        pytest.param(b"200 OK", id="200"),
        pytest.param(b"204 No Content", id="204"),
        pytest.param(b"304 Not Modified", id="304"),
        pytest.param(b"103 Early Hints", id="103"),
    ],
)
async def test_whatever_the_status_they_stay(ask, status):
    """And what is the client's comes in its order: `Set-Cookie` cannot be joined (RFC 9110 5.3)."""
    kept = b"Set-Cookie: a=1\r\nWWW-Authenticate: Basic\r\nLink: <a>\r\nSet-Cookie: b=2\r\nLink: <b>\r\n"
    hops = b"Connection: X-Hop, Keep-Alive\r\nX-Hop: 1\r\nKeep-Alive: timeout=5\r\nTE: x\r\nTrailer: X\r\n"
    last = COUNTED if status.startswith(b"1") else b""
    length = b"" if status[:3] in (b"103", b"204") else b"Content-Length: 0\r\n"
    bench = await ask(GET, b"HTTP/1.1 " + status + b"\r\n" + hops + kept + length + b"\r\n" + last)
    head = bytes(bench.transport.written).partition(b"\r\n\r\n")[0] + b"\r\n"
    assert head.startswith(b"HTTP/1.1 " + status + b"\r\n" + kept)
    assert not any(name in head for name in (b"X-Hop", b"Keep-Alive", b"Connection", b"TE:", b"Trailer"))
    assert bench.outcome().lines[-1] == ("200" if last else status[:3].decode())


@pytest.mark.parametrize(
    ("fields", "name", "value"),
    [
        pytest.param(b"", "date", "Tue, 14 Nov 2023 22:13:20 GMT", id="a Date is added"),
        pytest.param(b"Date: x\r\n", "date", "x", id="a Date is kept"),
        pytest.param(b"Via: 1.1 b\r\n", "via", "1.1 b, 1.1 test-gateway-0", id="Via shows the way back"),
    ],
)
async def test_what_joins_a_response(ask, fields, name, value):
    bench = await ask(GET, OK + fields + b"Content-Length: 5\r\n\r\nhello")
    assert value == bench.outcome().answers[0].fields[name]


TRAILED = (
    OK + b"Trailer: X-Sum, Set-Cookie\r\nTransfer-Encoding: chunked\r\n\r\n"
    b"5\r\nhello\r\n0\r\nX-Sum: 1 \r\nSet-Cookie: a=1\r\nx-request-id: 2\r\n\r\n"
)
TE = b"GET / HTTP/1.1\r\nHost: a.test\r\nConnection: TE\r\nTE: trailers\r\n\r\n"


@pytest.mark.parametrize(
    ("sent", "end"),
    [
        pytest.param(TE, b"\r\n0\r\nX-Sum: 1\r\n\r\n", id="who asked for them"),
        pytest.param(GET, b"\r\n0\r\n\r\n", id="not who did not"),
        pytest.param(
            TE.replace(b"trailers", b"gzip"), b"\r\n0\r\n\r\n", id="not who asked for another coding"
        ),
        pytest.param(TE.replace(b"HTTP/1.1", b"HTTP/1.0"), b"hello", id="not HTTP/1.0"),
    ],
)
async def test_trailers_reach(ask, sent, end):
    """Whole and split at every byte: the client that asked for them, and nobody else."""
    for place in range(len(TRAILED)):
        bench = await ask(sent, *[piece for piece in (TRAILED[:place], TRAILED[place:]) if piece])
        written = bytes(bench.transport.written)
        assert written.endswith(end)
        assert (b"X-Sum" in end) == (b"\r\nTrailer: X-Sum\r\n" in written)
        assert b"hello" == bench.outcome().answers[0].body
        assert 2 == bench.pool.open


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        pytest.param(TE, [b"TE: trailers", b"Connection: TE"], id="trailers"),
        pytest.param(
            TE.replace(b"trailers", b"gzip, trailers"),
            [b"TE: trailers", b"Connection: TE"],
            id="of all only these",
        ),
        pytest.param(TE.replace(b"trailers", b"gzip"), [], id="no codings"),
        pytest.param(GET, [], id="nothing"),
    ],
)
async def test_what_a_backend_is_told_of_trailers(ask, sent, told):
    bench = await ask(sent, COUNTED)
    lines = bench.script.seen[0].lines
    assert told == [line for line in lines if line.startswith((b"TE:", b"Connection:"))]


async def test_trailers_are_told_once(bench):
    """On one connection to the backend: with, without, behind an answer that has none, and with again."""
    bench.script.at_end = lambda seen: (TRAILED,)
    ends = []
    for sent in (TE, GET, TE, TE):
        before = len(bench.transport.written)
        await bench.send(sent)
        ends.append(bytes(bench.transport.written[before:]).partition(b"hello\r\n")[2])
    bench.script.at_end = lambda seen: (b"HTTP/1.1 204 No Content\r\n\r\n",)
    await bench.send(TE)
    bench.script.at_end = lambda seen: (TRAILED,)
    await bench.send(GET)
    with_, without = b"0\r\nX-Sum: 1\r\n\r\n", b"0\r\n\r\n"
    assert [with_, without, with_, with_] == ends
    assert bench.transport.written.endswith(b"hello\r\n" + without)
    assert [6, 0] == sorted((connection.served for connection, _ in bench.backends), reverse=True)
    bench.check_books()


@pytest.mark.parametrize(
    "trailers",
    [
        pytest.param(b"X-A: 1\x002\r\n\r\n", id="NUL"),
        pytest.param(b"X-A: 1\r\n more\r\n\r\n", id="folded"),
        pytest.param(b"X-A: 1\nX-B: 2\r\n\r\n", id="a bare LF"),
        pytest.param(b"X-A : 1\r\n\r\n", id="a space before the colon"),
        pytest.param(b"Content-Length: 5\r\n\r\n", id="a length"),
        pytest.param(b"X-A: " + b"a" * 70_000, id="that do not end"),
    ],
)
async def test_bad_trailers_cut_the_answer_off(ask, trailers):
    bench = await ask(TE, CHUNKED + b"5\r\nhello\r\n", b"0\r\n" + trailers)
    assert bench.transport.aborted
    assert 1 == bench.pool.open
    assert b"X-" not in bench.transport.written.partition(b"hello")[2]


async def test_a_connection_serves_again(bench):
    for _ in range(3):
        await bench.send(GET)
    assert ["200"] * 3 == bench.outcome().lines
    assert [3, 0] == sorted((connection.served for connection, _ in bench.backends), reverse=True)


async def test_empty_lines_are_no_response(bench):
    await bench.send(GET)
    bench.script.at_end = lambda seen: (b"\r\n\r\n",)
    await bench.send(GET)
    assert ["200", "502 upstream_protocol"] == bench.outcome().lines
    bench.check_books()


async def test_a_byte_that_nobody_asked_for_ends_an_idle_connection(bench):
    _, pipe = bench.backends[-1]
    pipe.feed(COUNTED)
    await bench.send(GET)
    assert pipe.closed
    assert ["200"] == bench.outcome().lines
    bench.check_books()


async def test_an_idle_connection_that_ends_is_not_used(bench):
    _, pipe = bench.backends[-1]
    pipe.feed(EOF)
    await bench.send(GET)
    assert pipe.closed
    assert ["200"] == bench.outcome().lines
    bench.check_books()


@pytest.mark.parametrize(
    "upload",
    [
        pytest.param(b"Content-Length: 10\r\n\r\nhello", id="counted"),
        pytest.param(b"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", id="chunked"),
    ],
)
async def test_an_answer_before_the_body_has_ended_is_the_last(bench, upload):
    bench.script.at_head = lambda seen: (b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 2\r\n\r\nno",)
    await bench.send(b"POST / HTTP/1.1\r\nHost: a.test\r\n" + upload, b"more")
    outcome = bench.outcome()
    assert ["413"] == outcome.lines
    assert "close" == outcome.answers[0].fields["connection"]
    assert bench.transport.ended
    assert 1 == bench.pool.open
    bench.check_books()


@pytest.mark.parametrize("place", range(1, len(COUNTED)))
async def test_a_client_that_leaves_in_the_middle_of_a_response_takes_its_connection_with_it(bench, place):
    bench.script.at_end = lambda seen: (COUNTED[:place],)
    await bench.send(GET)
    _, pipe = bench.busy
    bench.transport.lose()
    await bench.settle()
    assert pipe.aborted
    assert 1 == bench.pool.open
    bench.check_books()


async def test_a_client_that_leaves_behind_a_response_leaves_its_connection_alone(bench):
    await bench.send(GET)
    bench.transport.lose()
    await bench.settle()
    assert 2 == bench.pool.open
    bench.check_books()
