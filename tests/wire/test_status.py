"""The status lines."""

import http

import pytest

from gateway.wire.status import STATUS_LINES


@pytest.mark.parametrize(
    ("status", "line"),
    [
        pytest.param(100, b"HTTP/1.1 100 Continue", id="the lowest"),
        pytest.param(200, b"HTTP/1.1 200 OK", id="a known one"),
        pytest.param(299, b"HTTP/1.1 299 ", id="one without a phrase keeps the space (RFC 9112 4)"),
        pytest.param(599, b"HTTP/1.1 599 ", id="the highest"),
    ],
)
def test_a_status_has_its_line(status, line):
    assert line == STATUS_LINES[status]


def test_every_status_that_may_be_written_has_a_line():
    assert set(range(100, 600)) == set(STATUS_LINES)
    assert all(
        f"{status.value} {status.phrase}".encode() in STATUS_LINES[status.value] for status in http.HTTPStatus
    )
