"""Questions to a running gateway: what would become of a request, and what became of one."""

import asyncio
import json
import threading
from concurrent.futures import Future

import pytest

from gateway.admin import answers, explain, site
from gateway.cli import main
from gateway.explain.rehearsals import Rehearsals

POLICIES = """\
defaults: {upstream: backend}
tiers: {few: {limit: 2/1h, key: address}}
roles: {clerk: {permissions: ["bills:read"]}}
routes:
  - {id: few, match: {path: /few}, auth: public, quota: [few]}
  - {id: bills, match: {path: /bills}, auth: other, allow: {permissions: ["bills:read"]}}
  - {id: tried, match: {path: /tried}, auth: public, clients: {deny: [127.0.0.0/8]}, report: [clients]}
  - {id: closed, match: {path: /closed}, auth: public, clients: {deny: [127.0.0.0/8]}}
  - {id: secretive, match: {path: /secretive}, auth: public, request_headers: {set: {X-Key: a-secret}}}
"""
MORE = """\
issuers: {other: {issuer: "http://127.0.0.1:1", discovery: true, audience: [api]}}
"""
QUESTION = {"method": "GET", "url": "/bills", "principal": {"subject": "thandi", "roles": ["clerk"]}}


@pytest.fixture
async def gateway(guarded):
    return await guarded(policies=POLICIES, more=MORE)


@pytest.fixture
def ask(gateway, tell):
    """POST a question; gives the status and what the JSON says."""

    async def ask(*said, raw=None, **more):
        body = json.dumps(said[0]).encode() if said else raw
        status, _, told = await tell(gateway, "/explain", "POST", data=body, **more)
        return status, told

    return ask


@pytest.fixture
def passed(gateway, session, url):
    """Send requests to the gateway itself; gives their ids."""

    async def send(*paths):
        ids = []
        for path in paths:
            async with session.get(url(gateway, path)) as response:
                ids.append(response.headers["X-Request-Id"])
        return ids

    return send


async def test_it_answers_as_the_command_does(ask, tmp_path, capsys):
    """The same record, member by member, where nothing is a secret."""
    status, told = await ask(QUESTION)
    path = tmp_path / "configuration" / "gateway.yaml"
    await asyncio.to_thread(
        main, ["explain", "GET", "/bills", "--as", "thandi:clerk", "--format", "json", "--config", str(path)]
    )
    expected = json.loads(capsys.readouterr().out)
    assert 200 == status
    assert expected.keys() == told.keys()
    same = (
        "request",
        "verdict",
        "status",
        "reason",
        "decided_by",
        "steps",
        "route",
        "response",
        "answer",
        "hints",
    )
    assert {name: expected[name] for name in same} == {name: told[name] for name in same}


async def test_it_is_answered_by_what_serves(gateway, ask, snapshot):
    """Whatever the files say by now, and another one as soon as it serves."""
    version = gateway.snapshot.version
    other = snapshot(POLICIES.replace("/bills", "/invoices"), more=MORE)
    _, told = await ask(QUESTION)
    assert ("passed", version) == (told["verdict"], told["config_version"])
    gateway.proxy.adopt(other, gateway.upstreams, b"gateway")
    _, told = await ask(QUESTION)
    assert ("no_route", other.version) == (told["reason"], told["config_version"])


async def test_no_bucket_of_a_client_is_touched(ask, gateway, session, url):
    """Whoever asks takes nothing from those who are asked about, nor the other way round."""
    few = {"url": "/few", "client": "127.0.0.1"}
    assert ["passed"] * 5 == [(await ask(few))[1]["verdict"] for _ in range(5)]
    statuses = []
    for _ in range(3):
        async with session.get(url(gateway, "/few")) as response:
            statuses.append(response.status)
    assert [502, 502, 429] == statuses
    assert "passed" == (await ask(few))[1]["verdict"]


async def test_no_issuer_is_asked(ask):
    """Whether a token would be taken is not known here, and it is said who would know."""
    status, told = await ask({"url": "/bills", "token": "eyJhbGciOiJSUzI1NiJ9.e30.AAAA"})
    assert (200, "unknown") == (status, told["verdict"])


