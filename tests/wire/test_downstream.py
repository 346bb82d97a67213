"""A client's connection in time: deadlines on a clock that is moved, back-pressure, tunnels, and the end."""

import asyncio

import pytest

GET = b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 10\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
PART = b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhello"
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
SOCKET = (
    b"GET /socket HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
LARGE = 200_000

# The usual timeouts, in seconds: head 10, body_idle 30, write_idle 30, keep_alive 75, response 30, idle 60.


def silent(seen):
    return ()


async def test_a_connection_without_a_request_is_closed(bench):
    bench.pass_time(74)
    assert not bench.transport.closed
    bench.pass_time(2)
    assert bench.transport.closed
    assert b"" == bench.transport.written


async def test_a_connection_between_requests_is_closed(bench):
    await bench.send(GET)
    bench.pass_time(74)
    await bench.send(GET)
    bench.pass_time(74)
    assert not bench.transport.closed
    bench.pass_time(2)
    assert bench.transport.closed
    assert ["200", "200"] == bench.outcome().lines


async def test_a_head_that_trickles_in_has_an_end(bench):
    for place in range(9):
        await bench.send(GET[place : place + 1])
        bench.pass_time(1)
    assert b"" == bench.transport.written
    bench.pass_time(2)
    assert ["408 request_timeout"] == bench.outcome().lines
    assert bench.transport.ended


async def test_empty_lines_keep_no_connection_alive(bench):
    for _ in range(30):
        await bench.send(b"\r\n")
        bench.pass_time(5)
    assert bench.transport.closed or bench.transport.ended


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([POST], id="before its first byte"),
        pytest.param([POST, b"hello"], id="in the middle"),
        pytest.param([CHUNKED], id="before its first chunk"),
        pytest.param([CHUNKED, b"5\r\nhel"], id="in a chunk"),
    ],
)
async def test_a_body_that_stands_still_is_a_408(bench, pieces):
    await bench.send(*pieces)
    bench.pass_time(29)
    assert b"" == bench.transport.written
    bench.pass_time(2)
    await bench.settle()
    assert ["408 request_timeout"] == bench.outcome().lines
    assert bench.transport.ended
    assert 1 == bench.pool.open
    bench.check_books()


async def test_a_body_that_moves_has_time(bench):
    await bench.send(POST)
    for _ in range(10):
        bench.pass_time(29)
        await bench.send(b"a")
    assert ["200"] == bench.outcome().lines


async def test_a_backend_that_does_not_answer_is_a_504(bench):
    bench.script.at_end = silent
    await bench.send(GET)
    bench.pass_time(29)
    assert b"" == bench.transport.written
    bench.pass_time(2)
    await bench.settle()
    assert ["504 upstream_timeout"] == bench.outcome().lines
    assert not bench.transport.closed
    assert 1 == bench.pool.open
    bench.check_books()


async def test_a_response_that_stands_still_is_broken_off(bench):
    bench.script.at_end = lambda seen: (PART,)
    await bench.send(GET)
    bench.pass_time(59)
    assert not bench.transport.closed
    bench.pass_time(2)
    await bench.settle()
    assert bench.transport.aborted
    assert not bench.outcome().answers[0].whole
    assert 1 == bench.pool.open
    bench.check_books()


async def test_a_client_that_takes_nothing_is_dropped(bench):
    bench.transport.taking = False
    bench.script.at_end = lambda seen: (
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % LARGE,
        b"a" * 100_000,
    )
    await bench.send(GET)
    bench.pass_time(29)
    assert not bench.transport.closed
    bench.pass_time(2)
    await bench.settle()
    assert bench.transport.aborted
    bench.check_books()


async def test_a_client_that_takes_slowly_is_waited_for(bench):
    bench.transport.taking = False
    bench.script.at_end = lambda seen: (
        b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % LARGE,
        b"a" * 100_000,
    )
    await bench.send(GET)
    for _ in range(10):
        bench.pass_time(29)
        bench.transport.take(1000)
        bench.pass_time(2)
    assert not bench.transport.closed


@pytest.mark.parametrize(
    ("seconds", "closed"),
    [pytest.param(1.5, False, id="for a while"), pytest.param(2.5, True, id="but not for ever")],
)
async def test_what_comes_behind_an_early_answer_is_thrown_away(bench, seconds, closed):
    await bench.send(b"POST /get-only HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100\r\n\r\n")
    assert ["405 method_not_allowed"] == bench.outcome().lines
    assert bench.transport.ended
    bench.pass_time(seconds)
    await bench.send(GET)
    assert closed == bench.transport.closed
    assert ["405 method_not_allowed"] == bench.outcome().lines
    assert [] == bench.script.seen


