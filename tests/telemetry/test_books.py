"""Every request is counted once, under labels that the configuration gave."""

from dataclasses import replace

import pytest

from gateway.http.edits import Block
from gateway.http.reason import Reason
from gateway.http.request import Request
from gateway.policy import Exchange
from gateway.telemetry.books import Books
from gateway.telemetry.tally import LEARNT_AT_MOST, label
from gateway.wire.clock import Clock


class Time:
    now = 100.0

    def __call__(self):
        return self.now


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def books(time):
    return Books(Clock(time, lambda: 1_800_000_000.0), sample=1.0)


@pytest.fixture
def route(snapshot):
    return snapshot().routes[0]


def asked(method=b"GET", **noted):
    fields = {name.replace("_", "-").encode(): value for name, value in noted.items()}
    return Request(method, b"x", b"/", b"", [], fields, 0, "192.0.2.1", False, Block(()))


def opened(books, route, request=None):
    request = request or asked()
    request_id, trace = books.identify(request, continues=False)
    return books.open(route, Exchange(request, request_id, ()), trace, books.monotonic())


def counted(tally):
    return {label(key): count for key, count in tally.requests.items()}


def counted_up(counts):
    """Without the series that have only begun."""
    return {name: count for name, count in counts.items() if count}


def test_a_request_is_counted_once_however_often_it_ends(books, route):
    passage = opened(books, route)
    assert 1 == books.in_flight
    passage.status = 204
    books.close(passage)
    books.close(passage)
    assert 0 == books.in_flight
    assert {("GET", "204"): 1} == counted(books.tally(route))


def test_a_client_that_left_before_an_answer_is_counted_as_499(books, route):
    passage = opened(books, route)
    passage.aborted = True
    books.close(passage)
    tally = books.tally(route)
    assert ({("GET", "499"): 1}, 1) == (counted(tally), tally.aborted)


def test_time_in_the_gateway_is_what_the_backend_did_not_need(books, route, time):
    passage = opened(books, route)
    books.attempt(passage, b"127.0.0.1:1")
    passage.decided = 0.002
    passage.asked = time.now
    time.now += 0.3
    books.attempt_answered(passage, 200)
    passage.handled = 0.0005
    time.now += 0.0005
    passage.status = 200
    books.close(passage)
    tally = books.tally(route)
    assert pytest.approx(0.3005) == tally.duration.sum
    assert pytest.approx(0.0025) == tally.overhead.sum
    assert pytest.approx(0.3) == tally.upstream.duration.sum
    assert {200: 1} == counted_up(tally.upstream.responses)


def test_what_reached_no_backend_has_no_overhead(books, route):
    passage = opened(books, route)
    passage.status = 401
    passage.refuse("auth", "a.yaml:3", Reason.NO_CREDENTIALS)
    books.close(passage)
    tally = books.tally(route)
    assert 0 == sum(tally.overhead.counts)
    assert {("auth", Reason.NO_CREDENTIALS, "enforce"): 1} == tally.decisions


def test_what_a_policy_on_trial_would_have_refused_is_told_apart(books, route):
    passage = opened(books, route)
    passage.status = 200
    passage.exchange.reported = (("quota", Reason.QUOTA_EXCEEDED),)
    books.close(passage)
    assert {("quota", Reason.QUOTA_EXCEEDED, "report"): 1} == books.tally(route).decisions


def test_a_tunnel_is_no_slow_request(books, route):
    passage = opened(books, route)
    passage.status = 101
    books.close(passage)
    assert 0 == sum(books.tally(route).duration.counts)


def test_each_attempt_of_a_sampled_request_has_a_span_and_an_end(books, route):
    passage = opened(books, route)
    books.attempt(passage, b"127.0.0.1:1")
    books.attempt_failed(passage, Reason.UPSTREAM_RESET)
    books.attempt(passage, b"127.0.0.1:2")
    books.attempt_answered(passage, 200)
    first, second = passage.tried
    assert (Reason.UPSTREAM_RESET, 0) == (first.reason, first.status)
    assert ("", 200) == (second.reason, second.status)
    assert 3 == len({passage.trace.span_id, first.span_id, second.span_id})
    assert {"upstream_reset": 1} == counted_up(passage.tally.upstream.failures)


