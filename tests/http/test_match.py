"""Routes that cannot stand side by side."""

import pytest

from gateway.http.match import Match, conflicts

SAME = "has the same match as"
SHADOWED = "is shadowed by"
V1 = ((b"x-version", b"1"),)


def _match(path: str, *methods: str, host: str | None = None, headers=()) -> Match:
    return Match(host, path, methods, headers)


@pytest.mark.parametrize(
    ("matches", "expected"),
    [
        pytest.param([], [], id="nothing"),
        pytest.param([_match("/a"), _match("/b")], [], id="two paths"),
        pytest.param([_match("/a"), _match("/a")], [(1, 0, SAME)], id="one path twice"),
        pytest.param([_match("/a"), _match("/a/")], [(1, 0, SAME)], id="one path with and without slash"),
        pytest.param([_match("/{x}"), _match("/{y}")], [(1, 0, SAME)], id="variables of two names"),
        pytest.param([_match("/{x}"), _match("/{x...}")], [], id="one segment and the rest"),
        pytest.param([_match("/a", "GET"), _match("/a", "POST")], [], id="two methods"),
        pytest.param([_match("/a", "GET"), _match("/a", "HEAD")], [], id="GET and an own HEAD"),
        pytest.param([_match("/a", "GET"), _match("/a")], [], id="a method and all others"),
        pytest.param(
            [_match("/a", "GET", "PUT"), _match("/a", "PUT", "GET", "POST")],
            [(1, 0, SAME)],
            id="methods in common are said once",
        ),
        pytest.param(
            [_match("/a", "GET"), _match("/a", "PUT"), _match("/a", "PUT", "GET")],
            [(2, 0, SAME), (2, 1, SAME)],
            id="methods in common with two routes",
        ),
        pytest.param(
            [_match("/a"), _match("/a"), _match("/a")], [(1, 0, SAME), (2, 0, SAME)], id="three times"
        ),
        pytest.param([_match("/a", headers=V1), _match("/a")], [], id="with and without a field"),
        pytest.param(
            [_match("/a", headers=V1), _match("/a", headers=V1)], [(1, 0, SAME)], id="one field twice"
        ),
        pytest.param([_match("/a", host="a.example"), _match("/a")], [], id="one host and every host"),
        pytest.param(
            [_match("/a", host="a.example"), _match("/a", host="A.Example.")],
            [(1, 0, SAME)],
            id="one host spelled twice",
        ),
        pytest.param(
            [_match("/a", host="*.example"), _match("/a", host="a.example")], [], id="a host and its suffix"
        ),
        pytest.param(
            [_match("/a/{r...}"), _match("/a"), _match("/a/{x}/{r...}")],
            [(0, 2, SHADOWED)],
            id="a rest of which nothing is left",
        ),
        pytest.param(
            [_match("/a"), _match("/a/{x}"), _match("/a/{x}/{y}/{r...}"), _match("/a/{r...}", "GET")],
            [(3, 2, SHADOWED)],
            id="a rest used up in three steps",
        ),
        pytest.param(
            [_match("/a/{r...}"), _match("/a/{x}/{r...}")], [], id="a rest that keeps the bare path"
        ),
        pytest.param(
            [_match("/a/{r...}"), _match("/a"), _match("/a/{x}")], [], id="a rest that keeps the deep paths"
        ),
        pytest.param(
            [_match("/a/{r...}"), _match("/a"), _match("/a/b/{r...}")], [], id="a literal uses up no variable"
        ),
        pytest.param(
            [_match("/{r...}", host="a.example"), _match("/"), _match("/{x}/{r...}", host="*.example")],
            [(0, 2, SHADOWED)],
            id="a rest used up by wider hosts: the path decides first",
        ),
        pytest.param(
            [_match("/{r...}"), _match("/", host="a.example"), _match("/{x}/{r...}")],
            [],
            id="a rest that other hosts still reach",
        ),
        pytest.param(
            [_match("/{r...}", "GET"), _match("/{r...}", "PUT"), _match("/"), _match("/{x}/{r...}")],
            [(0, 3, SHADOWED), (1, 3, SHADOWED)],
            id="every route of the place is named",
        ),
    ],
)
def test_routes_that_cannot_both_be_meant(matches, expected):
    assert expected == conflicts([(match, index) for index, match in enumerate(matches)])


def test_a_path_that_is_no_template_is_said():
    with pytest.raises(ValueError, match='begins with "/"'):
        conflicts([(_match("a"), 0)])
