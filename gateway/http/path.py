"""The one canonical path of a request (RFC 3986 6.2.2).

This string is matched, authorised and forwarded, so nothing here guesses: what a backend could read in two
ways is refused, never resolved. It knows nothing of routes, hosts or queries.
"""

import re
from dataclasses import dataclass
from typing import Final, Literal, final
from urllib.parse import unquote_to_bytes

from gateway.http.fields import Malformed
from gateway.http.reason import Reason


@final
@dataclass(frozen=True, slots=True)
class PathRules:
    """What a listener refuses or lets pass: empty segments, path parameters, escaped slashes."""

    slashes: Literal["refuse", "merge"] = "refuse"
    semicolon: Literal["refuse", "allow"] = "refuse"
    encoded_slash: Literal["refuse", "allow"] = "refuse"


# RFC 3986 2.3.
_UNRESERVED: Final = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"

# The usual path, canonical as it stands: no escape, no `;`, no segment that is empty or begins with a dot.
_is_plain: Final = re.compile(rb"/(?:[\w~!$&'()*+,=:@-][\w~!$&'()*+,=:@.-]*+/?+)*+").fullmatch

# Visible ASCII without `#`, `?`, `\`; `%` only before two hexadecimal digits.
_READABLE: Final = re.compile(rb'/[!"$&->@-\[\]-~]*(?:%[0-9A-Fa-f]{2}[!"$&->@-\[\]-~]*)*')
_ESCAPE: Final = re.compile(rb"%[0-9A-Fa-f]{2}")
_SLASHES: Final = re.compile(rb"//+")
_AMBIGUOUS: Final = re.compile(
    # Backslash and controls, and what a second decoding would turn into another escape.
    rb"%5C|%[01][0-9A-F]|%7F|%25[0-9A-Fa-f]{2}"
    # A dot segment, also as a backend sees it that decodes slashes or cuts off path parameters.
    rb"|(?:/|%2F)\.\.?(?=/|%2F|;|%3B|\Z)"
)


def canonical(raw: bytes, rules: PathRules) -> bytes:
    """The canonical form of a path as it stood in the request target, without its query.

    Escapes of unreserved characters are decoded once, all others keep their place in upper case (RFC 3986
    6.2.2.1, 6.2.2.2); case stays, dot segments are not removed. The result begins with `/` and is its own
    canonical form. Raises Malformed(Reason.PATH) for every path that can be read in two ways.
    """
    if _is_plain(raw):
        return raw
    if not _READABLE.fullmatch(raw):
        raise Malformed(Reason.PATH)
    path = _ESCAPE.sub(_decoded_once, raw)
    if rules.slashes == "merge":
        path = _SLASHES.sub(b"/", path)
    if _is_ambiguous(path, rules) or not _is_utf8(path):
        raise Malformed(Reason.PATH)
    return path


def decode(segment: bytes) -> str:
    """A canonical path, or a segment of it, percent-decoded once: for conditions and logs."""
    return unquote_to_bytes(segment).decode()


def _decoded_once(escape: re.Match[bytes]) -> bytes:
    octet = bytes.fromhex(escape[0][1:].decode())
    return octet if octet in _UNRESERVED else escape[0].upper()


def _is_ambiguous(path: bytes, rules: PathRules) -> bool:
    if b"//" in path or _AMBIGUOUS.search(path):
        return True
    if rules.semicolon == "refuse" and (b";" in path or b"%3B" in path):
        return True
    return rules.encoded_slash == "refuse" and b"%2F" in path


def _is_utf8(path: bytes) -> bool:
    try:
        decode(path)
    except UnicodeDecodeError:
        return False
    return True
