"""OpenAPI documents as JSON Schema 2020-12 reads them, seen from a request.

OpenAPI 3.0 has a dialect of its own: `nullable`, bounds whose exclusion is a truth value, references that
hide what stands beside them. In both versions a member that is `readOnly` must not be sent, and a format
that nobody asserts is a note.
"""

import re
from collections.abc import Mapping
from typing import Any, final

from gateway.policy.json_schema import DIALECT, FORMATS, SchemaError
from gateway.policy.references import LITERAL, NAMED, astray, nodes, target

_VERSION = re.compile(r"3\.([01])\.[0-9]+")
_DIALECTS = (DIALECT, "https://spec.openapis.org/oas/3.1/dialect/base")
_BOUNDS = {"exclusiveMinimum": "minimum", "exclusiveMaximum": "maximum"}
_INTEGERS = {"int32": 31, "int64": 63}


def problems(document: Mapping[str, object]) -> list[SchemaError]:
    """Why a document is not taken: its version, and its references that lead nowhere in it."""
    found = []
    if not _VERSION.fullmatch(str(document.get("openapi"))):
        found.append(SchemaError(("openapi",), "expected the version of OpenAPI, 3.0.x or 3.1.x"))
    if document.get("jsonSchemaDialect", DIALECT) not in _DIALECTS:
        found.append(SchemaError(("jsonSchemaDialect",), f"expected {DIALECT}"))
    found += [SchemaError(path, message) for path, message in astray(document)]
    for path, node in nodes(document):
        if isinstance(node.get("$id"), str):
            found.append(SchemaError((*path, "$id"), "expected a schema without $id"))
    return found


def for_requests(document: dict[str, object]) -> dict[str, Any]:
    """The document with its schemas as JSON Schema 2020-12 has them, for what a client sends."""
    version = _VERSION.fullmatch(str(document["openapi"]))
    is_old = version is not None and version[1] == "0"
    translated: dict[str, Any] = _Translation(document, is_old).of(document)
    return translated


@final
class _Translation:
    """Makes one document anew."""

    def __init__(self, document: dict[str, object], is_old: bool) -> None:
        self._document = document
        self._is_old = is_old

    def of(self, node: object, named: bool = False) -> Any:
        """What stands for a node; the keys of one that is `named` are names."""
        if isinstance(node, list):
            return [self.of(item) for item in node]
        if not isinstance(node, dict):
            return node
        if named:
            return {key: self.of(item) for key, item in node.items()}
        if self._is_old and isinstance(node.get("$ref"), str):
            return {"$ref": node["$ref"]}
        made = {key: item if key in LITERAL else self.of(item, key in NAMED) for key, item in node.items()}
        if self._is_old:
            _modernise(made)
        _settle_format(made)
        self._take_out_read_only(node, made)
        return made

    def _take_out_read_only(self, node: Mapping[str, object], made: dict[str, Any]) -> None:
        properties = node.get("properties")
        if not isinstance(properties, dict):
            return
        answered = [name for name, each in properties.items() if self._is_read_only(each)]
        made["properties"] |= dict.fromkeys(answered, False)
        if isinstance(made.get("required"), list):
            made["required"] = [name for name in made["required"] if name not in answered]

    def _is_read_only(self, schema: object) -> bool:
        seen = set()
        while isinstance(schema, dict):
            if schema.get("readOnly") is True:
                return True
            reference = schema.get("$ref")
            if not isinstance(reference, str) or reference in seen:
                return False
            seen.add(reference)
            schema = target(self._document, reference)[1]
        return False


def _modernise(schema: dict[str, Any]) -> None:
    kind = schema.get("type")
    # OpenAPI 3.0.3, Schema Object: `nullable` adds null to the one type that stands beside it.
    if schema.pop("nullable", None) is True and isinstance(kind, str):
        schema["type"] = [kind, "null"]
    for keyword, bound in _BOUNDS.items():
        if not isinstance(schema.get(keyword), bool):
            continue
        if schema.pop(keyword) and bound in schema:
            schema[keyword] = schema.pop(bound)


def _settle_format(schema: dict[str, Any]) -> None:
    name = schema.get("format")
    if not isinstance(name, str) or name in FORMATS:
        return
    del schema["format"]
    bits = _INTEGERS.get(name)
    together = schema.get("allOf", [])
    if bits is not None and isinstance(together, list):
        schema["allOf"] = [*together, {"minimum": -(1 << bits), "maximum": (1 << bits) - 1}]
