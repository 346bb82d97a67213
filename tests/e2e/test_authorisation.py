"""Demands on principals, through the whole gateway: what a client gets, and what a backend does not."""

import pytest
from aiohttp import web

from gateway.http.reply import problem
from gateway.policy import Exchange, Principal, Reason
from gateway.policy.allow import Allow, Demand
from gateway.policy.condition import condition

DELETE = b"DELETE / HTTP/1.1\r\nHost: a.example\r\n"
ROLES = frozenset(["student"])
NOBODY = problem(401, Reason.NO_CREDENTIALS, "Who?", (b"WWW-Authenticate", b'Bearer realm="a"'))


class Shown:
    """Takes the principal that a field of the request names; nothing that could be served."""

    name = "shown"
    source = "test:1"

    def __call__(self, exchange: Exchange) -> None:
        subject = exchange.request.value(b"x-subject")
        if subject is not None:
            exchange.principal = Principal(subject.decode(), "test", ROLES)


@pytest.fixture
async def guarded(serve, backend):
    """A gateway that demands something, and the methods that came through to its backend."""
    taken = []

    async def take(request: web.Request) -> web.Response:
        taken.append(request.method)
        return web.Response()

    url = await backend(take)

    async def start(demand):
        pipeline = (Shown(), Allow(demand, "test:2", NOBODY))
        return await serve(url, pipeline=pipeline, headers="preset: api"), taken

    return start


async def test_nobody_is_asked_for_credentials(guarded, session, url):
    gateway, taken = await guarded(Demand(roles=ROLES))
    async with session.get(url(gateway)) as response:
        problem = await response.json()
    assert (401, "no_credentials") == (response.status, problem["reason"])
    assert 'Bearer realm="a"' == response.headers["WWW-Authenticate"]
    # The route's headers are on it, as on every answer.
    assert "nosniff" == response.headers["X-Content-Type-Options"]
    assert [] == taken


async def test_somebody_without_a_scope_is_told_which(guarded, session, url):
    gateway, taken = await guarded(Demand(scopes=("pay.write", "pay.read")))
    async with session.get(url(gateway), headers={"X-Subject": "user-1"}) as response:
        problem = await response.json()
    assert (403, "insufficient_scope") == (response.status, problem["reason"])
    assert (
        'Bearer error="insufficient_scope", scope="pay.write pay.read"'
        == (response.headers["WWW-Authenticate"])
    )
    assert [] == taken


async def test_a_refusal_tells_nothing_of_what_would_have_done(guarded, session, url):
    gateway, taken = await guarded(Demand(roles=frozenset(["hidden-role"])))
    async with session.get(url(gateway), headers={"X-Subject": "user-1"}) as response:
        text = await response.text()
    assert (403, True, False) == (response.status, "missing_role" in text, "hidden-role" in text)
    assert "WWW-Authenticate" not in response.headers
    assert [] == taken


@pytest.mark.parametrize(
    "override",
    [
        pytest.param("X-HTTP-Method-Override: GET", id="the usual field"),
        pytest.param("X_HTTP_Method_Override: GET", id="with another character"),
        pytest.param("X-Method-Override: GET", id="another field"),
        pytest.param("X-Auth-Roles: admin", id="roles"),
    ],
)
async def test_no_override_reaches_a_verdict_or_the_backend(guarded, connect, override):
    demand = Demand(when=condition('method == "GET" or "admin" in roles', ()))
    gateway, taken = await guarded(demand)
    client = await connect(gateway)
    await client.send(DELETE + f"X-Subject: user-1\r\n{override}\r\n\r\n".encode())
    head = await client.head()
    assert b"HTTP/1.1 403 " == head[:13]
    assert [] == taken


async def test_head_passes_where_get_does(guarded, session, url):
    gateway, taken = await guarded(Demand(when=condition('method == "GET"', ())))
    for method, status in (("GET", 200), ("HEAD", 200), ("POST", 403), ("OPTIONS", 403)):
        async with session.request(method, url(gateway), headers={"X-Subject": "user-1"}) as response:
            assert status == response.status, method
    assert ["GET", "HEAD"] == taken
