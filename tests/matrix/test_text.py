"""The matrix in three forms."""

import csv
import json

import pytest

from gateway.matrix.access import Answer, Row
from gateway.matrix.text import as_json, comma_separated, markdown

ROLES = ("boss", "clerk")
CELLS = {"boss": Answer.ALLOW, "clerk": Answer.DENY}
ROWS = [
    Row("a", "GET", "", "/a", ("id", "key"), Answer.DENY, Answer.DENY, CELLS, ("s", "t"), "", False, "x:1"),
    Row("b", "any", "h", "/b", ("id",), Answer.DENY, Answer.DEPENDS, CELLS, (), "a == 'b|c'", True, "x:2"),
]


def test_markdown_is_one_line_a_route_and_method():
    lines = markdown(ROWS, ROLES).splitlines()
    assert 4 == len(lines)
    assert 1 == len({len(line) for line in lines})
    assert "| a     | GET    |      | /a   | id key | deny      | deny " in lines[2]
    assert "a == 'b\\|c'" in lines[3]


def test_csv_has_its_names_first():
    names, *lines = csv.reader(comma_separated(ROWS, ROLES).splitlines())
    assert [
        "anonymous",
        "authenticated without role",
        "boss",
        "clerk",
        "scopes",
        "when",
        "on trial",
    ] == names[5:]
    assert ["deny", "depends", "allow", "deny", "", "a == 'b|c'", "allow"] == lines[1][5:]


def test_json_is_one_line_a_row():
    text = as_json(ROWS, ROLES)
    told = json.loads(text)
    assert (["boss", "clerk"], 2, 4) == (told["roles"], len(told["rows"]), len(text.splitlines()))
    assert (["s", "t"], None, {"boss": "allow", "clerk": "deny"}) == tuple(
        told["rows"][0][name] for name in ("scopes", "when", "roles")
    )


@pytest.mark.parametrize("write", [markdown, comma_separated, as_json])
def test_no_routes_are_a_table_all_the_same(write):
    assert write([], ROLES).endswith("\n")
