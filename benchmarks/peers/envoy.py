"""Envoy with the router filter alone: no request ids, no fields of its own, no statistics by request."""

from string import Template

from benchmarks.peer import Peer, Site

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
                generate_request_id: false
                route_config:
                  virtual_hosts:
                    - name: all
                      domains: ["*"]
                      routes:
                        - {match: {prefix: /}, route: {cluster: backend}}
                http_filters:
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


def _configure(site: Site) -> list[str]:
    config = site.folder / "envoy.yaml"
    config.write_text(_CONFIG.substitute(port=site.port, backend=site.backend))
    # Without hot restart Envoy shares no memory, so several of them may run.
    return ["-c", str(config), "--concurrency", "1", "--disable-hot-restart", "--log-level", "error"]


ENVOY = Peer("Envoy", ("envoy",), "--version", _configure)
