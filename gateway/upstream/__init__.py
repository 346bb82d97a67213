"""Backends: which endpoint takes a request, and which connection carries it."""

from gateway.upstream.upstream import Endpoint, Upstream

__all__ = ["Endpoint", "Upstream"]
