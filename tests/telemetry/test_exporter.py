"""The thread that sends spans, with a collector that does what a test tells it."""

import logging
import threading

import pytest

from gateway.http.edits import Block
from gateway.http.request import Request
from gateway.policy import Exchange
from gateway.telemetry.books import Books
from gateway.telemetry.exporter import Exporter
from gateway.telemetry.recorder import BATCH, Recorder
from gateway.telemetry.redaction import Redaction
from gateway.telemetry.senders import SendError
from gateway.wire.clock import Clock

PATIENCE = 5.0
AGAIN = SendError("status 503", is_final=False)
FINAL = SendError("status 400", is_final=True)


class Collector:
    """Answers a message with the next of `answers`, an error or a number; with the last one ever after."""

    def __init__(self, *answers):
        self.answers = list(answers)
        self.messages = []

    def __call__(self, message):
        self.messages.append(message)
        answer = self.answers.pop(0) if len(self.answers) > 1 else self.answers[0]
        if isinstance(answer, Exception):
            raise answer
        return answer


@pytest.fixture
def recorder():
    return Recorder(Clock(), "v1", frozenset(), Redaction())


@pytest.fixture
def over(recorder, snapshot):
    """Have so many requests be over, of two spans each."""
    route = snapshot().routes[0]

    def end(count=1):
        books = Books(Clock(), 1.0)
        books.followers = (recorder.follow,)
        for _ in range(count):
            request = Request(b"GET", b"x", b"/", b"", [], {}, 0, "192.0.2.1", False, Block(()))
            request_id, trace = books.identify(request, continues=False)
            passage = books.open(route, Exchange(request, request_id, ()), trace, books.monotonic())
            books.attempt(passage, b"127.0.0.1:1")
            passage.status = 200
            books.close(passage)

    return end


@pytest.fixture
def pauses(monkeypatch):
    """Say how long the pauses between attempts are."""
    return lambda *seconds: monkeypatch.setattr("gateway.telemetry.exporter._PAUSES", seconds)


@pytest.fixture
def sent(recorder, over, pauses):
    """Send so many records; gives what is counted: exported, dropped, failures."""

    def send(collector, count=1, encode=len):
        pauses(0.0, 0.0)
        over(count)
        exporter = Exporter(recorder, encode, collector)
        exporter.start()
        recorder.ready.set()
        waiting = threading.Event()
        for _ in range(int(PATIENCE * 100)):
            if not recorder._queue and recorder.exported + recorder.dropped["export_failed"] >= 2 * count:
                break
            waiting.wait(0.01)
        exporter.stop()
        return recorder.exported, recorder.dropped["export_failed"], recorder.failures

    return send


@pytest.mark.parametrize(
    ("answers", "counted", "messages"),
    [
        pytest.param([0], (2, 0, 0), 1, id="taken"),
        pytest.param([1], (1, 1, 0), 1, id="taken in part"),
        pytest.param([99], (0, 2, 0), 1, id="more refused than there were"),
        pytest.param([-1], (2, 0, 0), 1, id="less than none refused"),
        pytest.param([AGAIN, AGAIN, 0], (2, 0, 2), 3, id="taken in the end"),
        pytest.param([AGAIN], (0, 2, 3), 3, id="tried three times"),
        pytest.param([FINAL], (0, 2, 1), 1, id="not worth another attempt"),
    ],
)
def test_what_becomes_of_spans_is_counted(sent, answers, counted, messages):
    collector = Collector(*answers)
    assert counted == sent(collector)
    assert messages == len(collector.messages)


def test_records_go_in_batches(sent):
    collector = Collector(0)
    sent(collector, BATCH + 1)
    assert [BATCH, 1] == collector.messages


def test_an_outage_is_told_once_and_its_end_once(sent, caplog):
    caplog.set_level(logging.INFO)
    sent(Collector(FINAL, FINAL, 0), 3 * BATCH)
    assert ["spans cannot be sent: status 400", "spans are sent again"] == caplog.messages


def test_a_mistake_of_ours_ends_nothing(sent, caplog):
    calls = []

    def encode(records):
        calls.append(len(records))
        if len(calls) == 1:
            raise KeyError("x")
        return len(records)

    assert (2, 2 * BATCH, 0) == sent(Collector(0), BATCH + 1, encode=encode)
    assert ["spans are lost"] == caplog.messages


def test_the_end_waits_for_no_pause(recorder, over, pauses):
    pauses(600.0)
    collector = Collector(AGAIN)
    asked = threading.Event()

    def send(message):
        asked.set()
        return collector(message)

    over()
    exporter = Exporter(recorder, len, send)
    exporter.start()
    recorder.ready.set()
    assert asked.wait(PATIENCE)
    exporter.stop()
    assert not exporter._thread.is_alive()
    assert 2 == recorder.dropped["export_failed"]


def test_what_is_left_at_the_end_is_sent(recorder, over):
    collector = Collector(0)
    exporter = Exporter(recorder, len, collector)
    exporter.start()
    over()
    exporter.stop()
    assert (1, 2) == (len(collector.messages), recorder.exported)


def test_what_was_never_started_can_be_stopped(recorder):
    Exporter(recorder, len, Collector(0)).stop()
