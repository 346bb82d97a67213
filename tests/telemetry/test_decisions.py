"""The record forgets the oldest, and says of each policy what can be concluded from the line."""

import json

import pytest

from gateway.telemetry.decisions import Decisions, verdicts

POLICIES = [("cors", "a:1"), ("quota", "a:2"), ("auth", "a:3"), ("quota", "a:4")]
TOLD = {
    "method": "GET",
    "decision": "passed",
    "policy": "",
    "source": "",
    "reason": "",
    "reported": [],
    "attempts": 1,
}


def line(number, **said):
    head = '{"type":"access","time":"2026-11-25T19:15:30.123Z",'
    return f'{head}"request_id":"{number:032x}",{json.dumps(TOLD | said)[1:]}\n'.encode()


def ids(told):
    return [int(one["request_id"], 16) for one in told]


@pytest.fixture
def decisions():
    return Decisions(3)


async def test_nothing_is_remembered_at_first(decisions):
    assert ([], None) == (decisions.newest(3), await decisions.find("0" * 32))


@pytest.mark.parametrize(
    ("kept", "limit", "expected"),
    [
        pytest.param(2, 3, [1, 0], id="fewer than there is room for"),
        pytest.param(3, 3, [2, 1, 0], id="as many"),
        pytest.param(4, 3, [3, 2, 1], id="more: the oldest is forgotten"),
        pytest.param(8, 3, [7, 6, 5], id="many more"),
        pytest.param(8, 2, [7, 6], id="not all of them"),
        pytest.param(8, 9, [7, 6, 5], id="more than there are"),
    ],
)
async def test_the_last_ones_are_told(decisions, kept, limit, expected):
    for number in range(kept):
        decisions.keep(line(number), None)
    assert expected == ids(decisions.newest(limit))
    found = [number for number in range(kept) if await decisions.find(f"{number:032x}")]
    assert sorted(ids(decisions.newest(3))) == found


async def test_the_last_of_several_with_one_id_is_found(decisions):
    decisions.keep(line(1, status=200), None)
    decisions.keep(line(1, status=503), None)
    assert 503 == (await decisions.find(f"{1:032x}"))["status"]


async def test_an_id_counts_only_in_its_place(decisions):
    """A client can write anything into a path, but not to the front of a line."""
    decisions.keep(line(1, path=f'"request_id":"{7:032x}",'), None)
    assert await decisions.find(f"{7:032x}") is None


async def test_many_are_looked_through_in_turns():
    """Others are served meanwhile."""
    decisions = Decisions(10_000)
    decisions.keep(line(1), None)
    for number in range(2, 10_000):
        decisions.keep(line(number), None)
    assert 1 == ids([await decisions.find(f"{1:032x}")])[0]


@pytest.mark.parametrize(
    ("said", "answers", "expected"),
    [
        pytest.param({}, False, ["passed"] * 4, id="all agreed"),
        pytest.param(
            {"policy": "auth", "source": "a:3", "attempts": 0},
            False,
            ["passed", "passed", "refused", "not_asked"],
            id="one refused",
        ),
        pytest.param(
            {"policy": "quota", "source": "a:2", "attempts": 0},
            False,
            ["passed", "refused", "not_asked", "not_asked"],
            id="one of two with its name refused",
        ),
        pytest.param(
            {"policy": "quota", "source": "a:2", "attempts": 1},
            False,
            ["passed", "refused", "passed", "passed"],
            id="one refused when all had agreed: a body grew too large",
        ),
        pytest.param({"policy": "upstream", "attempts": 0}, False, ["passed"] * 4, id="no endpoint is there"),
        pytest.param({"policy": "route", "attempts": 0}, True, ["passed"] * 4, id="the route says no"),
        pytest.param({"decision": "answered", "attempts": 0}, True, ["passed"] * 4, id="the route answers"),
        pytest.param(
            {"decision": "answered", "attempts": 0, "method": "OPTIONS"},
            True,
            ["unknown"] * 4,
            id="a preflight, which a policy answers",
        ),
        pytest.param({"decision": "answered", "attempts": 0}, False, ["unknown"] * 4, id="a policy answers"),
        pytest.param(
            {"decision": "aborted", "attempts": 0}, False, ["unknown"] * 4, id="the client left first"
        ),
        pytest.param({"policy": "gateway", "attempts": 0}, False, ["unknown"] * 4, id="a policy failed"),
        pytest.param(
            {"reported": [["cors", "origin_denied"]], "policy": "auth", "source": "a:3", "attempts": 0},
            False,
            ["reported", "passed", "refused", "not_asked"],
            id="one is on trial",
        ),
    ],
)
def test_each_policy_has_a_verdict(said, answers, expected):
    assert expected == verdicts(POLICIES, TOLD | said, answers)
