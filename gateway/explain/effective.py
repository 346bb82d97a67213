"""The policy of a route after all defaults: each key as it was written, and the line that says so."""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final, final

from gateway.config.entry import Entry
from gateway.config.interpolation import Resolved
from gateway.config.scalar import core, is_ambiguous
from gateway.config.schema.gateway import LimitsSpec
from gateway.config.tree import Tree

# Keys that only a route has, and all the others, in the order in which they matter to a request.
_OWN: Final = ("match", "redirect", "respond", "rewrite", "upgrade", "operation")
ORDER: Final = (
    *("match", "upstream", "prefix", "rewrite", "redirect", "respond", "cors", "clients", "quota", "limits"),
    *("csrf", "auth", "allow", "validate", "request_headers", "upgrade", "timeouts", "headers", "compress"),
    *("report", "operation", "slo"),
)
_BUILT_IN: Final[dict[str, object]] = {"csrf": "auto", "headers": "helmet"}
_BARE: Final = re.compile(r"(?!.*: )[A-Za-z0-9_./*+@=<>()-][A-Za-z0-9_./*+@:=<>() -]*(?<![: ])")


# How the value of a key is told, by the name of the key.
Tell = Callable[[str, object], object]


@final
@dataclass(frozen=True, slots=True)
class Key:
    """One key of a route: its value as a file spells it, and the `file:line`, empty where none says it."""

    name: str
    value: object
    source: str

    def __str__(self) -> str:
        return flow(self.value)


def spelled(name: str, value: object) -> object:
    """The value of a key as its file spells it."""
    return as_written(value)


def effective(entry: Entry, gateway: Tree, tell: Tell = spelled) -> list[Key]:
    """The keys of a route; `gateway` is the tree of gateway.yaml."""
    keys = {name: Key(name, tell(name, value), entry.sources[name]) for name, value in entry.said.items()}
    for name in _OWN:
        place = (*entry.path, name)
        value = entry.tree.at(place)
        if value is not None:
            keys[name] = Key(name, tell(name, value), entry.tree.source(place))
    if entry.spec.is_public:
        # What the defaults demand of principals does not hold where nobody is asked.
        keys.pop("allow", None)
    if entry.spec.upstream is None:
        keys.pop("upstream", None)
    return _completed(keys, gateway)


def of_defaults(gateway: Tree, tell: Tell = spelled) -> list[Key]:
    """The keys of what no route takes: the global defaults, which ask nobody who he is."""
    said = gateway.at(("defaults",))
    members = said.items() if isinstance(said, dict) else ()
    keys = {name: Key(name, tell(name, value), gateway.source(("defaults", name))) for name, value in members}
    for name in ("auth", "allow", "upstream", "prefix", "validate"):
        keys.pop(name, None)
    return _completed(keys, gateway)


def _completed(keys: dict[str, Key], gateway: Tree) -> list[Key]:
    body = gateway.at(("limits", "body"))
    usual = {"body": body or LimitsSpec.model_fields["body"].default}
    keys.setdefault("limits", Key("limits", usual, gateway.source(("limits", "body")) if body else ""))
    for name, value in _BUILT_IN.items():
        keys.setdefault(name, Key(name, value, ""))
    return sorted(keys.values(), key=lambda key: ORDER.index(key.name))


def as_written(value: object) -> object:
    """A value in which what `${...}` put in is told as the file spells it."""
    if isinstance(value, Resolved):
        return value.origin
    if isinstance(value, dict):
        return {name: as_written(each) for name, each in value.items()}
    return [as_written(each) for each in value] if isinstance(value, list) else value


def flow(value: object) -> str:
    """A value as one line of YAML."""
    if isinstance(value, dict):
        return "{" + ", ".join([f"{name}: {flow(each)}" for name, each in value.items()]) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(map(flow, value)) + "]"
    if isinstance(value, str) and _BARE.fullmatch(value) and core(value) == value and not is_ambiguous(value):
        return value
    return json.dumps(value, ensure_ascii=False)
