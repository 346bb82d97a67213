"""The verb on the repository's own tables, and on others."""

import json
from pathlib import Path
from xml.etree.ElementTree import parse

import pytest

from gateway.cli import main

ROOT = Path(__file__).parents[2]
CASES = """\
cases:
  - {name: One, request: {path: /robots.txt}, expect: {status: 200}}
  - {name: two, request: {path: /nowhere}, expect: {status: 200}}
"""


@pytest.fixture
def run(tmp_path, monkeypatch, capsys):
    """Run the verb on a text, about the repository's configuration; gives its status and what it printed."""
    monkeypatch.chdir(ROOT)
    monkeypatch.delenv("GATEWAY_CONFIG", raising=False)

    def test(*arguments, cases=CASES):
        path = tmp_path / "cases.yaml"
        path.write_text(cases)
        status = main(["test", *arguments, str(path)])
        return status, *capsys.readouterr()

    return test


def test_a_failure_is_exit_1(run):
    status, out, err = run()
    assert (1, "") == (status, err)
    assert "status: expected 200, got 404" in out


def test_cases_are_chosen_by_their_names(run):
    assert (0, True) == (run("-k", "one")[0], "1 passed" in run("-k", "one")[1])


def test_too_little_coverage_is_exit_1(run):
    assert (0, 1) == (
        run("-k", "one", "--coverage-min", "0.1")[0],
        run("-k", "one", "--coverage-min", "50")[0],
    )


@pytest.mark.parametrize(
    ("arguments", "cases", "said"),
    [
        pytest.param([], "cases: 1\n", "cases.yaml:1:8: cases: expected a list, got 1", id="a mistake"),
        pytest.param([], "cases: []\n", "expected at least one case: none was found", id="no case"),
        pytest.param(["-k", "three"], CASES, "expected at least one case", id="no case of that name"),
        pytest.param(["/nowhere.yaml"], CASES, "expected a file that can be read", id="no file"),
        pytest.param(["--config", "/no.yaml"], CASES, "expected a file that can be read", id="no files"),
    ],
)
def test_what_cannot_be_played_is_exit_2(run, arguments, cases, said):
    status, out, err = run(*arguments, cases=cases)
    assert (2, "") == (status, out)
    assert said in err


def test_json_is_for_programs(run):
    _, out, _ = run("--format", "json")
    assert (1, 1) == (json.loads(out)["passed"], json.loads(out)["failed"])


def test_junit_is_written_beside_it(run, tmp_path):
    run("--junit", str(tmp_path / "report.xml"))
    assert "2" == parse(tmp_path / "report.xml").getroot().get("tests")


def test_example_holds(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    assert 0 == main(["test", "examples/cases.yaml"])
    assert capsys.readouterr().out.startswith("6 passed")
