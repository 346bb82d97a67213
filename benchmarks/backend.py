"""What every peer stands in front of: an nginx that answers each workload from memory."""

from collections.abc import Iterable
from pathlib import Path

from benchmarks.nginx import NGINX_PROGRAMS, nginx
from benchmarks.peer import program
from benchmarks.workloads import Workload

# nginx takes a text of at most 4 KiB from its configuration.
_IN_PLACE = 2048


def backend(folder: Path, port: int, works: Iterable[Workload]) -> list[str]:
    """Write the backend's files for these workloads; the command that runs it on the loopback port."""
    locations = "\n".join(_location(folder, work) for work in works)
    server = f"    server {{\n        listen 127.0.0.1:{port} backlog=1024;\n{locations}\n    }}"
    http = f"    default_type application/json;\n    open_file_cache max=16;\n{server}"
    return [str(program(*NGINX_PROGRAMS)), *nginx(folder, http)]


def _location(folder: Path, work: Workload) -> str:
    if work.response <= _IN_PLACE:
        return f"        location = {work.path} {{ return 200 '{work.body()}'; }}"
    (folder / work.name).write_text(work.body())
    return f'        location = {work.path} {{ alias "{folder / work.name}"; }}'
