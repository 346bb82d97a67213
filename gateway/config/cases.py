"""Files of cases -> specs with their places, checked against the configuration that they are about."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path as File
from typing import final

from gateway.config.compile import Specs
from gateway.config.file import read_file
from gateway.config.names import ANY, at
from gateway.config.problem import ConfigError, Path, Problem
from gateway.config.schema.cases import CasesSpec
from gateway.config.tree import Tree
from gateway.config.wording import nearest

FOLDER = "tests"
# Routes of our own, for what no route of the files takes.
_OWN_ROUTES = ("_unmatched", "_method_not_allowed")
_EXPECTATIONS: tuple[Path, ...] = (("cases", ANY, "expect"), ("cases", ANY, "steps", ANY, "expect"))
_LISTENERS: tuple[Path, ...] = (
    ("cases", ANY, "request", "listener"),
    ("cases", ANY, "steps", ANY, "request", "listener"),
)
_CALLERS: tuple[Path, ...] = (
    *(("cases", ANY, "as"), ("cases", ANY, "as", ANY)),
    *(("cases", ANY, "steps", ANY, "as"), ("cases", ANY, "steps", ANY, "as", ANY)),
)


@final
@dataclass(frozen=True, slots=True)
class CasesFile:
    """One file of cases without problems."""

    tree: Tree
    spec: CasesSpec


def find_cases(config: File, specs: Specs) -> list[File]:
    """Every `tests/*.yaml` in the folders of policies that the configuration at `config` lists."""
    folders = [config.parent / name / FOLDER for name in specs.gateway.policies]
    return [path for folder in folders for path in sorted(folder.glob("*.yaml"))]


def read_cases(paths: Sequence[File], environ: Mapping[str, str], specs: Specs) -> list[CasesFile]:
    """The files. Raises ConfigError with every problem of all of them."""
    files = [read_file(path, CasesSpec, environ) for path in paths]
    problems = [problem for file in files for problem in file.problems]
    for file in files:
        problems += _names(file.tree, specs)
        problems += _given_twice(file.tree)
        problems += _listeners(file.tree, len(specs.gateway.listeners))
    if problems:
        raise ConfigError(problems)
    return [CasesFile(file.tree, file.spec) for file in files if file.spec is not None]


def _names(tree: Tree, specs: Specs) -> Iterator[Problem]:
    """Calls by a name that nothing bears."""
    routes = [*(entry.spec.id for entry in specs.entries), *_OWN_ROUTES]
    principals = tree.at(("principals",))
    known = {
        ("route",): ("a route", routes),
        ("upstream",): ("an upstream", list(specs.gateway.upstreams)),
    }
    for place in _EXPECTATIONS:
        for key, (kind, names) in known.items():
            yield from _unknown(tree, (*place, *key), kind, names)
    own = list(principals) if isinstance(principals, dict) else []
    for place in _CALLERS:
        yield from _unknown(tree, place, "one of the principals", own)


def _unknown(tree: Tree, pattern: Path, kind: str, known: list[str]) -> Iterator[Problem]:
    for path, name in at(tree, pattern):
        # A principal in place is a mapping, whose members are none of these names.
        is_member = pattern[-1] == ANY and not isinstance(path[-1], int)
        if isinstance(name, str) and not is_member and name not in known:
            yield tree.problem(path, f'expected the name of {kind}, got "{name}"{nearest(name, known)}')


def _given_twice(tree: Tree) -> Iterator[Problem]:
    first: dict[object, Path] = {}
    for path, name in at(tree, ("cases", ANY, "name")):
        if isinstance(name, str) and first.setdefault(name, path) != path:
            message = f'expected each name once, got "{name}" again after {tree.source(first[name])}'
            yield tree.problem(path, message)


def _listeners(tree: Tree, count: int) -> Iterator[Problem]:
    for pattern in _LISTENERS:
        for path, number in at(tree, pattern):
            if isinstance(number, int) and number > count:
                yield tree.problem(path, f"expected one of the {count} listeners, got {number}")
