"""The admin listener: health, routes and upstreams, for operators and probes."""

from gateway.admin.site import Admin

__all__ = ["Admin"]
