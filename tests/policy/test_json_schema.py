import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.policy.json_schema import FORMATS, Schema, SchemaError, Schemas, compile_schema
from gateway.policy.parameters import parameters

CHARGE = {
    "type": "object",
    "properties": {
        "user": {"type": "string", "pattern": "^user-[0-9]+$", "maxLength": 10},
        "amount": {"type": "integer", "minimum": 1, "maximum": 100, "multipleOf": 5},
        "when": {"format": "date-time"},
        "tags": {"type": "array", "items": {"enum": ["a", "b"]}, "maxItems": 2, "uniqueItems": True},
        "card": {"oneOf": [{"required": ["number"]}, {"required": ["token"]}]},
        "x/y": {"const": 1},
        "never": False,
    },
    "required": ["user"],
    "additionalProperties": False,
}


def told(schema, value):
    return compile_schema(schema).violations(value, 10)


@pytest.mark.parametrize(
    ("changes", "place", "detail"),
    [
        pytest.param({"user": 7}, ("user",), "has the wrong type", id="type"),
        pytest.param({"user": "thandi"}, ("user",), "does not have the expected form", id="pattern"),
        pytest.param({"user": "user-123456"}, ("user",), "is too long", id="maxLength"),
        pytest.param({"amount": 0}, ("amount",), "is too small", id="minimum"),
        pytest.param({"amount": 105}, ("amount",), "is too large", id="maximum"),
        pytest.param({"amount": 7}, ("amount",), "is not a multiple of the allowed step", id="multipleOf"),
        pytest.param({"amount": True}, ("amount",), "has the wrong type", id="a truth value is no number"),
        pytest.param({"when": "yesterday"}, ("when",), "does not have the expected format", id="format"),
        pytest.param({"tags": ["z"]}, ("tags", 0), "is not one of the allowed values", id="an item"),
        pytest.param({"tags": ["a", "a"]}, ("tags",), "has the same item twice", id="uniqueItems"),
        pytest.param({"tags": ["a", "b", "a"]}, ("tags",), "has too many items", id="maxItems"),
        pytest.param({"card": {}}, ("card",), "does not have exactly one of the allowed forms", id="oneOf"),
        pytest.param({"x/y": 2}, ("x/y",), "is not the allowed value", id="const"),
        pytest.param({"never": 1}, ("never",), "must not be given", id="false"),
        pytest.param({"secret-42": 1}, (), "has members that are not known", id="an unknown member"),
    ],
)
def test_a_violation_is_told_by_its_keyword(changes, place, detail):
    assert (place, detail) in told(CHARGE, {"user": "user-1"} | changes)


def test_a_missing_member_has_its_own_place():
    assert [(("user",), "is required")] == told(CHARGE, {})


@pytest.mark.parametrize(
    ("schema", "value", "place"),
    [
        pytest.param(
            {"additionalProperties": {"type": "integer"}}, {"<script>": "x"}, (), id="of an unknown member"
        ),
        pytest.param(
            {"properties": {"a": {"additionalProperties": {"properties": {"b": {"type": "null"}}}}}},
            {"a": {"secret": {"b": 1}}},
            ("a",),
            id="behind an unknown member",
        ),
        pytest.param({"patternProperties": {"^x": False}}, {"x-secret": 1}, (), id="a name by its pattern"),
        pytest.param({"propertyNames": {"maxLength": 1}}, {"secret": 1}, (), id="the name itself"),
        pytest.param(
            {"dependentRequired": {"a": ["b"]}, "properties": {"a": {}}}, {"a": 1}, (), id="depends"
        ),
    ],
)
def test_no_name_of_the_client_is_told(schema, value, place):
    assert [place] == [path for path, _ in told(schema, value)]


def test_ten_places_are_told_at_most_each_once():
    schema = {"items": {"type": "integer", "minimum": 5}}
    assert [(n,) for n in range(10)] == [path for path, _ in told(schema, ["x"] * 100)]
    assert 1 == len(told({"allOf": [{"type": "integer"}, {"type": "integer"}]}, "x"))


def test_a_heavy_value_gets_one_place_in_little_time():
    """To tell all half a million would take seconds."""
    schema = compile_schema({"items": {"type": "integer"}})
    value = ["x"] * 500_000
    began = time.monotonic()
    assert [((0,), "has the wrong type")] == schema.violations(value, len(value))
    assert time.monotonic() - began < 1


TREE = {
    "$defs": {
        "tree": {
            "oneOf": [
                {
                    "properties": {"kind": {"const": kind}, "left": {"$ref": "#/$defs/tree"}},
                    "required": ["kind"],
                }
                for kind in ("a", "b", "c")
            ]
        }
    },
    "$ref": "#/$defs/tree",
}


def test_a_schema_that_refers_to_itself_is_judged_in_little_time():
    """Each level has three forms, and 3 ** 30 is more than anybody waits for."""
    schema = compile_schema(TREE)
    value = "bad"
    for _ in range(30):
        value = {"kind": "a", "left": value}
    began = time.monotonic()
    assert schema.admits({"kind": "a", "left": {"kind": "c"}})
    assert not schema.admits(value | {"kind": "z"})
    assert [((), "is not valid")] == schema.violations(value, 30)
    assert time.monotonic() - began < 1


@pytest.mark.parametrize("pattern", [r"^(a+)+$", r"^(a|a)*$", r"(x+x+)+y", r"^(\w+\s?)*$"])
def test_patterns_run_in_linear_time(pattern):
    """In an engine that tries all ways each of these would not come back."""
    schema = compile_schema({"pattern": pattern})
    began = time.monotonic()
    assert not schema.admits("a" * 50_000 + "!" + "\n" * 5)
    assert time.monotonic() - began < 1


