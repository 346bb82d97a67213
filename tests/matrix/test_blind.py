"""What is certain of a condition before there is a request, held against requests of all kinds."""

from itertools import product

import pytest

from gateway.http.edits import Block
from gateway.http.request import Request
from gateway.matrix.blind import certain
from gateway.policy import Exchange, Principal
from gateway.policy.condition import condition

CONDITIONS = [
    ("'admin' in roles", True, False),
    ("'admin' in roles or path.who == subject", True, None),
    ("path.who == subject or 'admin' in roles", True, None),
    ("'admin' in roles and path.who == subject", None, False),
    ("not 'admin' in roles", False, True),
    ("not (path.who == 'path.who' or 'admin' in roles)", False, None),
    ("method == 'GET'", None, None),
    ("method == 'GET' or method != 'GET'", True, True),
    ("method == 'GET' and 'admin' in roles", None, False),
    ("'pay' in scopes", None, None),
    ("subject in ['a', 'b']", None, None),
    ("subject in roles", None, None),
    ("claims.subject == 'a'", None, None),
    ("claims.email_verified", None, None),
    ("claims.\"https://a.example/path.who\" == 'x'", None, None),
    ("address in ['10.0.0.0/8']", None, None),
    ("not address in ['10.0.0.0/8'] and 'admin' in roles", None, False),
    ("path.who in roles", None, None),
    ("path.who == claims.path.who", None, None),
    ("'path.who' == 'path.who'", True, True),
    ("'it is \"subject\"' == 'scopes'", False, False),
]


@pytest.mark.parametrize(("when", "admin", "other"), [pytest.param(*row, id=row[0]) for row in CONDITIONS])
def test_what_is_certain_is_told(when, admin, other):
    assert (admin, other) == tuple(certain(when, frozenset([role]), ()) for role in ("admin", "guest"))


def test_a_method_decides_where_it_is_known():
    when = "method in ['GET', 'PUT']"
    assert (True, True, False) == tuple(
        certain(when, frozenset(), [each]) for each in ("GET", "HEAD", "POST")
    )


@pytest.mark.parametrize("when", [row[0] for row in CONDITIONS])
def test_what_is_certain_holds_for_every_request(when):
    """The verdict on the whole request is the one that was certain."""
    asked = condition(when, ("who",))
    known = [
        {},
        {"email_verified": True, "subject": "a"},
        {"path": {"who": "a"}, "https://a.example/path.who": "x"},
    ]
    people = product(("a", "admin"), (frozenset(), frozenset(["pay"])), known)
    for (subject, scopes, claims), role, method, who, client in product(
        people,
        ("admin", "guest"),
        (b"GET", b"POST", b"HEAD"),
        (b"a", b"path.who", b"admin"),
        ("10.0.0.1", "192.0.2.1", ""),
    ):
        principal = Principal(subject, "", frozenset([role]), scopes, claims)
        request = Request(method, b"", b"/", b"", [], {}, 0, client, False, Block(()))
        verdict = certain(when, principal.roles, ())
        if verdict is not None:
            assert verdict is asked(Exchange(request, b"", (who,)), principal)
