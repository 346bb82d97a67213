"""What came of a configuration that was to be taken, for whoever asked: here, or in another process."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, final


@final
@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of it: the `version` that serves now, whether it is another one, and what was wrong."""

    version: str
    is_new: bool
    problems: tuple[str, ...] = ()

    def record(self) -> dict[str, Any]:
        """The same as JSON has it."""
        return {"version": self.version, "is_new": self.is_new, "problems": list(self.problems)}

    @property
    def told(self) -> str:
        """The same as a line of the log, or several where something was wrong."""
        if self.problems:
            problems = "\n".join(self.problems)
            return f"the new configuration is not taken, {self.version} serves on:\n{problems}"
        return f"configuration {self.version} serves{'' if self.is_new else ', as before'}"


def outcome(record: Mapping[str, Any]) -> Outcome:
    """The Outcome of a record. Raises KeyError for one that is none."""
    return Outcome(record["version"], record["is_new"], tuple(record["problems"]))
