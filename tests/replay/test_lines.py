"""Logs as they lie about: rotated, compressed, cut off, without an end."""

import gzip
import io
import sys
from types import SimpleNamespace

import pytest

from gateway.replay.lines import LINE_AT_MOST, STDIN, lines


@pytest.mark.parametrize(
    ("name", "raw", "expected"),
    [
        pytest.param("a.log", b"one\ntwo\n", [b"one", b"two"], id="lines"),
        pytest.param("a.log", b"", [], id="nothing"),
        pytest.param("a.log", b"one\ntw", [b"one", b""], id="the last line is being written"),
        pytest.param("a.log", b"x" * (3 * LINE_AT_MOST) + b"\none\n", [b"", b"one"], id="too long"),
        pytest.param("a.log.gz", gzip.compress(b"one\ntwo\n"), [b"one", b"two"], id="compressed"),
        pytest.param("a.log.gz", gzip.compress(b"one\n" * 99)[:-9], [b"one"] * 99 + [b""], id="cut off"),
        pytest.param("a.log.gz", b"not compressed\n", [b""], id="compressed by its name only"),
        pytest.param("a.log.gz", gzip.compress(b"one\n")[:10] + b"\xff" * 30, [b""], id="damaged"),
    ],
)
def test_lines_of_a_file(tmp_path, name, raw, expected):
    path = tmp_path / name
    path.write_bytes(raw)
    assert expected == list(lines([str(path)]))


def test_files_come_one_after_the_other(tmp_path, monkeypatch):
    (tmp_path / "a").write_bytes(b"one\n")
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(b"two\n")))
    assert [b"one", b"two"] == list(lines([str(tmp_path / "a"), STDIN]))


def test_what_expands_without_end_is_not_kept(tmp_path):
    """A line of 64 MiB in 64 KiB of a file is read past, piece by piece."""
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(b"x" * (64 << 20)))
    assert [b""] == list(lines([str(path)]))


def test_a_file_that_is_not_there_is_told():
    with pytest.raises(OSError, match="nowhere"):
        list(lines(["/nowhere.log"]))