def test_a_request_that_is_not_sampled_calls_by_its_own_span(time, route):
    books = Books(Clock(time), sample=0.0)
    passage = opened(books, route)
    books.attempt(passage, b"127.0.0.1:1")
    assert (passage.trace.span_id, None) == (passage.span_id, passage.tried)


def test_a_request_and_the_trace_that_begins_with_it_have_one_id(books):
    request_id, trace = books.identify(asked(), continues=False)
    assert request_id == trace.trace_id


def test_the_id_that_a_trusted_proxy_gave_is_no_trace(books):
    request_id, trace = books.identify(asked(x_request_id=b"a" * 32), continues=False)
    assert b"a" * 32 == request_id != trace.trace_id


def test_tallies_outlive_the_configuration(books, route):
    passage = opened(books, route)
    passage.status = 200
    books.close(passage)
    assert {("GET", "200"): 1} == counted(books.tally(replace(route)))


def test_there_are_never_more_series_than_the_bound(books, route):
    tallies = {books.tally(replace(route, id=f"r{number}")).route for number in range(10_100)}
    assert "_overflow" in tallies
    assert 10_000 >= len(tallies) == len({tally.route for tally in books.routes.values()} - {"_unreadable"})


def test_followers_are_told_of_each_request_once(books, route):
    told = []
    books.followers = (lambda passage, now: told.append((passage, now)),)
    passage = opened(books, route)
    books.close(passage)
    books.close(passage)
    assert [(passage, 100.0)] == told


def test_statuses_that_a_backend_makes_up_begin_a_bounded_number_of_series(books, route):
    """Beyond that they are told apart no more, and still counted."""
    books.bind(replace(route, id=f"r{number}") for number in range(100))
    begun = sum(len(tally.requests) for tally in books.routes.values())
    tallies = [books.tally(replace(route, id=f"r{number}")) for number in range(100)]
    for tally in tallies:
        for status in range(100, 600):
            tally.count(b"GET", status)
    counted = sum(len(tally.requests) for tally in books.routes.values())
    assert begun + LEARNT_AT_MOST <= counted <= begun + LEARNT_AT_MOST + 500
    assert 50_000 == sum(sum(tally.requests.values()) for tally in books.routes.values())
    assert books.routes["_overflow", "", ""].requests


def test_what_the_configuration_tells_of_begins_at_0(snapshot, time):
    """An alert would not see the first event of a series that is born with it."""
    books = Books(Clock(time), sample=0.0)
    configured = snapshot(
        """\
        routes:
          - {id: got, match: {path: /a, methods: [GET, PUT]}, upstream: backend, auth: public, quota: [few]}
          - {id: said, match: {path: /b}, respond: {status: 418}, auth: public}
        tiers:
          few: {limit: 1/1h, key: address}
        """
    )
    books.bind(configured.routes)
    statuses = ("200", "201", "204", "500", "502", "503", "504")
    got, said = map(books.tally, configured.routes)
    assert {(method, status): 0 for method in ("GET", "PUT") for status in statuses} == counted(got)
    assert {("GET", "418"): 0} == counted(said)
    assert {"few": 0} == books.refusals


async def test_a_quota_that_refuses_is_counted_by_the_tier_that_was_used_up(serve, connect):
    gateway = await serve(
        policies="""\
        routes:
          - {id: a, match: {path: /a}, respond: {status: 204}, auth: public, quota: [few, many]}
        tiers:
          few: {limit: 2/1h, key: address}
          many: {limit: 100/1h, key: address}
        """
    )
    client = await connect(gateway)
    for _ in range(5):
        await client.send(b"GET /a HTTP/1.1\r\nHost: a.test\r\n\r\n")
        await client.until(b"\r\n\r\n")
    assert {"few": 3, "many": 0} == gateway.books.refusals
