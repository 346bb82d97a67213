"""Headers policies: what is wrong with the fields they set, default and remove."""

from collections.abc import Iterator, Sequence
from typing import TypeGuard

from gateway.config.interpolation import Resolved
from gateway.config.names import ANY, at
from gateway.config.problem import Path, Problem
from gateway.config.tree import Tree, shown
from gateway.policy import headers

_POLICIES: tuple[Path, ...] = (("headers", ANY), ("defaults", "headers"), ("routes", ANY, "headers"))


def problems(trees: Sequence[Tree]) -> Iterator[Problem]:
    """What the headers policies of all files, named and in place, say that cannot be sent or is not meant."""
    for tree in trees:
        for pattern in _POLICIES:
            for path, policy in at(tree, pattern):
                if isinstance(policy, dict):
                    yield from _policy(tree, path, policy)


def _policy(tree: Tree, path: Path, policy: dict[str, object]) -> Iterator[Problem]:
    setting, default, remove = (
        policy.get(key, empty) for key, empty in (("set", {}), ("default", {}), ("remove", []))
    )
    if not (_is_texts(setting) and _is_texts(default) and _is_list(remove)):
        return
    places: dict[str, Path] = {name: ("remove", index) for index, name in enumerate(remove)}
    places |= {name: ("default", name) for name in default} | {name: ("set", name) for name in setting}
    for name, text in headers.problems(setting, default, remove):
        value = tree.at((*path, *places[name]))
        if isinstance(value, Resolved):
            text = f"{text.partition(', got ')[0]}, got {shown(value)}"
        yield tree.problem((*path, *places[name]), text)


def _is_texts(value: object) -> TypeGuard[dict[str, str]]:
    return isinstance(value, dict) and all(isinstance(item, str) for item in value.values())


def _is_list(value: object) -> TypeGuard[list[str]]:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)
