"""The two files that `gateway init URL` writes: the least that passes `gateway check`, with comments."""

import re

from gateway.config.scalar import core, is_ambiguous
from gateway.config.values import NAME, endpoint

_GATEWAY = """\
# yaml-language-server: $schema=gateway.schema.json
# (For editors: `gateway schema gateway > config/gateway.schema.json`.)

# Where things are: what the gateway listens on, and what stands behind it. What may be done with that stands
# in ../policies. `gateway check` reads both and names every mistake with its line.

version: 1

listeners:
  - address: 0.0.0.0:8080
    trusted_proxies: [] # networks of load balancers whose forwarding fields are believed

# Health and the console. A token is needed to listen on more than loopback.
admin:
  address: 127.0.0.1:9901
  token: "${{env:GATEWAY_ADMIN_TOKEN:-}}"

upstreams:
  {name}:
    endpoints: ["{url}"] # several share the requests
    host: preserve # the Host field it gets: preserve, endpoint, or a name
    timeouts: {{connect: 2s, response: 30s, idle: 60s}}

policies: [../policies]

# For every route that does not say otherwise, and for requests that no route takes.
defaults:
  headers: helmet # security fields of every response: helmet, api, owasp, none, or a policy of your own
  limits: {{body: 10MiB}}
"""

_POLICIES = """\
# yaml-language-server: $schema=policies.schema.json
# (For editors: `gateway schema policies > policies/policies.schema.json`.)

# What is allowed with {name}. Every `*.yaml` in this folder is read.

# For the routes of this file. A route's own key replaces a default whole.
defaults:
  upstream: {name}
  auth: public # open to everybody; it has to be said

routes:
  # The exacter path wins, whatever the order: {{name}} is one segment, {{name...}} the rest, also nothing.
  - id: {name}-everything
    match: {{path: "/{{rest...}}"}}
    # Narrow it down: with methods, any other one is answered 405.
    # match: {{path: "/items/{{item}}", methods: [GET, POST]}}
"""


def scaffold(url: str) -> dict[str, str]:
    """The text of each file by its relative path, gateway.yaml first, for a service at `url`.

    Raises ValueError, saying what was expected, for a URL that is no endpoint.
    """
    name = upstream_name(url)
    return {
        "config/gateway.yaml": _GATEWAY.format(name=name, url=url),
        f"policies/{name}.yaml": _POLICIES.format(name=name),
    }


def upstream_name(url: str) -> str:
    """What the upstream at a URL is called. Raises ValueError for a URL that is no endpoint."""
    try:
        return _name(endpoint(url).host)
    except ValueError as error:
        raise ValueError(f"expected {error}") from None


def _name(host: str) -> str:
    # The name stands unquoted in the files, where some words mean something else.
    first = host.partition(".")[0]
    is_name = re.fullmatch(NAME, first) and not is_ambiguous(first) and core(first) == first
    return first if is_name and first != "localhost" else "service"
