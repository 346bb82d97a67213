"""What the backend sees and what the client gets back: heads, from an exchange and its route. Pure.

Fields that we manage are written here and nowhere else, after whatever the client sent of the same names was
taken away, so nobody can forge them.
"""

from gateway.http.fields import field_of
from gateway.http.request import Request
from gateway.http.response import Response
from gateway.policy import Exchange
from gateway.routing import Forward


def upstream_head(  # noqa: PLR0913 - the parts of a head, each from whom it comes.
    exchange: Exchange, target: Forward, authority: bytes, via: bytes, trace: bytes, framing: bytes
) -> bytes:
    """The request's head for the backend.

    `authority` is the Host it gets; `trace` are the lines of its trace context, `framing` those that frame.
    """
    request = exchange.request
    lines = request.lines
    for name in exchange.hidden:
        lines = _without(lines, name)
    for name in target.remove_fields:
        lines = _without(lines, name)
    added = exchange.upstream_fields + target.set_fields
    if target.prefix:
        added += ((b"X-Forwarded-Prefix", target.prefix),)
    if added:
        lines = [*lines, *[b"%b: %b" % field for field in added]]
    if b"via" in request.noted:
        via = request.noted[b"via"] + b", " + via
    return b"%b %b%b HTTP/1.1\r\nHost: %b\r\n%b%b%b%bX-Request-Id: %b\r\nVia: %b\r\n%b\r\n" % (
        request.method,
        target.path(request, exchange.captures),
        request.query,
        authority,
        b"\r\n".join(lines),
        b"\r\n" if lines else b"",
        request.forwarding.lines,
        trace,
        exchange.request_id,
        via,
        framing,
    )


def _without(lines: list[bytes], name: bytes) -> list[bytes]:
    # Half of what taking every line apart costs, for the one or two names that are hidden.
    start = name + b":"
    length = len(start)
    return [line for line in lines if line[:length].lower() != start]


def with_hops(lines: list[bytes], hops: int) -> list[bytes]:
    """The field lines with so many hops in their Max-Forwards."""
    return [
        b"Max-Forwards: %d" % hops if line.partition(b":")[0].lower() == b"max-forwards" else line
        for line in lines
    ]


def client_lines(response: Response, exchange: Exchange, target: Forward, via: bytes) -> list[bytes]:
    """The field lines of the response for the client: those of the backend that pass, and ours."""
    lines = response.lines
    noted = response.noted
    if target.prefix and b"location" in noted:
        lines = [_with_prefix(line, exchange.request, target.prefix) for line in lines]
    if exchange.response_fields:
        lines += [b"%b: %b" % field for field in exchange.response_fields]
    if b"via" in noted:
        via = noted[b"via"] + b", " + via
    lines.append(b"X-Request-Id: %b\r\nVia: %b" % (exchange.request_id, via))
    return lines


def _with_prefix(line: bytes, request: Request, prefix: bytes) -> bytes:
    """A Location on the same host, with the prefix that was taken from the path put back."""
    name, value = field_of(line)
    if name.lower() != b"location":
        return line
    if value.startswith(b"/") and not value.startswith(b"//"):
        return b"%b: %b%b" % (name, prefix, value)
    scheme, _, rest = value.partition(b"://")
    authority, slash, path = rest.partition(b"/")
    if not slash or authority.lower() != request.authority.lower():
        return line
    return b"%b: %b://%b%b/%b" % (name, scheme, authority, prefix, path)
