"""What a supervisor leaves to the program that takes its place, under the same process id.

It is text in a file that exists only in memory. Sockets are named by their descriptors, which stay open;
workers stay the children of the same process.
"""

import json
import os
from base64 import b64decode, b64encode
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final, final

from gateway.config.snapshot import Address, Log
from gateway.workers.facts import Facts, read_facts
from gateway.workers.worker import State

# Another shape of this is another number: a program that does not know it says so before it is too late.
FORMAT: Final = 1


@final
@dataclass(frozen=True, slots=True)
class Left:
    """One worker. `control` and `quotas` are descriptors, -1 where there is none any more."""

    pid: int
    control: int
    quotas: int
    state: State
    place: int | None
    is_open: bool
    version: str
    facts: Facts | None
    report: bytes
    rest: bytes


@final
@dataclass(frozen=True, slots=True)
class Handover:
    """Everything. `sockets` are the descriptors of each place, `quotas` what the keeper of buckets knows."""

    path: str
    log: Log
    addresses: tuple[Address, ...]
    admin: Address
    sockets: tuple[tuple[int, ...], ...]
    admin_socket: int
    version: str
    facts: Facts | None
    deaths: int
    log_level: bytes
    remains: bytes
    quotas: bytes
    workers: tuple[Left, ...]

    def descriptors(self) -> set[int]:
        """All that have to stay open."""
        kept = {number for place in self.sockets for number in place} | {self.admin_socket}
        kept |= {number for worker in self.workers for number in (worker.control, worker.quotas)}
        return kept - {-1}


def written(handover: Handover) -> int:
    """The descriptor of a file with all of it."""
    text = json.dumps({"format": FORMAT, **asdict(handover)}, default=_text).encode()
    descriptor = os.memfd_create("gateway")
    with os.fdopen(os.dup(descriptor), "wb") as file:
        file.write(text)
    return descriptor


def read(descriptor: int) -> Handover:
    """All of it, from the file of a descriptor. Raises ValueError, KeyError or TypeError for what is none."""
    said = json.loads(os.pread(descriptor, os.fstat(descriptor).st_size, 0))
    if said.pop("format") != FORMAT:
        raise ValueError("this is for another release")
    return Handover(
        **{
            **said,
            "log": Log(**said["log"]),
            "addresses": tuple(Address(**each) for each in said["addresses"]),
            "admin": Address(**said["admin"]),
            "sockets": tuple(map(tuple, said["sockets"])),
            "facts": _facts(said["facts"]),
            "workers": tuple(map(_left, said["workers"])),
            **_bytes(said, "log_level", "remains", "quotas"),
        }
    )


def _left(said: Mapping[str, Any]) -> Left:
    return Left(**{**said, "facts": _facts(said["facts"]), **_bytes(said, "report", "rest")})


def _facts(said: Mapping[str, Any] | None) -> Facts | None:
    return None if said is None else read_facts(json.dumps(said).encode())


def _bytes(said: Mapping[str, Any], *names: str) -> dict[str, bytes]:
    return {name: b64decode(said[name]) for name in names}


def _text(value: object) -> str:
    if not isinstance(value, bytes):
        raise TypeError(f"no {type(value).__name__} is handed over")
    return b64encode(value).decode()
