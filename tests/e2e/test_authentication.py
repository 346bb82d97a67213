"""Tokens end to end: what a client may show, what a backend gets to see of it, and what is never said."""

import json
import logging
import time

import pytest
from aiohttp import web

from gateway.identity.remote import COOL_DOWN

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
ISSUER = """\
issuers:
  id:
    issuer: https://id.example
    audience: [api]
    algorithms: [ES256]
    keys: [JWK]
    token: {header: Authorization, cookie: session, query: token}
"""
ROUTES = """\
defaults: {upstream: backend}
routes:
  - {id: open, match: {path: /open}, auth: public}
  - {id: optional, match: {path: /optional}, auth: [id, public]}
  - {id: closed, match: {path: "/{rest...}"}, auth: id}
  - {id: moved, match: {path: /moved}, auth: id, redirect: {to: /elsewhere}}
"""
# Until the year 2286.
CLAIMS = {"iss": "https://id.example", "aud": "api", "sub": "thandi", "exp": 9_999_999_999}
# Spellings by which a backend could be told who asks: case, what CGI and WSGI fold, and near misses.
FORGED = [
    *("X-Auth-Subject", "x-auth-subject", "X-AUTH-SUBJECT", "X_Auth_Subject", "x_auth_subject"),
    *("X.Auth.Subject", "X-Auth_Subject", "X_Auth-Subject", "X-Auth.Subject", "X!Auth!Subject"),
    *("X-Auth-Roles", "X_Auth_Roles", "x.auth.roles", "X-AUTH-ROLES", "X-Auth-Scopes", "X_AUTH_SCOPES"),
    *("X-Auth-Method", "x_auth_method", "X~Auth~Subject", "X|Auth|Subject"),
]


@pytest.fixture
def owner(signer):
    return signer()


@pytest.fixture
def gateway(serve, owner):
    """A gateway in front of a backend, with the issuer of `owner`."""

    def start(backend="http://127.0.0.1:1"):
        return serve(backend, policies=ROUTES, more=ISSUER.replace("JWK", json.dumps(owner.jwk)))

    return start


@pytest.fixture
def seen(gateway, scripted, connect):
    """What a backend sees of a request: its request line, and the lines of its fields."""

    async def ask(target, *fields):
        backend = await scripted()
        client = await connect(await gateway(backend.url))
        lines = [f"GET {target} HTTP/1.1", "Host: a.example", *fields, "", ""]
        await client.send("\r\n".join(lines).encode())
        stream, head = await backend.requested()
        await stream.send(OK)
        await client.until(b"\r\n\r\nok")
        first, *rest = head.decode().split("\r\n")[:-2]
        return first, rest

    return ask


@pytest.fixture
def refused(gateway, connect):
    """The answer to a request that never reaches a backend."""

    async def ask(target, *fields):
        client = await connect(await gateway())
        lines = [f"GET {target} HTTP/1.1", "Host: a.example", *fields, "Connection: close", "", ""]
        await client.send("\r\n".join(lines).encode("latin-1"))
        head, _, body = (await client.rest()).decode().partition("\r\n\r\n")
        return int(head.split(" ")[1]), json.loads(body)["reason"], head

    return ask


def identity(lines):
    """The fields that tell who asks, however they are spelled."""
    names = [line.partition(":")[0] for line in lines]
    folded = ["".join(c if c.isalnum() else "-" for c in name.lower()) for name in names]
    return [line for line, name in zip(lines, folded, strict=True) if name.startswith("x-auth-")]


async def test_the_backend_is_told_who_asks_and_not_by_what(seen, owner):
    token = owner.token(CLAIMS | {"roles": ["student", "educator"], "scope": "a b"}).decode()
    _, lines = await seen("/pay", f"Authorization: Bearer {token}", "Accept: */*")
    assert [
        "X-Auth-Subject: thandi",
        "X-Auth-Roles: educator,student",
        "X-Auth-Scopes: a,b",
        "X-Auth-Method: id",
    ] == identity(lines)
    assert token not in "".join(lines)
    assert "Accept: */*" in lines


@pytest.mark.parametrize("target", ["/open", "/optional", "/pay"])
async def test_nobody_but_us_tells_who_asks(seen, owner, target):
    forged = [f"{name}: admin" for name in FORGED]
    shown = [f"Authorization: Bearer {owner.token(CLAIMS).decode()}"] if target == "/pay" else []
    _, lines = await seen(target, *forged, *shown)
    expected = ["X-Auth-Subject: thandi", "X-Auth-Method: id"] if target == "/pay" else []
    assert expected == identity(lines)
    assert "admin" not in "".join(lines)


