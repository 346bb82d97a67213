import time
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.policy.document import members


@pytest.mark.parametrize(
    ("raw", "expected"),
    [
        pytest.param(b"{}", {}, id="nothing"),
        pytest.param(b' {"a": [1, "b", null]}\n', {"a": [1, "b", None]}, id="white space around"),
        pytest.param(b'{"a":{"a":1}}', {"a": {"a": 1}}, id="the same name one level down"),
        pytest.param(b'{"a":"[[[[[[[[[[[[[[[[[[[[["}', {"a": "[" * 21}, id="brackets in a text are no depth"),
        pytest.param(
            b'{"a":"\\"[[[[[[[[[[[[[[[[["}', {"a": '"' + "[" * 17}, id="nor behind an escaped quote"
        ),
        pytest.param(b"[" * 0 + b'{"a":' * 15 + b"1" + b"}" * 15, None, id="deep, but not too deep"),
    ],
)
def test_an_object_is_read(raw, expected):
    assert members(raw) == expected if expected is not None else members(raw)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b'{"a":"' + b'\\"' * 250_000, id="escaped quotes"),
        pytest.param(b'{"a":"' + b"\\" * 500_001, id="backslashes"),
        pytest.param(b'"' * 500_000, id="quotes"),
        pytest.param(b"]}" * 250_000, id="brackets that close nothing"),
        pytest.param(b'["' * 250_000, id="brackets and quotes"),
    ],
)
def test_half_a_megabyte_takes_no_time(raw):
    begin = time.process_time()
    with pytest.raises(ValueError, match=r"^(no JSON object|nested too deeply)"):
        members(raw)
    assert time.process_time() - begin < 0.5


@given(st.binary(max_size=60) | st.text('{}[]":,\\ abnul0123456789.eE+-', max_size=60).map(str.encode))
def test_whatever_the_bytes_an_object_or_a_refusal_comes_of_them(raw):
    with suppress(ValueError):
        assert isinstance(members(raw), dict)


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b'{"a":1,"a":1}', id="a member twice, the same"),
        pytest.param(b'{"a":1,"\\u0061":2}', id="a member twice, once escaped"),
        pytest.param(b'{"b":{"a":1,"a":2}}', id="a member twice further down"),
        pytest.param(b'{"b":[{"a":1,"a":2}]}', id="a member twice in a list"),
        pytest.param(b"[1]", id="a list"),
        pytest.param(b'"{}"', id="a text"),
        pytest.param(b"", id="nothing at all"),
        pytest.param(b'{"a":1} {}', id="something behind it"),
        pytest.param(b'{"a":NaN}', id="no number"),
        pytest.param(b'{"a":-Infinity}', id="no end"),
        pytest.param(b'{"a":' + b"9" * 5000 + b"}", id="a number without measure"),
        pytest.param(b'{"a":"\xff"}', id="no UTF-8"),
        pytest.param(b'\xef\xbb\xbf{"a":1}', id="a byte order mark"),
        pytest.param('{"a":1}'.encode("utf-16"), id="UTF-16"),
        pytest.param(b'{"a":' * 17 + b"1" + b"}" * 17, id="nested too deeply"),
        pytest.param(b"[" * 200_000, id="a bomb"),
        pytest.param(b'{"a":' + b"[" * 200_000, id="a bomb in a member"),
        pytest.param(b"{'a':1}", id="single quotes"),
        pytest.param(b'{"a":"', id="a text without an end"),
        pytest.param(b'{"a":"\\', id="an escape without an end"),
        pytest.param(b'{"a":1,}', id="a comma too many"),
    ],
)
def test_what_can_be_read_in_two_ways_is_refused(raw):
    with pytest.raises(ValueError, match=r"^(no JSON object|nested too deeply)"):
        members(raw)
