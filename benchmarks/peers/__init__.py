"""The peers, in the order of the report: the gateway first, then what it is compared with."""

from benchmarks.peers.envoy import ENVOY
from benchmarks.peers.gateway import GATEWAY
from benchmarks.peers.nginx import NGINX

PEERS = (GATEWAY, NGINX, ENVOY)
