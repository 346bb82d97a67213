import os
from pathlib import Path
from shutil import copy

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.config.load import load_snapshot
from gateway.config.problem import ConfigError

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
EVERYTHING = (EXAMPLES / "everything.yaml").read_text().partition("\n---\n")

# Words that a configuration is made of, so that random texts get past the parser.
WORDS = st.sampled_from(
    [
        *(
            *"{}[],:-\n",
            " ",
            "  ",
            "\n  ",
            "\n- ",
            ": ",
            ", ",
            '"\\0"',
            "&a ",
            "*a",
            "${env:X}",
            "a",
            "1",
            "10s",
        ),
        *("version: 1\n", "upstreams", "endpoints", "[http://h]", "listeners", "policies", "headers", "set"),
        *("defaults", "routes", "id", "match: {path: /a}", "auth: public", "quota: [a]", "cors", "prefix"),
    ]
)


def test_a_sound_configuration_has_no_problems(report):
    assert [] == report()


def test_the_repository_loads():
    assert load_snapshot(ROOT / "config" / "gateway.yaml", {}).routes


def test_every_problem_of_every_file_is_in_one_report(report):
    lines = report(
        gateway="""
        version: 1
        limits: {head: 1}
        upstreams: {pay: {endpoints: ["http://h"]}}
        policies: [policies]
        """,
        policies="""
        routes:
          - {id: a, match: {path: /a}, auth: public, upstream: pai}
          - {id: b, macht: {}}
        """,
        b="routes:\n  - {id: a, match: {path: '/{'}, auth: public, upstream: pay}\n",
        c="routes: no\n",
    )
    assert [
        "gateway.yaml:2:16",
        "policies/a.yaml:2:56",
        "policies/a.yaml:3:5",
        "policies/a.yaml:3:13",
        "policies/b.yaml:2:10",
        "policies/b.yaml:2:27",
        "policies/c.yaml:1:9",
    ] == [line.split(": ")[0] for line in lines]


@pytest.mark.parametrize(
    ("texts", "line"),
    [
        pytest.param(
            {"gateway": "version: 1\npolicies: [gone]\n"},
            'gateway.yaml:2:12: policies[0]: expected a folder that can be read, got "gone"',
            id="a folder that is not there",
        ),
        pytest.param(
            {"gateway": 'version: 1\npolicies: ["a\\0b"]\n'},
            'gateway.yaml:2:12: policies[0]: expected a folder that can be read, got "a\\u0000b"',
            id="a folder that cannot be",
        ),
        pytest.param(
            {"policies": b"\xff"},
            "policies/a.yaml:1:1: expected UTF-8 text, got the byte 0xff",
            id="a file of policies that cannot be read",
        ),
        pytest.param(
            {"gateway": b""},
            "gateway.yaml:1:1: expected a mapping, got an empty file",
            id="an empty gateway.yaml",
        ),
        pytest.param(
            {"policies": "- a\n"},
            "policies/a.yaml:1:1: expected a mapping, got a list",
            id="a list at the top",
        ),
        pytest.param(
            {"gateway": "version: 1\nlimits: {fields: yes}\npolicies: []\n"},
            "gateway.yaml:2:18: limits.fields: expected a value that every YAML version reads alike, "
            "got yes: quote it",
            id="a trap, told once, not for its type too",
        ),
    ],
)
def test_a_problem_has_its_place(report, texts, line):
    assert [line] == report(**texts)


def test_a_file_that_is_not_there_is_a_problem(tmp_path):
    with pytest.raises(ConfigError, match="expected a file that can be read: No such file"):
        load_snapshot(tmp_path / "gateway.yaml", {})


def test_a_pipe_is_not_waited_for(tmp_path):
    os.mkfifo(tmp_path / "gateway.yaml")
    with pytest.raises(ConfigError, match="it is not a regular file"):
        load_snapshot(tmp_path / "gateway.yaml", {})


