"""Attacks on the repository's own configuration: none gets to a service but by its route.

One backend stands for all ten services and keeps what reaches it.
"""

import gzip
import json
import logging
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any, final

import pytest
from aiohttp import web

from gateway.app import Gateway
from gateway.config.load import load_snapshot
from gateway.demo.issuer import issuer
from gateway.demo.services import SERVICES, environment
from gateway.demo.signing import Signing

CHARGES = "/api/pay/charges"
STUDENT = {"roles": ["student"]}
FINANCE = {"roles": ["finance"]}
JSON = "Content-Type: application/json"
PASSED = "passed"
# Whoever says so is somebody else: what load balancers and CDNs put before a client's address.
SPOOFS = ["X-Forwarded-For", "X-Real-IP", "Forwarded", "X-Client-IP", "True-Client-IP", "CF-Connecting-IP"]


@final
class Answer:
    """What a client got, and what the services saw of it."""

    def __init__(self, raw: bytes, seen: list[tuple[str, str, list[tuple[str, str]]]]) -> None:
        self.head, _, self.body = raw.partition(b"\r\n\r\n")
        self.status = int(self.head[9:12]) if raw else None
        self.seen = seen

    @property
    def refusal(self) -> tuple[int | None, str | None]:
        """The status, and the reason where the answer is a problem of ours."""
        is_ours = b"application/problem+json" in self.head and self.body
        return self.status, json.loads(self.body)["reason"] if is_ours else None

    def field(self, name: str) -> str | None:
        """A field of the response."""
        lines = self.head.decode("latin-1").split("\r\n")[1:]
        pairs = (line.partition(": ") for line in lines)
        return next((value for given, _, value in pairs if given.lower() == name.lower()), None)


@final
class Platform:
    """The gateway on the repository's configuration."""

    def __init__(
        self, gateway: Gateway, signing: Signing, seen: list[Any], connect: Any, skipping: Any
    ) -> None:
        self.gateway = gateway
        self.seen = seen
        # Seconds that pass before each request: enough for every bucket to have room for one more.
        self.pace = 6
        self._signing = signing
        self._connect = connect
        self._skipping = skipping

    def token(self, subject: str = "user-1", **claims: object) -> str:
        """The field that shows a token."""
        return f"Authorization: Bearer {self._signing.token(subject, [], [], time.time(), **claims)}"

    async def ask(self, line: str, *fields: str, body: bytes = b"", host: str = "Host: a.example") -> Answer:
        """Send one request as it is written, on a connection of its own."""
        self.seen.clear()
        self._skipping.skipped += self.pace
        client = await self._connect(self.gateway)
        length = [f"Content-Length: {len(body)}"] if body else []
        lines = [field for field in (host, *fields, *length, "Connection: close") if field]
        head = "\r\n".join([f"{line} HTTP/1.1", *lines, "", ""])
        await client.send(head.encode("latin-1") + body)
        raw = await client.rest()
        return Answer(raw, [*self.seen])

    async def refusal(self, line: str, *fields: str, **more: Any) -> tuple[int | None, str | None] | str:
        """The status and the reason of an answer that no service has seen; PASSED where one has."""
        answer = await self.ask(line, *fields, **more)
        return PASSED if answer.seen else answer.refusal


@pytest.fixture
async def start(
    repository: Path, ports: Any, skipping: Any, backend: Any, connect: Any
) -> AsyncIterator[Callable[..., Awaitable[Platform]]]:
    """Start the platform, after `change` (old text, new text) in the file of policies of a service."""
    seen = []
    gateways = []

    async def take(request: web.Request) -> web.Response:
        if request.path != "/health":
            seen.append((request.method, request.raw_path, [*request.headers.items()]))
        return web.json_response({}, headers={"Access-Control-Allow-Origin": "*"})

    url = await backend(take)
    async with issuer() as signing:

        async def begin(file: str = "", *change: str) -> Platform:
            if file:
                path = repository.parent.parent / "policies" / file
                assert change[0] in path.read_text()
                path.write_text(path.read_text().replace(*change))
            environ = environment(dict.fromkeys(SERVICES, url)) | {"AZORA_ISSUER": signing.issuer}
            gateway = Gateway(load_snapshot(repository, environ, ports), ports)
            await gateway.start()
            gateways.append(gateway)
            return Platform(gateway, signing, seen, connect, skipping)

        yield begin
        for gateway in gateways:
            await gateway.stop()


@pytest.fixture
async def platform(start: Callable[..., Awaitable[Platform]]) -> Platform:
    """The gateway on the repository's configuration as it stands."""
    return await start()


