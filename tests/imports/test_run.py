"""The verb: what it writes loads, decides as the document says, and has no line of the document's own."""

import io
import json
import shlex
from pathlib import Path

import pytest

from gateway.cli import main
from gateway.config.load import load
from gateway.rehearsal import Assumed, Draft, RehearsalPorts, Stage, Verdict

ROOT = Path(__file__).parents[2]
URL = "http://127.0.0.1:3000"
JSON = (("Content-Type", "application/json"),)


@pytest.fixture
def stage(tmp_path):
    """What was written, ready to be asked."""
    return lambda: Stage(load(tmp_path / "config" / "gateway.yaml", {}), RehearsalPorts(0.0))


ADA = Assumed("ada")
WRITER = Assumed("ada", scopes=frozenset(["pets:write"]))


@pytest.mark.parametrize(
    ("draft", "who", "expected"),
    [
        pytest.param(Draft("GET", "/v1/pets"), None, "passed", id="public"),
        pytest.param(Draft("GET", "/v1/pets?limit=101"), None, "invalid_parameter", id="a parameter"),
        pytest.param(
            Draft("POST", "/v1/pets", fields=JSON, body=b'{"name":"a"}'), WRITER, "passed", id="scope"
        ),
        pytest.param(Draft("POST", "/v1/pets", fields=JSON, body=b"{}"), WRITER, "invalid_body", id="a body"),
        pytest.param(
            Draft("POST", "/v1/pets", fields=JSON, body=b'{"name":"a"}'), ADA, "insufficient_scope", id="none"
        ),
        pytest.param(
            Draft("POST", "/v1/pets", fields=JSON, body=b'{"name":"a"}'), None, "no_credentials", id="nobody"
        ),
        pytest.param(Draft("GET", "/v1/pets/7"), ADA, "passed", id="a variable"),
        pytest.param(Draft("GET", "/v1/pets/7"), None, "no_credentials", id="nobody reads"),
        pytest.param(Draft("DELETE", "/v1/pets/7"), WRITER, "passed", id="an alternative"),
        pytest.param(Draft("GET", "/v1/pets/7/photo.png"), ADA, "passed", id="a variable in a segment"),
        pytest.param(
            Draft("GET", "/v1/pets/7/photo.gif"), ADA, "invalid_parameter", id="another value of it"
        ),
        pytest.param(
            Draft("GET", "/v1/pets/7/video"), ADA, "unknown_operation", id="what the document has not"
        ),
        pytest.param(Draft("GET", "/v1/reports"), ADA, 501, id="closed"),
        pytest.param(Draft("GET", "/v1/staff"), None, "passed", id="optional"),
        pytest.param(Draft("PUT", "/v1/pets"), WRITER, "method_not_allowed", id="another method"),
        pytest.param(Draft("GET", "/pets"), None, "no_route", id="without the path of the server"),
    ],
)
def test_what_is_written_decides_as_the_document_says(imported, pets, stage, draft, who, expected):
    assert 0 == imported(pets)[0]
    outcome = stage().ask(draft, who)
    if expected == "passed":
        assert (Verdict.PASSED, "service") == (outcome.verdict, outcome.forward.upstream)
    else:
        assert expected in (outcome.reason, outcome.reply.status)


def test_init_then_import_then_check(tmp_path, monkeypatch, capsys, pets):
    """As somebody types it: what the file's head names is put into gateway.yaml."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / "pets.yaml").write_text(pets)
    arguments = [
        "import",
        "openapi",
        "schemas/pets.yaml",
        "--upstream",
        URL,
        "--output",
        "policies/pets.yaml",
    ]
    assert (0, 0) == (main(["init", URL]), main(arguments))
    assert 1 == main(["check"]), "who has not filled in his issuers is not served"
    head = (tmp_path / "policies" / "pets.yaml").read_text().partition("# Not taken over")[0]
    needed = [line[4:] for line in head.splitlines() if line.startswith("#   ")]
    own = "\n".join(needed[needed.index("issuers:") :])
    gateway = tmp_path / "config" / "gateway.yaml"
    gateway.write_text(f"{gateway.read_text()}\n{own}\n")
    key = main(["api-key", "--principal", "probe"]), capsys.readouterr().out.partition("`keys:`")[2]
    (gateway.parent / "api-keys.yaml").write_text(f"keys:\n{key[1]}")
    monkeypatch.setattr("sys.stdin", io.StringIO("a password\n"))
    user = main(["password", "ada"]), capsys.readouterr().out
    (gateway.parent / "users.yaml").write_text(f"users:\n{user[1]}")
    capsys.readouterr()
    assert 0 == main(["check"])
    assert "ok: 8 routes, 1 upstream" in capsys.readouterr().out


def test_a_document_that_asks_for_nothing_passes_with_what_init_wrote(tmp_path, monkeypatch, document):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "api.json").write_text(json.dumps(document({"/pets": {"get": {}}})))
    arguments = ["import", "openapi", "api.json", "--upstream", URL, "--output", "policies/pets.yaml"]
    assert (0, 0, 0) == (main(["init", URL]), main(arguments), main(["check"]))


def test_the_document_of_the_repository(imported, stage):
    """Every operation of it gets through."""
    text = (ROOT / "policies" / "schemas" / "azora-mint.yaml").read_text()
    status, written, _ = imported(text)
    assert (0, True) == (status, "validate: {openapi:" in written)
    made = stage()
    routes = [entry.match for entry in made.specs.entries]
    assert 6 == len(routes)
    for match in routes:
        outcome = made.ask(Draft(match.methods[0], match.path.replace("{", "").replace("}", "")))
        # The rehearsal has no body and no reward of the right form: the document itself refuses these.
        assert outcome.reason in (None, "missing_body", "invalid_parameter")


def test_the_page_shows_what_is_written(tmp_path, monkeypatch, capsys, pets):
    """What `docs/import.md` tells of the document of the examples, word by word."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "schemas").mkdir()
    (tmp_path / "schemas" / "pets.yaml").write_text(pets)
    page = (ROOT / "docs" / "import.md").read_text()
    command = page.partition("```sh\n")[2].partition("```")[0].replace("\\\n", "")
    assert 0 == main(shlex.split(command)[1:])
    out, err = capsys.readouterr()
    assert f"```text\n{out}{err}```" in page
    written = (tmp_path / "policies" / "pets.yaml").read_text()
    assert f"\ndefaults:{written.partition('defaults:')[2]}```" in page
    assert 0 == main(["routes"])
    assert f"```text\n{capsys.readouterr().out}```" in page


