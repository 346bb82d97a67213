"""The verb on the repository's own configuration."""

import csv
import json
from pathlib import Path

import pytest

from gateway.cli import main

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def here(monkeypatch):
    monkeypatch.chdir(ROOT)
    monkeypatch.delenv("GATEWAY_CONFIG", raising=False)


def test_every_role_has_a_column(capsys):
    assert 0 == main(["matrix"])
    head, *lines = capsys.readouterr().out.splitlines()
    assert [name for name in ("| admin ", "| student ") if name in head] == ["| admin ", "| student "]
    assert len(lines) > 60


def test_roles_may_be_chosen(capsys):
    assert 0 == main(["matrix", "--format", "csv", "--role", "student", "--role", "admin"])
    head, *_ = csv.reader(capsys.readouterr().out.splitlines())
    assert ["admin", "student", "scopes"] == head[7:10]


def test_the_same_is_said_twice(capsys):
    texts = []
    for _ in range(2):
        main(["matrix", "--format", "json"])
        texts.append(capsys.readouterr().out)
    assert texts[0] == texts[1]
    ids = [row["route"] for row in json.loads(texts[0])["rows"]]
    assert sorted(ids) == ids


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(["--role", "nobody"], id="a role that nobody defined"),
        pytest.param(["--config", "/nowhere.yaml"], id="no configuration"),
    ],
)
def test_what_cannot_be_told_is_wrong_usage(arguments, capsys):
    assert 2 == main(["matrix", *arguments])
    out, err = capsys.readouterr()
    assert ("", True) == (out, err.startswith("gateway: "))
