import pytest

from gateway.http.reply import problem
from gateway.policy import Principal, Reason
from gateway.policy.allow import Allow, Demand
from gateway.policy.condition import condition
from gateway.policy.report import Reported
from gateway.policy.roles import Role, Roles

SOURCE = "policies/azora-pay.yaml:7"
NOBODY = problem(401, Reason.NO_CREDENTIALS, "Who?", (b"WWW-Authenticate", b'Basic realm="a"'))
ROLES = Roles(
    {
        "student": Role(("courses:read",)),
        "educator": Role(("courses:write",), ("student",)),
        "admin": Role(("*",)),
    }
)


def principal(*roles, scopes=(), subject="user-1", claims=None):
    return Principal(subject, "azora-id", frozenset(roles), frozenset(scopes), claims or {})


def demand(*permissions, roles=(), scopes=(), when=None):
    granting = tuple(map(ROLES.granting, permissions))
    return Demand(granting, frozenset(roles), scopes, condition(when, ("id",)) if when else None)


@pytest.mark.parametrize(
    ("demanded", "asking", "reason"),
    [
        pytest.param(demand("courses:read"), principal("student"), None, id="a role that grants it"),
        pytest.param(demand("courses:read"), principal("educator"), None, id="a role that inherits it"),
        pytest.param(demand("courses:read"), principal("admin"), None, id="a role that may do everything"),
        pytest.param(
            demand("courses:write"), principal("student"), Reason.MISSING_PERMISSION, id="no role grants it"
        ),
        pytest.param(demand("courses:read"), principal(), Reason.MISSING_PERMISSION, id="no role at all"),
        pytest.param(
            demand("courses:read"), principal("stranger"), Reason.MISSING_PERMISSION, id="an unknown role"
        ),
        pytest.param(
            demand("courses:read"),
            principal("courses:read", "*", scopes=["courses:read"]),
            Reason.MISSING_PERMISSION,
            id="a role and a scope that are called like a permission",
        ),
        pytest.param(
            demand("courses:read"), principal("Student"), Reason.MISSING_PERMISSION, id="case is not folded"
        ),
        pytest.param(
            demand("courses:read"),
            principal("stud\u0435nt"),
            Reason.MISSING_PERMISSION,
            id="a look-alike letter",
        ),
        pytest.param(
            demand("courses:read"), principal("student "), Reason.MISSING_PERMISSION, id="a blank behind"
        ),
        pytest.param(
            demand("courses:read", "courses:write"),
            principal("student"),
            Reason.MISSING_PERMISSION,
            id="one permission of two",
        ),
        pytest.param(
            demand("courses:read", "courses:write"), principal("educator"), None, id="two permissions of two"
        ),
        pytest.param(
            Demand(permissions=(frozenset(),)),
            principal("admin"),
            Reason.MISSING_PERMISSION,
            id="a permission that nothing grants is granted to nobody",
        ),
        pytest.param(demand(roles=["admin", "educator"]), principal("educator"), None, id="one role of two"),
        pytest.param(
            demand(roles=["student"]),
            principal("educator", "admin"),
            Reason.MISSING_ROLE,
            id="to inherit a role is not to hold it",
        ),
        pytest.param(demand(scopes=("a", "b")), principal(scopes=["b", "c", "a"]), None, id="all scopes"),
        pytest.param(
            demand(scopes=("a", "b")),
            principal(scopes=["a"]),
            Reason.INSUFFICIENT_SCOPE,
            id="one scope of two",
        ),
        pytest.param(
            demand(scopes=("a",)), principal("a"), Reason.INSUFFICIENT_SCOPE, id="a role is no scope"
        ),
        pytest.param(demand(when="path.id == subject"), principal(subject="7"), None, id="a condition holds"),
        pytest.param(
            demand(when="path.id == subject"), principal(), Reason.CONDITION_FAILED, id="a condition does not"
        ),
        pytest.param(
            demand(when="not claims.banned"), principal(), Reason.CONDITION_FAILED, id="it is not known"
        ),
        pytest.param(
            demand("courses:read", roles=["student"], scopes=("a",), when="path.id == subject"),
            principal("student", scopes=["a"], subject="7"),
            None,
            id="every part holds",
        ),
        pytest.param(
            demand("courses:read", roles=["student"], scopes=("a",), when="true"),
            principal("educator", scopes=["a"]),
            Reason.MISSING_ROLE,
            id="one part of four does not",
        ),
    ],
)
def test_a_principal_is_judged(exchange, demanded, asking, reason):
    allow = Allow(demanded, SOURCE, NOBODY)
    verdicts = [allow(exchange(captures=(b"7",), principal=asking)) for _ in range(2)]
    assert [reason, reason] == [verdict and verdict.reason for verdict in verdicts]
    assert verdicts[0] is verdicts[1]
    assert {403} >= {verdict.status for verdict in verdicts if verdict}


