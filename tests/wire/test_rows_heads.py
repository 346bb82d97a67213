"""The request line, the syntax of fields, and Host (RFC 9112 2, 3, 5): one reading or none."""

import pytest

FIELDS = b"Host: a.test\r\n\r\n"
GET = b"GET / HTTP/1.1\r\nHost: a.test\r\n"


@pytest.mark.parametrize(
    ("sent", "line"),
    [
        pytest.param(
            b"GET / HTTP/1.1\nHost: a.test\r\n\r\n", "400 malformed_request", id="LF ends the request line"
        ),
        pytest.param(GET + b"X-A: 1\nX-B: 2\r\n\r\n", "400 malformed_request", id="LF ends a field"),
        pytest.param(b"GET / HTTP/1.1\nHost: a.test\n\n", "400 malformed_request", id="LF ends every line"),
        pytest.param(b"GET / HTTP/1.1\rHost: a.test\r\n\r\n", "400 malformed_request", id="CR ends a line"),
        pytest.param(GET + b"X-A: 1\rX-B: 2\r\n\r\n", "400 malformed_request", id="CR in a value"),
        pytest.param(GET + b"\rX-A: 1\r\n\r\n", "400 malformed_request", id="CR before a name"),
        pytest.param(
            b"GET / HTTP/1.1\r\nHost: a.test\r\n\rX-A: 1\r\n\r\n", "400 malformed_request", id="CRLF CR"
        ),
        pytest.param(GET + b"X-A: 1\r\n more\r\n\r\n", "400 malformed_request", id="a folded value"),
        pytest.param(
            GET + b"X-A: 1\r\n\tmore\r\n\r\n", "400 malformed_request", id="a value folded with a tab"
        ),
        pytest.param(b"GET / HTTP/1.1\r\n \r\n" + FIELDS, "400 malformed_request", id="a line of a space"),
        pytest.param(
            b"GET / HTTP/1.1\r\n X-A: 1\r\n" + FIELDS, "400 malformed_request", id="a folded first field"
        ),
        pytest.param(GET + b"X-A : 1\r\n\r\n", "400 malformed_request", id="a space before the colon"),
        pytest.param(GET + b"X-A\t: 1\r\n\r\n", "400 malformed_request", id="a tab before the colon"),
        pytest.param(GET + b": 1\r\n\r\n", "400 malformed_request", id="no name"),
        pytest.param(
            GET + b":x\r\nX-After: 1\r\n\r\n", "400 malformed_request", id="no name before other fields"
        ),
        pytest.param(
            GET + b"No colon\r\n\r\n", "400 malformed_request", id="a line with a space and no colon"
        ),
        pytest.param(GET + b"NoColonHere\r\n\r\n", "400 malformed_request", id="a line without a colon"),
        pytest.param(GET + b"Bad[Name: 1\r\n\r\n", "400 malformed_request", id="a bracket in a name"),
        pytest.param(GET + b"X-\xc3\xa4: 1\r\n\r\n", "400 malformed_request", id="UTF-8 in a name"),
        pytest.param(GET + b"X\x00A: 1\r\n\r\n", "400 malformed_request", id="NUL in a name"),
        pytest.param(GET + b"X-A: 1\x002\r\n\r\n", "400 malformed_request", id="NUL in a value"),
        pytest.param(GET + b"Cookie: a=\x01\x02\r\n\r\n", "400 malformed_request", id="controls in a value"),
        pytest.param(GET + b"X-A: \x7f\r\n\r\n", "400 malformed_request", id="DEL in a value"),
        pytest.param(
            b" GET / HTTP/1.1\r\n" + FIELDS, "400 malformed_request", id="a space before the method"
        ),
        pytest.param(b"G\x00T / HTTP/1.1\r\n" + FIELDS, "400 malformed_request", id="NUL in the method"),
        pytest.param(b"get / HTTP/1.1\r\n" + FIELDS, "400 malformed_request", id="a method in lower case"),
        pytest.param(b"FOOBAR / HTTP/1.1\r\n" + FIELDS, "400 malformed_request", id="a method nobody knows"),
        pytest.param(
            b"GET\t/ HTTP/1.1\r\n" + FIELDS, "400 malformed_request", id="a tab in the request line"
        ),
        pytest.param(b"GET / HTTP/ 1.1\r\n" + FIELDS, "400 malformed_request", id="a space in the version"),
        pytest.param(b"GET / HTTP/1\r\n" + FIELDS, "400 malformed_request", id="a version without minor"),
        pytest.param(b"GET / HTTP/01.01\r\n" + FIELDS, "400 malformed_request", id="zeros in the version"),
        pytest.param(b"GET / http/1.1\r\n" + FIELDS, "400 malformed_request", id="a version in lower case"),
        pytest.param(b"GET / HTTPS/1.1\r\n" + FIELDS, "400 malformed_request", id="another protocol"),
        pytest.param(
            b"GET / HTTP/1.1 \r\n" + FIELDS, "400 malformed_request", id="a space behind the version"
        ),
        pytest.param(b"GET /\r\n" + FIELDS, "400 malformed_request", id="no version"),
        pytest.param(b"GET / HTTP/0.9\r\n" + FIELDS, "505 unsupported_version", id="HTTP/0.9"),
        pytest.param(b"GET / HTTP/1.2\r\n" + FIELDS, "505 unsupported_version", id="HTTP/1.2"),
        pytest.param(b"GET / HTTP/2.0\r\n" + FIELDS, "505 unsupported_version", id="HTTP/2.0"),
        pytest.param(b"GET / HTTP/9.9\r\n" + FIELDS, "505 unsupported_version", id="HTTP/9.9"),
        pytest.param(
            b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "505 unsupported_version", id="the preface of HTTP/2"
        ),
        pytest.param(b"GET HTTP/1.1\r\n" + FIELDS, "400 malformed_request", id="no target"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00", "400 malformed_request", id="TLS on a plain port"),
        pytest.param(b"\r\n\x00", "400 malformed_request", id="NUL behind an empty line"),
    ],
)
async def test_what_is_no_head_is_refused(replay, sent, line):
    outcome = await replay(sent)
    assert [line] == outcome.lines
    assert [] == outcome.seen
    assert outcome.closed


@pytest.mark.parametrize(
    ("target", "line"),
    [
        pytest.param(b"*", "400 bad_target", id="an asterisk in a GET"),
        pytest.param(b"a.test:80", "400 malformed_request", id="authority form in a GET"),
        pytest.param(b"path", "400 malformed_request", id="a path without a slash"),
        pytest.param(b"ftp://a.test/", "400 bad_target", id="another scheme"),
        pytest.param(b"http:///", "400 bad_host", id="an absolute target without authority"),
        pytest.param(b"http:/path", "400 malformed_request", id="a scheme with one slash"),
        pytest.param(b"http://b.test/", "400 bad_host", id="an authority that is not Host"),
        pytest.param(b"http://a.test:81/", "400 bad_host", id="a port that is not Host's"),
        pytest.param(b"http://user@a.test/", "400 bad_host", id="an absolute target with user information"),
        pytest.param(b"http://a.test#x/", "400 malformed_request", id="an authority with a fragment"),
        pytest.param(b"/path#fragment", "400 bad_path", id="a fragment"),
        pytest.param(b"/#", "400 bad_path", id="an empty fragment"),
        pytest.param(b"/admin#/public", "400 bad_path", id="a fragment that looks like a path"),
        pytest.param(b"/?a=1#b", "400 bad_path", id="a fragment behind a query"),
        pytest.param(b"/pa th", "400 malformed_request", id="a space in the target"),
        pytest.param(b"/\x02", "400 malformed_request", id="a control in the target"),
        pytest.param(b"/\x00", "400 malformed_request", id="NUL in the target"),
        pytest.param(b"/\x7f", "400 malformed_request", id="DEL in the target"),
        pytest.param(b"/\xc3\xa4", "400 malformed_request", id="UTF-8 in the target"),
        pytest.param(b"/?\xc3\xa4", "400 malformed_request", id="UTF-8 in the query"),
        pytest.param(b"/a\\b", "400 bad_path", id="a backslash"),
        pytest.param(b"/a%5Cb", "400 bad_path", id="an escaped backslash"),
        pytest.param(b"/public/../admin", "400 bad_path", id="dot segments"),
        pytest.param(b"/public/%2e%2e/admin", "400 bad_path", id="escaped dot segments"),
        pytest.param(b"/public/.%2E/admin", "400 bad_path", id="half-escaped dot segments"),
        pytest.param(b"/public%2f..%2fadmin", "400 bad_path", id="dot segments between escaped slashes"),
        pytest.param(b"/a/./b", "400 bad_path", id="a dot segment"),
        pytest.param(b"/a/..", "400 bad_path", id="a dot segment at the end"),
        pytest.param(b"//b.test/admin", "400 bad_path", id="a path that looks like an authority"),
        pytest.param(b"/a//b", "400 bad_path", id="an empty segment"),
        pytest.param(b"/a%2Fb", "400 bad_path", id="an escaped slash"),
        pytest.param(b"/a;b", "400 bad_path", id="a path parameter"),
        pytest.param(b"/a%3bb", "400 bad_path", id="an escaped semicolon"),
        pytest.param(b"/%00", "400 bad_path", id="an escaped NUL"),
        pytest.param(b"/x%0d%0aX: y", "400 malformed_request", id="an escaped line and a space"),
        pytest.param(b"/x%0aFAKE", "400 bad_path", id="an escaped LF"),
        pytest.param(b"/%252e%252e/admin", "400 bad_path", id="dots escaped twice"),
        pytest.param(b"/%%32%65", "400 bad_path", id="an escape inside an escape"),
        pytest.param(b"/foo%", "400 bad_path", id="a percent at the end"),
        pytest.param(b"/foo%1", "400 bad_path", id="an escape of one digit"),
        pytest.param(b"/%zz", "400 bad_path", id="an escape that is none"),
        pytest.param(b"/%c0%af", "400 bad_path", id="a slash in overlong UTF-8"),
        pytest.param(b"http://a.test//admin", "400 bad_path", id="an empty segment in an absolute target"),
    ],
)
async def test_a_target_that_can_be_read_in_two_ways_is_refused(replay, target, line):
    outcome = await replay(b"GET " + target + b" HTTP/1.1\r\n" + FIELDS)
    assert [line] == outcome.lines
    assert [] == outcome.seen
    assert outcome.closed


@pytest.mark.parametrize(
    ("method", "target", "line"),
    [
        pytest.param(b"CONNECT", b"a.test:443", "405 method_refused", id="CONNECT"),
        pytest.param(b"TRACE", b"/", "405 method_refused", id="TRACE"),
        pytest.param(b"OPTIONS", b"**", "400 bad_target", id="two asterisks"),
    ],
)
async def test_a_method_that_no_proxy_should_serve_is_refused(replay, method, target, line):
    outcome = await replay(method + b" " + target + b" HTTP/1.1\r\n" + FIELDS)
    assert [line] == outcome.lines
    assert [] == outcome.seen
    assert outcome.closed


@pytest.mark.parametrize(
    ("method", "target", "expected"),
    [
        pytest.param(b"GET", b"/", b"GET / HTTP/1.1", id="the root"),
        pytest.param(b"GET", b"/a/b/", b"GET /a/b/ HTTP/1.1", id="a slash at the end stays"),
        pytest.param(b"GET", b"/a?", b"GET /a? HTTP/1.1", id="an empty query stays"),
        pytest.param(b"GET", b"/a?b=1&b=2+3", b"GET /a?b=1&b=2+3 HTTP/1.1", id="a query is not touched"),
        pytest.param(
            b"GET", b"/a?b=//../%2e%2e;c", b"GET /a?b=//../%2e%2e;c HTTP/1.1", id="a query is no path"
        ),
        pytest.param(b"GET", b"/%7Euser/%41", b"GET /~user/A HTTP/1.1", id="needless escapes are decoded"),
        pytest.param(b"GET", b"/%e4%b8%ad", b"GET /%E4%B8%AD HTTP/1.1", id="escapes are in upper case"),
        pytest.param(
            b"GET", b"/a%20b%23c%3Fd%25", b"GET /a%20b%23c%3Fd%25 HTTP/1.1", id="escaped data stays"
        ),
        pytest.param(
            b"GET",
            b"/x%20HTTP/1.1",
            b"GET /x%20HTTP/1.1 HTTP/1.1",
            id="a version in the path stays escaped",
        ),
        pytest.param(b"GET", b"/A/b", b"GET /A/b HTTP/1.1", id="case stays"),
        pytest.param(b"GET", b"http://a.test/b?c", b"GET /b?c HTTP/1.1", id="an absolute target"),
        pytest.param(b"GET", b"HTTP://A.TEST/b", b"GET /b HTTP/1.1", id="an absolute target in capitals"),
        pytest.param(b"GET", b"https://a.test/b", b"GET /b HTTP/1.1", id="an absolute target with https"),
        pytest.param(b"GET", b"http://a.test", b"GET / HTTP/1.1", id="an absolute target without a path"),
        pytest.param(
            b"GET", b"http://a.test?c", b"GET /?c HTTP/1.1", id="an absolute target with a query alone"
        ),
        pytest.param(b"GET", b"/prefixed/a", b"GET /a HTTP/1.1", id="a prefix is taken away"),
        pytest.param(b"GET", b"/prefixed", b"GET / HTTP/1.1", id="a prefix alone leaves the root"),
        pytest.param(b"PUT", b"/", b"PUT / HTTP/1.1", id="PUT"),
        pytest.param(b"PATCH", b"/", b"PATCH / HTTP/1.1", id="PATCH"),
        pytest.param(b"DELETE", b"/", b"DELETE / HTTP/1.1", id="DELETE"),
        pytest.param(b"OPTIONS", b"/", b"OPTIONS / HTTP/1.1", id="OPTIONS"),
        pytest.param(b"PROPFIND", b"/", b"PROPFIND / HTTP/1.1", id="a method of WebDAV"),
        pytest.param(b"GET", b"/" + b"a" * 900, b"GET /" + b"a" * 900 + b" HTTP/1.1", id="a long target"),
    ],
)
async def test_one_reading_of_a_target_is_forwarded(replay, method, target, expected):
    outcome = await replay(method + b" " + target + b" HTTP/1.1\r\n" + FIELDS)
    assert ["200"] == outcome.lines
    assert [expected] == [seen.lines[0] for seen in outcome.seen]
    assert not outcome.closed


@pytest.mark.parametrize(
    ("fields", "line"),
    [
        pytest.param(b"", "400 bad_host", id="no Host"),
        pytest.param(b"Host: a.test\r\nHost: b.test\r\n", "400 duplicate_field", id="two hosts"),
        pytest.param(b"Host: a.test\r\nhost: a.test\r\n", "400 duplicate_field", id="the same host twice"),
        pytest.param(b"Host:\r\n", "400 bad_host", id="an empty Host"),
        pytest.param(b"Host: \t \r\n", "400 bad_host", id="a blank Host"),
        pytest.param(b"Host: a.test, b.test\r\n", "400 bad_host", id="a list of hosts"),
        pytest.param(b"Host: a.test b.test\r\n", "400 bad_host", id="hosts with a space"),
        pytest.param(b"Host: user@a.test\r\n", "400 bad_host", id="user information"),
        pytest.param(b"Host: a.test/path\r\n", "400 bad_host", id="a path"),
        pytest.param(b"Host: a.test?x\r\n", "400 bad_host", id="a query"),
        pytest.param(b"Host: a.test#x\r\n", "400 bad_host", id="a fragment"),
        pytest.param(b"Host: http://a.test\r\n", "400 bad_host", id="a URL"),
        pytest.param(b"Host: a.test:\r\n", "400 bad_host", id="a colon without a port"),
        pytest.param(b"Host: a.test:http\r\n", "400 bad_host", id="a port in letters"),
        pytest.param(b"Host: a.test:123456\r\n", "400 bad_host", id="a port of six digits"),
        pytest.param(b"Host: a.test:80:80\r\n", "400 bad_host", id="two ports"),
        pytest.param(b"Host: 2001:db8::1\r\n", "400 bad_host", id="IPv6 without brackets"),
        pytest.param(b"Host: [2001:db8::1\r\n", "400 bad_host", id="IPv6 with one bracket"),
        pytest.param(b"Host: [fe80::1%25eth0]\r\n", "400 bad_host", id="IPv6 with a zone"),
        pytest.param(b"Host: []\r\n", "400 bad_host", id="empty brackets"),
        pytest.param(b"Host: a%2etest\r\n", "400 bad_host", id="an escape"),
        pytest.param(b"Host: a\\test\r\n", "400 bad_host", id="a backslash"),
        pytest.param(b"Host: \xc3\xa4.test\r\n", "400 bad_host", id="UTF-8"),
        pytest.param(b"Host: " + b"a" * 262 + b"\r\n", "400 bad_host", id="a name longer than names are"),
        pytest.param(b"Host : a.test\r\n", "400 malformed_request", id="a space before the colon"),
    ],
)
async def test_a_bad_host_is_refused(replay, fields, line):
    outcome = await replay(b"GET / HTTP/1.1\r\n" + fields + b"\r\n")
    assert [line] == outcome.lines
    assert [] == outcome.seen
    assert outcome.closed


@pytest.mark.parametrize(
    ("sent", "expected"),
    [
        pytest.param(b"Host: a.test", b"Host: a.test", id="a name"),
        pytest.param(b"HOST:a.test", b"Host: a.test", id="another spelling of the field"),
        pytest.param(b"Host: \t a.test \t", b"Host: a.test", id="white space around it"),
        pytest.param(b"Host: A.Test", b"Host: A.Test", id="case stays"),
        pytest.param(b"Host: a.test.", b"Host: a.test.", id="a dot at the end stays"),
        pytest.param(b"Host: a.test:8080", b"Host: a.test:8080", id="a port"),
        pytest.param(b"Host: a_b.test", b"Host: a_b.test", id="an underscore"),
        pytest.param(b"Host: 192.0.2.1", b"Host: 192.0.2.1", id="an IPv4 address"),
        pytest.param(b"Host: [2001:db8::1]", b"Host: [2001:db8::1]", id="an IPv6 address"),
        pytest.param(
            b"Host: [2001:db8::1]:8080", b"Host: [2001:db8::1]:8080", id="an IPv6 address with a port"
        ),
    ],
)
async def test_host_is_kept(replay, sent, expected):
    outcome = await replay(b"GET / HTTP/1.1\r\n" + sent + b"\r\n\r\n")
    assert ["200"] == outcome.lines
    [seen] = outcome.seen
    assert [expected] == [line for line in seen.lines if line.lower().startswith(b"host:")]
    assert not outcome.closed


@pytest.mark.parametrize(
    "sent",
    [
        pytest.param(b"\r\n" + GET + b"\r\n", id="one empty line"),
        pytest.param(b"\r\n\r\n" + GET + b"\r\n", id="two empty lines"),
        pytest.param(
            b"\r\n" * 50_000 + GET + b"\r\n", id="so many that cutting one by one would take minutes"
        ),
        pytest.param(GET + b"\r\n", id="none"),
    ],
)
async def test_empty_lines_before_a_request_are_ignored(replay_split, sent):
    outcome = await replay_split(sent)
    assert ["200"] == outcome.lines
    assert 1 == len(outcome.seen)
    assert not outcome.closed
