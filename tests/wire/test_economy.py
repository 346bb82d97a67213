"""What a request that waits for nothing may cost: the promises that the speed rests on."""

import asyncio

import pytest

GET = b"GET /a?b=c HTTP/1.1\r\nHost: a.example\r\nAccept: */*\r\n\r\n"
POST = b"POST /a HTTP/1.1\r\nHost: a.example\r\nContent-Length: 5\r\n\r\nhello"
CHUNKED = b"POST /a HTTP/1.1\r\nHost: a.example\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n"
OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

REQUESTS = [
    pytest.param(GET, id="without a body"),
    pytest.param(POST, id="with a counted body"),
    pytest.param(CHUNKED, id="with a chunked body"),
]


@pytest.fixture
def writes(bench):
    """What is written to the backends and to the client, one entry a call."""
    written: tuple[list[bytes], list[bytes]] = [], []
    for _, pipe in bench.backends:
        pipe.on_write = written[0].append
    bench.transport.on_write = written[1].append
    return written


@pytest.mark.parametrize("request_", REQUESTS)
async def test_request_takes_one_write_to_the_backend_and_one_to_the_client(bench, writes, request_):
    """A second write would be a second system call, and the dearest thing of all."""
    bench.transport.feed(request_)
    connection, _ = bench.busy
    connection.data_received(OK)
    to_backend, to_client = writes
    assert (1, 1) == (len(to_backend), len(to_client))
    assert to_client[0].endswith(b"\r\n\r\nok")


@pytest.mark.parametrize("request_", REQUESTS)
async def test_request_that_waits_for_nothing_makes_no_task_and_no_timer(
    bench, writes, monkeypatch, request_
):
    """Policies that do not wait and an idle connection: everything happens in two calls of data_received."""
    loop = asyncio.get_running_loop()
    made = []
    loop.set_task_factory(lambda loop, coroutine, **rest: made.append(coroutine))
    try:
        for name in ("call_later", "call_at", "call_soon", "create_future"):
            monkeypatch.setattr(type(loop), name, lambda *arguments, name=name, **rest: made.append(name))
        bench.transport.feed(request_)
        connection, _ = bench.busy
        connection.data_received(OK)
    finally:
        monkeypatch.undo()
        loop.set_task_factory(None)
    assert [] == made
    assert 1 == len(writes[1])
