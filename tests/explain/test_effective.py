import pytest

from gateway.config.interpolation import Resolved
from gateway.config.schema.routes import RouteSpec
from gateway.explain.effective import ORDER, as_written, effective, flow, of_defaults


@pytest.fixture
def keys(made):
    def found(id):
        return {
            key.name: (str(key), key.source.rpartition("/")[2])
            for key in effective(made.entries[id], made.specs.tree)
        }

    return found


def test_each_key_has_the_line_that_says_it(keys):
    assert {
        "match": ("{path: /bills, methods: [GET]}", "routes.yaml:6"),
        "upstream": ("backend", "routes.yaml:1"),
        "prefix": ("/api", "routes.yaml:1"),
        "limits": ("{body: 1KiB}", "gateway.yaml:9"),
        "csrf": ("auto", ""),
        "auth": ("remote", "routes.yaml:6"),
        "allow": ("{permissions: [bills:read]}", "routes.yaml:6"),
        "headers": ("{preset: none}", "gateway.yaml:7"),
    } == keys("bills")


def test_keys_stand_in_the_order_in_which_they_matter(made):
    names = [key.name for key in effective(made.entries["open"], made.specs.tree)]
    assert ["match", "upstream", "prefix", "quota", "limits", "csrf", "auth", "timeouts", "headers"] == names


def test_what_answers_itself_has_no_upstream(keys):
    found = keys("moved")
    assert ("{to: /open/1}", "routes.yaml:9") == found["redirect"]
    assert "upstream" not in found


def test_what_is_demanded_by_default_does_not_hold_for_public_routes(stage):
    made = stage(
        "roles: {boss: {permissions: ['*']}}\n"
        "defaults: {upstream: backend, auth: remote, allow: {roles: [boss]}}\n"
        "routes: [{id: a, match: {path: /a}, auth: public}, {id: b, match: {path: /b}}]\n",
        more='issuers: {remote: {issuer: "https://id.example", discovery: true, audience: [api]}}\n',
    )
    found = [{key.name for key in effective(made.entries[id], made.specs.tree)} for id in "ab"]
    assert [False, True] == ["allow" in names for names in found]


def test_every_key_of_a_route_has_its_place():
    """What a route may say is shown, and where it stands is decided."""
    names = {field.alias or name for name, field in RouteSpec.model_fields.items()}
    assert names - {"id"} == set(ORDER)


def test_defaults_hold_where_no_route_does(stage):
    made = stage(defaults="csrf: 'off'")
    assert ["limits", "csrf", "headers"] == [key.name for key in of_defaults(made.specs.tree)]


def resolved(text, origin):
    value = Resolved(text)
    value.origin = origin
    return value


def test_what_the_environment_holds_is_not_told():
    value = {"a": [resolved("secret", "${env:A}")], "b": 1}
    assert {"a": ["${env:A}"], "b": 1} == as_written(value)


@pytest.mark.parametrize(
    ("value", "text"),
    [
        pytest.param({"a": ["b", 1, True], "c": {}}, "{a: [b, 1, true], c: {}}", id="mappings and lists"),
        pytest.param("path.who == subject", "path.who == subject", id="a text that YAML reads so"),
        pytest.param("a: b", '"a: b"', id="one that it does not"),
        pytest.param("/{x}", '"/{x}"', id="a template"),
        pytest.param("é", '"é"', id="another alphabet"),
        pytest.param("no", '"no"', id="a word that is none to every version of YAML"),
        pytest.param("1", '"1"', id="a text that is no number"),
        pytest.param("", '""', id="an empty text"),
    ],
)
def test_a_value_is_one_line_of_yaml(value, text):
    assert text == flow(value)
