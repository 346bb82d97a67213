from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.config.interpolation import Interpolation, Resolved
from gateway.config.source import read, read_document
from gateway.config.tree import Place

EXPAND = Interpolation({"NAME": "value", "EMPTY": ""}, Path())
BOMB = b"a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]\n"


def lines(raw):
    return [str(problem) for problem in read("f.yaml", raw, EXPAND)[1]]


def test_values_have_their_types_and_places():
    tree, problems = read("f.yaml", b"a: [1, true]\nb:\n  c: 'no'\n", EXPAND)
    assert not problems
    assert {"a": [1, True], "b": {"c": "no"}} == tree.data
    assert (Place(1, 8), Place(3, 6)) == (tree.values[("a", 1)], tree.values[("b", "c")])
    assert (Place(2, 1), Place(3, 3)) == (tree.keys[("b",)], tree.keys[("b", "c")])


def test_an_interpolated_text_is_marked_and_an_empty_one_is_absent():
    tree, problems = read("f.yaml", b'a: ${env:NAME}\nb: "${env:EMPTY}"\nc: ["${env:EMPTY}", 1]', EXPAND)
    assert ([], {"a": "value", "c": [1]}) == (problems, tree.data)
    assert isinstance(tree.at(("a",)), Resolved)


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        pytest.param(b"", "f.yaml:1:1: expected a mapping, got an empty file", id="an empty file"),
        pytest.param(b"# a\n", "f.yaml:1:1: expected a mapping, got an empty file", id="only a comment"),
        pytest.param(
            b"a: 1\nb: 2\na: 3",
            "f.yaml:3:1: a: expected each key once, got it again after line 1",
            id="a duplicate key",
        ),
        pytest.param(
            b"a:\n  - b: {c: 1, c: 2}",
            "f.yaml:2:15: a[0].b.c: expected each key once, got it again after line 2",
            id="a duplicate key far inside",
        ),
        pytest.param(
            b"a: no",
            "f.yaml:1:4: a: expected a value that every YAML version reads alike, got no: quote it",
            id="no, a truth value to some",
        ),
        pytest.param(
            b"a: on",
            "f.yaml:1:4: a: expected a value that every YAML version reads alike, got on: quote it",
            id="on",
        ),
        pytest.param(
            b"a: 010",
            "f.yaml:1:4: a: expected a value that every YAML version reads alike, got 010: quote it",
            id="010, eight to some",
        ),
        pytest.param(
            b"a: 1:30",
            "f.yaml:1:4: a: expected a value that every YAML version reads alike, got 1:30: quote it",
            id="1:30, ninety to some",
        ),
        pytest.param(
            b"a: 2024-01-01",
            "f.yaml:1:4: a: expected a value that every YAML version reads alike, got 2024-01-01: quote it",
            id="a date",
        ),
        pytest.param(
            b"no: 1", "f.yaml:1:1: no: expected a text as the key, got no: quote it", id="no as a key"
        ),
        pytest.param(
            b"010: 1", "f.yaml:1:1: 010: expected a text as the key, got 010: quote it", id="010 as a key"
        ),
        pytest.param(
            b"1:30: 1", "f.yaml:1:1: 1:30: expected a text as the key, got 1:30: quote it", id="1:30 as a key"
        ),
        pytest.param(
            b"2024-01-01: 1",
            "f.yaml:1:1: 2024-01-01: expected a text as the key, got 2024-01-01: quote it",
            id="a date as a key",
        ),
        pytest.param(
            b"7: 1", "f.yaml:1:1: 7: expected a text as the key, got 7: quote it", id="a number as a key"
        ),
        pytest.param(b"? [a]\n: 1", "f.yaml:1:3: ?: expected a text as the key", id="a list as a key"),
        pytest.param(
            b"<<: {a: 1}", "f.yaml:1:1: <<: expected a text as the key, got <<: quote it", id="a merge key"
        ),
        pytest.param(b"a:", "f.yaml:1:3: a: expected a value, got nothing: leave the key out", id="no value"),
        pytest.param(
            b"a: !env X",
            "f.yaml:1:4: a: expected a value without a tag: quote a text, leave a number bare",
            id="a tag",
        ),
        pytest.param(
            b"a: !!python/object/apply:os.system [id]",
            "f.yaml:1:4: a: expected a value without a tag: quote a text, leave a number bare",
            id="a tag that would run something",
        ),
        pytest.param(
            b"a: &b 1", "f.yaml:1:4: a: expected a value, got the anchor &b: write values out", id="an anchor"
        ),
        pytest.param(
            b"a: 1\n--- 2", "f.yaml:2:1: expected one document, got a second one", id="two documents"
        ),
        pytest.param(b"a: x\0", "f.yaml:1:5: expected printable text, got U+0000", id="a zero byte"),
        pytest.param(b"a: 1\nb: \xff", "f.yaml:2:4: expected UTF-8 text, got the byte 0xff", id="no UTF-8"),
        pytest.param(
            "a: 1".encode("utf-16"), "f.yaml:1:1: expected UTF-8 text, got the byte 0xff", id="UTF-16"
        ),
        pytest.param(
            b"#" * (1024 * 1024 + 1),
            "f.yaml:1:1: expected at most 1 MiB, got 1048577 bytes",
            id="a huge file",
        ),
        pytest.param(b"[" * 100_000, "f.yaml:1:1: expected at most 32 levels, got more", id="a deep list"),
        pytest.param(
            b"{a: " * 100_000, "f.yaml:1:1: expected at most 32 levels, got more", id="a deep mapping"
        ),
        pytest.param(
            b"a: [",
            "f.yaml:2:1: expected YAML, but did not find expected node content",
            id="no end of a list",
        ),
        pytest.param(
            b"a: ${env:GONE}",
            "f.yaml:1:4: a: expected the environment to hold GONE, which is not set",
            id="a variable that is not set",
        ),
    ],
)
def test_a_text_with_two_meanings_or_none_is_refused(raw, problem):
    assert [problem] == lines(raw)


