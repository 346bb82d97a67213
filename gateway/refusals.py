"""The answers that are not a policy's: what the wire refuses, and what a failed backend comes to.

One table a side; statuses and reasons stand nowhere else.
"""

from dataclasses import replace
from typing import Final, final

from gateway.http.fields import Field
from gateway.http.reason import Reason
from gateway.http.reply import Body, Reply, problem
from gateway.wire.upstream import Fault

_SECONDS_TO_RETRY: Final = 1
_RETRY: Final = (b"Retry-After", b"%d" % _SECONDS_TO_RETRY)

# What the client's side refuses; every one of these ends the connection.
WIRE: Final = {
    reason: problem(status, reason, detail, closes=True)
    for reason, status, detail in (
        (Reason.MALFORMED, 400, "The request is not valid HTTP/1.1."),
        (Reason.FRAMING, 400, "The length of the request's body is ambiguous."),
        (Reason.VERSION, 505, "Only HTTP/1.1 and HTTP/1.0 are spoken here."),
        (Reason.TARGET, 400, "The request target is not valid."),
        (Reason.PATH, 400, "The path could be read in more than one way."),
        (Reason.HOST, 400, "Exactly one valid Host is needed, the same as in the target."),
        (Reason.DUPLICATE_FIELD, 400, "A field that may be sent once was sent again."),
        (Reason.TARGET_TOO_LONG, 414, "The request line is too long."),
        (Reason.FIELDS_TOO_LARGE, 431, "The header fields are too large or too many."),
        (Reason.BODY_TOO_LARGE, 413, "The body is larger than allowed here."),
        (Reason.REQUEST_TIMEOUT, 408, "The request did not arrive in time."),
    )
}

# RFC 9110 15.5.6: a 405 names methods; which of these the place has, only its route knows.
WIRE[Reason.METHOD_REFUSED] = problem(
    *(405, Reason.METHOD_REFUSED, "This method is not served here."),
    (b"Allow", b"DELETE, GET, HEAD, OPTIONS, PATCH, POST, PUT"),
    closes=True,
)
WIRE[Reason.DRAINING] = problem(503, Reason.DRAINING, "The gateway ends.", _RETRY, closes=True)
WIRE[Reason.OVERLOADED] = problem(
    503, Reason.OVERLOADED, "Too many connections are open.", _RETRY, closes=True
)

# The connection may stay: making another one, and its TLS, would cost both sides more than this answer.
SHED: Final = problem(503, Reason.OVERLOADED, "Too many requests are under way.", _RETRY)
# The words of RFC 9209 2.3 for what is refused without a backend.
_TOLD: Final = {
    Reason.REQUEST_TIMEOUT: "http_request_error",
    Reason.DRAINING: "proxy_internal_response",
}

EXPECTATION: Final = problem(417, Reason.EXPECTATION, "Only 100-continue can be expected.", closes=True)
INTERNAL: Final = problem(500, Reason.INTERNAL, "The gateway failed; the request was not forwarded.")
ASTERISK: Final = Reply(204, None, (), Body(b"text/plain", b""))

# fault -> status, reason, error type of RFC 9209 2.3, detail.
_FAULTS: Final = {
    Fault.DNS: (502, Reason.UPSTREAM_DNS, "dns_error", "The backend's name was not found."),
    Fault.DNS_TIMEOUT: (
        *(504, Reason.UPSTREAM_DNS_TIMEOUT, "dns_timeout"),
        "The backend's name was not found in time.",
    ),
    Fault.REFUSED: (502, Reason.UPSTREAM_REFUSED, "connection_refused", "The backend is not there."),
    Fault.UNROUTABLE: (
        *(502, Reason.UPSTREAM_UNROUTABLE, "destination_ip_unroutable"),
        "No way leads to the backend.",
    ),
    Fault.CONNECT_TIMEOUT: (
        *(504, Reason.UPSTREAM_CONNECT_TIMEOUT, "connection_timeout"),
        "The backend took no connection in time.",
    ),
    Fault.TLS: (502, Reason.UPSTREAM_TLS, "tls_protocol_error", "No TLS could be spoken with the backend."),
    Fault.CERTIFICATE: (
        *(502, Reason.UPSTREAM_CERTIFICATE, "tls_certificate_error"),
        "The backend's certificate is not to be trusted.",
    ),
    Fault.RESET: (502, Reason.UPSTREAM_RESET, "connection_terminated", "The backend hung up."),
    Fault.INCOMPLETE: (
        *(502, Reason.UPSTREAM_RESET, "http_response_incomplete"),
        "The backend broke off its response.",
    ),
    Fault.PROTOCOL: (
        *(502, Reason.UPSTREAM_PROTOCOL, "http_protocol_error"),
        "The backend's response is not valid HTTP/1.1.",
    ),
    Fault.TIMEOUT: (
        504,
        Reason.UPSTREAM_TIMEOUT,
        "http_response_timeout",
        "The backend did not answer in time.",
    ),
    Fault.UNAVAILABLE: (
        503,
        Reason.UPSTREAM_UNAVAILABLE,
        "destination_unavailable",
        "No backend is available.",
    ),
    Fault.BUSY: (503, Reason.UPSTREAM_BUSY, "connection_limit_reached", "The backend is busy."),
    Fault.EXHAUSTED: (
        *(503, Reason.NO_DESCRIPTOR, "connection_limit_reached"),
        "The gateway can make no more connections.",
    ),
}


@final
class Faults:
    """The replies for failed backends, with `Proxy-Status` in the gateway's own name (RFC 9209)."""

    __slots__ = ("_refusals", "_replies", "loop")

    def __init__(self, name: str) -> None:
        self._replies = {
            fault: problem(status, reason, detail, *_fields(name, status, error))
            for fault, (status, reason, error, detail) in _FAULTS.items()
        }
        self.loop = problem(
            502,
            Reason.LOOP,
            "The request came back to the gateway that sent it.",
            *_fields(name, 502, "proxy_loop_detected"),
        )
        self._refusals = dict(WIRE)
        for reason, error in _TOLD.items():
            refusal = WIRE[reason]
            told = (b"Proxy-Status", f'"{name}"; error={error}'.encode())
            self._refusals[reason] = replace(refusal, fields=(*refusal.fields, told))

    def refusal(self, reason: Reason) -> Reply:
        """The answer to what the client's side refuses; RFC 9209 has words for some of these."""
        return self._refusals[reason]

    def reply(self, fault: Fault) -> Reply:
        """The answer for a backend that failed in this way."""
        return self._replies[fault]


def _fields(name: str, status: int, error: str) -> list[Field]:
    # RFC 9209 2: the name is a token or a string; a string holds any name.
    fields = [(b"Proxy-Status", f'"{name}"; error={error}'.encode())]
    if status == 503:
        fields.append(_RETRY)
    return fields