BAD, GONE, NOBODY = (400, "bad_path"), (404, "no_route"), (401, "no_credentials")
FORBIDDEN = (403, "missing_permission")
PATHS = {
    "dot segments from a public path": ("/api/education/courses/../../pay/charges", BAD),
    "escaped dots": ("/api/education/courses/%2e%2e/%2E%2E/pay/charges", BAD),
    "half escaped dots": ("/api/education/courses/.%2e/%2e./pay/charges", BAD),
    "dots and escaped slashes in a variable": ("/api/education/courses/..%2f..%2fpay%2fcharges", BAD),
    "escaped dots and slashes": ("/api/education/courses/%2e%2e%2f%2e%2e%2fpay%2fcharges", BAD),
    "one dot": ("/api/./pay/charges", BAD),
    "a dot at the end": ("/api/pay/charges/.", BAD),
    "an escaped slash": ("/api/pay%2fcharges", BAD),
    "an empty segment": ("/api//pay/charges", BAD),
    "an empty segment in front": ("//api/pay/charges", BAD),
    "another authority in front": ("//evil.example/api/pay/charges", BAD),
    "an empty segment at the end": ("/api/pay/charges//", BAD),
    "a path parameter": ("/api/pay/charges;a=b", BAD),
    "a path parameter inside": ("/api/pay;a=b/charges", BAD),
    "a public path as a parameter": ("/api/pay/charges;/api/education/courses", BAD),
    "dots with a path parameter": ("/api/education/courses/..;/..;/pay/charges", BAD),
    "an escaped semicolon": ("/api/pay/charges%3ba=b", BAD),
    "a backslash": ("/api\\pay\\charges", BAD),
    "an escaped backslash": ("/api%5cpay/charges", BAD),
    "dots and backslashes": ("/api/education/courses\\..\\..\\pay\\charges", BAD),
    "dots escaped twice": ("/api/education/courses/%252e%252e/%252e%252e/pay/charges", BAD),
    "a slash escaped twice": ("/api/pay%252fcharges", BAD),
    "an escape of an escape": ("/api/%%37%30ay/charges", BAD),
    "an overlong slash": ("/api/pay%c0%afcharges", BAD),
    "overlong dots": ("/api/education/courses/%c0%ae%c0%ae/%c0%ae%c0%ae/pay/charges", BAD),
    "an overlong letter": ("/api/%c1%b0ay/charges", BAD),
    "wide dots": ("/api/education/courses/%u002e%u002e/pay/charges", BAD),
    "a NUL at the end": ("/api/pay/charges%00", BAD),
    "a NUL and a suffix": ("/api/pay/charges%00.css", BAD),
    "a line feed": ("/api/pay/charges%0a", BAD),
    "a request in the path": (
        "/api/gateway/products/x%20HTTP/1.1%0d%0aHost:%20a%0d%0a%0d%0aGET%20/charges",
        BAD,
    ),
    "a fragment": ("/api/pay/charges#/api/education/courses", BAD),
    "a percent alone": ("/api/pay/charges%", BAD),
    "a percent before one digit": ("/api/pay/charges%2", BAD),
    "an escaped fragment": ("/api/pay/charges%23", GONE),
    "an escaped question mark": ("/api/pay/charges%3Fa=b", GONE),
    "a blank at the end": ("/api/pay/charges%20", GONE),
    "a dot behind the name": ("/api/pay/charges.", GONE),
    "a dot behind the prefix": ("/api/pay./charges", GONE),
    "a suffix": ("/api/pay/charges.json", GONE),
    "a slash at the end": ("/api/pay/charges/", NOBODY),
    "upper case": ("/API/PAY/CHARGES", GONE),
    "one letter in upper case": ("/api/pay/Charges", GONE),
    "a letter that folds to another": ("/api/pay/charge%C5%BF", GONE),
    "wide letters": ("/api/%EF%BD%90ay/charges", GONE),
    "a prefix without its end": ("/api/paycharges", GONE),
    "a longer prefix": ("/api/pay-charges", GONE),
    "without the prefix": ("/charges", GONE),
    "the service's name": ("/azora-pay/charges", GONE),
    "what probes ask a service": ("/api/education/health", GONE),
    "an escaped letter": ("/api/p%61y/charges", NOBODY),
    "a question mark": ("/api/pay/charges?", NOBODY),
    "a public path in the query": ("/api/pay/charges?x=/api/education/courses", NOBODY),
    "dots in the query": ("/api/pay/charges?/../../education/courses", NOBODY),
    "a whole URL": ("http://a.example/api/pay/charges", NOBODY),
    "a whole URL with dots": ("http://a.example/api/education/courses/../../pay/charges", BAD),
    "a whole URL of another host": ("http://evil.example/api/pay/charges", (400, "bad_host")),
    "a user in a whole URL": ("http://a@a.example/api/pay/charges", (400, "bad_host")),
    "no slash": ("api/pay/charges", (400, "malformed_request")),
    "metrics": ("/metrics", GONE),
    "a profile": ("/debug/pprof/", GONE),
    "the admin listener's routes": ("/routes", GONE),
    "the admin listener's probes": ("/readyz?verbose", GONE),
    "a reload": ("/-/reload", GONE),
}


async def test_no_spelling_of_a_path_is_a_way_around(platform):
    seen = {id: await platform.refusal(f"GET {target}") for id, (target, _) in PATHS.items()}
    assert {id: expected for id, (_, expected) in PATHS.items()} == seen


