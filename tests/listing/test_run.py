"""The verb on the repository's own configuration; its list is in `tests/test_cli.py`."""

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
        pytest.param(["GET", "/api/pay/charges"], 0, id="taken"),
        pytest.param(["GET", "http://www.azora.example/nothing"], 0, id="taken by its host"),
        pytest.param(["GET", "/nowhere"], 1, id="not taken"),
        pytest.param(["DELETE", "/api/pay/charges"], 1, id="not by this method"),
        pytest.param(["GET", "/a//b"], 2, id="no request"),
        pytest.param(["GET", "/a", "-H", "no field"], 2, id="no field"),
    ],
)
def test_status_tells_whether_a_route_takes_it(arguments, status, capsys):
    assert status == main(["routes", "--match", *arguments])
    out, err = capsys.readouterr()
    assert (status == 2) == (out == "") == (err != "")


def test_match_in_json_is_for_programs(capsys):
    main(["routes", "--match", "GET", "/api/pay/charges", "--format", "json"])
    assert "pay-charge-list" == json.loads(capsys.readouterr().out)["route"]


def test_list_tells_who_may_ask(capsys):
    assert 0 == main(["routes"])
    line = next(line for line in capsys.readouterr().out.splitlines() if "pay-refund-create" in line)
    assert "refunds:write, scope pay.refund" in line
