"""Where a request's body ends (RFC 9112 6, 7): one reading of it, or none."""

import pytest

GET = b"GET / HTTP/1.1\r\nHost: a.test\r\n"
POST = b"POST / HTTP/1.1\r\nHost: a.test\r\n"
CHUNKED = POST + b"Transfer-Encoding: chunked\r\n\r\n"
SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a.test\r\n\r\n"


@pytest.mark.parametrize(
    ("sent", "line"),
    [
        pytest.param(
            POST + b"Content-Length: abc\r\n\r\n", "400 malformed_request", id="a length in letters"
        ),
        pytest.param(
            POST + b"Content-Length: +5\r\n\r\nhello", "400 malformed_request", id="a length with a plus"
        ),
        pytest.param(
            POST + b"Content-Length: -5\r\n\r\nhello", "400 malformed_request", id="a negative length"
        ),
        pytest.param(
            POST + b"Content-Length: 0x5\r\n\r\nhello", "400 malformed_request", id="a hexadecimal length"
        ),
        pytest.param(
            POST + b"Content-Length: 1_0\r\n\r\nhellohello", "400 malformed_request", id="a length with _"
        ),
        pytest.param(
            POST + b"Content-Length: 1 0\r\n\r\nhellohello", "400 malformed_request", id="a length in two"
        ),
        pytest.param(
            POST + b"Content-Length: 5.0\r\n\r\nhello", "400 malformed_request", id="a length with a point"
        ),
        pytest.param(
            POST + b"Content-Length: \xd9\xa3\r\n\r\nabc", "400 malformed_request", id="Arabic digits"
        ),
        pytest.param(POST + b"Content-Length: \r\n\r\n", "400 malformed_request", id="an empty length"),
        pytest.param(
            POST + b"Content-Length: 5, 5\r\n\r\nhello", "400 malformed_request", id="a list of lengths"
        ),
        pytest.param(
            POST + b"Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
            "400 malformed_request",
            id="two equal lengths",
        ),
        pytest.param(
            POST + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nhello",
            "400 ambiguous_framing",
            id="two different lengths",
        ),
        pytest.param(
            POST + b"Content-Length: \r\nContent-Length: 43\r\n\r\n" + SMUGGLED,
            "400 ambiguous_framing",
            id="an empty length before another one",
        ),
        pytest.param(
            POST + b"Content-Length: 5, 6\r\n\r\nhello", "400 ambiguous_framing", id="a list of two lengths"
        ),
        pytest.param(
            POST + b"Content-Length: 18446744073709551621\r\n\r\nhello",
            "400 malformed_request",
            id="a length beyond 64 bits",
        ),
        pytest.param(
            POST + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n" + SMUGGLED,
            "400 ambiguous_framing",
            id="a length before chunked",
        ),
        pytest.param(
            POST + b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n" + SMUGGLED,
            "400 ambiguous_framing",
            id="a length behind chunked",
        ),
        pytest.param(
            POST + b"Content-Length: 5\r\nTRANSFER-ENCODING: chunked\r\n\r\n0\r\n\r\n",
            "400 ambiguous_framing",
            id="a length beside chunked in capitals",
        ),
        pytest.param(POST + b"Transfer-Encoding: gzip\r\n\r\n", "400 ambiguous_framing", id="gzip alone"),
        pytest.param(POST + b"Transfer-Encoding: identity\r\n\r\n", "400 ambiguous_framing", id="identity"),
        pytest.param(POST + b"Transfer-Encoding: xchunked\r\n\r\n", "400 ambiguous_framing", id="xchunked"),
        pytest.param(POST + b"Transfer-Encoding:\r\n\r\n", "400 ambiguous_framing", id="an empty coding"),
        pytest.param(
            POST + b"Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
            "400 ambiguous_framing",
            id="gzip, chunked",
        ),
        pytest.param(
            POST + b"Transfer-Encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
            "400 ambiguous_framing",
            id="chunked, gzip",
        ),
        pytest.param(
            POST + b"Transfer-Encoding: chunked, chunked\r\n\r\n0\r\n\r\n",
            "400 ambiguous_framing",
            id="chunked, chunked",
        ),
        pytest.param(
            POST + b"Transfer-Encoding: identity, chunked\r\n\r\n0\r\n\r\n",
            "400 ambiguous_framing",
            id="identity, chunked",
        ),
        pytest.param(
            POST + b"Transfer-Encoding: chunked;q=1\r\n\r\n0\r\n\r\n",
            "400 ambiguous_framing",
            id="chunked with a parameter",
        ),
        pytest.param(
            POST + b'Transfer-Encoding: "chunked"\r\n\r\n0\r\n\r\n',
            "400 ambiguous_framing",
            id="chunked in quotes",
        ),
        pytest.param(
            POST + b"Transfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
            "400 ambiguous_framing",
            id="chunked behind a vertical tab",
        ),
        pytest.param(
            POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "400 ambiguous_framing",
            id="two fields of chunked",
        ),
        pytest.param(
            POST + b"Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n\r\n0\r\n\r\n",
            "400 ambiguous_framing",
            id="chunked and identity in two fields",
        ),
        pytest.param(
            POST + b"Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
            "400 malformed_request",
            id="a space before the colon of a coding",
        ),
        pytest.param(
            POST + b"Content-Length: 11\r\nContent-Length : 5\r\n\r\nhello world",
            "400 malformed_request",
            id="a space before the colon of a second length",
        ),
        pytest.param(
            POST + b"Content-Length: 11\r\nContent\tLength: 99\r\n\r\nhello world",
            "400 malformed_request",
            id="a tab in a name",
        ),
        pytest.param(
            POST + b"Transfer-Encoding:\r\n chunked\r\n\r\n0\r\n\r\n",
            "400 ambiguous_framing",
            id="a folded coding",
        ),
        pytest.param(
            b"POST / HTTP/1.0\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
            "400 ambiguous_framing",
            id="chunked in HTTP/1.0",
        ),
        pytest.param(
            b"POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\nhello",
            "400 ambiguous_framing",
            id="chunked beside a length in HTTP/1.0",
        ),
        pytest.param(
            POST + b"Content-Length: 5\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n\r\nhello",
            "400 ambiguous_framing",
            id="a length beside an upgrade",
        ),
        pytest.param(
            POST + b"Transfer-Encoding: chunked\r\nConnection: Upgrade\r\nUpgrade: h2c\r\n\r\n0\r\n\r\n",
            "400 ambiguous_framing",
            id="chunked beside an upgrade",
        ),
    ],
)
async def test_a_length_in_doubt_is_refused(replay, sent, line):
    outcome = await replay(sent)
    assert [line] == outcome.lines
    assert [] == outcome.seen
    assert outcome.closed