async def test_no_spelling_of_a_path_is_a_way_around_for_somebody_who_may_not(platform):
    shown = platform.token(**STUDENT)
    seen = {id: await platform.refusal(f"GET {target}", shown) for id, (target, _) in PATHS.items()}
    forbidden = {id: FORBIDDEN if row[1] == NOBODY else row[1] for id, row in PATHS.items()}
    assert forbidden == seen


METHODS = {
    "get": (400, "malformed_request"),
    "GETS": (400, "malformed_request"),
    "HEAD": (401, None),
    "OPTIONS": (405, "method_not_allowed"),
    "PATCH": (405, "method_not_allowed"),
    "PURGE": (405, "method_not_allowed"),
    "TRACE": (405, "method_refused"),
}


async def test_no_method_is_a_way_around(platform):
    assert METHODS == {method: await platform.refusal(f"{method} {CHARGES}") for method in METHODS}


OVERRIDES = [
    "X-HTTP-Method-Override: {}",
    "x-http-method-override: {}",
    "X_HTTP_Method_Override: {}",
    "X-HTTP-Method: {}",
    "X-Method-Override: {}",
    "X.HTTP.Method.Override: {}",
    "X-Original-Method: {}",
]


async def test_no_field_makes_another_method_of_it(platform):
    """Neither for us, where a POST would need a right, nor for the service."""
    for override in OVERRIDES:
        sent = ("POST /api/education/courses", override.format("GET"), JSON)
        assert NOBODY == await platform.refusal(*sent, body=b"{}"), override
        answer = await platform.ask("GET /api/education/courses", override.format("POST"))
        ((method, path, fields),) = answer.seen
        assert ("GET", "/courses", False) == (method, path, "POST" in str(fields)), override


@pytest.mark.parametrize(
    ("target", "fields", "body"),
    [
        pytest.param("/api/education/courses?_method=GET", [JSON], b"{}", id="in the query"),
        pytest.param(
            "/api/education/courses",
            ["Content-Type: application/x-www-form-urlencoded"],
            b"_method=GET&title=a",
            id="in a form",
        ),
        pytest.param("/api/education/courses", [JSON], b'{"_method": "GET"}', id="in JSON"),
    ],
)
async def test_no_parameter_makes_another_method_of_it(platform, target, fields, body):
    for shown, expected in (([], NOBODY), ([platform.token(**STUDENT)], FORBIDDEN)):
        assert expected == await platform.refusal(f"POST {target}", *fields, *shown, body=body)


ELSEWHERE = [
    *("X-Original-URL", "X-Original-URI", "X-Rewrite-URL", "X-Forwarded-Uri", "X-Forwarded-Path"),
    *("X_Original_URL", "X-Original_URL", "X.Rewrite.URL", "X-Forwarded-Prefix", "X-Original-Host"),
    *("X-HTTP-Host-Override", "X-Forwarded-Server", "x-original-url", "X-Forwarded-Method"),
]


async def test_no_field_makes_another_path_of_it(platform):
    for name in ELSEWHERE:
        assert NOBODY == await platform.refusal(f"GET {CHARGES}", f"{name}: /api/education/courses"), name
        answer = await platform.ask("GET /api/education/courses", f"{name}: /charges")
        ((_, path, fields),) = answer.seen
        assert ("/courses", False) == (path, "/charges" in str(fields)), name


FORGED = [
    *("X-Auth-Subject", "x-auth-subject", "X-AUTH-SUBJECT", "x-AuTh-SuBjEcT", "X_Auth_Subject"),
    *("x_auth_subject", "X.Auth.Subject", "X-Auth_Subject", "X_Auth-Subject", "X-Auth.Subject"),
    *("X!Auth!Subject", "X~Auth~Subject", "X|Auth|Subject", "X-Auth-Roles", "X_AUTH_ROLES"),
    *("x.auth.roles", "X-Auth-Scopes", "X-Auth-Method", "X-Auth-Email", "X-Auth-Tenant"),
    *("X-Forwarded-User", "X_Forwarded_User", "X-Forwarded_Email", "X-Forwarded-Groups"),
]


def identity(fields):
    """The fields that tell who asks, however they are spelled."""
    folded = [("".join(c if c.isalnum() else "-" for c in name.lower()), value) for name, value in fields]
    return [(name, value) for name, value in folded if name.startswith(("x-auth-", "x-forwarded-user"))]


async def test_nobody_but_us_tells_who_asks(platform):
    """A token without a role does not let the client's own role through."""
    assert len(FORGED) >= 20
    forged = [f"{name}: admin" for name in FORGED]
    for token, told in (
        ((), []),
        ((platform.token(),), [("x-auth-subject", "user-1"), ("x-auth-method", "azora-id")]),
    ):
        answer = await platform.ask("GET /api/gateway/echo", *forged, *token)
        ((_, _, fields),) = answer.seen
        assert told == identity(fields)
        assert "admin" not in str(fields)
    assert FORBIDDEN == await platform.refusal(f"GET {CHARGES}", *forged, platform.token(**STUDENT))