@pytest.mark.parametrize(
    "named", ["X-Auth-Subject", "x-auth-subject, X-Auth-Method", "close, X_Auth_Subject"]
)
async def test_connection_does_not_take_away_who_asks(seen, owner, named):
    token = owner.token(CLAIMS).decode()
    _, lines = await seen("/pay", f"Connection: {named}", f"Authorization: Bearer {token}")
    assert ["X-Auth-Subject: thandi", "X-Auth-Method: id"] == identity(lines)


async def test_claims_cannot_add_a_field(refused, owner):
    for said in ({"sub": "a\r\nX-Auth-Roles: admin"}, {"roles": ["a\nX-Admin: 1"]}, {"scope": ["a\r"]}):
        token = owner.token(CLAIMS | said).decode()
        status, reason, _ = await refused("/pay", f"Authorization: Bearer {token}")
        assert (401, "unusable_claims") == (status, reason)


async def test_claims_that_are_not_ascii_are_escaped(seen, owner):
    token = owner.token(CLAIMS | {"sub": "Zoë, the 1st", "roles": ["a,admin"]}).decode()
    _, lines = await seen("/pay", f"Authorization: Bearer {token}")
    assert "X-Auth-Subject: Zo%C3%AB,%20the%201st" in lines
    assert "X-Auth-Roles: a%2Cadmin" in lines


async def test_a_token_in_the_query_is_taken_out(seen, owner):
    token = owner.token(CLAIMS).decode()
    first, lines = await seen(f"/pay?a=1&token={token}&b=%20")
    assert "GET /pay?a=1&b=%20 HTTP/1.1" == first
    assert "X-Auth-Subject: thandi" in lines
    assert token not in "".join(lines)


async def test_a_token_in_a_cookie_is_taken_out(seen, owner):
    token = owner.token(CLAIMS).decode()
    _, lines = await seen("/pay", f"Cookie: a=1; session={token}; b=2")
    assert "Cookie: a=1; b=2" in lines
    assert token not in "".join(lines)


@pytest.mark.parametrize(
    "field", [pytest.param("", id="nothing"), pytest.param("Authorization: Basic YTpi", id="another scheme")]
)
async def test_where_proof_is_optional_nobody_passes_as_nobody(seen, field):
    first, lines = await seen("/optional?a=1", *([field] if field else []))
    assert "GET /optional?a=1 HTTP/1.1" == first
    assert [] == identity(lines)
    assert not [line for line in lines if line.lower().startswith("authorization")]


async def test_an_open_route_passes_credentials_on(seen):
    _, lines = await seen("/open", "Authorization: Basic YTpi")
    assert "Authorization: Basic YTpi" in lines


async def test_a_redirect_does_not_repeat_a_token(gateway, owner, session, url):
    there = url(await gateway(), "/moved")
    token = owner.token(CLAIMS).decode()
    async with session.get(f"{there}?a=1&token={token}", allow_redirects=False) as response:
        assert (308, "/elsewhere?a=1") == (response.status, response.headers["Location"])


async def test_who_shows_nothing_is_asked(refused):
    status, reason, head = await refused("/pay")
    assert (401, "no_credentials") == (status, reason)
    assert 'WWW-Authenticate: Bearer realm="test-gateway"\r\n' in head
    assert "Cache-Control: no-store\r\n" in head


async def test_who_shows_a_bad_token_learns_little(refused, owner):
    """The same challenge for every token that was not accepted; the reason is one word."""
    challenges = set()
    for token, word in (
        (owner.token(CLAIMS)[:-3], "invalid_token"),
        (owner.token(CLAIMS | {"exp": 1}), "token_expired"),
        (owner.token(CLAIMS | {"nbf": 9_999_999_998}), "token_not_yet_valid"),
        (owner.token(CLAIMS | {"iss": "https://evil.example"}), "wrong_issuer"),
        (owner.token(CLAIMS | {"aud": "others"}), "wrong_audience"),
        (owner.token(CLAIMS | {"nonce": "n"}), "not_an_access_token"),
        (owner.token(CLAIMS | {"cnf": {"jkt": "k"}}), "bound_token"),
        (owner.token(CLAIMS | {"sub": None}), "unusable_claims"),
        (owner.token(CLAIMS, kid="other"), "unknown_key"),
    ):
        status, reason, head = await refused("/optional", f"Authorization: Bearer {token.decode()}")
        assert (401, word) == (status, reason)
        challenges |= {line for line in head.split("\r\n") if line.startswith("WWW-Authenticate")}
    assert {
        'WWW-Authenticate: Bearer realm="test-gateway", error="invalid_token", '
        'error_description="The token was not accepted."'
    } == challenges