def test_a_bomb_is_not_lit():
    assert 6 == len(lines(BOMB))
    assert all("the anchor" in line or "the alias" in line for line in lines(BOMB))


def test_all_problems_of_a_text_are_told():
    assert ["a", "b[0]", "no"] == [line.split(": ")[1] for line in lines(b"a: yes\nb: [off]\nno: 1")]


def test_a_document_of_others_is_read_as_yaml_1_2_has_it():
    """Bare keys are texts, nothing is a value, and `${` means nothing."""
    raw = b"no: [yes, 2026-01-31, 010, ~, 1.5]\n200: ${env:GONE}\n'x': null\n"
    tree, problems = read_document("f.yaml", raw)
    assert not problems
    assert {"no": ["yes", "2026-01-31", 10, None, 1.5], "200": "${env:GONE}", "x": None} == tree.data
    assert Place(1, 11) == tree.values[("no", 1)]


@pytest.mark.parametrize(
    ("raw", "problem"),
    [
        pytest.param(
            b"a: 1\na: 2", "f.yaml:2:1: a: expected each key once, got it again after line 1", id="twice"
        ),
        pytest.param(
            b"a: &b 1", "f.yaml:1:4: a: expected a value, got the anchor &b: write values out", id="an anchor"
        ),
        pytest.param(
            b"a: !!python/name:os.system ''",
            "f.yaml:1:4: a: expected a value without a tag: quote a text, leave a number bare",
            id="a tag",
        ),
        pytest.param(b"[" * 100, "f.yaml:1:1: expected at most 64 levels, got more", id="too deep"),
    ],
)
def test_a_document_of_others_has_one_meaning_too(raw, problem):
    assert [problem] == [str(each) for each in read_document("f.yaml", raw)[1]]


@given(st.binary() | st.text(alphabet="abn:-[]{}&*!|>'\"%@#?,\n\t ${}01~").map(str.encode))
def test_any_bytes_give_a_tree_or_a_problem_with_a_place(raw):
    tree, problems = read("f.yaml", raw, EXPAND)
    assert problems or tree.data is not None
    assert all(problem.line > 0 and problem.column > 0 for problem in problems)
