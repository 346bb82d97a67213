"""Who the client is behind trusted proxies, and what the backend is told of it."""

from ipaddress import ip_network

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from gateway.http.forwarded import Forwarding, bare_address

PEER = "10.0.0.1"
NETWORKS = [ip_network("10.0.0.0/8"), ip_network("fd00::/8")]
LISTED = Forwarding(NETWORKS, "x-forwarded-for")
ELEMENTS = Forwarding(NETWORKS, "forwarded")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("192.0.2.1", "192.0.2.1", id="IPv4 stays"),
        pytest.param("::ffff:192.0.2.1", "192.0.2.1", id="IPv4 in IPv6 is IPv4"),
        pytest.param("::ffff:102:304", "1.2.3.4", id="IPv4 in hexadecimal IPv6 is IPv4"),
        pytest.param("2001:DB8:0:0::1", "2001:db8::1", id="IPv6 has one spelling"),
        pytest.param("fe80::1%eth0", "fe80::1", id="a zone is removed"),
        pytest.param("::ffff:192.0.2.1%eth0", "192.0.2.1", id="a zone is removed from IPv4 in IPv6"),
        pytest.param("64:ff9b::1.2.3.4", "64:ff9b::102:304", id="a translated address stays IPv6"),
    ],
)
def test_an_address_has_one_form(text, expected):
    assert expected == bare_address(text)


@pytest.mark.parametrize("text", ["", "unix", "192.0.2.1:80", "192.0.2", "192.0.2.01", "192.0.2.1%eth0", "1"])
def test_what_is_no_address_has_no_form(text):
    with pytest.raises(ValueError, match="does not appear to be"):
        bare_address(text)


@pytest.mark.parametrize(
    ("peer", "expected"),
    [
        pytest.param("10.255.0.1", True, id="an address inside a trusted network"),
        pytest.param("::ffff:10.0.0.1", True, id="the same address in IPv6"),
        pytest.param("fd00::1", True, id="an IPv6 address inside a trusted network"),
        pytest.param("11.0.0.1", False, id="an address outside"),
        pytest.param("127.0.0.1", False, id="loopback is not trusted by itself"),
        pytest.param("unix", False, id="a peer without an address"),
    ],
)
def test_only_the_networks_named_are_trusted(peer, expected):
    assert expected == LISTED.trusts(peer)


def test_trust_does_not_depend_on_how_many_addresses_were_seen():
    forwarding = Forwarding(NETWORKS, "forwarded")
    seen = [forwarding.trusts(f"192.0.{number // 256}.{number % 256}") for number in range(5000)]
    assert (False, True) == (any(seen), forwarding.trusts(PEER))


