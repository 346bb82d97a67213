import pytest

from gateway.identity.jwks import usable


@pytest.fixture
def jwk(signer):
    return signer().jwk


def test_the_keys_of_a_set_are_read(jwk, signer):
    keys, content = usable({"keys": [jwk, signer("RS256", "second").jwk]})
    assert (2, 2) == (len(keys), len(content))
    assert ["first"] == [key.kid for key in keys.find("first", "ES256")]


def test_a_set_is_the_same_whatever_its_order(jwk, signer):
    other = signer("RS256", "second").jwk
    assert usable({"keys": [jwk, other]})[1] == usable({"keys": [other, dict(reversed(jwk.items()))]})[1]
    assert usable({"keys": [jwk]})[1] != usable({"keys": [jwk | {"kid": "second"}]})[1]


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({"kty": "oct", "kid": "first", "alg": "HS256", "k": "c2VjcmV0" * 8}, id="a secret"),
        pytest.param({"kty": "new"}, id="a type of another age"),
        pytest.param("x", id="no object"),
        pytest.param({}, id="nothing"),
    ],
)
def test_what_is_of_no_use_is_passed_over(jwk, more):
    keys, content = usable({"keys": [more, jwk]})
    assert (1, 1) == (len(keys), len(content))
    assert () == keys.find("first", "HS256")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda jwk: {}, id="no list"),
        pytest.param(lambda jwk: {"keys": {"a": jwk}}, id="an object"),
        pytest.param(lambda jwk: {"keys": []}, id="an empty list"),
        pytest.param(lambda jwk: {"keys": [jwk] * 101}, id="too many"),
        pytest.param(lambda jwk: {"keys": [jwk | {"d": "AQAB"}]}, id="private keys only"),
        pytest.param(lambda jwk: {"keys": [jwk | {"use": "enc"}]}, id="keys for encryption only"),
        pytest.param(lambda jwk: {"keys": [jwk | {"x": "AQAB"}]}, id="keys that are none"),
    ],
)
def test_a_set_that_refuses_everybody_is_refused(jwk, change):
    with pytest.raises(ValueError, match=r"^no (list of at most 100 keys|usable key)$"):
        usable(change(jwk))
