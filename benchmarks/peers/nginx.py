"""nginx with a bare `proxy_pass`: the floor of what a proxy costs."""

from string import Template

from benchmarks.nginx import NGINX_PROGRAMS, nginx
from benchmarks.peer import Peer, Site

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
        listen 127.0.0.1:$port backlog=1024;
        location / {
            proxy_pass http://backend;
            proxy_http_version 1.1;
            proxy_set_header Connection "";
            proxy_max_temp_file_size 0;
        }
    }
""")


def _configure(site: Site) -> list[str]:
    return nginx(site.folder, _HTTP.substitute(port=site.port, backend=site.backend))


NGINX = Peer("nginx", NGINX_PROGRAMS, "-v", _configure)
