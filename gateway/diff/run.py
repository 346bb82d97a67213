"""The verb: two configurations in, their differences out."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from gateway.config.load import load
from gateway.diff.change import Group, folded
from gateway.diff.gateway import gateway
from gateway.diff.roles import roles
from gateway.diff.routes import routes
from gateway.diff.text import as_json, text, widens
from gateway.rehearsal import RehearsalPorts, Stage

FINE, WIDENS = 0, 1
_FILE: Final = "gateway.yaml"


def differences(old: Stage, new: Stage) -> list[Group]:
    """What differs: the routes first, then the roles, then the rest of gateway.yaml."""
    return folded([*routes(old, new), *roles(old, new), *gateway(old.specs, new.specs)])


def diff(said: argparse.Namespace, environ: Mapping[str, str]) -> int:
    """Print the differences; 1 where access widens, else 0. Raises ConfigError and OSError for the files."""
    stages = [Stage(load(_found(path), environ), RehearsalPorts(0.0)) for path in (said.old, said.new)]
    groups = differences(*stages)
    print(as_json(groups) if said.format == "json" else text(groups), end="")
    return WIDENS if widens(groups) else FINE


def _found(path: Path) -> Path:
    """The configuration of a directory: in it, or in its folder `config`."""
    if not path.is_dir():
        return path
    plain = path / _FILE
    return plain if plain.exists() else path / "config" / _FILE