@pytest.mark.parametrize(
    ("fields", "status", "reason"),
    [
        pytest.param(
            ["Authorization: Bearer a", "Authorization: Bearer b"], 400, "duplicate_field", id="two fields"
        ),
        pytest.param(
            ["Authorization: Bearer a", "authorization: Basic b"], 400, "duplicate_field", id="two schemes"
        ),
        pytest.param(["Authorization: Bearer"], 400, "malformed_credentials", id="a scheme alone"),
        pytest.param(["Authorization: Bearer a b"], 400, "malformed_credentials", id="a blank in it"),
        pytest.param(["Authorization: Bearer a=b"], 400, "malformed_credentials", id="an equals sign in it"),
        pytest.param(["Authorization: Bearer \xe9"], 400, "malformed_credentials", id="no ASCII"),
        pytest.param(
            ["Authorization: Bearer a", "Cookie: session=b"], 401, "ambiguous_credentials", id="two"
        ),
        pytest.param(["Authorization: Bearer " + "a" * 20_000], 401, "invalid_token", id="20 KB"),
        pytest.param(["Authorization: Bearer " + "a" * 40_000], 431, "fields_too_large", id="40 KB"),
        pytest.param(["Authorization: Bearer a.b.c.d.e"], 401, "invalid_token", id="an encrypted token"),
        pytest.param(["Connection: Authorization"], 401, "no_credentials", id="named in Connection"),
        pytest.param(["X-Authorization: Bearer a"], 401, "no_credentials", id="another field"),
        pytest.param(["Proxy-Authorization: Bearer a"], 401, "no_credentials", id="for another proxy"),
    ],
)
async def test_what_is_no_token_is_refused(refused, fields, status, reason):
    assert (status, reason) == (await refused("/pay", *fields))[:2]


@pytest.mark.parametrize("target", ["/pay?x=/open", "/open/x", "//open", "/Open", "/open%00", "/open;a"])
async def test_no_spelling_of_a_closed_path_is_open(refused, target):
    status, reason, _ = await refused(target)
    assert (status, reason) in {(400, "bad_path"), (401, "no_credentials")}


async def test_nothing_of_a_token_is_ever_said(refused, owner, caplog):
    """Not in an answer, not in a log, however bad the token is, at any level."""
    caplog.set_level(logging.DEBUG)
    tokens = [
        owner.token(CLAIMS | {"sub": "canary-subject\n"}).decode(),
        owner.token(b'{"canary": ' + b"[" * 100).decode(),
        owner.token(CLAIMS, kid="canary-kid").decode(),
        "canary-token",
    ]
    for token in tokens:
        for target, *fields in (
            ("/pay", f"Authorization: Bearer {token}"),
            ("/pay", f"Cookie: session={token}"),
            (f"/pay?token={token}",),
        ):
            _, _, head = await refused(target, *fields)
            assert "canary" not in head + caplog.text
            assert token not in head + caplog.text


async def test_the_keys_of_an_issuer_are_found_and_changed(serve, backend, signer, session, url, skipping):
    """Discovery, a first key, a second one that nobody announced, and the end of the first."""
    published = [signer("ES256", "first").jwk]

    async def answer(request):
        if request.path == "/.well-known/openid-configuration":
            return web.json_response({"issuer": issuer, "jwks_uri": f"{issuer}/keys"})
        return web.json_response({"keys": published} if request.path == "/keys" else {"ok": True})

    issuer = await backend(answer)
    more = f"issuers: {{id: {{issuer: {issuer}, discovery: true, audience: [api]}}}}\n"
    gateway = await serve(issuer, policies=ROUTES, more=more)

    async def status(kid):
        token = signer("ES256", kid).token(CLAIMS | {"iss": issuer}).decode()
        headers = {"Authorization": f"Bearer {token}"}
        async with session.get(url(gateway, "/pay"), headers=headers) as response:
            return response.status

    assert (200, 401) == (await status("first"), await status("third"))
    published = [signer("ES256", "first").jwk, signer("ES256", "second").jwk]
    skipping.skipped += COOL_DOWN
    assert (200, 200) == (await status("second"), await status("first"))
    published = [signer("ES256", "second").jwk]
    skipping.skipped += COOL_DOWN
    assert (401, 401, 200) == (await status("fourth"), await status("first"), await status("second"))


