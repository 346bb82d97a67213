"""The verb on the repository's own configuration."""

import json
from pathlib import Path

import pytest

from gateway.cli import main

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def here(monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.delenv("GATEWAY_CONFIG", raising=False)


@pytest.mark.parametrize(
    ("arguments", "status"),
    [
        pytest.param(["GET", "/api/pay/charges", "--as", "a:finance"], 0, id="passes"),
        pytest.param(["GET", "/robots.txt"], 0, id="is answered"),
        pytest.param(["GET", "/api/pay/charges", "--as", "a:student"], 1, id="is refused"),
        pytest.param(
            ["GET", "/api/pay/charges", "--token", "eyJhbGciOiJSUzI1NiJ9.e30.AAAA"], 1, id="is unknown"
        ),
        pytest.param(["GET"], 2, id="is no question"),
        pytest.param(["GET", "/", "--body", "/nowhere"], 2, id="has no body"),
        pytest.param(["GET", "/api/pay/charges", "--as", "a\nb"], 2, id="is asked by nobody"),
        pytest.param(["GET", "/", "-H", "A: b\nC: d"], 2, id="is two requests"),
        pytest.param(["GET", "/", "--config", "/nowhere.yaml"], 2, id="has no configuration"),
    ],
)
def test_status_tells_what_becomes_of_it(arguments, status, capsys):
    assert status == main(["explain", *arguments])
    out, err = capsys.readouterr()
    assert (status == 2) == (out == "") == (err != "")


def test_json_is_for_programs(capsys):
    main(["explain", "GET", "/api/pay/charges", "--as", "a:finance", "--format", "json"])
    assert "passed" == json.loads(capsys.readouterr().out)["verdict"]


def test_nothing_is_coloured_for_a_pipe(capsys):
    main(["explain", "GET", "/"])
    assert "\x1b" not in capsys.readouterr().out


@pytest.mark.parametrize(("is_terminal", "no_color", "coloured"), [(True, "", True), (True, "1", False)])
def test_a_terminal_has_colours_unless_it_wants_none(capsys, monkeypatch, is_terminal, no_color, coloured):
    monkeypatch.setattr("sys.stdout.isatty", lambda: is_terminal, raising=False)
    monkeypatch.setenv("NO_COLOR", no_color)
    main(["explain", "GET", "/"])
    assert coloured == ("\x1b[" in capsys.readouterr().out)
