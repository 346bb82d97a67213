import pytest

from gateway.policy.json_schema import SchemaError
from gateway.policy.openapi_document import Document

CONTENT = {
    "components": {
        "schemas": {"Id": {"type": "integer"}, "Bad": {"type": "strng"}},
        "parameters": {
            "A": {"$ref": "#/components/parameters/B"},
            "B": {"name": "b"},
            "Loop": {"$ref": "#/components/parameters/Pool"},
            "Pool": {"$ref": "#/components/parameters/Loop"},
            "List": [],
        },
    }
}
PARAMETERS = ("components", "parameters")


@pytest.fixture
def document():
    return Document(CONTENT)


@pytest.mark.parametrize(
    ("node", "place"),
    [
        pytest.param({"name": "b"}, ("here",), id="an object stands where it is"),
        pytest.param({"$ref": "#/components/parameters/B"}, (*PARAMETERS, "B"), id="a reference leads away"),
        pytest.param({"$ref": "#/components/parameters/A"}, (*PARAMETERS, "B"), id="over another one"),
    ],
)
def test_references_are_followed(document, node, place):
    assert (place, {"name": "b"}) == document.followed(node, ("here",))


@pytest.mark.parametrize(
    ("node", "message"),
    [
        pytest.param(
            {"$ref": "#/components/parameters/Loop"}, "a reference that ends somewhere", id="a circle"
        ),
        pytest.param({"$ref": "#/components/parameters/List"}, "an object", id="a list"),
        pytest.param("b", "an object", id="a text"),
        pytest.param(None, "an object", id="nothing"),
    ],
)
def test_what_is_no_object_is_a_problem(document, node, message):
    with pytest.raises(SchemaError, match=f"expected {message}"):
        document.followed(node, ("here",))


@pytest.mark.parametrize(
    ("schema", "place"),
    [
        pytest.param({"items": {"minimum": "1"}}, ("here", "items", "minimum"), id="in place"),
        pytest.param(
            {"$ref": "#/components/schemas/Bad"},
            ("components", "schemas", "Bad", "type"),
            id="in what it names",
        ),
    ],
)
def test_a_problem_of_a_schema_has_its_own_place(document, schema, place):
    with pytest.raises(SchemaError) as caught:
        document.schema(schema, ("here",))
    assert place == caught.value.path


def test_schemas_refer_to_the_document(document):
    schema = document.schema({"$ref": "#/components/schemas/Id"}, ("here",))
    around = document.around({"properties": {"id": {"$ref": "#/components/schemas/Id"}}})
    assert (True, False) == (schema.admits(7), schema.admits("7"))
    assert (True, False) == (around.admits({"id": 7}), around.admits({"id": "7"}))
