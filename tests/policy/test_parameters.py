import pytest

from gateway.policy.parameters import Shape, decoded, pairs, parameters, shape

SCHEMA = {
    "type": "object",
    "properties": {
        "limit": {"type": "integer"},
        "ratio": {"type": ["number", "null"]},
        "all": {"type": "boolean"},
        "tag": {"type": "array", "items": {"type": "integer"}},
        "word": {"type": "string"},
        "either": {"anyOf": [{"type": "integer"}, {"type": "string"}]},
        "named": {"$ref": "#/$defs/count"},
        "untyped": {"minLength": 2},
    },
    "$defs": {"count": {"allOf": [{"type": "integer"}, {"minimum": 1}]}},
}


@pytest.mark.parametrize(
    ("encoded", "expected"),
    [
        pytest.param(b"", [], id="nothing"),
        pytest.param(b"a=1&b=2&a=3", [("a", "1"), ("b", "2"), ("a", "3")], id="their order"),
        pytest.param(b"a&b=", [("a", ""), ("b", "")], id="without a value"),
        pytest.param(b"&a=1&&", [("a", "1")], id="nothing between two signs"),
        pytest.param(b"a=b=c", [("a", "b=c")], id="the first sign parts"),
        pytest.param(b"a%20b=c+d%2Be", [("a b", "c d+e")], id="blanks and a plus"),
        pytest.param(b"n=%C3%BC", [("n", "ü")], id="UTF-8"),
        pytest.param(b"a=%2541", [("a", "%41")], id="decoded once"),
        pytest.param(b"&".join([b"a=1"] * 100), [("a", "1")] * 100, id="a hundred"),
    ],
)
def test_pairs_are_read(encoded, expected):
    assert expected == pairs(encoded)


@pytest.mark.parametrize(
    "encoded",
    [
        pytest.param(b"a=%", id="half an escape"),
        pytest.param(b"a=%zz", id="no escape"),
        pytest.param(b"a=%u0041", id="an escape of Windows"),
        pytest.param(b"a=%FF", id="no UTF-8"),
        pytest.param(b"a=%C0%AF", id="UTF-8 that is too long"),
        pytest.param(b"a=%ED%A0%80", id="a surrogate"),
        pytest.param(b"a=\xc3\xbc", id="bytes that should be escaped"),
        pytest.param(b"a=%00", id="NUL"),
        pytest.param(b"a=x%0D%0AX-A:b", id="a line break"),
        pytest.param(b"a%7F=1", id="a control in a name"),
        pytest.param(b"a=1;b=2", id="another sign between two"),
        pytest.param(b"a=\t", id="a tab"),
        pytest.param(b"=1", id="no name"),
        pytest.param(b"&".join([b"a=1"] * 101), id="a hundred and one"),
    ],
)
def test_pairs_that_could_be_read_otherwise_are_refused(encoded):
    with pytest.raises(ValueError):
        pairs(encoded)


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        pytest.param(b"limit=10", {"limit": 10}, id="an integer"),
        pytest.param(b"limit=-10", {"limit": -10}, id="a negative one"),
        pytest.param(b"limit=010", {"limit": "010"}, id="octal or decimal, who knows"),
        pytest.param(b"limit=0x10", {"limit": "0x10"}, id="hexadecimal"),
        pytest.param(b"limit=%2B1", {"limit": "+1"}, id="a plus"),
        pytest.param(b"limit=%D9%A1", {"limit": "\u0661"}, id="a digit of another script"),
        pytest.param(b"limit=" + b"1" * 65, {"limit": "1" * 65}, id="too many digits"),
        pytest.param(b"limit=ten", {"limit": "ten"}, id="for the schema to refuse"),
        pytest.param(b"ratio=1.5e2", {"ratio": 150.0}, id="a number"),
        pytest.param(b"ratio=NaN", {"ratio": "NaN"}, id="none"),
        pytest.param(b"all=true", {"all": True}, id="a truth value"),
        pytest.param(b"all=1", {"all": "1"}, id="another spelling of one"),
        pytest.param(b"tag=1&tag=2", {"tag": [1, 2]}, id="a list"),
        pytest.param(b"tag=1", {"tag": [1]}, id="a list of one"),
        pytest.param(b"word=10", {"word": "10"}, id="a text that looks like a number"),
        pytest.param(b"either=10", {"either": "10"}, id="what may be a text is one"),
        pytest.param(b"named=3", {"named": 3}, id="behind a reference"),
        pytest.param(b"untyped=3", {"untyped": "3"}, id="without a type"),
        pytest.param(b"other=3", {"other": "3"}, id="a name that the schema does not have"),
        pytest.param(b"other=3&other=4", {"other": ["3", "4"]}, id="the same twice"),
    ],
)
def test_values_follow_the_schema(query, expected):
    assert expected == parameters(SCHEMA, SCHEMA).values(pairs(query))


def test_other_names_follow_their_schema():
    schema = {"additionalProperties": {"type": "integer"}}
    assert {"a": 1} == parameters(schema, schema).values([("a", "1")])


@pytest.mark.parametrize(
    "query",
    [
        pytest.param(b"limit=1&limit=2", id="two values where one is meant"),
        pytest.param(b"word=a&word=a", id="twice the same"),
        pytest.param(b"limit=99999999999999999999", id="an integer beyond 64 bits"),
        pytest.param(b"ratio=1e999", id="a number beyond a double"),
    ],
)
def test_values_that_could_be_read_otherwise_are_refused(query):
    with pytest.raises(ValueError):
        parameters(SCHEMA, SCHEMA).values(pairs(query))


@pytest.mark.parametrize(
    ("schema", "expected"),
    [
        pytest.param(
            {"type": "integer"}, Shape(frozenset(["integer"]), frozenset(["string"]), ","), id="one"
        ),
        pytest.param(True, Shape(frozenset(["string"]), frozenset(["string"]), ","), id="anything"),
        pytest.param(
            {"$ref": "#/l"}, Shape(frozenset(["array"]), frozenset(["boolean"]), ","), id="a list elsewhere"
        ),
        pytest.param(
            {"$ref": "#/loop"}, Shape(frozenset(["string"]), frozenset(["string"]), ","), id="a circle"
        ),
        pytest.param(
            {"type": 7, "allOf": 7}, Shape(frozenset(["string"]), frozenset(["string"]), ","), id="broken"
        ),
    ],
)
def test_a_shape_is_made_from_a_schema(schema, expected):
    document = {"l": {"type": "array", "items": {"type": "boolean"}}, "loop": {"$ref": "#/loop"}}
    assert expected == shape(schema, document, ",")


def test_items_may_stand_in_one_text():
    assert [1, 2, "x"] == Shape(frozenset(["array"]), frozenset(["integer"]), ",").value(["1,2", "x"])


def test_a_text_is_decoded_once():
    assert "a+b%41" == decoded(b"a+b%2541")
