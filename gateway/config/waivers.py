"""Files of waivers -> specs with their places, checked against the configuration that they are about.

They stand in the folder `audit` of a folder of policies, where nothing is read as a policy.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path as File
from typing import Final, final

from gateway.config.compile import Specs
from gateway.config.file import read_file
from gateway.config.names import ANY, at
from gateway.config.problem import ConfigError, Problem
from gateway.config.schema.waivers import WaiverSpec, WaiversSpec
from gateway.config.tree import Tree
from gateway.config.wording import nearest

_PLACE: Final = "audit/waivers.yaml"


@final
@dataclass(frozen=True, slots=True)
class Waiver:
    """One waiver without problems; `source` is its `file:line`, `place` the path of it in the file."""

    spec: WaiverSpec
    source: str
    place: str


def find_waivers(config: File, specs: Specs) -> list[File]:
    """Every `audit/waivers.yaml` in the folders of policies that the configuration at `config` lists."""
    places = [config.parent / name / _PLACE for name in specs.gateway.policies]
    return [place for place in places if place.exists()]


def read_waivers(
    paths: Sequence[File], environ: Mapping[str, str], specs: Specs, rules: list[str]
) -> list[Waiver]:
    """The waivers of the files; `rules` are the ids that there are. Raises ConfigError with every problem."""
    files = [read_file(path, WaiversSpec, environ) for path in paths]
    problems = [problem for file in files for problem in file.problems]
    ids = [entry.spec.id for entry in specs.entries]
    for file in files:
        problems += _unknown(file.tree, "rule", "the id of a rule", rules)
        problems += _unknown(file.tree, "route", "the name of a route", ids)
    if problems:
        raise ConfigError(problems)
    return [
        Waiver(spec, file.tree.source(("waivers", number)), f"waivers[{number}]")
        for file in files
        if file.spec is not None
        for number, spec in enumerate(file.spec.waivers)
    ]


def _unknown(tree: Tree, key: str, kind: str, known: list[str]) -> Iterator[Problem]:
    for path, name in at(tree, ("waivers", ANY, key)):
        if isinstance(name, str) and name not in known:
            yield tree.problem(path, f'expected {kind}, got "{name}"{nearest(name, known)}')
