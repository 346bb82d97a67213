"""Envoy with the router filter alone: no request ids, no fields of its own, no statistics by request.

With policies: all of them; `rbac` checks the address of the connection. With every policy: `cors`,
`jwt_authn` with its cache of verified tokens, `rbac` on a role of the token, and `local_ratelimit` with one
bucket for everybody.
"""

from collections.abc import Iterable
from string import Template

from benchmarks.everything import AUDIENCE, FIELDS, ISSUER, LIMIT, ORIGIN, ROLE, ROUTES, public_key
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
$routes
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

_ROUTE = "                        - {match: {prefix: %s}, route: {cluster: backend}}"
_BARE = {
    "manager": "                generate_request_id: false",
    "fields": "",
    "filters": "",
    "routes": _ROUTE % "/",
}

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


_EVERY_FILTER = Template("""\
                  - name: envoy.filters.http.cors
                    typed_config: {"@type": type.googleapis.com/envoy.extensions.filters.http.cors.v3.Cors}
                  - name: envoy.filters.http.jwt_authn
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.\
jwt_authn.v3.JwtAuthentication
                      providers:
                        bench:
                          issuer: $issuer
                          audiences: [$audience]
                          payload_in_metadata: payload
                          local_jwks: {inline_string: '{"keys": [$key]}'}
                          jwt_cache_config: {jwt_cache_size: 100}
                      rules: [{match: {prefix: /}, requires: {provider_name: bench}}]
                  - name: envoy.filters.http.rbac
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.rbac.v3.RBAC
                      rules:
                        policies:
                          role:
                            permissions: [{any: true}]
                            principals:
                              - metadata:
                                  filter: envoy.filters.http.jwt_authn
                                  path: [{key: payload}, {key: roles}]
                                  value: {list_match: {one_of: {string_match: {exact: $role}}}}
                  - name: envoy.filters.http.local_ratelimit
                    typed_config:
                      "@type": type.googleapis.com/envoy.extensions.filters.http.\
local_ratelimit.v3.LocalRateLimit
                      stat_prefix: quota
                      token_bucket: {max_tokens: $limit, tokens_per_fill: $limit, fill_interval: 60s}
                      filter_enabled: {default_value: {numerator: 100, denominator: HUNDRED}}
                      filter_enforced: {default_value: {numerator: 100, denominator: HUNDRED}}
                      enable_x_ratelimit_headers: DRAFT_VERSION_03""")

_CORS = f"""\
                      typed_per_filter_config:
                        envoy.filters.http.cors:
                          "@type": type.googleapis.com/envoy.extensions.filters.http.cors.v3.CorsPolicy
                          allow_origin_string_match: [{{exact: "{ORIGIN}"}}]
                          allow_headers: authorization
                          allow_credentials: true"""


def _policies() -> dict[str, str]:
    address, _, bits = ALLOWED.partition("/")
    return {
        "manager": _MANAGER,
        "fields": _added(RESPONSE_FIELDS),
        "filters": _FILTERS.substitute(address=address, bits=bits),
        "routes": _ROUTE % "/",
    }


def _everything() -> dict[str, str]:
    filters = _EVERY_FILTER.substitute(
        issuer=ISSUER, audience=AUDIENCE, role=ROLE, limit=LIMIT, key=public_key()
    )
    return {
        "manager": _MANAGER,
        "fields": f"{_added(FIELDS)}\n{_CORS}",
        "filters": filters,
        "routes": "\n".join(_ROUTE % f"/area-{number}/items/" for number in range(ROUTES)),
    }


def _added(response_fields: Iterable[tuple[str, str]]) -> str:
    forwarded = _field(FORWARDED_HOST, "%REQ(:AUTHORITY)%")
    added = ", ".join(_field(name, value) for name, value in response_fields)
    fields = [
        f"request_headers_to_add: [{forwarded}]",
        f"response_headers_to_add: [{added}]",
        f"response_headers_to_remove: [{', '.join(REMOVED)}]",
    ]
    return "\n".join(f"                      {line}" for line in fields)


def _field(name: str, value: str) -> str:
    return f'{{header: {{key: {name}, value: "{value}"}}, append_action: OVERWRITE_IF_EXISTS_OR_ADD}}'


def _configure(site: Site) -> list[str]:
    parts = {"policies": _policies, "everything": _everything}.get(site.setting, lambda: _BARE)()
    config = site.folder / "envoy.yaml"
    config.write_text(_CONFIG.substitute(port=site.port, backend=site.backend, **parts))
    # Without hot restart Envoy shares no memory, so several of them may run.
    return ["-c", str(config), "--concurrency", "1", "--disable-hot-restart", "--log-level", "error"]


ENVOY = Peer(
    *("Envoy", ("envoy",), "--version", _configure),
    settings=frozenset({"bare", "policies", "everything"}),
)
