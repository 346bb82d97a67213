"""What the backend is told about a verified principal: `X-Auth-*`, which no client can send.

A value is visible ASCII in which `%` begins an escape of one byte of UTF-8 (RFC 3986 2.1), so two subjects
never read alike. Roles and scopes are joined by commas, and a comma in one of them is escaped.
"""

from collections.abc import Iterable
from urllib.parse import quote

from gateway.http.fields import Field
from gateway.policy import Principal

# Bytes of all values together: a backend accepts heads of 8 KiB at least, and has other fields too.
_BYTES_AT_MOST = 4096
_PLAIN = "!\"#$&'()*+-./:;<=>?@[\\]^_`{|}~"


def identity_fields(principal: Principal) -> tuple[Field, ...]:
    """The fields, in order; none for roles or scopes that there are not.

    Raises ValueError for control characters, for what is no text, and where it would be too much.
    """
    values = (
        (b"X-Auth-Subject", _escaped(principal.subject, _PLAIN + ",")),
        (b"X-Auth-Roles", _joined(principal.roles)),
        (b"X-Auth-Scopes", _joined(principal.scopes)),
        (b"X-Auth-Method", _escaped(principal.method, _PLAIN + ",")),
    )
    if sum(len(value) for _, value in values) > _BYTES_AT_MOST:
        raise ValueError("more than fits into a head")
    return tuple(field for field in values if field[1])


def _joined(words: Iterable[str]) -> bytes:
    return b",".join(sorted(_escaped(word, _PLAIN) for word in words))


def _escaped(text: str, plain: str) -> bytes:
    if any(character < " " or "\x7f" <= character <= "\x9f" for character in text):
        raise ValueError("a control character")
    # A lone surrogate has no UTF-8: UnicodeEncodeError is a ValueError.
    return quote(text, safe=plain, errors="strict").encode()