async def test_a_client_that_hangs_up_behind_an_early_answer_is_let_go(bench):
    await bench.send(b"POST /get-only HTTP/1.1\r\nHost: a.test\r\nContent-Length: 100\r\n\r\n", b"")
    assert bench.transport.closed
    bench.check_books()


@pytest.mark.parametrize(
    ("sent", "lines"),
    [
        pytest.param(b"", [], id="idle"),
        pytest.param(GET, ["200"], id="between requests"),
    ],
)
async def test_a_drain_closes_what_is_idle(bench, sent, lines):
    await bench.send(*[sent] * bool(sent))
    bench.client.finish()
    await bench.settle()
    assert bench.transport.closed
    assert lines == bench.outcome().lines
    bench.check_books()


async def test_a_drain_lets_a_request_end(bench):
    await bench.send(POST)
    bench.proxy.draining = True
    bench.client.finish()
    assert not bench.transport.closed
    await bench.send(b"hellohello")
    [answer] = bench.outcome().answers
    assert ("200", "close") == (answer.line, answer.fields["connection"])
    assert bench.transport.closed
    bench.check_books()


async def test_a_drain_lets_a_head_become_a_request(bench):
    await bench.send(GET[:10])
    bench.proxy.draining = True
    bench.client.finish()
    await bench.send(GET[10:])
    assert ["200"] == bench.outcome().lines
    assert bench.transport.closed


async def test_a_connection_that_is_killed_leaves_nothing_behind(bench):
    bench.script.at_end = lambda seen: (PART,)
    await bench.send(GET)
    bench.client.kill()
    await bench.settle()
    assert bench.transport.aborted
    assert 1 == bench.pool.open
    bench.check_books()


async def test_a_connection_too_many_is_refused(make_bench):
    bench = make_bench({"body: 1MiB": "body: 1MiB, connections: 1"})
    _, transport = bench.connect()
    await bench.settle()
    assert b"HTTP/1.1 503 Service Unavailable\r\n" == transport.written[:34]
    assert b'"reason":"overloaded"' in transport.written
    transport.feed(GET)
    transport.feed(b"")
    await bench.settle()
    assert {bench.client} == bench.connections
    assert [] == bench.script.seen
    assert ["200"] == [answer.line for answer in (await bench.send(GET), bench.answers())[1]]


async def test_a_connection_too_many_may_come_again(make_bench):
    bench = make_bench({"body: 1MiB": "body: 1MiB, connections: 1"})
    _, transport = bench.connect()
    assert b"\r\nRetry-After: " in transport.written


@pytest.mark.parametrize("ticks", range(4))
async def test_a_client_that_leaves_while_a_connection_is_made_leaves_nothing_behind(bench, ticks):
    for _, pipe in bench.backends:
        pipe.feed(b"")
    await bench.settle()
    bench.transport.feed(GET)
    assert 1 == bench.endpoint.pending
    for _ in range(ticks):
        await asyncio.sleep(0)
    bench.transport.lose()
    assert 0 == bench.endpoint.pending
    await bench.settle()
    assert 0 == bench.pool.open
    bench.check_books()


async def test_a_client_that_takes_nothing_pauses_the_backend(bench):
    bench.transport.taking = False
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % LARGE
    bench.script.at_end = lambda seen: (head, b"a" * 100_000, b"b" * 100_000)
    await bench.send(GET)
    _, pipe = bench.busy
    assert not pipe.reading
    assert b"b" not in bench.transport.written[-1000:]
    bench.transport.take(LARGE)
    bench.transport.taking = True
    await bench.settle()
    assert pipe.reading
    assert ["200"] == bench.outcome().lines
    assert LARGE == len(bench.outcome().answers[0].body)
    bench.check_books()


async def test_a_backend_that_takes_nothing_pauses_the_client(bench):
    for _, pipe in bench.backends:
        pipe.taking = False
    sent = b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: %d\r\n\r\n" % LARGE
    await bench.send(sent + b"a" * 100_000, b"b" * 100_000)
    assert not bench.transport.reading
    _, pipe = bench.busy
    assert b"b" not in pipe.written[-1000:]
    pipe.take(LARGE)
    pipe.taking = True
    await bench.settle()
    assert ["200"] == bench.outcome().lines
    assert LARGE == len(bench.outcome().seen[0].body)
    bench.check_books()


async def test_a_client_that_reads_no_answers_gets_no_more_of_them(bench):
    bench.transport.taking = False
    body = b"a" * 60_000
    bench.script.at_end = lambda seen: (b"HTTP/1.1 200 OK\r\nContent-Length: 60000\r\n\r\n" + body,)
    for _ in range(50):
        await bench.send(GET)
    assert bench.transport.backlog < 200_000


