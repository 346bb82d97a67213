"""One large body through a peer, for the memory that it takes: a proxy must not hold what it passes on."""

import http.client
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import final

from benchmarks.peer import Peer
from benchmarks.serving import peer_up
from benchmarks.workloads import MIB, Workload

_PATIENCE = 60.0


@final
@dataclass(frozen=True, slots=True)
class Passage:
    """Seconds that the body took, and the peer's memory: bytes resident before, and the most meanwhile."""

    seconds: float
    before: int
    peak: int


def passage(peer: Peer, work: Workload, backend_port: int, *, core: int) -> Passage:
    """Pass the workload's body once; raises RuntimeError unless all of it arrives and the answer is a 200."""
    with peer_up(peer, work, backend_port, core=core) as (process, site):
        before = process.usage().resident
        process.forget_peak()
        began = time.monotonic()
        try:
            _pass(site.port, work)
        except (OSError, http.client.HTTPException) as failure:
            raise RuntimeError(f"{work.name} broke off: {failure!r}") from failure
        return Passage(time.monotonic() - began, before, process.peak())


def _pass(port: int, work: Workload) -> None:
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)
    try:
        method = "POST" if work.upload else "GET"
        fields = {"Content-Length": str(work.upload)} if work.upload else {}
        connection.request(method, work.path, _pieces(work.upload), fields)
        response = connection.getresponse()
        arrived, buffer = 0, bytearray(MIB)
        while size := response.readinto(buffer):
            arrived += size
    finally:
        connection.close()
    if (response.status, arrived) != (200, work.response):
        raise RuntimeError(f"expected 200 and {work.response:,} bytes, got {response.status} and {arrived:,}")


def _pieces(length: int) -> Iterator[bytes] | None:
    return (bytes(MIB) for _ in range(length // MIB)) if length else None
