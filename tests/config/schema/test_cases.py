import pytest
from pydantic import ValidationError

from gateway.config.schema.cases import CasesSpec, ExpectSpec

REQUEST = {"path": "/a"}
PASSES = {"upstream": "pay"}
CASE = {"name": "a", "request": REQUEST, "expect": PASSES}


def cases(*given, **more):
    return CasesSpec.model_validate({"cases": list(given), **more})


def test_what_is_not_said_is_a_plain_request_of_a_stranger():
    (case,) = cases(CASE).cases
    request = case.request
    assert ("GET", "/a", "localhost", {}, "192.0.2.1", 1) == (
        *(request.method, request.path, request.host),
        *(request.headers, request.client, request.listener),
    )
    assert (None, 1, False) == (case.as_, case.times, case.stays)


def test_a_file_says_what_time_it_is():
    assert 1_767_225_600 == cases().now
    assert 1_800_000_000 == cases(now="2027-01-15T08:00:00Z").now


def test_a_field_may_have_several_lines():
    (case,) = cases(CASE | {"request": REQUEST | {"headers": {"A": "1", "B": ["2", "3"]}}}).cases
    assert {"A": "1", "B": ("2", "3")} == case.request.headers


@pytest.mark.parametrize(
    ("expected", "value"),
    [(True, True), (False, False), ("true", "true"), ("", "")],
    ids=["there", "not there", "a text that is a word for true", "an empty text"],
)
def test_a_field_is_there_is_not_or_has_a_value(expected, value):
    assert expected == ExpectSpec(upstream="pay", response_fields={"X": value}).response_fields["X"]


@pytest.mark.parametrize(
    ("case", "message"),
    [
        pytest.param(
            CASE | {"as": "a", "token": "b"}, "expected one of as and token, got both", id="two who ask"
        ),
        pytest.param(
            {"name": "a", "request": REQUEST}, "expected request and expect together", id="no verdict"
        ),
        pytest.param({"name": "a"}, "expected one of request and steps", id="nothing to ask"),
        pytest.param(
            CASE | {"steps": [{"request": REQUEST, "expect": PASSES}]},
            "expected one of request and steps",
            id="two things to ask",
        ),
        pytest.param(
            {"name": "a", "steps": [{"advance": "1s"}]},
            "expected at least one step with a request",
            id="only time passes",
        ),
        pytest.param(
            {"name": "a", "steps": [{"request": REQUEST, "expect": PASSES}, {"times": 2}]},
            "expected a request or advance in each step",
            id="a step with nothing in it",
        ),
        pytest.param(
            {"name": "a", "times": 2, "steps": [{"request": REQUEST, "expect": PASSES}]},
            "expected advance, times and stays in the steps",
            id="times of several steps",
        ),
        pytest.param(
            CASE | {"request": REQUEST | {"body": "a", "json": {}}},
            "expected one of body and json, got both",
            id="two bodies",
        ),
        pytest.param(
            CASE | {"expect": {"route": "a"}},
            "expected upstream, status or reason: what becomes of the request",
            id="not what becomes of it",
        ),
        pytest.param(
            CASE | {"expect": PASSES | {"status": 403}},
            "expected upstream, or status and reason: it passes, or it does not",
            id="both of what cannot be",
        ),
        pytest.param(
            CASE | {"expect": {"status": 403, "path": "/a"}},
            "expected path and upstream_fields beside upstream only",
            id="a head that nobody sees",
        ),
        pytest.param(
            CASE | {"expect": {"reason": "missing_roll"}},
            'a word of docs/reasons.md (did you mean "missing_role"?)',
            id="a reason that there is not",
        ),
        pytest.param(
            CASE | {"expect": {"reason": "zzz"}}, "a word of docs/reasons.md", id="a reason like none"
        ),
    ],
)
def test_what_makes_no_sense_is_refused(case, message):
    with pytest.raises(ValidationError) as raised:
        cases(case)
    assert any(error["msg"].endswith(message) for error in raised.value.errors())


def test_a_token_is_not_shown():
    (case,) = cases(CASE | {"token": "a.b.c"}).cases
    assert "a.b.c" not in repr(case)
