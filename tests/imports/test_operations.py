"""The operations of a document, and what of it becomes no route."""

import pytest

from gateway.imports.operations import api
from gateway.imports.security import Security

GET = {"get": {"responses": {}}}
SCHEMES = {"jwt": {"type": "http", "scheme": "bearer"}}


@pytest.fixture
def made(document):
    def make(paths=None, is_validated=True, **members):
        return api(document(paths, **members), Security(SCHEMES), is_validated)

    return make


def test_an_operation_has_the_path_of_its_server(made):
    found = made({"/pets": GET}, servers=[{"url": "https://pets.example:8443/v1/"}, {"url": "/v2"}])
    assert ["/v1/pets"] == [each.path for each in found.operations]
    assert "https://pets.example:8443/v1/" == found.server
    assert 3 == len(found.notes)


@pytest.mark.parametrize(
    ("servers", "base"),
    [
        pytest.param([], "", id="none"),
        pytest.param(None, "", id="null"),
        pytest.param([{"url": "/"}], "", id="the root"),
        pytest.param([1, {"url": 2}, {"url": "/v1"}], "/v1", id="what is no server"),
        pytest.param([{"url": "/{v}", "variables": {"v": {"default": "v3"}}}], "/v3", id="a variable"),
        pytest.param([{"url": "//[::"}], "", id="no URL"),
    ],
)
def test_servers(made, servers, base):
    found = made({"/pets": GET}, servers=servers)
    assert [f"{base}/pets"] == [each.path for each in found.operations]


@pytest.mark.parametrize(
    ("said", "id"),
    [
        pytest.param({"operationId": "readPet"}, "readPet", id="as the document says"),
        pytest.param({}, "get-pets-petId", id="by method and path"),
        pytest.param({"operationId": 'a: "b"\n'}, "a-b", id="what is no name"),
        pytest.param({"operationId": "no"}, "get-pets-petId", id="what is a truth value to some"),
        pytest.param({"operationId": 1}, "get-pets-petId", id="no text"),
    ],
)
def test_ids(made, said, id):
    assert [id] == [each.id for each in made({"/pets/{petId}": {"get": said}}).operations]


def test_no_id_twice(made):
    paths = {f"/{name}": {"get": {"operationId": "read"}} for name in "abc"}
    assert ["read", "read-2", "read-3"] == [each.id for each in made(paths).operations]


@pytest.mark.parametrize(
    ("paths", "members", "told"),
    [
        pytest.param({"/a": {"get": {}, "put": {}}}, {}, ["2 operations"], id="nowhere"),
        pytest.param({"/a": {"get": {}, "put": {"security": []}}}, {}, ["1 operation"], id="of one only"),
        pytest.param({"/a": {"get": {"security": []}}}, {}, [], id="that it needs none"),
        pytest.param({"/a": GET}, {"security": []}, [], id="that none does"),
    ],
)
def test_a_document_that_says_nothing_of_security_is_told_of(made, paths, members, told):
    words = "open to everybody, as nothing is said of security: "
    notes = made(paths, **members).notes
    assert told == [note.removeprefix(words) for note in notes if note.startswith(words)]


@pytest.mark.parametrize(
    ("members", "said", "auth"),
    [
        pytest.param({}, {}, ("public",), id="nothing is said"),
        pytest.param({"security": [{"jwt": []}]}, {}, ("jwt",), id="for all"),
        pytest.param({"security": [{"jwt": []}]}, {"security": []}, ("public",), id="not for this one"),
        pytest.param({}, {"security": [{"jwt": []}]}, ("jwt",), id="for this one"),
    ],
)
def test_security(made, members, said, auth):
    (operation,) = made({"/a": {"get": said}}, **members).operations
    assert auth == operation.demand.auth


def test_what_cannot_be_demanded_is_closed(made):
    (operation,) = made({"/a": {"get": {"security": [{"nobody": []}]}}}).operations
    assert (True, ["closed: nobody: no such scheme"]) == (operation.is_closed, operation.notes)


@pytest.mark.parametrize(
    ("paths", "words"),
    [
        pytest.param({"/a": {"trace": {}}}, "TRACE is refused", id="TRACE"),
        pytest.param({"/a//b": GET}, "no route: expected no empty", id="a path that no request has"),
        pytest.param({"/a": {"get": {"deprecated": True}}}, "deprecated", id="deprecated"),
        pytest.param({"/a": {"get": {"callbacks": {}}}}, "callbacks: not taken over", id="callbacks"),
        pytest.param({"/a": GET | {"servers": []}}, "servers: not taken over", id="servers of a path"),
        pytest.param({"/a.{b}": GET}, "`validate` answers them with 404", id="a wider path"),
    ],
)
def test_what_is_not_taken_over_is_told(made, paths, words):
    (operation,) = made(paths).operations
    assert any(words in note for note in operation.notes)


def test_a_wider_path_has_no_route_where_nothing_narrows_it(made):
    (operation,) = made({"/a.{b}": GET}, is_validated=False).operations
    assert "" == operation.path


def test_what_is_no_operation_is_told(made):
    paths = {"/a": None, "/b": 1, "x-vendor": GET, "/c": {"get": 1, "x-get": {}}}
    found = made(paths, webhooks={"sold": {"post": {}}})
    assert ((), 3) == (found.operations, len(found.notes))
    assert any("1 webhook:" in note for note in found.notes)


def test_references_of_paths_are_followed_to_their_end(made):
    paths = {
        "/a": {"$ref": "#/paths/~1b"},
        "/b": GET,
        "/c": {"$ref": "#/paths/~1d"},
        "/d": {"$ref": "#/paths/~1c"},
    }
    found = made(paths)
    assert ["GET /a", "GET /b"] == [each.where for each in found.operations]
    assert 3 == len(found.notes)


class TestOperationsThatNoRouteTellsApart:
    PATHS = ("/a/{x}", "/a/{y}")

    def test_alike_share_the_route_of_the_first(self, made):
        first, second = made(dict.fromkeys(self.PATHS, GET)).operations
        assert (False, "/a/{x}", "") == (first.is_closed, first.path, second.path)

    def test_with_other_demands_are_closed(self, made):
        """Otherwise requests of the stricter one would take the laxer route."""
        strict = {"get": {"security": [{"jwt": []}]}}
        for pair in ((GET, strict), (strict, GET)):
            first, second = made(dict(zip(self.PATHS, pair, strict=True))).operations
            assert (True, "") == (first.is_closed, second.path)

    def test_by_other_methods_are_told_apart(self, made):
        found = made({"/a/{x}": GET, "/a/{y}": {"put": {}}, "/a/": GET, "/a": {"post": {}}}).operations
        assert all(each.path and not each.is_closed for each in found)
