"""The verb: two configurations in, their differences out."""

import argparse
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from gateway.config.interpolation import Resolved
from gateway.config.load import load
from gateway.diff.change import Group, folded, masked
from gateway.diff.gateway import gateway
from gateway.diff.roles import roles
from gateway.diff.routes import routes
from gateway.diff.text import as_json, text, widens
from gateway.rehearsal import RehearsalPorts, Stage

FINE, WIDENS = 0, 1
# What is shorter may stand in a line for another reason.
_TELLING: Final = 4
_FILE: Final = "gateway.yaml"


def differences(old: Stage, new: Stage) -> list[Group]:
    """What differs: the routes first, then the roles, then the rest of gateway.yaml."""
    groups = [*routes(old, new), *roles(old, new), *gateway(old.specs, new.specs)]
    origins = dict(pair for stage in (old, new) for tree in stage.specs.trees for pair in _given(tree.data))
    return masked(folded(groups), origins)


def _given(value: object) -> Iterator[tuple[str, str]]:
    """What `${...}` gave, and how the file spells it; a text that any line may have by chance is none."""
    if isinstance(value, Resolved):
        if len(value) >= _TELLING:
            yield str(value), value.origin
    elif isinstance(value, dict | list):
        for each in value.values() if isinstance(value, dict) else value:
            yield from _given(each)


def diff(said: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Print the differences; 1 where access widens, else 0. Raises ConfigError and OSError for the files."""
    stages = [Stage(load(found(path), environ), RehearsalPorts(0.0)) for path in (said.old, said.new)]
    groups = differences(*stages)
    print(as_json(groups) if said.format == "json" else text(groups), end="")
    return WIDENS if widens(groups) else FINE


def found(path: Path) -> Path:
    """The configuration of a directory: in it, or in its folder `config`."""
    if not path.is_dir():
        return path
    plain = path / _FILE
    return plain if plain.exists() else path / "config" / _FILE