@pytest.mark.parametrize(
    ("peer", "value", "expected"),
    [
        pytest.param(
            "203.0.113.9", "1.2.3.4", "203.0.113.9", id="an untrusted peer is the client, whatever it says"
        ),
        pytest.param(PEER, None, PEER, id="a trusted peer that says nothing is the client"),
        pytest.param(PEER, "1.2.3.4", "1.2.3.4", id="what a trusted peer says"),
        pytest.param(
            PEER, "6.6.6.6, 1.2.3.4", "1.2.3.4", id="what stands left of the client is its own invention"
        ),
        pytest.param(PEER, "1.2.3.4, 10.2.2.2, fd00::2", "1.2.3.4", id="trusted proxies are skipped"),
        pytest.param(PEER, "10.3.3.3,10.2.2.2", "10.3.3.3", id="the leftmost, if all are trusted"),
        pytest.param(PEER, "1.2.3.4:4711", "1.2.3.4", id="a port"),
        pytest.param(PEER, "[2001:db8::1]:4711", "2001:db8::1", id="IPv6 with a port"),
        pytest.param(PEER, '"[2001:db8::1]:4711"', "2001:db8::1", id="IPv6 with a port, quoted"),
        pytest.param(PEER, "[2001:db8::1]", "2001:db8::1", id="IPv6 in brackets"),
        pytest.param(PEER, "2001:DB8::1", "2001:db8::1", id="bare IPv6"),
        pytest.param(PEER, "::ffff:1.2.3.4", "1.2.3.4", id="IPv4 in IPv6"),
        pytest.param(PEER, "fe80::1%eth0", "fe80::1", id="a zone"),
        pytest.param(
            PEER, "1.2.3.4, junk, 10.2.2.2", "10.2.2.2", id="the last good hop before a malformed element"
        ),
        pytest.param(PEER, "1.2.3.4, junk", PEER, id="the peer, if the nearest element is malformed"),
        pytest.param(PEER, "1.2.3.4, , 10.2.2.2", "10.2.2.2", id="an empty element is malformed"),
        pytest.param(PEER, "1.2.3.4, unknown", PEER, id="an unknown hop ends the walk"),
        pytest.param(PEER, "1.2.3.4, 10.2.2.999", PEER, id="a number that is no octet"),
        pytest.param(PEER, "1.2.3.4, [10.2.2.2]", PEER, id="IPv4 in brackets is no address"),
        pytest.param(PEER, "1.2.3.4, 10.2.2.2:port", PEER, id="a port that is no number"),
        pytest.param(PEER, "," * 8192, PEER, id="nothing but commas"),
        pytest.param(PEER, "1.2.3.4" + ", 10.2.2.2" * 900, "10.2.2.2", id="a walk through too many proxies"),
    ],
)
def test_the_client_of_x_forwarded_for(peer, value, expected):
    assert (expected, False) == LISTED.origin(peer, False, _noted(x_forwarded_for=value))


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param("for=1.2.3.4", ("1.2.3.4", False), id="what a trusted peer says"),
        pytest.param("For=1.2.3.4;PROTO=HTTPS", ("1.2.3.4", True), id="names of parameters in capitals"),
        pytest.param('for="[2001:db8::1]:4711"', ("2001:db8::1", False), id="IPv6 with a port"),
        pytest.param('for="1.2.3.4:_obfuscated"', ("1.2.3.4", False), id="an obfuscated port"),
        pytest.param(r'for="1.2\.3.4"', ("1.2.3.4", False), id="an escape inside of quotes"),
        pytest.param(
            "for=6.6.6.6, for=1.2.3.4, for=10.2.2.2", ("1.2.3.4", False), id="trusted proxies are skipped"
        ),
        pytest.param(
            "for=1.2.3.4;proto=https, for=10.2.2.2;proto=http",
            ("1.2.3.4", True),
            id="the protocol of the client",
        ),
        pytest.param(
            "for=6.6.6.6;proto=https, for=1.2.3.4;proto=http",
            ("1.2.3.4", False),
            id="no protocol that the client invents",
        ),
        pytest.param("for=1.2.3.4 ; proto=https", ("1.2.3.4", True), id="white space around a semicolon"),
        pytest.param(
            r'for=1.2.3.4;by="a,b\"c;d"', ("1.2.3.4", False), id="a comma and a quote inside of quotes"
        ),
        pytest.param('for=", for=1.2.3.4', ("1.2.3.4", False), id="a quote left open further left"),
        pytest.param("for=1.2.3.4, for=unknown", (PEER, False), id="an unknown hop ends the walk"),
        pytest.param(
            "for=1.2.3.4, for=_gw1, for=10.2.2.2", ("10.2.2.2", False), id="a hidden hop ends the walk"
        ),
        pytest.param(
            "for=1.2.3.4, proto=https", (PEER, False), id="an element without address ends the walk"
        ),
        pytest.param("for=1.2.3.4, for=10.2.2.2;for=5.6.7.8", (PEER, False), id="a parameter twice"),
        pytest.param("for=1.2.3.4, for=[2001:db8::1]", (PEER, False), id="IPv6 must be quoted"),
        pytest.param("for=1.2.3.4, ", (PEER, False), id="an empty element is malformed"),
        pytest.param("for=1.2.3.4;, for=10.2.2.2", ("10.2.2.2", False), id="a semicolon too many"),
        pytest.param("," * 8192, (PEER, False), id="nothing but commas"),
        pytest.param('a="' + "x," * 4096, (PEER, False), id="an endless quote"),
        pytest.param(
            'for=1.2.3.4;by="' + "x" * 600 + '"', (PEER, False), id="an element too long to be meant"
        ),
    ],
)
def test_the_client_of_forwarded(value, expected):
    assert expected == ELEMENTS.origin(PEER, False, _noted(forwarded=value))


