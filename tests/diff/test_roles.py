"""What roles grant."""

import pytest

from gateway.diff.change import Kind
from gateway.diff.roles import roles


@pytest.fixture
def told(stage):
    def compare(old, new):
        sides = [stage(f"roles: {{{text}}}\nroutes: []\n") for text in (old, new)]
        return [(each.kind, each.what) for group in roles(*sides) for each in group.changes]

    return compare


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        pytest.param('a: {permissions: ["x:y"]}', 'a: {permissions: ["x:y"]}', [], id="alike"),
        pytest.param(
            'a: {permissions: ["x:*"]}',
            'a: {permissions: ["x:y"]}',
            [(Kind.NARROWS, "no longer grants x:*")],
            id="less",
        ),
        pytest.param(
            'a: {permissions: ["x:y"]}',
            'a: {permissions: ["x:*"]}',
            [(Kind.WIDENS, "grants x:*")],
            id="an area",
        ),
        pytest.param('a: {permissions: ["*"]}', "", [(Kind.NARROWS, "no longer grants *")], id="a role less"),
        pytest.param(
            "", "a: {}", [(Kind.CHANGES, "is added, and grants nothing of its own")], id="an empty one"
        ),
        pytest.param(
            "a: {}", "", [(Kind.CHANGES, "is removed, and grants nothing of its own")], id="and back"
        ),
        pytest.param(
            'b: {permissions: ["x:y"]}, a: {}',
            'b: {permissions: ["x:y"]}, a: {inherits: [b]}',
            [(Kind.WIDENS, "grants x:y")],
            id="by inheritance",
        ),
        pytest.param(
            'b: {permissions: ["x:y"]}, a: {inherits: [b]}',
            'b: {permissions: ["x:y"]}, a: {permissions: ["x:y"]}',
            [],
            id="the same in other words",
        ),
    ],
)
def test_roles_are_compared(told, old, new, lines):
    assert lines == told(old, new)
