"""The place of a compressed body between a relay and its client."""

import asyncio
import gzip
import zlib
from concurrent.futures import Executor, Future

import pytest

from gateway.http.edits import Block
from gateway.http.reason import Reason
from gateway.wire.compression import Compression
from gateway.wire.downstream import UNKNOWN

TEXT = b'{"id": 1, "name": "a course", "lessons": [1, 2, 3]}\n' * 4000  # 204 KiB
LONG = 100_000
BLOCK = Block(())


class Held(Executor):
    """Threads that do their work when a test says so."""

    def __init__(self):
        self.jobs = []

    def submit(self, work):
        self.jobs.append((Future(), work))
        return self.jobs[-1][0]

    def shutdown(self, wait=True, *, cancel_futures=False):
        for future, _ in self.jobs:
            future.cancel()

    async def work(self):
        """Do what there is, and let the loop hear of it."""
        jobs, self.jobs = self.jobs, []
        for future, work in jobs:
            if future.set_running_or_notify_cancel():
                try:
                    future.set_result(work())
                except Exception as error:
                    future.set_exception(error)
        for _ in range(3):
            await asyncio.sleep(0)


class Client:
    """The client's stream: what is written to it, in order."""

    def __init__(self):
        self.calls = []
        self.body = b""
        self.events = None

    def tell(self, relay):
        self.events = relay

    def head(self, status, lines, block, length):
        self.calls.append(("head", length))

    def data(self, chunk):
        self.body += chunk
        self.calls.append("data")

    def end(self, chunk, trailers=b""):
        self.body += chunk
        self.calls.append("end")

    def abort(self):
        self.calls.append("abort")

    def pause(self):
        self.calls.append("pause")

    def resume(self):
        self.calls.append("resume")

    def allow(self, seconds):
        self.calls.append(("allow", seconds))

    def finish(self):
        self.calls.append("finish")


class Relay:
    """What a relay is told, in order; `reads` says whether it takes more from its backend."""

    def __init__(self):
        self.calls = []
        self.reads = True
        self.is_answered = False

    def client_data(self, chunk):
        self.calls.append(("data", chunk))

    def client_end(self, chunk):
        self.calls.append(("end", chunk))

    def client_broken(self, reason):
        self.calls.append(reason)

    def client_gone(self):
        self.calls.append("gone")

    def client_paused(self):
        self.reads = False

    def client_resumed(self):
        self.reads = True

    def expired(self):
        self.calls.append("expired")

    def answered(self):
        self.is_answered = True


class Place:
    """A compressed response between a relay and a client, with threads that work on demand."""

    def __init__(self):
        self.shared = Compression()
        self.threads = self.shared.workers = Held()
        self.client = Client()
        self.relay = Relay()
        self.stream = None

    def begin(self, length=UNKNOWN, coding=b"gzip"):
        self.stream = self.shared.between(self.relay, self.client, coding, length)
        self.stream.head(200, [b"X-A: 1"], BLOCK, length)
        return self.stream


@pytest.fixture
def place():
    return Place()


@pytest.fixture
async def busy(place):
    """A response of which a thread has the first part."""
    place.begin(len(TEXT)).data(TEXT[:LONG])
    return place


async def test_a_whole_body_is_sent_with_its_new_length(place):
    stream = place.begin(5000)
    stream.end(TEXT[:5000])
    assert [("head", len(place.client.body)), "end"] == place.client.calls
    assert TEXT[:5000] == gzip.decompress(place.client.body)
    assert 0 == place.shared.open


async def test_pieces_of_a_counted_body_are_not_flushed_one_by_one(place):
    stream = place.begin(5000)
    for place_ in range(0, 5000, 50):
        stream.data(TEXT[place_ : place_ + 50])
    assert len(place.client.body) <= 10
    stream.end(b"")
    assert [("head", UNKNOWN), *100 * ["data"], "end"] == place.client.calls
    assert TEXT[:5000] == gzip.decompress(place.client.body)


async def test_pieces_of_an_endless_body_arrive_one_by_one(place):
    stream = place.begin()
    decode = zlib.decompressobj(31).decompress
    for number in range(10):
        before = len(place.client.body)
        stream.data(b"event %d" % number)
        assert b"event %d" % number == decode(place.client.body[before:])
    stream.end(b"")
    assert [("head", UNKNOWN), *10 * ["data"], "end"] == place.client.calls


async def test_a_first_piece_of_nothing_brings_the_head(place):
    """The stream's head goes out with what follows it in the same call."""
    stream = place.begin()
    stream.data(b"")
    assert ([("head", UNKNOWN), "data"], b"") == (place.client.calls, place.client.body)
    stream.end(b"x")
    assert b"x" == gzip.decompress(place.client.body)


async def test_a_long_body_is_the_work_of_threads(place):
    stream = place.begin(len(TEXT))
    stream.data(TEXT[:LONG])
    assert (False, []) == (place.relay.reads, place.client.calls)
    await place.threads.work()
    assert (True, [("head", UNKNOWN), "data"]) == (place.relay.reads, place.client.calls)
    stream.end(TEXT[LONG:])
    await place.threads.work()
    assert "end" == place.client.calls[-1]
    assert TEXT == gzip.decompress(place.client.body)


