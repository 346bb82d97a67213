"""Keys of a route beyond what `test_run.py` has of each."""

import pytest

from gateway.diff.change import Kind
from gateway.diff.keys import keys
from gateway.diff.seen import seen

WIDENS, NARROWS, CHANGES = Kind
API = """\
openapi: 3.1.0
info: {title: a, version: "1"}
paths: {/new: {get: {responses: {}}}, /old: {get: {responses: {}}}}
"""


@pytest.fixture
def told(stage, tmp_path):
    """What differs between two routes of one configuration."""
    folder = tmp_path / "configuration" / "policies"
    (folder / "schemas").mkdir(parents=True)
    (folder / "schemas" / "a.yaml").write_text(API)

    def compare(old, new, defaults="headers: none"):
        lines = [
            f"  - {{id: {id}, match: {{path: /{id}}}, auth: public, {said}}}\n"
            for id, said in (("old", old), ("new", new))
        ]
        made = seen(stage(f"defaults: {{{defaults}}}\nroutes:\n{''.join(lines)}"))
        return list(keys(made["old"], made["new"]))

    return compare


TO = "upstream: backend"
OPENAPI = f"{TO}, validate: {{openapi: schemas/a.yaml"


@pytest.mark.parametrize(
    ("old", "new", "kinds"),
    [
        pytest.param(TO, TO, [], id="alike"),
        pytest.param(f"{OPENAPI}, unknown_query: reject}}", f"{OPENAPI}}}", [WIDENS], id="unknown query"),
        pytest.param(f"{OPENAPI}}}", f"{OPENAPI}, unknown_query: reject}}", [NARROWS], id="known query"),
        pytest.param("respond: {status: 200}", "respond: {status: 204}", [CHANGES], id="fixed answer"),
        pytest.param("respond: {status: 200}", "redirect: {to: /a}", [CHANGES], id="two answers"),
        pytest.param(TO, "respond: {status: 200}", [NARROWS], id="no service"),
        pytest.param(
            f"{TO}, headers: {{preset: none, set: {{X-Frame-Options: DENY}}}}",
            f"{TO}, headers: {{preset: none, default: {{X-Frame-Options: DENY}}}}",
            [WIDENS],
            id="a field that the service may say",
        ),
        pytest.param(
            f"{TO}, headers: {{preset: none, set: {{X-Own: a}}}}",
            f"{TO}, headers: {{preset: none, set: {{X-Own: b}}}}",
            [CHANGES],
            id="a field that protects nobody",
        ),
        pytest.param(
            f"{TO}, headers: none",
            f"{TO}, headers: {{remove: [X-A], preset: none}}",
            [NARROWS],
            id="a field less",
        ),
        pytest.param(
            f'{TO}, csrf: "off"',
            f'{TO}, csrf: {{trusted: ["https://a.example"]}}',
            [NARROWS],
            id="csrf again",
        ),
        pytest.param(
            TO, f'{TO}, cors: {{allow_origins: ["https://a.example"]}}', [WIDENS], id="first origins"
        ),
        pytest.param(f"{TO}, report: [csrf]", f"{TO}, report: [cors]", [WIDENS, NARROWS], id="another trial"),
    ],
)
def test_keys_are_compared(told, old, new, kinds):
    assert set(kinds) == {change.kind for change in told(old, new)}


def test_a_document_that_is_the_same_is_no_difference(told):
    assert [] == told(f"{OPENAPI}}}", f"{OPENAPI}}}")