@pytest.mark.parametrize(
    "named",
    [
        *("X-Auth-Subject", "x-auth-subject, X-Auth-Roles", "close, X_Auth_Subject", "X-Forwarded-For"),
        *("X-Forwarded-Host, X-Real-IP, X-Request-Id, Via, Host", "Content-Length", "Transfer-Encoding"),
    ],
)
async def test_connection_names_nothing_of_ours_away(platform, named):
    answer = await platform.ask(
        *("POST /api/gateway/echo", f"Connection: {named}", JSON, platform.token(**FINANCE)), body=b"{}"
    )
    ((_, _, fields),) = answer.seen
    names = {name.lower() for name, _ in fields}
    assert {"x-auth-subject", "x-auth-roles", "x-auth-method", "host", "content-length"} <= names
    assert {"x-forwarded-for", "x-forwarded-host", "x-real-ip", "x-request-id", "via"} <= names


SHOWN = {
    "named in Connection": (["Connection: Authorization", "{good}"], NOBODY),
    "the same twice": (["{good}", "{good}"], (400, "duplicate_field")),
    "two schemes": (["{good}", "authorization: Basic YTpi"], (400, "duplicate_field")),
    "the good one last": (["Authorization: Basic YTpi", "{good}"], (400, "duplicate_field")),
    "two in one field": (["{good}, Bearer x"], (400, "malformed_credentials")),
    "something behind it": (["{good} x"], (400, "malformed_credentials")),
    "a longer one": (["{good}x"], (401, "invalid_token")),
    "for a proxy": (["Proxy-{good}"], NOBODY),
    "in another field": (["X-{good}"], NOBODY),
    "in another spelling": (["X_{good}"], NOBODY),
    "in a cookie": (["Cookie: access_token={token}"], NOBODY),
    "without a scheme": (["Authorization: {token}"], NOBODY),
    "with another scheme": (["Authorization: Basic {token}"], NOBODY),
    "anything": (["Authorization: Bearer anything"], (401, "invalid_token")),
    "null": (["Authorization: Bearer null"], (401, "invalid_token")),
    "the good one alone passes": (["{good}", "X-Auth-Roles: finance"], PASSED),
}


async def test_a_token_is_taken_in_one_place_only(platform):
    good = platform.token(**FINANCE)
    token = good.rpartition(" ")[2]
    seen = {}
    for id, (fields, _) in SHOWN.items():
        shown = [field.format(good=good, token=token) for field in fields]
        seen[id] = await platform.refusal(f"GET {CHARGES}", *shown)
    assert {id: expected for id, (_, expected) in SHOWN.items()} == seen


async def test_a_token_in_the_query_is_none(platform):
    token = platform.token(**FINANCE).rpartition(" ")[2]
    for name in ("access_token", "token", "jwt", "Authorization", "bearer"):
        answer = await platform.ask(f"GET {CHARGES}?{name}={token}")
        assert (NOBODY, []) == (answer.refusal, answer.seen)
        assert token not in answer.head.decode() + answer.body.decode()


CLAIMS = {
    "expired": ({"exp": 1}, (401, "token_expired")),
    "an end that is a text": ({"exp": "9999999999"}, (401, "unusable_claims")),
    "not yet valid": ({"nbf": 9_999_999_998}, (401, "token_not_yet_valid")),
    "for others": ({"aud": "azora-api.evil.example"}, (401, "wrong_audience")),
    "another issuer": ({"iss": "http://127.0.0.1"}, (401, "wrong_issuer")),
    "a list of issuers": ({"iss": ["x"]}, (401, "wrong_issuer")),
    "an ID token": ({"nonce": "n"}, (401, "not_an_access_token")),
    "a text is one role": ({"roles": "finance"}, PASSED),
    "a mapping": ({"roles": {"finance": True}}, (401, "unusable_claims")),
    "a role in upper case": ({"roles": ["Finance"]}, FORBIDDEN),
    "a role and a blank": ({"roles": ["finance "]}, FORBIDDEN),
    "everything as a role": ({"roles": ["*"]}, FORBIDDEN),
    "a permission": ({"roles": ["payments:read"]}, FORBIDDEN),
    "a list in a list": ({"roles": [["finance"]]}, (401, "unusable_claims")),
    "a line feed in the subject": ({"sub": "a\r\nX-Auth-Roles: admin"}, (401, "unusable_claims")),
}


async def test_no_claim_says_more_than_it_says(platform):
    seen = {}
    for id, (claims, _) in CLAIMS.items():
        seen[id] = await platform.refusal(f"GET {CHARGES}", platform.token(**(FINANCE | claims)))
    assert {id: expected for id, (_, expected) in CLAIMS.items()} == seen


