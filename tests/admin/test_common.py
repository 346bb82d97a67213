"""Several workers tell together what one process tells alone, whichever of them is asked."""

import asyncio
import json
import logging
import shutil
import subprocess
from itertools import count, cycle

import orjson
import pytest
from prometheus_client import parser as plain
from prometheus_client.openmetrics import parser as openmetrics

from gateway.admin import common
from gateway.admin.common import Common
from gateway.outcome import Outcome
from gateway.telemetry.report import Ledger, supervisor_report

ACCEPT = "application/openmetrics-text; version=1.0.0"
ROUTES = """\
defaults: {auth: public}
routes:
  - {id: said, match: {path: /said}, respond: {status: 204}}
  - {id: all, match: {path: "/{rest...}"}, upstream: backend}
"""


class Workers:
    """What a supervisor does for the workers of a gateway, in one process."""

    def __init__(self):
        self.serving = {}
        self.deaths = 0
        self.ledger = Ledger(lambda: supervisor_report(2, self.deaths), count().__next__)
        # What else is answered, by question, and who says nothing.
        self.garbage = {}
        self.silent = set()
        self.asked = []

    async def reload(self):
        return Outcome("", False)

    async def ask(self, question, argument=b""):
        self.asked.append((question, argument))
        told = {
            number: await worker.answers[question](argument)
            for number, worker in self.serving.items()
            if number not in self.silent
        }
        answers = [*told.values()]
        if question == "metrics":
            for number, report in told.items():
                self.ledger.heard(number, report)
            answers = await self.ledger.reports(told)
        return [*answers, *self.garbage.get(question, [])]

    def die(self, number):
        del self.serving[number]
        self.ledger.gone(number)
        self.deaths += 1


@pytest.fixture
async def workers(serve):
    """Two workers of one gateway, by their numbers."""
    workers = Workers()
    for number in (0, 1):
        workers.serving[number] = await serve(policies=ROUTES, peers=workers)
    return workers


@pytest.fixture
def send(session, url):
    """Ask a worker so often; gives the ids of the requests."""

    async def send(worker, times=1):
        ids = []
        for _ in range(times):
            async with session.get(url(worker, "/said")) as response:
                ids.append(response.headers["X-Request-Id"])
        return ids

    return send


@pytest.fixture
def ask(session):
    """Ask the admin listener of a worker; gives the status and what was in the JSON."""

    async def ask(worker, path):
        async with session.get(f"http://{worker.admin.address}{path}") as response:
            return response.status, json.loads(await response.read())

    return ask


SAID = {"route": "said", "upstream": "", "operation": "", "method": "GET", "status": "204"}


async def test_the_page_of_any_worker_tells_of_all(workers, send, scrape):
    one, two = workers.serving.values()
    await send(one, times=3)
    await send(two, times=4)
    for worker, accept in ((one, ""), (two, ""), (one, ACCEPT), (two, ACCEPT)):
        found = await scrape(worker, accept)
        assert 7 == found.value("gateway_requests_total", **SAID)
        assert 7 == found.value("gateway_request_duration_seconds_count", route="said", upstream="")
        assert [2, 2, 0] == [
            found.value(name)
            for name in ("gateway_workers", "gateway_workers_configured", "gateway_worker_deaths_total")
        ]
        assert 1 == found.value("gateway_config_info", version=one.snapshot.version)


async def test_one_process_has_the_same_metrics_and_series(workers, serve, scrape):
    """What is asked of the page of one holds for that of several."""
    alone = await scrape(await serve(policies=ROUTES))
    assert alone.values.keys() == (await scrape(workers.serving[0])).values.keys()
    assert [1, 1, 0] == [
        alone.value(name)
        for name in ("gateway_workers", "gateway_workers_configured", "gateway_worker_deaths_total")
    ]


async def test_who_is_gone_is_still_counted(workers, send, scrape):
    one, two = workers.serving.values()
    await send(one, times=3)
    await send(two, times=4)
    assert 7 == (await scrape(one)).value("gateway_requests_total", **SAID)
    workers.die(1)
    await send(one)
    found = await scrape(one)
    assert 8 == found.value("gateway_requests_total", **SAID)
    assert (1, 1) == (found.value("gateway_workers"), found.value("gateway_worker_deaths_total"))


async def test_who_does_not_answer_is_still_counted_and_not_among_those_that_serve(workers, send, scrape):
    one, two = workers.serving.values()
    await send(two, times=4)
    await scrape(one)
    workers.silent = {1}
    found = await scrape(one)
    assert (4, 1) == (found.value("gateway_requests_total", **SAID), found.value("gateway_workers"))


@pytest.mark.parametrize(
    "garbage",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\xff{", id="bytes"),
        pytest.param(b'{"is_gone": false, "series": {"gateway_workers": 3}}', id="nonsense"),
        pytest.param(b"null", id="null"),
    ],
)
async def test_an_answer_that_is_none_breaks_no_page(workers, scrape, garbage):
    before = await scrape(workers.serving[0])
    workers.garbage["metrics"] = [garbage]
    assert before.values.keys() == (await scrape(workers.serving[0])).values.keys()


