"""Whose site a request comes from."""

from ipaddress import ip_network

import pytest

from gateway.http.edits import Block
from gateway.http.forwarded import Forwarding
from gateway.http.request import Request
from gateway.policy import Exchange, Policy, Reason
from gateway.policy.csrf import Csrf

SOURCE = "policies/azora-pay.yaml:7"
TRUSTED = ["https://app.azora.example", "http://dev.azora.example:3000"]
PROXY = "10.0.0.1"


OURS = b"https://a.example"
THEIRS = b"https://evil.example"


def asked(method=b"POST", *, host=b"a.example", secure=True, peer="192.0.2.1", port=8443, **fields):
    """The exchange of a request as the reader of a listener makes it; a field `a_b` is `A-B`."""
    noted = {name.replace("_", "-").encode(): value for name, value in fields.items()}
    forwarding = Forwarding([ip_network("10.0.0.0/8")], "x-forwarded-for")
    client, secure_there = forwarding.origin(peer, secure, noted)
    told = Block(forwarding.fields(peer, secure, port, host, noted))
    request = Request(method, host, b"/", b"", [], noted, 0, client, secure_there, told)
    return Exchange(request, b"0" * 32, ())


def admits(exchange, trusted=TRUSTED):
    reply = Csrf(trusted, SOURCE)(exchange)
    assert reply is None or (403, Reason.CROSS_SITE_REQUEST) == (reply.status, reply.reason)
    return reply is None


@pytest.mark.parametrize(
    ("fields", "admitted"),
    [
        # Fetch Metadata decides where it is sent.
        pytest.param({"sec_fetch_site": b"same-origin"}, True, id="our own page"),
        pytest.param({"sec_fetch_site": b"none"}, True, id="a person typed the address"),
        pytest.param({"sec_fetch_site": b"cross-site"}, False, id="another site"),
        pytest.param({"sec_fetch_site": b"same-site"}, False, id="a neighbour of the same site"),
        pytest.param({"sec_fetch_site": b"Same-Origin"}, False, id="a word in another case"),
        pytest.param({"sec_fetch_site": b""}, False, id="an empty word"),
        pytest.param({"sec_fetch_site": b"same-origin, none"}, False, id="two words"),
        pytest.param({"sec_fetch_site": b"unheard-of"}, False, id="a word of the future"),
        pytest.param({"sec_fetch_site": b"same-origin", "origin": OURS}, True, id="our page and origin"),
        pytest.param(
            {"sec_fetch_site": b"cross-site", "origin": OURS},
            False,
            id="our origin does not outweigh the word",
        ),
        pytest.param(
            {"sec_fetch_site": b"same-origin", "origin": THEIRS},
            True,
            id="nor does theirs: proxies rewrite Host",
        ),
        pytest.param(
            {"sec_fetch_site": b"same-origin", "origin": b"null"}, True, id="our own page hides its origin"
        ),
        # Listed origins.
        pytest.param(
            {"sec_fetch_site": b"cross-site", "origin": b"https://app.azora.example"},
            True,
            id="a listed origin",
        ),
        pytest.param(
            {"sec_fetch_site": b"same-site", "origin": b"https://app.azora.example"},
            True,
            id="a listed neighbour",
        ),
        pytest.param({"origin": b"http://dev.azora.example:3000"}, True, id="a listed origin with a port"),
        pytest.param({"origin": b"http://dev.azora.example"}, False, id="a listed host, another port"),
        pytest.param({"origin": b"http://app.azora.example"}, False, id="a listed host, another scheme"),
        pytest.param({"origin": b"https://APP.azora.example"}, False, id="a listed origin in another case"),
        pytest.param({"origin": b"https://app.azora.example/"}, False, id="a listed origin and a path"),
        pytest.param({"origin": b"https://app.azora.example.evil.example"}, False, id="a longer name"),
        pytest.param({"origin": b"https://evilapp.azora.example"}, False, id="a name that ends alike"),
        # Origin against the host.
        pytest.param({}, True, id="no browser says neither"),
        pytest.param({"origin": OURS}, True, id="our own origin"),
        pytest.param({"origin": b"https://a.example:443"}, True, id="with the port of its scheme"),
        pytest.param({"origin": THEIRS}, False, id="their origin"),
        pytest.param({"origin": b"null"}, False, id="an origin that is hidden"),
        pytest.param({"origin": b""}, False, id="an empty origin"),
        pytest.param({"origin": b"a.example"}, False, id="a host is no origin"),
        pytest.param({"origin": b"http://a.example"}, False, id="our host over plain HTTP"),
        pytest.param(
            {"origin": b"https://a.example:8443"}, False, id="the port we listen on is not the client's"
        ),
        pytest.param({"origin": b"https://a.example:0443"}, False, id="a port in another spelling"),
        pytest.param({"origin": b"https://A.EXAMPLE"}, False, id="no browser writes capitals"),
        pytest.param({"origin": b"https://a.example/"}, False, id="an origin and a path"),
        pytest.param({"origin": b"https://a.example@evil.example"}, False, id="our host as user"),
        pytest.param({"origin": b"https://evil.example#a.example"}, False, id="our host as fragment"),
        pytest.param({"origin": b"https://a.example.evil.example"}, False, id="our host as beginning"),
        pytest.param({"origin": b"https://evil-a.example"}, False, id="our host as end"),
        pytest.param({"origin": b"https://a.example https://evil.example"}, False, id="a list of origins"),
        pytest.param({"origin": b"chrome-extension://abcdef"}, False, id="an extension"),
        pytest.param({"origin": b"file://"}, False, id="a file"),
    ],
)
def test_a_post_with_a_cookie_is_judged_by_where_it_comes_from(fields, admitted):
    assert admitted == admits(asked(cookie=b"session=1", **fields))


