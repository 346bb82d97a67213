"""What of a client's fields a backend sees: nothing of one connection, nothing forged, all else in order."""

import pytest

MANAGED = (
    (b"Host: ", b"a.test"),
    (b"X-Forwarded-For: ", b"192.0.2.7"),
    (b"X-Forwarded-Proto: ", b"http"),
    (b"X-Forwarded-Host: ", b"a.test"),
    (b"X-Forwarded-Port: ", b"8080"),
    (b"X-Real-IP: ", b"192.0.2.7"),
    (b"Forwarded: ", b"for=192.0.2.7;host=a.test;proto=http"),
    (b"Via: ", b"1.1 test-gateway-0"),
)


def get(*lines: bytes) -> bytes:
    return b"\r\n".join([b"GET / HTTP/1.1", b"Host: a.test", *lines, b"", b""])


def passed(seen) -> list[bytes]:
    """The lines that came from the client, once those that we write are known to be right."""
    lines = list(seen.lines[1:])
    for name, value in MANAGED:
        assert [name + value] == [line for line in lines if line.lower().startswith(name.lower())]
        lines.remove(name + value)
    return lines


@pytest.mark.parametrize(
    "line",
    [
        pytest.param(b"X-Auth-Subject: root", id="the subject"),
        pytest.param(b"x-auth-subject: root", id="the subject in lower case"),
        pytest.param(b"X-AUTH-SUBJECT: root", id="the subject in capitals"),
        pytest.param(b"X_Auth_Subject: root", id="the subject with underscores"),
        pytest.param(b"X-Auth_Subject: root", id="the subject with one underscore"),
        pytest.param(b"X.Auth.Subject: root", id="the subject with dots"),
        pytest.param(b"X-Auth.Subject: root", id="the subject with one dot"),
        pytest.param(b"X~Auth~Subject: root", id="the subject with tildes"),
        pytest.param(b"X!Auth!Subject: root", id="the subject with exclamation marks"),
        pytest.param(b"X-Auth-Roles: admin", id="the roles"),
        pytest.param(b"X_AUTH_ROLES: admin", id="the roles with underscores"),
        pytest.param(b"x.auth.roles: admin", id="the roles with dots"),
        pytest.param(b"X-Auth-Scopes: all", id="the scopes"),
        pytest.param(b"X_Auth-Scopes: all", id="the scopes with one underscore"),
        pytest.param(b"X-Auth-Method: mtls", id="the method"),
        pytest.param(b"X-Auth_Method: mtls", id="the method with one underscore"),
        pytest.param(b"X-Forwarded-For: 127.0.0.1", id="a forged address"),
        pytest.param(b"x-forwarded-for: 127.0.0.1, 10.0.0.1", id="a forged way"),
        pytest.param(b"X_Forwarded_For: 127.0.0.1", id="a forged address with underscores"),
        pytest.param(b"X-Forwarded-Proto: https", id="a forged protocol"),
        pytest.param(b"X-Forwarded-Host: evil.test", id="a forged host"),
        pytest.param(b"X-Forwarded-Port: 443", id="a forged port"),
        pytest.param(b"X-Forwarded-Prefix: /admin", id="a forged prefix"),
        pytest.param(b"X-Forwarded-Uri: /public", id="a forged URI"),
        pytest.param(b"X-Forwarded-Anything: 1", id="the rest of the family"),
        pytest.param(b"X_Forwarded_User: admin", id="a user with underscores"),
        pytest.param(b"X-Real-IP: 127.0.0.1", id="a forged X-Real-IP"),
        pytest.param(b"Forwarded: for=127.0.0.1;proto=https;host=admin", id="a forged Forwarded"),
        pytest.param(b'Forwarded: for="unknown', id="a Forwarded with an open quote"),
        pytest.param(b"X-Request-Id: " + b"a" * 32, id="a forged request id"),
        pytest.param(b"X-Original-URL: /public", id="another URL"),
        pytest.param(b"X-Rewrite-URL: /public", id="a rewritten URL"),
        pytest.param(b"X-HTTP-Method-Override: DELETE", id="another method"),
        pytest.param(b"X-HTTP-Method: DELETE", id="another spelling of another method"),
        pytest.param(b"Proxy: http://evil.test", id="a proxy for CGI programs"),
        pytest.param(b"Keep-Alive: timeout=5", id="Keep-Alive"),
        pytest.param(b"Proxy-Connection: keep-alive", id="Proxy-Connection"),
        pytest.param(b"Proxy-Authorization: Basic YTpi", id="Proxy-Authorization"),
        pytest.param(b"Proxy-Authenticate: Basic", id="Proxy-Authenticate"),
        pytest.param(b"TE: gzip", id="TE"),
        pytest.param(b"Trailer: X-Sum", id="Trailer"),
        pytest.param(b"Upgrade: websocket", id="Upgrade"),
        pytest.param(b"HTTP2-Settings: AAMAAABkAARAAAAAAAIAAAAA", id="HTTP2-Settings"),
        pytest.param(b"Connection: keep-alive", id="Connection"),
        pytest.param(b"Expect: 100-continue", id="Expect"),
        pytest.param(b"X.Anything: 1", id="any name with a dot"),
        pytest.param(b"Content_Type: text/html", id="any name with an underscore"),
    ],
)
async def test_a_field_that_is_not_the_clients_to_send_goes_no_further(replay, line):
    outcome = await replay(get(line))
    assert ["200"] == outcome.lines
    [seen] = outcome.seen
    assert [] == passed(seen)
    assert not outcome.closed


