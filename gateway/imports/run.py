"""The verb: a document in, a file of policies out."""

import argparse
import os
import sys
from collections.abc import Mapping
from errno import EEXIST
from pathlib import Path
from typing import Any, Final, final
from urllib.parse import urlsplit

from gateway.config.documents import parsed
from gateway.config.scaffold import scaffold, upstream_name
from gateway.config.source import read_bytes
from gateway.config.values import prefix
from gateway.imports.operations import Api, api
from gateway.imports.policies import KEYS, USERS, Target, notes, policies, sections
from gateway.imports.security import Needs, Security
from gateway.imports.wording import comment
from gateway.policy import openapi_schema
from gateway.policy.json_schema import SchemaError
from gateway.policy.openapi import compile_openapi
from gateway.policy.references import pointer

WRITTEN = 0
_NOWHERE: Final = "http://127.0.0.1:3000"
_TOLD_AT_MOST: Final = 20
# A file has one entry at least; these admit nobody, and nobody knows what would hash to them.
_NO_KEYS: Final = f"""\
# `gateway api-key --principal NAME` prints entries to put in the place of this one.
keys:
  - {{id: nobody, sha256: "{"0" * 64}", principal: nobody, disabled: true}}
"""
_NO_USERS: Final = f"""\
# `gateway password NAME` prints entries to put in the place of this one.
users:
  - {{name: nobody, hash: "$2b$12${"." * 53}", disabled: true}}
"""


@final
class DocumentError(Exception):
    """A document is not sound; `str()` has a line for each problem."""


def imported(said: argparse.Namespace) -> int:
    """Write the policies, and tell what was not taken over.

    Raises DocumentError for the document, ValueError for what was typed, and OSError.
    """
    document = _document(said.file)
    security = Security(_schemes(document))
    problems = _unvalidated(document)
    made = api(document, security, is_validated=not problems)
    target = _target(said, made, problems)
    files = _files(said, made, security.needs, target)
    taken = [path for path in files if path.exists()]
    if taken:
        raise FileExistsError(EEXIST, "exists; nothing was written", str(taken[0]))
    for path, text in files.items():
        path.parent.mkdir(parents=True, exist_ok=True)
        # Whoever was quicker keeps his file.
        with path.open("x", encoding="utf-8") as file:
            file.write(text)
        print(path)
    if said.output is None:
        print(policies(made, security.needs, target), end="")
    _tell(made, target)
    return WRITTEN


def _document(path: Path) -> dict[str, Any]:
    tree, problems = parsed(str(path), read_bytes(path), path.name.endswith(".json"))
    if problems:
        raise DocumentError("\n".join(map(str, problems[:_TOLD_AT_MOST])))
    if not isinstance(tree.data, dict):
        raise DocumentError(f"{path}: expected an OpenAPI document, which is an object")
    # A reference to another document is one of these: nothing is fetched, and no other file is read.
    unsound = openapi_schema.problems(tree.data)
    if unsound:
        raise DocumentError("\n".join([f"{path}: {_told(each)}" for each in unsound[:_TOLD_AT_MOST]]))
    return tree.data


def _unvalidated(document: dict[str, Any]) -> tuple[str, ...]:
    """Why requests cannot be validated by the document, empty where they can."""
    _, problems = compile_openapi(document, "ignore")
    told = [f"`validate`: {_told(each)}" for each in problems[:_TOLD_AT_MOST]]
    more = len(problems) - len(told)
    return (*told, f"`validate`: {more} problems more") if more else tuple(told)


def _told(error: SchemaError) -> str:
    return comment(f"{pointer(error.path)}: {error}")


def _schemes(document: Mapping[str, Any]) -> Mapping[str, Any]:
    components = document.get("components")
    schemes = components.get("securitySchemes") if isinstance(components, dict) else None
    return schemes if isinstance(schemes, dict) else {}


def _target(said: argparse.Namespace, made: Api, problems: tuple[str, ...]) -> Target:
    url = said.upstream or _origin(made.server)
    if said.prefix:
        prefix(said.prefix)
    folder = said.output.parent if said.output is not None else Path()
    document = os.path.relpath(said.file, folder)
    if "/" not in document and document.endswith(".yaml") and said.output is not None:
        raise ValueError(f"expected {said.file} in a folder of its own, where it is not taken for policies")
    return Target(upstream_name(url), url, said.prefix, document, problems)


def _origin(server: str) -> str:
    """The endpoint of a server; that of `gateway init` where it has no host."""
    parts = urlsplit(server)
    return f"{parts.scheme}://{parts.netloc}" if parts.netloc else _NOWHERE


def _files(said: argparse.Namespace, made: Api, needs: Needs, target: Target) -> dict[Path, str]:
    files = {said.output: policies(made, needs, target)} if said.output is not None else {}
    if said.gateway is not None:
        text = scaffold(target.url)["config/gateway.yaml"]
        files[said.gateway] = "\n".join([text, *sections(needs), ""]) if sections(needs) else text
        if needs.key_header:
            files[said.gateway.parent / KEYS] = _NO_KEYS
        if needs.basic:
            files[said.gateway.parent / USERS] = _NO_USERS
    return files


def _tell(made: Api, target: Target) -> None:
    found = notes(made, target)
    for note in found:
        print(f"gateway: {comment(note)}", file=sys.stderr)
    routes = [each for each in made.operations if each.path]
    closed = sum(each.is_closed for each in routes)
    counts = f"{len(made.operations)} operations: {len(routes)} routes, {closed} of them closed"
    print(f"{counts}; {len(found)} notes", file=sys.stderr)
