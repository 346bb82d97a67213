"""Roles and demands that cannot be meant, each with its place."""

from dataclasses import replace

import pytest

from gateway.config import entry
from gateway.config.allow import problems, ungranted
from gateway.config.tree import Tree

HEAD = """
version: 1
upstreams: {pay: {endpoints: ["http://h"]}}
policies: [policies]
"""
ROLES = 'roles: {payer: {permissions: ["payments:write", "invoices:*"]}}\n'


@pytest.fixture
def told(report):
    """The problems of a file of policies, without its name and without what other keys lack."""

    def tell(policies, **more):
        lines = report(gateway=more.pop("gateway", HEAD), policies=policies, **more)
        return [line.removeprefix("policies/a.yaml:") for line in lines if "not available" not in line]

    return tell


@pytest.mark.parametrize(
    ("roles", "problem"),
    [
        pytest.param(
            "{a: {permissions: [courses]}}",
            "1:27: roles.a.permissions[0]: expected a permission such as payments:write, payments:* or *, "
            'got "courses"',
            id="a permission without a verb",
        ),
        pytest.param(
            '{a: {permissions: ["a:b", "*:read"]}}',
            "1:34: roles.a.permissions[1]: expected a permission such as payments:write, payments:* or *, "
            'got "*:read"',
            id="a verb in every area",
        ),
        pytest.param(
            '{a: {permissions: "a:b"}}',
            '1:26: roles.a.permissions: expected a list, got "a:b"',
            id="a text for a list",
        ),
        pytest.param(
            "{a: {inherits: [b]}}",
            '1:24: roles.a.inherits[0]: expected the name of a role, got "b"',
            id="an unknown role",
        ),
        pytest.param(
            "{student: {}, a: {inherits: [studnet]}}",
            '1:37: roles.a.inherits[0]: expected the name of a role, got "studnet" (did you mean "student"?)',
            id="a role that is misspelt",
        ),
        pytest.param(
            "{a: {inherits: [a]}}",
            "1:24: roles.a.inherits[0]: expected no role that inherits itself, got a -> a",
            id="itself",
        ),
        pytest.param(
            "{a: {inherits: [b]}, b: {inherits: [c]}, c: {inherits: [x, a]}, x: {}}",
            "1:67: roles.c.inherits[1]: expected no role that inherits itself, got a -> b -> c -> a",
            id="in a circle",
        ),
        pytest.param(
            "{a: {inherits: [b]}, b: {inherits: [c]}, c: {inherits: [d]}, d: {inherits: [e]}, "
            "e: {inherits: [f]}, f: {inherits: [a]}}",
            "1:124: roles.f.inherits[0]: expected no role that inherits itself, "
            "got a -> b -> c -> ... -> f -> a",
            id="in a large circle",
        ),
        pytest.param(
            "{a: {permission: ['*']}}",
            '1:13: roles.a.permission: expected a known key, got "permission" (did you mean "permissions"?)',
            id="a key that is misspelt",
        ),
        pytest.param("{a: 1}", "1:12: roles.a: expected a mapping, got 1", id="no role"),
        pytest.param(
            "{1a: {}}",
            "1:9: roles.1a: expected a name of letters, digits, '.', '_' and '-' that begins with a letter "
            'as the key, got "1a"',
            id="no name",
        ),
    ],
)
def test_a_role_that_cannot_be_meant_is_told(told, roles, problem):
    assert [problem] == told(f"roles: {roles}\n")


def test_roles_of_several_files_may_inherit_each_other(told):
    assert [] == told("roles: {a: {inherits: [b]}}\n", b="roles: {b: {}}\n")
    assert [
        "policies/b.yaml:1:24: roles.b.inherits[0]: expected no role that inherits itself, got a -> b -> a"
    ] == (told("roles: {a: {inherits: [b]}}\n", b="roles: {b: {inherits: [a]}}\n"))


