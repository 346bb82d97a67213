"""Who may ask: a model of a few roles, asked for every principal there could be."""

from itertools import combinations, product

import pytest

from gateway.diff.access import _beyond, access
from gateway.diff.change import Kind
from gateway.diff.seen import seen

ROLES = ("a", "b", "c")


def admits(clauses, roles):
    return all(not clause.isdisjoint(roles) for clause in clauses)


def test_what_several_roles_can_do_together_is_found_exactly():
    """For every two demands of up to two parts, and every set of roles."""
    sets = [frozenset(each) for size in range(4) for each in combinations(ROLES, size)]
    demands = [list(each) for size in range(3) for each in combinations(sets, size)]
    for old, new in product(demands, demands):
        wider = [roles for roles in sets if admits(new, roles) and not admits(old, roles)]
        example = _beyond(old, new)
        # A part that no role fulfils admits nobody, whatever the other parts are.
        assert bool(wider) == (example is not None), (old, new)
        if example is not None:
            roles = frozenset(example) - {"no role"}
            assert admits(new, roles)
            assert not admits(old, roles)


@pytest.fixture
def told(stage):
    """What differs between two routes of one configuration, `old` and `new`, as kinds and words."""
    policies = """\
    roles: {{clerk: {{permissions: ["a:read"]}}, boss: {{inherits: [clerk], permissions: ["a:write"]}}}}
    routes:
      - {{id: old, match: {{path: "/old/{{x}}"{methods}}}, upstream: backend, {old}}}
      - {{id: new, match: {{path: "/new/{{x}}"{methods}}}, upstream: backend, {new}}}
    """
    more = 'issuers: {remote: {issuer: "https://id.example", discovery: true, audience: [api]}}\n'

    def compare(old, new, methods=""):
        made = seen(stage(policies.format(old=old, new=new, methods=methods), more=more))
        return [(each.kind, each.what) for each in access(made["old"], made["new"])]

    return compare


@pytest.mark.parametrize(
    ("old", "new", "lines"),
    [
        pytest.param("auth: remote", "auth: remote", [], id="alike"),
        pytest.param(
            'auth: remote, allow: {permissions: ["a:write"]}',
            'auth: remote, allow: {permissions: ["a:read"]}',
            [(Kind.WIDENS, "clerk may newly ask")],
            id="a permission that more roles have",
        ),
        pytest.param(
            'auth: remote, allow: {permissions: ["a:read"]}',
            "auth: remote, allow: {roles: [clerk]}",
            [(Kind.NARROWS, "boss may no longer ask")],
            id="a role is not what inherits it",
        ),
        pytest.param(
            "auth: remote, allow: {roles: [boss]}",
            "auth: remote, allow: {roles: [boss], when: path.x == subject}",
            [
                (Kind.NARROWS, "boss may no longer ask without a condition"),
                (Kind.NARROWS, "the condition path.x == subject is asked"),
            ],
            id="a condition",
        ),
        pytest.param(
            "auth: remote, allow: {roles: [boss]}",
            "auth: remote, allow: {roles: [boss]}, report: [allow]",
            [(Kind.WIDENS, "who is verified and has no role may newly ask")],
            id="on trial",
        ),
    ],
)
def test_access_is_told_in_words(told, old, new, lines):
    assert lines == told(old, new)


def test_methods_of_a_condition_are_told(told):
    found = told(
        "auth: remote, allow: {when: \"method == 'GET'\"}",
        "auth: remote, allow: {when: \"method in ['GET', 'PUT']\"}",
        ", methods: [GET, PUT]",
    )
    assert found[0] == (Kind.WIDENS, "who is verified and has no role may newly ask (PUT)")