@pytest.mark.parametrize(
    ("schema", "place", "message"),
    [
        pytest.param([], (), "expected a JSON Schema, which is an object", id="a list"),
        pytest.param(
            {"properties": {"a": {"type": "strng"}}},
            ("properties", "a", "type"),
            "expected JSON Schema 2020-12",
            id="an unknown type",
        ),
        pytest.param(
            {"minimum": "1"}, ("minimum",), "expected JSON Schema 2020-12", id="a bound that is none"
        ),
        pytest.param(
            {"$schema": "http://json-schema.org/draft-04/schema#"},
            ("$schema",),
            "expected https://json-schema.org/draft/2020-12/schema",
            id="another dialect",
        ),
        pytest.param(
            {"items": {"$ref": "https://schemas.example/a.json"}},
            ("items", "$ref"),
            "expected a reference into this document, such as #/$defs/name",
            id="a remote reference",
        ),
        pytest.param(
            {"$ref": "file:///etc/passwd"},
            ("$ref",),
            "expected a reference into this document, such as #/$defs/name",
            id="a file",
        ),
        pytest.param(
            {"$dynamicRef": "http://127.0.0.1/"},
            ("$dynamicRef",),
            "expected a reference into this document, such as #/$defs/name",
            id="a dynamic one",
        ),
        pytest.param(
            {"$ref": "#/$defs/a"},
            ("$ref",),
            "expected a reference to what there is in this document",
            id="a reference to nothing",
        ),
        pytest.param(
            {"$defs": {"a": {"$id": "https://x.example/"}}},
            ("$defs", "a", "$id"),
            "expected $id at the top only",
            id="another base inside",
        ),
        pytest.param(
            {"properties": {"a": {"format": "regex"}}},
            ("properties", "a", "format"),
            f"expected one of {', '.join(sorted(FORMATS))}",
            id="a format that nobody asserts",
        ),
        pytest.param(
            {"pattern": "(?=a)"},
            ("pattern",),
            "expected a regular expression without look-around and back-references",
            id="look-ahead",
        ),
        pytest.param(
            {"patternProperties": {r"(a)\1": {}}},
            ("patternProperties", r"(a)\1"),
            "expected a regular expression without look-around and back-references",
            id="a back-reference in a name",
        ),
        pytest.param(
            {"pattern": "^(?:a{1000}){1000}$"},
            ("pattern",),
            "expected a regular expression without look-around and back-references",
            id="a pattern that needs too much memory",
        ),
    ],
)
def test_what_is_no_schema_is_refused_with_its_place(schema, place, message):
    with pytest.raises(SchemaError) as caught:
        compile_schema(schema)
    assert (place, message) == (caught.value.path, str(caught.value))


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        pytest.param("date-time", "2026-01-31T10:00:00Z", "2026-02-31T10:00:00Z", id="date-time"),
        pytest.param("date", "2028-02-29", "2026-02-29", id="date"),
        pytest.param("time", "10:00:00Z", "25:00:00Z", id="time"),
        pytest.param("duration", "P1DT2H", "1 day", id="duration"),
        pytest.param("email", "thandi@azora.example", "thandi", id="email"),
        pytest.param("hostname", "azora.example", "-azora", id="hostname"),
        pytest.param("ipv4", "192.0.2.1", "192.0.2.256", id="ipv4"),
        pytest.param("ipv6", "2001:db8::1", "2001:db8:::1", id="ipv6"),
        pytest.param("uri", "https://azora.example/a", "/a", id="uri"),
        pytest.param("uri-reference", "/a?b#c", "\\a", id="uri-reference"),
        pytest.param("uuid", "2eb8aa08-aa98-11ea-b4aa-73b441d16380", "2eb8aa08", id="uuid"),
        pytest.param("json-pointer", "/a/~0", "/a/~2", id="json-pointer"),
    ],
)
def test_formats_are_asserted(name, good, bad):
    schema = compile_schema({"format": name})
    assert name in FORMATS
    assert (True, False) == (schema.admits(good), schema.admits(bad))


KEYWORDS = st.sampled_from(
    [
        "type",
        "properties",
        "items",
        "$ref",
        "allOf",
        "required",
        "format",
        "$id",
        "$defs",
        "pattern",
        "maximum",
    ]
)
NODES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from(["object", "integer", "#", "#/$defs/a", "#/properties", "date", "(", "^a$", ""]),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(KEYWORDS | st.just("a"), inner, max_size=4),
    max_leaves=12,
)


@settings(max_examples=300)
@given(NODES)
def test_whatever_the_document_a_schema_or_a_schema_error(document):
    try:
        schema = compile_schema(document)
    except SchemaError:
        return
    assert schema.admits({"a": 1}) or schema.violations({"a": 1}, 1)
    parameters(document, document)


def test_a_schema_may_stand_around_those_of_a_document():
    schemas = Schemas(
        {"components": {"schemas": {"Id": {"type": "object", "properties": {"n": {"minimum": 1}}}}}}
    )
    schema = schemas.around({"properties": {"id": {"$ref": "#/components/schemas/Id"}}})
    assert isinstance(schema, Schema)
    assert [(("id", "n"), "is too small")] == schema.violations({"id": {"n": 0}}, 1)


def test_a_schema_around_others_tells_their_faults():
    schemas = Schemas({"components": {"schemas": {"Id": {"type": "strng"}}}})
    with pytest.raises(SchemaError) as caught:
        schemas.around({"properties": {"id": {"$ref": "#/components/schemas/Id"}}})
    assert ("components", "schemas", "Id", "type") == caught.value.path
