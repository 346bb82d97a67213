"""What is wrong with a configuration, and where.

All problems of all files are collected and told at once, each as `file:line:column: path: message`, phrased
"expected X, got Y". What `${...}` put into a value is never part of a message.
"""

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from typing import final

Path = tuple[str | int, ...]


@final
@dataclass(frozen=True, slots=True, order=True)
class Problem:
    """One finding; lines and columns count from 1, `path` is empty where the file as a whole is meant."""

    file: str
    line: int
    column: int
    path: str
    message: str

    def __str__(self) -> str:
        place = f"{self.file}:{self.line}:{self.column}"
        return f"{place}: {self.path}: {self.message}" if self.path else f"{place}: {self.message}"


@final
class ConfigError(Exception):
    """A configuration that does not load: every problem, in the order of files and places."""

    def __init__(self, problems: Iterable[Problem]) -> None:
        self.problems = tuple(sorted(set(problems)))
        super().__init__("\n".join(map(str, self.problems)))

    def records(self) -> list[dict[str, str | int]]:
        """The problems as JSON objects with the members file, line, column, path and message."""
        return [asdict(problem) for problem in self.problems]


def spelled(path: Path) -> str:
    """A path as people write it: `routes[3].cors.allow_origins[0]`."""
    text = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in path)
    return text.removeprefix(".")
