from pathlib import Path

import pytest
import yaml

from gateway.config.cases import find_cases, read_cases
from gateway.config.load import load
from gateway.config.problem import ConfigError
from gateway.config.schema.cases import CasesSpec

ROOT = Path(__file__).parents[2]
SOUND = "{name: a, request: {path: /a}, expect: {status: 404}}"


@pytest.fixture(scope="module")
def specs():
    return load(ROOT / "config" / "gateway.yaml", {})


@pytest.fixture
def problems(tmp_path, specs):
    """What is wrong with a file of cases about the repository's own policies."""

    def told(text):
        path = tmp_path / "cases.yaml"
        path.write_text(text)
        with pytest.raises(ConfigError) as raised:
            read_cases([path], {}, specs)
        lines = str(raised.value).replace(f"{tmp_path}/", "").splitlines()
        return [line.removeprefix("cases.yaml:") for line in lines]

    return told


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "cases:\n  - {name: a, requset: {path: /a}, expect: {status: 404}}\n",
            ['2:15: cases[0].requset: expected a known key, got "requset" (did you mean "request"?)'],
            id="a key that there is not",
        ),
        pytest.param(
            "cases:\n  - {name: a, request: {path: /a}, expect: {upstream: azora-pai}}\n",
            [
                '2:55: cases[0].expect.upstream: expected the name of an upstream, got "azora-pai" '
                '(did you mean "azora-pay"?)'
            ],
            id="an upstream that there is not",
        ),
        pytest.param(
            "cases:\n  - {name: a, request: {path: /a}, expect: {status: 200, route: robot}}\n",
            [
                '2:65: cases[0].expect.route: expected the name of a route, got "robot" '
                '(did you mean "robots"?)'
            ],
            id="a route that there is not",
        ),
        pytest.param(
            "principals: {student: {subject: a}}\n"
            "cases:\n  - {name: a, as: studnet, request: {path: /a}, expect: {status: 404}}\n",
            [
                '3:19: cases[0].as: expected the name of one of the principals, got "studnet" '
                '(did you mean "student"?)'
            ],
            id="a principal that there is not",
        ),
        pytest.param(
            "cases:\n  - name: a\n    steps:\n      - {advance: 1s}\n"
            "      - {as: [b], request: {path: /a, listener: 2}, expect: {status: 404, route: nowhere}}\n",
            [
                '5:15: cases[0].steps[1].as[0]: expected the name of one of the principals, got "b"',
                "5:49: cases[0].steps[1].request.listener: expected one of the 1 listeners, got 2",
                '5:82: cases[0].steps[1].expect.route: expected the name of a route, got "nowhere"',
            ],
            id="in steps",
        ),
        pytest.param(
            f"cases:\n  - {SOUND}\n  - {SOUND}\n",
            ['3:12: cases[1].name: expected each name once, got "a" again after cases.yaml:2'],
            id="a name twice",
        ),
        pytest.param(
            "cases:\n  - {name: a, request: {path: /a}, expect: {reason: no_rout}}\n",
            [
                "2:53: cases[0].expect.reason: expected a word of docs/reasons.md "
                '(did you mean "no_route"?), got "no_rout"'
            ],
            id="a reason that there is not",
        ),
        pytest.param(
            "cases:\n  - {name: a, request: {path: /a}, expect: {status: 404, policy: alow}}\n",
            [
                '2:66: cases[0].expect.policy: expected "wire", "route", "cors", "clients", "quota", '
                '"limits", "validate", "csrf", "auth", "allow" or "gateway", got "alow" '
                '(did you mean "allow"?)'
            ],
            id="a step that there is not",
        ),
        pytest.param(
            "cases:\n  - {name: a, times: 0, request: {path: /a}, "
            "expect: {reason: no_route, response_fields: {X: 1}}}\n",
            [
                "2:22: cases[0].times: expected at least 1, got 0",
                "2:94: cases[0].expect.response_fields.X: expected a text, true or false, got 1",
            ],
            id="values that are none",
        ),
    ],
)
def test_every_mistake_has_its_place(problems, text, expected):
    assert expected == problems(text)


def test_problems_of_all_files_come_together(tmp_path, specs):
    for name in "ab":
        (tmp_path / f"{name}.yaml").write_text("cases: 1\n")
    with pytest.raises(ConfigError) as raised:
        read_cases([tmp_path / "a.yaml", tmp_path / "b.yaml"], {}, specs)
    assert 2 == len(raised.value.problems)


def test_a_principal_in_place_is_no_name(tmp_path, specs):
    (tmp_path / "a.yaml").write_text(
        "cases:\n  - {name: a, as: {subject: x, roles: [z]}, request: {path: /a}, expect: {status: 404}}\n"
    )
    (file,) = read_cases([tmp_path / "a.yaml"], {}, specs)
    assert "x" == file.spec.cases[0].as_.subject


def test_cases_are_found_beside_the_policies(specs):
    found = find_cases(ROOT / "config" / "gateway.yaml", specs)
    assert {path.resolve() for path in (ROOT / "policies" / "tests").glob("*.yaml")} == {
        path.resolve() for path in found
    }
    assert found == sorted(found)


def test_the_example_uses_every_key():
    used = set()

    def walk(node):
        if isinstance(node, dict):
            used.update(node)
            for value in node.values():
                walk(value)
        elif isinstance(node, list):
            for value in node:
                walk(value)

    walk(yaml.CSafeLoader((ROOT / "examples" / "cases.yaml").read_text()).get_single_data())
    schema = CasesSpec.model_json_schema()
    keys = {key for shape in (schema, *schema["$defs"].values()) for key in shape.get("properties", ())}
    assert set() == keys - used
