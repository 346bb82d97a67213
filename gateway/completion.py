"""What shells need to complete a command line, made of its parser."""

import argparse
from pathlib import Path
from typing import Final

import shtab

from gateway.commands import verbs

SHELLS: Final = ("bash", "zsh", "fish")


def script(parser: argparse.ArgumentParser, shell: str) -> str:
    """The script for one of SHELLS. Where a path is wanted, files are offered."""
    for verb in verbs(parser).values():
        for action in verb._actions:
            if action.type is Path:
                folder = action.dest == "directory"
                action.complete = shtab.DIRECTORY if folder else shtab.FILE  # type: ignore[attr-defined]
    return shtab.complete(parser, shell)
