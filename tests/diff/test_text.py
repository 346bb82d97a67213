"""Differences as people and programs read them."""

import json

import pytest

from gateway.diff.change import Change, Group, Kind
from gateway.diff.text import as_json, text, widens

GROUPS = [
    Group(("route a",), (Change(Kind.WIDENS, "b", "x:1", "y:2", proved=False), Change(Kind.CHANGES, "c"))),
    Group(tuple("abcdefg"), (Change(Kind.NARROWS, "d\x1b[31m", "", "y:3"),)),
]


def test_text_has_a_block_for_each_thing():
    assert text(GROUPS).splitlines() == [
        "route a",
        "  widens   b (not proved narrower)",
        "           x:1 -> y:2",
        "  changes  c",
        "",
        "a, b, c, d, e and 2 more",
        "  narrows  d\\x1b[31m",
        "           nowhere -> y:3",
        "",
        "1 widens, 1 narrows, 1 changes",
    ]


def test_nothing_is_one_line():
    assert "nothing differs\n" == text([])


def test_json_has_a_member_for_each_line():
    told = json.loads(as_json(GROUPS))
    assert (1, 1, 1) == (told["widens"], told["narrows"], told["changes"])
    assert {
        "class": "widens",
        "about": ["route a"],
        "what": "b",
        "proved": False,
        "old": "x:1",
        "new": "y:2",
    } == told["lines"][0]


@pytest.mark.parametrize(("groups", "expected"), [(GROUPS, True), (GROUPS[1:], False), ([], False)])
def test_access_widens_by_one_line(groups, expected):
    assert expected == widens(groups)
