import pytest

from gateway.config.problem import ConfigError, Problem, spelled

LATE = Problem("b.yaml", 2, 1, "routes[0]", "expected x, got y")
EARLY = Problem("a.yaml", 10, 3, "", "expected a mapping, got an empty file")


def test_a_report_is_sorted_and_says_nothing_twice():
    error = ConfigError([LATE, EARLY, LATE])
    assert (EARLY, LATE) == error.problems
    assert (
        "a.yaml:10:3: expected a mapping, got an empty file\n"
        "b.yaml:2:1: routes[0]: expected x, got y" == str(error)
    )


def test_lines_are_sorted_as_numbers():
    ninth = Problem("a.yaml", 9, 1, "", "")
    assert (ninth, EARLY) == ConfigError([EARLY, ninth]).problems


def test_records_are_plain_objects():
    record = {"file": "b.yaml", "line": 2, "column": 1, "path": "routes[0]", "message": "expected x, got y"}
    assert [record] == ConfigError([LATE]).records()


@pytest.mark.parametrize(
    ("path", "text"),
    [
        pytest.param((), "", id="the file"),
        pytest.param(("limits", "head"), "limits.head", id="keys"),
        pytest.param(("routes", 3, "match"), "routes[3].match", id="an item of a list"),
    ],
)
def test_a_path_is_spelled(path, text):
    assert text == spelled(path)
