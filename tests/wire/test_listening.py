"""Sockets that clients connect to."""

import socket

import pytest

from gateway.config.snapshot import Address
from gateway.wire.listening import bind


def test_an_address_of_no_interface_cannot_be_taken():
    with pytest.raises(OSError, match="assign"):
        bind(Address("192.0.2.1", 0))


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
def test_whoever_says_so_may_share_an_address(host):
    """As long as all of them do."""
    with bind(Address(host, 0), socket.SO_REUSEPORT) as first:
        address = Address(host, first.getsockname()[1])
        with bind(address, socket.SO_REUSEPORT) as second:
            assert first.getsockname() == second.getsockname()
        first.listen()
        with pytest.raises(OSError, match="in use"):
            bind(address)


def test_a_unix_socket_that_was_left_over_is_taken(tmp_path):
    address = Address(unix=str(tmp_path / "a.sock"))
    bind(address).close()
    with bind(address) as listening:
        listening.listen()
        with pytest.raises(OSError, match="in use"):
            bind(address)