@pytest.mark.parametrize(
    ("host", "secure", "origin", "admitted"),
    [
        pytest.param(b"A.Example", True, OURS, True, id="a host has no case"),
        pytest.param(b"a.example:443", True, OURS, True, id="the scheme's own port in Host"),
        pytest.param(b"a.example:80", True, OURS, False, id="the port of the other scheme"),
        pytest.param(b"a.example:8443", True, b"https://a.example:8443", True, id="another port in both"),
        pytest.param(b"a.example:8443", True, OURS, False, id="another port in Host alone"),
        pytest.param(b"a.example", False, b"http://a.example", True, id="plain HTTP"),
        pytest.param(b"a.example:80", False, b"http://a.example", True, id="plain HTTP with its port"),
        pytest.param(b"a.example:8080", False, b"http://a.example:8080", True, id="plain HTTP, another port"),
        pytest.param(b"a.example:8080", False, b"http://a.example:80", False, id="a port that ends alike"),
        pytest.param(b"a.example", False, OURS, False, id="a secure origin at a plain listener"),
        pytest.param(b"[::1]:8080", False, b"http://[::1]:8080", True, id="an IPv6 address"),
        pytest.param(b"[::80]", False, b"http://[::80]", True, id="an IPv6 address that ends like a port"),
        pytest.param(b"", True, b"https://", False, id="no host at all (HTTP/1.0)"),
        pytest.param(
            b"a~b.example", True, b"https://a~b.example", False, id="a host that no backend is told"
        ),
    ],
)
def test_an_origin_is_compared_with_the_host_that_was_asked(host, secure, origin, admitted):
    assert admitted == admits(asked(host=host, secure=secure, cookie=b"a=b", origin=origin))


BEHIND = {"peer": PROXY, "secure": False, "host": b"pay.internal:8080", "x_forwarded_for": b"192.0.2.9"}


@pytest.mark.parametrize(
    ("fields", "admitted"),
    [
        pytest.param(
            {"x_forwarded_host": b"a.example", "x_forwarded_proto": b"https", "origin": OURS},
            True,
            id="the host that the proxy was asked for",
        ),
        pytest.param(
            {
                "x_forwarded_host": b"a.example",
                "x_forwarded_proto": b"https",
                "origin": b"http://pay.internal:8080",
            },
            False,
            id="not the host that the proxy asked us by",
        ),
        pytest.param(
            {"x_forwarded_host": b"a.example:8443", "x_forwarded_proto": b"https", "origin": OURS},
            False,
            id="the port is that of the proxy's word",
        ),
        pytest.param(
            {"x_forwarded_host": b"evil.example, a.example", "x_forwarded_proto": b"https", "origin": THEIRS},
            False,
            id="only the trusted proxy's own value counts",
        ),
        pytest.param(
            {"peer": "192.0.2.66", "x_forwarded_host": b"evil.example", "origin": b"http://evil.example"},
            False,
            id="a stranger's X-Forwarded-Host is no host of ours",
        ),
        pytest.param(
            {
                "peer": "192.0.2.66",
                "secure": False,
                "x_forwarded_proto": b"https",
                "host": b"a.example",
                "origin": OURS,
            },
            False,
            id="a stranger's X-Forwarded-Proto makes nothing secure",
        ),
    ],
)
def test_behind_trusted_proxies_the_external_host_counts(fields, admitted):
    assert admitted == admits(asked(cookie=b"a=b", **{**BEHIND, **fields}))


