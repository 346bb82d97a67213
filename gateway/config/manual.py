"""The manual of all keys, as Markdown, made from the descriptions in the specs."""

import re
from collections.abc import Iterator
from json import dumps
from typing import Any, final

from gateway.config.schema.cases import CasesSpec
from gateway.config.schema.gateway import GatewaySpec
from gateway.config.schema.model import Spec
from gateway.config.schema.policies import PoliciesSpec
from gateway.config.schema.waivers import WaiversSpec

_FILES: dict[str, type[Spec]] = {
    "config/gateway.yaml": GatewaySpec,
    "policies/*.yaml": PoliciesSpec,
    "policies/tests/*.yaml": CasesSpec,
    "policies/audit/waivers.yaml": WaiversSpec,
}
_KINDS = {
    "pause": "duration",
    "listening": "address",
    "own_field": "field_name",
    "site": "origin",
    "target": "percent",
}
_TYPES = {"string": "text", "integer": "number", "number": "number", "boolean": "`true`, `false`"}
_INTRODUCTION = """\
# Configuration

<!-- Made by `gateway schema --write`; the words stand in gateway/config/schema. -->

`config/gateway.yaml` says where things are, `policies/*.yaml` what is allowed, `policies/tests/*.yaml` what
has to become of a request (see [policies as code](policies-as-code.md)), `policies/audit/waivers.yaml` which
findings are meant to be as they are (see [audit](audit.md)). Paths in a file are relative to it.
`gateway check` names every mistake in all files at once, each with its place; an unknown key is one.

| written | means |
| --- | --- |
| `250ms` `10s` `5m` `1h` | a duration |
| `512B` `64KiB` `10MiB` | a size |
| `600/1m` | a rate |
| `20%` | a percentage |
| `10.0.0.0/8` `2001:db8::/32` | a network, or one address |
| `${env:NAME}` | NAME in the environment, or the text of the file that NAME_FILE names there; else an error |
| `${env:NAME:-default}` | the same with a default |
| `${file:/run/secrets/x}` | the text of a file, without the line break at its end |
| `$${` | a plain `${` |

A value that comes out empty leaves its key out. What YAML 1.1 and 1.2 read differently (`no`, `on`, `010`,
`1:30`, dates) has to be quoted; anchors, aliases, merge keys and tags are not taken.

A route's own key replaces that of its file's `defaults`, which replaces that of gateway.yaml: whole, nothing
is merged.
"""


def manual() -> str:
    """The text of docs/configuration.md."""
    told: dict[str, str] = {}
    lines = [_INTRODUCTION]
    for file, spec in _FILES.items():
        schema = spec.model_json_schema()
        lines += [f"## {file}\n", *_Chapter(schema["$defs"], told).mapping(schema, "")]
    return "\n".join(lines).rstrip() + "\n"


@final
class _Chapter:
    """One file. `told` has the path at which each shape was described; it is not described again."""

    def __init__(self, shapes: dict[str, Any], told: dict[str, str]) -> None:
        self._shapes = shapes
        self._told = told

    def mapping(self, node: dict[str, Any], path: str) -> Iterator[str]:
        """The keys of one mapping, then those of the mappings inside it."""
        inside = [
            (name, f"{path}.{key}{suffix}".lstrip("."))
            for key, member in node["properties"].items()
            for name, suffix in _named(member, "")
        ]
        new = {name: place for name, place in reversed(inside) if name not in self._told}
        self._told.update(new)
        if path:
            yield f"### `{path}`\n"
        yield f"{node['description']}\n"
        yield "| key | value | default | meaning |\n| --- | --- | --- | --- |"
        needed = node.get("required", ())
        yield from (self._row(key, member, key in needed) for key, member in node["properties"].items())
        yield ""
        for name, place in sorted(new.items(), key=inside.index):
            yield from self.mapping(self._shapes[name], place)

    def _row(self, key: str, member: dict[str, Any], is_needed: bool) -> str:
        default = member.get("default")
        said = "needed" if is_needed else "" if default is None else f"`{_written(default)}`"
        # A description that equals that of its shape is told by the shape alone.
        meaning = member.get("description") or self._shapes[_name(member)]["description"]
        return f"| `{key}` | {self._value(member)} | {said} | {_escaped(meaning)} |"

    def _value(self, node: dict[str, Any]) -> str:
        if "$ref" in node:
            place = self._told[_name(node)]
            return f"[mapping](#{_anchor(place)})"
        members = [
            member for member in node.get("anyOf", node.get("oneOf", ())) if member.get("type") != "null"
        ]
        if members:
            return " or ".join(dict.fromkeys(map(self._value, members)))
        if "enum" in node or "const" in node:
            return ", ".join(f"`{_written(word)}`" for word in node.get("enum", [node.get("const")]))
        if node.get("type") == "array":
            return f"list of {self._value(node['items'])}"
        if node.get("type") == "object":
            values = _values(node)
            return f"name: {self._value(values)}" if values else "mapping"
        kind = node.get("x-kind")
        if kind:
            return str(_KINDS.get(kind, kind)).replace("_", " ")
        return _TYPES[node["type"]] if "type" in node else "any value"


def _named(node: dict[str, Any], suffix: str) -> Iterator[tuple[str, str]]:
    """The shapes that a key may lead to, and what stands between the key and them."""
    if "$ref" in node:
        yield _name(node), suffix
    for member in (*node.get("anyOf", ()), *node.get("oneOf", ())):
        yield from _named(member, suffix)
    if isinstance(node.get("items"), dict):
        yield from _named(node["items"], suffix + "[]")
    values = _values(node)
    if values is not None:
        yield from _named(values, suffix + ".NAME")


def _values(node: dict[str, Any]) -> dict[str, Any] | None:
    """What stands behind the names of a mapping that has no keys of its own."""
    shapes = (node.get("additionalProperties"), *node.get("patternProperties", {}).values())
    return next((shape for shape in shapes if isinstance(shape, dict)), None)


def _name(node: dict[str, Any]) -> str:
    return str(node["$ref"]).rpartition("/")[2]


def _anchor(path: str) -> str:
    return re.sub("[^a-z0-9_-]", "", path.lower())


def _written(value: object) -> str:
    return value if isinstance(value, str) and value else dumps(value)


def _escaped(text: str) -> str:
    return text.replace("|", "\\|")