def test_only_yaml_directly_in_a_folder_is_read_and_gateway_yaml_never(tmp_path):
    (tmp_path / "gateway.yaml").write_text("version: 1\npolicies: [.]\n")
    (tmp_path / "a.yaml").write_text("routes: [{id: a, match: {path: /a}, auth: public, respond: {}}]\n")
    (tmp_path / "notes.txt").write_text("not: [yaml")
    (tmp_path / "tests").mkdir()
    (tmp_path / "tests" / "b.yaml").write_text("not: [yaml")
    assert ["a"] == [route.id for route in load_snapshot(tmp_path / "gateway.yaml", {}).routes]


@pytest.mark.parametrize(
    ("gateway", "fields"),
    [
        pytest.param("limits: {fields: '${env:N}'}", 7, id="a number from outside"),
        pytest.param("limits: {fields: '${env:EMPTY}'}", 100, id="an empty value leaves the default"),
        pytest.param("limits: {fields: '${env:GONE:-9}'}", 9, id="a default from the file"),
    ],
)
def test_a_value_comes_from_outside(specs, gateway, fields):
    loaded = specs(gateway=f"version: 1\n{gateway}\npolicies: []\n", environ={"N": "7", "EMPTY": ""})
    assert fields == loaded.gateway.limits.fields


@pytest.mark.parametrize(
    "key",
    [
        pytest.param("limits: {head: '${env:SECRET}'}", id="as a size"),
        pytest.param("upstreams: {a: {endpoints: ['${env:SECRET}']}}", id="as an endpoint"),
        pytest.param("defaults: {upstream: '${env:SECRET}'}", id="as a name"),
        pytest.param("defaults: {headers: {set: {X-A: 'x ${env:SECRET} é'}}}", id="as a field"),
        pytest.param("policies: ['${env:SECRET}']", id="as a folder"),
        pytest.param("admin: {address: '${env:SECRET}'}", id="as an address"),
    ],
)
def test_a_secret_is_in_no_message(report, key):
    lines = report(gateway=f"version: 1\n{key}\n", environ={"SECRET": "hunter2"})
    assert lines
    assert not [line for line in lines if "hunter2" in line]


@pytest.mark.parametrize(
    ("change", "is_same"),
    [
        pytest.param({}, True, id="nothing"),
        pytest.param({"policies": "routes: []\n"}, False, id="a file"),
        pytest.param({"environ": {"PORT": "2"}}, False, id="a value from outside"),
        pytest.param({"environ": {"OTHER": "2"}}, True, id="a variable that nobody asks for"),
    ],
)
def test_the_version_changes_with_what_is_loaded(compiled, change, is_same):
    gateway = "version: 1\nadmin: {address: '127.0.0.1:${env:PORT:-1}'}\npolicies: [policies]\n"
    policies = "routes: [{id: a, match: {path: /a}, auth: public, respond: {}}]\n"
    texts = {"gateway": gateway, "policies": policies}
    assert is_same is (compiled(**texts).version == compiled(**{**texts, **change}).version)


def test_everything_loads(report, authority, tmp_path):
    gateway, _, policies = EVERYTHING
    for name in ("tls", "gw"):
        for file in authority.issue(name):
            file.rename(tmp_path / file.name)
    for name in ("clients.pem", "ca.pem"):
        copy(authority.file, tmp_path / name)
    for name in ("api-keys.yaml", "users.yaml"):
        copy(EXAMPLES / name, tmp_path)
    documents = {f"schemas/{file.name}": file.read_bytes() for file in (EXAMPLES / "schemas").iterdir()}
    assert [] == report(gateway=gateway, policies=policies, documents=documents)


@settings(max_examples=150, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    gateway=st.lists(WORDS, max_size=40), policies=st.lists(WORDS, max_size=40), raw=st.binary(max_size=40)
)
def test_whatever_the_bytes_only_a_config_error_with_places_leaves(written, gateway, policies, raw):
    head = b"version: 1\npolicies: [policies]\n"
    path = written(gateway=head + "".join(gateway).encode(), policies="".join(policies).encode(), b=raw)
    assert all(problem.line > 0 and problem.column > 0 for problem in _problems(path))


def _problems(path):
    try:
        load_snapshot(path, {})
    except ConfigError as error:
        return error.problems or [None]
    return []
