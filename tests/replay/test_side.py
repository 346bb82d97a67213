"""One configuration: the steps of a request, and where it goes if they let it pass."""

import pytest

from gateway.replay.recorded import Word, recorded
from gateway.replay.side import Decision

NOBODY = {"principal": "", "roles": []}


@pytest.fixture
def end(sides, line, tmp_path):
    """Where a line goes, with the file of its source cut off."""

    def find(members, *pairs):
        _, new = sides(*pairs)
        return new.rehearse(recorded(line(**members)).asked, ()).end

    return find


def test_a_request_passes_to_its_upstream_by_the_path_that_it_sees(end):
    found = end({}, ("path: /bills", "path: /bills}, prefix: /api"[:12]))
    assert (Word.PASSED, "bills", "bank", b"/bills") == (found.word, found.route, found.upstream, found.path)


def test_an_answer_has_its_place(end):
    found = end({"path": "/old", **NOBODY})
    assert (Word.ANSWERED, 308, b"/new") == (found.word, found.status, found.place)


def test_what_no_route_takes_is_refused(end):
    found = end({"path": "/nowhere"})
    assert ("_unmatched", "route", "no_route", 404) == (found.route, found.step, found.reason, found.status)


def test_what_could_not_be_read_has_no_route(sides, line):
    _, new = sides()
    found = new.rehearse(recorded(line(path="/a//b")).asked, ())
    assert Decision(Word.REFUSED, "", found.end.source, "wire", "bad_path", 400) == found.end
    assert (None, None) == (found.route, new.said(found.route, "wire"))


def test_a_route_that_asks_for_fields_is_taken_with_them(sides, line):
    old, _ = sides()
    asked = recorded(line(path="/colour", **NOBODY)).asked
    routes = [old.rehearse(asked, old.fields_of(route)).end.route for route in ("blue", "plain", "nowhere")]
    assert ["blue", "plain", "plain"] == routes


@pytest.mark.parametrize(
    ("path", "lacks"),
    [
        pytest.param("/colour", True, id="of a place where fields choose"),
        pytest.param("/bills", False, id="of another place"),
        pytest.param("/nowhere", False, id="that no route has"),
    ],
)
def test_fields_may_choose_the_route(sides, line, path, lacks):
    old, _ = sides()
    found = old.rehearse(recorded(line(path=path)).asked, ()).findings
    assert lacks == ("route" in {each.name for each in found})


def test_a_path_of_fields_alone_depends_on_them_where_none_fits(sides, line):
    """Without the other route of its path a request has none, unless it has the field."""
    pairs = [("{id: plain, match: {path: /colour}", "{id: plain, match: {path: /light}")]
    pairs.append(("{path: /colour, headers", '{path: "/colour/{a}/{b...}", headers'))
    _, new = sides(*pairs)
    lacking = [
        "route" in {each.name for each in new.rehearse(recorded(line(path=path)).asked, ()).findings}
        for path in ("/colour/red", "/colour/red/1/2", "/colour", "/other/red")
    ]
    assert [True, True, False, False] == lacking


def test_quotas_are_full_each_time(sides, line):
    old, _ = sides()
    asked = recorded(line()).asked
    ends = {old.rehearse(asked, ()).end.word for _ in range(200)}
    assert {Word.PASSED} == ends


@pytest.mark.parametrize(
    ("path", "looks"),
    [
        pytest.param("/bills", (True, False), id="networks"),
        pytest.param("/people/ada", (True, True), id="a condition"),
        pytest.param("/open", (False, False), id="neither"),
    ],
)
def test_what_a_route_looks_at(sides, line, path, looks):
    old, _ = sides()
    assert looks == old.looks_at(old.rehearse(recorded(line(path=path)).asked, ()).route)
