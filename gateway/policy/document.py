"""JSON objects from strangers, read in one way only.

A member that is given twice, a number that is none, a text that is no UTF-8 and nesting without measure are
refused: two programs would read them differently, or one would not survive it.
"""

import json
import re
from typing import Any, NoReturn

_DEPTH_AT_MOST = 16
# Texts are skipped whole, so that brackets in them do not count. One that has no end matches too: otherwise
# each of its escaped quotes would be tried as a beginning, which takes time in the square of its size.
_BRACKETS = re.compile(rb'"[^"\\]*(?:\\.[^"\\]*)*"?|([\[{])|([\]}])', re.DOTALL)


def members(raw: bytes) -> dict[str, Any]:
    """The members of the JSON object (RFC 8259) that `raw` is. Raises ValueError, which repeats nothing."""
    if _depth(raw) > _DEPTH_AT_MOST:
        raise ValueError("nested too deeply")
    try:
        found = json.loads(raw.decode(), object_pairs_hook=_once, parse_constant=_refuse)
    except ValueError:
        raise ValueError("no JSON object that can be read in one way only") from None
    if not isinstance(found, dict):
        raise ValueError("no JSON object")
    return found


def _depth(raw: bytes) -> int:
    """How deep arrays and objects nest. Recursing in C first, and counting then, would be too late."""
    depth = deepest = 0
    for match in _BRACKETS.finditer(raw):
        if match[1]:
            depth += 1
            deepest = max(deepest, depth)
        elif match[2]:
            depth -= 1
    return deepest


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    # RFC 7519 4: "The Claim Names within a JWT Claims Set MUST be unique".
    found = dict(pairs)
    if len(found) != len(pairs):
        raise ValueError("a member twice")
    return found


def _refuse(constant: str) -> NoReturn:
    raise ValueError("NaN and Infinity are no JSON")