def test_twice_the_same_is_the_same(imported, pets, tmp_path):
    first = imported(pets)[1]
    for name in ("policies/api.yaml", "config/gateway.yaml", "config/api-keys.yaml", "config/users.yaml"):
        (tmp_path / name).unlink()
    assert first == imported(pets)[1]


@pytest.mark.parametrize("name", ["policies/api.yaml", "config/gateway.yaml", "config/api-keys.yaml"])
def test_nothing_is_overwritten(imported, pets, tmp_path, name):
    (tmp_path / name).parent.mkdir()
    (tmp_path / name).write_text("mine")
    status, _, err = imported(pets)
    assert (1, "mine", True) == (status, (tmp_path / name).read_text(), name in err)
    assert 1 == len([path for folder in ("policies", "config") for path in (tmp_path / folder).glob("*")])


def test_standard_output_is_a_file_too(tmp_path, monkeypatch, capsys, pets):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pets.yaml").write_text(pets)
    assert 0 == main(["import", "openapi", "pets.yaml"])
    out, err = capsys.readouterr()
    assert "  upstream: pets\n" in out
    assert 'endpoints: ["https://pets.example"]' in out
    assert "7 operations: 7 routes, 1 of them closed; 5 notes\n" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        pytest.param(["--upstream", "ftp://a"], "expected an endpoint", id="no URL of an upstream"),
        pytest.param(["--prefix", "api"], "a prefix such as", id="no prefix"),
        pytest.param(["--prefix", "/a\n- id: x"], "a prefix such as", id="lines in a prefix"),
    ],
)
def test_wrong_usage_is_exit_2(imported, pets, tmp_path, arguments, words):
    status, written, err = imported(pets, *arguments)
    assert (2, "", True) == (status, written, words in err)


