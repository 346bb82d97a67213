"""Traefik with one router for every path, from files: no dashboard, no log, no metrics.

It writes the X-Forwarded fields on every request and cannot be told not to. With policies: all but the
request id, for which it has no means.
"""

from string import Template

from benchmarks.peer import Peer, Site
from benchmarks.policies import ALLOWED, REMOVED, RESPONSE_FIELDS

_STATIC = Template("""\
global: {checkNewVersion: false, sendAnonymousUsage: false}
log: {level: ERROR}
entryPoints:
  data:
    address: 127.0.0.1:$port
    transport: {respondingTimeouts: {readTimeout: 0s}}
providers: {file: {filename: $dynamic, watch: false}}
serversTransport: {maxIdleConnsPerHost: 256}
""")

_DYNAMIC = Template("""\
http:
  routers:
    all: {rule: "PathPrefix(`/`)", service: backend, middlewares: [$used]}
  services:
    backend: {loadBalancer: {servers: [{url: "http://127.0.0.1:$backend"}]}}
$middlewares
""")

# A field without a value is removed.
_MIDDLEWARES = "\n".join(
    [
        "  middlewares:",
        f"    clients: {{ipAllowList: {{sourceRange: [{ALLOWED}]}}}}",
        "    fields:",
        "      headers:",
        "        customResponseHeaders:",
        *(f'          {name}: "{value}"' for name, value in RESPONSE_FIELDS),
        *(f'          {name}: ""' for name in REMOVED),
    ]
)


def _configure(site: Site) -> list[str]:
    used, middlewares = ("clients, fields", _MIDDLEWARES) if site.setting == "policies" else ("", "")
    static, dynamic = site.folder / "traefik.yaml", site.folder / "dynamic.yaml"
    static.write_text(_STATIC.substitute(port=site.port, dynamic=dynamic))
    dynamic.write_text(_DYNAMIC.substitute(used=used, backend=site.backend, middlewares=middlewares))
    return ["--configFile", str(static)]


TRAEFIK = Peer("Traefik", ("traefik",), "version", _configure)
