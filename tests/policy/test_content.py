import json

import pytest

from gateway.policy import Reason
from gateway.policy.content import NO_FORM, NO_JSON, FormContent, JsonContent
from gateway.policy.json_schema import compile_schema
from gateway.policy.parameters import parameters

SCHEMA = {
    "type": "object",
    "properties": {"a": {"type": "integer"}, "b/ü": {"type": "string"}},
    "required": ["a"],
    "additionalProperties": False,
}


@pytest.fixture
def json_content():
    return JsonContent(compile_schema(SCHEMA))


@pytest.fixture
def form():
    return FormContent(parameters(SCHEMA, SCHEMA), compile_schema(SCHEMA))


def told(reply):
    return json.loads(reply.body.fill(b"0" * 32))


def test_a_body_that_the_schema_admits_passes(json_content, form):
    assert (None, None) == (json_content.judge(b'{"a": 1}'), form.judge(b"a=1&b%2F%C3%BC=x"))


def test_a_body_of_the_wrong_form_is_told_where(json_content):
    reply = json_content.judge('{"b/ü": 7}'.encode())
    assert (422, Reason.INVALID_BODY, False) == (reply.status, reply.reason, reply.closes)
    assert {
        "type": "about:blank",
        "title": "Unprocessable Content",
        "status": 422,
        "detail": "The body does not have the expected form.",
        "reason": "invalid_body",
        "request_id": "0" * 32,
        "errors": [
            {"pointer": "#/b~1%C3%BC", "detail": "has the wrong type"},
            {"pointer": "#/a", "detail": "is required"},
        ],
    } == told(reply)


def test_a_form_is_told_where_too(form):
    assert [{"pointer": "#/a", "detail": "has the wrong type"}] == told(form.judge(b"a=x"))["errors"]


@pytest.mark.parametrize(
    "raw",
    [
        pytest.param(b'{"a": "SECRET"}', id="a value"),
        pytest.param(b'{"a": 1, "SECRET": 2}', id="a name"),
        pytest.param(b'{"a": {"SECRET": ["SECRET"]}}', id="inside"),
    ],
)
def test_nothing_of_the_body_is_told(json_content, raw):
    reply = json_content.judge(raw)
    assert 422 == reply.status
    assert b"SECRET" not in reply.body.fill(b"") + reply.html.fill(b"")


def test_what_cannot_be_read_gets_a_constant(json_content, form):
    assert NO_JSON is json_content.judge(b'{"a": 1, "a": 2}')
    assert NO_FORM is form.judge(b"a=%FF")
    assert (
        (400, Reason.MALFORMED_BODY) == (NO_JSON.status, NO_JSON.reason) == (NO_FORM.status, NO_FORM.reason)
    )


def test_without_a_schema_any_json_passes():
    content = JsonContent(None)
    assert (None, NO_JSON) == (content.judge(b"[1]"), content.judge(b"[1"))


def test_a_body_with_very_many_faults_has_a_short_answer(json_content):
    """Nor does it take long: one fault is told of what has too many parts."""
    content = JsonContent(compile_schema({"items": {"type": "integer"}}))
    assert 1 == len(told(content.judge(b'["x"' + b',"x"' * 60_000 + b"]"))["errors"])
    assert 10 == len(told(content.judge(b'["x"' + b',"x"' * 100 + b"]"))["errors"])