OTHERS = {
    "somebody else's": ("/api/mint/wallets/wallet-2", {}),
    "an escape is no letter": ("/api/mint/wallets/wallet-%31", {"wallet": "wallet-%31"}),
    "a list of wallets": ("/api/mint/wallets/wallet-1", {"wallet": ["wallet-1"]}),
    "no wallet": ("/api/mint/wallets/wallet-1", {"wallet": None}),
    "in the query": ("/api/mint/wallets/wallet-1?wallet=wallet-2", {"wallet": "wallet-2"}),
    "another session": ("/api/auth/sessions/session-2", {}),
    "another user": ("/api/auth/users/user-2", {}),
    "a blank behind the user": ("/api/auth/users/user-1%20", {}),
    "the user in upper case": ("/api/auth/users/USER-1", {}),
}


async def test_nobody_gets_what_is_somebody_else_s(platform):
    seen = {}
    for id, (target, claims) in OTHERS.items():
        seen[id] = await platform.refusal(f"GET {target}", platform.token(**STUDENT, **claims))
    assert dict.fromkeys(OTHERS, (403, "condition_failed")) == seen


async def test_an_address_that_a_client_names_is_not_counted(platform):
    """Five logins pass, whoever they say they are from."""
    platform.pace = 0
    statuses = []
    for number in range(10):
        spoofed = [f"{name}: 203.0.113.{number}" for name in SPOOFS if name != "Forwarded"]
        answer = await platform.ask(
            *("POST /api/auth/sessions", JSON, f"Forwarded: for=203.0.113.{number}", *spoofed), body=b"{}"
        )
        statuses.append(PASSED if answer.seen else answer.refusal)
    assert [PASSED] * 5 + [(429, "quota_exceeded")] * 5 == statuses


async def test_an_address_that_a_client_names_opens_nothing(start):
    """Tokens are issued from inside only, and here loopback is outside."""
    platform = await start("azora-mint.yaml", '127.0.0.0/8, "::1/128", ', "")
    sent = ("POST /api/mint/issues", JSON, platform.token(roles=["admin"]))
    for name in SPOOFS:
        for address in ("10.0.0.1", "127.0.0.1", "::1", "10.0.0.1, 127.0.0.1", "for=10.0.0.1"):
            refusal = await platform.refusal(*sent, f"{name}: {address}", body=b'{"amount": 1}')
            assert (403, "address_denied") == refusal, (name, address)


HOSTS = {
    "none": ("", [], (400, "bad_host")),
    "an empty one": ("Host:", [], (400, "bad_host")),
    "two": ("Host: a.example", ["Host: b.example"], (400, "duplicate_field")),
    "the same twice": ("Host: a.example", ["host: a.example"], (400, "duplicate_field")),
    "a user": ("Host: a@b.example", [], (400, "bad_host")),
    "a path": ("Host: a.example/x", [], (400, "bad_host")),
    "two ports": ("Host: a.example:80:90", [], (400, "bad_host")),
    "no port": ("Host: a.example:x", [], (400, "bad_host")),
    "a list": ("Host: a.example, b.example", [], (400, "bad_host")),
    "a fragment": ("Host: a.example#b", [], (400, "bad_host")),
    "the site's other name": ("Host: www.azora.example", [], NOBODY),
    "in upper case": ("Host: WWW.AZORA.EXAMPLE", [], NOBODY),
    "with a dot at the end": ("Host: www.azora.example.", [], NOBODY),
    "loopback": ("Host: localhost", [], NOBODY),
    "the admin listener's": ("Host: 127.0.0.1:9901", [], NOBODY),
    "a service's own": ("Host: mint.azora.example", [], NOBODY),
    "a forwarded one": ("Host: a.example", ["X-Forwarded-Host: www.azora.example"], NOBODY),
    "another forwarded one": ("Host: a.example", ["Forwarded: host=www.azora.example"], NOBODY),
}


async def test_no_host_is_a_way_around(platform):
    seen = {}
    for id, (host, fields, _) in HOSTS.items():
        seen[id] = await platform.refusal(f"GET {CHARGES}", *fields, host=host)
    assert {id: expected for id, (_, _, expected) in HOSTS.items()} == seen


REDIRECTS = {
    "a prefix": ("/a", ["X-Forwarded-Prefix: //evil.example"], "https://azora.example/a"),
    "a host": ("/a", ["X-Forwarded-Host: evil.example"], "https://azora.example/a"),
    "a name": ("/evil.example", [], "https://azora.example/evil.example"),
    "a user": ("/@evil.example", [], "https://azora.example/@evil.example"),
    "another authority": ("//evil.example", [], None),
    "a backslash": ("/\\evil.example", [], None),
    "an escaped slash": ("/%2fevil.example", [], None),
    "an escaped backslash": ("/%5cevil.example", [], None),
    "a tab": ("/%09/evil.example", [], None),
    "a line": ("/a%0d%0aSet-Cookie:%20a=b", [], None),
}


async def test_a_redirect_leads_where_it_is_said_to(platform):
    for id, (target, fields, location) in REDIRECTS.items():
        answer = await platform.ask(f"GET {target}", *fields, host="Host: www.azora.example")
        assert (location, 308 if location else 400) == (answer.field("Location"), answer.status), id


