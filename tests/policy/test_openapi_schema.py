import pytest

from gateway.policy.openapi_schema import for_requests, problems

BOUNDS = [{"minimum": -(1 << 31), "maximum": (1 << 31) - 1}]


def translated(schema, version="3.0.3", **others):
    document = {"openapi": version, "components": {"schemas": {"It": schema, **others}}}
    return for_requests(document)["components"]["schemas"]["It"]


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        pytest.param({"type": "string", "nullable": True}, {"type": ["string", "null"]}, id="nullable"),
        pytest.param({"type": "string", "nullable": False}, {"type": "string"}, id="not nullable"),
        pytest.param({"nullable": True}, {}, id="nullable without a type"),
        pytest.param({"minimum": 5, "exclusiveMinimum": True}, {"exclusiveMinimum": 5}, id="above"),
        pytest.param({"maximum": 5, "exclusiveMaximum": False}, {"maximum": 5}, id="up to"),
        pytest.param({"exclusiveMaximum": True}, {}, id="a bound that is not there"),
        pytest.param(
            {"$ref": "#/components/schemas/Other", "nullable": True},
            {"$ref": "#/components/schemas/Other"},
            id="a reference hides what stands beside it",
        ),
        pytest.param(
            {"properties": {"nullable": {"type": "string"}, "default": {"type": "string", "nullable": True}}},
            {"properties": {"nullable": {"type": "string"}, "default": {"type": ["string", "null"]}}},
            id="members that are called like keywords",
        ),
        pytest.param(
            {"enum": [{"nullable": True}], "example": {"type": "a", "nullable": True}},
            {"enum": [{"nullable": True}], "example": {"type": "a", "nullable": True}},
            id="data that looks like a schema",
        ),
    ],
)
def test_the_dialect_of_3_0_is_translated(schema, expected):
    assert expected == translated(schema, Other={})


def test_3_1_is_no_dialect():
    schema = {"type": ["string", "null"], "nullable": True, "exclusiveMinimum": 5}
    assert schema == translated(schema, "3.1.0")


@pytest.mark.parametrize("version", ["3.0.0", "3.1.1"])
@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        pytest.param({"format": "int32"}, {"allOf": BOUNDS}, id="an integer of 32 bits"),
        pytest.param({"format": "int32", "allOf": [{}]}, {"allOf": [{}, *BOUNDS]}, id="beside others"),
        pytest.param({"format": "password"}, {}, id="a note"),
        pytest.param({"format": "date"}, {"format": "date"}, id="one that is asserted"),
        pytest.param(
            {"properties": {"id": {"readOnly": True}, "a": {}}, "required": ["id", "a"]},
            {"properties": {"id": False, "a": {}}, "required": ["a"]},
            id="a member of answers",
        ),
        pytest.param(
            {"properties": {"id": {"$ref": "#/components/schemas/Id"}}},
            {"properties": {"id": False}},
            id="behind a reference",
        ),
        pytest.param(
            {"properties": {"readOnly": {"type": "boolean"}, "a": {"readOnly": False}}},
            {"properties": {"readOnly": {"type": "boolean"}, "a": {"readOnly": False}}},
            id="none",
        ),
    ],
)
def test_both_are_seen_from_a_request(version, schema, expected):
    assert expected == translated(schema, version, Id={"readOnly": True, "type": "string"})


def test_references_in_a_circle_are_left_alone():
    circle = {"$ref": "#/components/schemas/It"}
    assert {"properties": {"a": circle}} == translated({"properties": {"a": circle}})
    assert circle == translated(circle)


@pytest.mark.parametrize(
    ("document", "place"),
    [
        pytest.param({"openapi": "3.0.3"}, None, id="3.0"),
        pytest.param({"openapi": "3.1.0"}, None, id="3.1"),
        pytest.param({"swagger": "2.0"}, ("openapi",), id="2.0"),
        pytest.param({"openapi": 3.1}, ("openapi",), id="a number"),
        pytest.param({"openapi": "3.2.0"}, ("openapi",), id="a version to come"),
        pytest.param(
            {"openapi": "3.1.0", "jsonSchemaDialect": "https://json-schema.org/draft-07/schema"},
            ("jsonSchemaDialect",),
            id="another dialect",
        ),
        pytest.param({"openapi": "3.1.0", "a": {"$ref": "b.yaml"}}, ("a", "$ref"), id="another file"),
        pytest.param({"openapi": "3.1.0", "a": {"$ref": "#/b"}}, ("a", "$ref"), id="what is not there"),
        pytest.param({"openapi": "3.1.0", "a": {"$id": "https://x"}}, ("a", "$id"), id="another base"),
    ],
)
def test_a_document_that_is_not_taken_says_why(document, place):
    assert ([] if place is None else [place]) == [error.path for error in problems(document)]