def test_a_role_of_two_files_is_told_once(told):
    """By its name alone; what it inherits is not guessed."""
    assert [
        'policies/b.yaml:1:9: roles.a: expected each name once, got "a" again after policies/a.yaml:1'
    ] == (told("roles: {a: {}}\n", b="roles: {a: {}}\n"))


@pytest.mark.parametrize(
    ("allow", "problem"),
    [
        pytest.param(
            "{}",
            "allow: expected at least one of permissions, roles, scopes and when, got none",
            id="nothing",
        ),
        pytest.param(
            "{permissions: []}", "allow.permissions: expected at least one item, got none", id="of none"
        ),
        pytest.param(
            "{permissions: ['*']}",
            'allow.permissions[0]: expected a permission such as payments:write, got "*"',
            id="a permission for everything",
        ),
        pytest.param(
            "{permissions: ['payment:write']}",
            'allow.permissions[0]: expected a permission that a role grants, got "payment:write" '
            '(did you mean "payments:write"?)',
            id="a permission that is misspelt",
        ),
        pytest.param(
            "{permissions: ['zoo:feed']}",
            'allow.permissions[0]: expected a permission that a role grants, got "zoo:feed"',
            id="a permission that nobody has",
        ),
        pytest.param(
            "{roles: [payr]}",
            'allow.roles[0]: expected the name of a role, got "payr" (did you mean "payer"?)',
            id="a role that is misspelt",
        ),
        pytest.param(
            "{roles: [Payer]}",
            'allow.roles[0]: expected the name of a role, got "Payer" (did you mean "payer"?)',
            id="a role in another case",
        ),
        pytest.param(
            "{scopes: ['a b']}",
            'allow.scopes[0]: expected a scope such as pay.write, without blanks, got "a b"',
            id="two scopes",
        ),
        pytest.param(
            "{when: ''}", 'allow.when: expected a text that is not empty, got ""', id="no condition"
        ),
        pytest.param("{when: true}", "allow.when: expected a text, got true: quote it", id="a truth value"),
        pytest.param(
            '{when: "subject = claims.sub"}',
            "allow.when: expected a value or an operator, got '=' at character 9",
            id="a condition that is none",
        ),
        pytest.param(
            '{when: "path.ide == claims.sub"}',
            "allow.when: expected a variable of the path, got path.ide at character 1 "
            '(did you mean "path.id"?)',
            id="a variable that is misspelt",
        ),
        pytest.param(
            "{rolls: [payer]}",
            'allow.rolls: expected a known key, got "rolls" (did you mean "roles"?)',
            id="a key that is misspelt",
        ),
    ],
)
def test_a_demand_that_cannot_be_meant_is_told(told, allow, problem):
    route = f"""
    - id: a
      match: {{path: "/p/{{id}}"}}
      auth: azora-id
      upstream: pay
      allow: {allow}
"""
    issuers = "issuers: {azora-id: {issuer: 'https://id', discovery: true, audience: [a]}}\n"
    lines = told(f"{ROLES}routes:{route}", gateway=HEAD + issuers)
    assert [f"routes[0].{problem}"] == [line.partition(" ")[2] for line in lines]
    assert ["7"] == [line.partition(":")[0] for line in lines]


@pytest.mark.parametrize(
    ("allow", "problems"),
    [
        pytest.param(
            "{roles: [payer, nobody]}",
            ['3:26: defaults.allow.roles[1]: expected the name of a role, got "nobody"'],
            id="a role",
        ),
        pytest.param(
            '{when: "true or"}',
            ["3:17: defaults.allow.when: expected a value, got the end at character 8"],
            id="a condition",
        ),
        pytest.param("{when: 'path.a == subject'}", [], id="any variable, since any route may take it"),
    ],
)
def test_defaults_are_held_to_the_same(told, allow, problems):
    assert problems == told(f"{ROLES}defaults:\n  allow: {allow}\n")


