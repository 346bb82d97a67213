"""The verb, as a pipeline calls it."""

import io
import json
import sys
from types import SimpleNamespace

import pytest

from gateway.cli import main

ROLE = ('allow: {permissions: ["bills:read"]}\n    quota', "allow: {roles: [boss]}\n    quota")
TIER = ("limit: 10/1m", "limit: 9/1m")


@pytest.fixture
def run(folders, line, tmp_path, capsys):
    """Run the verb on one line of a log; gives its status and what it printed."""

    def replay(*arguments, pairs=(), raw=None):
        log = tmp_path / "access.log"
        log.write_bytes(line() + b"\n" if raw is None else raw)
        status = main(["replay", *folders(*pairs), "--log", str(log), *arguments])
        return status, *capsys.readouterr()

    return replay


@pytest.mark.parametrize(
    ("pairs", "arguments", "status"),
    [
        pytest.param([], [], 0, id="alike"),
        pytest.param([ROLE], [], 1, id="differently"),
        pytest.param([ROLE], ["--only", "refused"], 1, id="of that kind"),
        pytest.param([ROLE], ["--only", "allowed", "--only", "route"], 0, id="of other kinds"),
        pytest.param([TIER], [], 0, id="nobody can tell"),
        pytest.param([TIER], ["--strict"], 1, id="nobody can tell, and that is too little"),
    ],
)
def test_status_is_for_pipelines(run, pairs, arguments, status):
    found, out, err = run(*arguments, pairs=pairs)
    assert (status, "") == (found, err)
    assert "1 request replayed" in out


def test_json_is_for_programs(run):
    status, out, _ = run("--format", "json", pairs=[ROLE])
    assert (1, 1) == (status, json.loads(out)["different"])


def test_standard_input_is_a_log(run, line, monkeypatch):
    monkeypatch.setattr(sys, "stdin", SimpleNamespace(buffer=io.BytesIO(line() + b"\n")))
    assert "2 requests replayed" in run("--log", "-")[1]


@pytest.mark.parametrize(
    ("arguments", "raw", "said"),
    [
        pytest.param([], b"", "expected a request in", id="an empty log"),
        pytest.param([], b'{"type": "log"}\n', "got 1 other lines", id="another log"),
        pytest.param(["--log", "/nowhere.log"], None, "/nowhere.log", id="no log"),
        pytest.param(["--listener", "2"], None, "expected a listener from 1 to 1", id="no such listener"),
    ],
)
def test_what_cannot_be_replayed_is_exit_2(run, arguments, raw, said):
    status, out, err = run(*arguments, raw=raw)
    assert (2, "") == (status, out)
    assert said in err


def test_a_configuration_that_does_not_load_is_exit_2(run, tmp_path, capsys):
    run()
    (tmp_path / "new" / "gateway.yaml").write_text("version: 2\n")
    arguments = [str(tmp_path / name) for name in ("old", "new")]
    assert 2 == main(["replay", *arguments, "--log", str(tmp_path / "access.log")])
    assert "version" in capsys.readouterr().err


def test_whoever_watches_is_told_how_far_it_is(run, line, monkeypatch):
    """A line on a terminal, wiped at the end, and only where it takes long."""
    times = iter(range(0, 1000, 2))
    monkeypatch.setattr("gateway.replay.run.monotonic", lambda: float(next(times)))
    monkeypatch.setattr(sys.stderr, "isatty", lambda: True)
    _, _, err = run(raw=(line() + b"\n") * 4096)
    assert "2,048 lines, 1,024 a second" in err
    assert err.endswith("\r\x1b[K")
