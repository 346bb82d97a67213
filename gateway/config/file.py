"""One file: its bytes become a tree, and that a spec; whatever is wrong with either has its place."""

from collections.abc import Mapping
from dataclasses import dataclass
from hashlib import sha256
from json import dumps
from os.path import normpath
from pathlib import Path
from typing import Generic, TypeVar, final

from pydantic import ValidationError

from gateway.config import wording
from gateway.config.interpolation import Interpolation
from gateway.config.problem import Problem
from gateway.config.schema.model import Spec
from gateway.config.source import read, read_bytes
from gateway.config.tree import Tree

S = TypeVar("S", bound=Spec)


@final
@dataclass(frozen=True, slots=True)
class File(Generic[S]):
    """One file: what stands in it, what it says if it is sound, and what is wrong with it alone.

    `read` are itself and the files that `${...}` in it has asked for.
    """

    tree: Tree
    spec: S | None
    problems: tuple[Problem, ...]
    digest: bytes = b""
    read: tuple[Path, ...] = ()


def read_file(path: Path, model: type[S], environ: Mapping[str, str]) -> File[S]:
    """The file at a path, read as a `model`. What is wrong with it stands in it; nothing is raised."""
    label = normpath(path)
    try:
        raw = read_bytes(path)
    except (OSError, ValueError) as error:
        cause = getattr(error, "strerror", None) or error
        return File(
            Tree(label), None, (Problem(label, 1, 1, "", f"expected a file that can be read: {cause}"),)
        )
    interpolation = Interpolation(environ, path.parent)
    tree, problems = read(label, raw, interpolation)
    digest = sha256(raw + dumps(tree.data).encode()).digest()
    if tree.data is None:
        return File(tree, None, tuple(problems))
    try:
        spec = model.model_validate(tree.data)
        return File(tree, spec, tuple(problems), digest, (path, *interpolation.read))
    except ValidationError as error:
        # What could not be read is not also reported for being of the wrong type.
        places = {(problem.line, problem.column) for problem in problems}
        found = wording.problems(tree, model, error)
        problems += [problem for problem in found if (problem.line, problem.column) not in places]
        return File(tree, None, tuple(problems))
