from ipaddress import ip_network

import pytest

from gateway.policy import Policy, Reason
from gateway.policy.guard import Clients, DeclaredLength

SOURCE = "policies/azora-pay.yaml:7"
INSIDE = ["10.0.0.0/8", "2001:db8::/32"]
NEAR = ["10.1.0.0/16"]


def networks(texts):
    return [ip_network(text) for text in texts]


@pytest.mark.parametrize(
    ("allow", "deny", "client", "admitted"),
    [
        pytest.param([], NEAR, "192.0.2.1", True, id="without an allow list everyone else may ask"),
        pytest.param([], NEAR, "10.1.2.3", False, id="a denied network"),
        pytest.param(INSIDE, [], "10.9.9.9", True, id="an allowed network"),
        pytest.param(INSIDE, [], "192.0.2.1", False, id="an allow list denies the rest"),
        pytest.param(INSIDE, NEAR, "10.1.2.3", False, id="deny is asked before allow"),
        pytest.param(INSIDE, NEAR, "10.2.2.3", True, id="an allowed network around a denied one"),
        pytest.param(INSIDE, [], "2001:db8::7", True, id="an allowed IPv6 network"),
        pytest.param(INSIDE, [], "2001:DB8:0:0::7", True, id="IPv6 in another spelling"),
        pytest.param([], ["fe80::/10"], "fe80::1%eth0", False, id="a zone does not hide an address"),
        pytest.param([], NEAR, "::ffff:10.1.2.3", False, id="an IPv4-mapped address is the IPv4 address"),
        pytest.param([], ["::ffff:10.1.0.0/112"], "10.1.2.3", False, id="an IPv4-mapped network is IPv4"),
        pytest.param([], ["::ffff:10.1.0.0/112"], "10.2.2.3", True, id="beside an IPv4-mapped network"),
        pytest.param([], ["0.0.0.0/0"], "2001:db8::7", True, id="all of IPv4 is nothing of IPv6"),
        pytest.param([], ["::/0"], "192.0.2.1", True, id="all of IPv6 is nothing of IPv4"),
        pytest.param([], NEAR, "unix", True, id="a Unix socket passes a deny list"),
        pytest.param(["0.0.0.0/0", "::/0"], [], "unix", False, id="no network allows a Unix socket"),
        pytest.param([], NEAR, "", False, id="no address"),
        pytest.param([], NEAR, "10.1.2.3:80", False, id="an address with a port is none"),
        pytest.param([], NEAR, "010.001.002.003", False, id="octal or decimal, who knows"),
        pytest.param([], NEAR, "167838211", False, id="a number is no address"),
        pytest.param(["0.0.0.0/0"], [], "unknown", False, id="an obfuscated identifier"),
        pytest.param([], NEAR, "UNIX", False, id="Unix sockets have one name"),
    ],
)
def test_an_address_is_judged(exchange, allow, deny, client, admitted):
    clients = Clients(networks(allow), networks(deny), SOURCE)
    verdicts = {clients(exchange(client=client)) for _ in range(2)}
    assert [admitted] == [verdict is None for verdict in verdicts]


def test_a_refused_address_gets_a_constant(exchange):
    clients = Clients([], networks(["192.0.2.0/24"]), SOURCE)
    reply = clients(exchange(client="192.0.2.1"))
    assert reply is clients(exchange(client="192.0.2.2"))
    assert (reply.status, reply.reason, reply.closes) == (403, Reason.ADDRESS_DENIED, False)


def test_clients_with_many_addresses_fill_no_memory(exchange):
    clients = Clients([], networks(NEAR), SOURCE)
    for number in range(10_000):
        assert clients(exchange(client=f"2001:db8::{number:x}")) is None
    assert clients(exchange(client="10.1.0.1")) is not None
    assert "10.1.0.1" in clients._verdicts
    assert len(clients._verdicts) <= 4096


@pytest.mark.parametrize(
    ("length", "admitted"),
    [
        pytest.param(0, True, id="no body"),
        pytest.param(100, True, id="exactly the limit"),
        pytest.param(101, False, id="one byte more"),
        pytest.param(1 << 80, False, id="more than there is"),
        pytest.param(-1, True, id="a chunked body is counted while it passes"),
    ],
)
def test_a_declared_length_is_judged(exchange, length, admitted):
    assert admitted is (DeclaredLength(100, SOURCE)(exchange(length=length)) is None)


def test_a_refused_body_closes_the_connection_it_would_still_come_on(exchange):
    reply = DeclaredLength(0, SOURCE)(exchange(length=1))
    assert (reply.status, reply.reason, reply.closes) == (413, Reason.BODY_TOO_LARGE, True)


@pytest.mark.parametrize(
    ("policy", "name"),
    [
        pytest.param(Clients([], [], SOURCE), "clients", id="clients"),
        pytest.param(DeclaredLength(1, SOURCE), "limits", id="declared length"),
    ],
)
def test_a_policy_says_its_name_and_its_place(policy: Policy, name: str):
    assert (name, SOURCE) == (policy.name, policy.source)
