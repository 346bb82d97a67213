"""The client's address behind trusted proxies, and the forwarding fields that a backend sees.

The address of the connection is the only one that is known; a field is a claim, believed only from a trusted
proxy and only in the one family that those proxies maintain. Nothing of a claim is copied: what reaches a
backend is built from addresses and hosts that were understood.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from ipaddress import IPv4Network, IPv6Network, ip_address
from typing import Literal, final

from gateway.http.fields import Field

_LEARNED_AT_MOST = 4096
# A longer way through trusted proxies is a loop or an attack; the walk ends there.
_HOPS_AT_MOST = 32
_ELEMENT_AT_MOST = 512
_NODE_AT_MOST = 128

_HOST = re.compile(r"(?:[A-Za-z0-9._-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::(\d{0,5}))?", re.ASCII)
# RFC 7239 6: an address, in brackets if it is an IPv6 one, with a port or an obfuscated port.
_NODE = re.compile(r"(?:\[([^\]]*:[^\]]*)\]|([0-9.]+))(?::(?:\d{1,5}|_[\w.-]+))?", re.ASCII)
_PAIR = r"""[ \t]*([!#$%&'*+.^_`|~\w-]+)=(?:([!#$%&'*+.^_`|~\w-]+)|"((?:[^"\\]|\\.)*)")[ \t]*"""
_ELEMENT = re.compile(rf"{_PAIR}(?:;{_PAIR})*", re.ASCII)
_PAIRS = re.compile(_PAIR, re.ASCII)
_QUOTED_PAIR = re.compile(r"\\(.)")


def bare_address(text: str) -> str:
    """An IP address in its shortest form: an IPv4-mapped IPv6 address as IPv4, without its zone.

    Raises ValueError where it is no address.
    """
    address = ip_address(text)
    if address.version == 4:
        return str(address)
    return str(address.ipv4_mapped or address).partition("%")[0]


# Not frozen: several are made a request, and a frozen one costs four times as much to make.
@final
@dataclass(slots=True)
class _Claim:
    """What is said of one hop: whence it came, and how that one asked. An empty text says nothing."""

    address: str
    proto: str = ""
    host: str = ""
    port: str = ""


@final
class Forwarding:
    """What the proxies in front of one listener are believed, and what is told to backends.

    `trusted` are their networks, `family` is the one field family that they maintain; the other is not read.
    A `peer` is the address of a connection as `bare_address` gives it, or any other text for one that has
    none (a Unix socket); `secure` says whether it has TLS.
    """

    __slots__ = ("_claims", "_known", "_trusted")

    def __init__(
        self,
        trusted: Sequence[IPv4Network | IPv6Network],
        family: Literal["x-forwarded-for", "forwarded"],
    ) -> None:
        self._trusted = tuple(trusted)
        self._claims = _listed if family == "x-forwarded-for" else _elements
        self._known: dict[str, bool] = {}

    def trusts(self, peer: str) -> bool:
        """Whether this is the address of a trusted proxy; what is no IP address never is."""
        trusted = self._known.get(peer)
        if trusted is None:
            if len(self._known) >= _LEARNED_AT_MOST:
                self._known.clear()
            trusted = self._known[peer] = self._is_inside(peer)
        return trusted

    def origin(self, peer: str, secure: bool, noted: Mapping[bytes, bytes]) -> tuple[str, bool]:
        """The client's address, and whether the client's side is secure: by our own TLS or by a trusted word.

        The walk goes from the nearest hop to the first that is not trusted. Where it cannot be continued it
        ends at the last hop that was understood: what stands further left only the client wrote.
        """
        if not self.trusts(peer):
            return peer, secure
        client = self._walk(peer, noted)[-1]
        return client.address, secure or client.proto == "https"

    def fields(
        self, peer: str, secure: bool, port: int, authority: bytes, noted: Mapping[bytes, bytes]
    ) -> tuple[Field, ...]:
        """`X-Forwarded-*`, `X-Real-IP` and `Forwarded` for the backend; `port` is the listener's, 0 if none.

        A trusted proxy's word on protocol, host and port is kept, and the peer joins the hops of the walk.
        For any other peer the result depends on `peer`, `secure`, `port` and `authority` alone: a connection
        may keep it.
        """
        hops = self._walk(peer, noted)
        client = hops[-1]
        proto = client.proto or ("https" if secure else "http")
        host = client.host or _host(authority.decode("latin-1"))
        addresses = [hop.address for hop in reversed(hops)]
        pairs = (
            (b"X-Forwarded-For", ", ".join(addresses)),
            (b"X-Forwarded-Proto", proto),
            (b"X-Forwarded-Host", host),
            (b"X-Forwarded-Port", _port(client) or (str(port) if port else "")),
            (b"X-Real-IP", client.address),
            (b"Forwarded", _forwarded(addresses, proto, host)),
        )
        return tuple([(name, value.encode()) for name, value in pairs if value])

    def _walk(self, peer: str, noted: Mapping[bytes, bytes]) -> list[_Claim]:
        """The hops from the peer to the client."""
        if not self.trusts(peer):
            return [_Claim(_address(peer))]
        hops = []
        for claim in self._claims(peer, noted):
            hops.append(claim)
            if not self.trusts(claim.address):
                break
        return hops

    def _is_inside(self, peer: str) -> bool:
        try:
            address = ip_address(bare_address(peer))
        except ValueError:
            return False
        return any(address in network for network in self._trusted)


def _listed(peer: str, noted: Mapping[bytes, bytes]) -> Iterator[_Claim]:
    """The peer and the hops of `X-Forwarded-For`, the nearest first, up to the first that is no address."""
    proto = _proto(_last(noted, b"x-forwarded-proto"))
    host = _host(_last(noted, b"x-forwarded-host"))
    port = _last(noted, b"x-forwarded-port")
    port = port if _is_port(port) else ""
    yield _Claim(peer, proto, host, port)
    hops = noted.get(b"x-forwarded-for", b"").decode("latin-1").rsplit(",", _HOPS_AT_MOST)
    for hop in reversed(hops):
        address = _address(_unquoted(hop.strip(" \t")))
        if not address:
            return
        yield _Claim(address, proto, host, port)


def _elements(peer: str, noted: Mapping[bytes, bytes]) -> Iterator[_Claim]:
    """The peer and the hops of `Forwarded`, the nearest first, up to the first that names no address.

    It is read from its end, so that a quote which the client left open hides nothing that a proxy appended.
    That is exact: the rest of an element, cut off inside of quotes, has one quote too many to be well-formed.
    """
    yield _Claim(peer)
    element = ""
    for part in reversed(noted.get(b"forwarded", b"").decode("latin-1").rsplit(",", _HOPS_AT_MOST)):
        element = part + element
        if len(element) > _ELEMENT_AT_MOST:
            return
        if not _ELEMENT.fullmatch(element):
            element = "," + element
            continue
        claim = _claim(_PAIRS.findall(element))
        if claim is None:
            return
        yield claim
        element = ""


def _claim(pairs: list[tuple[str, str, str]]) -> _Claim | None:
    said = {name.lower(): token or _QUOTED_PAIR.sub(r"\1", text) for name, token, text in pairs}
    address = _address(said.get("for", ""))
    # RFC 7239 4: "Each parameter MUST NOT occur more than once per field-value."
    if not address or len(said) < len(pairs):
        return None
    return _Claim(address, _proto(said.get("proto", "")), _host(said.get("host", "")))


def _last(noted: Mapping[bytes, bytes], name: bytes) -> str:
    # Of several values only the last was certainly written by the trusted peer.
    return noted.get(name, b"").decode("latin-1").rpartition(",")[2].strip(" \t")


def _unquoted(text: str) -> str:
    return text[1:-1] if len(text) > 1 and text[0] == text[-1] == '"' else text


@lru_cache(_LEARNED_AT_MOST)
def _known_address(node: str) -> str:
    match = _NODE.fullmatch(node)
    try:
        return bare_address(match[1] or match[2] if match else node)
    except ValueError:
        return ""


def _address(node: str) -> str:
    """The address that a node of RFC 7239 6 names, or nothing."""
    return _known_address(node) if len(node) <= _NODE_AT_MOST else ""


def _proto(text: str) -> str:
    proto = text.lower()
    return proto if proto in ("http", "https") else ""


def _host(text: str) -> str:
    return text if _HOST.fullmatch(text) else ""


def _is_port(text: str) -> bool:
    return text.isascii() and text.isdigit() and len(text) <= 5 and 0 < int(text) <= 65535


def _port(client: _Claim) -> str:
    """The port that the client used, as far as a trusted proxy tells."""
    match = _HOST.fullmatch(client.host)
    named = match[1] if match else ""
    return client.port or named or {"https": "443", "http": "80"}.get(client.proto, "")


def _forwarded(addresses: list[str], proto: str, host: str) -> str:
    """RFC 7239: the client's element says how it asked, the others only where the request passed."""
    # A colon is no token character (RFC 7239 4): IPv6 addresses and hosts with a port are quoted.
    nodes = [f'"[{address}]"' if ":" in address else address or "unknown" for address in addresses]
    client, *proxies = [f"for={node}" for node in nodes]
    named = f';host="{host}"' if ":" in host else f";host={host}" if host else ""
    return ", ".join([f"{client}{named};proto={proto}", *proxies])
