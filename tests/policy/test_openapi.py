"""OpenAPI documents: what is compiled from them, and what is a problem of theirs."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.http.reply import Reply
from gateway.policy.openapi import compile_openapi

NUMBER = {"type": "integer"}


def document(operation, *, method="post", path="/charges/{id}", **more):
    parameter = {"name": "id", "in": "path", "required": True, "schema": {"type": "string"}}
    return {"openapi": "3.1.0", "paths": {path: {"parameters": [parameter], method: operation}}, **more}


def taking(media_type, schema=None, **more):
    media = {} if schema is None else {"schema": schema}
    return {"requestBody": {"content": {media_type: media}, **more}}


def with_parameter(**parameter):
    return {"parameters": [{"name": "p", "in": "query", "schema": NUMBER, **parameter}]}


def compiled(operation, **more):
    api, problems = compile_openapi(document(operation, **more), "ignore")
    assert [] == problems
    found = api.find(b"POST", b"/charges/7")
    assert found is not None
    return found[0]


@pytest.mark.parametrize(
    ("media_type", "schema", "good", "bad"),
    [
        pytest.param("application/json", {"type": "object"}, b"{}", b"[]", id="JSON"),
        pytest.param("application/merge-patch+json", NUMBER, b"1", b"{}", id="a kind of JSON"),
        pytest.param("application/json; charset=utf-8", None, b"[1]", b"[1", id="JSON without a schema"),
        pytest.param(
            "application/x-www-form-urlencoded", {"properties": {"a": NUMBER}}, b"a=1", b"a=x", id="a form"
        ),
    ],
)
def test_a_body_is_judged_by_its_media_type(media_type, schema, good, bad):
    content = compiled(taking(media_type, schema)).content(media_type.partition(";")[0].encode())
    assert content.judge(good) is None
    assert isinstance(content.judge(bad), Reply)


@pytest.mark.parametrize(
    ("media_type", "schema", "asked"),
    [
        pytest.param("application/octet-stream", None, b"application/octet-stream", id="without a schema"),
        pytest.param("image/*", {"type": "string", "format": "binary"}, b"image/png", id="a range"),
        pytest.param("*/*", {}, b"text/plain", id="anything"),
        pytest.param("text/plain", {"type": "string", "description": "x"}, b"text/plain", id="a text"),
    ],
)
def test_a_body_that_nobody_describes_is_not_looked_at(media_type, schema, asked):
    assert compiled(taking(media_type, schema)).content(asked) is None


def test_a_media_type_that_is_not_there_is_not_taken():
    operation = compiled(taking("application/json"))
    with pytest.raises(KeyError):
        operation.content(b"text/plain")
    assert (b"Accept", b"application/json") in operation.unsupported.fields


def test_an_operation_may_take_no_body():
    operation = compiled({})
    assert ({}, False) == (operation.bodies, operation.required)
    assert [b"Cache-Control"] == [name for name, _ in operation.unsupported.fields]


def test_references_to_parts_of_the_document_are_followed():
    components = {
        "parameters": {"P": {"$ref": "#/components/parameters/Q"}, "Q": with_parameter()["parameters"][0]},
        "requestBodies": {"B": {"required": True, "content": {"application/json": {"schema": NUMBER}}}},
    }
    operation = compiled(
        {
            "parameters": [{"$ref": "#/components/parameters/P"}],
            "requestBody": {"$ref": "#/components/requestBodies/B"},
        },
        components=components,
    )
    assert (True, {"p"}) == (operation.required, {*operation.inputs.query.shapes})
    assert operation.content(b"application/json").judge(b"1") is None


def test_schemas_may_refer_to_themselves():
    node = {"type": "object", "properties": {"next": {"$ref": "#/components/schemas/Node"}}}
    operation = compiled(
        taking("application/json", {"$ref": "#/components/schemas/Node"}),
        components={"schemas": {"Node": node}},
    )
    content = operation.content(b"application/json")
    assert content.judge(b'{"next": {"next": {}}}') is None
    assert 422 == content.judge(b'{"next": {"next": 1}}').status


def test_a_parameter_of_an_operation_replaces_that_of_its_path():
    operation = compiled({"parameters": [{"name": "id", "in": "path", "required": True, "schema": NUMBER}]})
    assert frozenset(["integer"]) == operation.inputs.path["id"].types


@pytest.mark.parametrize(
    ("servers", "path"),
    [
        pytest.param([{"url": "https://pay.example/v2/"}], b"/v2/charges/7", id="the path of a server"),
        pytest.param([{"url": "/v2"}], b"/v2/charges/7", id="a path alone"),
        pytest.param(
            [{"url": "https://{host}/{v}", "variables": {"host": {"default": "h"}, "v": {"default": "v3"}}}],
            b"/v3/charges/7",
            id="variables",
        ),
        pytest.param([{"url": "/a"}, {"url": "/b"}], b"/b/charges/7", id="one of two"),
        pytest.param([], b"/charges/7", id="none"),
    ],
)
def test_the_path_of_a_server_stands_before_the_others(servers, path):
    api, problems = compile_openapi(document({}, servers=servers), "ignore")
    assert [] == problems
    assert api.find(b"POST", path) is not None


PATH = ("paths", "/charges/{id}")
POST = (*PATH, "post")
FIRST = (*POST, "parameters", 0)


@pytest.mark.parametrize(
    ("operation", "place", "message"),
    [
        pytest.param(
            with_parameter(style="deepObject", schema={"type": "object"}),
            (*FIRST, "style"),
            "expected the style form: no other is read",
            id="a style",
        ),
        pytest.param(
            with_parameter(schema={"type": "object"}),
            (*FIRST, "schema"),
            "expected a parameter that is one value, or a list of them",
            id="an object",
        ),
        pytest.param(
            {"parameters": [{"name": "p", "in": "cookie", "schema": {"type": "array"}}]},
            (*FIRST, "schema"),
            "expected a parameter that is one value, or a list of them",
            id="a list in a cookie",
        ),
        pytest.param(
            {"parameters": [{"name": "p", "in": "query", "content": {"application/json": {}}}]},
            FIRST,
            "expected a parameter with a schema",
            id="a parameter with content",
        ),
        pytest.param(
            {"parameters": [{"name": "p", "in": "body", "schema": {}}]},
            FIRST,
            "expected a parameter with a name, in path, query, header or cookie",
            id="a place of 2.0",
        ),
        pytest.param(
            {"parameters": [{"name": "other", "in": "path", "schema": {}}]},
            FIRST,
            "expected a variable {other} in the path",
            id="a variable that the path does not have",
        ),
        pytest.param(
            with_parameter(schema={"type": "strng"}),
            (*FIRST, "schema", "type"),
            "expected JSON Schema 2020-12",
            id="no schema of a parameter",
        ),
        pytest.param(
            taking("application/json", {"pattern": "(?=a)"}),
            (*POST, "requestBody", "content", "application/json", "schema", "pattern"),
            "expected a regular expression without look-around and back-references",
            id="a pattern",
        ),
        pytest.param(
            taking("multipart/form-data", {"type": "object"}),
            (*POST, "requestBody", "content", "multipart/form-data", "schema"),
            "expected no schema: bodies of multipart/form-data are not looked at",
            id="a schema that nobody would ask",
        ),
        pytest.param(
            taking("text/plain", {"type": "string", "maxLength": 5}),
            (*POST, "requestBody", "content", "text/plain", "schema"),
            "expected no schema: bodies of text/plain are not looked at",
            id="one for a text",
        ),
        pytest.param(
            taking("application/json; charset=utf-16", {}),
            (*POST, "requestBody", "content", "application/json; charset=utf-16"),
            "expected a media type in UTF-8, such as application/json",
            id="another charset",
        ),
        pytest.param(
            {"servers": [{"url": "/v3"}]},
            (*POST, "servers"),
            "expected servers at the top of the document only",
            id="servers of an operation",
        ),
        pytest.param(
            {"requestBody": {"$ref": "#/paths/~1charges~1{id}/post/requestBody"}},
            (*POST, "requestBody"),
            "expected a reference that ends somewhere",
            id="a reference to itself",
        ),
        pytest.param({"requestBody": []}, (*POST, "requestBody"), "expected an object", id="a list"),
    ],
)
def test_what_nobody_would_check_is_a_problem_of_the_document(operation, place, message):
    _, problems = compile_openapi(document(operation), "ignore")
    assert [(place, message)] == [(error.path, str(error)) for error in problems]


def test_a_fault_of_a_component_is_told_at_its_own_place():
    schema = {"$ref": "#/components/schemas/Bad"}
    _, problems = compile_openapi(
        document(taking("application/json", schema), components={"schemas": {"Bad": {"minimum": "1"}}}),
        "ignore",
    )
    assert [("components", "schemas", "Bad", "minimum")] == [error.path for error in problems]


@pytest.mark.parametrize(
    ("broken", "place"),
    [
        pytest.param([], (), id="a list"),
        pytest.param({"openapi": "3.1.0", "paths": {"charges": {}}}, ("paths", "charges"), id="no path"),
        pytest.param({"openapi": "3.1.0", "paths": {"/a": 7}}, ("paths", "/a"), id="a path that is a number"),
        pytest.param(
            {"openapi": "3.1.0", "paths": {"/{a}": {}, "/{b}": {}}}, ("paths", "/{b}"), id="one path twice"
        ),
        pytest.param({"openapi": "3.1.0", "servers": [{}]}, ("servers", 0), id="a server without a url"),
        pytest.param(
            {"openapi": "3.1.0", "servers": [{"url": "http://[x/"}]}, ("servers", 0), id="a url that is none"
        ),
        pytest.param(
            {"openapi": "3.1.0", "servers": [{"url": "/{v}", "variables": {"v": {}}}]},
            ("servers", 0),
            id="a variable without a default",
        ),
    ],
)
def test_a_broken_document_says_where(broken, place):
    _, problems = compile_openapi(broken, "ignore")
    assert [place] == [error.path for error in problems]


WORDS = st.sampled_from(
    [
        *(
            "paths",
            "/a",
            "/{id}",
            "get",
            "post",
            "parameters",
            "name",
            "in",
            "schema",
            "requestBody",
            "content",
        ),
        *(
            "application/json",
            "application/x-www-form-urlencoded",
            "image/*",
            "$ref",
            "servers",
            "url",
            "style",
        ),
        *("type", "properties", "nullable", "readOnly", "required", "format", "exclusiveMinimum", "items"),
    ]
)
NODES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.sampled_from(
        ["query", "path", "p", "#", "#/paths", "#/paths/~1a", "object", "array", "int32", "/v1"]
    ),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(WORDS, inner, max_size=4),
    max_leaves=25,
)


@settings(max_examples=300)
@given(NODES, st.dictionaries(st.sampled_from(["get", "post", "parameters"]), NODES, max_size=3))
def test_whatever_the_document_it_is_compiled_or_told_of(node, item):
    """No error but problems of the document comes out."""
    for paths in (node, {"/a/{id}": item}, {"/a": {"post": item}, "/{b}": node}):
        for version in ("3.0.3", "3.1.0"):
            api, problems = compile_openapi({"openapi": version, "paths": paths}, "reject")
            assert problems or api.find(b"GET", b"/nowhere/at/all") is None