async def test_requests_that_wait_are_not_read(bench):
    bench.script.at_end = silent
    await bench.send(GET, GET, GET)
    assert not bench.transport.reading
    assert 1 == len(bench.script.seen)


async def test_a_tunnel_passes_bytes_both_ways(bench):
    bench.script.at_end = lambda seen: (SWITCH + b"first",)
    await bench.send(SOCKET + b"early", b"late")
    _, pipe = bench.busy
    pipe.feed(b"second")
    await bench.settle()
    head, _, rest = bytes(bench.transport.written).partition(b"\r\n\r\n")
    assert b"HTTP/1.1 101 Switching Protocols" == head[:32]
    assert b"firstsecond" == rest
    assert b"earlylate" == bench.script.tunnelled


async def test_a_tunnel_that_the_backend_ends_is_over(bench):
    bench.script.at_end = lambda seen: (SWITCH, b"last", b"")
    await bench.send(SOCKET)
    assert b"last" == bench.transport.written[-4:]
    assert bench.transport.closed
    bench.check_books()


async def test_the_client_may_end_its_half_of_a_tunnel(bench):
    bench.script.at_end = lambda seen: (SWITCH,)
    await bench.send(SOCKET, b"bye", b"")
    _, pipe = bench.busy
    assert pipe.ended
    pipe.feed(b"answer", b"")
    await bench.settle()
    assert b"answer" == bench.transport.written[-6:]
    assert bench.transport.closed
    bench.check_books()


async def test_a_tunnel_in_which_nothing_moves_is_cut(bench):
    bench.script.at_end = lambda seen: (SWITCH,)
    await bench.send(SOCKET)
    bench.pass_time(59)
    await bench.send(b"alive")
    bench.pass_time(59)
    assert not bench.transport.closed
    bench.pass_time(2)
    await bench.settle()
    assert bench.transport.closed
    bench.check_books()


CLOSE = b"\x88\x02\x03\xe9"


async def test_a_tunnel_is_closed_at_drain_between_frames(bench):
    """The client's own close frame still reaches the backend, whose end is the end of it."""
    bench.script.at_end = lambda seen: (SWITCH + b"\x81\x05he",)
    await bench.send(SOCKET)
    _, pipe = bench.busy
    bench.client.finish()
    assert b"\x81\x05he" == bench.transport.written[-4:]
    pipe.feed(b"llo\x81\x05again")
    await bench.settle()
    assert b"\x81\x05hello" + CLOSE == bench.transport.written[-11:]
    bench.client.finish()
    await bench.send(b"\x88\x82aaaabb")
    assert b"\x88\x82aaaabb" == bench.script.tunnelled
    pipe.feed(b"\x88\x02\x03\xe9", b"")
    await bench.settle()
    assert b"\x81\x05hello" + CLOSE == bench.transport.written[-11:]
    assert bench.transport.closed
    assert bench.clock.watched == {bench.pool}
    bench.check_books()


@pytest.mark.parametrize(
    "frames",
    [
        pytest.param(b"", id="between frames"),
        pytest.param(b"\x81\x05he", id="in a frame that never ends"),
        pytest.param(b"\x88\x02\x03\xe8", id="behind the backend's own close frame"),
    ],
)
async def test_a_tunnel_that_does_not_end_at_drain_is_cut(bench, frames):
    """However much the client goes on saying."""
    bench.script.at_end = lambda seen: (SWITCH + frames,)
    await bench.send(SOCKET)
    bench.client.finish()
    for _ in range(3):
        bench.pass_time(0.6)
        await bench.send(b"alive")
    assert not bench.transport.closed
    bench.pass_time(0.6)
    await bench.settle()
    assert bench.transport.aborted
    assert bench.clock.watched == {bench.pool}
    bench.check_books()


async def test_a_tunnel_whose_frames_are_lost_is_cut_at_drain(bench):
    bench.script.at_end = lambda seen: (SWITCH + b"\x89\xff" + b"\xff" * 12,)
    await bench.send(SOCKET)
    bench.client.finish()
    await bench.settle()
    assert bench.transport.aborted
    bench.check_books()


async def test_a_client_that_is_lost_ends_its_tunnel(bench):
    bench.script.at_end = lambda seen: (SWITCH,)
    await bench.send(SOCKET)
    bench.transport.lose()
    await bench.settle()
    assert 1 == bench.pool.open
    bench.check_books()


