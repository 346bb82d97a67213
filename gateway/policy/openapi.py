"""OpenAPI 3.0 and 3.1 documents: what each operation takes.

Everything is compiled when the document is read. What a document says and nobody here checks is a problem of
it, never passed over: only the parts that describe answers are not looked at.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal, final
from urllib.parse import urlsplit

from gateway.http.media_type import is_json, media_type
from gateway.http.reply import Reply, problem
from gateway.policy import Reason, openapi_schema
from gateway.policy.content import Content, FormContent, JsonContent
from gateway.policy.json_schema import Schema, SchemaError, Schemas
from gateway.policy.openapi_paths import Api, Segment, segments
from gateway.policy.parameters import Parameters, Shape, parameters, shape
from gateway.policy.references import Path, target

__all__ = ["Api", "Inputs", "Operation", "Unknown", "compile_openapi"]

Unknown = Literal["ignore", "reject"]

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch")
_FORM = b"application/x-www-form-urlencoded"
# OpenAPI 3.1.0, Parameter Object: a parameter with one of these names is ignored.
_IGNORED_FIELDS = frozenset(["accept", "content-type", "authorization"])
_STYLES = {"path": "simple", "query": "form", "header": "simple", "cookie": "form"}
# Keywords of a schema for a body that is not looked at.
_NOTES = frozenset(
    [
        *("type", "format", "contentMediaType", "contentEncoding"),
        *("title", "description", "example", "examples", "default", "deprecated", "externalDocs"),
    ]
)


@final
@dataclass(frozen=True, slots=True)
class Inputs:
    """The parameters of an operation: how each is read, and the schema of all of them together.

    The value that the schema judges has the members `path`, `query`, `header` and `cookie`.
    """

    path: Mapping[str, Shape]
    query: Parameters
    header: Mapping[str, Shape]
    cookie: Mapping[str, Shape]
    known: frozenset[str]  # names in the query
    unknown: Unknown
    separated: bool  # whether items of a parameter in the query are parted by commas
    schema: Schema


@final
@dataclass(frozen=True, slots=True, eq=False)
class Operation:
    """What one operation takes. A body that is None here is passed on unread."""

    inputs: Inputs | None
    bodies: Mapping[bytes, Content | None]
    required: bool
    unsupported: Reply

    def content(self, name: bytes) -> Content | None:
        """What the body of a media type has to be. Raises KeyError for a type that is not taken."""
        kind = name.partition(b"/")[0]
        for media in (name, kind + b"/*", b"*/*"):
            if media in self.bodies:
                return self.bodies[media]
        raise KeyError


def compile_openapi(document: object, unknown: Unknown) -> tuple[Api[Operation], list[SchemaError]]:
    """The operations of a document, and what is wrong with it; those that are wrong are not among them.

    `unknown` says what becomes of parameters in the query that an operation does not name.
    """
    if not isinstance(document, dict):
        return Api((), ()), [SchemaError((), "expected an OpenAPI document, which is an object")]
    problems = openapi_schema.problems(document)
    if problems:
        return Api((), ()), problems
    compiler = _Compiler(openapi_schema.for_requests(document), unknown)
    paths = list(compiler.paths())
    return Api(compiler.bases(), paths), compiler.problems


@final
class _Compiler:
    """Makes the operations of one document, and collects its problems."""

    def __init__(self, document: dict[str, Any], unknown: Unknown) -> None:
        self.problems: list[SchemaError] = []
        self._document = document
        self._unknown: Unknown = unknown
        self._schemas = Schemas(document)

    def bases(self) -> Iterator[bytes]:
        servers = self._document.get("servers") or [{"url": "/"}]
        for index, server in enumerate(servers if isinstance(servers, list) else []):
            try:
                yield _base(server)
            except (AttributeError, LookupError, TypeError, ValueError):
                self._note(("servers", index), "expected a server with a url")

    def paths(self) -> Iterator[tuple[tuple[Segment, ...], Mapping[bytes, Operation]]]:
        said = self._document.get("paths")
        shapes: dict[tuple[tuple[bytes, bool, bytes], ...], str] = {}
        for text, item in said.items() if isinstance(said, dict) else ():
            place: Path = ("paths", text)
            try:
                template = segments(text)
                where, followed = self._followed(item, place)
            except (SchemaError, ValueError) as error:
                self._note(getattr(error, "path", place), str(error))
                continue
            key = tuple((segment.before, bool(segment.name), segment.after) for segment in template)
            if shapes.setdefault(key, text) != text:
                self._note(place, f"expected each path once, got it as {shapes[key]} too")
            yield template, dict(self._operations(where, followed, template))

    def _operations(
        self, place: Path, item: Mapping[str, Any], template: tuple[Segment, ...]
    ) -> Iterator[tuple[bytes, Operation]]:
        if "servers" in item:
            self._note((*place, "servers"), "expected servers at the top of the document only")
        for method in _METHODS:
            operation = item.get(method)
            if not isinstance(operation, dict):
                continue
            here = (*place, method)
            if "servers" in operation:
                self._note((*here, "servers"), "expected servers at the top of the document only")
            try:
                yield method.upper().encode(), self._operation(here, item, operation, template)
            except SchemaError as error:
                self.problems.append(error)

    def _operation(
        self, here: Path, item: Mapping[str, Any], operation: Mapping[str, Any], template: tuple[Segment, ...]
    ) -> Operation:
        declared: dict[tuple[str, str], tuple[Path, Mapping[str, Any]]] = {}
        for place, holder in ((here[:-1], item), (here, operation)):
            said = holder.get("parameters")
            for index, raw in enumerate(said if isinstance(said, list) else []):
                where, parameter = self._followed(raw, (*place, "parameters", index))
                kind, name = self._named(where, parameter)
                if kind != "header" or name not in _IGNORED_FIELDS:
                    declared[kind, name] = where, parameter
        variables = {segment.name for segment in template if segment.name}
        for (kind, name), (where, _) in declared.items():
            if kind == "path" and name not in variables:
                raise SchemaError(where, f"expected a variable {{{name}}} in the path")
        where, body = self._followed(operation.get("requestBody", {}), (*here, "requestBody"))
        bodies = dict(self._bodies(where, body))
        accepted = b", ".join(sorted(bodies))
        return Operation(
            self._inputs(declared) if declared or self._unknown == "reject" else None,
            bodies,
            body.get("required") is True,
            problem(
                415,
                Reason.UNSUPPORTED_MEDIA_TYPE,
                "This operation does not take a body of this media type.",
                *([(b"Accept", accepted)] if accepted else []),
            ),
        )

    def _named(self, where: Path, parameter: Mapping[str, Any]) -> tuple[str, str]:
        kind, name = parameter.get("in"), parameter.get("name")
        if not isinstance(kind, str) or kind not in _STYLES or not isinstance(name, str) or not name:
            raise SchemaError(where, "expected a parameter with a name, in path, query, header or cookie")
        return kind, name.lower() if kind == "header" else name

    def _inputs(self, declared: Mapping[tuple[str, str], tuple[Path, Mapping[str, Any]]]) -> Inputs:
        shapes: dict[str, dict[str, Shape]] = {kind: {} for kind in _STYLES}
        schemas: dict[str, dict[str, Any]] = {kind: {} for kind in _STYLES}
        required: dict[str, list[str]] = {kind: [] for kind in _STYLES}
        for (kind, name), (where, parameter) in declared.items():
            schema = self._schema_of(where, parameter)
            shapes[kind][name] = self._shape(where, parameter, kind, schema)
            schemas[kind][name] = schema
            if kind == "path" or parameter.get("required") is True:
                required[kind].append(name)
        whole: dict[str, Any] = {
            "properties": {
                kind: {"type": "object", "properties": schemas[kind], "required": required[kind]}
                for kind in _STYLES
            }
        }
        if self._unknown == "reject":
            whole["properties"]["query"]["additionalProperties"] = False
        return Inputs(
            path=shapes["path"],
            query=Parameters(shapes["query"]),
            header=shapes["header"],
            cookie=shapes["cookie"],
            known=frozenset(shapes["query"]),
            unknown=self._unknown,
            separated=any(each.separator for each in shapes["query"].values()),
            schema=self._around(whole, next(iter(declared.values()), ((), None))[0]),
        )

    def _schema_of(self, where: Path, parameter: Mapping[str, Any]) -> object:
        schema = parameter.get("schema")
        if not isinstance(schema, dict | bool):
            raise SchemaError(where, "expected a parameter with a schema")
        # Each alone first, so that a problem is told at its own place.
        self._around({"allOf": [schema]}, (*where, "schema"))
        return schema

    def _shape(self, where: Path, parameter: Mapping[str, Any], kind: str, schema: object) -> Shape:
        style = parameter.get("style", _STYLES[kind])
        if style != _STYLES[kind]:
            raise SchemaError((*where, "style"), f"expected the style {_STYLES[kind]}: no other is read")
        found = shape(schema, self._document)
        if "object" in found.types or (kind == "cookie" and "array" in found.types):
            raise SchemaError((*where, "schema"), "expected a parameter that is one value, or a list of them")
        is_apart = parameter.get("explode", style == "form") is True and kind == "query"
        return found if is_apart or "array" not in found.types else Shape(found.types, found.items, ",")

    def _bodies(self, where: Path, body: Mapping[str, Any]) -> Iterator[tuple[bytes, Content | None]]:
        content = body.get("content")
        for text, media in content.items() if isinstance(content, dict) else ():
            place = (*where, "content", text)
            name = media_type(text.encode())
            if name is None or not isinstance(media, dict):
                raise SchemaError(place, "expected a media type in UTF-8, such as application/json")
            yield name, self._content(name, media.get("schema"), (*place, "schema"))

    def _content(self, name: bytes, schema: object, place: Path) -> Content | None:
        is_said = schema is not None and schema is not True and schema != {}
        if is_json(name):
            return JsonContent(self._around({"allOf": [schema]}, place) if is_said else None)
        if not is_said:
            return None
        if name == _FORM:
            compiled = self._around({"allOf": [schema]}, place)
            return FormContent(parameters(schema, self._document), compiled)
        _, plain = self._followed(schema, place)
        if not _NOTES.issuperset(plain) or plain.get("type") not in (None, "string"):
            raise SchemaError(place, f"expected no schema: bodies of {name.decode()} are not looked at")
        return None

    def _around(self, schema: dict[str, Any], place: Path) -> Schema:
        try:
            return self._schemas.around(schema)
        except SchemaError as error:
            # A problem of what it refers to has its own place in the document.
            inside = error.path if error.path and error.path[0] in self._document else ()
            raise SchemaError(inside or (*place, *error.path[2:]), str(error)) from None

    def _followed(self, node: object, place: Path) -> tuple[Path, Mapping[str, Any]]:
        seen = set()
        while isinstance(node, dict) and isinstance(node.get("$ref"), str):
            if place in seen:
                raise SchemaError(place, "expected a reference that ends somewhere")
            seen.add(place)
            place, node = target(self._document, node["$ref"])
        if not isinstance(node, dict):
            raise SchemaError(place, "expected an object")
        return place, node

    def _note(self, place: Path, message: str) -> None:
        self.problems.append(SchemaError(place, message))


def _base(server: Mapping[str, Any]) -> bytes:
    """What the path of a server puts in front of the paths of the document."""
    url: str = server["url"]
    for name, variable in server.get("variables", {}).items():
        url = url.replace(f"{{{name}}}", variable["default"])
    return urlsplit(url).path.rstrip("/").encode()
