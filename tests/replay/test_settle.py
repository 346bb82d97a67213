"""Does OLD decide as the log says? Only then is anything concluded from it."""

import pytest

from gateway.replay.recorded import recorded
from gateway.replay.settle import Fact, Refusal, settle

NOBODY = {"principal": "", "roles": []}


@pytest.fixture
def settled(sides, line):
    def find(members):
        old, _ = sides()
        asked = recorded(line(**members)).asked
        return settle(asked, old.rehearse(asked, old.fields_of(asked.route)))

    return find


def test_what_passed_passed_every_step(settled):
    found = settled({})
    assert "bank" == found.decision.upstream
    assert {"quota": Fact(None), "auth": Fact(None)} == dict(found.facts)


def test_the_log_is_believed_of_what_only_it_can_know(settled, refused):
    found = settled(refused("quota", "quota_exceeded", 429, **NOBODY))
    assert ("quota", "quota_exceeded", 429) == (
        *(found.decision.step, found.decision.reason, found.decision.status),
    )
    assert {"quota": Fact(Refusal("quota_exceeded", 429))} == dict(found.facts)


def test_a_quota_that_refused_somebody_stands_behind_authentication(settled, refused):
    found = settled(refused("quota", "quota_exceeded", 429))
    assert {"auth": Fact(None), "quota": Fact(Refusal("quota_exceeded", 429))}.items() <= dict(
        found.facts
    ).items()


@pytest.mark.parametrize(
    "members",
    [
        pytest.param({"roles": []}, id="passed, without a role that permits it"),
        pytest.param({"route": "pay"}, id="another route"),
        pytest.param(NOBODY, id="passed, without a principal where one is needed"),
        pytest.param({"decision": "answered", "attempts": 0}, id="answered, by a route with a service"),
        pytest.param({"client": "10.1.0.1"}, id="passed, from an address that may not ask"),
        pytest.param({"path": "/a//b"}, id="a path that is not read"),
        pytest.param(
            {"path": "/old", "route": "old", "decision": "answered", "attempts": 0, "status": 301},
            id="another status",
        ),
    ],
)
def test_what_is_not_as_the_log_says(settled, members):
    assert settled(members) is None


@pytest.mark.parametrize(
    ("policy", "reason"),
    [
        pytest.param("allow", "missing_permission", id="whose roles permit it"),
        pytest.param("clients", "address_denied", id="whose address may ask"),
        pytest.param("route", "no_route", id="that has a route"),
        pytest.param("invented", "word", id="by a step that there is not"),
    ],
)
def test_a_refusal_that_is_not_repeated(settled, refused, policy, reason):
    assert settled(refused(policy, reason)) is None
