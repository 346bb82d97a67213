"""Introspection over real sockets: what is asked, what is believed, and for how long."""

import asyncio
import logging
from base64 import b64decode
from dataclasses import replace
from urllib.parse import parse_qs

import pytest
from aiohttp import web

from gateway.identity.asking import Asker
from gateway.identity.introspection import INACTIVE_FOR, Introspections
from gateway.identity.outages import Outages
from gateway.policy.questions import Introspection

NOW = 1_800_000_000.0


class Time:
    now = 0.0

    def monotonic(self):
        return self.now

    def wall(self):
        return NOW + self.now


class Server:
    """An endpoint: `told` is what it says, as JSON or as it is; `asked` has the questions."""

    def __init__(self):
        self.told = {"active": True, "sub": "thandi"}
        self.asked = []
        self.open = asyncio.Event()
        self.open.set()

    async def answer(self, request):
        self.asked.append((request.method, request.headers, await request.text()))
        await self.open.wait()
        if isinstance(self.told, web.Response):
            return self.told
        return web.json_response(self.told)


@pytest.fixture
async def server():
    made = Server()
    yield made
    made.open.set()


@pytest.fixture
async def endpoint(server, backend):
    return Introspection(f"{await backend(server.answer)}/introspect", "gate way", "s:e%cret", 0.5, 60.0)


@pytest.fixture
def time():
    return Time()


@pytest.fixture
async def introspections(time):
    asker = Asker()
    made = Introspections(asker, Outages(), time.wall, time.monotonic)
    yield made
    await made.stop()
    await asker.close()


@pytest.fixture
def ask(introspections, endpoint):
    async def told(token=b"opaque", at=endpoint):
        said = introspections.find(at, token)
        return await said if hasattr(said, "__await__") else said

    return told


async def test_the_endpoint_is_asked_as_rfc_7662_says(ask, server):
    assert {"active": True, "sub": "thandi"} == await ask(b"a+b/c=")
    ((method, headers, body),) = server.asked
    assert ("POST", "application/x-www-form-urlencoded") == (method, headers["Content-Type"])
    assert {"token": ["a+b/c="], "token_type_hint": ["access_token"]} == parse_qs(body)
    scheme, _, pair = headers["Authorization"].partition(" ")
    # RFC 6749 2.3.1: the halves are form-encoded.
    assert ("Basic", b"gate+way:s%3Ae%25cret") == (scheme, b64decode(pair))


@pytest.mark.parametrize(
    ("told", "cache", "seconds"),
    [
        pytest.param({"active": True}, 60.0, 60.0, id="as long as the configuration says"),
        pytest.param({"active": True, "exp": NOW + 20}, 60.0, 20.0, id="no longer than the token lasts"),
        pytest.param(
            {"active": True, "exp": NOW + 90}, 60.0, 60.0, id="no longer than the configuration says"
        ),
        pytest.param({"active": True, "exp": NOW}, 60.0, 0.0, id="not at all where it is over"),
        pytest.param({"active": True, "exp": "x"}, 60.0, 60.0, id="an end that is none is judged elsewhere"),
        pytest.param({"active": True}, 0.0, 0.0, id="not at all, on demand"),
        pytest.param({"active": False}, 60.0, INACTIVE_FOR, id="inactive for a few seconds"),
        pytest.param({"active": False}, 5.0, 5.0, id="inactive no longer than the configuration says"),
    ],
)
async def test_an_answer_is_believed_for_a_while(ask, server, endpoint, time, told, cache, seconds):
    server.told, at = told, replace(endpoint, cache=cache)
    for now, asked in ((0.0, 1), (seconds - 0.1, 1), (seconds, 2)):
        if now >= time.now:
            time.now = now
            assert told == await ask(at=at)
            assert asked == len(server.asked)


async def test_tokens_and_endpoints_are_told_apart(ask, server, endpoint):
    for token in (b"a", b"b", b"a"):
        await ask(token)
    await ask(b"a", replace(endpoint, client_id="other"))
    assert 3 == len(server.asked)


@pytest.mark.parametrize(
    ("told", "why"),
    [
        pytest.param(web.Response, {"text": "<html>", "content_type": "text/html"}, id="a page"),
        pytest.param(web.Response, {"status": 302, "headers": {"Location": "/b"}}, id="a redirect"),
        pytest.param(web.Response, {"status": 401}, id="401: not our name there"),
        pytest.param(web.Response, {"status": 500}, id="500"),
        pytest.param(web.Response, {"status": 204}, id="204"),
        pytest.param(web.Response, {"body": b'{"active":true,"x":"' + b"x" * 10_000_000}, id="10 MB"),
        pytest.param(web.Response, {"text": '{"active":true,"active":false}'}, id="a member twice"),
        pytest.param(web.Response, {"text": "[true]"}, id="a list"),
        pytest.param(web.Response, {"text": '{"active":"true"}'}, id="a text for a truth value"),
        pytest.param(web.Response, {"text": '{"sub":"admin"}'}, id="an answer that does not say"),
        pytest.param(web.Response, {"text": "[" * 50_000}, id="a bomb"),
        pytest.param(web.Response, {"text": '{"active":true,"exp":NaN}'}, id="what is no number"),
    ],
)
async def test_a_failure_is_no_answer_and_not_remembered(ask, server, caplog, told, why):
    server.told = told(**why)
    assert await ask() is None
    server.told = {"active": True}
    assert {"active": True} == await ask()
    assert 2 == len(server.asked)
    assert {"/introspect"} == {line.partition(": ")[0][-11:] for line in caplog.messages}
    assert "admin" not in caplog.text


async def test_an_endpoint_that_is_silent_is_not_waited_for(ask, server):
    server.open.clear()
    assert await ask() is None


async def test_who_asks_about_one_token_at_a_time_shares_one_question(ask, server):
    server.open.clear()
    asking = [asyncio.create_task(ask()) for _ in range(20)]
    while not server.asked:  # noqa: ASYNC110 - what is watched sets no event.
        await asyncio.sleep(0)
    asking[0].cancel()
    server.open.set()
    first, *others = await asyncio.gather(*asking, return_exceptions=True)
    assert isinstance(first, asyncio.CancelledError)
    assert [{"active": True, "sub": "thandi"}] * 19 == others
    assert 1 == len(server.asked)


async def test_what_is_remembered_is_bounded_and_no_token(introspections, ask, endpoint):
    for number in range(100):
        introspections._known.put((endpoint, b"%d" % number), ({}, 0.0))
    await ask(b"a-secret-token")
    assert b"a-secret-token" not in repr(introspections._known._young).encode()
    for number in range(20_000):
        introspections._known.put((endpoint, b"%d" % number), ({}, 0.0))
    assert len(introspections._known) <= 8192


async def test_its_end_is_the_end_of_its_questions(introspections, endpoint, server, caplog):
    caplog.set_level(logging.ERROR)
    server.open.clear()
    waiting = asyncio.ensure_future(introspections.find(endpoint, b"a"))
    await asyncio.sleep(0)
    await introspections.stop()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert {} == introspections._flights
    assert [] == caplog.messages
