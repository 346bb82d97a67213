"""The verb: files in, a matrix out."""

import argparse
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from gateway.config.load import load
from gateway.matrix.access import matrix, roles_of
from gateway.matrix.text import as_json, comma_separated, markdown
from gateway.rehearsal import RehearsalPorts, Stage

_WRITERS: Final = {"markdown": markdown, "csv": comma_separated, "json": as_json}


def show_matrix(said: argparse.Namespace, path: Path, environ: Mapping[str, str]) -> None:
    """Print the matrix. Raises ConfigError for the files, ValueError for a role that nobody defined."""
    stage = Stage(load(path, environ), RehearsalPorts(0.0))
    known = roles_of(stage)
    for role in said.role:
        if role not in known:
            raise ValueError(f"expected one of {', '.join(known) or 'no roles at all'}, got {role!r}")
    roles = tuple(role for role in known if role in said.role) if said.role else known
    print(_WRITERS[said.format](matrix(stage, roles), roles), end="")