@pytest.mark.parametrize(
    ("method", "admitted"),
    [
        pytest.param(b"GET", True, id="GET"),
        pytest.param(b"HEAD", True, id="HEAD"),
        pytest.param(b"OPTIONS", True, id="OPTIONS"),
        pytest.param(b"POST", False, id="POST"),
        pytest.param(b"PUT", False, id="PUT"),
        pytest.param(b"PATCH", False, id="PATCH"),
        pytest.param(b"DELETE", False, id="DELETE"),
        pytest.param(b"PROPFIND", False, id="a method of an extension"),
        pytest.param(b"get", False, id="methods have a case"),
    ],
)
def test_methods_that_change_nothing_pass(method, admitted):
    assert admitted == admits(asked(method, cookie=b"a=b", sec_fetch_site=b"cross-site", origin=THEIRS))


@pytest.mark.parametrize(
    ("site", "admitted"),
    [
        pytest.param({"sec_fetch_site": b"cross-site", "origin": THEIRS}, False, id="of another site"),
        pytest.param({"origin": THEIRS}, False, id="of another site, an older browser"),
        pytest.param({"sec_fetch_site": b"same-origin", "origin": OURS}, True, id="of our own page"),
        pytest.param({}, True, id="of no browser"),
    ],
)
def test_a_handshake_of_a_websocket_is_no_harmless_get(site, admitted):
    assert admitted == admits(asked(b"GET", cookie=b"a=b", upgrade=b"websocket", **site))


@pytest.mark.parametrize(
    ("credentials", "admitted"),
    [
        pytest.param({}, True, id="none"),
        pytest.param({"cookie": b"a=b"}, False, id="a cookie"),
        pytest.param({"cookie": b""}, False, id="an empty cookie"),
        pytest.param({"authorization": b"Basic YTpi"}, False, id="a password"),
        pytest.param({"authorization": b"bAsIc YTpi"}, False, id="schemes have no case"),
        pytest.param({"authorization": b"Basic\tYTpi"}, False, id="a tab behind the scheme"),
        pytest.param({"authorization": b"Basic"}, False, id="a scheme alone"),
        pytest.param({"authorization": b"Digest username=a"}, False, id="a digest"),
        pytest.param({"authorization": b"Negotiate YII="}, False, id="a ticket of the operating system"),
        pytest.param({"authorization": b"Bearer abc"}, True, id="a token"),
        pytest.param({"authorization": b"BasicToken abc"}, True, id="a scheme that only begins so"),
        pytest.param({"authorization": b""}, True, id="nothing in it"),
        pytest.param({"authorization": b"Bearer abc", "cookie": b"a=b"}, False, id="a token beside a cookie"),
    ],
)
def test_only_what_a_browser_shows_of_its_own_accord_is_at_stake(credentials, admitted):
    assert admitted == admits(asked(sec_fetch_site=b"cross-site", origin=THEIRS, **credentials))


def test_a_client_certificate_is_shown_of_its_own_accord():
    for site, admitted in ((b"cross-site", False), (b"same-origin", True), (None, True)):
        exchange = asked(**({"sec_fetch_site": site} if site else {}))
        exchange.request.certificate = b"DER"
        assert admitted == admits(exchange)


def test_a_refusal_is_a_constant():
    first, second = (Csrf([], SOURCE)(asked(cookie=b"a=b", origin=THEIRS)) for _ in range(2))
    assert first is second
    assert not first.closes


def test_it_is_a_policy():
    policy: Policy = Csrf([], SOURCE)
    assert ("csrf", SOURCE) == (policy.name, policy.source)
