"""The file that is written."""

import pytest

from gateway.imports.operations import api
from gateway.imports.policies import Target, notes, policies, sections
from gateway.imports.security import Needs, Security

SCHEMES = {"jwt": {"type": "http", "scheme": "bearer"}, "basic": {"type": "http", "scheme": "basic"}}
TARGET = Target("service", "http://127.0.0.1:3000", "", "../schemas/api.yaml")


@pytest.fixture
def written(document):
    """The lines behind the head of a file."""

    def write(paths, target=TARGET, **members):
        security = Security(SCHEMES)
        made = api(document(paths, **members), security, is_validated=not target.problems)
        return policies(made, security.needs, target)

    return write


def test_a_file_reads_as_if_somebody_had_written_it(written):
    paths = {
        "/pets": {
            "get": {"summary": "All pets", "operationId": "list", "security": []},
            "post": {"operationId": "create", "security": [{"jwt": ["pets:write"]}]},
        },
        "/a//b": {"get": {}},
        "/keys": {"get": {"operationId": "keys", "security": [{"nobody": []}]}},
    }
    text = written(paths, security=[{"jwt": []}])
    assert text == (
        """\
# yaml-language-server: $schema=policies.schema.json

# t 1, from ../schemas/api.yaml, by `gateway import openapi`. Yours now.
#
# It needs in gateway.yaml:
#
#   upstreams:
#     service: {endpoints: ["http://127.0.0.1:3000"]}
#   issuers:
#     jwt:
#       issuer: "https://issuer.invalid" # fill in: the `iss` of its tokens; until then nobody has one
#       discovery: true
#       audience: [jwt] # fill in: the `aud` of tokens that are meant for this service

defaults:
  upstream: service
  auth: jwt
  # What the document does not have is answered 404, what is not as it says 400 or 422.
  validate: {openapi: "../schemas/api.yaml"}

routes:
  # All pets
  - id: list
    match: {path: /pets, methods: [GET]}
    auth: public # the document asks nobody who he is

  - id: create
    match: {path: /pets, methods: [POST]}
    allow: {scopes: ["pets:write"]}

  # GET /a//b
  # - no route: expected no empty segment

  # - closed: nobody: no such scheme
  - id: keys
    match: {path: /keys, methods: [GET]}
    auth: public
    respond: {status: 501, body: "This operation is not open yet."}
"""
    )


def test_nothing_is_validated_by_what_cannot_be_compiled(written):
    text = written(
        {"/a": {"get": {}}}, Target("service", "http://a.example", "/api", "a.yaml", ("`validate`: x",))
    )
    assert "validate: {" not in text
    assert "  prefix: /api\n" in text
    assert "# Not taken over:\n#\n# - `validate`: x\n" in text


@pytest.mark.parametrize("paths", [{}, {"/a//b": {"get": {}}}])
def test_a_document_without_routes(written, paths):
    assert "\nroutes: []\n" in written(paths)


def test_sections_name_only_what_is_needed():
    assert [] == sections(Needs())
    assert ["api_keys: {file: api-keys.yaml, header: X-Key} # `gateway api-key` makes entries"] == sections(
        Needs(key_header="X-Key")
    )
    assert ["basic_users: {file: users.yaml} # `gateway password` makes entries"] == sections(
        Needs(basic=True)
    )


def test_notes_say_where_they_stand(document):
    made = api(document({"/a": {"trace": {}}}, webhooks={"x": {}}, security=[]), Security({}), True)
    found = notes(made, Target("s", "http://a.example", "", "a.yaml", ("first",)))
    assert ["first", "1 webhook", "TRACE /a"] == [note.partition(":")[0] for note in found]
