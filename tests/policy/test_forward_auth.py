"""Requests that a service judges: what it is shown, and what of its answer counts."""

import pytest

from gateway.policy import Reason
from gateway.policy.authn import Authentication, Identity
from gateway.policy.credential import AUTHORIZATION, Field
from gateway.policy.forward_auth import ForwardAuth, Prompted
from gateway.policy.questions import Answer, Service

SERVICE = Service("http://127.0.0.1:4200/check", 0.5)


class Judge:
    """The port: gives the same answer to every question; `asked` has the fields of each."""

    def __init__(self, answer):
        self.answer = answer
        self.asked = []

    def ask(self, service, fields):
        assert service is SERVICE
        self.asked.append(fields)
        return self.wait()

    async def wait(self):
        return self.answer


class Nobody:
    """The port that nobody stands behind."""

    def ask(self, service, fields):
        return None


def method(judge, *, copy=(b"X-Legacy-Id",), subject=None, forward=False):
    hidden = [name.lower() for name in copy] + ([] if forward else [AUTHORIZATION])
    places = tuple(map(Field, hidden))
    return ForwardAuth("legacy", SERVICE, copy=copy, subject=subject, places=places, verifier=judge)


def answer(status=200, *fields):
    return Answer(status, fields)


async def verdict(made, here):
    said = made(here)
    return await said if hasattr(said, "__await__") else said


async def test_the_service_is_shown_what_was_asked_and_by_whom(exchange):
    judge = Judge(answer())
    shown = [(b"Authorization", b"Bearer a"), (b"Cookie", b"a=b"), (b"Cookie", b"c=d"), (b"X-Other", b"e")]
    await verdict(method(judge), exchange(method=b"DELETE", query=b"?a=%20", fields=shown))
    assert [
        (
            (b"X-Forwarded-Method", b"DELETE"),
            (b"X-Forwarded-Uri", b"/?a=%20"),
            (b"X-Forwarded-Host", b"a.example"),
            (b"X-Forwarded-Proto", b"http"),
            (b"X-Forwarded-For", b"192.0.2.1"),
            (b"Authorization", b"Bearer a"),
            (b"Cookie", b"a=b; c=d"),
        )
    ] == judge.asked


@pytest.mark.parametrize("status", [200, 204, 299])
async def test_a_2xx_lets_pass_with_the_fields_that_are_copied(exchange, status):
    fields = (
        (b"x-legacy-id", b"7"),
        (b"X-Legacy-Id", b"8"),
        (b"X-Auth-Subject", b"admin"),
        (b"Set-Cookie", b"a"),
    )
    said = await verdict(method(Judge(answer(status, *fields))), exchange())
    assert (
        (b"X-Auth-Subject", b"legacy"),
        (b"X-Auth-Method", b"legacy"),
        (b"X-Legacy-Id", b"7, 8"),
    ) == said.fields
    assert ("legacy", "legacy") == (said.principal.subject, said.principal.method)


async def test_a_field_may_say_who_asks(exchange):
    made = method(Judge(answer(200, (b"X-User", "thandi ö".encode()))), subject=b"x-user")
    said = await verdict(made, exchange())
    assert "thandi ö" == said.principal.subject
    assert ((b"X-Auth-Subject", b"thandi%20%C3%B6"), (b"X-Auth-Method", b"legacy")) == said.fields


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        pytest.param([], "nobody", id="nobody"),
        pytest.param([(b"X-User", b"")], "nobody", id="an empty name"),
        pytest.param([(b"X-User", b"a\xff")], "no text", id="no text"),
        pytest.param([(b"X-User", b"a\0")], "a NUL", id="a NUL"),
        pytest.param([(b"X-User", b"a\rX: y")], "a line break", id="a line break"),
        pytest.param([(b"X-User", b"a" * 5000)], "too long", id="a name without end"),
        pytest.param([(b"X-User", b"a"), (b"X-Legacy-Id", b"7\r\nX: y")], "", id="a line break, copied"),
        pytest.param([(b"X-User", b"a"), (b"X-Legacy-Id", b"7\nX: y")], "", id="a line feed, copied"),
        pytest.param([(b"X-User", b"a"), (b"X-Legacy-Id", b"7\0")], "", id="a NUL, copied"),
        pytest.param([(b"X-User", b"a"), (b"X-Legacy-Id", b"7" * 5000)], "", id="a field without end"),
    ],
)
async def test_what_could_not_be_sent_on_lets_nobody_pass(exchange, fields, why):
    said = await verdict(method(Judge(answer(200, *fields)), subject=b"x-user"), exchange())
    assert (503, Reason.VERIFIER_UNAVAILABLE) == (said.status, said.reason)


