"""Express as the services had it: http-proxy-middleware, and with policies Helmet and two short middlewares.

`server.js` has the proxy, `package.json` the exact versions, which `npm install` puts beside it. With
policies: all of them. cors and express-rate-limit stay out as long as no row asks anybody for what they do.
"""

import json
from pathlib import Path

from benchmarks.peer import Peer, Site
from benchmarks.policies import ALLOWED, REMOVED

_FOLDER = Path(__file__).parent


def _configure(site: Site) -> list[str]:
    network, _, bits = ALLOWED.partition("/")
    policies = {"network": network, "bits": int(bits), "removed": REMOVED}
    chosen = json.dumps(policies) if site.setting == "policies" else ""
    return [str(_FOLDER / "server.js"), str(site.port), f"http://127.0.0.1:{site.backend}", chosen]


# Without the installed packages there is no version, so the peer counts as not installed.
_VERSION = f"--eval=console.log(require('{_FOLDER}/node_modules/express/package.json').version)"

EXPRESS = Peer("Express", ("node",), _VERSION, _configure)
