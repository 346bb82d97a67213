"""Envoy with the router filter alone: no request ids, no fields of its own, no statistics by request.

With policies: all of them; `rbac` checks the address of the connection.
"""

from string import Template

from benchmarks.peer import Peer, Site
from benchmarks.policies import ALLOWED, FORWARDED_HOST, REMOVED, RESPONSE_FIELDS

_CONFIG = Template("""\
static_resources:
  listeners:
    - name: data
      address: {socket_address: {address: 127.0.0.1, port_value: $port}}
      filter_chains:
        - filters:
            - name: envoy.filters.network.http_connection_manager
              typed_config:
                "@type": type.googleapis.com/envoy.extensions.filters.network.\
http_connection_manager.v3.HttpConnectionManager
                stat_prefix: data
                codec_type: HTTP1
$manager
                route_config:
                  virtual_hosts:
                    - name: all
                      domains: ["*"]
                      routes:
                        - {match: {prefix: /}, route: {cluster: backend}}
$fields
                http_filters:
$filters
                  - name: envoy.filters.http.router
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.router.v3.Router
                      dynamic_stats: false
                      suppress_envoy_headers: true
  clusters:
    - name: backend
      type: STATIC
      connect_timeout: 2s
      load_assignment:
        cluster_name: backend
        endpoints:
          - lb_endpoints:
              - endpoint: {address: {socket_address: {address: 127.0.0.1, port_value: $backend}}}
""")

_BARE = {"manager": "                generate_request_id: false", "fields": "", "filters": ""}

# `use_remote_address` makes Envoy write X-Forwarded-For and X-Forwarded-Proto.
_MANAGER = """\
                generate_request_id: true
                always_set_request_id_in_response: true
                use_remote_address: true
                server_header_transformation: PASS_THROUGH"""

_FILTERS = Template("""\
                  - name: envoy.filters.http.rbac
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC
                      rules:
                        policies:
                          clients:
                            permissions: [{any: true}]
                            principals:
                              - {direct_remote_ip: {address_prefix: $address, prefix_len: $bits}}""")


def _policies() -> dict[str, str]:
    address, _, bits = ALLOWED.partition("/")
    forwarded = _field(FORWARDED_HOST, "%REQ(:AUTHORITY)%")
    added = ", ".join(_field(name, value) for name, value in RESPONSE_FIELDS)
    fields = [
        f"request_headers_to_add: [{forwarded}]",
        f"response_headers_to_add: [{added}]",
        f"response_headers_to_remove: [{', '.join(REMOVED)}]",
    ]
    return {
        "manager": _MANAGER,
        "fields": "\n".join(f"                      {line}" for line in fields),
        "filters": _FILTERS.substitute(address=address, bits=bits),
    }


def _field(name: str, value: str) -> str:
    return f'{{header: {{key: {name}, value: "{value}"}}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}}'


def _configure(site: Site) -> list[str]:
    parts = _policies() if site.setting == "policies" else _BARE
    config = site.folder / "envoy.yaml"
    config.write_text(_CONFIG.substitute(port=site.port, backend=site.backend, **parts))
    # Without hot restart Envoy shares no memory, so several of them may run.
    return ["-c", str(config), "--concurrency", "1", "--disable-hot-restart", "--log-level", "error"]


ENVOY = Peer("Envoy", ("envoy",), "--version", _configure)
