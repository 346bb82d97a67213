import asyncio
import base64
import json
from hashlib import sha256

import pytest
from cryptography.hazmat.primitives import hmac
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from gateway.policy import Reason
from gateway.policy.authn import Identity
from gateway.policy.claims import Claims
from gateway.policy.credential import Authorization, Cookie, Parameter
from gateway.policy.jwk import FixedKeys, KeySet, public_key, shared_key
from gateway.policy.token import Selected, Tokens, bearer

NOW = 1_800_000_000
CLAIMS = {"iss": "https://id.example", "aud": "api", "sub": "thandi", "exp": NOW + 600}
RULES = Claims("azora-id", "https://id.example", frozenset(["api"]), 30.0)
CHALLENGE = bearer("azora", None)
AUTHORIZATION = Authorization()


class Changing:
    """Keys that a test changes, at hand or not."""

    def __init__(self, *signers):
        self.generation = 0
        self.asked = []
        self.later = False
        self.put(*signers)

    def put(self, *signers):
        self.generation += 1
        self.keys = KeySet([public_key(signer.jwk) for signer in signers])

    def find(self, kid, algorithm):
        self.asked.append(kid)
        found = None if self.keys is None else self.keys.find(kid, algorithm)
        return self.wait(found) if self.later else found

    async def wait(self, found):
        return found


class Time:
    now = NOW

    def __call__(self):
        return self.now


@pytest.fixture
def tokens():
    """The method of the issuer of all tokens here, with these keys."""

    def make(keys, algorithms=("ES256",), wall=lambda: NOW, looked_at=(AUTHORIZATION,), claims=RULES):
        return Tokens(
            claims=claims,
            algorithms=algorithms,
            keys=keys,
            wall=wall,
            looked_at=looked_at,
            places=looked_at,
            challenge=CHALLENGE,
        )

    return make


def reason(outcome):
    """Why a token was refused, None if it was not."""
    return None if isinstance(outcome, Identity) else outcome.reason


def test_a_good_token_makes_an_identity(tokens, signer, exchange):
    method = tokens(Changing(signer()))
    token = signer().token(CLAIMS | {"roles": ["educator"]}, typ="at+jwt")
    identity = method(exchange(fields=[(b"Authorization", b"Bearer " + token)]))
    assert ("thandi", "azora-id") == (identity.principal.subject, identity.principal.method)
    assert (b"X-Auth-Roles", b"educator") in identity.fields


def test_no_token_is_no_outcome(tokens, signer, exchange):
    method = tokens(Changing(signer()))
    assert method(exchange()) is None
    assert method(exchange(fields=[(b"Authorization", b"Basic YTpi")])) is None


@pytest.mark.parametrize(
    ("field", "status", "why"),
    [
        pytest.param(b"Bearer", 400, Reason.MALFORMED_CREDENTIALS, id="a scheme alone"),
        pytest.param(b"Bearer a b", 400, Reason.MALFORMED_CREDENTIALS, id="a blank in it"),
        pytest.param(b"Bearer a, Bearer b", 400, Reason.MALFORMED_CREDENTIALS, id="two of them"),
        pytest.param(b"Bearer \xff", 400, Reason.MALFORMED_CREDENTIALS, id="no ASCII"),
        pytest.param(b"Bearer abc", 401, Reason.INVALID_TOKEN, id="no signed token"),
        pytest.param(b"Bearer a.b.c", 401, Reason.INVALID_TOKEN, id="three parts of nothing"),
        pytest.param(b"Bearer " + b"a" * 20_000, 401, Reason.INVALID_TOKEN, id="20 KB"),
    ],
)
def test_what_is_no_token_is_refused(tokens, signer, exchange, field, status, why):
    reply = tokens(Changing(signer()))(exchange(fields=[(b"Authorization", field)]))
    assert (status, why) == (reply.status, reply.reason)
    challenge = dict(reply.fields)[b"WWW-Authenticate"]
    assert challenge.startswith(b'Bearer realm="azora", error="invalid_')
    assert field[7:] not in b"".join([*dict(reply.fields).values(), reply.body.before]) or not field[7:]


def test_tokens_that_differ_are_refused(tokens, signer, exchange):
    places = AUTHORIZATION, Cookie(b"session"), Parameter(b"token")
    method = tokens(Changing(signer()), looked_at=places)
    one, other = signer().token(), signer().token(CLAIMS | {"sub": "johan"})
    header, cookie = (b"Authorization", b"Bearer " + one), (b"Cookie", b"session=" + other)
    assert Reason.AMBIGUOUS_CREDENTIALS is reason(method(exchange(fields=[header, cookie])))
    same = exchange(fields=[header], query=b"?token=" + one)
    assert isinstance(method(same), Identity)