async def test_no_secret_is_told(ask):
    told = (await ask({"url": "/secretive"}))[1]
    assert ("passed", "***") == (told["verdict"], dict(told["upstream"]["fields"])["X-Key"])
    assert "a-secret" not in json.dumps(told)


@pytest.mark.parametrize(
    ("question", "key"),
    [
        pytest.param({}, "url", id="no URL"),
        pytest.param({"url": "/", "metod": "GET"}, "metod", id="a key that there is not"),
        pytest.param({"url": "/", "listener": 7}, "listener", id="a listener that there is not"),
        pytest.param({"url": "/bills", "principal": {"subject": "a\nb"}}, "principal", id="nobody"),
        pytest.param({"url": "/", "fields": {"A": "b\r\nC: d"}}, "fields.A", id="two fields in one"),
        pytest.param([], "mapping", id="a list"),
    ],
)
async def test_a_bad_question_is_told_with_its_key(ask, question, key):
    status, told = await ask(question)
    assert (422, 422) == (status, told["status"])
    assert key in told["detail"]
    assert all({"key", "message"} == problem.keys() for problem in told["problems"])


@pytest.mark.parametrize(
    "raw", [b"", b"{", b"\xff", b'{"url": "\\ud800"}'], ids=["none", "cut", "bytes", "half"]
)
async def test_what_is_no_json_is_no_question(ask, raw):
    status, told = await ask(raw=raw)
    assert (422, "expected JSON in UTF-8, each name once") == (status, told["detail"])


async def test_of_many_things_that_are_wrong_some_are_told(ask):
    """And all of them are found beside the requests."""
    status, told = await ask({"url": "/", **{f"key{number}": 1 for number in range(1000)}})
    assert (422, 20) == (status, len(told["problems"]))


async def test_a_question_is_no_larger_than_it_may_be(ask):
    question = {"url": "/", "body": "x" * answers.BODY_AT_MOST}
    status, told = await ask(question)
    assert (413, 413) == (status, told["status"])
    assert 200 == (await ask({"url": "/", "body": "x" * (answers.BODY_AT_MOST - 1000)}))[0]


@pytest.mark.parametrize(
    ("fields", "status"),
    [
        pytest.param({"X-Gateway-Admin": "1"}, 401, id="without the token"),
        pytest.param({"Authorization": "Bearer test-token"}, 403, id="as a form could send it"),
        pytest.param(
            {"Authorization": "Bearer test-token", "X-Gateway-Admin": "1", "Host": "evil.example"},
            *(421,),
            id="to another name",
        ),
    ],
)
async def test_not_everybody_may_ask(ask, fields, status):
    assert status == (await ask(QUESTION, fields=fields))[0]


async def test_only_so_many_wait_and_nobody_for_ever(ask, monkeypatch):
    """Whoever gave up has left his question behind: it counts until it is answered."""
    begun, go_on = threading.Event(), threading.Event()

    def slow(self, question, specs):
        begun.set()
        assert go_on.wait(10)
        return {}

    monkeypatch.setattr(Rehearsals, "ask", slow)
    monkeypatch.setattr(explain, "_ANSWERED_WITHIN", 0.05)
    monkeypatch.setattr(explain, "_ASKED_AT_MOST", 1)
    try:
        assert (503, "The answer takes too long.") == _why(await ask(QUESTION))
        assert begun.is_set()
        assert (503, "Too many ask for this at a time.") == _why(await ask(QUESTION))
    finally:
        go_on.set()
    monkeypatch.setattr(explain, "_ANSWERED_WITHIN", 10.0)
    async with asyncio.timeout(10):
        while (await ask(QUESTION))[0] != 200:
            pass


def _why(answer):
    status, told = answer
    return status, told["detail"]


async def test_questions_are_answered_beside_the_requests(ask, monkeypatch):
    """By another thread than that of the loop."""
    threads = []

    def noted(self, question, specs):
        threads.append(threading.get_ident())
        return {}

    monkeypatch.setattr(Rehearsals, "ask", noted)
    await ask(QUESTION)
    assert [True] == [thread != threading.get_ident() for thread in threads]


