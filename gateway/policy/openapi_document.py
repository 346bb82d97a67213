"""One OpenAPI document, in which references are followed and schemas compiled."""

from collections.abc import Mapping
from typing import Any, final

from gateway.policy.json_schema import Schema, SchemaError, Schemas
from gateway.policy.references import Path, target


@final
class Document:
    """A document as `openapi_schema` makes it; each problem in it is a SchemaError with its place."""

    __slots__ = ("_schemas", "content")

    def __init__(self, content: dict[str, Any]) -> None:
        self.content = content
        self._schemas = Schemas(content)

    def followed(self, node: object, place: Path) -> tuple[Path, Mapping[str, Any]]:
        """The object that a node is, or that its reference leads to, and where that stands."""
        seen = set()
        while isinstance(node, dict) and isinstance(node.get("$ref"), str):
            if place in seen:
                raise SchemaError(place, "expected a reference that ends somewhere")
            seen.add(place)
            place, node = target(self.content, node["$ref"])
        if not isinstance(node, dict):
            raise SchemaError(place, "expected an object")
        return place, node

    def schema(self, schema: object, place: Path) -> Schema:
        """A schema that stands at a place, compiled."""
        try:
            return self.around({"allOf": [schema]})
        except SchemaError as error:
            # A problem of what it refers to has its own place in the document.
            is_elsewhere = error.path[:1] != ("allOf",)
            raise SchemaError(error.path if is_elsewhere else (*place, *error.path[2:]), str(error)) from None

    def around(self, schema: dict[str, Any]) -> Schema:
        """A schema that is made of those of the document, each of which is sound."""
        return self._schemas.around(schema)