@pytest.mark.parametrize(
    ("peer", "expected"),
    [
        pytest.param(("198.51.100.1", 1), [b"X-Forwarded-For: 198.51.100.1"], id="IPv4"),
        pytest.param(("2001:db8::1", 1, 0, 0), [b"X-Forwarded-For: 2001:db8::1"], id="IPv6"),
        pytest.param(("::ffff:198.51.100.1", 1, 0, 0), [b"X-Forwarded-For: 198.51.100.1"], id="IPv4 in IPv6"),
        pytest.param("", [], id="a Unix socket has none"),
    ],
)
async def test_the_address_of_the_connection_is_told(bench, peer, expected):
    _, transport = bench.connect(peer)
    transport.feed(GET)
    await bench.settle()
    told = [line for line in bench.script.seen[0].lines if line.startswith(b"X-Forwarded-For")]
    assert expected == told


async def test_a_telling_name(bench):
    assert "<Downstream HEAD held=0>" == repr(bench.client)


class Tls:
    """What a client's handshake came to; it showed no certificate."""

    def getpeercert(self, binary_form):
        assert binary_form


@pytest.fixture
def secure(bench):
    """The bench with a client that speaks TLS."""
    bench.client, bench.transport = bench.connect(tls=Tls())
    return bench


@pytest.mark.parametrize("close", ["keep-alive", "drain"])
async def test_the_goodbye_of_tls_is_not_waited_for_between_requests(secure, close):
    """Who keeps a connection for later may not even read it."""
    await secure.send(GET)
    secure.transport.taking = False
    secure.transport._lose_later = lambda: None
    if close == "drain":
        secure.client.finish()
    else:
        secure.pass_time(76)
    assert (True, False) == (secure.transport.closed, secure.transport.aborted)
    secure.pass_time(1.5)
    assert not secure.transport.aborted
    secure.pass_time(1)
    assert secure.transport.aborted


async def test_the_last_answer_has_its_time_over_tls_too(secure):
    secure.transport._lose_later = lambda: None
    await secure.send(GET.replace(b"\r\n\r\n", b"\r\nConnection: close\r\n\r\n"))
    assert (True, False) == (secure.transport.closed, secure.transport.aborted)
    secure.pass_time(29)
    assert not secure.transport.aborted
    secure.pass_time(2)
    assert secure.transport.aborted


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([GET], id="while it waits"),
        pytest.param([POST, b"hello"], id="in the middle of a body"),
        pytest.param([SOCKET], id="in a handshake of its own"),
    ],
)
async def test_a_client_that_ends_over_tls_has_left(secure, pieces):
    secure.script.at_end = silent
    await secure.send(*pieces)
    _, pipe = secure.busy
    secure.transport.feed(b"")
    await secure.settle()
    assert (b"", True) == (secure.transport.written, pipe.aborted)
    secure.check_books()


async def test_an_early_answer_over_tls_lingers_without_a_half_close(secure):
    await secure.send(POST.replace(b"POST / ", b"POST /get-only "))
    assert ["405 method_not_allowed"] == [answer.line for answer in secure.answers()]
    assert not secure.transport.closed
    secure.pass_time(2.5)
    assert secure.transport.closed


async def test_a_request_too_many_is_refused_unrouted_and_its_connection_stays(make_bench):
    """It costs less than anything else that could be done with it; a later one is served."""
    bench = make_bench({"body: 1MiB": "body: 1MiB, requests: 1"})
    bench.script.at_end = silent
    await bench.send(GET)
    _, transport = bench.connect()
    transport.feed(GET.replace(b"GET / ", b"GET /nowhere/at/all "))
    await bench.settle()
    answer = bytes(transport.written)
    assert b"HTTP/1.1 503 Service Unavailable\r\n" == answer[:34]
    assert b"\r\nRetry-After: 1\r\n" in answer
    assert b"Connection: close" not in answer
    assert b'"reason":"overloaded"' in answer
    assert (1, 1) == (bench.books.in_flight, len(bench.script.seen))
    bench.client.kill()
    await bench.settle()
    bench.script.at_end = lambda seen: (OK,)
    transport.feed(GET)
    await bench.settle()
    assert b"HTTP/1.1 200 OK\r\n" in transport.written


async def test_a_body_too_many_is_not_awaited(make_bench):
    bench = make_bench({"body: 1MiB": "body: 1MiB, requests: 1"})
    bench.script.at_end = silent
    await bench.send(GET)
    _, transport = bench.connect()
    transport.feed(b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 9\r\n\r\npart")
    await bench.settle()
    assert b"HTTP/1.1 503 Service Unavailable\r\n" == transport.written[:34]
    assert b"\r\nConnection: close\r\n" in transport.written
    assert transport.ended
