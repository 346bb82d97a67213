"""One address of an upstream, and what is known of it."""

import pytest

from gateway.config.snapshot import Address
from gateway.config.snapshot import Pool as Bounds
from gateway.upstream.dial import Dialer
from gateway.upstream.endpoint import Endpoint
from gateway.upstream.pool import Pool


@pytest.fixture
def endpoint(clock):
    """Makes an endpoint that nobody connects to."""

    def make(address, host="preserve"):
        bounds = Bounds(max_connections=1, max_pending=1, wait=1.0, idle=1.0)
        return Endpoint(Pool(Dialer(address), bounds, 1.0, clock), host)

    return make


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
def test_it_knows_its_name(endpoint, address, authority):
    """RFC 9110 7.2: the Host of its own."""
    made = endpoint(address, host="endpoint")
    assert (address, authority, authority) == (made.address, made.authority, made.host)


@pytest.mark.parametrize(
    ("host", "expected"),
    [
        pytest.param("preserve", None, id="the client's"),
        pytest.param("mint.azora.example", b"mint.azora.example", id="a name"),
    ],
)
def test_host_may_be_another(endpoint, host, expected):
    assert expected == endpoint(Address("127.0.0.1", 4001), host=host).host


@pytest.mark.parametrize(
    ("healthy", "ejected", "expected"),
    [
        pytest.param(True, False, "up", id="nobody complains"),
        pytest.param(True, True, "ejected", id="its requests fail"),
        pytest.param(False, False, "unhealthy", id="its probes fail"),
        pytest.param(False, True, "unhealthy", id="both"),
    ],
)
def test_its_state_is_one_word(endpoint, healthy, ejected, expected):
    made = endpoint(Address("127.0.0.1", 4001))
    made.healthy, made.ejected = healthy, ejected
    assert expected == made.state
    assert f"<Endpoint 127.0.0.1:4001 {expected} pending=0>" == repr(made)


def test_failures_are_counted_in_a_row(endpoint):
    made = endpoint(Address("127.0.0.1", 4001))
    counts = []
    for report in (made.failed, made.failed, made.succeeded, made.failed):
        report()
        counts.append(made.failures)
    assert [1, 2, 0, 1] == counts


def test_who_watches_is_told_of_too_many_until_it_is_out(endpoint):
    """Once a failure, from the third on; an endpoint that is out has nothing to lose."""
    made = endpoint(Address("127.0.0.1", 4001))
    told = []
    made.watch(3, told.append)
    for _ in range(4):
        made.failed()
    assert [made, made] == told
    made.ejected = True
    made.failed()
    assert (2, 5) == (len(told), made.failures)