def test_a_document_among_the_policies_is_refused(tmp_path, monkeypatch, capsys, pets):
    """It would be read as policies, and the gateway would not load."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "pets.yaml").write_text(pets)
    assert 2 == main(["import", "openapi", "pets.yaml", "--output", "policies.yaml"])
    assert "in a folder of its own" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("said", "words"),
    [
        pytest.param("a: [", "expected YAML", id="no YAML"),
        pytest.param(b"\xff", "expected UTF-8", id="no text"),
        pytest.param("- a\n", "which is an object", id="no object"),
        pytest.param({"a": "\x00"}, "expected JSON", id="NUL"),
        pytest.param({"a": "\ud800"}, "expected JSON", id="half a character"),
        pytest.param("swagger: '2.0'\n", "the version of OpenAPI", id="Swagger 2"),
        pytest.param("openapi: 4.0.0\n", "the version of OpenAPI", id="another version"),
        pytest.param("a: &b 1\nc: *b\n", "write values out", id="anchors"),
        pytest.param("a: &a [*a, *a]\n", "alias", id="aliases of themselves"),
        pytest.param("a: !!python/object:os.system x\n", "without a tag", id="tags"),
        pytest.param("a: 1\na: 2\n", "each key once", id="a key twice"),
        pytest.param("a: " + "[" * 5000, "levels", id="nested without end"),
        pytest.param("a: " + "b" * (1 << 20), "1 MiB", id="too large"),
        pytest.param(
            {"openapi": "3.1.0", "paths": {"/a": {"$ref": "other.yaml#/a"}}},
            "into this document",
            id="a file",
        ),
        pytest.param(
            {"openapi": "3.1.0", "paths": {"/a": {"$ref": "http://127.0.0.1:1/"}}}, "into this", id="a URL"
        ),
        pytest.param(
            {"openapi": "3.1.0", "paths": {"/a": {"$ref": "#/nowhere"}}}, "what there is", id="nowhere"
        ),
    ],
)
def test_a_document_that_is_not_sound_is_exit_1(imported, said, words):
    status, written, err = imported(said)
    assert (1, "", True) == (status, written, words in err)


@pytest.mark.parametrize(
    "name",
    [
        pytest.param("x\n  - id: evil\n    match: {path: /evil}\n    auth: public", id="lines"),
        pytest.param("x\r  - id: evil", id="a return"),
        pytest.param("x\u2028  - id: evil\u0085  - id: evil", id="what YAML takes for a line's end"),
        pytest.param('"}, auth: public, x: {y: "', id="quotes"),
        pytest.param("'}, auth: public #", id="other quotes"),
        pytest.param("${env:SECRET} ${file:/etc/passwd}", id="what is filled in"),
        pytest.param("x\x1b[2J\u202e", id="orders to a terminal"),
        pytest.param("&a *a !!x %YAML --- ... ? : - [ ] { } , # | > @ `", id="all that YAML knows"),
        pytest.param("<<", id="a merge"),
        pytest.param("", id="nothing"),
    ],
)
def test_no_document_writes_a_line_of_its_own(imported, stage, document, monkeypatch, name):
    """The same text in every place that a document has a say in."""
    monkeypatch.setenv("SECRET", "s3cret")
    operation = {
        "operationId": name,
        "summary": name,
        "description": name,
        "deprecated": True,
        "tags": [name],
    }
    hostile = document(
        {
            f"/{name}": {"get": operation},
            f"/a/{{{name}}}": {"get": operation},
            "/b": {
                "get": operation | {"security": [{name: [name]}]},
                "post": operation | {"security": [{name: []}]},
            },
            "/c": {"get": operation | {"security": [{"key": []}]}, "put": {"security": [{"sso": [name]}]}},
            name: {"get": operation},
        },
        info={"title": name, "version": name},
        servers=[
            {"url": f"https://a.example/{name}"},
            {"url": name},
            {"url": "/{v}", "variables": {name: {"default": name}}},
        ],
        webhooks={name: {}},
        components={
            "securitySchemes": {
                name: {"type": "oauth2", "description": name},
                "key": {"type": "apiKey", "in": "header", "name": name},
                "sso": {
                    "type": "openIdConnect",
                    "openIdConnectUrl": f"https://{name}/.well-known/openid-configuration",
                },
            }
        },
    )
    status, written, err = imported(hostile)
    assert 0 == status
    assert err.replace("\n", "").isprintable()
    assert written.replace("\n", "").isprintable()
    assert "s3cret" not in written + err
    made = stage()
    told = [line for line in written.splitlines() if line.startswith("  - id:")]
    assert len(told) == len(made.specs.entries) <= 7
    assert not {"evil"} & {entry.spec.id for entry in made.specs.entries}
    for entry in made.specs.entries:
        assert not entry.match.path.startswith("/evil")


def test_a_name_of_a_file_is_text_too(imported, document):
    status, written, err = imported(document({"/a": {"get": {}}}), name="a${env:HOME}.json")
    assert (2, "", True) == (status, written, "without ${" in err)
    assert 0 == imported(document({"/a": {"get": {}}}), name='a "b" #.json')[0]


def test_what_cannot_be_validated_is_told_and_loads(imported, stage, document):
    paths = {
        "/a": {"get": {"parameters": [{"name": "x", "in": "query", "style": "deepObject", "schema": {}}]}}
    }
    status, written, err = imported(document(paths))
    assert (0, False, True) == (status, "validate: {" in written, "expected the style form" in err)
    assert Verdict.PASSED is stage().ask(Draft("GET", "/a")).verdict


def test_a_thousand_operations(imported, stage, document):
    paths = {f"/a{number}/{{id}}": {"get": {}, "post": {}} for number in range(500)}
    assert 0 == imported(document(paths))[0]
    assert 1000 == len(stage().specs.entries)


def test_schemas_that_refer_to_themselves(imported, stage, document):
    node = {"type": "object", "properties": {"next": {"$ref": "#/components/schemas/Node"}}}
    endless = {"$ref": "#/components/schemas/Endless"}
    body = {
        "requestBody": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Node"}}}}
    }
    sound = document({"/a": {"post": body}}, components={"schemas": {"Node": node}})
    assert 0 == imported(sound)[0]
    assert stage().specs.entries
    broken = document({"/a": {"post": body}}, components={"schemas": {"Node": endless, "Endless": endless}})
    assert imported(broken, "--gateway", "other/gateway.yaml", "--output", "other/api.yaml")[0] in (0, 1)