@pytest.mark.parametrize("accept", ["", ACCEPT])
async def test_where_nobody_answers_the_page_is_empty_and_sound(accept):
    class Nobody:
        async def ask(self, question, argument=b""):
            return []

    text, _ = await Common(Nobody(), True).metrics(accept)
    parser = openmetrics if accept else plain
    assert [] == [
        sample for family in parser.text_string_to_metric_families(text.decode()) for sample in family.samples
    ]


async def test_no_counter_goes_back_whichever_worker_is_asked_and_whoever_dies(workers, send, session):
    """Each page was made by another worker, with reports that are kept for a second."""
    one, two = workers.serving.values()
    sending = [asyncio.create_task(send(worker, times=200)) for worker in (one, two)]
    before = {}
    for asked, worker in enumerate(cycle([one, two])):
        ended = all(task.done() for task in sending)
        if asked == 10:
            workers.die(1)
        async with session.get(f"http://{worker.admin.address}/metrics") as response:
            text = await response.text()
        now = {
            (sample.name, frozenset(sample.labels.items())): sample.value
            for family in plain.text_string_to_metric_families(text)
            if family.type in ("counter", "histogram")
            for sample in family.samples
        }
        assert not [key for key, value in before.items() if now.get(key, -1) < value]
        before = now
        if ended and asked > 20:
            break
    await asyncio.gather(*sending)


async def test_the_same_reports_make_the_same_page(monkeypatch):
    """However many ask: nothing is put together anew."""
    made = []

    def put_together(kind, reports):
        made.append(reports)
        return b"%d" % len(made)

    monkeypatch.setattr(common, "put_together", put_together)

    class Unchanged:
        reports = (b"b", b"a")

        async def ask(self, question, argument=b""):
            return [*self.reports]

    workers = Unchanged()
    told = Common(workers, True)
    assert [b"1"] * 8 == [page for page, _ in await asyncio.gather(*[told.metrics("") for _ in range(8)])]
    workers.reports = (b"a", b"b")
    assert b"1" == (await told.metrics(""))[0]
    assert b"2" == (await told.metrics(ACCEPT))[0]
    workers.reports = (b"a", b"c")
    assert b"3" == (await told.metrics(ACCEPT))[0]
    assert [[b"a", b"b"], [b"a", b"b"], [b"a", b"c"]] == made


async def test_promtool_has_nothing_to_say_against_it(workers, send, scrape):
    if shutil.which("promtool") is None:
        pytest.skip("promtool is not installed")
    await send(workers.serving[1])
    workers.ledger.gone(2, await workers.serving[0].answers["metrics"](b""))
    text = (await scrape(workers.serving[0])).text
    told = await asyncio.to_thread(
        subprocess.run,
        ["promtool", "check", "metrics"],
        input=text.encode(),
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        check=False,
    )
    assert (0, b"") == (told.returncode, told.stdout)


async def test_a_decision_is_told_by_whoever_remembers_it(workers, send, ask):
    one, two = workers.serving.values()
    (request_id,) = await send(two)
    for worker in (one, two):
        status, told = await ask(worker, f"/decisions?request_id={request_id}")
        assert (200, request_id, "said") == (status, told["request_id"], told["route"])
    assert 404 == (await ask(one, f"/decisions?request_id={'0' * 32}"))[0]


async def test_so_is_what_became_of_a_request_line_by_line(workers, send, ask):
    one, two = workers.serving.values()
    (request_id,) = await send(two)
    status, told = await ask(one, f"/explain?request_id={request_id}")
    assert 200 == status
    assert request_id in json.dumps(told)


async def test_the_level_of_the_log_is_changed_in_all(workers, session):
    root = logging.getLogger()
    before = root.level
    url = f"http://{workers.serving[0].admin.address}/log-level"
    try:
        async with session.post(url, json={"level": "error"}, headers={"X-Gateway-Admin": "1"}) as response:
            assert (200, "error") == (response.status, (await response.json())["level"])
    finally:
        root.setLevel(before)
    assert [("log_level", b"error")] == workers.asked


async def test_the_last_decisions_are_those_of_all(workers, send, ask):
    one, two = workers.serving.values()
    ids = [request_id for worker in (one, two, one, two) for request_id in await send(worker, times=3)]
    status, told = await ask(one, "/decisions?limit=12")
    assert (200, {*ids}) == (status, {each["request_id"] for each in told})
    times = [each["time"] for each in told]
    assert sorted(times, reverse=True) == times
    assert 5 == len((await ask(two, "/decisions?limit=5"))[1])


async def test_the_same_questions_are_refused(workers, ask):
    for query in ("request_id=abc", "limit=201"):
        assert 400 == (await ask(workers.serving[0], f"/decisions?{query}"))[0]


async def test_upstreams_are_told_with_what_each_worker_thinks_of_them(workers, ask):
    one, two = workers.serving.values()
    (endpoint,) = one.upstreams["backend"].endpoints
    endpoint.ejected = True
    for worker in (one, two):
        (upstream,) = (await ask(worker, "/upstreams"))[1]
        (told,) = upstream["endpoints"]
        assert ("backend", "127.0.0.1:1") == (upstream["name"], told["address"])
        assert ("ejected", {"ejected": 1, "up": 1}) == (told["state"], told["workers"])


