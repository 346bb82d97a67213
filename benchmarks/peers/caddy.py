"""Caddy with `reverse_proxy`: no admin listener, no certificates, nothing kept between runs.

It writes the X-Forwarded fields on every request. With policies: all of them.
"""

from string import Template

from benchmarks.peer import Peer, Site
from benchmarks.policies import ALLOWED, REMOVED, REQUEST_ID, RESPONSE_FIELDS

_CONFIG = Template("""\
{
    admin off
    auto_https off
    persist_config off
    storage file_system $folder
    servers {
        protocols h1
    }
}
http://:$port {
    bind 127.0.0.1
$policies
    reverse_proxy 127.0.0.1:$backend {
$request
        transport http {
            compression off
            keepalive_idle_conns_per_host 256
        }
    }
}
""")

_POLICIES = "\n".join(
    [
        f"    @strangers not remote_ip {ALLOWED}",
        "    respond @strangers 403",
        "    header {",
        *(f'        {name} "{value}"' for name, value in RESPONSE_FIELDS),
        *(f"        -{name}" for name in REMOVED),
        f"        {REQUEST_ID} {{http.request.uuid}}",
        "        defer",
        "    }",
    ]
)
_REQUEST = f"        header_up {REQUEST_ID} {{http.request.uuid}}"


def _configure(site: Site) -> list[str]:
    policies, request = (_POLICIES, _REQUEST) if site.setting == "policies" else ("", "")
    config = site.folder / "Caddyfile"
    config.write_text(
        _CONFIG.substitute(
            folder=site.folder, port=site.port, backend=site.backend, policies=policies, request=request
        )
    )
    return ["run", "--config", str(config), "--adapter", "caddyfile"]


CADDY = Peer("Caddy", ("caddy",), "version", _configure)
