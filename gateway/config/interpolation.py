"""`${env:NAME}`, `${env:NAME:-default}` and `${file:/path}` inside a text; `$${` stands for `${`.

The environment is a mapping that the caller hands in; where it lacks NAME, and has NAME_FILE, that is the
path of a file with the value, as container engines hand over secrets. What comes out is marked as Resolved,
so that no message repeats it and so that a number or a truth value may come from outside too.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import final

_PART = re.compile(r"\$\$\{|\$\{([^{}]*)\}|\$\{")
_ENV = re.compile(r"env:([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?", re.DOTALL)
_FILE_AT_MOST = 64 * 1024


@final
class Resolved(str):
    """A text that came from outside; `origin` is how the file spells it."""

    __slots__ = ("origin",)
    origin: str


@final
@dataclass(frozen=True, slots=True)
class Interpolation:
    """Fills in what a text asks for; relative `${file:..}` paths start at `folder`. `read` are the files."""

    environ: Mapping[str, str]
    folder: Path
    read: list[Path] = field(default_factory=list)

    def __call__(self, text: str) -> str:
        """The text itself where it asks for nothing, else a Resolved.

        Raises ValueError with a sentence that tells no secret: a variable that is not set, a file that cannot
        be read, a `${` that is none of the three forms.
        """
        if "${" not in text:
            return text
        resolved = Resolved(_PART.sub(self._part, text))
        resolved.origin = text
        return resolved if _asks(text) else str(resolved)

    def _part(self, match: re.Match[str]) -> str:
        if match[0] == "$${":
            return "${"
        inner = match[1] or ""
        if inner.startswith("file:"):
            return self._file(inner.removeprefix("file:"))
        asked = _ENV.fullmatch(inner)
        if asked is None:
            raise ValueError(
                "expected ${env:NAME}, ${env:NAME:-default}, ${file:/path}, or $${ for a plain ${"
            )
        value = self.environ.get(asked[1], "") or self._kept(asked[1]) or asked[2]
        if value is None:
            if asked[1] not in self.environ:
                raise ValueError(f"expected the environment to hold {asked[1]}, which is not set")
            value = ""
        if not _is_text(value):
            raise ValueError(f"expected {asked[1]} to hold UTF-8 text")
        return value

    def _kept(self, name: str) -> str:
        """What stands in the file that NAME_FILE names; empty where no file is named."""
        path = self.environ.get(f"{name}_FILE", "")
        return self._file(path) if path else ""

    def _file(self, name: str) -> str:
        path = self.folder / name
        self.read.append(path)
        try:
            # A pipe or a device would be waited for.
            raw = path.read_bytes() if path.is_file() and path.stat().st_size <= _FILE_AT_MOST else None
        except (OSError, ValueError):
            raw = None
        if raw is None:
            raise ValueError(f"expected a readable file of at most 64 KiB at {name}")
        try:
            return raw.decode().removesuffix("\n").removesuffix("\r")
        except UnicodeDecodeError:
            raise ValueError(f"expected {name} to hold UTF-8 text") from None


def _asks(text: str) -> bool:
    return any(match[0] != "$${" for match in _PART.finditer(text))


def _is_text(value: str) -> bool:
    # Bytes of the environment that are no UTF-8 arrive as lone surrogates.
    return not any("\ud800" <= character <= "\udfff" for character in value)
