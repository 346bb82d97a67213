"""The peers, in the order of the report: the gateway first, then what it is compared with."""

from benchmarks.peers.aiohttp import AIOHTTP
from benchmarks.peers.caddy import CADDY
from benchmarks.peers.envoy import ENVOY
from benchmarks.peers.express import EXPRESS
from benchmarks.peers.gateway import GATEWAY, HINDERED, IN_MEMORY, IN_REDIS, MANY_ROUTES, SAYING, TEN_ROUTES
from benchmarks.peers.haproxy import HAPROXY
from benchmarks.peers.nginx import NGINX
from benchmarks.peers.traefik import TRAEFIK

PEERS = (
    GATEWAY,
    NGINX,
    ENVOY,
    TRAEFIK,
    CADDY,
    HAPROXY,
    AIOHTTP,
    EXPRESS,
    TEN_ROUTES,
    MANY_ROUTES,
    IN_MEMORY,
    IN_REDIS,
    *SAYING,
    *HINDERED,
)
