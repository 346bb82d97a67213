"""A whole head to a Response: how its body ends (RFC 9112 6.3). What must be refused stands in the rows."""

import pytest

from gateway.http.fields import RESPONSE_RULES, FieldTable
from gateway.wire.response import Framing, ResponseReader

OK = b"HTTP/1.1 200 OK\r\n"
TABLE = FieldTable(RESPONSE_RULES)


@pytest.mark.parametrize(
    ("head", "method", "framing", "length"),
    [
        pytest.param(OK + b"Content-Length: 5\r\n", b"GET", Framing.COUNTED, 5, id="a length"),
        pytest.param(OK + b"Transfer-Encoding: Chunked\r\n", b"GET", Framing.CHUNKED, -1, id="chunked"),
        pytest.param(OK, b"GET", Framing.UNTIL_EOF, -1, id="neither"),
        pytest.param(OK + b"Content-Length: 5\r\n", b"HEAD", Framing.NONE, 5, id="a HEAD with a length"),
        pytest.param(
            OK + b"Transfer-Encoding: chunked\r\n", b"HEAD", Framing.NONE, -1, id="a HEAD with chunked"
        ),
        pytest.param(b"HTTP/1.1 204 No Content\r\n", b"GET", Framing.NONE, -1, id="a 204"),
        pytest.param(
            b"HTTP/1.1 304 Not Modified\r\nContent-Length: 5\r\n", b"GET", Framing.NONE, 5, id="a 304"
        ),
        pytest.param(b"HTTP/1.1 103 Early Hints\r\n", b"GET", Framing.NONE, -1, id="a 103"),
    ],
)
def test_how_a_body_ends(head, method, framing, length):
    reader = ResponseReader()
    response = reader.head(head + b"\r\n", method, TABLE)
    assert (framing, length) == (reader.framing, response.length)


def test_a_response_says_what_its_head_said():
    head = OK + b"Set-Cookie: a\r\nSet-Cookie: b\r\nDate: x\r\nServer: y\r\n\r\n"
    response = ResponseReader().head(head, b"GET", TABLE)
    assert 200 == response.status
    assert [b"Set-Cookie: a", b"Set-Cookie: b", b"Date: x", b"Server: y"] == response.lines
    assert {b"date": b"x"} == response.noted


def test_one_reader_reads_many_responses():
    reader = ResponseReader()
    assert 200 == reader.head(OK + b"Content-Length: 5\r\n\r\n", b"HEAD", TABLE).status
    assert 200 == reader.head(OK + b"Transfer-Encoding: chunked\r\n\r\n", b"GET", TABLE).status
    assert b"hello" == reader.body(b"5\r\nhello\r\n0\r\n\r\n")
    assert 304 == reader.head(b"HTTP/1.1 304 Not Modified\r\n\r\n", b"GET", TABLE).status
    assert 200 == reader.head(OK + b"Content-Length: 0\r\n\r\n", b"GET", TABLE).status
