"""Connections on their way to TLS: how many, for how long, and what is told of those that fail."""

import asyncio
import errno
import logging
import socket

import pytest

from gateway.wire import handshakes

CONFIGURATION = """\
version: 1
admin: {{address: "127.0.0.1:0"}}
listeners: [{{address: "127.0.0.1:0", tls: {{certificates: [{{{certificate}}}]}}}}]
limits: {{connections: {connections}}}
policies: [policies]
"""
ROUTES = 'routes: [{id: all, match: {path: "/{rest...}"}, respond: {status: 204}, auth: public}]'
GET = b"GET / HTTP/1.1\r\nHost: a.test\r\nX-Secret: s3cret\r\n\r\n"


@pytest.fixture
def gateway(serve, authority):
    """A gateway that speaks TLS as `a.test`."""

    async def start(connections=10):
        text = CONFIGURATION.format(certificate=authority.yaml("a.test"), connections=connections)
        return await serve(gateway=text, policies=ROUTES)

    return start


def under_way(gateway):
    return gateway.listeners[0]._server._tasks


def failed(gateway):
    return sum(gateway.listeners[0].failed_handshakes.values())


async def test_plain_http_is_closed_without_a_byte_and_counted(gateway, connect, until, caplog):
    """One line a minute says so, and nothing in it is the client's."""
    gateway = await gateway()
    with caplog.at_level(logging.WARNING, "gateway"):
        for count in (1, 2, 3):
            client = await connect(gateway)
            await client.send(GET)
            assert b"" == await client.rest()
            await until(lambda count=count: failed(gateway) == count)
    assert ["TLS handshakes failed: 1 so far, the last one: HTTP_REQUEST"] == caplog.messages
    assert (set(), set()) == (gateway.connections, under_way(gateway))


async def test_the_next_line_comes_a_minute_later_with_the_number_so_far(
    gateway, connect, until, caplog, monkeypatch
):
    monkeypatch.setattr(handshakes, "_LOGGED_EVERY", 0.0)
    gateway = await gateway()
    for count in (1, 2):
        client = await connect(gateway)
        await client.send(b"\x00" * 100)
        await client.rest()
        await until(lambda count=count: failed(gateway) == count)
    assert ["1 so far", "2 so far"] == [text.split(": ")[1].partition(",")[0] for text in caplog.messages]


async def test_one_that_never_ends_takes_a_place_until_it_is_closed(gateway, connect, until, authority):
    """There is no room for another, which is closed at once and not even begun."""
    gateway = await gateway(connections=1)
    silent = await connect(gateway)
    await until(lambda: len(under_way(gateway)) == 1)
    second = await connect(gateway)
    assert b"" == await second.rest()
    assert 1 == len(under_way(gateway))
    silent.close()
    await until(lambda: not under_way(gateway))
    third = await connect(gateway, authority.client(), "a.test")
    await third.send(GET)
    assert (await third.head()).startswith(b"HTTP/1.1 204 ")


async def test_open_connections_take_places_too(gateway, connect, authority):
    gateway = await gateway(connections=1)
    first = await connect(gateway, authority.client(), "a.test")
    assert b"" == await (await connect(gateway)).rest()
    await first.send(GET)
    assert (await first.head()).startswith(b"HTTP/1.1 204 ")


async def test_one_that_never_ends_has_an_end(gateway, connect, until, caplog, monkeypatch):
    monkeypatch.setattr(handshakes, "_HANDSHAKE_AT_MOST", 0.01)
    gateway = await gateway()
    client = await connect(gateway)
    assert b"" == await client.rest()
    await until(lambda: failed(gateway) == 1)
    assert ["TLS handshakes failed: 1 so far, the last one: it took too long"] == caplog.messages


@pytest.mark.parametrize("leave", ["close", "cut"])
async def test_a_client_that_leaves_is_no_failure(gateway, connect, until, caplog, leave):
    """As the health check of a load balancer does."""
    gateway = await gateway()
    client = await connect(gateway)
    await until(lambda: len(under_way(gateway)) == 1)
    getattr(client, leave)()
    await until(lambda: not under_way(gateway))
    assert (0, []) == (failed(gateway), caplog.messages)


async def test_a_listener_that_closes_ends_those_under_way_and_keeps_what_is_open(
    gateway, connect, until, authority
):
    gateway = await gateway()
    open_ = await connect(gateway, authority.client(), "a.test")
    silent = await connect(gateway)
    await until(lambda: len(under_way(gateway)) == 1)
    server = gateway.listeners[0]._server
    gateway.listeners[0].close()
    server.close()
    assert b"" == await silent.rest()
    await until(lambda: not server._tasks)
    with pytest.raises(ConnectionRefusedError):
        await connect(gateway)
    await open_.send(GET)
    assert (await open_.head()).startswith(b"HTTP/1.1 204 ")


class Exhausted:
    """A listening socket for which the system has no descriptor, a few times."""

    def __init__(self, listening, errors) -> None:
        self.asked = 0
        self._listening = listening
        self._errors = errors

    def __getattr__(self, name):
        return getattr(self._listening, name)

    def accept(self):
        self.asked += 1
        if self._errors:
            raise self._errors.pop()
        return self._listening.accept()


@pytest.fixture
async def listening(authority):
    """Handshakes of a protocol that says hello, on a socket that fails at first."""
    opened = []

    class Hello(asyncio.Protocol):
        def connection_made(self, transport) -> None:
            transport.write(b"hello")

    def open(*errors):
        taken = socket.socket()
        taken.bind(("127.0.0.1", 0))
        exhausted = Exhausted(taken, list(errors))
        found = handshakes.Handshakes(
            authority.server("a.test"), Hello, lambda count, descriptor: True, handshakes.causes()
        )
        found.listen(exhausted, 8)
        opened.append(found)
        return found, exhausted, taken.getsockname()[1]

    yield open
    for found in opened:
        found.close()


async def test_without_a_descriptor_it_rests_and_goes_on(listening, dial, authority, caplog, monkeypatch):
    """The system says again and again that somebody waits; asking each time would take the whole loop."""
    monkeypatch.setattr(handshakes, "_RECOVERY", 0.02)
    _, exhausted, port = listening(OSError(errno.EMFILE, "Too many open files"))
    client = await dial(port, authority.client(), "a.test")
    assert b"hello" == await client.exactly(5)
    assert 2 == exhausted.asked
    assert ["no connection can be accepted: Too many open files"] == caplog.messages


async def test_one_that_rests_can_be_closed(listening, dial, until):
    found, exhausted, port = listening(OSError(errno.EMFILE, "Too many open files"))
    client = await dial(port)
    await until(lambda: exhausted.asked == 1)
    found.close()
    assert b"" == await client.rest()


async def test_a_client_that_left_while_it_waited_is_passed_over(listening, dial, authority, caplog):
    _, exhausted, port = listening(ConnectionAbortedError(), BlockingIOError())
    client = await dial(port, authority.client(), "a.test")
    assert b"hello" == await client.exactly(5)
    assert (3, []) == (exhausted.asked, caplog.messages)