@pytest.mark.parametrize(
    ("peer", "secure", "proto", "expected"),
    [
        pytest.param("203.0.113.9", False, "https", False, id="an untrusted word is not believed"),
        pytest.param("203.0.113.9", True, None, True, id="our own TLS is enough"),
        pytest.param(PEER, False, "https", True, id="a trusted word is enough"),
        pytest.param(PEER, False, "http", False, id="a trusted word that says no"),
        pytest.param(PEER, True, "http", True, id="our own TLS stays"),
        pytest.param(PEER, False, "https, http", False, id="of several words only the last is the proxy's"),
        pytest.param(PEER, False, "HTTPS", True, id="in capitals"),
    ],
)
def test_whether_the_client_is_secure(peer, secure, proto, expected):
    assert expected == LISTED.origin(peer, secure, _noted(x_forwarded_proto=proto))[1]


def test_the_other_family_is_not_read():
    both = _noted(x_forwarded_for="1.1.1.1", x_forwarded_proto="https", forwarded="for=2.2.2.2")
    assert [("1.1.1.1", True), ("2.2.2.2", False)] == [
        forwarding.origin(PEER, False, both) for forwarding in (LISTED, ELEMENTS)
    ]


@pytest.mark.parametrize(
    ("forwarding", "peer", "secure", "authority", "noted", "expected"),
    [
        pytest.param(
            LISTED,
            "203.0.113.9",
            False,
            b"api.example",
            {
                "x_forwarded_for": "127.0.0.1",
                "x_forwarded_host": "evil.example",
                "x_forwarded_proto": "https",
            },
            [
                "203.0.113.9",
                "http",
                "api.example",
                "8080",
                "203.0.113.9",
                "for=203.0.113.9;host=api.example;proto=http",
            ],
            id="what an untrusted peer says is replaced",
        ),
        pytest.param(
            LISTED,
            "2001:db8::9",
            True,
            b"api.example:8443",
            {},
            [
                "2001:db8::9",
                "https",
                "api.example:8443",
                "8080",
                "2001:db8::9",
                'for="[2001:db8::9]";host="api.example:8443";proto=https',
            ],
            id="IPv6 and a host with a port are quoted in Forwarded",
        ),
        pytest.param(
            LISTED,
            PEER,
            False,
            b"10.0.0.7:8080",
            {
                "x_forwarded_for": "6.6.6.6, 1.2.3.4, fd00::2",
                "x_forwarded_proto": "https",
                "x_forwarded_host": "shop.example",
                "x_forwarded_port": "8443",
            },
            [
                "1.2.3.4, fd00::2, 10.0.0.1",
                "https",
                "shop.example",
                "8443",
                "1.2.3.4",
                'for=1.2.3.4;host=shop.example;proto=https, for="[fd00::2]", for=10.0.0.1',
            ],
            id="a trusted peer joins the hops and its words are kept",
        ),
        pytest.param(
            ELEMENTS,
            PEER,
            False,
            b"inner.example",
            {
                "forwarded": 'for=1.2.3.4;proto=https;host="shop.example:8443"',
                "x_forwarded_host": "evil.example",
            },
            [
                "1.2.3.4, 10.0.0.1",
                "https",
                "shop.example:8443",
                "8443",
                "1.2.3.4",
                'for=1.2.3.4;host="shop.example:8443";proto=https, for=10.0.0.1',
            ],
            id="the words of Forwarded are kept",
        ),
        pytest.param(
            LISTED,
            PEER,
            False,
            b"shop.example",
            {"x_forwarded_for": "1.2.3.4", "x_forwarded_proto": "https"},
            [
                "1.2.3.4, 10.0.0.1",
                "https",
                "shop.example",
                "443",
                "1.2.3.4",
                "for=1.2.3.4;host=shop.example;proto=https, for=10.0.0.1",
            ],
            id="the port follows a protocol that a trusted peer names",
        ),
        pytest.param(
            LISTED,
            PEER,
            False,
            b"shop.example",
            {"x_forwarded_proto": "gopher", "x_forwarded_host": 'a"b', "x_forwarded_port": "99999"},
            [
                "10.0.0.1",
                "http",
                "shop.example",
                "8080",
                "10.0.0.1",
                "for=10.0.0.1;host=shop.example;proto=http",
            ],
            id="words that mean nothing are not kept",
        ),
    ],
)
def test_what_the_backend_is_told(forwarding, peer, secure, authority, noted, expected):
    names = [
        b"X-Forwarded-For",
        b"X-Forwarded-Proto",
        b"X-Forwarded-Host",
        b"X-Forwarded-Port",
        b"X-Real-IP",
        b"Forwarded",
    ]
    fields = forwarding.fields(peer, secure, 8080, authority, _noted(**noted))
    assert tuple(zip(names, [text.encode() for text in expected], strict=True)) == fields