def test_a_public_route_has_no_demand_of_its_own(told):
    policies = f"""{ROLES}defaults: {{allow: {{roles: [payer]}}, auth: public, upstream: pay}}
routes:
  - {{id: a, match: {{path: /a}}, allow: {{roles: [payer]}}}}
  - {{id: b, match: {{path: /b}}}}
"""
    message = "expected no allow on a public route, where nobody is asked who he is"
    assert [f"4:32: routes[0].allow: {message}"] == told(policies)


def test_a_default_condition_asks_for_variables_that_the_path_has(specs):
    loaded = specs(
        gateway=HEAD,
        policies="""
        defaults: {allow: {when: "path.id == subject"}, auth: public, upstream: pay}
        routes:
          - {id: a, match: {path: /a}}
          - {id: b, match: {path: "/b/{id}"}}
        """,
    )
    assert [] == list(entry.problems(loaded.entries))
    asked = [replace(each, spec=each.spec.model_copy(update={"auth": "azora-id"})) for each in loaded.entries]
    (problem,) = entry.problems(asked)
    assert ("routes[0].match.path", 3, 27) == (problem.path, problem.line, problem.column)
    message = 'expected a path with the variables that the default "when" asks for ('
    assert problem.message.startswith(message)
    assert problem.message.endswith('policies/a.yaml:1), got "/a"')


def test_a_default_that_is_no_condition_is_told_once(specs):
    """Where it stands, and not again for each route that takes it."""
    loaded = specs(
        gateway=HEAD,
        policies="""
        defaults: {allow: {when: "path.id == subject"}, auth: public, upstream: pay}
        routes: [{id: a, match: {path: /a}}]
        """,
    )
    (each,) = loaded.entries
    allow = each.spec.allow.model_copy(update={"when": "path.id =="})
    spec = each.spec.model_copy(update={"auth": "azora-id", "allow": allow})
    assert [] == list(entry.problems([replace(each, spec=spec)]))


def test_a_secret_is_in_no_message(told):
    lines = told(
        "defaults: {allow: {when: '${env:WHEN}', permissions: ['${env:MAY}'], scopes: ['${env:SCOPE}']}}\n",
        environ={"WHEN": "subject == 'hunter2' hunter2", "MAY": "hunter2:read", "SCOPE": "hunter2 hunter2"},
    )
    assert [
        'defaults.allow.when: expected "and", "or" or the end, got what ${env:WHEN} holds',
        "defaults.allow.permissions[0]: expected a permission that a role grants, got what ${env:MAY} holds",
        "defaults.allow.scopes[0]: expected a scope such as pay.write, without blanks, "
        "got what ${env:SCOPE} holds",
    ] == [line.partition(" ")[2] for line in lines]


@pytest.mark.parametrize(
    "data",
    [
        pytest.param({"roles": [], "routes": {}}, id="sections"),
        pytest.param({"roles": {"a": None, "b": {"permissions": 1, "inherits": [1, None]}}}, id="roles"),
        pytest.param(
            {"routes": [None, {"allow": []}, {"allow": {"when": 1, "permissions": "a:b"}}]}, id="demands"
        ),
        pytest.param({"routes": [{"allow": {"when": "path.a == subject"}, "match": None}]}, id="no match"),
        pytest.param(
            {"routes": [{"allow": {"when": "path.a == subject"}, "match": {"path": "/{"}}]}, id="no template"
        ),
    ],
)
def test_what_has_the_wrong_type_is_left_to_the_schema(data):
    tree = Tree("f.yaml", data)
    assert [] == [*problems([tree]), *ungranted([tree])]


def test_who_could_not_read_every_file_says_nothing_of_permissions(told):
    lines = told("defaults: {allow: {permissions: ['a:b']}}\n", b="roles: {a: {permissions: [\n")
    assert [] == [line for line in lines if "grants" in line]
