"""Lines, and what they may tell."""

import pytest

from gateway.config.interpolation import Resolved
from gateway.diff.change import Change, Group, Kind, folded, group, masked, told

WIDER, NARROWER = Change(Kind.WIDENS, "a"), Change(Kind.NARROWS, "b")


def resolved(text, origin):
    made = Resolved(text)
    made.origin = origin
    return made


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param("https://me:word@a.example/x", '"https://...@a.example/x"', id="password"),
        pytest.param("https://a.example/x?key=word", "https://a.example/x?...", id="query"),
        pytest.param(resolved("word", "${env:WORD}"), '"${env:WORD}"', id="from outside"),
        pytest.param(["a", 1], "[a, 1]", id="list"),
        pytest.param(True, "true", id="truth value"),
        pytest.param("x" * 200, "x" * 100 + "...", id="long"),
        pytest.param(Group, str(Group), id="whatever else"),
    ],
)
def test_value_is_told(value, text):
    assert text.strip('"') == told(value).strip('"')


def test_lines_that_widen_come_first_and_none_twice():
    assert [Group(("x",), (WIDER, NARROWER))] == group("x", [NARROWER, WIDER, NARROWER])
    assert [] == group("x", [])


def test_what_several_share_stands_there_once():
    groups = [Group(("x",), (WIDER, NARROWER)), Group(("y",), (WIDER,))]
    assert [Group(("x", "y"), (WIDER,)), Group(("x",), (NARROWER,))] == folded(groups)


def test_longer_texts_from_outside_are_masked_first():
    (masked_group,) = masked(
        [Group(("x",), (Change(Kind.CHANGES, "word words"),))], {"word": "W", "words": "WS"}
    )
    assert "W WS" == masked_group.changes[0].what


def test_places_of_a_line_stay():
    line = Change(Kind.CHANGES, "", "here").at("old", "new")
    assert ("here", "new") == (line.old, line.new)


def test_what_is_not_enforced_widens_nothing():
    assert Change(Kind.CHANGES, "a") == Change(Kind.WIDENS, "a", proved=False).harmless()
