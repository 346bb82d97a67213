"""Fields behind a body: who is sent them, and which of a response's may pass.

What arrives when the answer is under way can change nothing of it any more, and must not seem to: a trailer
that a recipient may merge into the head (RFC 9110 6.5.1) is dropped when it frames, routes, authenticates,
steers caches or describes the content, and whenever the gateway has a say in the field.
"""

from collections.abc import Collection, Sequence
from typing import Final

from gateway.http.fields import FieldTable, field_of

# Lines and bytes of a trailer section that passes; of a larger one nothing does.
LINES_AT_MOST: Final = 32
BYTES_AT_MOST: Final = 8 * 1024

# What RFC 9110 6.5.1 keeps out of trailers, beside what the tables of responses know.
_REFUSED: Final = frozenset(
    b"age authentication-info authorization cache-control clear-site-data cookie date expect expires host "
    b"location max-forwards origin pragma range refresh retry-after server set-cookie set-cookie2 sourcemap "
    b"strict-transport-security timing-allow-origin vary warning www-authenticate x-content-type-options "
    b"x-frame-options referrer-policy permissions-policy".split()
)
_REFUSED_PREFIXES: Final = (
    *(b"access-control-", b"content-", b"cross-origin-", b"if-", b"proxy-", b"sec-"),
    *(b"x-auth-", b"x-forwarded-"),
)


def wants_trailers(te: bytes) -> bool:
    """True for a `TE` value with the member `trailers` (RFC 9110 10.1.4)."""
    return any(member.strip(b" \t").lower() == b"trailers" for member in te.split(b","))


def may_trail(name: bytes, table: FieldTable, own: Collection[bytes]) -> bool:
    """True if the field `name` may stand behind a response's body.

    `table` is the one of the route, which knows what it sets, removes or stands in for; `own` are the
    lower-case names that policies have added to this response.
    """
    lower = name.lower()
    return (
        table[name] is None
        and lower not in _REFUSED
        and not lower.startswith(_REFUSED_PREFIXES)
        and lower not in own
    )


def passing(lines: Sequence[bytes], table: FieldTable, own: Collection[bytes]) -> bytes:
    """The lines of a trailer section that pass, each with its CRLF; none where the section is too large."""
    if len(lines) > LINES_AT_MOST or sum(map(len, lines)) > BYTES_AT_MOST:
        return b""
    return b"".join([line + b"\r\n" for line in lines if may_trail(field_of(line)[0], table, own)])


def announced(trailer: bytes, table: FieldTable, own: Collection[bytes]) -> bytes:
    """The members of a `Trailer` value that may follow (RFC 9110 6.6.2)."""
    names = [name.strip(b" \t") for name in trailer.split(b",")]
    return b", ".join([name for name in names if name and may_trail(name, table, own)])
