"""aiohttp, the obvious way to write a proxy in Python: `proxy.py`, run by this environment's interpreter.

With policies: all of them.
"""

import json
from pathlib import Path

from benchmarks.peer import Peer, Site
from benchmarks.policies import ALLOWED, REMOVED, RESPONSE_FIELDS

_POLICIES = json.dumps({"allowed": ALLOWED, "set": dict(RESPONSE_FIELDS), "removed": REMOVED})


def _configure(site: Site) -> list[str]:
    proxy = Path(__file__).with_name("proxy.py")
    policies = _POLICIES if site.setting == "policies" else ""
    return [str(proxy), str(site.port), f"http://127.0.0.1:{site.backend}", policies]


AIOHTTP = Peer("aiohttp", ("python",), "-cimport aiohttp; print(aiohttp.__version__)", _configure)
