"""Azora Gateway: a reverse-proxy security gateway for unmodified HTTP services."""

from importlib.util import find_spec

__version__ = "0.1.0"


def build() -> str:
    """`compiled` where the data path of this installation is extension modules, else `interpreted`."""
    spec = find_spec("gateway.relay")
    return "compiled" if spec is not None and str(spec.origin).endswith(".so") else "interpreted"