@pytest.mark.parametrize(
    "demanded",
    [
        pytest.param(demand("courses:read"), id="a permission"),
        pytest.param(demand(scopes=("a",)), id="a scope"),
        pytest.param(demand(when='address in "192.0.2.0/24"'), id="what holds of the request alone"),
        pytest.param(demand(when="true"), id="nothing but a name"),
    ],
)
def test_who_did_not_say_who_he_is_is_asked(exchange, demanded):
    assert NOBODY is Allow(demanded, SOURCE, NOBODY)(exchange())


def test_a_missing_scope_is_told_with_those_that_are_needed(exchange):
    """RFC 6750 3.1."""
    reply = Allow(demand(scopes=("pay.write", "pay.read")), SOURCE, NOBODY)(exchange(principal=principal()))
    challenge = b'Bearer error="insufficient_scope", scope="pay.write pay.read"'
    assert (403, (b"WWW-Authenticate", challenge)) == (reply.status, reply.fields[-1])


def test_no_other_refusal_of_a_principal_asks_again(exchange):
    """RFC 9110 15.5.4: other credentials may do, but these were understood."""
    for demanded in (demand("courses:write"), demand(roles=["admin"]), demand(when="false")):
        reply = Allow(demanded, SOURCE, NOBODY)(exchange(principal=principal("student")))
        assert [b"Cache-Control"] == [name for name, _ in reply.fields]


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b"X-HTTP-Method-Override: GET", id="the usual one"),
        pytest.param(b"X-Method-Override: GET", id="another one"),
        pytest.param(b"X-Original-URL: /public", id="of the URL"),
        pytest.param(b"X-Auth-Roles: admin", id="of the roles"),
    ],
)
def test_no_field_changes_a_verdict(exchange, line):
    allow = Allow(demand(when='method == "GET" or "admin" in roles'), SOURCE, NOBODY)
    asked = exchange(method=b"DELETE", lines=[line], principal=principal("student"))
    assert Reason.CONDITION_FAILED is allow(asked).reason


def test_head_is_judged_as_get(exchange):
    allow = Allow(demand(when='method == "GET"'), SOURCE, NOBODY)
    assert [None, None] == [allow(exchange(method=each, principal=principal())) for each in (b"GET", b"HEAD")]


def test_two_principals_of_one_role_are_not_one(exchange):
    """What is remembered is of roles and scopes; a condition is asked each time."""
    allow = Allow(demand("courses:read", when="path.id == subject"), SOURCE, NOBODY)
    verdicts = [
        allow(exchange(captures=(b"7",), principal=principal("student", subject=each))) for each in "787"
    ]
    assert [None, Reason.CONDITION_FAILED, None] == [each and each.reason for each in verdicts]


def test_what_is_remembered_is_bounded(exchange):
    allow = Allow(demand("courses:read"), SOURCE, NOBODY)
    for number in range(3000):
        assert allow(exchange(principal=principal("student", f"role-{number}"))) is None
        assert allow(exchange(principal=principal(f"role-{number}"))) is not None
    assert len(allow._verdicts) <= 1024


def test_a_principal_with_very_many_roles_is_not_remembered(exchange):
    allow = Allow(demand("courses:read"), SOURCE, NOBODY)
    many = principal("student", *map(str, range(1000)))
    assert [None, None] == [allow(exchange(principal=many)) for _ in range(2)]
    assert {} == allow._verdicts


@pytest.mark.parametrize(
    ("asking", "reason"),
    [
        pytest.param(None, Reason.NO_CREDENTIALS, id="nobody"),
        pytest.param(principal("student"), Reason.MISSING_PERMISSION, id="somebody who may not"),
    ],
)
def test_on_trial_it_refuses_nobody(exchange, asking, reason):
    asked = exchange(principal=asking)
    assert None is Reported(Allow(demand("courses:write"), SOURCE, NOBODY))(asked)
    assert (("allow", reason),) == asked.reported


def test_it_says_its_name_and_its_place():
    allow = Allow(demand(when="true"), SOURCE, NOBODY)
    assert ("allow", SOURCE) == (allow.name, allow.source)
