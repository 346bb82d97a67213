"""The rules of another attempt on their own: after what, how often, how many at a time, after which pause."""

from math import inf

import pytest

from gateway.config.snapshot import Retry
from gateway.retry import CAUSES, IDEMPOTENT, Budget, asked_to_wait, is_worth_waiting, pause
from gateway.wire.upstream import Fault

ONCE_MORE = Retry(attempts=2, after=frozenset(["connect", "reset", 503]), budget=0.2)


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        pytest.param(Fault.DNS, "connect", id="the name was not found"),
        pytest.param(Fault.DNS_TIMEOUT, "connect", id="the name was not found in time"),
        pytest.param(Fault.REFUSED, "connect", id="nobody listens"),
        pytest.param(Fault.UNROUTABLE, "connect", id="no way leads there"),
        pytest.param(Fault.CONNECT_TIMEOUT, "connect", id="no connection stood in time"),
        pytest.param(Fault.TLS, None, id="no TLS, which nobody must get around"),
        pytest.param(Fault.CERTIFICATE, None, id="nor a certificate that proves nothing"),
        pytest.param(Fault.RESET, "reset", id="gone without a word"),
        pytest.param(Fault.INCOMPLETE, "reset", id="gone in the middle of a head"),
        pytest.param(Fault.PROTOCOL, None, id="an answer that is none would be the same again"),
        pytest.param(Fault.TIMEOUT, None, id="the time is over for all attempts"),
        pytest.param(Fault.UNAVAILABLE, None, id="there is nobody to ask"),
        pytest.param(Fault.BUSY, None, id="more requests make nobody less busy"),
    ],
)
def test_what_a_fault_is_called_where_retries_are_configured(fault, cause):
    assert cause == CAUSES.get(fault)


@pytest.mark.parametrize(
    ("method", "expected"),
    [
        *[pytest.param(name, True, id=f"{name} is") for name in ("GET", "HEAD", "OPTIONS", "PUT", "DELETE")],
        *[pytest.param(name, False, id=f"{name} is not") for name in ("POST", "PATCH", "PROPFIND", "get")],
    ],
)
def test_methods_that_are_idempotent(method, expected):
    """RFC 9110 9.2.2; of an extension nothing is known, and methods are case-sensitive (9.1)."""
    assert expected == (method.encode() in IDEMPOTENT)


@pytest.mark.parametrize(
    ("cause", "attempts", "expected"),
    [
        pytest.param("connect", 1, True, id="the first attempt could not connect"),
        pytest.param("reset", 1, True, id="the first attempt was cut off"),
        pytest.param(503, 1, True, id="a status that is listed"),
        pytest.param(502, 1, False, id="a status that is not listed"),
        pytest.param("connect", 2, False, id="there have been as many attempts as there may be"),
    ],
)
def test_after_what_and_how_often(cause, attempts, expected):
    assert expected == Budget(ONCE_MORE).grants(cause, attempts, 1)


def test_one_attempt_in_all_is_no_other():
    budget = Budget(Retry(attempts=1, after=ONCE_MORE.after, budget=1.0))
    assert not budget.grants("connect", 1, 100)


@pytest.mark.parametrize(
    ("share", "unfinished", "granted"),
    [
        pytest.param(0.0, 1000, 3, id="three are granted whatever the share is"),
        pytest.param(0.2, 1, 3, id="three are granted where little goes on"),
        pytest.param(0.2, 15, 3, id="a fifth of 15"),
        pytest.param(0.2, 20, 4, id="a fifth of 20"),
        pytest.param(0.2, 21, 5, id="a begun share is one more"),
        pytest.param(1.0, 50, 50, id="as many as there are requests"),
    ],
)
def test_how_many_at_a_time(share, unfinished, granted):
    budget = Budget(Retry(attempts=2, after=ONCE_MORE.after, budget=share))
    while budget.grants("reset", 1, unfinished):
        budget.under_way += 1
    assert granted == budget.under_way
    budget.under_way -= 1
    assert budget.grants("reset", 1, unfinished), "one that has ended makes room for the next"


def test_request_that_is_a_retry_already_has_its_share():
    budget = Budget(Retry(attempts=3, after=ONCE_MORE.after, budget=0.0))
    budget.under_way = 3
    assert [False, True, False] == [budget.grants("reset", attempts, 3) for attempts in (1, 2, 3)]


@pytest.mark.parametrize(
    ("attempts", "longest"),
    [
        pytest.param(1, 0.025, id="after the first attempt"),
        pytest.param(2, 0.05, id="twice as long after the second"),
        pytest.param(5, 0.4, id="and so on"),
        pytest.param(7, 1.0, id="but never longer than a second"),
        pytest.param(10_000, 1.0, id="however often it failed"),
    ],
)
@pytest.mark.parametrize(
    "chance",
    [
        pytest.param(0.0, id="not at all"),
        pytest.param(0.5, id="half of it"),
        pytest.param(1.0, id="all of it"),
    ],
)
def test_pause_is_drawn_from_nothing_to_its_bound(attempts, longest, chance):
    assert chance * longest == pytest.approx(pause(attempts, chance))


@pytest.mark.parametrize(
    ("retry_after", "seconds"),
    [
        pytest.param(b"", 0.0, id="nothing is said"),
        pytest.param(b"0", 0.0, id="at once"),
        pytest.param(b"1", 1.0, id="a second"),
        pytest.param(b"120", 120.0, id="two minutes"),
        pytest.param(b"9" * 400, inf, id="more digits than a number has"),
        pytest.param(b"Tue, 14 Nov 2023 22:13:21 GMT", 1.0, id="a point in time"),
        pytest.param(b"Tuesday, 14-Nov-23 22:14:20 GMT", 60.0, id="in the form of old"),
        pytest.param(b"Tue Nov 14 22:14:20 2023", 60.0, id="in the form of C"),
        pytest.param(b"Tue, 14 Nov 2023 22:13:19 GMT", 0.0, id="a point in the past"),
        pytest.param(b"-1", 0.0, id="a negative number is neither"),
        pytest.param(b"1.5", 0.0, id="a fraction is neither"),
        pytest.param(b"1, 2", 0.0, id="two are neither"),
        pytest.param(b"\xd9\xa3", 0.0, id="other digits are neither"),
        pytest.param(b"Tue, 14 Nov 99999 22:13:21 GMT", 0.0, id="a year that no calendar has"),
    ],
)
def test_pause_that_a_backend_asks_for(retry_after, seconds):
    """RFC 9110 10.2.3: seconds, or a date in one of the three forms of 5.6.7."""
    assert seconds == asked_to_wait(retry_after, b"Tue, 14 Nov 2023 22:13:20 GMT")


@pytest.mark.parametrize(
    ("seconds", "left", "expected"),
    [
        pytest.param(0.0, 30.0, True, id="none"),
        pytest.param(1.0, 30.0, True, id="as long as our own longest"),
        pytest.param(2.0, 30.0, False, id="longer than that"),
        pytest.param(1.0, 1.0, False, id="as long as the response may take"),
        pytest.param(inf, inf, False, id="for ever"),
    ],
)
def test_pause_that_is_worth_it(seconds, left, expected):
    assert expected == is_worth_waiting(seconds, left)