def test_every_refusal_is_a_constant_of_the_issuer(tokens, signer, exchange):
    method = tokens(Changing(signer()))
    bad = [(b"Authorization", b"Bearer a.b.c")]
    assert method(exchange(fields=bad)) is method(exchange(fields=bad))


def altered(token, part, change):
    parts = token.split(b".")
    raw = base64.urlsafe_b64decode(parts[part] + b"==")
    parts[part] = base64.urlsafe_b64encode(change(raw)).rstrip(b"=")
    return b".".join(parts)


@pytest.mark.parametrize(
    ("attack", "why"),
    [
        pytest.param(lambda s: s.token()[:-4], Reason.INVALID_TOKEN, id="a signature cut short"),
        pytest.param(lambda s: s.token().rpartition(b".")[0] + b".", Reason.INVALID_TOKEN, id="no signature"),
        pytest.param(
            lambda s: altered(s.token(), 1, lambda raw: raw.replace(b"thandi", b"admin1")),
            Reason.INVALID_TOKEN,
            id="another subject",
        ),
        pytest.param(
            lambda s: altered(s.token(), 2, lambda raw: bytes(64)), Reason.INVALID_TOKEN, id="r = s = 0"
        ),
        pytest.param(
            lambda s: altered(s.token(), 2, lambda raw: raw[:-1] + bytes([raw[-1] ^ 1])),
            Reason.INVALID_TOKEN,
            id="a bit of the signature",
        ),
        pytest.param(lambda s: s.token(kid="second"), Reason.UNKNOWN_KEY, id="a key that there is not"),
        pytest.param(lambda s: s.token(kid="../../../../dev/null"), Reason.UNKNOWN_KEY, id="a path as kid"),
        pytest.param(lambda s: s.token(kid="x' UNION SELECT 'k' --"), Reason.UNKNOWN_KEY, id="SQL as kid"),
        pytest.param(lambda s: s.token(kid="http://127.0.0.1/k"), Reason.UNKNOWN_KEY, id="a URL as kid"),
        pytest.param(lambda s: s.token(alg="ES384"), Reason.INVALID_TOKEN, id="an algorithm not accepted"),
        pytest.param(lambda s: s.token(crit=["x-mfa"], **{"x-mfa": 1}), Reason.INVALID_TOKEN, id="crit"),
        pytest.param(lambda s: s.token(crit=["exp"]), Reason.INVALID_TOKEN, id="crit of what is known"),
        pytest.param(lambda s: s.token(typ="dpop+jwt"), Reason.WRONG_KIND, id="a token of another kind"),
        pytest.param(lambda s: s.token(b"[]"), Reason.INVALID_TOKEN, id="claims that are a list"),
        pytest.param(lambda s: s.token(b'{"a":' * 2000), Reason.INVALID_TOKEN, id="claims that are deep"),
        pytest.param(
            lambda s: s.token(json.dumps(CLAIMS).encode()[:-1] + b', "sub":"admin"}'),
            Reason.INVALID_TOKEN,
            id="a claim twice",
        ),
        pytest.param(
            lambda s: s.signed(b'{"alg":"ES256","kid":"no","kid":"first"}', json.dumps(CLAIMS).encode()),
            Reason.INVALID_TOKEN,
            id="a member of the header twice",
        ),
        pytest.param(
            lambda s: s.token(CLAIMS | {"sub": "a\r\nX-Auth-Roles: admin"}),
            Reason.UNUSABLE_CLAIMS,
            id="a line break in a subject",
        ),
        pytest.param(
            lambda s: s.token(CLAIMS | {"roles": ["a\nb"]}), Reason.UNUSABLE_CLAIMS, id="and in a role"
        ),
        pytest.param(lambda s: s.token(CLAIMS | {"exp": NOW - 31}), Reason.EXPIRED, id="expired"),
    ],
)
def test_a_token_that_was_tampered_with_is_refused(tokens, signer, attack, why):
    method = tokens(Changing(signer()))
    token = attack(signer())
    assert [why, why] == [reason(method.verify(token)) for _ in range(2)]


def test_no_byte_of_a_token_can_be_another(tokens, signer):
    """Nor can one be added or left out: a token has one spelling."""
    method = tokens(Changing(signer()))
    token = signer().token()
    others = {
        token[:at] + put + token[at + len(put) :] for at in range(len(token)) for put in (b"A", b"9", b".")
    }
    others |= {token[:at] + token[at + 1 :] for at in range(len(token))}
    others |= {token[:at] + put + token[at:] for at in range(len(token) + 1) for put in (b"A", b"=", b"-")}
    others.discard(token)
    assert not [other for other in others if isinstance(method.verify(other), Identity)]


