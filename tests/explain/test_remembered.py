"""Requests that are over, as the decision record tells of them."""

import pytest

from gateway.explain.remembered import passes, remembered, remembered_text
from gateway.explain.text import Ink

TOLD = {
    **{"request_id": "0" * 32, "time": "2027-01-15T08:00:00.000Z", "client": "192.0.2.1", "method": "GET"},
    **{"host": "a.example", "path": "/api/bills", "query": "?a=1", "status": 403, "route": "bills"},
    **{"principal": "thandi", "roles": ["student"], "decision": "refused", "policy": "allow"},
    **{"reason": "missing_permission", "source": "p.yaml:6", "reported": [], "upstream": "backend"},
    **{"endpoint": "", "attempts": 0},
    "policies": [
        {"name": "limits", "source": "g.yaml:1", "verdict": "passed"},
        {"name": "auth", "source": "p.yaml:6", "verdict": "passed"},
        {"name": "allow", "source": "p.yaml:6", "verdict": "refused"},
    ],
}


@pytest.fixture
def explained(made):
    """The explanation of TOLD with something else in it."""
    return lambda **other: remembered({**TOLD, "config_version": made.specs.version, **other}, made.specs)


def rows(said):
    return [tuple(step.values()) for step in said["steps"]]


def test_each_policy_has_its_verdict_reason_and_line(explained):
    said = explained()
    assert [
        ("limits", "passed", None, "g.yaml:1"),
        ("auth", "passed", None, "p.yaml:6"),
        ("allow", "refused", "missing_permission", "p.yaml:6"),
    ] == rows(said)
    assert ("refused", 403, "missing_permission", {"step": "allow", "source": "p.yaml:6"}) == (
        *(said["verdict"], said["status"], said["reason"]),
        said["decided_by"],
    )


def test_what_the_route_was_told_is_there_while_the_same_configuration_serves(explained):
    said = explained()
    (allow,) = [key for key in said["policy"] if key["key"] == "allow"]
    assert {"permissions": ["bills:read"]} == allow["value"]
    assert ([], "bills") == (said["hints"], said["route"])


def test_of_another_configuration_only_what_was_decided_is_known(explained):
    said = explained(config_version="0123456789ab")
    assert [] == said["policy"]
    assert "The configuration was 0123456789ab then" in said["hints"][0]


@pytest.mark.parametrize(
    ("other", "last"),
    [
        pytest.param(
            {"decision": "passed", "policy": "", "reason": "", "source": "", "attempts": 1},
            ("upstream", "passed", None, None),
            id="it passed",
        ),
        pytest.param(
            {"decision": "failed", "policy": "upstream", "reason": "upstream_refused", "source": ""},
            ("upstream", "failed", "upstream_refused", None),
            id="the backend was not there",
        ),
        pytest.param(
            {"decision": "refused", "policy": "wire", "reason": "bad_path", "source": "", "policies": []},
            ("wire", "refused", "bad_path", None),
            id="it was no request",
        ),
        pytest.param(
            {"decision": "refused", "policy": "route", "reason": "no_route", "source": "g.yaml:7"},
            ("route", "refused", "no_route", "g.yaml:7"),
            id="no route takes it",
        ),
        pytest.param(
            {"decision": "answered", "policy": "", "reason": "", "source": ""},
            ("allow", "refused", None, "p.yaml:6"),
            id="nobody else had a say",
        ),
    ],
)
def test_who_ended_it_is_the_last_step(explained, other, last):
    assert last == rows(explained(**other))[-1]


def test_what_is_on_trial_is_told_with_its_reason(explained):
    policies = [
        {"name": "quota", "source": "p.yaml:1", "verdict": "reported"},
        {"name": "csrf", "source": "p.yaml:2", "verdict": "not_asked"},
        {"name": "allow", "source": "p.yaml:3", "verdict": "unknown"},
    ]
    said = explained(policies=policies, reported=[["quota", "quota_exceeded"]])
    assert [
        ("quota", "on trial", "quota_exceeded", "p.yaml:1"),
        ("csrf", "not asked", None, "p.yaml:2"),
        ("allow", "unknown", None, "p.yaml:3"),
    ] == rows(said)


@pytest.mark.parametrize("route", ["_unmatched", "_method_not_allowed"])
def test_what_no_route_takes_has_the_defaults(explained, route):
    assert "headers" in [key["key"] for key in explained(route=route)["policy"]]


def test_what_could_not_be_read_has_no_keys(explained):
    assert [] == explained(route="_unreadable")["policy"]


@pytest.mark.parametrize(
    ("decision", "is_passing"),
    [("passed", True), ("answered", True), ("refused", False), ("failed", False), ("aborted", False)],
)
def test_what_passed_or_was_answered_passes(explained, decision, is_passing):
    assert is_passing == passes(explained(decision=decision))


def test_people_read_steps_first_then_what_decided(explained):
    lines = remembered_text(explained(), Ink(False)).splitlines()
    assert [
        "GET a.example/api/bills?a=1  from 192.0.2.1 at 2027-01-15T08:00:00.000Z, as thandi:student",
        "",
        "  limits  passed                       g.yaml:1",
        "  auth    passed                       p.yaml:6",
        "  allow   refused  missing_permission  p.yaml:6",
        "",
        "Refused: 403 missing_permission by allow at p.yaml:6",
        "  allow: {permissions: [bills:read]}",
        "",
        "The route bills",
    ] == lines[:10]
    assert any(line.startswith("  auth ") for line in lines[10:])


@pytest.mark.parametrize(
    ("other", "expected"),
    [
        pytest.param(
            {"decision": "passed", "status": 200, "policy": "", "reason": "", "source": "", "attempts": 1},
            "Passed: 200 by backend",
            id="it passed",
        ),
        pytest.param(
            {"decision": "answered", "status": 204, "policy": "", "reason": "", "source": ""},
            "Answered: 204",
            id="it was answered",
        ),
        pytest.param(
            {"decision": "aborted", "status": 499, "policy": "", "reason": "", "source": ""},
            "Aborted: 499",
            id="its client left",
        ),
    ],
)
def test_how_it_ended_is_one_line(explained, other, expected):
    assert expected in remembered_text(explained(**other), Ink(False)).splitlines()


def test_nothing_orders_a_terminal_about(explained):
    """What a client sent may hold anything."""
    text = remembered_text(explained(path="/\x1b[2J\x07", principal="a\x9b1m"), Ink(False))
    assert {"\x1b", "\x07", "\x9b"}.isdisjoint(text)


def test_what_was_no_request_has_no_url(explained):
    other = {"method": "", "host": "", "path": "", "query": "", "principal": "", "policies": []}
    text = remembered_text(
        explained(**other, policy="wire", reason="bad_path", route="_unreadable"), Ink(False)
    )
    assert text.startswith("What was no request  from 192.0.2.1 at ")