@pytest.mark.parametrize(
    "lines",
    [
        pytest.param([], id="none"),
        pytest.param([b"X-A: 1", b"X-B: 2", b"X-A: 3"], id="order and repetition stay"),
        pytest.param([b"x-lower: 1", b"X-UPPER: 2"], id="spelling stays"),
        pytest.param([b"X-Empty: "], id="an empty value"),
        pytest.param([b"Cookie: a=1; b=2"], id="a cookie"),
        pytest.param([b"Cookie: a=1", b"Cookie: b=2"], id="two cookies"),
        pytest.param([b"Cookie: ===;;;"], id="a cookie that is none"),
        pytest.param([b"Authorization: Bearer a.b.c"], id="credentials"),
        pytest.param([b"Accept: text/html", b"Accept: */*;q=0.1"], id="a list in two fields"),
        pytest.param([b"Origin: null"], id="an origin"),
        pytest.param([b"Range: bytes=abc-xyz"], id="a range that is none"),
        pytest.param([b"X-Utf8: \xc3\xa4"], id="bytes beyond ASCII in a value"),
        pytest.param([b"X-Tab: a\tb"], id="a tab in a value"),
        pytest.param([b"X-Env: %s" % (b"a" * 3000)], id="a long value"),
        pytest.param([b"User-Agent: a", b"Content-Type: text/plain", b"If-None-Match: *"], id="noted fields"),
        pytest.param([b"Max-Forwards: 5"], id="Max-Forwards of a GET"),
    ],
)
async def test_what_is_the_clients_to_send_arrives(replay, lines):
    outcome = await replay(get(*lines))
    assert ["200"] == outcome.lines
    [seen] = outcome.seen
    assert lines == passed(seen)
    assert not outcome.closed


@pytest.mark.parametrize(
    ("connection", "arrive"),
    [
        pytest.param(b"X-Hop", [b"X-End: 2", b"Cookie: a=1"], id="a field it names is removed"),
        pytest.param(b"x-hop, X-END", [b"Cookie: a=1"], id="two fields, in any case"),
        pytest.param(b"keep-alive,\tX-Hop ,", [b"X-End: 2", b"Cookie: a=1"], id="beside other options"),
        pytest.param(b"Cookie", [b"X-Hop: 1", b"X-End: 2"], id="credentials that it names are removed"),
        pytest.param(
            b"X-Forwarded-For, X-Forwarded-Host, X-Real-IP, Forwarded, Via, X-Request-Id, Host",
            [b"X-Hop: 1", b"X-End: 2", b"Cookie: a=1"],
            id="fields that we write stay ours",
        ),
        pytest.param(
            b"X-Forwarded-For, X-Hop, Authorization",
            [b"X-End: 2", b"Cookie: a=1"],
            id="what is ours beside what is the client's",
        ),
        pytest.param(
            b"X-Forwarded-For\r\nConnection: X-Hop",
            [b"X-End: 2", b"Cookie: a=1"],
            id="every Connection field counts",
        ),
    ],
)
async def test_connection_removes_what_it_names_and_nothing_of_ours(replay, connection, arrive):
    outcome = await replay(get(b"Connection: " + connection, b"X-Hop: 1", b"X-End: 2", b"Cookie: a=1"))
    assert ["200"] == outcome.lines
    [seen] = outcome.seen
    assert arrive == passed(seen)
    assert not outcome.closed


