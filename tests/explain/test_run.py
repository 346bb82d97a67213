"""The verb on the repository's own configuration."""

import json
from pathlib import Path

import pytest

from gateway import running
from gateway.cli import main
from gateway.running import UnansweredError

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


REMEMBERED = {
    "request": {
        **{"request_id": "0" * 32, "time": "2027-01-15T08:00:00.000Z", "client": "192.0.2.1"},
        **{"method": "GET", "host": "a.example", "path": "/a", "query": "", "principal": "", "roles": []},
    },
    **{"verdict": "refused", "status": 401, "reason": "no_credentials", "route": "a", "hints": []},
    "decided_by": {"step": "auth", "source": "p.yaml:3"},
    "steps": [{"step": "auth", "verdict": "refused", "reason": "no_credentials", "source": "p.yaml:3"}],
    "policy": [{"key": "auth", "value": "azora-id", "source": "p.yaml:3"}],
    "upstream": {"name": "", "endpoint": "", "attempts": 0},
    **{"config_version": "0123456789ab", "decision": {}},
}


@pytest.fixture
def remember(monkeypatch):
    """Have a gateway answer so; gives what it was asked."""

    def answer(told):
        asked = []

        def explanation(address, token, request_id):
            asked.append((str(address), token, request_id))
            if isinstance(told, Exception):
                raise told
            return told

        monkeypatch.setattr(running, "explanation", explanation)
        return asked

    return answer


@pytest.mark.parametrize(
    ("verdict", "status"), [("passed", 0), ("answered", 0), ("refused", 1), ("failed", 1), ("aborted", 1)]
)
def test_status_tells_what_became_of_one_that_is_over(remember, verdict, status, capsys):
    remember({**REMEMBERED, "verdict": verdict})
    assert status == main(["explain", "--request-id", "0" * 32])
    assert "" == capsys.readouterr().err


def test_it_is_asked_at_the_admin_listener_of_the_configuration(remember, monkeypatch):
    monkeypatch.setenv("GATEWAY_ADMIN_TOKEN", "t0ken")
    asked = remember(REMEMBERED)
    main(["explain", "--request-id", "abc"])
    assert [("127.0.0.1:9901", "t0ken", "abc")] == asked


def test_one_that_is_over_is_told_to_people_and_to_programs(remember, capsys):
    remember(REMEMBERED)
    main(["explain", "--request-id", "0" * 32])
    lines = capsys.readouterr().out.splitlines()
    assert "Refused: 401 no_credentials by auth at p.yaml:3" in lines
    assert "  auth: azora-id" in lines
    main(["explain", "--request-id", "0" * 32, "--format", "json"])
    assert REMEMBERED == json.loads(capsys.readouterr().out)


@pytest.mark.parametrize(
    ("told", "message"),
    [
        pytest.param(UnansweredError("nobody there"), "gateway: nobody there\n", id="nobody answers"),
        pytest.param(
            *({"verdict": "refused"}, "gateway: what answers at 127.0.0.1:9901 does not explain requests\n"),
            id="somebody else does",
        ),
        pytest.param(
            *(
                {**REMEMBERED, "policy": [5]},
                "gateway: what answers at 127.0.0.1:9901 does not explain requests\n",
            ),
            id="it makes no sense",
        ),
    ],
)
def test_one_that_cannot_be_explained_is_one_line(remember, told, message, capsys):
    remember(told)
    assert 2 == main(["explain", "--request-id", "0" * 32])
    assert ("", message) == capsys.readouterr()


@pytest.mark.parametrize(
    "more",
    [
        ["GET", "/a"],
        ["--curl", "curl h"],
        ["--as", "a"],
        ["-H", "A: b"],
        ["--token", "x"],
        ["--listener", "1"],
    ],
    ids=["a request", "a command", "a principal", "a field", "a token", "a listener"],
)
def test_nothing_else_is_said_of_one_that_is_over(remember, more, capsys):
    asked = remember(REMEMBERED)
    assert 2 == main(["explain", "--request-id", "0" * 32, *more])
    assert ("gateway: expected --request-id alone, with --config and --format\n", []) == (
        capsys.readouterr().err,
        asked,
    )
