"""Files that `validate` names: JSON Schemas and OpenAPI documents, read and compiled.

A file is JSON or YAML by the end of its name. Where YAML is wrong its own line is told, otherwise the place
of the key that names the file.
"""

from collections.abc import Mapping, Sequence
from hashlib import sha256
from json import JSONDecodeError
from os.path import dirname, join, normpath
from pathlib import Path as File
from typing import TypeGuard, final

from gateway.config.interpolation import Resolved
from gateway.config.names import ANY, at
from gateway.config.problem import Path, Problem, spelled
from gateway.config.source import BYTES_AT_MOST, read_bytes, read_document
from gateway.config.tree import Tree
from gateway.policy import json_text
from gateway.policy.json_schema import Schema, SchemaError, compile_schema
from gateway.policy.openapi import Api, Operation, Unknown, compile_openapi
from gateway.policy.parameters import Parameters, parameters

_PLACES: tuple[Path, ...] = (("defaults", "validate"), ("routes", ANY, "validate"))
_DEPTH_AT_MOST = 64


@final
class Documents:
    """Every file that is named, each compiled once for each use; `problems` are told when all were read."""

    def __init__(self, trees: Sequence[Tree]) -> None:
        self.problems: list[Problem] = []
        self._digest = sha256()
        self._read: dict[str, Tree | None] = {}
        self._schemas: dict[str, Schema] = {}
        self._queries: dict[str, Parameters] = {}
        self._apis: dict[tuple[str, Unknown], Api[Operation]] = {}
        for tree in trees:
            for pattern in _PLACES:
                for path, said in at(tree, pattern):
                    if isinstance(said, dict):
                        self._take(tree, path, said)

    @property
    def digest(self) -> bytes:
        """Changes with the bytes of any of the files."""
        return self._digest.digest()

    @property
    def files(self) -> list[File]:
        """The files."""
        return list(map(File, self._read))

    def schema(self, source: str, name: str) -> Schema:
        """The schema in the file that is called `name` at `source`, a `file:line`."""
        return self._schemas[_place(source.rpartition(":")[0], name)]

    def query(self, source: str, name: str) -> tuple[Parameters, Schema]:
        """The same, with how the query is read for it."""
        place = _place(source.rpartition(":")[0], name)
        return self._queries[place], self._schemas[place]

    def api(self, source: str, name: str, unknown: Unknown) -> Api[Operation]:
        """The operations of the document in the file that is called `name` at `source`."""
        return self._apis[_place(source.rpartition(":")[0], name), unknown]

    def data(self, source: str, name: str) -> object:
        """What stands in the file that is called `name` at `source`."""
        document = self._read[_place(source.rpartition(":")[0], name)]
        return document.data if document is not None else None

    def _take(self, tree: Tree, path: Path, said: Mapping[str, object]) -> None:
        unknown: Unknown = "reject" if said.get("unknown_query") == "reject" else "ignore"
        for key in ("schema", "query", "openapi"):
            name = said.get(key)
            if not _is_name(name):
                continue
            here = (*path, key)
            place = _place(tree.file, name)
            # What `${...}` put into a name is never told.
            label = name.origin if isinstance(name, Resolved) else place
            document = self._document(tree, here, place, label)
            if document is None:
                continue
            if key == "openapi":
                api, errors = compile_openapi(document.data, unknown)
                self._apis[place, unknown] = api
            else:
                errors = self._compile(place, document)
            self.problems += [_told(tree, here, document, error) for error in errors]

    def _compile(self, place: str, document: Tree) -> list[SchemaError]:
        if place in self._schemas:
            return []
        try:
            self._schemas[place] = compile_schema(document.data)
            self._queries[place] = parameters(document.data, document.data)
        except SchemaError as error:
            return [error]
        return []

    def _document(self, tree: Tree, here: Path, place: str, label: str) -> Tree | None:
        if place in self._read:
            return self._read[place]
        document = None
        try:
            raw = read_bytes(File(place))
        except (OSError, ValueError) as error:
            cause = getattr(error, "strerror", None) or error
            self.problems.append(tree.problem(here, f"expected a file that can be read: {cause}"))
        else:
            self._digest.update(raw)
            document, problems = parsed(label, raw, place.endswith(".json"))
            self.problems += problems
            document = None if problems else document
        self._read[place] = document
        return document


def _is_name(name: object) -> TypeGuard[str]:
    return isinstance(name, str) and name != ""


def _place(file: str, name: str) -> str:
    return normpath(join(dirname(file), name))


def parsed(label: str, raw: bytes, is_json: bool) -> tuple[Tree, list[Problem]]:
    """The tree of a document, JSON or YAML, that is called `label`, and what is wrong with its text."""
    if not is_json:
        return read_document(label, raw)
    tree = Tree(label)
    if len(raw) > BYTES_AT_MOST:
        return tree, [Problem(label, 1, 1, "", "expected at most 1 MiB")]
    try:
        return Tree(label, json_text.parse(raw, _DEPTH_AT_MOST)), []
    except JSONDecodeError as error:
        return tree, [Problem(label, error.lineno, error.colno, "", "expected JSON")]
    except ValueError:
        message = f"expected JSON in UTF-8 with each name once and at most {_DEPTH_AT_MOST} levels"
        return tree, [Problem(label, 1, 1, "", message)]


def _told(tree: Tree, here: Path, document: Tree, error: SchemaError) -> Problem:
    """At the line of the document where it has lines, else at the key that names it."""
    if document.values:
        return document.problem(error.path, str(error))
    return tree.problem(here, f"{document.file}: {_spelled(error.path)}{error}")


def _spelled(path: Path) -> str:
    text = spelled(path)
    return f"{text}: " if text else ""
