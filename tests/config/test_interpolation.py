from pathlib import Path

import pytest

from gateway.config.interpolation import Interpolation, Resolved

ENVIRON = {
    **{"NAME": "value", "EMPTY": "", "BROKEN": "\udcff"},
    **{
        "KEPT_FILE": "secret",
        "NAME_FILE": "gone",
        "EMPTY_FILE": "",
        "GONE_FILE": "gone",
        "BARE_FILE": "bare",
    },
}


@pytest.fixture
def expand(tmp_path):
    (tmp_path / "secret").write_bytes(b"from a file\r\n")
    (tmp_path / "bare").write_bytes(b"\n")
    (tmp_path / "binary").write_bytes(b"\xff")
    (tmp_path / "large").write_bytes(b"x" * (64 * 1024 + 1))
    return Interpolation(ENVIRON, tmp_path)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("${env:NAME}", "value", id="a variable"),
        pytest.param("a ${env:NAME} b ${env:NAME}", "a value b value", id="inside a text, twice"),
        pytest.param("${env:EMPTY}", "", id="an empty variable"),
        pytest.param("${env:UNSET:-default}", "default", id="a default"),
        pytest.param("${env:UNSET:-}", "", id="an empty default"),
        pytest.param("${env:EMPTY:-default}", "default", id="a default for an empty variable"),
        pytest.param("${env:UNSET:-http://h:1}", "http://h:1", id="a default with colons"),
        pytest.param("${file:secret}", "from a file", id="a file without its line break"),
        pytest.param("${env:KEPT}", "from a file", id="a variable whose value is kept in a file"),
        pytest.param("${env:KEPT:-default}", "from a file", id="a file before a default"),
        pytest.param("${env:BARE:-default}", "default", id="a default for an empty file"),
        pytest.param("$${env:NAME} ${env:NAME}", "${env:NAME} value", id="an escape beside a variable"),
    ],
)
def test_a_text_is_filled_in_and_marked(expand, text, value):
    expanded = expand(text)
    assert isinstance(expanded, Resolved)
    assert (value, text) == (str(expanded), expanded.origin)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        pytest.param("plain {name} $x", "plain {name} $x", id="nothing asked for"),
        pytest.param("$${env:NAME}", "${env:NAME}", id="an escape alone"),
    ],
)
def test_a_text_that_asks_for_nothing_is_not_marked(expand, text, value):
    assert value == expand(text)
    assert not isinstance(expand(text), Resolved)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param(
            "${env:UNSET}", "expected the environment to hold UNSET, which is not set", id="not set"
        ),
        pytest.param("${NAME}", r"expected \$\{env:NAME\}", id="neither env nor file"),
        pytest.param("${env:NAME", r"expected \$\{env:NAME\}", id="no end"),
        pytest.param("${env:1}", r"expected \$\{env:NAME\}", id="not the name of a variable"),
        pytest.param("${env:BROKEN}", "expected BROKEN to hold UTF-8 text", id="bytes that are no text"),
        pytest.param("${env:GONE:-a}", "expected a readable file", id="no default for a file that is gone"),
        pytest.param("${file:gone}", "expected a readable file of at most 64 KiB at gone", id="no such file"),
        pytest.param("${file:large}", "expected a readable file of at most 64 KiB", id="a large file"),
        pytest.param("${file:.}", "expected a readable file", id="a folder"),
        pytest.param("${file:/dev/zero}", "expected a readable file", id="a device that never ends"),
        pytest.param("${file:a\0b}", "expected a readable file", id="a path that no system takes"),
        pytest.param("${file:binary}", "expected binary to hold UTF-8 text", id="a file of no text"),
    ],
)
def test_what_cannot_be_filled_in_is_said(expand, text, message):
    with pytest.raises(ValueError, match=message):
        expand(text)


def test_an_absolute_path_stands_for_itself(tmp_path):
    (tmp_path / "token").write_text("t")
    assert "t" == Interpolation({}, Path("elsewhere"))(f"${{file:{tmp_path}/token}}")
