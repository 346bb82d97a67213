"""This gateway, passing everything through: one public route, no policies, no fields added to responses."""

from string import Template

from benchmarks.peer import Peer, Site
from benchmarks.processes import free_port

_GATEWAY = Template("""\
version: 1
listeners:
  - address: 127.0.0.1:$port
admin: {address: 127.0.0.1:$admin}
upstreams:
  backend:
    endpoints: [http://127.0.0.1:$backend]
    pool: {max_connections: 256, max_pending: 1024, wait: 1s, idle: 55s}
policies: [policies]
""")

_ROUTES = """\
routes:
  - id: bench
    match: {path: "/{rest...}"}
    upstream: backend
    auth: public
    headers: {preset: none}
"""


def _configure(site: Site) -> list[str]:
    config = site.folder / "gateway.yaml"
    config.write_text(_GATEWAY.substitute(port=site.port, admin=free_port(), backend=site.backend))
    policies = site.folder / "policies"
    policies.mkdir()
    (policies / "bench.yaml").write_text(_ROUTES)
    return ["run", "--config", str(config)]


GATEWAY = Peer("Azora Gateway", ("gateway",), "version", _configure)
