"""This gateway, passing everything through: one public route, no policies, no fields added to responses.

The request id, `Via` and the forwarding fields are written all the same: they cannot be turned off. With
policies: all of them. For the row of routes it stands twice, with 10 routes and with 10,000.
"""

from collections.abc import Callable
from string import Template

from benchmarks.certificate import CERTIFICATE, KEY, write_certificate
from benchmarks.peer import Peer, Site
from benchmarks.policies import ALLOWED
from benchmarks.processes import free_port

_GATEWAY = Template("""\
version: 1
listeners:
  - address: 127.0.0.1:$port
$secure
admin: {address: 127.0.0.1:$admin}
upstreams:
  backend:
    endpoints: [http://127.0.0.1:$backend]
    pool: {max_connections: 256, max_pending: 1024, wait: 1s, idle: 55s}
policies: [policies]
""")

_SECURE = Template("""\
  - address: 127.0.0.1:$port
    tls: {certificates: [{certificate: $certificate, key: $key}]}
""")
_DEFAULTS = "defaults: {upstream: backend, auth: public, headers: {preset: none}, limits: {body: 2GiB}}\n"
_EVERYTHING = '  - {id: bench, match: {path: "/{rest...}"}'
_POLICIES = f"headers: {{preset: api}}, clients: {{allow: [{ALLOWED}]}}"


def _forwarding(site: Site) -> list[str]:
    policies = f", {_POLICIES}" if site.setting == "policies" else ""
    return _run(site, f"{_EVERYTHING}{policies}}}")


def _routing(count: int) -> Callable[[Site], list[str]]:
    routes = "\n".join(
        f'  - {{id: bench-{number}, match: {{path: "/area-{number}/items/{{id}}"}}}}'
        for number in range(count)
    )
    return lambda site: _run(site, routes)


def _run(site: Site, routes: str) -> list[str]:
    config = site.folder / "gateway.yaml"
    secure = ""
    if site.setting == "tls":
        write_certificate(site.folder)
        secure = _SECURE.substitute(port=site.secure, certificate=CERTIFICATE, key=KEY)
    config.write_text(
        _GATEWAY.substitute(port=site.port, secure=secure, admin=free_port(), backend=site.backend)
    )
    policies = site.folder / "policies"
    policies.mkdir()
    (policies / "bench.yaml").write_text(f"{_DEFAULTS}routes:\n{routes}\n")
    return ["run", "--config", str(config)]


GATEWAY = Peer(
    *("Azora Gateway", ("gateway",), "version", _forwarding),
    settings=frozenset({"bare", "policies", "tls"}),
)
TEN_ROUTES, MANY_ROUTES = (
    Peer(f"{count:,} routes", ("gateway",), "version", _routing(count), settings=frozenset({"routes"}))
    for count in (10, 10_000)
)