@pytest.mark.parametrize(
    "body",
    [
        pytest.param(b"g\r\nhello\r\n0\r\n\r\n", id="a size that is no number"),
        pytest.param(b"\r\nhello\r\n0\r\n\r\n", id="no size"),
        pytest.param(b"-5\r\nhello\r\n0\r\n\r\n", id="a negative size"),
        pytest.param(b"+5\r\nhello\r\n0\r\n\r\n", id="a size with a plus"),
        pytest.param(b"0x5\r\nhello\r\n0\r\n\r\n", id="a size with 0x"),
        pytest.param(b"5_0\r\nhello\r\n0\r\n\r\n", id="a size with _"),
        pytest.param(b" 5\r\nhello\r\n0\r\n\r\n", id="a space before the size"),
        pytest.param(b"5 \r\nhello\r\n0\r\n\r\n", id="a space behind the size"),
        pytest.param(b"10000000000000005\r\nhello\r\n0\r\n\r\n", id="a size beyond 64 bits"),
        pytest.param(b"5\nhello\r\n0\r\n\r\n", id="a bare LF behind the size"),
        pytest.param(b"5\rhello\r\n0\r\n\r\n", id="a bare CR behind the size"),
        pytest.param(b"5;a=1\nhello\r\n0\r\n\r\n", id="a bare LF in an extension"),
        pytest.param(b"5;a=\rb\r\nhello\r\n0\r\n\r\n", id="a bare CR in an extension"),
        pytest.param(b"2\r\r;a\r\nhe\r\n0\r\n\r\n", id="two CR before an extension"),
        pytest.param(b"5;a=\x00\r\nhello\r\n0\r\n\r\n", id="NUL in an extension"),
        pytest.param(b"5\r\nhelloXX2\r\n45\r\n0\r\n\r\n", id="two other bytes instead of the end of a chunk"),
        pytest.param(b"5\r\nhello\n0\r\n\r\n", id="a bare LF behind a chunk"),
        pytest.param(b"4\r\nhello\r\n0\r\n\r\n", id="a chunk longer than its size"),
        pytest.param(b"6\r\nhello\r\n0\r\n\r\n", id="a chunk shorter than its size"),
        pytest.param(b"0\r\nNo colon\r\n\r\n", id="a trailer without a colon"),
        pytest.param(b"0\r\nX-Sum : 1\r\n\r\n", id="a trailer with a space before its colon"),
        pytest.param(b"0\r\nX-Sum: 1\n\r\n", id="a trailer that ends with a bare LF"),
        pytest.param(b"0\r\n: 1\r\n\r\n", id="a trailer without a name"),
        pytest.param(b"0\r\n" + b"X-Sum: 1\r\n" * 7000, id="trailers that do not end"),
    ],
)
async def test_a_bad_chunk_is_refused(replay, body):
    outcome = await replay(CHUNKED + body)
    assert ["400 malformed_request"] == outcome.lines
    assert [] == outcome.seen
    assert outcome.closed


