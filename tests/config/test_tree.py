import pytest

from gateway.config.interpolation import Resolved
from gateway.config.problem import Problem
from gateway.config.tree import Place, Tree, shown

SECRET = Resolved("s3cret")
SECRET.origin = "${env:SECRET}"

TREE = Tree(
    "f.yaml",
    {"a": {"b": [1, 2]}, "token": SECRET},
    values={(): Place(1, 1), ("a",): Place(2, 3), ("a", "b"): Place(3, 5), ("token",): Place(4, 8)},
    keys={("a", "b"): Place(3, 2)},
)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        pytest.param((), TREE.data, id="everything"),
        pytest.param(("a", "b", 1), 2, id="an item"),
        pytest.param(("a", "c"), None, id="a key that is not there"),
        pytest.param(("a", "b", 2), None, id="an item that is not there"),
        pytest.param(("a", "b", 1, "c"), None, id="inside a number"),
    ],
)
def test_a_path_leads_to_a_value(path, value):
    assert value == TREE.at(path)


def test_what_is_missing_has_the_place_around_it():
    assert Problem("f.yaml", 3, 5, "a.b[7].c", "m") == TREE.problem(("a", "b", 7, "c"), "m")
    assert "f.yaml:2" == TREE.source(("a", "x"))


def test_a_key_has_a_place_of_its_own():
    assert Problem("f.yaml", 3, 2, "a.b", "m") == TREE.key_problem(("a", "b"), "m")
    assert Problem("f.yaml", 2, 3, "a", "m") == TREE.key_problem(("a",), "m")


def test_a_message_does_not_repeat_what_was_interpolated():
    problem = TREE.problem(("token",), 'expected x, got "s3cret", or s3cret')
    assert "expected x, got ${env:SECRET}, or ${env:SECRET}" == problem.message


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param("a\nb", '"a\\nb"', id="a text on one line"),
        pytest.param(1.5, "1.5", id="a number"),
        pytest.param(True, "true", id="a truth value as YAML writes it"),
        pytest.param(None, "nothing", id="nothing"),
        pytest.param({"a": 1}, "a mapping", id="a mapping"),
        pytest.param([1], "a list", id="a list"),
        pytest.param("x" * 100, '"' + "x" * 59 + "...", id="a long text"),
        pytest.param("http://u:s3@cret@h", '"http://...@h"', id="a URL with a password"),
        pytest.param("-----BEGIN PRIVATE KEY-----", "a text in PEM", id="a key in the wrong place"),
        pytest.param(SECRET, "what ${env:SECRET} holds", id="a secret"),
    ],
)
def test_a_value_is_shown(value, text):
    assert text == shown(value)
