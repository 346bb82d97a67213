"""A backend and peers that are up: started, asked until they answer 200, ended when the block is left.

Every measurement stands on this, so that no peer begins in another way than the others.
"""

import http.client
import time
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from benchmarks import everything
from benchmarks.backend import backend
from benchmarks.load import shown
from benchmarks.peer import Peer, Site
from benchmarks.policies import RESPONSE_FIELDS
from benchmarks.processes import Process, free_port, started
from benchmarks.workloads import Workload

# A configuration of 10,000 routes takes a while to read.
_READY_WITHIN = 60.0
_POLL = 0.05
_PATIENCE = 10.0

# What a response has to carry, by setting.
_CHECKED = {"policies": RESPONSE_FIELDS} | dict.fromkeys(
    ("everything", "redis", "telemetry", "hindered", "scraped"), everything.FIELDS
)


@contextmanager
def backend_up(works: Iterable[Workload], *, core: int) -> Iterator[int]:
    """The port of a backend for these workloads; raises RuntimeError if it does not start."""
    with TemporaryDirectory() as name:
        folder, port = Path(name), free_port()
        with started(backend(folder, port, works), core=core, folder=folder) as process:
            for work in works:
                _wait_until_ready(process, port, work)
            yield port


@contextmanager
def peer_up(
    peer: Peer, work: Workload, backend_port: int, *, core: int, load_core: int
) -> Iterator[tuple[Process, Site]]:
    """A peer that is configured for a workload, and its site; raises RuntimeError if it does not start."""
    with TemporaryDirectory() as name, ExitStack() as stack:
        site = Site(Path(name), free_port(), backend_port, work.setting, free_port())
        if peer.beside is not None:
            folder = site.folder / "beside"
            folder.mkdir()
            stack.enter_context(started(peer.beside(site), core=load_core, folder=folder))
        with started(peer.command(site), core=core, folder=site.folder) as process:
            response = _wait_until_ready(process, site.port, work)
            if work.setting in _CHECKED.keys() - peer.idle_in:
                _check(response, _CHECKED[work.setting])
            yield process, site


def _check(response: http.client.HTTPResponse, fields: Iterable[tuple[str, str]]) -> None:
    """Raise RuntimeError if a field is missing: a peer that leaves work out is not measured."""
    missing = [name for name, _value in fields if response.getheader(name) is None]
    if missing:
        raise RuntimeError(f"its response lacks {', '.join(missing)}")


def _wait_until_ready(process: Process, port: int, work: Workload) -> http.client.HTTPResponse:
    """The first success; raises RuntimeError with what the process said if there never is one."""
    deadline = time.monotonic() + _READY_WITHIN
    while time.monotonic() < deadline and process.is_running():
        response = _asked(port, work)
        if response is not None and response.status == 200:
            return response
        time.sleep(_POLL)
    state = "not ready in time" if process.is_running() else "ended"
    raise RuntimeError(f"{state}\n{process.command}\n{process.said()}")


def _asked(port: int, work: Workload) -> http.client.HTTPResponse | None:
    """The response, if there is one. HEAD, so that nobody has bodies in its memory before the measurement."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_PATIENCE)
    try:
        connection.request("HEAD", work.path, headers=dict(shown(work)))
        return connection.getresponse()
    except (OSError, http.client.HTTPException):
        return None
    finally:
        connection.close()
