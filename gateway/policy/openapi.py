"""OpenAPI 3.0 and 3.1 documents: what each operation takes.

Everything is compiled when the document is read. What a document says and nobody here checks is a problem of
it, never passed over: only the parts that describe answers are not looked at.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, final
from urllib.parse import urlsplit

from gateway.http.media_type import is_json, media_type
from gateway.http.reply import Reply, problem
from gateway.policy import Reason, openapi_schema
from gateway.policy.content import Content, FormContent, JsonContent
from gateway.policy.json_schema import SchemaError
from gateway.policy.openapi_document import Document
from gateway.policy.openapi_inputs import Inputs, Unknown, compile_inputs, declared
from gateway.policy.openapi_paths import Api, Segment, segments
from gateway.policy.parameters import parameters
from gateway.policy.references import Path

__all__ = ["Api", "Inputs", "Operation", "Unknown", "compile_openapi"]

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch")
_FORM = b"application/x-www-form-urlencoded"
# Keywords of a schema for a body that is not looked at.
_NOTES = frozenset(
    [
        *("type", "format", "contentMediaType", "contentEncoding"),
        *("title", "description", "example", "examples", "default", "deprecated", "externalDocs"),
    ]
)


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
    compiler = _Compiler(Document(openapi_schema.for_requests(document)), unknown)
    paths = list(compiler.paths())
    return Api(compiler.bases(), paths), compiler.problems


@final
class _Compiler:
    """Makes the operations of one document, and collects its problems."""

    def __init__(self, document: Document, unknown: Unknown) -> None:
        self.problems: list[SchemaError] = []
        self._document = document
        self._unknown: Unknown = unknown

    def bases(self) -> Iterator[bytes]:
        servers = self._document.content.get("servers") or [{"url": "/"}]
        for index, server in enumerate(servers if isinstance(servers, list) else []):
            try:
                yield _base(server)
            except (AttributeError, LookupError, TypeError, ValueError):
                self._note(("servers", index), "expected a server with a url")

    def paths(self) -> Iterator[tuple[tuple[Segment, ...], Mapping[bytes, Operation]]]:
        said = self._document.content.get("paths")
        shapes: dict[tuple[tuple[bytes, bool, bytes], ...], str] = {}
        for text, item in said.items() if isinstance(said, dict) else ():
            place: Path = ("paths", text)
            try:
                template = segments(text)
                where, followed = self._document.followed(item, place)
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
        document = self._document
        parameters = [*declared(document, item, here[:-1]), *declared(document, operation, here)]
        variables = {segment.name for segment in template if segment.name}
        for each in parameters:
            if each.kind == "path" and each.name not in variables:
                raise SchemaError(each.place, f"expected a variable {{{each.name}}} in the path")
        # That of the operation replaces that of its path.
        found = {(each.kind, each.name): each for each in parameters}.values()
        is_asked = bool(found) or self._unknown == "reject"
        where, body = document.followed(operation.get("requestBody", {}), (*here, "requestBody"))
        bodies = dict(self._bodies(where, body))
        return Operation(
            inputs=compile_inputs(document, found, self._unknown) if is_asked else None,
            bodies=bodies,
            required=body.get("required") is True,
            unsupported=_unsupported(bodies),
        )

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
            return JsonContent(self._document.schema(schema, place) if is_said else None)
        if not is_said:
            return None
        if name == _FORM:
            compiled = self._document.schema(schema, place)
            return FormContent(parameters(schema, self._document.content), compiled)
        _, plain = self._document.followed(schema, place)
        if not _NOTES.issuperset(plain) or plain.get("type") not in (None, "string"):
            raise SchemaError(place, f"expected no schema: bodies of {name.decode()} are not looked at")
        return None

    def _note(self, place: Path, message: str) -> None:
        self.problems.append(SchemaError(place, message))


def _base(server: Mapping[str, Any]) -> bytes:
    """What the path of a server puts in front of the paths of the document."""
    url: str = server["url"]
    for name, variable in server.get("variables", {}).items():
        url = url.replace(f"{{{name}}}", variable["default"])
    return urlsplit(url).path.rstrip("/").encode()


def _unsupported(bodies: Mapping[bytes, Content | None]) -> Reply:
    accepted = b", ".join(sorted(bodies))
    return problem(
        415,
        Reason.UNSUPPORTED_MEDIA_TYPE,
        "This operation does not take a body of this media type.",
        *([(b"Accept", accepted)] if accepted else []),
    )