BOMBS = {
    "brackets": (b"[" * 4000, (400, "malformed_body")),
    "braces": (b'{"a":' * 800, (400, "malformed_body")),
    "whole brackets": (b"[" * 2000 + b"]" * 2000, (400, "malformed_body")),
    "a number without end": (b'{"user": "user-1", "amount": 1' + b"0" * 4000 + b"}", (400, "malformed_body")),
    "an exponent": (b'{"user": "user-1", "amount": 1e99999}', (400, "malformed_body")),
    "NaN": (b'{"user": "user-1", "amount": NaN}', (400, "malformed_body")),
    "a name twice": (b'{"user": "user-1", "amount": 1, "amount": 9000000}', (400, "malformed_body")),
    "a name twice by an escape": (
        b'{"user": "user-1", "amount": 1, "\\u0061mount": 9}',
        (400, "malformed_body"),
    ),
    "half a surrogate": (b'{"user": "\\ud800", "amount": 1}', (400, "malformed_body")),
    "a NUL": (b'{"user": "user-1\\u0000", "amount": 1}', (400, "malformed_body")),
    "UTF-16": ('{"user": "user-1", "amount": 1}'.encode("utf-16"), (400, "malformed_body")),
    "a byte order mark": (b'\xef\xbb\xbf{"user": "user-1", "amount": 1}', (400, "malformed_body")),
    "overlong UTF-8": (b'{"user": "\xc0\xaf", "amount": 1}', (400, "malformed_body")),
    "two texts": (b'{"user": "user-1", "amount": 1}{"amount": 2}', (400, "malformed_body")),
    "a comment": (b'{"user": "user-1", /* */ "amount": 1}', (400, "malformed_body")),
    "more than the route takes": (b'{"user": "' + b"a" * 5000 + b'", "amount": 1}', (413, "body_too_large")),
    "a text for a number": (b'{"user": "user-1", "amount": "1"}', (422, "invalid_body")),
    "a prototype": (b'{"user": "user-1", "amount": 1, "__proto__": {"admin": true}}', (422, "invalid_body")),
    "no object": (b"1", (422, "invalid_body")),
}


async def test_no_bomb_gets_to_a_service(platform):
    shown = platform.token(**FINANCE)
    begin = time.process_time()
    seen = {
        id: await platform.refusal(f"POST {CHARGES}", JSON, shown, body=b) for id, (b, _) in BOMBS.items()
    }
    assert {id: expected for id, (_, expected) in BOMBS.items()} == seen
    assert time.process_time() - begin < 2


ZIPPED = gzip.compress(b'{"user": "user-1", "amount": 1}' + b" " * 1_000_000)


CODINGS = {
    "gzip": (["Content-Encoding: gzip"], (415, "unsupported_encoding")),
    "in upper case": (["Content-Encoding: GZIP"], (415, "unsupported_encoding")),
    "an older name": (["Content-Encoding: x-gzip"], (415, "unsupported_encoding")),
    "in a list": (["Content-Encoding: identity, gzip"], (415, "unsupported_encoding")),
    "twice": (["Content-Encoding: identity", "Content-Encoding: br"], (415, "unsupported_encoding")),
    "in another spelling": (["Content_Encoding: gzip"], (400, "malformed_body")),
    "not said": ([], (400, "malformed_body")),
}


async def test_no_compressed_body_gets_to_a_service_that_looks_into_it(platform):
    sent = (f"POST {CHARGES}", JSON, platform.token(**FINANCE))
    seen = {id: await platform.refusal(*sent, *fields, body=ZIPPED) for id, (fields, _) in CODINGS.items()}
    assert {id: expected for id, (_, expected) in CODINGS.items()} == seen


async def test_no_transfer_coding_but_chunked(platform):
    shown = platform.token(**FINANCE)
    for coding in ("gzip, chunked", "chunked, gzip", "gzip", "identity", "xchunked", "\x0bchunked"):
        refusal = await platform.refusal(f"POST {CHARGES}", JSON, shown, f"Transfer-Encoding: {coding}")
        assert refusal in {(400, "ambiguous_framing"), (400, "malformed_request")}, coding


ASKED = ("Access-Control-Request-Method: PUT", "Access-Control-Request-Headers: authorization")
PERMISSIONS = {f"access-control-allow-{what}" for what in ("origin", "methods", "headers", "credentials")}
LOOK_ALIKES = [
    *("https://app.azora.example.evil.com", "https://azora.example.evil.com", "https://evilazora.example"),
    *("https://evil-azora.example", "https://azora.example", "https://app.azora.example:444"),
    *("https://app.azora.example:443", "http://app.azora.example", "https://APP.azora.example"),
    *("HTTPS://app.azora.example", "https://app.azora.example.", "https://app.azora.example/"),
    *("https://app.azora.example%60.evil.com", "https://app.azora.example_.evil.com"),
    *(
        "https://app.azora.example@evil.com",
        "https://evil.com@app.azora.example",
        "https://appXazora.example",
    ),
    *(
        "https://app.azora.examp1e",
        "https://.azora.example",
        "https://*.azora.example",
        "https://..azora.example",
    ),
    *("https://app.azora.example https://evil.com", "https://app.azora.example,https://evil.com"),
    *(
        "https://evil.com#app.azora.example",
        "https://evil.com/.azora.example",
        "https://evil.com?.azora.example",
    ),
    *(
        "https://evil.com\\.azora.example",
        "https://evil.com%2f.azora.example",
        "https://xn--pp-yka.azora.exampl",
    ),
    *("https://\u00e4pp.azora.example", "null", "", "*", "https://[::1]", "https://127.0.0.1", "file://"),
    *("wss://app.azora.example", "https://" + "a" * 8000 + ".azora.example"),
]


