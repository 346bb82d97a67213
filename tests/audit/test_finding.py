import pytest

from gateway.audit.finding import Spot, is_at_least, place
from gateway.config.source import read


@pytest.mark.parametrize(
    ("severity", "level", "expected"),
    [
        pytest.param("error", "error", True, id="as bad"),
        pytest.param("error", "note", True, id="worse"),
        pytest.param("warning", "error", False, id="better"),
        pytest.param("note", "warning", False, id="a note is no warning"),
    ],
)
def test_severities_have_an_order(severity, level, expected):
    assert expected is is_at_least(severity, level)


def test_a_place_is_a_path_and_its_line():
    tree, _ = read("a.yaml", b"a:\n  - b: 1\n", str)
    assert Spot("a[0].b", "a.yaml:2", "it is so") == place(tree, ("a", 0, "b"), "it is so")
