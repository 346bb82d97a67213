"""Both ends of a conversation, on a real socket pair."""

import asyncio
import os
import socket

import pytest

from gateway.workers.channel import Channel, UnansweredError
from gateway.workers.frames import Message, Word, frame

PATIENCE = 10.0


class End:
    """One end: what it hears, and whether the other is gone."""

    def __init__(self, sock):
        self.heard = asyncio.Queue()
        self.gone = asyncio.Event()
        self.channel = Channel(sock, self.heard.put_nowait, self.gone.set)

    async def next(self):
        async with asyncio.timeout(PATIENCE):
            return await self.heard.get()


@pytest.fixture
async def ends():
    ends = [End(sock) for sock in socket.socketpair()]
    yield ends
    for end in ends:
        end.channel.close()


@pytest.fixture
async def raw():
    """One end, and the bare socket of the other."""
    ours, theirs = socket.socketpair()
    end = End(ours)
    with theirs:
        yield end, theirs
    end.channel.close()


async def test_what_is_told_is_heard_in_order(ends):
    one, other = ends
    one.channel.tell(Word.DRAIN)
    one.channel.tell(Word.REPORT, b"a" * 3_000_000)
    one.channel.tell(Word.STOP)
    assert not one.channel.is_flushed
    heard = [await other.next() for _ in range(3)]
    assert [Word.DRAIN, Word.REPORT, Word.STOP] == [message.word for message in heard]
    assert b"a" * 3_000_000 == heard[1].body
    assert one.channel.is_flushed


async def test_a_call_is_answered_by_its_number(ends):
    """Also when a later one is answered first."""
    one, other = ends
    calls = [
        asyncio.create_task(one.channel.call(Word.QUESTION, body, within=PATIENCE)) for body in (b"a", b"b")
    ]
    first, second = await other.next(), await other.next()
    for message in (second, first):
        other.channel.reply(message, message.body.upper())
    assert [b"A", b"B"] == await asyncio.gather(*calls)


async def test_an_answer_to_nothing_is_passed_over(ends):
    one, other = ends
    other.channel.reply(Message(Word.QUESTION, 12345), b"late")
    other.channel.tell(Word.READY)
    assert Word.READY is (await one.next()).word


async def test_who_does_not_answer_in_time_has_not_answered(ends):
    with pytest.raises(UnansweredError, match="PREPARE within 0"):
        await ends[0].channel.call(Word.PREPARE, within=0)


async def test_a_call_ends_with_whoever_was_called(ends):
    one, other = ends
    call = asyncio.create_task(one.channel.call(Word.PREPARE, within=PATIENCE))
    await other.next()
    other.channel.close()
    with pytest.raises(UnansweredError, match="gone"):
        await call
    assert one.gone.is_set()
    one.channel.tell(Word.DRAIN)
    with pytest.raises(UnansweredError, match="gone"):
        await one.channel.call(Word.PREPARE, within=PATIENCE)


async def test_sockets_are_handed_over(ends):
    one, other = ends
    with socket.create_server(("127.0.0.1", 0)) as listening:
        call = one.channel.call(Word.SERVE, b"", [listening.fileno()], within=PATIENCE)
        call = asyncio.create_task(call)
        message = await other.next()
        other.channel.reply(message)
        await call
        (number,) = message.descriptors
        with socket.socket(fileno=number) as taken:
            assert listening.getsockname() == taken.getsockname()
            assert not os.get_inheritable(number)


async def test_what_was_said_before_the_end_is_heard(raw):
    end, theirs = raw
    theirs.sendall(frame(Message(Word.REPORT, 0, b"last")))
    theirs.close()
    end.channel.read_all()
    assert b"last" == (await end.next()).body
    assert end.gone.is_set()


async def test_whoever_talks_nonsense_is_given_up(raw):
    end, theirs = raw
    theirs.sendall(b"GET / HTTP/1.1\r\nHost: a.example\r\n\r\n")
    async with asyncio.timeout(PATIENCE):
        await end.gone.wait()
    assert end.heard.empty()


async def test_whoever_does_not_read_is_given_up(raw, monkeypatch):
    """Nothing is kept for ever."""
    monkeypatch.setattr("gateway.workers.channel._UNSENT_AT_MOST", 1_000_000)
    end, _ = raw
    for _ in range(10):
        end.channel.tell(Word.REPORT, bytes(300_000))
    assert end.gone.is_set()


async def test_a_flush_does_not_wait_for_ever(raw):
    end, theirs = raw
    end.channel.tell(Word.REPORT, bytes(3_000_000))
    await end.channel.flush(0.0)
    assert not end.channel.is_flushed
    flushing = asyncio.create_task(end.channel.flush(PATIENCE))
    theirs.setblocking(False)
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(PATIENCE):
        while not end.channel.is_flushed:
            await loop.sock_recv(theirs, 1 << 20)
    await flushing
