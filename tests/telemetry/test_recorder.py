"""What becomes a span is kept on the way out, within bounds; what finds no room is counted."""

import pytest

from gateway.http.edits import Block
from gateway.http.reason import Reason
from gateway.http.request import Request
from gateway.policy import Exchange
from gateway.telemetry.books import Books
from gateway.telemetry.recorder import BATCH, QUEUED_AT_MOST, Recorder
from gateway.telemetry.redaction import Redaction
from gateway.wire.clock import Clock


class Time:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def clock(time):
    return Clock(time, lambda: 1_800_000_000.0)


@pytest.fixture
def recorder(clock):
    return Recorder(clock, "v1", frozenset(), Redaction())


@pytest.fixture
def over(clock, recorder, snapshot):
    """A request that is over; gives its passage."""
    route = snapshot().routes[0]

    def end(*, sampled=False, status=200, reason=None, attempts=0, request=None, **changes):
        books = Books(clock, float(sampled))
        books.followers = (recorder.follow,)
        request = request or Request(b"GET", b"x", b"/", b"", [], {}, 0, "192.0.2.1", False, Block(()))
        request_id, trace = books.identify(request, continues=False)
        passage = books.open(route, Exchange(request, request_id, ()), trace, books.monotonic())
        for number in range(attempts):
            books.attempt(passage, b"127.0.0.1:%d" % number)
        passage.status = status
        if reason is not None:
            passage.refuse("auth", "a.yaml:1", reason)
        for name, value in changes.items():
            setattr(passage, name, value)
        books.close(passage)
        return passage

    return end


@pytest.mark.parametrize(
    ("changes", "kept"),
    [
        pytest.param({"sampled": True}, 1, id="sampled"),
        pytest.param({}, 0, id="not sampled"),
        pytest.param({"status": 404}, 0, id="a backend's 404 is nothing special"),
        pytest.param({"status": 401, "reason": Reason.NO_CREDENTIALS}, 1, id="a refusal of ours is kept"),
        pytest.param({"status": 503}, 1, id="a backend's 5xx is kept"),
        pytest.param({"status": 0, "aborted": True}, 0, id="a client that left is nothing special"),
    ],
)
def test_what_is_recorded(over, recorder, changes, kept):
    over(**changes)
    assert kept == len(recorder.take())


def test_of_what_is_not_sampled_ten_a_second_are_recorded(over, recorder, time):
    for _ in range(12):
        over(status=500)
    assert (10, 2) == (len(recorder.take()), recorder.dropped["rate"])
    time.now += 0.99
    over(status=500)
    assert (0, 3) == (len(recorder.take()), recorder.dropped["rate"])
    time.now += 0.01
    for _ in range(12):
        over(status=500)
    assert (10, 5) == (len(recorder.take()), recorder.dropped["rate"])


def test_no_rate_holds_for_what_is_sampled(over, recorder):
    for _ in range(50):
        over(sampled=True, status=500)
    assert 50 == len(recorder.take())


def test_what_finds_no_room_is_counted_by_its_spans(over, recorder):
    for _ in range(QUEUED_AT_MOST):
        over(sampled=True)
    over(sampled=True, attempts=2)
    assert 3 == recorder.dropped["queue_full"]
    assert BATCH == len(recorder.take())
    over(sampled=True)
    assert 3 == recorder.dropped["queue_full"]


def test_a_full_batch_is_worth_sending_at_once(over, recorder):
    for _ in range(BATCH - 1):
        over(sampled=True)
    assert not recorder.ready.is_set()
    over(sampled=True)
    assert recorder.ready.is_set()


def test_of_what_a_client_said_no_more_is_kept_than_can_be_told(over, recorder):
    noted = {b"user-agent": b"a" * 9000}
    request = Request(
        *(b"M" * 9000, b"x", b"/" + b"p" * 9000, b"?" + b"q" * 9000, [], noted, 0, "192.0.2.1", False),
        Block(()),
    )
    over(sampled=True, request=request)
    (record,) = recorder.take()
    sizes = [len(each) for each in (record.method, record.path, record.query, record.user_agent)]
    assert [32, 2048, 2048, 256] == sizes


@pytest.mark.parametrize(
    ("changes", "verdict", "answer"),
    [
        pytest.param({}, ("", "", ""), 200, id="it passed"),
        pytest.param(
            {"status": 401, "reason": Reason.NO_CREDENTIALS},
            ("auth", "no_credentials", "enforce"),
            401,
            id="it was refused",
        ),
        pytest.param(
            {"status": 0, "aborted": True}, ("", "", ""), 0, id="the client left and was told nothing"
        ),
    ],
)
def test_the_verdict_is_kept(over, recorder, changes, verdict, answer):
    over(sampled=True, **changes)
    (record,) = recorder.take()
    assert (verdict, answer) == ((record.policy, record.reason, record.mode), record.answer)


def test_what_a_policy_on_trial_would_have_refused_is_kept(clock, recorder, snapshot):
    books = Books(clock, 1.0)
    books.followers = (recorder.follow,)
    request = Request(b"GET", b"x", b"/", b"", [], {}, 0, "192.0.2.1", False, Block(()))
    request_id, trace = books.identify(request, continues=False)
    exchange = Exchange(request, request_id, ())
    exchange.reported = (("quota", Reason.QUOTA_EXCEEDED), ("auth", Reason.NO_CREDENTIALS))
    passage = books.open(snapshot().routes[0], exchange, trace, 100.0)
    passage.status = 200
    books.close(passage)
    (record,) = recorder.take()
    assert ("quota", "quota_exceeded", "report") == (record.policy, record.reason, record.mode)


def test_another_configuration_is_told_from_then_on(over, recorder):
    over(sampled=True)
    recorder.adopt("v2", frozenset([b"127.0.0.1:443"]), Redaction())
    over(sampled=True)
    assert [("v1", 0), ("v2", 1)] == [(each.version, len(each.secure)) for each in recorder.take()]
