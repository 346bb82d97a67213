"""Where the keys of an issuer may come from: which addresses are asked, and which are believed."""

import re
from dataclasses import dataclass
from ipaddress import ip_address
from typing import Any, final

# Stricter than RFC 3986: what two programs might take for two hosts is no address to us.
_URL = re.compile(r"(https?)://([a-z0-9.-]+|\[[0-9a-f:.]+\])(?::([0-9]{1,5}))?(/[!-~]*)?", re.IGNORECASE)
_PORTS = {"http": 80, "https": 443}

Origin = tuple[str, str, int]


@final
@dataclass(frozen=True, slots=True)
class KeySource:
    """Where the keys of an issuer are: at `jwks`, or where the metadata of `issuer` says, if that is empty.

    Metadata may name the issuer's own origin, or one of `origins`. `insecure` allows plain http beyond
    loopback.
    """

    issuer: str
    jwks: str = ""
    origins: tuple[str, ...] = ()
    insecure: bool = False

    @property
    def metadata(self) -> tuple[str, ...]:
        """Where the issuer's metadata may be: as OpenID Connect puts it, then as RFC 8414 3 does."""
        # OpenID Connect Discovery 4 appends; RFC 8414 3.1 inserts "between the host component and the path".
        scheme, _, rest = self.issuer.rstrip("/").partition("://")
        host, slash, path = rest.partition("/")
        inserted = f"{scheme}://{host}/.well-known/oauth-authorization-server{slash}{path}"
        return f"{scheme}://{rest}/.well-known/openid-configuration", inserted

    def admits(self, url: str) -> bool:
        """True if what is fetched there was not changed on the way: https, or nobody is in between."""
        there = origin(url)
        return there is not None and (there[0] == "https" or self.insecure or is_loopback(there[1]))

    def named_by(self, metadata: dict[str, Any]) -> str:
        """The address of the keys that metadata names. Raises ValueError where it is not to be believed."""
        # OpenID Connect Discovery 4.3: issuer "MUST exactly match the value".
        if metadata.get("issuer") != self.issuer:
            raise ValueError("metadata of another issuer")
        url = metadata.get("jwks_uri")
        there = origin(url) if isinstance(url, str) else None
        if not isinstance(url, str) or there not in {origin(one) for one in (self.issuer, *self.origins)}:
            raise ValueError("keys at an origin that is not the issuer's")
        if not self.admits(url):
            raise ValueError("keys over plain http")
        return url


def origin(url: str) -> Origin | None:
    """Scheme, host and port of an address; None for what is none, or might be read in two ways."""
    match = _URL.fullmatch(url)
    if match is None or "\\" in url or "#" in url:
        return None
    scheme = match[1].lower()
    return scheme, match[2].lower(), int(match[3] or _PORTS[scheme])


def is_loopback(host: str) -> bool:
    """True if only this machine can be behind a host, as `origin` gives it."""
    try:
        return ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return host == "localhost"