async def test_no_look_alike_of_an_origin_may_ask(platform):
    """Its preflight ends here, its script reads nothing, and what a browser adds by itself does not help."""
    for origin in LOOK_ALIKES:
        told = f"Origin: {origin}"
        answer = await platform.ask("OPTIONS /api/auth/sessions/session-1", told, *ASKED)
        assert (204, [], set()) == (answer.status, answer.seen, permissions(answer)), origin
        answer = await platform.ask("GET /api/education/courses", told)
        assert (200, set()) == (answer.status, permissions(answer)), origin
        sent = ("POST /api/auth/sessions", told, "Cookie: session=1", JSON)
        assert (403, "cross_site_request") == await platform.refusal(*sent, body=b"{}"), origin


async def test_an_origin_of_ours_may_ask(platform):
    """Else the test above would prove nothing."""
    told = "Origin: https://app.azora.example"
    answer = await platform.ask("OPTIONS /api/auth/sessions/session-1", told, *ASKED)
    assert (204, [], True) == (answer.status, answer.seen, PERMISSIONS <= permissions(answer))


def permissions(answer):
    """The names of the fields that tell a browser what a script may."""
    names = [line.partition(":")[0] for line in answer.head.decode("latin-1").lower().split("\r\n")[1:]]
    return {name for name in names if name.startswith("access-control-")}


async def test_two_origins_are_refused(platform):
    origins = ("Origin: https://app.azora.example", "Origin: https://evil.com")
    answer = await platform.ask("GET /api/education/courses", *origins)
    assert ((400, "duplicate_field"), []) == (answer.refusal, answer.seen)


async def test_a_preflight_needs_no_token_and_counts_nowhere(platform):
    """Not for the address, not for logins, and not in what is left: a browser asks without being asked to."""
    platform.pace = 0
    told = "Origin: https://app.azora.example"
    login = ("POST /api/auth/sessions", told, JSON)
    before = await platform.ask(*login, body=b"{}")
    for target in ("/api/auth/sessions", CHARGES, "/api/mint/issues", "/no/route"):
        for asked in ("POST", "PATCH", "GET"):
            for _ in range(25):
                answer = await platform.ask(
                    f"OPTIONS {target}", told, f"Access-Control-Request-Method: {asked}"
                )
                assert (204, []) == (answer.status, answer.seen), (target, asked)
                assert (None, None) == (answer.field("RateLimit"), answer.field("WWW-Authenticate"))
    after = await platform.ask(*login, body=b"{}")
    assert ("login", 4, 3) == (tier(before), left(before), left(after))
    # What is no preflight is a request like any other.
    statuses = [(await platform.refusal(f"OPTIONS {CHARGES}", told))[0] for _ in range(300)]
    assert {405, 429} == {*statuses}


def tier(answer):
    """The name of the tier that the client is told of."""
    return answer.field("RateLimit").partition(";")[0].strip('"')


def left(answer):
    """How much of it is left."""
    return int(answer.field("RateLimit").partition(";r=")[2].partition(";")[0])


async def test_the_body_of_a_refused_request_is_no_request(platform, connect):
    """Neither one that a length announces nor one in chunks; what follows is judged as itself."""
    inner = "GET /api/education/courses HTTP/1.1\r\nHost: a.example\r\n\r\n"
    head = f"POST {CHARGES} HTTP/1.1\r\nHost: a.example\r\n{JSON}\r\n"
    counted = f"{head}Content-Length: {len(inner)}\r\n\r\n{inner}"
    chunked = f"{head}Transfer-Encoding: chunked\r\n\r\n{len(inner):x}\r\n{inner}\r\n0\r\n\r\n"
    for sent in (counted, chunked):
        client = await connect(platform.gateway)
        await client.send(sent.encode())
        client.end()
        answer = await client.rest()
        assert [b"HTTP/1.1 401 "] == re.findall(rb"HTTP/1\.1 [0-9]{3} ", answer)
    assert [] == platform.seen


