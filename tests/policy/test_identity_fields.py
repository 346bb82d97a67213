import pytest

from gateway.policy import Principal
from gateway.policy.identity_fields import identity_fields


def told(subject="a", method="id", **more):
    principal = Principal(subject, method, **{name: frozenset(words) for name, words in more.items()})
    return dict(identity_fields(principal))


def test_the_backend_is_told_who_asks():
    assert {
        b"X-Auth-Subject": b"user-1",
        b"X-Auth-Roles": b"educator,student",
        b"X-Auth-Scopes": b"a:read",
        b"X-Auth-Method": b"azora-id",
    } == told("user-1", "azora-id", roles=["student", "educator"], scopes=["a:read"])


def test_what_there_is_none_of_is_not_told():
    assert {b"X-Auth-Subject": b"a", b"X-Auth-Method": b"id"} == told()


@pytest.mark.parametrize(
    ("subject", "value"),
    [
        pytest.param("Thandi Mokoena", b"Thandi%20Mokoena", id="a blank"),
        pytest.param(" admin", b"%20admin", id="a blank that a parser would take away"),
        pytest.param("é", b"%C3%A9", id="not ASCII"),
        pytest.param("%C3%A9", b"%25C3%25A9", id="what only looks escaped"),
        pytest.param("a,b", b"a,b", id="a comma, where there is one value"),
        pytest.param("auth0|5f7c\"'", b"auth0|5f7c\"'", id="visible ASCII"),
        pytest.param("\U0001f600", b"%F0%9F%98%80", id="beyond the first plane"),
    ],
)
def test_a_subject_is_spelled_in_visible_ascii(subject, value):
    assert value == told(subject)[b"X-Auth-Subject"]


def test_a_comma_in_a_role_is_no_second_role():
    assert b"a%2Cadmin,b" == told(roles=["a,admin", "b"])[b"X-Auth-Roles"]


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("a\r\nX-Auth-Roles: admin", id="a line break"),
        pytest.param("a\n", id="a line feed at the end"),
        pytest.param("a\x00", id="a zero"),
        pytest.param("a\x7f", id="delete"),
        pytest.param("a\x85b", id="the line break of another age"),
        pytest.param("\ud800", id="half a character"),
        pytest.param("a" * 5000, id="too long"),
    ],
)
def test_what_is_no_name_is_refused(text):
    for place in ({"subject": text}, {"roles": [text]}, {"scopes": [text]}):
        with pytest.raises(ValueError):
            told(**place)
