"""Which route a request takes, and why not the others."""

import pytest

from gateway.listing.match import find, record, text
from gateway.rehearsal import Draft

POLICIES = """\
defaults: {upstream: backend, auth: public}
routes:
  - {id: read, match: {path: "/a/{x}", methods: [GET]}}
  - {id: write, match: {path: "/a/{x}", methods: [PUT]}}
  - {id: test, match: {path: "/a/{x}", methods: [GET], headers: {X-Test: "yes"}}}
  - {id: host, match: {path: "/a/{x}", host: "*.b.example"}}
  - {id: rest, match: {path: "/a/{rest...}"}}
  - {id: deep, match: {path: "/a/b/c"}}
  - {id: else, match: {path: "/z"}}
"""


@pytest.fixture
def found(stage):
    made = stage(POLICIES)
    return lambda *said, **more: find(made, Draft(*said, **more))


@pytest.mark.parametrize(
    ("draft", "id", "misses"),
    [
        pytest.param(
            ("GET", "/a/1"),
            "read",
            {
                "write": "method",
                "test": "fields",
                "host": "host",
                "rest": "exactness",
                "deep": "path",
                "else": "path",
            },
            id="plain",
        ),
        pytest.param(
            ("HEAD", "/a/1", "localhost", (("X-Test", "yes"),)),
            "test",
            {
                "read": "exactness",
                "write": "method",
                "host": "host",
                "rest": "exactness",
                "deep": "path",
                "else": "path",
            },
            id="by a field",
        ),
        pytest.param(
            ("PUT", "/a/1", "x.b.example:8080"),
            "host",
            {
                "read": "exactness",
                "write": "exactness",
                "test": "exactness",
                "rest": "exactness",
                "deep": "path",
                "else": "path",
            },
            id="by its host",
        ),
        pytest.param(
            ("GET", "/a/1/2"),
            "rest",
            {"read": "path", "write": "path", "test": "path", "host": "path", "deep": "path", "else": "path"},
            id="the rest",
        ),
        pytest.param(
            ("GET", "/b"),
            "",
            dict.fromkeys(("read", "write", "test", "host", "rest", "deep", "else"), "path"),
            id="none",
        ),
    ],
)
def test_route_is_found_and_the_others_are_told(found, draft, id, misses):
    told = found(*draft)
    assert (id, misses) == (told.id, {miss.id: miss.lacks for miss in told.misses})
    assert (told.reason == "no_route") == (id == "")


def test_a_method_that_the_place_does_not_have(found):
    told = found("DELETE", "/a/1")
    assert ("", "method_not_allowed") == (told.id, told.reason)
    assert "no route takes it: method_not_allowed" in text(told)
    assert {"read": "it is for GET", "write": "it is for PUT"}.items() <= {
        miss.id: miss.why for miss in told.misses
    }.items()


def test_a_preflight_is_matched_by_the_method_it_asks_for(found):
    fields = (("Origin", "https://a.example"), ("Access-Control-Request-Method", "PUT"))
    told = found("OPTIONS", "/a/1", "localhost", fields)
    assert "write" == told.id
    assert "method" == {miss.id: miss.lacks for miss in told.misses}["read"]


def test_what_is_no_request_has_no_route(found):
    with pytest.raises(ValueError, match="refused before any route: bad_path"):
        found("GET", "/a//b")


def test_the_nearest_stand_first_and_the_farthest_are_counted(stage):
    routes = "".join([f"  - {{id: far{number}, match: {{path: /far/{number}}}}}\n" for number in range(20)])
    told = find(stage(POLICIES + routes), Draft("GET", "/a/1"))
    lines = text(told).splitlines()
    assert "read" == lines[0].split()[0]
    assert lines[1].split()[1] == "rest"
    assert "  and 16 more with another path" == lines[-1]
    assert 26 == len(record(told)["not"])


def test_record_names_each_reason(found):
    told = record(found("GET", "/a/1"))
    assert ("read", None) == (told["route"], told["reason"])
    assert {"id", "lacks", "why", "source"} == {*told["not"][0]}