@pytest.mark.parametrize(
    ("said", "status", "reason"),
    [
        pytest.param(answer(401), 401, Reason.UNKNOWN_TO_SERVICE, id="401"),
        pytest.param(answer(403), 403, Reason.DENIED_BY_SERVICE, id="403"),
        pytest.param(answer(302, (b"Location", b"/login")), 503, Reason.VERIFIER_UNAVAILABLE, id="302"),
        pytest.param(answer(304), 503, Reason.VERIFIER_UNAVAILABLE, id="304"),
        pytest.param(answer(400), 503, Reason.VERIFIER_UNAVAILABLE, id="400"),
        pytest.param(answer(404), 503, Reason.VERIFIER_UNAVAILABLE, id="404"),
        pytest.param(answer(500), 503, Reason.VERIFIER_UNAVAILABLE, id="500"),
        pytest.param(answer(199), 503, Reason.VERIFIER_UNAVAILABLE, id="199"),
        pytest.param(None, 503, Reason.VERIFIER_UNAVAILABLE, id="nothing in time"),
    ],
)
async def test_all_else_refuses(exchange, said, status, reason):
    reply = await verdict(method(Judge(said)), exchange())
    assert (status, reason) == (reply.status, reply.reason)
    assert b"WWW-Authenticate" not in dict(reply.fields)


async def test_where_nobody_is_there_nobody_passes(exchange):
    assert 503 == (await verdict(method(Nobody()), exchange())).status


@pytest.mark.parametrize(
    ("challenge", "passes"),
    [
        pytest.param(b'Basic realm="legacy"', True, id="a challenge"),
        pytest.param(b"Negotiate", True, id="a scheme alone"),
        pytest.param(b'Bearer realm="a", Basic realm="b"', True, id="two of them"),
        pytest.param(b"", False, id="an empty one"),
        pytest.param(b'Basic realm="a"\r\nSet-Cookie: b', False, id="a line break"),
        pytest.param(b'Basic realm="\xff"', False, id="no ASCII"),
        pytest.param(b"<html>", False, id="no scheme"),
        pytest.param(b"Basic " + b"x" * 2000, False, id="one without end"),
    ],
)
async def test_a_challenge_is_passed_on_where_it_is_one(exchange, challenge, passes):
    reply = await verdict(method(Judge(answer(401, (b"WWW-Authenticate", challenge)))), exchange())
    assert (401, challenge if passes else None) == (
        reply.status,
        dict(reply.fields).get(b"WWW-Authenticate"),
    )
    reply = await verdict(method(Judge(answer(403, (b"WWW-Authenticate", challenge)))), exchange())
    assert b"WWW-Authenticate" not in dict(reply.fields)


@pytest.mark.parametrize("name", [b"Authorization", b"Cookie"])
async def test_what_is_no_text_is_not_shown(exchange, name):
    judge = Judge(answer())
    reply = await verdict(method(judge), exchange(fields=[(name, b"a=\xff\xfe")]))
    assert (400, Reason.MALFORMED_CREDENTIALS, []) == (reply.status, reply.reason, judge.asked)


@pytest.mark.parametrize(
    ("fields", "is_asked"),
    [
        pytest.param([], False, id="nothing"),
        pytest.param([(b"X-Legacy-Id", b"7")], False, id="a field of the answer"),
        pytest.param([(b"Authorization", b"Bearer a")], True, id="Authorization"),
        pytest.param([(b"Cookie", b"a=b")], True, id="a cookie"),
    ],
)
async def test_one_of_several_is_asked_only_about_who_shows_something(exchange, fields, is_asked):
    judge = Judge(answer())
    said = await verdict(Prompted(method(judge)), exchange(fields=fields))
    assert (is_asked, is_asked) == (bool(judge.asked), isinstance(said, Identity))


@pytest.mark.parametrize("forward", [False, True])
async def test_the_backend_sees_no_field_of_the_answer_that_the_client_sent(exchange, forward):
    policy = Authentication((method(Judge(answer()), forward=forward),), None, "a.yaml:1")
    here = exchange(fields=[(b"X-Legacy-Id", b"1"), (b"Authorization", b"Bearer a")])
    assert await policy(here) is None
    assert {b"x-legacy-id"} | (set() if forward else {b"authorization"}) == {*here.hidden}
    assert b"X-Legacy-Id" not in dict(here.upstream_fields)
