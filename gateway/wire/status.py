"""Status lines, ready to be written."""

from http import HTTPStatus

_PHRASES = {status.value: status.phrase for status in HTTPStatus}

STATUS_LINES: dict[int, bytes] = {
    status: f"HTTP/1.1 {status} {_PHRASES.get(status, '')}\r\n".encode() for status in range(100, 600)
}


def has_no_body(status: int) -> bool:
    """True for the final statuses that never carry a body (RFC 9110 15.3.5, 15.4.5)."""
    return status == 204 or status == 304
