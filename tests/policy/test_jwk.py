import json
from pathlib import Path

import pytest

from gateway.policy.credential import Refused
from gateway.policy.jwk import FixedKeys, Key, KeySet, public_key, shared_key
from gateway.policy.jws import decoded, read

SUITE = json.loads((Path(__file__).parent / "suites" / "wycheproof_json_web_signature.json").read_bytes())
ASYMMETRIC = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"]
MESSAGE = b"a.b"
# Where we are stricter than the suite, which takes these for valid: the key says another `alg` (346, 350) or
# one that does not exist (347, 351), or base64url has a `?` in it (372, 373).
STRICTER = dict.fromkeys([346, 347, 350, 351, 372, 373], False)
# These were to have padding that they lost on the way: byte for byte they are the valid 357.
IDENTICAL = dict.fromkeys([367, 370], True)


def key_of(jwk):
    """The key of a group; a secret there is bytes, of which ours are the UTF-8 of a text."""
    if jwk["kty"] != "oct":
        return public_key(jwk)
    raw = decoded(jwk["k"].encode())
    return Key(jwk["kid"], raw, {jwk["alg"]: shared_key("s" * 64)._verifiers[jwk["alg"]]})


def payload(jwk, jws):
    """What a token carries if the key vouches for it, None if not."""
    try:
        signed = read(jws.encode())
        keys = KeySet([key_of(jwk)]).find(signed.kid, signed.algorithm)
    except (Refused, ValueError):
        return None
    is_good = any(key.verifies(signed.algorithm, signed.message, signed.signature) for key in keys)
    return signed.payload if is_good else None


@pytest.mark.parametrize(
    ("jwk", "tests"), [pytest.param(g["key"], g["tests"], id=g["comment"]) for g in SUITE["groups"]]
)
def test_it_judges_as_wycheproof_does(jwk, tests):
    seen = {test["tcId"]: payload(jwk, test["jws"]) is not None for test in tests}
    ours = STRICTER | IDENTICAL
    assert {test["tcId"]: ours.get(test["tcId"], test["result"] == "valid") for test in tests} == seen


@pytest.mark.parametrize("algorithm", [*ASYMMETRIC, "Ed25519"])
def test_a_key_verifies_what_its_owner_signed(signer, algorithm):
    owner = signer(algorithm)
    key = public_key(owner.jwk)
    signed = read(owner.token())
    names = {"EdDSA", "Ed25519"}
    assert (names if algorithm in names else {algorithm}) == key.algorithms
    assert key.verifies(algorithm, signed.message, signed.signature)
    assert not key.verifies(algorithm, signed.message + b"x", signed.signature)
    assert not key.verifies(algorithm, signed.message, signed.signature[:-1])
    assert not key.verifies(algorithm, signed.message, b"")


@pytest.mark.parametrize(
    ("signing", "kept"),
    [
        pytest.param("RS256", {"RS256", "RS384", "RS512", "PS256", "PS384", "PS512"}, id="RSA"),
        pytest.param("ES384", {"ES384"}, id="a curve has one algorithm"),
        pytest.param("EdDSA", {"EdDSA", "Ed25519"}, id="two names of one thing"),
    ],
)
def test_without_alg_the_type_says_what_a_key_is_for(signer, signing, kept):
    jwk = {name: value for name, value in signer(signing).jwk.items() if name not in ("alg", "use")}
    assert kept == public_key(jwk).algorithms


@pytest.mark.parametrize(
    ("secret", "algorithms"),
    [
        pytest.param("s" * 32, {"HS256"}, id="32 bytes"),
        pytest.param("s" * 63, {"HS256", "HS384"}, id="63 bytes"),
        pytest.param("é" * 32, {"HS256", "HS384", "HS512"}, id="64 bytes of UTF-8"),
    ],
)
def test_a_secret_is_for_what_it_is_long_enough_for(secret, algorithms):
    key = shared_key(secret)
    assert (algorithms, None) == (key.algorithms, key.kid)
    assert "s" * 8 not in repr(key)


def test_no_key_knows_an_algorithm_that_is_none(signer):
    for key in (public_key(signer("RS256").jwk), shared_key("s" * 64)):
        for name in ("none", "None", "NONE", "nOnE", "", "hs256"):
            assert not key.verifies(name, MESSAGE, b"")


def changed(**members):
    return lambda jwk: {name: value for name, value in (jwk | members).items() if value != "absent"}


