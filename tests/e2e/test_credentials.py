"""Keys, passwords and other services end to end: who gets in, what the backend sees, what attackers get."""

import asyncio
import json
import logging
import time
from base64 import b64encode

import pytest
from aiohttp import web

from gateway.config.fresh import key_entry, user_entry
from gateway.identity.passwords import hashed
from gateway.policy.api_key import fresh

KEY, ID, DIGEST = fresh()
PAST, PAST_ID, PAST_DIGEST = fresh()
HASH = hashed("sësam")
CLAIMS = {"iss": "https://id.example", "aud": "api", "sub": "thandi", "exp": 9_999_999_999}
SECTIONS = """\
api_keys: {{file: "{folder}/keys.yaml"}}
basic_users: {{file: "{folder}/users.yaml"}}
forward_auth:
  legacy: {{url: "{service}/check", timeout: 300ms, copy: [X-Legacy-Id], subject: X-User}}
issuers:
  id: {{issuer: https://id.example, audience: [api], algorithms: [ES256], keys: [{jwk}]}}
  opaque:
    introspection: {{url: "{service}/introspect", client_id: edge, client_secret: hunter2, timeout: 300ms}}
"""
ROUTES = """\
roles: {prober: {permissions: ["probe:run"]}}
defaults: {upstream: backend}
routes:
  - {id: key, match: {path: /key}, auth: api_key, allow: {permissions: ["probe:run"]}}
  - {id: basic, match: {path: /basic}, auth: basic}
  - {id: legacy, match: {path: /legacy}, auth: legacy}
  - {id: opaque, match: {path: /opaque}, auth: opaque}
  - {id: mixed, match: {path: /mixed}, auth: [id, api_key, basic, public]}
  - {id: closed, match: {path: /closed}, auth: [id, api_key, basic]}
  - {id: either, match: {path: /either}, auth: [legacy, api_key, public]}
"""


class Service:
    """The backend, the service that is asked, and the endpoint: `said` answers a question, `seen` has all."""

    def __init__(self):
        self.seen = []
        self.said = lambda: web.Response(headers={"X-User": "thandi", "X-Legacy-Id": "7"})

    async def answer(self, request):
        self.seen.append(request)
        if request.path in ("/check", "/introspect"):
            return await self.said() if asyncio.iscoroutinefunction(self.said) else self.said()
        return web.json_response(dict(request.headers))

    def asked(self):
        """What the service was asked."""
        return [request for request in self.seen if request.path in ("/check", "/introspect")]


@pytest.fixture
def service():
    return Service()


@pytest.fixture
def owner(signer):
    return signer()


@pytest.fixture
async def gateway(serve, backend, service, owner, tmp_path):
    """A gateway before the service."""
    keys = [
        key_entry(ID, DIGEST, "probe", {"roles": ["prober"], "scopes": ["a"]}),
        key_entry(PAST_ID, PAST_DIGEST, "probe", {"expires": "2020-01-01T00:00:00Z"}),
    ]
    (tmp_path / "keys.yaml").write_text("keys:\n" + "\n".join(keys))
    (tmp_path / "users.yaml").write_text("users:\n" + user_entry("thandi", HASH))
    url = await backend(service.answer)
    more = SECTIONS.format(folder=tmp_path, service=url, jwk=json.dumps(owner.jwk))
    return await serve(url, policies=ROUTES, more=more)


@pytest.fixture
def ask(gateway, session, url):
    """The status of an answer, its reason or what the backend saw, and its fields."""

    async def asked(path, **fields):
        headers = {name.replace("_", "-"): value for name, value in fields.items()}
        async with session.get(url(gateway, path), headers=headers) as response:
            body = await response.json(content_type=None)
            return response.status, body if response.status == 200 else body["reason"], response.headers

    return asked


def basic(user, password):
    return "Basic " + b64encode(f"{user}:{password}".encode()).decode()


def identity(seen):
    return {name: value for name, value in seen.items() if name.startswith("X-Auth-")}


async def test_a_key_lets_in_with_its_roles_and_stays_here(ask):
    status, seen, _ = await ask("/key", X_API_Key=KEY)
    assert 200 == status
    assert {
        "X-Auth-Subject": "probe",
        "X-Auth-Roles": "prober",
        "X-Auth-Scopes": "a",
        "X-Auth-Method": "api_key",
    } == identity(seen)
    assert KEY not in json.dumps(seen)


