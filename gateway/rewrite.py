"""What the backend sees and what the client gets back: heads, from an exchange and its route. Pure.

Fields that we manage are written here and nowhere else, after whatever the client sent of the same names was
taken away, so nobody can forge them.
"""

from gateway.http.edits import Block, Edits
from gateway.http.fields import Field
from gateway.http.request import Request
from gateway.http.response import Response
from gateway.policy import Exchange
from gateway.routing import Forward


def is_websocket(request: Request) -> bool:
    """True for the handshake of RFC 6455 4.2.1, the only switch of protocol there is."""
    return request.noted.get(b"upgrade", b"").lower() == b"websocket" and request.method == b"GET"


def upstream_path(request: Request, target: Forward, captures: tuple[bytes, ...]) -> bytes:
    """The path that the backend sees: rewritten, or without the prefix, or as it is."""
    if target.rewrite is not None:
        return target.rewrite.fill(captures)
    return request.path[len(target.prefix) :] or b"/" if target.prefix else request.path


def upstream_head(exchange: Exchange, target: Forward, authority: bytes, via: bytes, framing: bytes) -> bytes:
    """The request's head for the backend. `authority` is the Host it gets, `framing` the lines that frame."""
    request = exchange.request
    fields = request.fields
    hidden = target.remove_fields
    if exchange.hidden:
        hidden = hidden.union(exchange.hidden)
    if hidden:
        fields = [field for field in fields if field[0].lower() not in hidden]
    lines = [b"%b: %b\r\n" % field for field in fields]
    if exchange.upstream_fields:
        lines += [b"%b: %b\r\n" % field for field in exchange.upstream_fields]
    if target.set_fields:
        lines += [b"%b: %b\r\n" % field for field in target.set_fields]
    if target.prefix:
        lines.append(b"X-Forwarded-Prefix: %b\r\n" % target.prefix)
    earlier = request.noted.get(b"via")
    return b"%b %b%b HTTP/1.1\r\nHost: %b\r\n%b%bX-Request-Id: %b\r\nVia: %b\r\n%b\r\n" % (
        request.method,
        upstream_path(request, target, exchange.captures),
        request.query,
        authority,
        b"".join(lines),
        request.forwarding.lines,
        exchange.request_id,
        via if earlier is None else earlier + b", " + via,
        framing,
    )


def client_fields(
    response: Response, exchange: Exchange, target: Forward, edits: Edits, via: bytes
) -> tuple[list[Field], Block]:
    """The fields of the response for the client: the backend's after the route's edits, and ours."""
    fields = response.fields
    noted = response.noted
    if target.prefix and b"location" in noted:
        fields = [_with_prefix(field, exchange.request, target.prefix) for field in fields]
    kept, block = edits.apply(fields, response.status)
    if exchange.response_fields:
        kept += exchange.response_fields
    earlier = noted.get(b"via")
    kept.append((b"X-Request-Id", exchange.request_id))
    kept.append((b"Via", via if earlier is None else earlier + b", " + via))
    return kept, block


def _with_prefix(field: Field, request: Request, prefix: bytes) -> Field:
    """A Location on the same host, with the prefix that was taken from the path put back."""
    name, value = field
    if name.lower() != b"location":
        return field
    if value.startswith(b"/") and not value.startswith(b"//"):
        return name, prefix + value
    scheme, _, rest = value.partition(b"://")
    authority, slash, path = rest.partition(b"/")
    if not slash or authority.lower() != request.authority.lower():
        return field
    return name, b"%b://%b%b/%b" % (scheme, authority, prefix, path)
