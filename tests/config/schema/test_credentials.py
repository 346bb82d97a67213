"""Entries of keys and users, and that nothing of a secret is told."""

import bcrypt
import pytest
from argon2 import PasswordHasher
from pydantic import ValidationError

from gateway.config.schema.credentials import ApiKeySpec, UserSpec

KEY = {"id": "abcd", "sha256": "0" * 64, "principal": "probe"}
ARGON2 = PasswordHasher(1, 7 * 1024, 1).hash("x")
BCRYPT = bcrypt.hashpw(b"x", bcrypt.gensalt(4)).decode().replace("$04$", "$10$")
USER = {"name": "thandi", "hash": ARGON2}


def message(spec, entry):
    with pytest.raises(ValidationError) as error:
        spec.model_validate(entry)
    (found,) = error.value.errors()
    return found["msg"]


@pytest.mark.parametrize(
    "more",
    [
        pytest.param({}, id="the least"),
        pytest.param({"roles": ["a"], "scopes": ["b"], "tier": "gold", "disabled": True}, id="words"),
        pytest.param(
            {"not_before": "2027-01-01T00:00:00Z", "expires": "2027-01-01T02:00:00+02:00"}, id="moments"
        ),
    ],
)
def test_a_key_is_read(more):
    spec = ApiKeySpec.model_validate(KEY | more)
    assert spec.model_fields_set == (KEY | more).keys()
    assert more.get("expires") is None or spec.expires == spec.not_before == 1798761600.0


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        pytest.param({"id": "abc"}, "match pattern", id="a short id"),
        pytest.param({"id": "ABCD"}, "match pattern", id="an id in capitals"),
        pytest.param({"id": "ab_cd"}, "match pattern", id="an id with what ends it"),
        pytest.param({"id": "abcd\n"}, "match pattern", id="an id with a line feed"),
        pytest.param({"sha256": "gw_live_abcd_secret"}, "expected the SHA-256", id="the key itself"),
        pytest.param({"sha256": "A" * 64}, "expected the SHA-256", id="a digest in capitals"),
        pytest.param({"sha256": "0" * 65}, "expected the SHA-256", id="a long digest"),
        pytest.param({"principal": ""}, "at least 1 character", id="nobody"),
        pytest.param({"principal": "a\nb"}, "printable", id="a line break"),
        pytest.param({"principal": "a" * 257}, "at most 256", id="a name without end"),
        pytest.param({"expires": "2027-01-01"}, "a moment such as", id="a day"),
        pytest.param({"expires": "2027-01-01T00:00:00"}, "a moment such as", id="a moment of no zone"),
        pytest.param({"expires": "2027-13-01T00:00:00Z"}, "a moment such as", id="a month that is none"),
        pytest.param({"rolls": []}, "not permitted", id="a key that is misspelt"),
    ],
)
def test_what_is_no_key_is_told(more, expected):
    assert expected in message(ApiKeySpec, KEY | more)


@pytest.mark.parametrize(
    "hash",
    [
        pytest.param(ARGON2, id="argon2id"),
        pytest.param(PasswordHasher().hash("x"), id="argon2id, as its library makes it"),
        pytest.param(BCRYPT, id="bcrypt"),
        pytest.param(BCRYPT.replace("$2b$10", "$2y$14"), id="bcrypt, of htpasswd"),
    ],
)
def test_a_user_is_read(hash):
    assert hash == UserSpec.model_validate(USER | {"hash": hash}).hash


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        pytest.param({"name": "a:b"}, "without a colon", id="a colon"),
        pytest.param({"name": "a\0b"}, "printable", id="a NUL"),
        pytest.param({"hash": "hunter2"}, "expected an argon2id or bcrypt hash", id="the password itself"),
        pytest.param({"hash": "0" * 64}, "expected an argon2id or bcrypt hash", id="a fast hash"),
        pytest.param({"hash": ARGON2.replace("2id", "2i")}, "argon2id or bcrypt", id="argon2i"),
        pytest.param({"hash": ARGON2.replace("2id", "2d")}, "argon2id or bcrypt", id="argon2d"),
        pytest.param({"hash": ARGON2.replace("v=19", "v=16")}, "argon2id or bcrypt", id="an old argon2"),
        pytest.param({"hash": ARGON2 + "\n"}, "argon2id or bcrypt", id="a line feed"),
        pytest.param({"hash": ARGON2.replace("m=7168", "m=1024")}, "of 7 to 256 MiB", id="a cheap argon2id"),
        pytest.param({"hash": ARGON2.replace("m=7168", "m=9999999")}, "of 7 to 256 MiB", id="a memory bomb"),
        pytest.param({"hash": ARGON2.replace("t=1", "t=99")}, "at most 16 passes", id="a bomb of passes"),
        pytest.param({"hash": ARGON2.replace("p=1", "p=99")}, "8 lanes", id="a bomb of lanes"),
        pytest.param({"hash": ARGON2.replace("t=1", "t=0")}, "at most 16 passes", id="no pass"),
        pytest.param({"hash": BCRYPT.replace("$10$", "$04$")}, "of cost 10 to 14", id="a cheap bcrypt"),
        pytest.param({"hash": BCRYPT.replace("$10$", "$31$")}, "of cost 10 to 14", id="a bcrypt bomb"),
    ],
)
def test_what_is_no_user_is_told(more, expected):
    assert expected in message(UserSpec, USER | more)


def test_a_spec_does_not_show_what_is_secret():
    assert "0000" not in repr(ApiKeySpec.model_validate(KEY))
    assert "argon2" not in repr(UserSpec.model_validate(USER))
