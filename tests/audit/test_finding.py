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


@pytest.mark.parametrize(
    ("path", "spot"),
    [
        pytest.param(("cors", "web"), Spot("cors.web", "p/a.yaml:1", "it is so"), id="by its name"),
        pytest.param(
            ("defaults", "cors"),
            Spot("a.yaml/defaults.cors", "p/a.yaml:2", "it is so"),
            id="defaults, which several files may have",
        ),
        pytest.param(
            ("routes", 1, "cors"), Spot("pay", "p/a.yaml:5", "it is so", is_route=True), id="in a route"
        ),
    ],
)
def test_no_two_places_are_called_alike(path, spot):
    """Else a waiver for one would excuse the other."""
    text = b"cors: {web: {}}\ndefaults: {cors: {}}\nroutes:\n  - {id: a}\n  - {id: pay, cors: {}}\n"
    tree, _ = read("p/a.yaml", text, str)
    assert spot == place(tree, path, "it is so")
