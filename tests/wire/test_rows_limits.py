"""What is too much, on both sides of each bound: its own status for each (RFC 9110 15.5, RFC 6585 5)."""

import pytest

HOST = b"Host: a.test\r\n"
GET = b"GET / HTTP/1.1\r\n" + HOST
SMALL = b"POST /small HTTP/1.1\r\n" + HOST

# The limits in conftest.py: 1 KiB a request line, 32 fields, 4 KiB a head, 1 MiB a body, 8 bytes to /small.


def line(length: int) -> bytes:
    return b"GET /" + b"a" * (length - 14) + b" HTTP/1.1\r\n"


def head(length: int) -> bytes:
    return GET + b"X-A: " + b"a" * (length - len(GET) - 9) + b"\r\n\r\n"


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        pytest.param(
            line(1025) + HOST + b"\r\n", "414 target_too_long", id="a request line of a byte too much"
        ),
        pytest.param(b"GET /" + b"a" * 2048, "414 target_too_long", id="a request line without an end"),
        pytest.param(b"a" * 2048, "414 target_too_long", id="letters without an end"),
        pytest.param(head(4097), "431 fields_too_large", id="a head of a byte too much"),
        pytest.param(GET + b"X-A: " + b"a" * 5000, "431 fields_too_large", id="a field without an end"),
        pytest.param(GET + b"X-A: 1\r\n" * 32 + b"\r\n", "431 fields_too_large", id="a field too much"),
        pytest.param(
            SMALL + b"Content-Length: 9\r\n\r\n", "413 body_too_large", id="a declared body too large"
        ),
        pytest.param(
            SMALL + b"Content-Length: 9\r\n\r\n" + b"a" * 9, "413 body_too_large", id="a body too large"
        ),
        pytest.param(
            SMALL + b"Content-Length: 9\r\nExpect: 100-continue\r\n\r\n",
            "413 body_too_large",
            id="a declared body too large that is not sent yet",
        ),
        pytest.param(
            SMALL + b"Transfer-Encoding: chunked\r\n\r\n9\r\n" + b"a" * 9 + b"\r\n0\r\n\r\n",
            "413 body_too_large",
            id="a chunk too large",
        ),
        pytest.param(
            SMALL + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 9 + b"0\r\n\r\n",
            "413 body_too_large",
            id="chunks too many",
        ),
        pytest.param(
            GET + b"Transfer-Encoding: chunked\r\n\r\n1;" + b"a" * 70_000,
            "400 malformed_request",
            id="an extension without an end",
        ),
    ],
)
async def test_what_is_too_much_is_refused(replay, sent, expected):
    outcome = await replay(sent)
    assert [expected] == outcome.lines
    assert [] == outcome.seen
    assert outcome.closed


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(head(4096), id="a head as large as may be"),
        pytest.param(GET + b"X-A: 1\r\n" * 31 + b"\r\n", id="as many fields as may be"),
        pytest.param(SMALL + b"Content-Length: 8\r\n\r\n" + b"a" * 8, id="a body as large as may be"),
        pytest.param(
            SMALL + b"Transfer-Encoding: chunked\r\n\r\n" + b"1\r\na\r\n" * 8 + b"0\r\n\r\n",
            id="chunks as many as may be",
        ),
        pytest.param(
            GET + b"Content-Length: 200000\r\n\r\n" + b"a" * 200_000,
            id="a body larger than what is kept of one",
        ),
    ],
)
async def test_what_is_allowed_passes(replay, sent):
    outcome = await replay(sent)
    assert ["200"] == outcome.lines
    assert 1 == len(outcome.seen)
    assert not outcome.closed


async def test_a_request_line_as_long_as_may_be_passes(replay_split):
    outcome = await replay_split(line(1024) + HOST + b"\r\n")
    assert ["200"] == outcome.lines
