"""HAProxy in HTTP mode with one thread: no log, no statistics page; connections to the backend are shared.

With policies: all of them.
"""

from string import Template

from benchmarks.peer import Peer, Site
from benchmarks.policies import (
    ALLOWED,
    FORWARDED_FOR,
    FORWARDED_HOST,
    FORWARDED_PROTO,
    REMOVED,
    REQUEST_ID,
    RESPONSE_FIELDS,
)

_CONFIG = Template("""\
global
    nbthread 1
    maxconn 4096
defaults
    mode http
    timeout connect 2s
    timeout client 60s
    timeout server 60s
    timeout http-keep-alive 1h
frontend data
    bind 127.0.0.1:$port backlog 4096
$policies
    default_backend backend
backend backend
    http-reuse always
    server only 127.0.0.1:$backend
""")

_POLICIES = "\n".join(
    [
        f"    http-request deny deny_status 403 unless {{ src {ALLOWED} }}",
        "    unique-id-format %[uuid()]",
        f"    unique-id-header {REQUEST_ID}",
        f"    http-request set-header {FORWARDED_FOR} %[src]",
        f"    http-request set-header {FORWARDED_PROTO} http",
        f"    http-request set-header {FORWARDED_HOST} %[req.hdr(host)]",
        *(f"    http-response del-header {name}" for name in REMOVED),
        *(f'    http-response set-header {name} "{value}"' for name, value in RESPONSE_FIELDS),
        f"    http-response set-header {REQUEST_ID} %[unique-id]",
    ]
)


def _configure(site: Site) -> list[str]:
    policies = _POLICIES if site.setting == "policies" else ""
    config = site.folder / "haproxy.cfg"
    config.write_text(_CONFIG.substitute(port=site.port, backend=site.backend, policies=policies))
    return ["-db", "-f", str(config)]


HAPROXY = Peer("HAProxy", ("haproxy",), "-v", _configure)
