import re

import pytest

from gateway.cases.text import command, text
from gateway.rehearsal import Assumed, Draft

CASES = """\
principals: {thandi: {subject: thandi, roles: [student], claims: {wallet: 1}}}
cases:
  - {name: fine, request: {path: /open}, expect: {upstream: backend}}
  - {name: a student is no boss, as: thandi, request: {path: /boss}, expect: {upstream: backend}}
  - name: too often
    steps:
      - {request: {path: /open}, times: 3, expect: {upstream: backend}}
  - {name: it passes, request: {path: /open}, expect: {status: 404}}
"""


@pytest.fixture
def told(results):
    def tell(cases=CASES, minimum=None):
        said = text(*results(cases), minimum)
        return re.sub(
            r"\S*/(cases|routes|gateway)\.yaml", r"\1.yaml", re.sub(r"in [0-9.]+ s", "in 0.01 s", said)
        )

    return tell


def test_failures_say_what_was_expected_and_who_decided(told):
    assert """\
FAILED cases.yaml:4: a student is no boss
  upstream: expected backend, got 403 missing_role
  allow decided at routes.yaml:6: None of your roles may do this.
  gateway explain GET /boss --as thandi:student --claim wallet=1

FAILED cases.yaml:7: too often
  the request number 3 of 3
  upstream: expected backend, got 429 quota_exceeded
  quota decided at routes.yaml:5: few is used up
  gateway explain GET /open

FAILED cases.yaml:8: it passes
  status: expected 404, got passes to backend
  upstream let it pass last at routes.yaml:5: on to backend
  gateway explain GET /open

3 failed, 1 passed: 6 requests in 0.01 s
covered: routes 2/3, rules 2/7, tiers 1/2: 41.6 %
""" == told()


def test_what_passes_is_two_lines(told):
    cases = "cases:\n  - {name: a, request: {path: /open}, expect: {upstream: backend}}\n"
    assert "1 passed: 1 requests in 0.01 s\ncovered: routes 1/3, rules 0/7, tiers 0/2: 8.3 %\n" == told(cases)


def test_what_is_not_covered_is_listed_where_more_was_demanded(told):
    cases = "cases:\n  - {name: a, request: {path: /open}, expect: {upstream: backend}}\n"
    lines = told(cases, 50.0).splitlines()
    assert (
        "Expected a coverage of at least 50 %. No case takes this route, or is refused by this:" == lines[3]
    )
    assert ["  route  boss  routes.yaml:6", "  route  work  routes.yaml:7"] == lines[4:6]
    assert "  rule  allow of boss  routes.yaml:6" in lines
    assert 2 == len(told(cases, 5.0).splitlines())


@pytest.mark.parametrize(
    ("draft", "assumed", "expected"),
    [
        pytest.param(Draft(), None, "gateway explain GET /", id="the least"),
        pytest.param(
            Draft("POST", "/a?b=c d", "h:1", (("X", "it's"),), b"x", "10.0.0.1"),
            Assumed("a b", frozenset(["r"]), frozenset(["s"]), {"n": {"m": "1"}}),
            "gateway explain POST 'http://h:1/a?b=c d' -H 'X: it'\"'\"'s' --client 10.0.0.1 --as 'a b:r' "
            '--scope s --claim \'n={"m": "1"}\' --body FILE',
            id="all of it",
        ),
    ],
)
def test_command_shows_the_same_request(draft, assumed, expected):
    assert expected == command(draft, assumed)
