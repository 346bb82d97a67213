"""The table of a client's connection, and walks through it at random: the books are always right."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.wire.downstream import Downstream
from gateway.wire.downstream_states import TRANSITIONS, Event, State

GET = b"GET / HTTP/1.1\r\nHost: a.test\r\n\r\n"
HEAD = b"HEAD / HTTP/1.1\r\nHost: a.test\r\n\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 10\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n"
SMALL = b"POST /small HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n"
OLD = b"GET / HTTP/1.0\r\nConnection: keep-alive\r\n\r\n"
SOCKET = (
    b"GET /socket HTTP/1.1\r\nHost: a.test\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n"
    b"Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\nSec-WebSocket-Version: 13\r\n\r\n"
)
EOF = b""
SENT = [
    GET,
    GET,
    POST,
    CHUNKED,
    SOCKET,
    GET[:20],
    GET[20:],
    GET * 3,
    HEAD,
    POST,
    CHUNKED,
    SMALL,
    OLD,
    SOCKET,
    EOF,
    b"\r\n",
    b"\x00",
]
SENT += [b"hello", b"5\r\nhello\r\n", b"5\r\nhe", b"llo\r\n", b"0\r\n\r\n", b"0\r\n\r\n" + GET, b"a" * 70_000]
OK = b"HTTP/1.1 200 OK\r\n"
SWITCH = b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
HINTS = b"HTTP/1.1 103 Early Hints\r\n\r\n"
ANSWERED = [
    OK + b"Content-Length: 5\r\n\r\nhello",
    OK + b"Content-Length: 10\r\n\r\nhello",
    OK + b"\r\n",
    OK,
    EOF,
]
ANSWERED += [OK + b"Transfer-Encoding: chunked\r\n\r\n", b"5\r\nhello\r\n", b"0\r\n\r\n", b"hello", SWITCH]
ANSWERED += [HINTS, b"HTTP/1.1 204 No Content\r\n\r\n", b"a" * 70_000, OK + b"Content-Length: 70000\r\n\r\n"]

REQUESTS = st.tuples(st.just("send"), st.sampled_from(SENT))
STEPS = st.one_of(
    st.tuples(st.just("send"), st.sampled_from(SENT)),
    st.tuples(st.just("answer"), st.sampled_from(ANSWERED)),
    st.tuples(st.just("answer"), st.sampled_from(ANSWERED)),
    st.tuples(st.just("pass_time"), st.sampled_from([0.3, 2.5, 11, 31, 61, 76])),
    st.tuples(st.sampled_from(["client_takes", "backend_takes"]), st.booleans()),
    st.tuples(st.sampled_from(["lose_client", "lose_backend", "speak_unasked", "finish", "kill"]), st.none()),
)
WALKS = st.lists(st.tuples(REQUESTS, st.lists(STEPS, max_size=5)), min_size=1, max_size=4)


def busy(bench):
    return [pipe for connection, pipe in bench.backends if not pipe.closed and "IDLE" not in repr(connection)]


def idle(bench):
    return [pipe for connection, pipe in bench.backends if not pipe.closed and "IDLE" in repr(connection)]


def take(pipe, takes):
    pipe.taking = takes
    if takes:
        pipe.take(pipe.backlog)


def step(bench, what, how):
    """Let one thing happen, as far as it can."""
    if what == "send" and not bench.transport.closed:
        bench.transport.feed(how)
    elif what == "answer":
        for pipe in busy(bench):
            pipe.feed(how)
    elif what == "pass_time":
        bench.pass_time(how)
    elif what == "client_takes":
        take(bench.transport, how)
    elif what == "backend_takes":
        for pipe in busy(bench):
            take(pipe, how)
    elif what == "lose_client" and not bench.transport.lost:
        bench.transport.lose()
    elif what == "lose_backend":
        for pipe in busy(bench):
            pipe.lose()
    elif what == "speak_unasked":
        idle(bench)[0].feed(b"hello")
    elif what == "finish":
        bench.client.finish()
    elif what == "kill" and not bench.transport.lost:
        bench.client.kill()


@settings(max_examples=400, deadline=None)
@given(walk=WALKS)
def test_whatever_happens_the_books_are_right(run, walk):
    async def scenario(bench):
        bench.script.at_end = lambda seen: ()
        for what, how in [step for request, steps in walk for step in (request, *steps)]:
            if bench.transport.lost:
                bench.client, bench.transport = bench.connect()
            bench.stock(max(0, 2 - len(idle(bench))))
            step(bench, what, how)
            await bench.settle()
            bench.check_books()
        if not bench.transport.lost:
            bench.transport.lose()
        await bench.settle()
        bench.check_books()
        assert 0 == bench.endpoint.pending
        assert [] == busy(bench)

    run(scenario)


def test_every_action_is_one_of_the_connection():
    actions = {action for row in TRANSITIONS.values() for _, action in row.values() if action}
    assert actions
    assert [] == [action for action in actions if not callable(getattr(Downstream, action, None))]


def test_every_state_can_be_reached():
    reached = {State.HEAD}
    while more := {state for one in reached for state, _ in TRANSITIONS[one].values()} - reached:
        reached |= more
    assert set(State) == reached == set(TRANSITIONS)


def test_nothing_leads_out_of_death():
    assert {State.DEAD} == {state for state, _ in TRANSITIONS[State.DEAD].values()}


@pytest.mark.parametrize("state", State)
def test_every_state_knows_the_end_and_the_time(state):
    assert {Event.EOF, Event.EXPIRED, Event.LOST} <= set(TRANSITIONS[state])
    assert State.DEAD == TRANSITIONS[state][Event.LOST][0]
