"""The verb: files in, the routes out, or the one that a request takes."""

import argparse
import json
from collections.abc import Mapping
from pathlib import Path

from gateway.config.load import load
from gateway.listing.listing import listing, records
from gateway.listing.match import find, record, text
from gateway.rehearsal import Draft, RehearsalPorts, Stage
from gateway.rehearsal.draft import split_url

FOUND, NONE = 0, 1


def list_routes(said: argparse.Namespace, path: Path, environ: Mapping[str, str]) -> int:
    """Print the routes; with `--match` that of a request, 1 where there is none.

    Raises ConfigError for the files, ValueError for what is no request.
    """
    stage = Stage(load(path, environ), RehearsalPorts(0.0))
    if said.match is not None:
        return _matched(said, stage)
    print(_json(records(stage)) if said.format == "json" else listing(stage), end="")
    return FOUND


def _matched(said: argparse.Namespace, stage: Stage) -> int:
    method, url = said.match
    secure, host, target = split_url(url)
    listeners = stage.snapshot.listeners
    fitting = (index for index, each in enumerate(listeners) if (each.tls is not None) == secure)
    draft = Draft(method, target, host, tuple(map(_field, said.header)), secure=secure)
    found = find(stage, draft, next(fitting, 0))
    print(_json(record(found)) if said.format == "json" else text(found), end="")
    return FOUND if found.id else NONE


def _field(line: str) -> tuple[str, str]:
    name, colon, value = line.partition(":")
    if not name or not colon:
        raise ValueError(f"expected 'NAME: VALUE', got {line!r}")
    return name, value.strip(" \t")


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False) + "\n"