class Scripted:
    """Workers that answer what they are told to."""

    def __init__(self, *answers):
        self.answers = answers
        self.asked = []

    async def ask(self, question, argument=b""):
        self.asked.append((question, argument))
        return [each if isinstance(each, bytes) else orjson.dumps(each) for each in self.answers]


def endpoint(address="192.0.2.1:80", **told):
    usual = {"state": "up", "failures": 0, "addresses": [], "pending": 0}
    return {"address": address, **usual, "connections": 0, "idle": 0, "waiting": 0} | told


def upstream(*endpoints, name="a"):
    return {"name": name, "endpoints": [*endpoints]}


@pytest.mark.parametrize(
    ("states", "state"),
    [
        pytest.param(("up", "up"), "up", id="up where it is for all"),
        pytest.param(("up", "ejected"), "ejected", id="left out by one"),
        pytest.param(("unhealthy", "ejected", "up"), "unhealthy", id="worse than that is unhealthy"),
        pytest.param(("unhealthy", "asleep"), "asleep", id="a word of a newer version is not hidden"),
    ],
)
async def test_the_worst_state_is_told(states, state):
    workers = Scripted(*[[upstream(endpoint(state=each))] for each in states])
    ((told,),) = [each["endpoints"] for each in await Common(workers, True).upstreams()]
    assert state == told["state"]
    assert len(states) == sum(told["workers"].values())


async def test_numbers_of_an_endpoint_are_added_up():
    first = {"failures": 2, "pending": 1, "connections": 3, "idle": 2, "waiting": 0, "addresses": ["::1"]}
    other = {"failures": 1, "pending": 2, "connections": 4, "idle": 1, "waiting": 5}
    workers = Scripted([upstream(endpoint(**first))], [upstream(endpoint(**other, addresses=["::2", "::1"]))])
    ((told,),) = [each["endpoints"] for each in await Common(workers, True).upstreams()]
    assert {
        "address": "192.0.2.1:80",
        "state": "up",
        "failures": 2,
        "addresses": ["::1", "::2"],
        "pending": 3,
        "connections": 7,
        "idle": 3,
        "waiting": 5,
        "workers": {"up": 2},
    } == told


async def test_an_address_that_stands_there_twice_stays_two():
    twice = upstream(endpoint(pending=1), endpoint(pending=10))
    ((first, second),) = [
        each["endpoints"] for each in await Common(Scripted([twice], [twice]), True).upstreams()
    ]
    assert (2, 20) == (first["pending"], second["pending"])


async def test_while_configurations_change_upstreams_of_both_are_told():
    workers = Scripted([upstream(endpoint())], [upstream(endpoint(), name="b"), upstream(endpoint("c:1"))])
    told = await Common(workers, True).upstreams()
    assert [("a", ["192.0.2.1:80", "c:1"]), ("b", ["192.0.2.1:80"])] == [
        (each["name"], [endpoint["address"] for endpoint in each["endpoints"]]) for each in told
    ]


@pytest.mark.parametrize(
    "garbage",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\xff", id="bytes"),
        pytest.param({}, id="no list"),
        pytest.param([1], id="numbers"),
        pytest.param([{"name": "a"}], id="no endpoints"),
        pytest.param([upstream(endpoint(pending="1"))], id="text for a number"),
        pytest.param([upstream({"address": "a:1"})], id="an address alone"),
        pytest.param([upstream(endpoint()), upstream(None)], id="in one of two"),
    ],
)
async def test_an_answer_about_upstreams_that_is_none_is_left_out(garbage):
    sound = [upstream(endpoint(pending=1))]
    (told,) = await Common(Scripted(sound, garbage), True).upstreams()
    assert [1] == [each["pending"] for each in told["endpoints"]]


@pytest.mark.parametrize(
    "garbage",
    [
        pytest.param(b"[", id="a part"),
        pytest.param({"time": "2026"}, id="no list"),
        pytest.param([{}], id="without a time"),
        pytest.param([{"time": 2026}], id="with another kind of time"),
        pytest.param([{"time": "2026"}, 1], id="and something else"),
    ],
)
async def test_an_answer_about_decisions_that_is_none_is_left_out(garbage):
    sound = [{"time": "2025", "request_id": "a"}]
    told = Common(Scripted(garbage, sound), True)
    assert sound == await told.decisions(5)
    assert sound[0] == await told.decision("a")


async def test_of_several_with_the_same_id_the_last_one_is_told():
    workers = Scripted([{"time": "1", "id": "a"}], [{"time": "3", "id": "b"}], [{"time": "2", "id": "c"}])
    assert "b" == (await Common(workers, True).decision("0"))["id"]
    assert [("decisions", b'{"request_id":"0"}')] == workers.asked


async def test_all_are_told_from_which_level_on_to_tell():
    workers = Scripted()
    await Common(workers, True).set_log_level("debug")
    assert [("log_level", b"debug")] == workers.asked
