"""The parameters of an operation: how a request's are read, and what a schema says of all of them.

Read are those of the path (style `simple`), the query (`form`), fields (`simple`) and cookies (`form`), each
one value or a list. What a backend could read otherwise is refused.
"""

from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal, final

from gateway.http.request import Request
from gateway.policy.json_schema import Schema, SchemaError
from gateway.policy.openapi_document import Document
from gateway.policy.parameters import Pair, Parameters, Shape, decoded, pairs, shape
from gateway.policy.references import Path

Unknown = Literal["ignore", "reject"]

_STYLES: Final = {"path": "simple", "query": "form", "header": "simple", "cookie": "form"}
# OpenAPI 3.1.0, Parameter Object: a parameter with one of these names is ignored.
_IGNORED_FIELDS = frozenset(["accept", "content-type", "authorization"])


@final
@dataclass(frozen=True, slots=True)
class Inputs:
    """The parameters of one operation; `schema` judges the value that `read` gives.

    `unknown` says what becomes of parameters in the query that have no shape.
    """

    path: Mapping[str, Shape]
    query: Parameters
    header: Mapping[str, Shape]
    cookie: Mapping[str, Shape]
    unknown: Unknown
    schema: Schema

    def read(self, request: Request, captures: Mapping[str, bytes]) -> dict[str, dict[str, object]]:
        """The values by name, in the members `path`, `query`, `header`, `cookie`. Raises ValueError."""
        return {
            "path": {name: _captured(each, captures[name]) for name, each in self.path.items()},
            "query": self.query.values(self._pairs(request.query[1:])),
            "header": _values(self.header, _fields(self.header, request)),
            "cookie": _values(self.cookie, _cookies(self.cookie, request)),
        }

    def _pairs(self, query: bytes) -> list[Pair]:
        if b"%2C" in query.upper() and any(each.separator for each in self.query.shapes.values()):
            # Backends that decode first see one item more.
            raise ValueError("an escaped comma")
        found = pairs(query)
        return found if self.unknown == "reject" else [pair for pair in found if pair[0] in self.query.shapes]


def _captured(shape: Shape, text: bytes) -> object:
    if shape.separator and b"%2C" in text:
        raise ValueError("an escaped comma")
    return shape.value([decoded(text)])


def _values(shapes: Mapping[str, Shape], texts: Mapping[str, list[str]]) -> dict[str, object]:
    return {name: shapes[name].value(given) for name, given in texts.items()}


def _fields(shapes: Mapping[str, Shape], request: Request) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for raw, value in request.fields if shapes else ():
        name = raw.lower().decode("ascii")
        if name not in shapes:
            continue
        text = value.decode("ascii")
        # Several lines of a list are one list (RFC 9110 5.3).
        parts = [part.strip(" \t") for part in text.split(",")] if shapes[name].separator else [text]
        found.setdefault(name, []).extend(parts)
    return found


def _cookies(shapes: Mapping[str, Shape], request: Request) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for part in request.noted.get(b"cookie", b"").split(b";") if shapes else ():
        name, _, value = part.strip(b" \t").partition(b"=")
        key = name.decode("latin-1")
        if key in shapes:
            found.setdefault(key, []).append(value.decode("ascii"))
    return found


@final
@dataclass(frozen=True, slots=True)
class Declared:
    """One parameter as the document has it, which stands at `place`."""

    kind: str
    name: str
    place: Path
    said: Mapping[str, Any]

    @property
    def is_required(self) -> bool:
        return self.kind == "path" or self.said.get("required") is True

    def shape(self, document: Document) -> Shape:
        """How it is read. Raises SchemaError where nobody here reads it so."""
        schema, usual = self.said.get("schema"), _STYLES[self.kind]
        if not isinstance(schema, dict | bool):
            raise SchemaError(self.place, "expected a parameter with a schema")
        style = self.said.get("style", usual)
        if style != usual:
            raise SchemaError((*self.place, "style"), f"expected the style {usual}: no other is read")
        found = shape(schema, document.content)
        if "object" in found.types or (self.kind == "cookie" and "array" in found.types):
            message = "expected a parameter that is one value, or a list of them"
            raise SchemaError((*self.place, "schema"), message)
        is_apart = self.kind == "query" and self.said.get("explode", True) is True
        return found if is_apart or "array" not in found.types else Shape(found.types, found.items, ",")


def declared(document: Document, holder: Mapping[str, Any], place: Path) -> Iterator[Declared]:
    """The parameters of a path or of an operation that stands at a place. Raises SchemaError."""
    said = holder.get("parameters")
    for index, raw in enumerate(said if isinstance(said, list) else []):
        where, parameter = document.followed(raw, (*place, "parameters", index))
        kind, name = parameter.get("in"), parameter.get("name")
        if not isinstance(kind, str) or kind not in _STYLES or not isinstance(name, str) or not name:
            raise SchemaError(where, "expected a parameter with a name, in path, query, header or cookie")
        name = name.lower() if kind == "header" else name
        if kind != "header" or name not in _IGNORED_FIELDS:
            yield Declared(kind, name, where, parameter)


def compile_inputs(document: Document, found: Collection[Declared], unknown: Unknown) -> Inputs:
    """The parameters of an operation. Raises SchemaError."""
    shapes: dict[str, dict[str, Shape]] = {kind: {} for kind in _STYLES}
    objects: dict[str, dict[str, Any]] = {
        kind: {"type": "object", "properties": {}, "required": []} for kind in _STYLES
    }
    if unknown == "reject":
        objects["query"]["additionalProperties"] = False
    for each in found:
        shapes[each.kind][each.name] = each.shape(document)
        # Each alone first, so that a problem is told at its own place.
        document.schema(each.said["schema"], (*each.place, "schema"))
        objects[each.kind]["properties"][each.name] = each.said["schema"]
        if each.is_required:
            objects[each.kind]["required"].append(each.name)
    return Inputs(
        path=shapes["path"],
        query=Parameters(shapes["query"]),
        header=shapes["header"],
        cookie=shapes["cookie"],
        unknown=unknown,
        schema=document.around({"properties": objects}),
    )
