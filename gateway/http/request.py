"""The head of a request as every policy sees it."""

from typing import final

from gateway.http.edits import Block
from gateway.http.fields import Field, field_of


@final
class Request:
    """One request, read and made unambiguous: what is matched here is what is forwarded.

    `path` is canonical (RFC 3986, see `gateway.http.path`), `query` is untouched and begins with `?` unless
    empty. `lines` are the field lines to forward, in order; `noted` holds the values that decisions need, by
    lower-case name. `length` is the declared size of the body in bytes: 0 none, -1 chunked. `client` is the
    address the request came from behind the trusted proxies, `secure` whether the client spoke TLS, and
    `forwarding` the fields that tell the backend so. `certificate` is that which the client showed, verified,
    in DER; None where it showed none or did not speak TLS with us.
    """

    __slots__ = (
        "authority",
        "certificate",
        "client",
        "forwarding",
        "length",
        "lines",
        "method",
        "noted",
        "path",
        "query",
        "secure",
    )

    def __init__(  # noqa: PLR0913 - one parameter a slot, made in one place.
        self,
        method: bytes,
        authority: bytes,
        path: bytes,
        query: bytes,
        lines: list[bytes],
        noted: dict[bytes, bytes],
        length: int,
        client: str,
        secure: bool,
        forwarding: Block,
        certificate: bytes | None = None,
    ) -> None:
        self.method = method
        self.authority = authority
        self.path = path
        self.query = query
        self.lines = lines
        self.noted = noted
        self.length = length
        self.client = client
        self.secure = secure
        self.forwarding = forwarding
        self.certificate = certificate

    @property
    def fields(self) -> list[Field]:
        """The names and values of the forwarded fields, in order; for what is off the usual way."""
        return [field_of(line) for line in self.lines]

    def value(self, name: bytes) -> bytes | None:
        """The value of a forwarded field by its lower-case name, joined where it is repeated."""
        values = [value for raw, value in self.fields if raw.lower() == name]
        return b", ".join(values) if values else None


def is_preflight(request: Request) -> bool:
    """True for the question of a browser whether it may send a request (Fetch, "CORS-preflight request")."""
    noted = request.noted
    return request.method == b"OPTIONS" and b"origin" in noted and b"access-control-request-method" in noted


def is_websocket(request: Request) -> bool:
    """True for the handshake of RFC 6455 4.2.1, the only switch of protocol there is."""
    return request.noted.get(b"upgrade", b"").lower() == b"websocket" and request.method == b"GET"
