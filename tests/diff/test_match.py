"""Whether a route takes more requests than before, by its own words."""

import pytest

from gateway.diff.change import Kind
from gateway.diff.match import _headers, _host, _methods, _path, asked
from gateway.http.match import Match

WIDENS, NARROWS, CHANGES = Kind


@pytest.mark.parametrize(
    ("old", "new", "kind", "proved"),
    [
        pytest.param("/a/{b}", "/a/{c}", CHANGES, True, id="another name"),
        pytest.param("/a/{b}", "/a/b", NARROWS, True, id="a literal for a variable"),
        pytest.param("/a/b", "/a/{b}", WIDENS, True, id="a variable for a literal"),
        pytest.param("/a/{b}", "/a/{b...}", WIDENS, True, id="the rest for a variable"),
        pytest.param("/a/{b...}", "/a/{b}", NARROWS, True, id="a variable for the rest"),
        pytest.param("/a/{b...}", "/a", NARROWS, True, id="nothing for the rest"),
        pytest.param("/a/{b...}", "/a/b/{c...}", NARROWS, True, id="a longer beginning"),
        pytest.param("/{a...}", "/b/{c}/d", NARROWS, True, id="a path for all"),
        pytest.param("/a/{b}", "/a", WIDENS, False, id="another length"),
        pytest.param("/a/b", "/a/c", WIDENS, False, id="another path"),
        pytest.param("/a/{b}/c", "/a/b/{c}", WIDENS, False, id="both ways"),
        pytest.param("/a/{b}", "/{a...}", WIDENS, True, id="all for a path"),
        pytest.param("/", "/{a...}", WIDENS, True, id="all for the root"),
    ],
)
def test_paths_are_compared(old, new, kind, proved):
    (change,) = _path(Match(None, old), Match(None, new))
    assert (kind, proved) == (change.kind, change.proved)


@pytest.mark.parametrize(
    ("old", "new", "kind", "proved"),
    [
        pytest.param(None, "a.example", NARROWS, True, id="one for any"),
        pytest.param("a.example", None, WIDENS, True, id="any for one"),
        pytest.param("*.example", "a.example", NARROWS, True, id="one of many"),
        pytest.param("*.example", "*.a.example", NARROWS, True, id="many of more"),
        pytest.param("a.example", "*.example", WIDENS, True, id="many for one"),
        pytest.param("a.example", "b.example", WIDENS, False, id="another"),
        pytest.param("*.example", "example", WIDENS, False, id="the parent itself"),
        pytest.param("*.a.example", "ba.example", WIDENS, False, id="a look-alike"),
    ],
)
def test_hosts_are_compared(old, new, kind, proved):
    (change,) = _host(Match(old, "/"), Match(new, "/"))
    assert (kind, proved) == (change.kind, change.proved)


@pytest.mark.parametrize(
    ("old", "new", "kinds"),
    [
        pytest.param(("GET",), ("GET", "PUT"), [WIDENS], id="one more"),
        pytest.param(("GET", "PUT"), ("PUT", "GET"), [], id="another order"),
        pytest.param(("GET",), (), [WIDENS], id="all"),
        pytest.param((), ("GET",), [NARROWS], id="one of all"),
        pytest.param(("GET",), ("PUT",), [WIDENS, NARROWS], id="another"),
    ],
)
def test_methods_are_compared(old, new, kinds):
    assert kinds == [change.kind for change in _methods(Match(None, "/", old), Match(None, "/", new))]


def test_fields_are_compared_and_their_values_kept():
    one, both = ((b"x-a", b"secret"),), ((b"x-a", b"secret"), (b"x-b", b"secret"))
    for old, new, kind in ((one, both, NARROWS), (both, one, WIDENS), ((), one, NARROWS), (one, (), WIDENS)):
        (change,) = _headers(Match(None, "/", (), old), Match(None, "/", (), new))
        assert (kind, False) == (change.kind, "secret" in change.what)


def test_a_match_is_told_in_short():
    match = Match("a.example", "/b", ("GET", "PUT"), ((b"x-c", b"d"),))
    assert "GET PUT a.example/b with x-c" == asked(match)
