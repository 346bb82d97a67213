import pytest

from gateway.policy.references import astray, is_endless, names, nodes, pointer, target

DOCUMENT = {
    "$defs": {
        "a": {"type": "object", "properties": {"next": {"$ref": "#/$defs/a"}}},
        "b": {"items": {"$ref": "#/$defs/c"}},
        "c": {"type": "string"},
        "x/y": {"type": "integer"},
        "~ %": [{"type": "null"}],
        "loop": {"$ref": "#/$defs/pool"},
        "pool": {"$ref": "#/$defs/loop"},
    }
}


@pytest.mark.parametrize(
    ("reference", "path"),
    [
        pytest.param("#", (), id="the whole"),
        pytest.param("#/$defs/c", ("$defs", "c"), id="a member"),
        pytest.param("#/$defs/x~1y", ("$defs", "x/y"), id="an escaped slash"),
        pytest.param("#/$defs/~0%20%25/0", ("$defs", "~ %", 0), id="an item behind escapes"),
    ],
)
def test_a_reference_leads_to_its_place(reference, path):
    found, value = target(DOCUMENT, reference)
    expected = DOCUMENT
    for part in path:
        expected = expected[part]
    assert (path, True) == (found, value is expected)


@pytest.mark.parametrize("path", [(), ("a", 0), ("x/y", "~", " %#?ü")])
def test_a_pointer_leads_back(path):
    document = value = {}
    for part, following in zip(path, (*path, None)[1:], strict=True):
        inner = [None] if isinstance(following, int) else {}
        value[part] = inner
        value = inner
    assert path == target(document, pointer(path))[0]
    assert pointer(path).isascii()


@pytest.mark.parametrize(
    "reference",
    [
        pytest.param("http://127.0.0.1/x.json", id="another host"),
        pytest.param("file:///etc/passwd", id="a file"),
        pytest.param("other.yaml#/a", id="a file beside it"),
        pytest.param("", id="nothing"),
        pytest.param("#c", id="an anchor"),
        pytest.param("#/$defs/d", id="what is not there"),
        pytest.param("#/$defs/~0%20%25/1", id="an item that is not there"),
        pytest.param("#/$defs/~0%20%25/-1", id="an item from behind"),
        pytest.param("#/$defs/c/type/0", id="a letter of a text"),
    ],
)
def test_a_reference_to_elsewhere_is_found(reference):
    document = {**DOCUMENT, "properties": {"p": {"$ref": reference}}}
    assert [("properties", "p", "$ref")] == [path for path, _ in astray(document)]


def test_what_is_data_or_a_name_is_no_keyword():
    """A member may be called like a keyword, and an example may look like a schema."""
    document = {
        "properties": {"$ref": {"type": "string"}, "enum": {"properties": {"inner": {}}, "required": ["r"]}},
        "enum": [{"$ref": "http://elsewhere"}],
        "default": {"properties": {"not-a-name": {}}},
    }
    assert [] == list(astray(document))
    assert {"$ref", "enum", "inner", "r"} == set(names(document))
    assert {(), ("properties", "$ref"), ("properties", "enum")} < {path for path, _ in nodes(document)}


@pytest.mark.parametrize(
    ("start", "endless"),
    [
        pytest.param({"$ref": "#/$defs/a"}, True, id="through a member"),
        pytest.param({"$ref": "#/$defs/loop"}, True, id="through two"),
        pytest.param({"$ref": "#/$defs/b"}, False, id="a chain that ends"),
        pytest.param({"anyOf": [{"$ref": "#/$defs/c"}, {"$ref": "#/$defs/c"}]}, False, id="one target twice"),
        pytest.param({"type": "string"}, False, id="no reference"),
    ],
)
def test_a_circle_is_seen(start, endless):
    assert endless is is_endless(DOCUMENT, start)


def test_a_very_long_chain_counts_as_a_circle():
    chain = {str(n): {"$ref": f"#/{n + 1}"} for n in range(5000)} | {"5000": {}}
    assert is_endless(chain, {"$ref": "#/0"})
