"""Backends: which endpoint takes a request, and which connection carries it."""

from gateway.upstream.endpoint import Endpoint
from gateway.upstream.outlier import FAILED_STATUSES, FAILURES
from gateway.upstream.upstream import Upstream

__all__ = ["FAILED_STATUSES", "FAILURES", "Endpoint", "Upstream"]
