"""Which endpoint takes a request."""

from collections import Counter

import pytest

from gateway.config.snapshot import Address, UpstreamSettings
from gateway.config.snapshot import Pool as Bounds
from gateway.upstream import Upstream

PLACES = tuple(Address("127.0.0.1", port) for port in (4001, 4002, 4003))


@pytest.fixture
def upstream(clock):
    """Makes an upstream of endpoints that nobody asks."""

    def make(*endpoints, balance="least_pending", host="preserve"):
        bounds = Bounds(max_connections=1, max_pending=1, wait=1.0, idle=1.0)
        settings = UpstreamSettings("backend", endpoints, host, balance, bounds, 1.0, 1.0, 1.0)
        return Upstream(settings, clock)

    return make


@pytest.mark.parametrize("balance", ["round_robin", "least_pending"])
@pytest.mark.parametrize(
    "endpoints",
    [pytest.param(PLACES[:1], id="one endpoint"), pytest.param(PLACES, id="three endpoints")],
)
def test_idle_endpoints_share_evenly(upstream, balance, endpoints):
    """Requests that are over at once go round, whatever the balance."""
    choose = upstream(*endpoints, balance=balance).choose
    chosen = Counter(choose().address.port for _ in range(30))
    assert {place.port: 30 // len(endpoints) for place in endpoints} == chosen


def test_turns_are_taken_whoever_is_busy(upstream):
    three = upstream(*PLACES, balance="round_robin")
    three.endpoints[1].pending = 9
    assert [4001, 4002, 4003, 4001] == [three.choose().address.port for _ in range(4)]


def test_endpoint_with_the_fewest_unfinished_requests_is_chosen(upstream):
    """A slow one gets no more than it finishes."""
    three = upstream(*PLACES)
    slow = three.endpoints[0]
    slow.pending = 2
    for _ in range(4):
        three.choose().pending += 1
    assert [2, 2, 2] == [endpoint.pending for endpoint in three.endpoints]


def test_equally_busy_endpoints_take_turns(upstream):
    three = upstream(*PLACES)
    for endpoint in three.endpoints:
        endpoint.pending = 5
    assert 3 == len({three.choose().address.port for _ in range(3)})


@pytest.mark.parametrize(
    ("address", "authority"),
    [
        pytest.param(Address("127.0.0.1", 4001), b"127.0.0.1:4001", id="with its port"),
        pytest.param(Address("pay.internal", 80), b"pay.internal", id="without the usual one"),
        pytest.param(
            Address("pay.internal", 443), b"pay.internal:443", id="the usual one of TLS is not usual"
        ),
        pytest.param(Address("pay.internal", 443, tls=True), b"pay.internal", id="but over TLS it is"),
        pytest.param(Address("::1", 4001), b"[::1]:4001", id="IPv6 in brackets"),
        pytest.param(Address("::1", 80), b"[::1]", id="IPv6 without a port"),
        pytest.param(Address(unix="/run/pay.sock"), b"localhost", id="a Unix socket has no name"),
    ],
)
def test_endpoint_knows_its_name(upstream, address, authority):
    """RFC 9110 7.2: the Host of its own."""
    (endpoint,) = upstream(address, host="endpoint").endpoints
    assert (authority, authority) == (endpoint.authority, endpoint.host)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        pytest.param("preserve", None, id="the client's"),
        pytest.param("mint.azora.example", b"mint.azora.example", id="a name"),
    ],
)
def test_host_may_be_another(upstream, host, expected):
    (endpoint,) = upstream(PLACES[0], host=host).endpoints
    assert expected == endpoint.host


def test_closing_closes_every_pool(upstream):
    three = upstream(*PLACES)
    three.close()
    assert [True, True, True] == [endpoint.pool.closed for endpoint in three.endpoints]