@pytest.mark.parametrize("name", ["none", "None", "NONE", "nOnE", ""])
@pytest.mark.parametrize("end", [b".", b".YQ"])
def test_unsigned_tokens_are_refused(tokens, signer, name, end):
    """Also by an issuer whose algorithms somebody got past the schema."""
    keys = Changing(signer("RS256"))
    header = base64.urlsafe_b64encode(json.dumps({"alg": name}).encode()).rstrip(b"=")
    body = base64.urlsafe_b64encode(json.dumps(CLAIMS).encode()).rstrip(b"=")
    for algorithms in (("RS256",), ("RS256", name)):
        refused = tokens(keys, algorithms).verify(header + b"." + body + end)
        assert reason(refused) in (Reason.INVALID_TOKEN, Reason.UNKNOWN_KEY)


def texts_of(public):
    """All that a public key may be written as, for somebody who takes the text for a secret."""
    pem = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    pkcs1 = public.public_bytes(Encoding.PEM, PublicFormat.PKCS1)
    der = public.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)
    ssh = public.public_bytes(Encoding.OpenSSH, PublicFormat.OpenSSH)
    return [pem, pem.rstrip(), pkcs1, der, ssh, b""]


def test_a_public_key_is_never_a_secret(tokens, signer):
    """Also by an issuer whose algorithms somebody got past the checks of the configuration."""
    owner = signer("RS256")
    secrets = [*texts_of(owner.public), json.dumps(owner.jwk).encode()]
    for secret in secrets:
        message = owner.token(alg="HS256").rpartition(b".")[0]
        mac = hmac.HMAC(secret, SHA256())
        mac.update(message)
        forged = message + b"." + base64.urlsafe_b64encode(mac.finalize()).rstrip(b"=")
        for algorithms in (("RS256",), ("RS256", "HS256")):
            outcome = tokens(Changing(owner), algorithms).verify(forged)
            assert reason(outcome) in (Reason.INVALID_TOKEN, Reason.UNKNOWN_KEY)


@pytest.mark.parametrize("name", ["jku", "x5u", "jwk", "x5c"])
def test_a_token_does_not_choose_who_vouches_for_it(tokens, signer, name):
    """What a header says about keys is not read, and a good token may say it."""
    keys = Changing(signer())
    attacker = signer("ES256", "attacker")
    values = {
        "jku": "http://127.0.0.1:1/k",
        "x5u": "http://a@127.0.0.1/",
        "jwk": attacker.jwk,
        "x5c": ["MII"],
    }
    for kid, why in (
        ("attacker", Reason.UNKNOWN_KEY),
        ("first", Reason.INVALID_TOKEN),
        (None, Reason.INVALID_TOKEN),
    ):
        outcome = tokens(keys).verify(attacker.token(**{name: values[name], "kid": kid}))
        assert why is reason(outcome)
    assert isinstance(tokens(keys).verify(signer().token(**{name: values[name]})), Identity)


def test_a_shared_secret_verifies_its_own(tokens, signer):
    owner = signer("HS256", None)
    method = tokens(FixedKeys(KeySet([shared_key("s" * 32)])), ("HS256",))
    assert isinstance(method.verify(owner.token()), Identity)
    assert isinstance(method.verify(owner.token(kid="any")), Identity)
    assert Reason.INVALID_TOKEN is reason(method.verify(owner.token()[:-2]))


def test_a_verified_token_is_remembered(tokens, signer):
    keys = Changing(signer())
    method = tokens(keys)
    token = signer().token()
    first = method.verify(token)
    assert first is method.verify(bytes(bytearray(token)))
    assert ["first"] == keys.asked


def test_a_remembered_token_ends_when_it_says(tokens, signer):
    time = Time()
    method = tokens(Changing(signer()), wall=time)
    token = signer().token()
    assert isinstance(method.verify(token), Identity)
    time.now = NOW + 629.9
    assert isinstance(method.verify(token), Identity)
    time.now = NOW + 630
    assert Reason.EXPIRED is reason(method.verify(token))


def test_a_remembered_token_counts_only_while_its_key_does(tokens, signer):
    keys = Changing(signer())
    method = tokens(keys)
    token = signer().token()
    assert isinstance(method.verify(token), Identity)
    keys.put(signer("ES256", "second"))
    assert Reason.UNKNOWN_KEY is reason(method.verify(token))
    keys.put(signer(), signer("ES256", "second"))
    assert isinstance(method.verify(token), Identity)


@pytest.mark.parametrize("later", [False, True], ids=["at once", "after a wait"])
@pytest.mark.parametrize("more", ["", "x" * 4000], ids=["remembered", "verified each time"])
async def test_a_bound_token_counts_beside_its_certificate(tokens, signer, exchange, later, more):
    keys = Changing(signer())
    keys.later = later
    method, certificate = tokens(keys), b"DER"
    thumbprint = base64.urlsafe_b64encode(sha256(certificate).digest()).rstrip(b"=").decode()
    token = signer().token(CLAIMS | {"cnf": {"x5t#S256": thumbprint}, "more": more})
    for shown in (None, b"another", certificate, None, b"another", certificate):
        here = exchange(fields=[(b"Authorization", b"Bearer " + token)])
        here.request.certificate = shown
        for each in (method, Selected(method, ())):
            said = each(here)
            said = await said if hasattr(said, "__await__") else said
            assert (None if shown == certificate else Reason.BOUND) is reason(said)


