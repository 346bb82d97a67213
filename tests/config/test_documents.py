"""Schemas and OpenAPI documents that routes name: read beside their files, and told of with their places."""

import os

import pytest

GATEWAY = """
version: 1
upstreams: {pay: {endpoints: ["http://127.0.0.1:4009"]}}
policies: [policies]
"""
SCHEMA = '{"type": "object", "properties": {"a": {"type": "integer"}}}'
OPENAPI = """
openapi: 3.0.3
paths:
  /charges:
    post:
      requestBody:
        content:
          application/json:
            schema: {type: string, nullable: true, example: ~, enum: [yes, 2026-01-01, null]}
      responses:
        200: {description: A bare number is a text here.}
"""


def routes(validate):
    return f"""
    defaults: {{auth: public, upstream: pay}}
    routes:
      - id: a
        match: {{path: /a}}
        validate: {{{validate}}}
    """


@pytest.fixture
def told(report):
    """The problems of a route with this `validate`, and these files beside its own."""
    return lambda validate, **documents: report(
        gateway=GATEWAY,
        policies=routes(validate),
        documents={name.replace("_", "."): text for name, text in documents.items()},
    )


@pytest.mark.parametrize(
    ("validate", "documents"),
    [
        pytest.param("schema: a.json", {"a_json": SCHEMA}, id="JSON"),
        pytest.param("schema: d/a.yml", {"d/a_yml": "type: [object, 'null']\ndefault: ~\n"}, id="YAML"),
        pytest.param("query: a.json", {"a_json": SCHEMA}, id="a query"),
        pytest.param("openapi: d/a.yml", {"d/a_yml": OPENAPI}, id="OpenAPI, as others write it"),
        pytest.param(
            "openapi: a.json", {"a_json": '{"openapi": "3.1.0", "paths": {}}'}, id="OpenAPI in JSON"
        ),
        pytest.param("schema: a.json, query: a.json", {"a_json": SCHEMA}, id="one file for both"),
    ],
)
def test_documents_load(told, validate, documents):
    assert [] == told(validate, **documents)


@pytest.mark.parametrize(
    ("validate", "documents", "line"),
    [
        pytest.param(
            "schema: a.json",
            {},
            "policies/a.yaml:5:24: routes[0].validate.schema: expected a file that can be read: "
            "No such file or directory",
            id="no file",
        ),
        pytest.param(
            "schema: d",
            {"d/x_json": "{}"},
            "policies/a.yaml:5:24: routes[0].validate.schema: expected a file that can be read: "
            "it is not a regular file",
            id="a folder",
        ),
        pytest.param(
            'schema: "a\\0b"',
            {},
            "policies/a.yaml:5:24: routes[0].validate.schema: expected a file that can be read: "
            "embedded null byte",
            id="no name of a file",
        ),
        pytest.param(
            "schema: a.json", {"a_json": '{\n "a": 1,\n}'}, "policies/a.json:3:1: expected JSON", id="no JSON"
        ),
        pytest.param(
            "schema: a.json",
            {"a_json": '{"a": 1, "a": 2}'},
            "policies/a.json:1:1: expected JSON in UTF-8 with each name once and at most 64 levels",
            id="a name twice",
        ),
        pytest.param(
            "schema: a.json",
            {"a_json": '{"$ref": "https://schemas.example/a.json"}'},
            "policies/a.yaml:5:24: routes[0].validate.schema: policies/a.json: $ref: "
            "expected a reference into this document, such as #/$defs/name",
            id="a remote reference in JSON",
        ),
        pytest.param(
            "query: d/a.yml",
            {"d/a_yml": "type: object\nproperties:\n  a: {type: strng}\n"},
            "policies/d/a.yml:3:13: properties.a.type: expected JSON Schema 2020-12",
            id="no schema in YAML",
        ),
        pytest.param(
            "openapi: d/a.yml",
            {"d/a_yml": OPENAPI.replace("type: string", "$ref: other.yaml")},
            "policies/d/a.yml:8:28: paths./charges.post.requestBody.content.application/json.schema.$ref: "
            "expected a reference into this document, such as #/$defs/name",
            id="a remote reference in YAML",
        ),
        pytest.param(
            "openapi: d/a.yml",
            {"d/a_yml": "openapi: 3.0.3\npaths: {a: &b {}}\n"},
            "policies/d/a.yml:2:12: paths.a: expected a value, got the anchor &b: write values out",
            id="an anchor",
        ),
        pytest.param(
            "openapi: a.json",
            {"a_json": '{"swagger": "2.0"}'},
            "policies/a.yaml:5:25: routes[0].validate.openapi: policies/a.json: openapi: "
            "expected the version of OpenAPI, 3.0.x or 3.1.x",
            id="another version",
        ),
        pytest.param("schema: a.json", {"a_json": "[]"}, None, id="a schema that is a list"),
    ],
)
def test_a_document_that_is_not_taken_is_told_with_its_place(told, validate, documents, line):
    lines = told(validate, **documents)
    assert 1 == len(lines)
    if line is not None:
        assert [line] == lines


def test_a_file_that_two_routes_name_is_told_of_once(report):
    lines = report(
        gateway=GATEWAY,
        policies="""
        defaults: {auth: public, upstream: pay, validate: {schema: a.json}}
        routes:
          - {id: a, match: {path: /a}}
          - {id: b, match: {path: /b}, validate: {schema: a.json}}
        """,
        documents={"a.json": "{"},
    )
    assert ["policies/a.json:1:2: expected JSON"] == lines


def test_a_document_that_nobody_can_open_is_told_of(told, tmp_path):
    (tmp_path / "policies").mkdir()
    os.mkfifo(tmp_path / "policies" / "a.json")
    (line,) = told("schema: a.json")
    assert line.endswith("it is not a regular file")


def test_what_the_environment_says_is_not_told(report):
    lines = report(
        environ={"SCHEMA": "secret.json", "GONE": "secret-too.json"},
        gateway=GATEWAY,
        policies=routes('schema: "${env:SCHEMA}", query: "${env:GONE}"'),
        documents={"secret.json": "{"},
    )
    assert ["${env:SCHEMA}:1:2: expected JSON"] == lines[:1]
    assert (2, False) == (len(lines), "secret" in str(lines))


def test_its_bytes_are_a_part_of_the_version(specs):
    texts = [SCHEMA, SCHEMA + " ", SCHEMA]
    versions = [
        specs(gateway=GATEWAY, policies=routes("schema: a.json"), documents={"a.json": text}).version
        for text in texts
    ]
    assert versions[0] == versions[2] != versions[1]
