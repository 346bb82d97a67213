"""What a supervisor has to know of a configuration that a worker has loaded."""

import json
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import final

from gateway.config.snapshot import Snapshot


@final
@dataclass(frozen=True, slots=True)
class Facts:
    """The version, the files it was made of, whether to watch them, where it listens, and how it drains.

    `addresses` are those of the listeners and, last, of the admin listener, as they are configured.
    """

    version: str
    files: tuple[str, ...]
    watch: bool
    addresses: tuple[str, ...]
    min_drain: float
    drain: float

    def body(self) -> bytes:
        """The same as a message has it."""
        return json.dumps(asdict(self)).encode()

    @property
    def paths(self) -> list[Path]:
        """The files, to look at them."""
        return [Path(name) for name in self.files]


def facts(snapshot: Snapshot) -> Facts:
    """Those of a Snapshot."""
    places = [*(listener.address for listener in snapshot.listeners), snapshot.admin.address]
    return Facts(
        snapshot.version,
        tuple(map(str, snapshot.files)),
        snapshot.watch,
        tuple(map(str, places)),
        snapshot.timeouts.min_drain,
        snapshot.timeouts.drain,
    )


def read_facts(body: bytes) -> Facts:
    """Those of a message. Raises TypeError or ValueError for what is none."""
    said = json.loads(body)
    return Facts(**{**said, "files": tuple(said["files"]), "addresses": tuple(said["addresses"])})