@pytest.mark.parametrize(
    "name",
    [
        pytest.param(b"Authorization", id="Authorization"),
        pytest.param(b"Content-Type", id="Content-Type"),
        pytest.param(b"Origin", id="Origin"),
        pytest.param(b"Expect", id="Expect"),
        pytest.param(b"X-Request-Id", id="X-Request-Id"),
        pytest.param(b"Sec-Fetch-Site", id="Sec-Fetch-Site"),
        pytest.param(b"Access-Control-Request-Method", id="Access-Control-Request-Method"),
        pytest.param(b"Max-Forwards", id="Max-Forwards"),
    ],
)
async def test_a_field_of_one_value_may_stand_once(replay, name):
    outcome = await replay(get(name + b": 100-continue", name.lower() + b": 100-continue"))
    assert ["400 duplicate_field"] == outcome.lines
    assert [] == outcome.seen
    assert outcome.closed


@pytest.mark.parametrize(
    ("via", "line", "forwarded"),
    [
        pytest.param(
            b"1.1 other", "200", b"Via: 1.1 other, 1.1 test-gateway-0", id="another proxy before us"
        ),
        pytest.param(
            b"1.1 test-gateway", "200", b"Via: 1.1 test-gateway, 1.1 test-gateway-0", id="a namesake"
        ),
        pytest.param(
            b"1.1 a\r\nVia: 1.0 b", "200", b"Via: 1.1 a, 1.0 b, 1.1 test-gateway-0", id="two fields"
        ),
        pytest.param(b"1.1 test-gateway-0", "502 proxy_loop", None, id="ourselves"),
        pytest.param(
            b"1.1 a, 1.1 test-gateway-0 (b), 1.0 c", "502 proxy_loop", None, id="ourselves among others"
        ),
    ],
)
async def test_via_shows_the_way_and_a_loop(replay, via, line, forwarded):
    outcome = await replay(get(b"Via: " + via))
    assert [line] == outcome.lines
    seen = [found for seen in outcome.seen for found in seen.lines if found.startswith(b"Via: ")]
    assert ([] if forwarded is None else [forwarded]) == seen
    assert not outcome.closed


async def test_a_prefix_is_told(replay):
    outcome = await replay(b"GET /prefixed/a HTTP/1.1\r\nHost: a.test\r\nX-Forwarded-Prefix: /b\r\n\r\n")
    assert ["200"] == outcome.lines
    [seen] = outcome.seen
    assert [b"X-Forwarded-Prefix: /prefixed"] == passed(seen)


@pytest.mark.parametrize(
    ("method", "hops", "arrives"),
    [
        pytest.param(b"OPTIONS", b"1", b"Max-Forwards: 0", id="one hop less"),
        pytest.param(b"OPTIONS", b"0010", b"Max-Forwards: 9", id="with zeros before it"),
        pytest.param(b"OPTIONS", b"0", None, id="none left"),
        pytest.param(b"OPTIONS", b"-1", b"Max-Forwards: -1", id="what is no number says nothing"),
        pytest.param(b"OPTIONS", b"9" * 3500, b"Max-Forwards: " + b"9" * 3500, id="nor does one without end"),
        pytest.param(b"GET", b"0", b"Max-Forwards: 0", id="it counts for OPTIONS alone"),
    ],
)
async def test_hops_are_counted(replay, method, hops, arrives):
    """RFC 9110 7.6.2: the last one answers by itself."""
    outcome = await replay(get(b"Max-Forwards: " + hops).replace(b"GET", method, 1))
    assert ["204" if arrives is None else "200"] == outcome.lines
    assert [arrives] * (arrives is not None) == [line for seen in outcome.seen for line in passed(seen)]