@pytest.mark.parametrize(
    ("algorithm", "change", "expected"),
    [
        pytest.param("RS256", changed(kty="oct", k="c2VjcmV0"), "without private", id="a secret"),
        pytest.param("RS256", changed(d="AQAB"), "without private", id="a private key"),
        pytest.param("ES256", changed(d="AQAB"), "without private", id="a private key on a curve"),
        pytest.param("RS256", changed(use="enc"), "by its use", id="a key for encryption"),
        pytest.param("RS256", changed(key_ops=["encrypt"]), "by its use", id="operations of another kind"),
        pytest.param("RS256", changed(key_ops="verify"), "by its use", id="operations that are no list"),
        pytest.param("RS256", changed(kid=7), "whose kid", id="a kid that is a number"),
        pytest.param("RS256", changed(kid=""), "whose kid", id="an empty kid"),
        pytest.param("RS256", changed(alg="ES256"), "alg fits", id="an algorithm of another type"),
        pytest.param("RS256", changed(alg="HS256"), "alg fits", id="an algorithm for secrets"),
        pytest.param("RS256", changed(alg="none"), "alg fits", id="no algorithm"),
        pytest.param("RS256", changed(alg=["RS256"]), "alg fits", id="a list of algorithms"),
        pytest.param("ES256", changed(alg="ES384"), "alg fits", id="an algorithm of another curve"),
        pytest.param("ES256", changed(crv="secp256k1"), "a public key", id="a curve of coins"),
        pytest.param("ES256", changed(crv=["P-256"]), "a public key", id="a curve that is a list"),
        pytest.param(
            "ES256", changed(crv="P-384"), "numbers make one|alg fits", id="a point of another curve"
        ),
        pytest.param("ES256", changed(x="AQAB"), "numbers make one", id="a point on no curve"),
        pytest.param("ES256", changed(y="absent"), "members crv, x, y", id="half a point"),
        pytest.param("EdDSA", changed(crv="X25519"), "a public key", id="a curve for agreement"),
        pytest.param("EdDSA", changed(x="AQAB"), "numbers make one", id="too short a point"),
        pytest.param("RS256", changed(kty="absent"), "a public key", id="no type"),
        pytest.param("RS256", changed(kty=["RSA"]), "a public key", id="a type that is a list"),
        pytest.param("RS256", changed(n="absent"), "members n, e", id="no modulus"),
        pytest.param("RS256", changed(n=7), "members n, e", id="a modulus that is a number"),
        pytest.param("RS256", changed(n="AQAB"), "2048|numbers", id="24 bits of RSA"),
        pytest.param("RS256", changed(n="_" * 171), "2048", id="1024 bits of RSA"),
        pytest.param("RS256", changed(n="_" * 2000), "2048", id="12000 bits of RSA"),
        pytest.param("RS256", changed(n="_" * 3000), "members n, e", id="more text than any key has"),
        pytest.param("RS256", changed(e="Ag"), "numbers", id="an even exponent"),
        pytest.param("RS256", changed(e="A+=="), "members n, e", id="plain base64"),
    ],
)
def test_what_is_no_public_key_for_signatures_is_refused(signer, algorithm, change, expected):
    with pytest.raises(ValueError, match=f"^an? .*({expected})|^({expected})"):
        public_key(change(signer(algorithm).jwk))


def test_a_secret_that_is_too_short_is_refused():
    with pytest.raises(ValueError, match="at least 32 bytes") as error:
        shared_key("hunter2")
    assert "hunter2" not in str(error.value)


def named(kid, *algorithms):
    return Key(kid, None, dict.fromkeys(algorithms))


@pytest.mark.parametrize(
    ("keys", "kid", "found"),
    [
        pytest.param(["a", "b"], "b", [1], id="by its name"),
        pytest.param(["a", "b"], "c", [], id="no key of that name"),
        pytest.param(["a", "b"], None, [0, 1], id="a token without a name may have any"),
        pytest.param([None], "a", [0], id="a key without a name is for any token"),
        pytest.param(["a", None], "a", [0], id="a key of that name comes first"),
        pytest.param(["a", "a"], "a", [0, 1], id="two of one name"),
        pytest.param(["../a", "' OR 1=1 --"], "../a", [0], id="names are only names"),
        pytest.param([None] * 9, None, [0, 1, 2, 3], id="no more than four are tried"),
    ],
)
def test_a_token_says_which_key_it_means(keys, kid, found):
    made = [named(name, "ES256") for name in keys]
    assert tuple(made[number] for number in found) == FixedKeys(KeySet(made)).find(kid, "ES256")
    assert len(made) == len(KeySet(made))


def test_a_key_of_another_algorithm_is_not_meant():
    keys = KeySet([named("a", "RS256"), named("a", "ES256")])
    assert ["ES256"] == [*keys.find("a", "ES256")[0].algorithms]
    assert () == keys.find("a", "HS256")
