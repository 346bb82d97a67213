"""Routes that come and go; what becomes of their requests is in `test_run.py`."""

import pytest

from gateway.diff.change import Kind
from gateway.diff.routes import routes

OPEN = '  - {id: all, match: {path: "/{rest...}"}, upstream: backend, auth: public}\n'


@pytest.fixture
def told(stage):
    def compare(old, new, **defaults):
        sides = [
            stage(f"routes:\n{text or '  []'}", defaults=said)
            for text, said in ((old, ""), (new, defaults.get("defaults", "")))
        ]
        return {name: group.changes for group in routes(*sides) for name in group.names}

    return compare


def test_a_first_route_widens_and_its_end_narrows(told):
    (change,) = told("", OPEN)["route all"]
    assert (Kind.WIDENS, "added: any method /{rest...}, for anybody", "") == (
        change.kind,
        change.what,
        change.old,
    )
    (change,) = told(OPEN, "")["route all"]
    assert (Kind.NARROWS, "removed: any method /{rest...}", "") == (change.kind, change.what, change.new)


def test_routes_that_change_places_are_compared_with_what_they_were(told):
    one = "  - {id: a, match: {path: /a}, upstream: backend, auth: public}\n"
    other = "  - {id: b, match: {path: /a}, upstream: backend, auth: public, limits: {body: 1GiB}}\n"
    found = told(one, other)
    assert "removed: any method /a; b has its match: was it renamed?" == found["route a"][0].what
    assert Kind.WIDENS is found["route b"][0].kind
    assert ["limits.body: 10485760 B -> 1073741824 B"] == [
        change.what for change in found["requests of a that b takes now, such as GET /a"]
    ]


def test_a_route_that_moves_unchanged_says_so(told):
    one = "  - {id: a, match: {path: /a}, upstream: backend, auth: public}\n"
    found = told(one, one.replace("id: a", "id: b"))
    assert ["the same policy holds"] == [
        change.what for change in found["requests of a that b takes now, such as GET /a"]
    ]
    assert Kind.NARROWS is found["route b"][0].kind


def test_the_defaults_count_for_what_no_route_takes(told):
    (change,) = told(OPEN, OPEN, defaults="limits: {body: 1GiB}")["what no route takes"]
    assert Kind.WIDENS is change.kind
