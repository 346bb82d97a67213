"""Requests that another site made a browser send.

A browser says where a request comes from (Fetch Metadata's `Sec-Fetch-Site`, else `Origin`), and no page can
change what it says. Only what a browser shows of its own accord can be misused by another site, so a request
without cookies, a client certificate and such credentials passes, and so does one that no browser sent.
"""

from collections.abc import Iterable
from typing import Final, final

from gateway.http.reply import Reply, problem
from gateway.http.request import Request
from gateway.policy import Exchange, Reason

# RFC 9110 9.2.1, less TRACE, which is refused.
_SAFE = frozenset([b"GET", b"HEAD", b"OPTIONS"])
# Schemes whose credentials a browser repeats for whoever makes it ask; Bearer is not among them.
_AMBIENT = frozenset([b"basic", b"digest", b"negotiate", b"ntlm"])
# Fetch Metadata 2.3: "none" is a person who typed the address or took a bookmark.
_OWN = frozenset([b"same-origin", b"none"])
_DEFAULT_PORTS = {b"http": b":80", b"https": b":443"}

_REFUSED = problem(403, Reason.CROSS_SITE_REQUEST, "This request was made by another site.")


@final
class Csrf:
    """Refuses what another site had sent, unless its origin is one of `trusted`, byte for byte.

    A handshake of a WebSocket counts as unsafe although it is a GET: it carries cookies, and no answer of
    ours keeps the other site from reading what follows.
    """

    __slots__ = ("_trusted", "source")

    name: Final = "csrf"

    def __init__(self, trusted: Iterable[str], source: str) -> None:
        self.source = source
        self._trusted = frozenset(origin.encode() for origin in trusted)

    def __call__(self, exchange: Exchange) -> Reply | None:
        """403 `cross_site_request`, or None."""
        request = exchange.request
        noted = request.noted
        if request.method in _SAFE and b"upgrade" not in noted:
            return None
        shown = b"cookie" in noted or request.certificate is not None
        if not shown and not _is_ambient(noted.get(b"authorization", b"")):
            return None
        origin, site = noted.get(b"origin"), noted.get(b"sec-fetch-site")
        if origin in self._trusted:
            return None
        if site is not None:
            return None if site in _OWN else _REFUSED
        return None if origin is None or _is_own(origin, request) else _REFUSED


def _is_ambient(authorization: bytes) -> bool:
    words = authorization.split(None, 1)
    return bool(words) and words[0].lower() in _AMBIENT


def _is_own(origin: bytes, request: Request) -> bool:
    """Whether an origin is the one that the client asked, by what a backend is told of it.

    That is the host which trusted proxies name, not the one they asked us by.
    """
    told = dict(request.forwarding.fields)
    scheme, host = told.get(b"X-Forwarded-Proto", b""), told.get(b"X-Forwarded-Host", b"").lower()
    if not host:
        return False
    # RFC 6454 6.2: a browser leaves the scheme's own port out; another client may not.
    port = _DEFAULT_PORTS.get(scheme, b"")
    own = b"%b://%b" % (scheme, host.removesuffix(port))
    return origin in (own, own + port)