@pytest.mark.parametrize("name", ["jku", "x5u", "jwk", "x5c"])
async def test_nobody_is_asked_whom_a_token_names(refused, backend, signer, name):
    """The key is really there, and everything fits it."""
    attacker = signer("ES256", "attacker")
    asked = []

    async def answer(request):
        asked.append(request.path)
        return web.json_response({"keys": [attacker.jwk]})

    canary = await backend(answer)
    said = {"jku": f"{canary}/keys", "x5u": f"{canary}/keys", "jwk": attacker.jwk, "x5c": [canary]}[name]
    for kid in ("attacker", "first", None):
        token = attacker.token(CLAIMS, kid=kid, **{name: said}).decode()
        status, reason, _ = await refused("/pay", f"Authorization: Bearer {token}")
        assert (401, True) == (status, reason in ("unknown_key", "invalid_token"))
    assert [] == asked


@pytest.fixture
def tunnel(serve, scripted, connect, owner):
    """A WebSocket of a token with these claims: the client's end and the backend's."""

    async def open(**claims):
        backend = await scripted()
        more = ISSUER.replace("JWK", json.dumps(owner.jwk))
        policies = ROUTES.replace("auth: id}", "auth: id, upgrade: [websocket]}", 1)
        client = await connect(await serve(backend.url, policies=policies, more=more))
        lines = ["GET /chat HTTP/1.1", "Host: a.example", "Connection: Upgrade", "Upgrade: websocket"]
        token = owner.token(CLAIMS | claims).decode()
        await client.send("\r\n".join([*lines, f"Authorization: Bearer {token}", "", ""]).encode())
        stream, _ = await backend.requested()
        await stream.send(
            b"HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
        )
        assert b" 101 " in await client.head()
        return client, stream

    return open


async def test_a_tunnel_ends_with_its_token(tunnel, ports):
    """The token was good when it was shown; by the clock of the tunnel it is over."""
    now, ports.wall = time.time(), lambda: now - 3600
    client, stream = await tunnel(exp=now - 1800)
    assert (b"\x88\x02\x03\xf0", b"") == (await client.rest(), await stream.rest())


async def test_a_stream_ends_with_its_token(serve, scripted, connect, owner, ports):
    """Server-sent events have no length, and nobody asks for the token again."""
    now, ports.wall = time.time(), lambda: now - 3600
    backend = await scripted()
    more = ISSUER.replace("JWK", json.dumps(owner.jwk))
    client = await connect(await serve(backend.url, policies=ROUTES, more=more))
    token = owner.token(CLAIMS | {"exp": now - 1800}).decode()
    await client.send(f"GET /a HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer {token}\r\n\r\n".encode())
    stream, _ = await backend.requested()
    await stream.send(b"HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\ndata: 1\n\n")
    assert (await client.rest()).endswith(b"data: 1\n\n\r\n")


async def test_a_tunnel_lasts_as_long_as_its_token(tunnel, until):
    client, stream = await tunnel()
    await stream.send(b"hello")
    assert b"hello" == await client.exactly(5)
    client.close()
    assert b"" == await stream.rest()


async def test_an_issuer_that_is_away_is_no_fault_of_the_client(serve, session, url, owner):
    more = 'issuers: {id: {issuer: "http://127.0.0.1:1", discovery: true, audience: [api]}}\n'
    gateway = await serve(policies=ROUTES, more=more)
    token = owner.token(CLAIMS | {"iss": "http://127.0.0.1:1"}).decode()
    async with session.get(url(gateway, "/pay"), headers={"Authorization": f"Bearer {token}"}) as response:
        assert (503, "keys_unavailable") == (response.status, (await response.json())["reason"])
        assert "5" == response.headers["Retry-After"]
    async with session.get(url(gateway, "/pay")) as response:
        assert 401 == response.status
