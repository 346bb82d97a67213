"""An entry of a HAR file, as browsers export what they sent -> the request (HAR 1.2)."""

import json
from pathlib import Path
from typing import Any

from gateway.explain.curl import Recorded

# Written anew from the body that is there, which a browser may have recorded decoded.
_OURS = frozenset(["content-length", "transfer-encoding"])


def har(said: str) -> Recorded:
    """The request of `FILE` or `FILE:N`, the first entry without N. Raises ValueError and OSError."""
    name, colon, number = said.rpartition(":")
    if not colon or not number.isdigit():
        name, number = said, "1"
    try:
        entries = json.loads(Path(name).read_bytes())["log"]["entries"]
        found = entries[int(number) - 1]["request"] if int(number) else None
    except (ValueError, LookupError, TypeError):
        found = None
    if found is None:
        raise ValueError(f"expected a HAR file with an entry {number}, got {name}")
    try:
        return _recorded(found)
    except (LookupError, TypeError, AttributeError):
        raise ValueError(f"expected a request in entry {number} of {name}") from None


def _recorded(request: dict[str, Any]) -> Recorded:
    fields = [(str(field["name"]), str(field["value"])) for field in request["headers"]]
    # HTTP/2 has `:authority` and others in their place; Host comes from the URL.
    kept = [(name, value) for name, value in fields if name.lower() not in _OURS and not name.startswith(":")]
    body = (request.get("postData") or {}).get("text", "")
    return Recorded(request["method"], request["url"], tuple(kept), body.encode())
