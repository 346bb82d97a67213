"""The JSON that programs read: its members stay."""

import json

import pytest

from gateway.explain.record import record

MEMBERS = [
    *("request", "verdict", "status", "reason", "decided_by", "steps", "route", "policy"),
    *("upstream", "response", "answer", "hints", "config_version"),
]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        pytest.param("GET /api/open/1", ("passed", None, None, "upstream"), id="passed"),
        pytest.param("GET /api/moved", ("answered", 308, None, "route"), id="answered"),
        pytest.param("GET /api/bills", ("refused", 401, "no_credentials", "auth"), id="refused"),
        pytest.param("GET //", ("refused", 400, "bad_path", "wire"), id="never read"),
        pytest.param("GET /nowhere", ("refused", 404, "no_route", "route"), id="no route"),
        pytest.param(
            "GET /api/bills --token eyJhbGciOiJSUzI1NiJ9.e30.AAAA",
            ("unknown", None, "keys_unavailable", "auth"),
            id="unknown",
        ),
    ],
)
def test_members_are_always_there(told, line, expected):
    made = json.loads(json.dumps(record(told(line))))
    assert MEMBERS == list(made)
    assert expected == (made["verdict"], made["status"], made["reason"], made["decided_by"]["step"])


def test_what_passes_has_an_upstream_and_no_answer(told):
    made = record(told("GET /api/open/7"))
    assert ("backend", "GET /open/7 HTTP/1.1") == (made["upstream"]["name"], made["upstream"]["request_line"])
    assert (None, {"id": "7"}) == (made["answer"], made["route"]["variables"])
    assert {"set", "default", "add", "remove"} == made["response"].keys()


def test_what_is_refused_has_an_answer_and_no_upstream(told):
    made = record(told("GET /api/bills --as thandi"))
    assert (None, None) == (made["upstream"], made["response"])
    assert "missing_permission" == made["answer"]["body"]["reason"]
    assert {"key": "auth", "value": "remote"} == {
        name: value
        for each in made["policy"]
        if each["key"] == "auth"
        for name, value in each.items()
        if name != "source"
    }


def test_each_step_says_the_same_five_things(told):
    steps = record(told("GET /api/bills --as thandi"))["steps"]
    assert {("step", "verdict", "reason", "source", "note")} == {tuple(step) for step in steps}
    assert ["passed", "passed", "passed", "passed", "assumed", "refused", "not asked"] == [
        step["verdict"] for step in steps
    ]


def test_a_text_that_is_no_problem_stays_one(stage, said):
    from gateway.explain.question import question
    from gateway.explain.report import report

    made = stage("routes: [{id: a, match: {path: /a}, respond: {body: '{'}, auth: public}]\n")
    assert "{" == record(report(made, question(said("GET /a"), made.snapshot.listeners)))["answer"]["body"]
