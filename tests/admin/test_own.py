"""What one of several workers answers to the others."""

import logging

import orjson
import pytest

from gateway.peers import Question
from gateway.telemetry.report import families

ROUTES = "routes: [{id: said, match: {path: /said}, respond: {status: 204}, auth: public}]"


@pytest.fixture
def gateway(serve):
    return lambda more="": serve(policies=ROUTES, more=more)


@pytest.fixture
def asked(session, url):
    """Have requests counted; gives their ids."""

    async def asked(gateway, times):
        ids = []
        for _ in range(times):
            async with session.get(url(gateway, "/said")) as response:
                ids.append(response.headers["X-Request-Id"])
        return ids

    return asked


async def answer(gateway, question, **argument):
    return orjson.loads(await gateway.answers[question](orjson.dumps(argument)))


async def test_every_question_has_an_answer(gateway):
    assert {*Question.__args__} == {*(await gateway()).answers}


async def test_metrics_are_a_report(gateway, asked):
    gateway = await gateway()
    await asked(gateway, 2)
    counted = {
        sample.labels["status"]: sample.value
        for family in families([await gateway.answers["metrics"](b"")])
        for sample in family.samples
        if sample.name == "gateway_requests_total" and sample.labels["route"] == "said"
    }
    assert {"204": 2} == counted


async def test_a_report_is_kept_for_a_second_and_then_made_anew(gateway, asked):
    gateway = await gateway()
    now = gateway.page._monotonic()
    gateway.page._monotonic = lambda: now
    first = await gateway.answers["metrics"](b"")
    await asked(gateway, 1)
    assert first == await gateway.answers["metrics"](b"")
    now += 1.0
    assert first != await gateway.answers["metrics"](b"")


async def test_decisions_are_told_by_id_or_by_number(gateway, asked):
    gateway = await gateway()
    ids = await asked(gateway, 3)
    assert [ids[1]] == [one["request_id"] for one in await answer(gateway, "decisions", request_id=ids[1])]
    assert ids[:0:-1] == [one["request_id"] for one in await answer(gateway, "decisions", limit=2)]
    assert [] == await answer(gateway, "decisions", request_id="0" * 32)


async def test_without_a_record_nothing_is_remembered(gateway, asked):
    gateway = await gateway("telemetry: {decisions: 0}")
    (request_id,) = await asked(gateway, 1)
    assert [] == await answer(gateway, "decisions", request_id=request_id)
    assert [] == await answer(gateway, "decisions", limit=5)


async def test_upstreams_are_those_of_the_admin_listener(gateway, session):
    gateway = await gateway()
    async with session.get(f"http://{gateway.admin.address}/upstreams") as response:
        assert await response.json() == await answer(gateway, "upstreams")


@pytest.fixture
def root():
    """The logger whose level is that of all, which stays as it was."""
    root = logging.getLogger()
    level = root.level
    yield root
    root.setLevel(level)


async def test_the_log_tells_from_the_level_on_that_all_are_given(gateway, root):
    gateway = await gateway()
    assert b"" == await gateway.answers["log_level"](b"error")
    assert logging.ERROR == root.level
    with pytest.raises(ValueError, match="expected one of"):
        await gateway.answers["log_level"](b"loud")
    assert logging.ERROR == root.level
