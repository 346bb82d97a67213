import pytest

from gateway.config.names import ANY, at, given_twice, unknown
from gateway.config.tree import Place, Tree


def tree(data, file="f.yaml", line=1):
    return Tree(file, data, {(): Place(line, 1)})


def told(problems):
    return [f"{problem.path}: {problem.message}" for problem in problems]


@pytest.mark.parametrize(
    ("kind", "data"),
    [
        pytest.param("tier", {"tiers": {"gold": {}}}, id="a tier"),
        pytest.param("role", {"roles": {"gold": {}}}, id="a role"),
        pytest.param("cors policy", {"cors": {"gold": {}}}, id="a cors policy"),
        pytest.param("headers policy", {"headers": {"gold": {}}}, id="a headers policy"),
        pytest.param("route", {"routes": [{"id": "gold"}]}, id="a route"),
    ],
)
def test_a_name_given_in_two_files_is_told_with_the_first_place(kind, data):
    problems = list(given_twice([tree(data, "a.yaml", 7), tree(data, "b.yaml")]))
    assert ["b.yaml"] == [problem.file for problem in problems]
    assert 'expected each name once, got "gold" again after a.yaml:7' == problems[0].message


def test_things_of_two_kinds_may_share_a_name():
    assert not list(given_twice([tree({"tiers": {"a": {}}, "roles": {"a": {}}, "routes": [{"id": "a"}]})]))


def test_an_issuer_and_a_forward_auth_may_not():
    data = {"issuers": {"id": {}}, "forward_auth": {"id": {}}}
    assert ['forward_auth.id: expected each name once, got "id" again after f.yaml:1'] == told(
        given_twice([tree(data)])
    )


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        pytest.param(
            {"defaults": {"upstream": "pay"}},
            'defaults.upstream: expected the name of an upstream, got "pay"',
            id="an upstream, by the defaults",
        ),
        pytest.param(
            {"upstreams": {"pay": {}}, "routes": [{"upstream": "pai"}]},
            'routes[0].upstream: expected the name of an upstream, got "pai" (did you mean "pay"?)',
            id="an upstream, misspelt",
        ),
        pytest.param(
            {"routes": [{"headers": "apis"}]},
            'routes[0].headers: expected the name of a headers policy or preset, got "apis" '
            '(did you mean "api"?)',
            id="a preset",
        ),
        pytest.param(
            {"routes": [{"cors": "web"}]},
            'routes[0].cors: expected the name of a cors policy, got "web"',
            id="a cors policy",
        ),
        pytest.param(
            {"routes": [{"quota": ["gold"]}]},
            'routes[0].quota[0]: expected the name of a tier, got "gold"',
            id="a tier",
        ),
        pytest.param(
            {"routes": [{"quota": [{"tier": "gold", "cost": 2}]}]},
            'routes[0].quota[0].tier: expected the name of a tier, got "gold"',
            id="a tier with a cost",
        ),
        pytest.param(
            {
                "tiers": {"free": {}},
                "routes": [{"quota": [{"by": "claim:plan", "pro": "gold", "else": "free"}]}],
            },
            'routes[0].quota[0].pro: expected the name of a tier, got "gold"',
            id="a tier by a claim",
        ),
        pytest.param(
            {"defaults": {"allow": {"roles": ["admin"]}}},
            'defaults.allow.roles[0]: expected the name of a role, got "admin"',
            id="a role that is allowed",
        ),
        pytest.param(
            {"roles": {"admin": {"inherits": ["student"]}}},
            'roles.admin.inherits[0]: expected the name of a role, got "student"',
            id="a role that is inherited",
        ),
        pytest.param(
            {"routes": [{"auth": ["azora", "public"]}]},
            'routes[0].auth[0]: expected the name of an issuer or forward_auth, got "azora"',
            id="an issuer",
        ),
    ],
)
def test_a_name_that_nothing_bears_is_told(data, problem):
    assert [problem] == told(unknown([tree(data)]))


def test_a_name_may_be_given_in_another_file():
    calls = {"routes": [{"upstream": "pay", "headers": "strict", "auth": "azora"}, {"headers": "helmet"}]}
    gives = {"upstreams": {"pay": {}}, "headers": {"strict": {}}, "issuers": {"azora": {}}}
    assert not list(unknown([tree(calls), tree(gives)]))


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        pytest.param(("a", ANY, "b"), [(("a", 0, "b"), 1), (("a", 1, "b"), 2)], id="in every item"),
        pytest.param((ANY,), [(("a",), [{"b": 1}, {"b": 2}]), (("c",), "text")], id="every key"),
        pytest.param(("c", ANY), [], id="a text has no items"),
        pytest.param(("a", "b"), [], id="a list has no keys"),
    ],
)
def test_a_pattern_finds_values(pattern, found):
    assert found == list(at(tree({"a": [{"b": 1}, {"b": 2}], "c": "text"}), pattern))
