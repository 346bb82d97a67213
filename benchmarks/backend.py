"""What every peer stands in front of: an nginx that answers each workload from memory.

A body sent to it is read whole before the answer, else a peer could drop half of the work: an inner request
without the body gives the answer. Above 8 MiB the body goes to the disk instead of memory.
"""

from collections.abc import Iterable
from pathlib import Path
from string import Template

from benchmarks.nginx import NGINX_PROGRAMS, nginx
from benchmarks.peer import program
from benchmarks.workloads import MIB, Workload

# nginx takes a text of at most 4 KiB from its configuration.
_IN_PLACE = 2048
_BUFFERED = 8 * MIB

_HTTP = Template("""\
    default_type application/json;
    open_file_cache max=16;
    sendfile on;
    server {
        listen 127.0.0.1:$port backlog=4096;
        listen unix:$folder/inner.sock;
$locations
    }""")

_UPLOAD = Template("""\
        location = $path {
            client_max_body_size 0;
            client_body_buffer_size $buffer;
            proxy_pass_request_body off;
            proxy_set_header Content-Length "";
            proxy_pass http://unix:$folder/inner.sock:/inner$path;
        }
        location = /inner$path { return 200 '$text'; }""")


def backend(folder: Path, port: int, works: Iterable[Workload]) -> list[str]:
    """Write the backend's files for these workloads; the command that runs it on the loopback port."""
    locations = "\n".join(_location(folder, work) for work in works)
    http = _HTTP.substitute(port=port, folder=folder, locations=locations)
    return [str(program(*NGINX_PROGRAMS)), *nginx(folder, http)]


def _location(folder: Path, work: Workload) -> str:
    if work.upload:
        buffer = min(work.upload, _BUFFERED)
        return _UPLOAD.substitute(path=work.path, buffer=buffer, folder=folder, text=_text(work.response))
    if work.response <= _IN_PLACE:
        return f"        location = {work.path} {{ return 200 '{_text(work.response)}'; }}"
    _write_zeros(folder / work.name, work.response)
    return f'        location = {work.path} {{ alias "{folder / work.name}"; }}'


def _write_zeros(path: Path, length: int) -> None:
    """Zeros that take no disk, read once so that they are in memory before the first peer asks."""
    with path.open("w+b") as body:
        body.truncate(length)
        while body.read(MIB):
            pass


def _text(length: int) -> str:
    """JSON of so many bytes."""
    before, after = '{"course": "algebra", "filler": "', '"}'
    return before + "x" * (length - len(before) - len(after)) + after
