"""What counts, and what does not."""

import pytest

from gateway.cases.coverage import KINDS


@pytest.fixture
def coverage(results):
    return lambda *cases: results(
        "cases:\n" + "".join(f"  - {{name: c{number}, {case}}}\n" for number, case in enumerate(cases))
    )[1]


def missing(coverage):
    return [(item.kind, item.name) for item in coverage.missing]


ALL = (
    "request: {path: /open}, expect: {upstream: backend}",
    "steps: [{request: {path: /open}, times: 2, expect: {upstream: backend}}, "
    "{request: {path: /open}, expect: {status: 429}}]",
    "steps: [{request: {path: /work}, stays: true, expect: {upstream: backend}}, "
    "{request: {path: /work}, expect: {status: 429}}]",
    "request: {path: /work, client: 10.0.0.1}, expect: {upstream: backend}",
    "request: {path: /boss}, expect: {status: 401}",
    "as: {subject: a}, request: {path: /boss}, expect: {status: 403}",
    'request: {method: POST, path: /open, headers: {Content-Length: "99999999"}}, expect: {status: 413}',
    "request: {method: POST, path: /open, headers: {Cookie: a=b, Sec-Fetch-Site: cross-site}}, "
    "expect: {status: 403}",
)


def test_nothing_is_covered_by_what_no_route_takes(coverage):
    made = coverage("request: {path: /nowhere}, expect: {status: 404}")
    assert [(0, 3), (0, 7), (0, 2)] == [made.counts(kind) for kind in KINDS]
    assert 0.0 == made.percent


def test_all_is_covered_when_each_rule_has_refused(coverage):
    made = coverage(*ALL)
    assert [] == missing(made)
    assert ([(3, 3), (7, 7), (2, 2)], 100.0) == ([made.counts(kind) for kind in KINDS], made.percent)


@pytest.mark.parametrize(
    ("left_out", "expected"),
    [
        pytest.param(1, [("rule", "quota"), ("tier", "few")], id="a tier that never ran out"),
        pytest.param(2, [("rule", "quota"), ("tier", "uploads")], id="one of requests at once"),
        pytest.param(3, [("rule", "clients")], id="a rule on trial"),
        pytest.param(4, [("rule", "auth of boss")], id="who proves nothing"),
        pytest.param(5, [("rule", "allow of boss")], id="who may not"),
        pytest.param(6, [("rule", "limits")], id="a line of gateway.yaml"),
        pytest.param(7, [("rule", "csrf")], id="what holds unless it is said otherwise"),
    ],
)
def test_what_no_case_has_shown_is_missing(coverage, left_out, expected):
    made = coverage(*ALL[:left_out], *ALL[left_out + 1 :])
    assert expected == missing(made)
    assert 100 > made.percent


def test_a_share_is_never_rounded_up(coverage):
    made = coverage(*ALL[:-1])
    assert 91.6 == made.percent
