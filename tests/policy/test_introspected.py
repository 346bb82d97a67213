"""Tokens that an endpoint is asked about: what of its answer proves something."""

from base64 import urlsafe_b64encode
from hashlib import sha256

import pytest

from gateway.policy import Reason
from gateway.policy.authn import Identity
from gateway.policy.claims import Claims
from gateway.policy.credential import Authorization
from gateway.policy.introspected import IntrospectedTokens
from gateway.policy.questions import Introspection

NOW = 1_800_000_000
ENDPOINT = Introspection("https://id.example/introspect", "gateway", "secret", 2.0, 60.0)
ACTIVE = {"active": True, "sub": "thandi", "exp": NOW + 60}
ISSUER = "https://id.example"
CERTIFICATE = b"DER"
BOUND = {"cnf": {"x5t#S256": urlsafe_b64encode(sha256(CERTIFICATE).digest()).rstrip(b"=").decode()}}


class Endpoint:
    """The port: says the same about every token, at once or later; `asked` has the tokens."""

    def __init__(self, told, later):
        self.told = told
        self.later = later
        self.asked = []

    def introspect(self, endpoint, token):
        assert endpoint is ENDPOINT
        self.asked.append(token)
        return self.wait() if self.later else self.told

    async def wait(self):
        return self.told


@pytest.fixture(params=[False, True], ids=["at once", "after a wait"])
def ask(request, exchange):
    async def verdict(told, *, issuer="", audience=(), token=b"opaque", certificate=None):
        place = Authorization()
        method = IntrospectedTokens(
            endpoint=ENDPOINT,
            claims=Claims("legacy", issuer, frozenset(audience), 30.0),
            verifier=Endpoint(told, request.param),
            wall=lambda: NOW,
            looked_at=(place,),
            places=(place,),
            challenge=b'Bearer realm="edge"',
        )
        here = exchange(fields=[(b"Authorization", b"Bearer " + token)] if token is not None else [])
        here.request.certificate = certificate
        said = method(here)
        return await said if hasattr(said, "__await__") else said

    return verdict


async def test_an_active_token_proves_who_asks(ask):
    said = await ask(ACTIVE | {"scope": "a b", "roles": ["x"], "client_id": "c"})
    assert ("thandi", "legacy", {"a", "b"}, {"x"}) == (
        said.principal.subject,
        said.principal.method,
        said.principal.scopes,
        said.principal.roles,
    )
    assert "c" == said.principal.claims["client_id"]
    assert NOW + 90 == said.principal.expires
    assert (b"X-Auth-Subject", b"thandi") in said.fields


async def test_a_token_may_have_no_end(ask):
    said = await ask({"active": True, "sub": "thandi"})
    assert said.principal.expires is None
    assert {"active": True, "sub": "thandi"} == said.principal.claims


@pytest.mark.parametrize(
    ("told", "reason"),
    [
        pytest.param({"active": False}, Reason.INACTIVE, id="inactive"),
        pytest.param(ACTIVE | {"active": False}, Reason.INACTIVE, id="inactive, with all else"),
        pytest.param({}, Reason.INACTIVE, id="an answer that does not say"),
        pytest.param(ACTIVE | {"active": "true"}, Reason.INACTIVE, id="a text"),
        pytest.param(ACTIVE | {"active": 1}, Reason.INACTIVE, id="a number"),
        pytest.param(ACTIVE | {"exp": NOW - 30}, Reason.EXPIRED, id="expired, leeway and all"),
        pytest.param(ACTIVE | {"nbf": NOW + 31}, Reason.EARLY, id="not valid yet"),
        pytest.param(ACTIVE | {"exp": "9999999999"}, Reason.UNUSABLE_CLAIMS, id="an end that is a text"),
        pytest.param(ACTIVE | {"exp": None}, Reason.UNUSABLE_CLAIMS, id="an end that is null"),
        pytest.param({"active": True}, Reason.UNUSABLE_CLAIMS, id="nobody"),
        pytest.param(ACTIVE | {"sub": ""}, Reason.UNUSABLE_CLAIMS, id="an empty name"),
        pytest.param(ACTIVE | {"sub": "a\r\nX: y"}, Reason.UNUSABLE_CLAIMS, id="a line break in the name"),
        pytest.param(ACTIVE | {"cnf": {"jkt": "x"}}, Reason.BOUND, id="bound to a key"),
        pytest.param(ACTIVE | BOUND, Reason.BOUND, id="bound to a certificate that is not there"),
    ],
)
async def test_another_answer_is_refused(ask, told, reason):
    said = await ask(told)
    assert (401, reason) == (said.status, said.reason)
    assert b'error="invalid_token"' in dict(said.fields)[b"WWW-Authenticate"]


async def test_a_bound_token_counts_beside_its_certificate(ask):
    assert isinstance(await ask(ACTIVE | BOUND, certificate=CERTIFICATE), Identity)
    assert Reason.BOUND is (await ask(ACTIVE | BOUND, certificate=b"another")).reason


@pytest.mark.parametrize(
    ("demanded", "more", "reason"),
    [
        pytest.param({"issuer": ISSUER}, {"iss": ISSUER}, None, id="the issuer"),
        pytest.param({"issuer": ISSUER}, {"iss": "x"}, Reason.WRONG_ISSUER, id="another issuer"),
        pytest.param({"issuer": ISSUER}, {}, Reason.WRONG_ISSUER, id="an issuer that is not told"),
        pytest.param({"audience": ["api"]}, {"aud": ["x", "api"]}, None, id="the audience"),
        pytest.param({"audience": ["api"]}, {"aud": "x"}, Reason.WRONG_AUDIENCE, id="another audience"),
        pytest.param({"audience": ["api"]}, {}, Reason.WRONG_AUDIENCE, id="an audience that is not told"),
        pytest.param({"audience": ["api"]}, {"aud": ""}, Reason.WRONG_AUDIENCE, id="an empty audience"),
        pytest.param({}, {"iss": "x", "aud": ["y"]}, None, id="whoever, where nothing is demanded"),
        pytest.param({}, {"iss": 1, "aud": 2}, None, id="whatever, where nothing is demanded"),
    ],
)
async def test_what_is_demanded_has_to_be_told(ask, demanded, more, reason):
    said = await ask(ACTIVE | more, **demanded)
    assert reason == (None if isinstance(said, Identity) else said.reason)


async def test_where_nobody_can_tell_nobody_passes(ask):
    said = await ask(None)
    assert (503, Reason.VERIFIER_UNAVAILABLE) == (said.status, said.reason)
    assert (b"Retry-After", b"5") in said.fields


async def test_who_shows_no_token_is_left_to_others(ask):
    assert await ask(ACTIVE, token=None) is None


@pytest.mark.parametrize(
    ("token", "status", "reason"),
    [
        pytest.param(b"a b", 400, Reason.MALFORMED_CREDENTIALS, id="two words"),
        pytest.param(b"", 400, Reason.MALFORMED_CREDENTIALS, id="no word"),
        pytest.param(b"a\xff", 400, Reason.MALFORMED_CREDENTIALS, id="no text"),
        pytest.param(b"a&token=b", 400, Reason.MALFORMED_CREDENTIALS, id="another member of the question"),
        pytest.param(b"a" * 20_000, 401, Reason.INVALID_TOKEN, id="a huge one"),
    ],
)
async def test_what_cannot_be_a_token_is_not_asked_about(ask, token, status, reason):
    said = await ask(ACTIVE, token=token)
    assert (status, reason) == (said.status, said.reason)
