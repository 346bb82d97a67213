"""nginx with a bare `proxy_pass`: the floor of what a proxy costs.

With policies: all of them, but its own `Server` field stays; only a module that is not its own takes it off.
"""

from string import Template

from benchmarks.certificate import CERTIFICATE, KEY, write_certificate
from benchmarks.nginx import NGINX_PROGRAMS, nginx
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

# Without the two lines about the connection nginx would open a new one for every request. Bodies stay in
# memory: a disk is not what is compared.
_HTTP = Template("""\
    upstream backend {
        server 127.0.0.1:$backend;
        keepalive 256;
        keepalive_requests 1000000000;
        keepalive_timeout 1h;
    }
    server {
        listen 127.0.0.1:$port backlog=4096;
$secure
        client_max_body_size 0;
        location / {
            proxy_pass http://backend;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_request_buffering off;
            proxy_max_temp_file_size 0;
$policies
        }
    }
""")

_SECURE = Template("""\
        listen 127.0.0.1:$port ssl backlog=4096;
        ssl_certificate $certificate;
        ssl_certificate_key $key;
""")

_POLICIES = "\n".join(
    [
        f"allow {ALLOWED};",
        "deny all;",
        "proxy_set_header Host $http_host;",
        f"proxy_set_header {FORWARDED_FOR} $remote_addr;",
        f"proxy_set_header {FORWARDED_PROTO} $scheme;",
        f"proxy_set_header {FORWARDED_HOST} $http_host;",
        f"proxy_set_header {REQUEST_ID} $request_id;",
        f"add_header {REQUEST_ID} $request_id always;",
        "server_tokens off;",
        *(f"proxy_hide_header {name};" for name in REMOVED),
        *(f'add_header {name} "{value}" always;' for name, value in RESPONSE_FIELDS),
    ]
)


def _configure(site: Site) -> list[str]:
    policies = _POLICIES if site.setting == "policies" else ""
    secure = ""
    if site.setting == "tls":
        write_certificate(site.folder)
        secure = _SECURE.substitute(port=site.secure, certificate=CERTIFICATE, key=KEY)
    return nginx(
        site.folder,
        _HTTP.substitute(port=site.port, secure=secure, backend=site.backend, policies=policies),
    )


NGINX = Peer(*("nginx", NGINX_PROGRAMS, "-v", _configure), settings=frozenset({"bare", "policies", "tls"}))
