"""Azora Gateway: a reverse-proxy security gateway for unmodified HTTP services."""

__version__ = "0.1.0"