@pytest.mark.parametrize("confirmation", [{"jkt": "x"}, {}, None, "x", {"x5t#S256": "x"}])
def test_a_token_that_is_bound_otherwise_is_refused(tokens, signer, confirmation):
    token = signer().signed(
        json.dumps({"alg": "ES256", "kid": "first"}).encode(),
        json.dumps(CLAIMS | {"cnf": confirmation}).encode(),
    )
    reply = tokens(Changing(signer())).verify(token, b"DER")
    assert (401, Reason.BOUND) == (reply.status, reply.reason)


def test_a_refused_token_is_not_remembered(tokens, signer):
    keys = Changing()
    method = tokens(keys)
    token = signer().token()
    assert Reason.UNKNOWN_KEY is reason(method.verify(token))
    keys.put(signer())
    assert isinstance(method.verify(token), Identity)


def test_a_long_token_is_verified_each_time(tokens, signer):
    keys = Changing(signer())
    method = tokens(keys)
    token = signer().token(CLAIMS | {"more": "x" * 4000})
    assert isinstance(method.verify(token), Identity)
    assert isinstance(method.verify(token), Identity)
    assert 2 == len(keys.asked)


async def test_keys_may_be_waited_for(tokens, signer):
    keys = Changing(signer())
    keys.later = True
    method = tokens(keys)
    assert isinstance(await method.verify(signer().token()), Identity)
    assert Reason.UNKNOWN_KEY is reason(await method.verify(signer().token(kid="other")))


async def test_without_keys_nobody_is_judged(tokens, signer):
    keys = Changing()
    keys.keys = None
    method = tokens(keys)
    reply = method.verify(signer().token())
    assert (503, Reason.KEYS_UNAVAILABLE) == (reply.status, reply.reason)
    keys.later = True
    assert reply is await method.verify(signer().token())


async def test_a_key_that_vanishes_while_it_is_waited_for_is_not_remembered(tokens, signer):
    """The set may change between the answer and the judgement: what is remembered is of the older."""
    keys = Changing(signer())
    keys.later = True
    method = tokens(keys)
    waiting = asyncio.ensure_future(method.verify(signer().token()))
    keys.put(signer("ES256", "second"))
    assert isinstance(await waiting, Identity)
    keys.later = False
    assert Reason.UNKNOWN_KEY is reason(method.verify(signer().token()))


def test_among_several_issuers_a_token_says_whose_it_is(tokens, signer, exchange):
    other = Claims("other", "https://other.example", frozenset(["api"]), 0.0)
    last = tokens(Changing(signer("ES256", "second")), claims=other)
    first = Selected(tokens(Changing(signer())), (last,))
    theirs = signer("ES256", "second").token(CLAIMS | {"iss": "https://other.example"})
    for token, expected in ((signer().token(), "azora-id"), (theirs, "other")):
        here = exchange(fields=[(b"Authorization", b"Bearer " + token)])
        assert expected == (first(here) or last(here)).principal.method
        assert expected == (first(here) or last(here)).principal.method
    nobody = exchange(fields=[(b"Authorization", b"Bearer abc")])
    assert (None, None) == (first(nobody), first(exchange()))
    assert Reason.INVALID_TOKEN is reason(last(nobody))


def test_a_token_that_only_one_issuer_looks_for_is_for_that_one_to_refuse(tokens, signer, exchange):
    """Otherwise it would pass for no token at all, and proof may be optional."""
    last = tokens(Changing(signer("ES256", "second")), looked_at=(Cookie(b"session"),))
    first = Selected(tokens(Changing(signer())), (last,))
    strange = signer("ES256", "second").token(CLAIMS | {"iss": "https://evil.example"})
    for token, why in ((b"abc", Reason.INVALID_TOKEN), (strange, Reason.UNKNOWN_KEY)):
        shown = (b"Authorization", b"Bearer " + token)
        assert why is reason(first(exchange(fields=[shown])))
        assert first(exchange(fields=[shown, (b"Cookie", b"session=" + token)])) is None
    assert Reason.MALFORMED_CREDENTIALS is reason(first(exchange(fields=[(b"Authorization", b"Bearer")])))


def test_a_challenge_may_point_at_a_document():
    assert b'Bearer realm="azora"' == CHALLENGE
    expected = b'Bearer realm="a", resource_metadata="https://a.example/.well-known/oauth-protected-resource"'
    assert expected == bearer("a", "https://a.example/.well-known/oauth-protected-resource")
