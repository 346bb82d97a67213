"""What rules are told of a route and of addresses."""

import pytest

from gateway.audit.survey import Survey, is_loopback, is_public
from gateway.config.snapshot import Address

AUTH = ("auth: id}", "auth: [id, public]}")
ALLOW = '    allow: {permissions: ["payments:read"]}\n'
OPEN = [(ALLOW, "    auth: public\n")]
GET = "methods: [GET]"


@pytest.mark.parametrize(
    ("changes", "is_open"),
    [
        pytest.param([], False, id="a proof and a demand"),
        pytest.param([(ALLOW, "")], False, id="a proof"),
        pytest.param([(ALLOW, "    auth: public\n")], True, id="public"),
        pytest.param([(ALLOW, "    auth: [public]\n")], True, id="a list of nothing else"),
        pytest.param([AUTH, (ALLOW, "")], True, id="a proof that may be missing"),
        pytest.param([AUTH], False, id="the same with a demand, which nobody meets without"),
    ],
)
def test_an_open_route_lets_pass_who_proves_nothing(specs, changes, is_open):
    (way,) = Survey(specs(*changes), 0.0).ways
    assert is_open is way.is_open


@pytest.mark.parametrize(
    ("methods", "changes"),
    [
        pytest.param("methods: [GET, HEAD, OPTIONS]", False, id="safe ones"),
        pytest.param("methods: [GET, DELETE]", True, id="one that is not"),
        pytest.param("methods: []", True, id="any"),
        pytest.param("methods: [PURGE]", True, id="one that nobody knows"),
    ],
)
def test_a_route_changes_something_unless_all_its_methods_are_safe(specs, methods, changes):
    (way,) = Survey(specs((GET, methods)), 0.0).ways
    assert changes is way.changes


@pytest.mark.parametrize(
    ("address", "loopback", "public"),
    [
        pytest.param(Address("127.0.0.1", 80), True, False, id="loopback"),
        pytest.param(Address("::1", 80), True, False, id="that of IPv6"),
        pytest.param(Address("localhost", 80), True, None, id="its name"),
        pytest.param(Address(unix="/a"), True, False, id="a Unix socket"),
        pytest.param(Address("10.0.0.1", 80), False, False, id="a private network"),
        pytest.param(Address("0.0.0.0", 80), False, True, id="all addresses"),
        pytest.param(Address("::", 80), False, True, id="those of IPv6"),
        pytest.param(Address("8.8.8.8", 80), False, True, id="a public one"),
        pytest.param(Address("pay.internal", 80), False, None, id="a name"),
    ],
)
def test_an_address_is_near_or_public(address, loopback, public):
    assert loopback is is_loopback(address)
    # Nobody listens on a name.
    assert public is None or public is is_public(address)


@pytest.mark.parametrize(
    ("key", "changes", "addresses", "principals"),
    [
        pytest.param("address", [], True, False, id="by address"),
        pytest.param("[address, route]", [], True, False, id="by address and route"),
        pytest.param("principal", [], False, True, id="by principal"),
        pytest.param("principal", OPEN, True, True, id="by principal, where who is nobody passes"),
        pytest.param('"claim:org"', [], False, True, id="by a claim"),
        pytest.param("route", [], False, False, id="all together"),
        pytest.param('[address, "header:X-Device"]', [], False, False, id="by what the client says, too"),
        pytest.param('[principal, "header:X-Device"]', [], False, False, id="the same with the principal"),
    ],
)
def test_a_route_knows_whom_it_counts(specs, key, changes, addresses, principals):
    tier = ("visitors: {limit: 60/1m, key: address}", f"visitors: {{limit: 60/1m, key: {key}}}")
    (way,) = Survey(specs(tier, ("[visitors, users]", "[visitors]"), *changes), 0.0).ways
    assert (addresses, principals) == (way.counts_addresses, way.counts_principals)


def test_what_is_at_once_is_no_rate(specs):
    tier = ("visitors: {limit: 60/1m, key: address}", "visitors: {concurrent: 2, key: address}")
    (way,) = Survey(specs(tier), 0.0).ways
    assert not way.counts_addresses