async def test_a_body_of_unknown_length_is_theirs_from_64_kib_on(place):
    stream = place.begin()
    for start in range(0, 60_000, 10_000):
        stream.data(TEXT[start : start + 10_000])
    assert [] == place.threads.jobs
    stream.data(TEXT[60_000:70_000])
    assert (1, False) == (len(place.threads.jobs), place.relay.reads)
    await place.threads.work()
    stream.end(b"")
    assert TEXT[:70_000] == gzip.decompress(place.client.body)


async def test_a_whole_long_body_has_its_length_too(place):
    place.begin(len(TEXT)).end(TEXT)
    await place.threads.work()
    assert [("allow", 10.0), ("head", len(place.client.body)), "end"] == place.client.calls


async def test_what_comes_while_a_thread_works_keeps_its_order(busy):
    """The backend's transport was told to stop, but had more; and then it ended."""
    middle = LONG + 50_000
    busy.stream.data(TEXT[LONG:middle])
    busy.stream.end(TEXT[middle:])
    await busy.threads.work()
    assert ([("head", UNKNOWN), "data"], 1) == (busy.client.calls[:2], len(busy.threads.jobs))
    await busy.threads.work()
    assert ("end", 1) == (busy.client.calls[-1], busy.client.calls.count("end"))
    assert TEXT == gzip.decompress(busy.client.body)
    assert ([], 0) == (busy.threads.jobs, busy.shared.open)


async def test_an_end_while_a_thread_works_waits_for_it(busy):
    busy.stream.end(b"")
    assert [] == busy.client.calls
    await busy.threads.work()
    assert [("head", UNKNOWN), "data", "end"] == busy.client.calls
    assert TEXT[:LONG] == gzip.decompress(busy.client.body)


@pytest.mark.parametrize(
    "thread_first",
    [pytest.param(True, id="the thread is ready first"), pytest.param(False, id="the client is")],
)
async def test_the_backend_waits_for_the_client_and_for_the_thread(busy, thread_first):
    busy.stream.client_paused()
    if thread_first:
        await busy.threads.work()
    else:
        busy.stream.client_resumed()
    assert not busy.relay.reads
    if thread_first:
        busy.stream.client_resumed()
    else:
        await busy.threads.work()
    assert busy.relay.reads


async def test_an_abort_is_no_end(busy):
    """What a thread gives back for it is dropped."""
    busy.stream.abort()
    await busy.threads.work()
    assert (["abort"], [], 0) == (busy.client.calls, busy.relay.calls, busy.shared.open)


async def test_a_client_that_leaves_stops_everything(busy):
    busy.stream.client_gone()
    await busy.threads.work()
    assert ([], ["gone"], 0) == (busy.client.calls, busy.relay.calls, busy.shared.open)


async def test_a_client_that_leaves_behind_the_backends_end_is_let_go(busy):
    busy.stream.end(TEXT[LONG:])
    busy.stream.client_gone()
    await busy.threads.work()
    assert ([], ["gone"], 0) == (busy.client.calls, busy.relay.calls, busy.shared.open)


async def test_threads_that_take_too_long_break_the_response_off(busy):
    busy.stream.expired()
    await busy.threads.work()
    assert (["abort"], ["gone"], 0) == (busy.client.calls, busy.relay.calls, busy.shared.open)


async def test_a_failure_breaks_the_response_off(place, caplog):
    stream = place.begin(len(TEXT))
    stream._encoder.finish()  # It takes nothing more.
    stream.data(TEXT)
    await place.threads.work()
    assert (["abort"], ["gone"], 0) == (place.client.calls, place.relay.calls, place.shared.open)
    assert ["a response could not be compressed"] == [record.message for record in caplog.records]


async def test_work_that_is_given_up_breaks_the_response_off(busy):
    busy.shared.close()
    await busy.threads.work()
    assert ["abort"] == busy.client.calls


async def test_everything_else_passes(place):
    stream = place.begin()
    assert stream is place.client.events
    for call in (stream.pause, stream.resume, stream.finish):
        call()
    stream.allow(7.0)
    stream.client_data(b"a")
    stream.client_end(b"b")
    stream.client_broken(Reason.MALFORMED)
    other = Relay()
    stream.tell(other)
    stream.client_gone()
    assert ["pause", "resume", "finish", ("allow", 7.0)] == place.client.calls
    assert ["gone"] == other.calls
    assert [("data", b"a"), ("end", b"b"), Reason.MALFORMED] == place.relay.calls


def test_no_more_than_so_many_at_a_time(place):
    while place.shared.has_room:
        stream = place.begin()
    assert 256 == place.shared.open
    stream.abort()
    stream.client_gone()
    assert (255, True) == (place.shared.open, place.shared.has_room)


async def test_threads_are_few():
    compression = Compression()
    loop = asyncio.get_running_loop()
    assert {"compression_0", "compression_1"} >= {
        await loop.run_in_executor(compression.workers, _name) for _ in range(10)
    }
    compression.close()


def _name():
    from threading import current_thread

    return current_thread().name
