"""A body that a policy looks into, on transports: however it comes, it is judged and forwarded whole."""

import asyncio

import pytest

POLICIES = """\
defaults: {upstream: backend, auth: public}
routes:
  - {id: checked, match: {path: "/{rest...}"}, validate: {schema: a.json, max_body: 200B}}
"""
SCHEMA = '{"type": "object", "properties": {"a": {"type": "integer"}}, "required": ["a"]}'
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
GOOD, BAD = b'{"a": 1, "b": "two"}', b'{"a": "1", "b": "x"}'
CHUNKS = (
    b"POST / HTTP/1.1\r\nHost: a.example\r\nContent-Type: application/json\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n"
)
GET = b"GET /next HTTP/1.1\r\nHost: a.example\r\n\r\n"


def counted(body, *lines, method=b"POST"):
    head = [method + b" / HTTP/1.1", b"Host: a.example", b"Content-Type: application/json", *lines]
    return b"\r\n".join([*head, b"Content-Length: %d" % len(body), b"", b""]) + body


def chunked(body):
    rest = b"%x;x=y\r\n%b\r\n0\r\nX-Trailer: 1\r\n\r\n" % (len(body) - 5, body[5:])
    return CHUNKS + b"5\r\n" + body[:5] + b"\r\n" + rest


@pytest.fixture
def make(snapshot, tmp_path, make_bench):
    """Make a Bench whose one route looks into bodies."""
    folder = tmp_path / "configuration" / "policies"
    folder.mkdir(parents=True)
    (folder / "a.json").write_text(SCHEMA)
    compiled = snapshot(policies=POLICIES)
    return lambda: type(make_bench())(compiled)


async def fed(bench, *pieces):
    """Feed pieces, so that each is all there is for a while. A policy that waits is not waited for."""
    for piece in pieces:
        bench.transport.feed(piece)
        for _ in range(4):
            await asyncio.sleep(0)
    await bench.settle()
    bench.check_books()


@pytest.mark.parametrize("framed", [counted, chunked])
async def test_good_body_is_forwarded_however_it_is_split(make, framed):
    sent = framed(GOOD)
    for place in range(1, len(sent)):
        bench = make()
        await fed(bench, sent[:place], sent[place:])
        (seen,) = bench.script.seen
        assert (GOOD, True) == (seen.body, seen.whole), f"split at {place}"
        assert ["200"] == [answer.line for answer in bench.answers("POST")]


@pytest.mark.parametrize("framed", [counted, chunked])
async def test_bad_body_is_refused_however_it_is_split(make, framed):
    """No byte of it reaches a backend, and the next request on the connection has its answer."""
    sent = framed(BAD)
    for place in range(1, len(sent)):
        bench = make()
        await fed(bench, sent[:place], sent[place:], GET)
        lines = [answer.line for answer in bench.answers("POST", "GET")]
        assert ["422 invalid_body", "200"] == lines, f"split at {place}"
        assert [b"GET /next HTTP/1.1"] == [seen.lines[0] for seen in bench.script.seen]


@pytest.mark.parametrize("framed", [counted, chunked])
async def test_body_may_come_byte_by_byte(make, framed):
    bench = make()
    sent = framed(GOOD)
    await fed(bench, *[sent[place : place + 1] for place in range(len(sent))])
    assert [GOOD] == [seen.body for seen in bench.script.seen]


async def test_request_behind_a_refused_body_keeps_its_turn(make):
    bench = make()
    await fed(bench, counted(BAD) + counted(GOOD) + GET)
    lines = [answer.line for answer in bench.answers("POST", "POST", "GET")]
    assert ["422 invalid_body", "200", "200"] == lines


@pytest.mark.parametrize("framed", [counted, chunked])
async def test_whole_body_with_its_head_makes_no_task_and_no_timer(make, monkeypatch, framed):
    """A small request is judged and forwarded in one call, with one write."""
    bench = make()
    loop = asyncio.get_running_loop()
    made, written = [], []
    for _, each in bench.backends:
        each.on_write = written.append
    loop.set_task_factory(lambda loop, coroutine, **rest: made.append(coroutine))
    try:
        for name in ("call_later", "call_at", "call_soon", "create_future"):
            monkeypatch.setattr(type(loop), name, lambda *arguments, name=name, **rest: made.append(name))
        bench.transport.feed(framed(GOOD))
        connection, _ = bench.busy
        connection.data_received(OK)
    finally:
        monkeypatch.undo()
        loop.set_task_factory(None)
    assert ([], 1) == (made, len(written))
    assert bench.transport.written.endswith(b"\r\n\r\nok")


@pytest.mark.parametrize(
    ("pieces", "line"),
    [
        pytest.param([counted(b" " * 201)[:-201]], "413 body_too_large", id="announced"),
        pytest.param([chunked(b" " * 199 + b"{}")], "413 body_too_large", id="in one piece"),
        pytest.param(
            [chunked(b" " * 300)[:-250], chunked(b" " * 300)[-250:]], "413 body_too_large", id="in two pieces"
        ),
        pytest.param([counted(GOOD, b"Content-Encoding: gzip")], "415 unsupported_encoding", id="encoded"),
        pytest.param([CHUNKS + b"zz\r\n"], "400 malformed_request", id="broken chunks"),
        pytest.param(
            [CHUNKS + b"1\r\n{\r\n", b"zz\r\n"], "400 malformed_request", id="chunks that break later on"
        ),
    ],
)
async def test_body_that_cannot_be_read_is_refused(make, pieces, line):
    bench = make()
    await fed(bench, *pieces)
    assert [line] == [answer.line for answer in bench.answers("POST")]
    assert [] == bench.script.seen


async def test_slow_body_is_refused_in_time(make):
    bench = make()
    bench.transport.feed(counted(GOOD)[:-5])
    await asyncio.sleep(0)
    bench.pass_time(31)
    await bench.settle()
    assert ["408 request_timeout"] == [answer.line for answer in bench.answers("POST")]
    assert [] == bench.script.seen


async def test_client_that_leaves_while_its_body_is_read_leaves_nothing(make):
    bench = make()
    bench.transport.feed(counted(GOOD)[:-5])
    await asyncio.sleep(0)
    bench.transport.lose()
    await bench.settle()
    bench.check_books()
    assert ([], set()) == (bench.script.seen, asyncio.all_tasks() - {asyncio.current_task()})


async def test_client_that_leaves_before_the_policy_waits_leaves_nothing(make):
    """The task is called off before its first step."""
    bench = make()
    bench.transport.feed(counted(GOOD)[:-5])
    bench.transport.lose()
    await bench.settle()
    bench.check_books()
    assert [] == bench.script.seen