async def test_trailers_show_no_token_and_tell_no_identity(platform, connect):
    trailers = f"{platform.token(**FINANCE)}\r\nX-Auth-Roles: admin\r\nX-Forwarded-For: 10.0.0.1\r\n"
    fields = f"Host: a.example\r\nConnection: close\r\n{JSON}\r\nTrailer: Authorization"
    for target, status in ((CHARGES, b"401"), ("/api/gateway/echo", b"200")):
        head = f"POST {target} HTTP/1.1\r\n{fields}"
        client = await connect(platform.gateway)
        body = "2\r\n{}\r\n0\r\n" + trailers + "\r\n"
        await client.send(f"{head}\r\nTransfer-Encoding: chunked\r\n\r\n{body}".encode())
        assert status == (await client.rest())[9:12]
    ((method, path, fields),) = platform.seen
    assert ("POST", "/echo", []) == (method, path, identity(fields))
    assert {"authorization", "trailer"}.isdisjoint(name.lower() for name, _ in fields)


@pytest.mark.parametrize(
    "fields",
    [
        pytest.param(
            [
                "Connection: Upgrade, HTTP2-Settings",
                "Upgrade: h2c",
                "HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA",
            ],
            id="HTTP/2 in the clear",
        ),
        pytest.param(["Connection: Upgrade", "Upgrade: TLS/1.0"], id="TLS"),
        pytest.param(["Connection: Upgrade", "Upgrade: websocket, h2c"], id="a list"),
        pytest.param(["Upgrade: h2c"], id="without Connection"),
    ],
)
async def test_no_other_protocol_begins_behind_the_policies(platform, fields):
    answer = await platform.ask("GET /api/education/courses", *fields)
    assert 200 == answer.status
    ((_, _, forwarded),) = answer.seen
    assert {"upgrade", "http2-settings"}.isdisjoint(name.lower() for name, _ in forwarded)


async def test_a_chat_needs_a_token(platform):
    handshake = ("Connection: Upgrade", "Upgrade: websocket", "Sec-WebSocket-Version: 13")
    key = "Sec-WebSocket-Key: bW91bnQga2lsaW1hbmphcg=="
    assert NOBODY == await platform.refusal("GET /api/family/chat", *handshake, key)
    shown = platform.token(roles=["creator"])
    assert FORBIDDEN == await platform.refusal("GET /api/family/chat", *handshake, key, shown)


@pytest.mark.parametrize(
    "forged",
    [
        pytest.param(["X-Azora-Channel: pos", "X-Simulate: yes"], id="as they are written"),
        pytest.param(["x-azora-channel: pos", "x-SIMULATE: yes"], id="in another case"),
        pytest.param(["X_Azora_Channel: pos", "X_Simulate: yes", "X.Simulate: yes"], id="as CGI reads them"),
        pytest.param(
            ["X-Azora-Channel: pos", "X-Azora-Channel: pos", "Connection: X-Azora-Channel"], id="named away"
        ),
    ],
)
async def test_what_a_route_says_to_its_service_is_not_the_client_s(platform, forged):
    answer = await platform.ask(f"GET {CHARGES}", *forged, platform.token(**FINANCE))
    ((_, _, fields),) = answer.seen
    assert [("X-Azora-Channel", "web")] == [
        field for field in fields if field[0].lower().startswith("x-azora")
    ]
    assert "pos" not in [value for _, value in fields]
    assert "simulate" not in str(fields).lower()


async def test_nothing_that_a_client_sent_is_said_again(platform, caplog):
    """Not in a refusal, and not in a log, where it could forge lines or drive a terminal."""
    caplog.set_level(logging.DEBUG)
    answers = [
        await platform.ask("GET /canary%22%3Cscript%3E", "Accept: text/html"),
        await platform.ask(f"GET {CHARGES}?canary=%0aFAKE", "User-Agent: canary\x1b[2J"),
        await platform.ask("GET /x%0acanary"),
        await platform.ask(f"CANARY {CHARGES}"),
        await platform.ask(f"PURGE {CHARGES}?canary"),
        await platform.ask(f"GET {CHARGES}", "Authorization: Bearer canary"),
        await platform.ask(f"GET {CHARGES}", "Origin: https://canary.example%0d%0ax"),
        await platform.ask(f"GET {CHARGES}", "X-Request-Id: canary", "Referer: canary"),
        await platform.ask(f"GET {CHARGES}", host="Host: canary/"),
        await platform.ask(f"POST {CHARGES}", JSON, platform.token(**FINANCE), body=b'{"user": "canary"}'),
        await platform.ask(f"POST {CHARGES}", "Content-Type: canary/x", body=b"canary"),
    ]
    assert {400, 401, 404, 405, 415, 422} == {answer.status for answer in answers}
    assert [] == [answer.seen for answer in answers if answer.seen]
    assert [] == [
        answer.head + answer.body for answer in answers if b"canary" in (answer.head + answer.body).lower()
    ]
    assert "canary" not in caplog.text.lower()


async def test_no_control_character_gets_to_a_service(platform):
    """Its log may be read in a terminal."""
    for control in "\x00\x01\x08\x0b\x0c\x1b\x7f":
        refusal = await platform.refusal("GET /api/gateway/echo", f"User-Agent: a{control}[2J")
        assert (400, "malformed_request") == refusal, ascii(control)
