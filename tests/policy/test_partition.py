import inspect
import re
from itertools import combinations

import pytest

from gateway.policy import Principal
from gateway.policy.partition import keys, network

TIER = "public-0123abcd"
THANDI = Principal("thandi", "jwt", claims={"iss": "https://id", "org": "azora", "seats": 4, "tags": ["a"]})


@pytest.fixture
def key(exchange):
    """The key of a request from somebody, with a value of the field X-Team, by the named things."""

    def make(*names, client="192.0.2.1", principal=None, team=None, noted=None, route="pay"):
        made = exchange(client=client)
        made.principal = principal
        made.request.lines = [b"X-Team: " + team] if team else []
        made.request.noted = noted or {}
        return keys(names, TIER, route)(made)

    return make


@pytest.mark.parametrize(
    ("client", "owner"),
    [
        pytest.param("192.0.2.1", "192.0.2.1", id="IPv4"),
        pytest.param("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64", id="IPv6 by its /64"),
        pytest.param("2001:DB8:1:2::7", "2001:db8:1:2::/64", id="in another spelling"),
        pytest.param("::ffff:192.0.2.1", "192.0.2.1", id="IPv4-mapped is IPv4"),
        pytest.param("fe80::1%eth0", "fe80::/64", id="a zone"),
        pytest.param("unix", "unix", id="a Unix socket"),
        pytest.param("_hidden", "_hidden", id="an obfuscated identifier"),
    ],
)
def test_an_address_belongs_to_somebody(client, owner):
    assert owner == network(client)


@pytest.mark.parametrize(
    ("names", "one", "other"),
    [
        pytest.param(["address"], {}, {"principal": THANDI}, id="an address, whoever it is"),
        pytest.param(["address"], {}, {"route": "forge"}, id="an address, on any route"),
        pytest.param(["address"], {"client": "2001:db8::1"}, {"client": "2001:db8::2"}, id="one /64 of IPv6"),
        pytest.param(
            ["principal"], {"principal": THANDI}, {"principal": THANDI, "client": "192.0.2.9"}, id="a subject"
        ),
        pytest.param(["route"], {}, {"client": "192.0.2.9"}, id="everybody on a route"),
        pytest.param(["header:X-Team"], {"team": b"a"}, {"team": b"a", "client": "::1"}, id="a field"),
        pytest.param(
            ["header:Origin"],
            {"noted": {b"origin": b"https://a"}},
            {"noted": {b"origin": b"https://a"}, "client": "::1"},
            id="a field that is noted",
        ),
        pytest.param(
            ["claim:org"],
            {"principal": THANDI},
            {"principal": Principal("johan", "jwt", claims={"org": "azora"})},
            id="a claim",
        ),
    ],
)
def test_these_are_counted_together(key, names, one, other):
    assert key(*names, **one) == key(*names, **other)


@pytest.mark.parametrize(
    ("names", "one", "other"),
    [
        pytest.param(["address"], {}, {"client": "192.0.2.2"}, id="two addresses"),
        pytest.param(["principal"], {}, {"principal": THANDI}, id="a subject and nobody"),
        pytest.param(["principal"], {}, {"client": "192.0.2.2"}, id="nobody from two addresses"),
        pytest.param(
            ["principal"],
            {},
            {"principal": Principal("192.0.2.1", "jwt")},
            id="a subject that is called like an address",
        ),
        pytest.param(
            ["principal"],
            {"principal": THANDI},
            {"principal": Principal("thandi", "jwt", claims={"iss": "https://other"})},
            id="the subject of another issuer",
        ),
        pytest.param(
            ["principal"],
            {"principal": Principal("thandi", "jwt")},
            {"principal": Principal("thandi", "api_key")},
            id="the subject of another method",
        ),
        pytest.param(["route"], {}, {"route": "forge"}, id="two routes"),
        pytest.param(["address", "route"], {}, {"route": "forge"}, id="an address on two routes"),
        pytest.param(["header:X-Team"], {"team": b"a"}, {"team": b"b"}, id="two values of a field"),
        pytest.param(
            ["header:X-Team"], {}, {"team": b"192.0.2.1"}, id="a field with the address of who has none"
        ),
        pytest.param(["header:X-Team"], {}, {"client": "192.0.2.2"}, id="no field, from two addresses"),
        pytest.param(
            ["claim:seats"],
            {"principal": THANDI},
            {"principal": Principal("x", "jwt", claims={"seats": "4"})},
            id="a number and the text of it",
        ),
        pytest.param(
            ["claim:org"],
            {"principal": Principal("a", "jwt")},
            {"principal": Principal("b", "jwt")},
            id="subjects without the claim",
        ),
        pytest.param(
            ["claim:tags"],
            {"principal": THANDI},
            {"principal": Principal("b", "jwt", claims={"tags": ["a"]})},
            id="a list is no name",
        ),
        pytest.param(
            ["header:X-A", "header:X-Team"],
            {"team": b"a"},
            {"team": b"a", "client": "192.0.2.2"},
            id="a list with one value missing",
        ),
    ],
)
def test_these_are_counted_apart(key, names, one, other):
    assert key(*names, **one) != key(*names, **other)


def test_no_kind_of_key_meets_another(key):
    """The same text as an address, a subject, a field, a claim and a route is five different buckets."""
    text = "192.0.2.1"
    who = Principal(text, "jwt", claims={"c": text})
    names = ("address", "principal", "header:X-Team", "claim:c", "route")
    made = [key(name, principal=who, team=text.encode(), route=text) for name in names]
    assert not [pair for pair in combinations(made, 2) if pair[0] == pair[1]]


def test_a_key_says_nothing_of_the_client_and_keeps_its_tiers_together(key):
    made = key("header:X-Team", team=b"a {secret}\r\n" * 1000)
    assert re.fullmatch(r"quota:\{[0-9a-f]{32}\}:public-0123abcd", made)


def test_a_flood_of_values_fills_no_memory(exchange):
    """What is learned is bounded, and a long value is not learned at all."""
    key = keys(["header:X-Team"], TIER, "pay")
    learned = inspect.getclosurevars(key).nonlocals["learned"]
    for number in range(10_000):
        made = exchange()
        made.request.noted = {b"x-team": b"%d" % number}
        key(made)
    made.request.noted = {b"x-team": b"x" * 5000}
    assert key(made) not in learned.values()
    assert 0 < len(learned) <= 4096
