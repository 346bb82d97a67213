"""Where the admin listener is: what `gateway healthcheck` reads of gateway.yaml, every few seconds.

To read all files with their schema takes most of a second. What does not bear on the address is not judged
here: a gateway that serves is no worse for what somebody is writing into its files.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Final

from gateway.config.interpolation import Interpolation
from gateway.config.snapshot import Address
from gateway.config.source import read, read_bytes
from gateway.config.values import listening

_DEFAULT: Final = "127.0.0.1:9901"


def admin_address(path: Path, environ: Mapping[str, str]) -> Address | None:
    """Its address; None where the file does not say it soundly: why, only a reader of all files can tell."""
    try:
        tree, problems = read(str(path), read_bytes(path), Interpolation(environ, path.parent))
        if problems or not isinstance(tree.data, dict):
            return None
        said = tree.data.get("admin", {})
        address = said.get("address", _DEFAULT) if isinstance(said, dict) else None
        return listening(address) if isinstance(address, str) else None
    except (OSError, ValueError):
        return None