@pytest.mark.parametrize(
    ("fields", "status", "reason"),
    [
        pytest.param({}, 401, "no_credentials", id="none"),
        pytest.param({"X_API_Key": KEY + "0"}, 401, "invalid_api_key", id="another"),
        pytest.param({"X_API_Key": PAST}, 401, "api_key_expired", id="an old one"),
        pytest.param({"Authorization": f"Bearer {KEY}"}, 401, "no_credentials", id="as a token"),
        pytest.param({"Cookie": f"X-API-Key={KEY}"}, 401, "no_credentials", id="in a cookie"),
    ],
)
async def test_without_its_key_a_program_does_not_get_in(ask, service, fields, status, reason):
    code, why, headers = await ask(f"/key?x-api-key={KEY}&api_key={KEY}", **fields)
    assert (status, reason, []) == (code, why, service.seen)
    assert 'ApiKey realm="test-gateway", header="X-API-Key"' == headers["WWW-Authenticate"]


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(f"X-API-Key: {KEY}\r\nX-API-Key: {KEY}", id="a key twice"),
        pytest.param(f"X-API-Key: {KEY}\r\n X", id="a key that is folded"),
        pytest.param(f"X-API-Key: {KEY}\rX: y", id="a carriage return"),
        pytest.param(f"X-API-Key: {KEY}\nX: y", id="a line feed"),
        pytest.param(f"X_API_Key: {KEY}", id="an underscore"),
        pytest.param(f"X-API-Key: {KEY}\r\nConnection: X-API-Key", id="named in Connection"),
        pytest.param("X-API-Key: " + "gw_live_" * 5000, id="40 KB"),
    ],
)
async def test_no_trick_of_spelling_gets_in(gateway, connect, service, line):
    client = await connect(gateway)
    await client.send(f"GET /key HTTP/1.1\r\nHost: a\r\n{line}\r\nAccept: */*\r\n\r\n".encode())
    assert (await client.head()).split(b" ")[1] in (b"400", b"401", b"431")
    assert [] == service.seen


async def test_a_password_lets_in_and_stays_here(ask):
    for _ in range(2):
        status, seen, _ = await ask("/basic", Authorization=basic("thandi", "sësam"))
        assert (200, {"X-Auth-Subject": "thandi", "X-Auth-Method": "basic"}) == (status, identity(seen))
        assert "Authorization" not in seen


@pytest.mark.parametrize(
    ("value", "status", "reason"),
    [
        pytest.param(basic("thandi", "sesam"), 401, "wrong_password", id="a wrong password"),
        pytest.param(basic("nobody", "sësam"), 401, "wrong_password", id="an unknown user"),
        pytest.param("Basic !", 400, "malformed_credentials", id="no base64"),
        pytest.param(basic("tha\0ndi", "sësam"), 400, "malformed_credentials", id="a NUL"),
        pytest.param("Basic " + "A" * 20_000, 400, "malformed_credentials", id="20 KB"),
        pytest.param("Bearer abc", 401, "no_credentials", id="a token"),
    ],
)
async def test_without_a_password_a_user_does_not_get_in(ask, service, caplog, value, status, reason):
    caplog.set_level(logging.DEBUG, "gateway")
    code, why, headers = await ask("/basic", Authorization=value)
    assert (status, reason, []) == (code, why, service.seen)
    if status == 401:
        assert 'Basic realm="test-gateway", charset="UTF-8"' == headers["WWW-Authenticate"]
    assert value not in caplog.text


async def test_a_storm_of_wrong_passwords_leaves_the_others_alone(gateway, connect, ask):
    """Two hundred at once: each is refused or turned away, and a key is let in meanwhile, without delay."""
    storm = []
    for number in range(200):
        client = await connect(gateway)
        value = basic("thandi" if number % 2 else f"nobody-{number}", number)
        await client.send(f"GET /basic HTTP/1.1\r\nHost: a\r\nAuthorization: {value}\r\n\r\n".encode())
        storm.append(client)
    begin = time.perf_counter()
    status, _, _ = await ask("/key", X_API_Key=KEY)
    assert (200, True) == (status, time.perf_counter() - begin < 1.0)
    statuses = {(await client.head()).split(b" ")[1] for client in storm}
    assert b"401" in statuses <= {b"401", b"503"}
    assert 200 == (await ask("/basic", Authorization=basic("thandi", "sësam")))[0]


async def test_the_first_credential_of_a_list_decides(ask, owner):
    token = f"Bearer {owner.token(CLAIMS).decode()}"
    password = basic("thandi", "sësam")
    for fields, status, method in (
        ({}, 200, None),
        ({"Authorization": token}, 200, "id"),
        ({"X_API_Key": KEY}, 200, "api_key"),
        ({"Authorization": password}, 200, "basic"),
        ({"Authorization": token, "X_API_Key": "x"}, 200, "id"),
        ({"Authorization": password, "X_API_Key": KEY}, 200, "api_key"),
        ({"Authorization": password, "X_API_Key": "x"}, 401, None),
        ({"Authorization": token + "x", "X_API_Key": KEY}, 401, None),
        ({"Authorization": basic("thandi", "x")}, 401, None),
        ({"X_API_Key": "x"}, 401, None),
    ):
        code, seen, _ = await ask("/mixed", **fields)
        assert status == code
        if code == 200:
            assert method == seen.get("X-Auth-Method")
            assert {"Authorization", "X-Api-Key", "X-API-Key"}.isdisjoint(seen)


async def test_who_shows_nothing_is_told_all_that_would_do(ask):
    code, reason, headers = await ask("/closed")
    assert (401, "no_credentials") == (code, reason)
    realm = 'realm="test-gateway"'
    challenges = f'Bearer {realm}, ApiKey {realm}, header="X-API-Key", Basic {realm}, charset="UTF-8"'
    assert challenges == headers["WWW-Authenticate"]


