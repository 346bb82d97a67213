"""JSON Schema 2020-12, compiled once: what a value breaks, in words of our own.

Nothing is fetched, `format` is asserted for a closed list, and patterns run in an engine that is linear in
the length of the text. What is told of a value has nothing of the value in it: a pointer leads along names
that the schema itself has, and the words depend on the keyword alone.
"""

from collections.abc import Iterable
from itertools import islice
from typing import Any, Final, final

from jsonschema_rs import Draft202012Validator, RegexOptions, Registry, ValidationError

from gateway.policy.references import Path, astray, is_endless, names, nodes

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
FORMATS: Final = frozenset(
    [
        *("date-time", "date", "time", "duration", "email", "hostname", "ipv4", "ipv6"),
        *("uri", "uri-reference", "uuid", "json-pointer"),
    ]
)

# What a value may have of parts for all that is wrong with it to be looked for.
_WEIGHED_AT_MOST = 200
_TOLD_AT_MOST = 10
_LINEAR = RegexOptions()
_BASE = "gateway:document"

_DETAILS = {
    "type": "has the wrong type",
    "required": "is required",
    "dependentRequired": "is required",
    "additionalProperties": "has members that are not known",
    "unevaluatedProperties": "has members that are not known",
    "falseSchema": "must not be given",
    "enum": "is not one of the allowed values",
    "const": "is not the allowed value",
    "format": "does not have the expected format",
    "pattern": "does not have the expected form",
    "minLength": "is too short",
    "maxLength": "is too long",
    "minimum": "is too small",
    "exclusiveMinimum": "is too small",
    "maximum": "is too large",
    "exclusiveMaximum": "is too large",
    "multipleOf": "is not a multiple of the allowed step",
    "minItems": "has too few items",
    "maxItems": "has too many items",
    "uniqueItems": "has the same item twice",
    "contains": "lacks an item that is needed",
    "minProperties": "has too few members",
    "maxProperties": "has too many members",
    "propertyNames": "has a member whose name is not allowed",
    "anyOf": "has none of the allowed forms",
    "oneOf": "does not have exactly one of the allowed forms",
    "not": "has a form that is not allowed",
}
_OTHERWISE = "is not valid"
_PATTERN = "expected a regular expression without look-around and back-references"

# A place in a value, and what is wrong there.
Violation = tuple[Path, str]


class SchemaError(Exception):
    """A document that is no schema we take: `path` leads to the place in it, `str()` says what is wrong."""

    def __init__(self, path: Iterable[str | int], message: str) -> None:
        super().__init__(message)
        self.path = tuple(path)


@final
class Schema:
    """One compiled schema."""

    __slots__ = ("_endless", "_known", "_validator")

    def __init__(self, validator: Draft202012Validator, known: frozenset[str], endless: bool) -> None:
        self._validator = validator
        self._known = known
        self._endless = endless

    def admits(self, value: object) -> bool:
        """True for a value that the schema allows."""
        return self._validator.is_valid(value)

    def violations(self, value: object, weight: int) -> list[Violation]:
        """What is wrong with a value of `weight` parts that is not admitted: up to ten places, each once.

        To find them all can take far longer than to find out that there are some. So a heavy value gets one,
        and a schema that refers to itself none but that of the whole.
        """
        if self._endless:
            return [((), _OTHERWISE)]
        if weight > _WEIGHED_AT_MOST:
            return self._first(value)
        found = dict.fromkeys(map(self._told, self._validator.iter_errors(value)))
        return list(islice(found, _TOLD_AT_MOST))

    def _first(self, value: object) -> list[Violation]:
        try:
            self._validator.validate(value)
        except ValidationError as error:
            return [self._told(error)]
        return []

    def _told(self, error: ValidationError) -> Violation:
        path: list[str | int] = []
        for part in error.instance_path:
            if isinstance(part, str) and part not in self._known:
                break
            path.append(part)
        else:
            missing = getattr(error.kind, "property", None)
            if missing in self._known:
                path.append(missing)
        return tuple(path), _DETAILS.get(error.kind.name, _OTHERWISE)


@final
class Schemas:
    """The schemas that stand in one document, for other schemas to refer to."""

    def __init__(self, document: dict[str, Any]) -> None:
        self._document = document
        self._registry = Registry([(_BASE, document)])
        self._known = frozenset(names(document))

    def around(self, schema: dict[str, object]) -> Schema:
        """A schema that refers to places in the document as in itself, by `#/...`. Raises SchemaError."""
        known = self._known | frozenset(names(schema))
        rebased = _rebased(schema)
        return Schema(_compiled(rebased, registry=self._registry), known, is_endless(self._document, schema))


def compile_schema(document: object) -> Schema:
    """The schema that a document is. Raises SchemaError."""
    if not isinstance(document, dict):
        raise SchemaError((), "expected a JSON Schema, which is an object")
    check(document)
    return Schema(_compiled(document), frozenset(names(document)), is_endless(document, document))


def check(document: dict[str, object]) -> None:
    """Raise SchemaError for a dialect, a reference or a format that is not taken."""
    if str(document.get("$schema", DIALECT)).removesuffix("#") != DIALECT:
        raise SchemaError(("$schema",), f"expected {DIALECT}")
    for path, message in astray(document):
        raise SchemaError(path, message)
    for path, node in nodes(document):
        if path and isinstance(node.get("$id"), str):
            # References behind it would start from there.
            raise SchemaError((*path, "$id"), "expected $id at the top only")
        name = node.get("format")
        if isinstance(name, str) and name not in FORMATS:
            raise SchemaError((*path, "format"), f"expected one of {', '.join(sorted(FORMATS))}")


def _compiled(schema: dict[str, object], registry: Registry | None = None) -> Draft202012Validator:
    try:
        return Draft202012Validator(
            schema, registry=registry, offline=True, validate_formats=True, pattern_options=_LINEAR
        )
    except ValidationError as error:
        expected = _PATTERN if error.kind.name == "format" else "expected JSON Schema 2020-12"
        raise SchemaError(error.instance_path, expected) from None


def _rebased(value: object) -> Any:
    """The same, with its references into the document of the registry."""
    if isinstance(value, list):
        return [_rebased(item) for item in value]
    if not isinstance(value, dict):
        return value
    return {
        key: _BASE + item if key == "$ref" and isinstance(item, str) else _rebased(item)
        for key, item in value.items()
    }
