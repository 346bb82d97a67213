import pytest

from gateway.policy.roles import Role, Roles, cycles

ROLES = {
    "student": Role(("courses:read", "assessments:take")),
    "educator": Role(("courses:write",), ("student",)),
    "principal": Role((), ("educator", "finance")),
    "finance": Role(("payments:*",)),
    "admin": Role(("*",)),
    "nobody": Role(),
}


@pytest.mark.parametrize(
    ("permission", "roles"),
    [
        pytest.param("courses:write", {"educator", "principal", "admin"}, id="to those who inherit it"),
        pytest.param("courses:read", {"student", "educator", "principal", "admin"}, id="from far, too"),
        pytest.param("payments:write", {"finance", "principal", "admin"}, id="with all of its area"),
        pytest.param("payment:write", {"admin"}, id="an area is no prefix"),
        pytest.param("payments:", {"finance", "principal", "admin"}, id="nor is a verb"),
        pytest.param("Courses:read", {"admin"}, id="case is not folded"),
        pytest.param("courses:re\u0430d", {"admin"}, id="a Cyrillic letter is another one"),
        pytest.param("mint:issue", {"admin"}, id="what nobody names, with everything"),
    ],
)
def test_a_permission_is_granted(permission, roles):
    known = Roles(ROLES)
    assert [roles, roles] == [known.granting(permission) for _ in range(2)]


def test_without_roles_nothing_is_granted():
    assert frozenset() == Roles({}).granting("courses:read")


@pytest.mark.parametrize(
    ("inherits", "found"),
    [
        pytest.param({"a": "b", "b": ""}, [], id="none"),
        pytest.param({"a": "bc", "b": "d", "c": "d", "d": ""}, [], id="two ways to one role are no circle"),
        pytest.param({"a": "a"}, [("a", "a")], id="itself"),
        pytest.param({"a": "b", "b": "a"}, [("a", "b", "a")], id="each other"),
        pytest.param({"a": "b", "b": "c", "c": "b"}, [("b", "c", "b")], id="a way that leads to one"),
        pytest.param({"a": "bb", "b": "ca", "c": "a"}, [("a", "b", "c", "a"), ("a", "b", "a")], id="two"),
        pytest.param({"a": "x"}, [], id="a role that nobody defined"),
    ],
)
def test_ways_back_are_found(inherits, found):
    assert found == cycles({name: Role((), tuple(others)) for name, others in inherits.items()})


def test_a_long_line_of_roles_overflows_nothing():
    line = {str(number): Role((), (str(number + 1),)) for number in range(20_000)}
    assert [] == cycles(line)
    assert 20_001 == len(Roles(line | {"20000": Role(("a:b",))}).granting("a:b"))


def test_roles_that_inherit_each_other_end():
    """They do not load; what grants is still found."""
    both = {"a": Role(("x:y",), ("b",)), "b": Role((), ("a",))}
    assert {"a", "b"} == Roles(both).granting("x:y")