async def test_a_service_is_shown_the_request_and_tells_who_asks(ask, service):
    status, seen, _ = await ask("/legacy?a=1", Authorization="Bearer x", Cookie="c=d", X_Legacy_Id="forged")
    assert (200, "7") == (status, seen["X-Legacy-Id"])
    assert {"X-Auth-Subject": "thandi", "X-Auth-Method": "legacy"} == identity(seen)
    assert ("c=d", None, None) == (seen["Cookie"], seen.get("Authorization"), seen.get("X-User"))
    (asked,) = service.asked()
    assert ("GET", "/legacy?a=1", "Bearer x", "c=d") == tuple(
        asked.headers[name] for name in ("X-Forwarded-Method", "X-Forwarded-Uri", "Authorization", "Cookie")
    )
    assert "X-Legacy-Id" not in asked.headers


async def silent():
    await asyncio.sleep(5)


@pytest.mark.parametrize(
    ("said", "status", "reason"),
    [
        pytest.param(lambda: web.Response(status=401), 401, "unknown_to_service", id="401"),
        pytest.param(lambda: web.Response(status=403), 403, "denied_by_service", id="403"),
        pytest.param(lambda: web.Response(status=500), 503, "verifier_unavailable", id="500"),
        pytest.param(
            lambda: web.Response(status=302, headers={"Location": "/"}),
            503,
            "verifier_unavailable",
            id="a redirect",
        ),
        pytest.param(web.Response, 503, "verifier_unavailable", id="nobody's name"),
        pytest.param(
            lambda: web.Response(headers={"X-Auth-Subject": "admin"}),
            503,
            "verifier_unavailable",
            id="a name in a field that it has no say in",
        ),
        pytest.param(
            lambda: web.Response(headers={"X-User": "a"}, body=b"x" * 10_000_000),
            503,
            "verifier_unavailable",
            id="10 MB",
        ),
        pytest.param(silent, 503, "verifier_unavailable", id="nothing in time"),
    ],
)
async def test_whatever_else_a_service_says_nobody_passes(ask, service, said, status, reason):
    service.said = said
    assert (status, reason) == (await ask("/legacy"))[:2]
    assert ["/check"] == [request.path for request in service.seen]


async def test_the_challenge_of_a_service_is_passed_on(ask, service):
    service.said = lambda: web.Response(status=401, headers={"WWW-Authenticate": 'Basic realm="old"'})
    _, _, headers = await ask("/legacy")
    assert 'Basic realm="old"' == headers["WWW-Authenticate"]


async def test_in_a_list_a_service_is_asked_about_who_shows_it_something(ask, service):
    assert (200, {}) == ((await ask("/either"))[0], identity((await ask("/either"))[1]))
    assert "api_key" == (await ask("/either", X_API_Key=KEY))[1]["X-Auth-Method"]
    assert [] == service.asked()
    assert "legacy" == (await ask("/either", Cookie="a=b"))[1]["X-Auth-Method"]
    service.said = lambda: web.Response(status=401)
    assert 401 == (await ask("/either", Cookie="a=b", X_API_Key=KEY))[0]


def told(**members):
    return lambda: web.json_response(members)


async def test_an_endpoint_is_asked_once_about_a_token(ask, service):
    service.said = told(active=True, sub="thandi", scope="a b")
    for _ in range(3):
        status, seen, _ = await ask("/opaque", Authorization="Bearer abc")
        assert (200, "thandi", "a,b") == (status, seen["X-Auth-Subject"], seen["X-Auth-Scopes"])
        assert "Authorization" not in seen
    assert 1 == len(service.asked())


@pytest.mark.parametrize(
    ("said", "status", "reason"),
    [
        pytest.param(told(active=False), 401, "inactive_token", id="inactive"),
        pytest.param(told(active=True), 401, "unusable_claims", id="nobody"),
        pytest.param(told(active=True, sub="a", exp=1), 401, "token_expired", id="expired"),
        pytest.param(lambda: web.Response(text="<html>"), 503, "verifier_unavailable", id="a page"),
        pytest.param(lambda: web.Response(body=b" " * 10_000_000), 503, "verifier_unavailable", id="10 MB"),
        pytest.param(
            lambda: web.Response(status=307, headers={"Location": "/key"}),
            503,
            "verifier_unavailable",
            id="a redirect",
        ),
        pytest.param(silent, 503, "verifier_unavailable", id="nothing in time"),
    ],
)
async def test_whatever_else_an_endpoint_says_nobody_passes(ask, service, caplog, said, status, reason):
    service.said = said
    assert (status, reason) == (await ask("/opaque", Authorization="Bearer canary"))[:2]
    # An answer that is late may be so before the endpoint has seen the question.
    assert {"/introspect"} >= {request.path for request in service.seen}
    assert len(service.seen) <= 1
    assert "canary" not in caplog.text
    assert "hunter2" not in caplog.text