def test_what_is_not_known_is_not_told():
    expected = ((b"X-Forwarded-Proto", b"http"), (b"Forwarded", b"for=unknown;proto=http"))
    assert expected == LISTED.fields("unix", False, 0, b"", {})


_claims = st.dictionaries(
    st.sampled_from(
        ["x_forwarded_for", "x_forwarded_proto", "x_forwarded_host", "x_forwarded_port", "forwarded"]
    ),
    st.lists(
        st.sampled_from(
            ['"', "\\", ",", ";", "=", "for=", "host=", "1.2.3.4", "10.9.9.9", "a.example", "\r\nX: y"]
        )
        | st.characters(max_codepoint=255),
        max_size=12,
    ).map("".join),
)


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([LISTED, ELEMENTS]), _claims, st.binary(max_size=12))
def test_nothing_of_a_claim_breaks_out_of_a_field(forwarding, claims, authority):
    for _, value in forwarding.fields(PEER, False, 8080, authority, _noted(**claims)):
        assert value == value.translate(None, b"\r\n\0\\")
        assert 0 == value.count(b'"') % 2
        assert value.isascii()


@settings(max_examples=200, deadline=None)
@given(st.sampled_from([LISTED, ELEMENTS]), _claims, st.booleans())
def test_an_untrusted_peer_changes_nothing_by_what_it_says(forwarding, claims, secure):
    said = [
        forwarding.fields("203.0.113.9", secure, 80, b"a.example", noted) for noted in ({}, _noted(**claims))
    ]
    assert said[0] == said[1]


@settings(max_examples=200, deadline=None)
@given(_claims, st.sampled_from(["x-forwarded-for", "forwarded"]))
def test_a_proxy_behind_a_client_always_sees_it(claims, family):
    """Whatever a client writes, the hop that its proxy appends is the client."""
    forwarding = Forwarding(NETWORKS, family)
    name = family.replace("-", "_")
    appended = "198.51.100.7" if family == "x-forwarded-for" else "for=198.51.100.7;proto=http"
    claims[name] = f"{claims[name]}, {appended}" if name in claims else appended
    assert "198.51.100.7" == forwarding.origin(PEER, False, _noted(**claims))[0]


def _noted(**texts: str | None) -> dict[bytes, bytes]:
    return {
        name.replace("_", "-").encode(): text.encode("latin-1")
        for name, text in texts.items()
        if text is not None
    }
