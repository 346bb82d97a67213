"""What is generated: JSON Schemas of the files, for editors; the manuals of keys, reasons and headers."""

import json
from collections.abc import Iterable
from typing import Any

from gateway.config.header_manual import header_manual
from gateway.config.manual import manual
from gateway.config.reasons import reasons
from gateway.config.schema.cases import CasesSpec
from gateway.config.schema.gateway import GatewaySpec
from gateway.config.schema.model import Spec
from gateway.config.schema.policies import PoliciesSpec
from gateway.config.schema.waivers import WaiversSpec

_SPECS: dict[str, type[Spec]] = {
    "gateway": GatewaySpec,
    "policies": PoliciesSpec,
    "cases": CasesSpec,
    "waivers": WaiversSpec,
}
_TITLES = {
    "gateway": "Azora Gateway: gateway.yaml",
    "policies": "Azora Gateway: policies/*.yaml",
    "cases": "Azora Gateway: policies/tests/*.yaml",
    "waivers": "Azora Gateway: policies/audit/waivers.yaml",
}
_SCALARS = frozenset({"string", "integer", "number", "boolean"})
_NARROWING = frozenset({"pattern", "enum", "const"})
_INTERPOLATED = {"type": "string", "pattern": r"\$\{(env|file):[^}]+\}"}


def generated() -> dict[str, str]:
    """The text of each generated file by its path in the repository."""
    return {
        "config/gateway.schema.json": json_schema("gateway"),
        "policies/policies.schema.json": json_schema("policies"),
        "policies/tests.schema.json": json_schema("cases"),
        "policies/waivers.schema.json": json_schema("waivers"),
        "docs/configuration.md": manual(),
        "docs/reasons.md": reasons(),
        "docs/security-headers.md": header_manual(),
    }


def json_schema(file: str) -> str:
    """The JSON Schema (2020-12) of `gateway`, `policies`, `cases` or `waivers`.

    Raises KeyError for another file.
    """
    schema = _for_editors(_SPECS[file].model_json_schema())
    head = {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": _TITLES[file]}
    return json.dumps({**head, **schema}, indent=2) + "\n"


def _for_editors(node: dict[str, Any]) -> dict[str, Any]:
    """The same schema with room for `${...}` wherever a scalar may stand, without titles, nulls and notes."""
    members: dict[str, Any] = {}
    for key, value in node.items():
        if key in ("properties", "patternProperties", "$defs"):
            members[key] = {name: _for_editors(shape) for name, shape in value.items()}
        elif key in ("anyOf", "oneOf", "prefixItems"):
            members[key] = [_for_editors(shape) for shape in _present(value)]
        elif key in ("items", "additionalProperties") and isinstance(value, dict):
            members[key] = _for_editors(value)
        elif key == "propertyNames":
            members[key] = {word: part for word, part in value.items() if not word.startswith("x-")}
        elif key != "title" and not key.startswith("x-") and (key, value) != ("default", None):
            members[key] = value
    if len(members.get("anyOf", ())) == 1:
        members |= members.pop("anyOf")[0]
    return _with_interpolation(members)


def _present(shapes: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    # An absent key is None in a spec, but no file can say so.
    return [shape for shape in shapes if shape.get("type") != "null"]


def _with_interpolation(node: dict[str, Any]) -> dict[str, Any]:
    scalar = node.get("type")
    if scalar not in _SCALARS or (scalar == "string" and not node.keys() & _NARROWING):
        return node
    about = {"description", "default"} & node.keys()
    shape = {key: value for key, value in node.items() if key not in about}
    return {**{key: node[key] for key in sorted(about)}, "anyOf": [shape, _INTERPOLATED]}