@pytest.mark.parametrize(
    ("sent", "framing", "body"),
    [
        pytest.param(GET + b"\r\n", None, b"", id="a GET has no body"),
        pytest.param(POST + b"\r\n", None, b"", id="a POST that says nothing of a body has none"),
        pytest.param(
            POST + b"Content-Length: 0\r\n\r\n", b"Content-Length: 0", b"", id="a length of 0 stays"
        ),
        pytest.param(
            POST + b"Content-Length: 5\r\n\r\nhello", b"Content-Length: 5", b"hello", id="a counted body"
        ),
        pytest.param(
            POST + b"content-length: 5\r\n\r\nhello", b"Content-Length: 5", b"hello", id="in lower case"
        ),
        pytest.param(
            POST + b"Content-Length: \t5 \t\r\n\r\nhello", b"Content-Length: 5", b"hello", id="white space"
        ),
        pytest.param(
            POST + b"Content-Length: 0005\r\n\r\nhello", b"Content-Length: 5", b"hello", id="leading zeros"
        ),
        pytest.param(
            GET + b"Content-Length: 5\r\n\r\nhello", b"Content-Length: 5", b"hello", id="a GET with a body"
        ),
        pytest.param(
            POST + b"Content-Length: 5\r\nConnection: Content-Length\r\n\r\nhello",
            b"Content-Length: 5",
            b"hello",
            id="a length named in Connection stays a length",
        ),
        pytest.param(
            POST + b"Content-Length: 11\r\nContent_Length: 99\r\n\r\nhello world",
            b"Content-Length: 11",
            b"hello world",
            id="an alias of the length means nothing",
        ),
        pytest.param(
            POST + b"Content-Length: 11\r\nTransfer_Encoding: chunked\r\n\r\nhello world",
            b"Content-Length: 11",
            b"hello world",
            id="an alias of the coding means nothing",
        ),
        pytest.param(
            POST + b"Content-Length: 40\r\n\r\n" + SMUGGLED,
            b"Content-Length: 40",
            SMUGGLED,
            id="a request in a body is a body",
        ),
        pytest.param(
            CHUNKED + b"5\r\nhello\r\n0\r\n\r\n", b"Transfer-Encoding: chunked", b"hello", id="a chunked body"
        ),
        pytest.param(
            CHUNKED + b"5\r\nhello\r\n6\r\n world\r\n0\r\n\r\n",
            b"Transfer-Encoding: chunked",
            b"hello world",
            id="two chunks",
        ),
        pytest.param(CHUNKED + b"0\r\n\r\n", b"Transfer-Encoding: chunked", b"", id="an empty chunked body"),
        pytest.param(
            CHUNKED + b"A\r\nhelloworld\r\n00\r\n\r\n",
            b"Transfer-Encoding: chunked",
            b"helloworld",
            id="a size in capitals and an end of two zeros",
        ),
        pytest.param(
            CHUNKED + b'5;ext=value;other="quo\\"ted"\r\nhello\r\n0;last\r\n\r\n',
            b"Transfer-Encoding: chunked",
            b"hello",
            id="chunk extensions are dropped",
        ),
        pytest.param(
            CHUNKED + b"5\r\nhello\r\n0\r\nX-Checksum: abc\r\nAuthorization: x\r\n\r\n",
            b"Transfer-Encoding: chunked",
            b"hello",
            id="trailers are dropped",
        ),
        pytest.param(
            POST + b"Transfer-Encoding:\tcHuNkEd \r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            b"Transfer-Encoding: chunked",
            b"hello",
            id="chunked in any case, with white space",
        ),
        pytest.param(
            POST
            + b"Transfer-Encoding: chunked\r\nConnection: Transfer-Encoding\r\n\r\n5\r\nhello\r\n0\r\n\r\n",
            b"Transfer-Encoding: chunked",
            b"hello",
            id="chunked named in Connection stays chunked",
        ),
        pytest.param(
            CHUNKED + b"28\r\n" + SMUGGLED + b"\r\n0\r\n\r\n",
            b"Transfer-Encoding: chunked",
            SMUGGLED,
            id="a request in a chunk is a body",
        ),
        pytest.param(
            b"POST / HTTP/1.0\r\nHost: a.test\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nhello",
            b"Content-Length: 5",
            b"hello",
            id="a counted body in HTTP/1.0",
        ),
    ],
)
async def test_a_body_arrives_as_it_was_framed(replay, sent, framing, body):
    outcome = await replay(sent)
    assert ["200"] == outcome.lines
    [seen] = outcome.seen
    framed = [line for line in seen.lines if line.lower().startswith((b"content", b"transfer", b"trailer"))]
    assert ([] if framing is None else [framing]) == framed
    assert body == seen.body
    assert not outcome.closed
