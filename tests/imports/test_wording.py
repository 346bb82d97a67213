"""Whatever a text of others holds, it is one value or a part of one comment."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.config.interpolation import Interpolation
from gateway.config.source import read
from gateway.imports.wording import comment, flow, name, scalar, unique


@pytest.mark.parametrize(
    ("text", "written"),
    [
        pytest.param("pets", "pets", id="a word"),
        pytest.param("/v1/pets", "/v1/pets", id="a path"),
        pytest.param("/pets/{id}", '"/pets/{id}"', id="braces"),
        pytest.param("pets:read", '"pets:read"', id="a colon"),
        pytest.param("yes", '"yes"', id="what is a truth value to some"),
        pytest.param("1.10", '"1.10"', id="a number"),
        pytest.param("null", '"null"', id="nothing"),
        pytest.param("a #b", '"a #b"', id="what begins a comment"),
        pytest.param('a"b\\', '"a\\"b\\\\"', id="quotes"),
        pytest.param("", '""', id="empty"),
    ],
)
def test_scalar(text, written):
    assert written == scalar(text)


@pytest.mark.parametrize(
    "text", ["a\nb", "a\rb", "a\x85b", "a\u2028b", "a\x1b[2J", "\u202e", "\ud800", "${env:HOME}", "a$${b"]
)
def test_what_is_no_scalar(text):
    with pytest.raises(ValueError, match="expected a text"):
        scalar(text)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.text()))
def test_a_value_reads_as_it_was(tmp_path_factory, texts):
    kept = []
    for text in texts:
        try:
            scalar(text)
        except ValueError:
            continue
        kept.append(text)
    raw = f"a: {flow(kept)}\nb: c\n".encode()
    tree, problems = read("a.yaml", raw, Interpolation({}, tmp_path_factory.getbasetemp()))
    assert ({"a": kept, "b": "c"}, []) == (tree.data, problems)


@settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.text())
def test_a_comment_is_one_line_and_no_more(text):
    raw = f"# {comment(text)}\na: b\n".encode()
    tree, problems = read("a.yaml", raw, lambda text: text)
    assert ({"a": "b"}, []) == (tree.data, problems)
    assert 160 > len(raw.decode()) or not text.isprintable()


def test_a_long_comment_is_cut():
    assert f"{'a' * 140}..." == comment("a" * 1000)
    assert 144 > len(comment("\n" * 1000))


@pytest.mark.parametrize(
    ("text", "found"),
    [
        pytest.param("listPets", "listPets", id="a name"),
        pytest.param("list pets!", "list-pets", id="other characters"),
        pytest.param("get/pets/{petId}", "get-pets-petId", id="a path"),
        pytest.param("1st", "st", id="a digit in front"),
        pytest.param("\n- id: evil", "id-evil", id="lines"),
        pytest.param("yes", "usual", id="what is a truth value to some"),
        pytest.param("\u00e9\u4e2d", "usual", id="nothing that stays"),
        pytest.param("a" * 100, "a" * 60, id="too long"),
    ],
)
def test_name(text, found):
    assert found == name(text, "usual")


def test_each_name_once():
    taken = set()
    assert ["a", "a-2", "a-3", "b"] == [unique(each, taken) for each in "aaab"]
