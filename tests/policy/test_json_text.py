"""JSON that every parser reads alike, and the attacks that live from the others."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.json_text import parse

TEXTS = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=8)
VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(1 << 63), (1 << 64) - 1)
    | st.floats(allow_nan=False, allow_infinity=False)
    | TEXTS,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(TEXTS, inner, max_size=4),
    max_leaves=20,
)


def nested(depth):
    return b"[" * depth + b"]" * depth


def mixed(depth):
    return b'{"a":[' * (depth // 2) + b"1" + b"]}" * (depth // 2)


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param(b'{"a": [1, -2.5e3, "x", true, null]}', {"a": [1, -2500.0, "x", True, None]}, id="all"),
        pytest.param(b" 7 ", 7, id="white space around"),
        pytest.param('"ünï \U0001f600"'.encode(), "ünï \U0001f600", id="UTF-8"),
        pytest.param(rb'"\ud83d\ude00"', "\U0001f600", id="a pair of surrogates"),
        pytest.param(rb'"\\u0000"', "\\u0000", id="a backslash, then what looks like NUL"),
        pytest.param(b"18446744073709551615", (1 << 64) - 1, id="the largest integer"),
        pytest.param(b"-9223372036854775808", -(1 << 63), id="the smallest"),
        pytest.param(b"1.7976931348623157e308", 1.7976931348623157e308, id="the largest number"),
        pytest.param(b"0.1000000000000000055511151231257827", 0.1, id="a fraction with many digits"),
        pytest.param(b"1e-400", 0.0, id="too small to tell from nothing"),
        pytest.param(
            b'["1e999", "[[[", 12]', ["1e999", "[[[", 12], id="a text that looks like something else"
        ),
        pytest.param(
            b'{"a":{"b":1},"c":{"b":2}}', {"a": {"b": 1}, "c": {"b": 2}}, id="one name in two objects"
        ),
    ],
)
def test_json_is_read(raw, expected):
    assert expected == parse(raw)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b'{"a": 1', id="cut short"),
        pytest.param(b'{"a": 1} x', id="something behind"),
        pytest.param(b"{'a': 1}", id="other quotes"),
        pytest.param(b"[1,]", id="a comma too many"),
        pytest.param(b"[1] // note", id="a comment"),
        pytest.param(b"01", id="a leading zero"),
        pytest.param(b"+1", id="a plus"),
        pytest.param(b".5", id="no digit first"),
        pytest.param(b"0x10", id="hexadecimal"),
        pytest.param("\u0661".encode(), id="digits of another script"),
        pytest.param(b"\xef\xbb\xbf{}", id="a byte order mark"),
        pytest.param('{"a": 1}'.encode("utf-16"), id="UTF-16"),
        pytest.param('{"a": 1}'.encode("utf-16-le"), id="UTF-16 without a mark"),
        pytest.param(b'"\xff"', id="no UTF-8"),
        pytest.param(b'"\xc0\xaf"', id="UTF-8 that is too long"),
        pytest.param(b'"\xed\xa0\x80"', id="a surrogate in UTF-8"),
        pytest.param(rb'"\ud800"', id="a lone surrogate"),
        pytest.param(rb'{"\udfff": 1}', id="a lone surrogate in a name"),
        pytest.param(rb'"\ude00\ud83d"', id="a pair the wrong way round"),
        pytest.param(b'"a\x00b"', id="NUL"),
        pytest.param(rb'"a\u0000b"', id="NUL, escaped"),
        pytest.param(rb'{"a\\\u0000": 1}', id="NUL behind an escaped backslash"),
        pytest.param(b'"a\nb"', id="a line break in a text"),
        pytest.param(rb'"\x41"', id="an escape of another language"),
        pytest.param(b"NaN", id="not a number"),
        pytest.param(b"[Infinity]", id="infinity"),
        pytest.param(b"-Infinity", id="infinity below"),
        pytest.param(b"1e999", id="a number beyond a double"),
        pytest.param(b"-1E+400", id="beyond it below"),
        pytest.param(b"1" * 400 + b".0", id="beyond it digit by digit"),
        pytest.param(b"18446744073709551616", id="an integer beyond 64 bits"),
        pytest.param(b"-9223372036854775809", id="one below them"),
        pytest.param(b"9" * 5000, id="an integer of many digits"),
        pytest.param(b'{"a": 1, "a": 2}', id="a name twice"),
        pytest.param(b'[{"x": {"a": 1, "b": 2, "a": 1}}]', id="deep inside, with the same value"),
        pytest.param(rb'{"a": 1, "\u0061": 2}', id="a name twice, once escaped"),
        pytest.param(nested(33), id="33 levels"),
        pytest.param(mixed(34), id="34 levels of both kinds"),
        pytest.param(b"[" * 50_000, id="50,000 levels that nobody closes"),
        pytest.param(b'{"a":' * 50_000, id="of objects too"),
        pytest.param(b"]" * 50_000, id="nothing but ends"),
        pytest.param(json.dumps({str(n): n for n in range(1025)}).encode(), id="1025 members"),
    ],
)
def test_what_parsers_read_in_two_ways_is_refused(raw):
    with pytest.raises(ValueError):
        parse(raw)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(nested(32), id="lists"),
        pytest.param(mixed(32), id="both kinds"),
        pytest.param(b"[" + b"[]," * 40 + b"[]]", id="many beside each other"),
        pytest.param(b'["' + b"[{" * 100 + rb'\"[[[["]', id="brackets in a text"),
        pytest.param(json.dumps({str(n): n for n in range(1024)}).encode(), id="1024 members"),
    ],
)
def test_what_is_within_the_bounds_passes(raw):
    assert json.loads(raw) == parse(raw)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b'"\\' * 32_768, id="quotes and backslashes"),
        pytest.param(b'\\"' * 32_768, id="the other way round"),
        pytest.param(b"[" * 40 + b'"' + b"\\" * 65_000, id="a text that never ends"),
        pytest.param(b'"' + b"\\" * 65_001 + b"u0000", id="a run of backslashes"),
    ],
)
def test_hostile_texts_are_refused_in_linear_time(raw):
    """With a step for each byte and each byte before it this would take minutes."""
    with pytest.raises(ValueError):
        parse(raw)


@given(VALUES)
def test_what_python_writes_is_read_back(value):
    for ensure_ascii in (True, False):
        assert value == parse(json.dumps(value, ensure_ascii=ensure_ascii).encode())


@given(st.binary(max_size=60) | st.text('{}[]":,\\u0a1eE+-.', max_size=60).map(str.encode))
def test_whatever_the_bytes_a_value_or_a_value_error(raw):
    """And what is taken, the library of the language takes too, to the same effect."""
    try:
        value = parse(raw)
    except ValueError:
        return
    assert json.loads(raw) == value
