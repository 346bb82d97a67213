"""What is written between quotes is plain ASCII and reads back as it was."""

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.telemetry.escape import escaped, escaped_text

CASES = [
    pytest.param("plain", b"plain", id="plain text"),
    pytest.param('a"b\\c', rb"a\"b\\c", id="what JSON escapes"),
    pytest.param("a\r\nb\0\x1b[31m", rb"a\r\nb\u0000\u001b[31m", id="control characters"),
    pytest.param("\x7f\x9b", rb"\u007f\u009b", id="those beyond ASCII"),
    pytest.param("\u2028\u202e\u200b", rb"\u2028\u202e\u200b", id="what cannot be seen"),
    pytest.param("\U0001f600", rb"\ud83d\ude00", id="a pair of surrogates"),
    pytest.param("\ud800a\udfff", rb"\ufffda\ufffd", id="halves of pairs"),
]


@pytest.mark.parametrize(("text", "expected"), CASES)
def test_a_text_is_escaped(text, expected):
    assert expected == escaped_text(text)


def test_what_is_no_utf_8_becomes_a_replacement():
    assert rb"a\ufffd\ufffdb" == escaped(b"a\xff\xedb")


@given(st.text())
def test_it_reads_back(text):
    line = b'"%b"' % escaped_text(text)
    assert line.isascii()
    assert not any(byte < 0x20 or byte == 0x7F for byte in line)
    assert json.loads(line) == orjson.loads(line)
    assert all(known in (got, "\ufffd") for got, known in zip(text, orjson.loads(line), strict=True))


@given(st.binary())
def test_any_bytes_become_json(raw):
    line = b'"%b"' % escaped(raw)
    assert line.isascii()
    assert raw.decode("utf-8", "replace") == orjson.loads(line)