async def test_what_became_of_a_request_is_told_by_its_id(gateway, tell, passed):
    (closed,) = await passed("/closed?a=1")
    status, _, told = await tell(gateway, f"/explain?request_id={closed}")
    assert (200, closed, "/closed", "?a=1") == (
        *(status, told["request"]["request_id"]),
        *(told["request"]["path"], told["request"]["query"]),
    )
    assert ("refused", 403, "address_denied") == (told["verdict"], told["status"], told["reason"])
    assert [
        ("clients", "refused", "address_denied"),
        ("limits", "not asked", None),
        ("csrf", "not asked", None),
    ] == [(step["step"], step["verdict"], step["reason"]) for step in told["steps"]]
    assert told["steps"][0]["source"].endswith("routes.yaml:8")
    assert "clients" in [key["key"] for key in told["policy"]]
    assert told["decision"]["request_id"] == closed


async def test_what_is_on_trial_is_told(gateway, tell, passed):
    (tried,) = await passed("/tried")
    _, _, told = await tell(gateway, f"/explain?request_id={tried}")
    assert ("on trial", "address_denied") == (told["steps"][0]["verdict"], told["steps"][0]["reason"])
    assert ("upstream", "failed") == (told["steps"][-1]["step"], told["steps"][-1]["verdict"])


async def test_no_secret_of_the_route_is_told(gateway, tell, passed):
    (secretive,) = await passed("/secretive")
    _, _, told = await tell(gateway, f"/explain?request_id={secretive}")
    assert "a-secret" not in json.dumps(told)
    assert {"set": {"X-Key": "***"}} in [key["value"] for key in told["policy"]]


async def test_after_a_reload_only_what_was_decided_is_known(gateway, tell, passed, snapshot):
    (closed,) = await passed("/closed")
    gateway.proxy.adopt(snapshot(POLICIES + "\n", more=MORE), gateway.upstreams, b"gateway")
    _, _, told = await tell(gateway, f"/explain?request_id={closed}")
    assert ([], "address_denied") == (told["policy"], told["reason"])
    assert "what its keys said is not known" in told["hints"][0]


@pytest.mark.parametrize(
    ("query", "status", "detail"),
    [
        pytest.param("", 400, "A request_id has 32 digits", id="no id"),
        pytest.param("?request_id=abc", 400, "A request_id has 32 digits", id="a short one"),
        pytest.param(f"?request_id={'0' * 32}%0a", 400, "32 digits", id="one with more behind it"),
        pytest.param(
            f"?request_id={'0' * 32}", 404, "only the last 4096 are", id="one that is not remembered"
        ),
    ],
)
async def test_an_id_that_leads_nowhere_is_refused(gateway, tell, query, status, detail):
    got, _, told = await tell(gateway, f"/explain{query}")
    assert status == got
    assert detail in told["detail"]


async def test_without_a_record_nothing_is_remembered(guarded, tell):
    gateway = await guarded(
        policies=POLICIES, more=MORE + "telemetry: {access_log: {format: none}, decisions: 0}\n"
    )
    status, _, told = await tell(gateway, f"/explain?request_id={'0' * 32}")
    assert (404, "Nothing is remembered here: telemetry.decisions is 0.") == (status, told["detail"])


async def test_a_stop_waits_for_no_answer(gateway, ask, monkeypatch):
    """What is asked when the gateway stops is not answered, and what has its turn keeps nobody."""
    begun, go_on = threading.Event(), threading.Event()
    waiting: Future[bool] = Future()

    def slow(self, question, specs):
        begun.set()
        waiting.set_result(go_on.wait(10))
        return {}

    monkeypatch.setattr(Rehearsals, "ask", slow)
    monkeypatch.setattr(site, "_SHUTDOWN_AT_MOST", 0.1)
    asking = asyncio.create_task(ask(QUESTION))
    assert await asyncio.to_thread(begun.wait, 10)
    try:
        async with asyncio.timeout(8):
            await gateway.admin.stop()
        assert not waiting.done()
    finally:
        go_on.set()
        asking.cancel()
        await asyncio.gather(asking, return_exceptions=True)
