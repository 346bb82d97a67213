"""How the parameters of a request are read; what is said of them is in test_validate."""

import pytest

from gateway.policy.json_schema import SchemaError
from gateway.policy.openapi_document import Document
from gateway.policy.openapi_inputs import compile_inputs, declared

NUMBER = {"type": "integer"}
LIST = {"type": "array", "items": NUMBER}


def compiled(*parameters, unknown="ignore"):
    document = Document({"paths": {}})
    found = [*declared(document, {"parameters": [*parameters]}, ("here",))]
    return compile_inputs(document, found, unknown)


def one(kind, schema, **more):
    return {"name": "P", "in": kind, "schema": schema, **more}


@pytest.mark.parametrize(
    ("parameter", "asked", "captures", "expected"),
    [
        pytest.param(one("path", NUMBER), {}, {"P": b"7"}, {"path": {"P": 7}}, id="the path"),
        pytest.param(one("path", LIST), {}, {"P": b"7,8"}, {"path": {"P": [7, 8]}}, id="a list in the path"),
        pytest.param(one("path", {}), {}, {"P": b"a+b%20c"}, {"path": {"P": "a+b c"}}, id="decoded once"),
        pytest.param(one("query", NUMBER), {"query": b"?P=7"}, {}, {"query": {"P": 7}}, id="the query"),
        pytest.param(one("query", NUMBER), {"query": b"?p=7&x"}, {}, {}, id="other names are left alone"),
        pytest.param(
            one("query", LIST), {"query": b"?P=7&P=8"}, {}, {"query": {"P": [7, 8]}}, id="a list, one by one"
        ),
        pytest.param(
            one("query", LIST, explode=False),
            {"query": b"?P=7,8"},
            {},
            {"query": {"P": [7, 8]}},
            id="in one text",
        ),
        pytest.param(
            one("header", NUMBER),
            {"fields": [(b"p", b"7")]},
            {},
            {"header": {"p": 7}},
            id="a field, in any case",
        ),
        pytest.param(
            one("header", LIST),
            {"fields": [(b"P", b"7 ,8"), (b"P", b"9")]},
            {},
            {"header": {"p": [7, 8, 9]}},
            id="a list over lines",
        ),
        pytest.param(
            one("cookie", NUMBER),
            {"fields": [(b"Cookie", b"p=1; P=7"), (b"Cookie", b"\xff=1")]},
            {},
            {"cookie": {"P": 7}},
            id="a cookie, in its case",
        ),
        pytest.param(one("query", NUMBER), {}, {}, {}, id="nothing"),
    ],
)
def test_a_parameter_is_read_from_its_place(exchange, parameter, asked, captures, expected):
    value = compiled(parameter).read(exchange(**asked).request, captures)
    assert {"path": {}, "query": {}, "header": {}, "cookie": {}, **expected} == value


def test_unknown_names_are_read_where_they_are_refused(exchange):
    inputs = compiled(unknown="reject")
    value = inputs.read(exchange(query=b"?x=1").request, {})
    assert ({"x": "1"}, False) == (value["query"], inputs.schema.admits(value))


@pytest.mark.parametrize(
    ("parameter", "asked", "captures"),
    [
        pytest.param(one("path", NUMBER), {}, {"P": b"%FF"}, id="no UTF-8 in the path"),
        pytest.param(one("path", LIST), {}, {"P": b"7%2C8"}, id="an escaped comma in the path"),
        pytest.param(one("query", LIST, explode=False), {"query": b"?P=7%2c8"}, {}, id="one in the query"),
        pytest.param(one("query", NUMBER), {"query": b"?P=7&P=7"}, {}, id="two of one"),
        pytest.param(one("query", NUMBER), {"query": b"?x=%"}, {}, id="a broken escape elsewhere"),
        pytest.param(one("header", NUMBER), {"fields": [(b"P", b"7"), (b"P", b"7")]}, {}, id="two fields"),
        pytest.param(one("header", {}), {"fields": [(b"P", b"\xe9")]}, {}, id="a field that is not ASCII"),
        pytest.param(one("cookie", {}), {"fields": [(b"Cookie", b"P=1;P=2")]}, {}, id="two cookies"),
    ],
)
def test_what_could_be_read_otherwise_is_refused(exchange, parameter, asked, captures):
    with pytest.raises(ValueError):
        compiled(parameter).read(exchange(**asked).request, captures)


@pytest.mark.parametrize(
    ("parameter", "place"),
    [
        pytest.param({"in": "query", "schema": {}}, (), id="no name"),
        pytest.param({"name": "P", "schema": {}}, (), id="no place"),
        pytest.param({"name": "P", "in": "body", "schema": {}}, (), id="a place of 2.0"),
        pytest.param({"name": "P", "in": ["query"], "schema": {}}, (), id="several places"),
        pytest.param({"name": "P", "in": "query"}, (), id="no schema"),
        pytest.param(one("query", {"minimum": "1"}), ("schema", "minimum"), id="a schema that is none"),
        pytest.param(one("query", {"type": "object"}), ("schema",), id="an object"),
        pytest.param(one("cookie", LIST), ("schema",), id="a list in a cookie"),
        pytest.param(one("path", LIST, style="matrix"), ("style",), id="a style of paths"),
        pytest.param(one("query", LIST, style="pipeDelimited"), ("style",), id="a style of queries"),
    ],
)
def test_what_nobody_reads_is_a_problem(parameter, place):
    with pytest.raises(SchemaError) as caught:
        compiled(parameter)
    assert ("here", "parameters", 0, *place) == caught.value.path


@pytest.mark.parametrize("name", ["Authorization", "ACCEPT", "content-type"])
def test_fields_with_a_meaning_of_their_own_are_no_parameters(name):
    assert [] == [*declared(Document({}), {"parameters": [one("header", {}) | {"name": name}]}, ())]
