"""Sockets that outlive whoever accepts on them."""

import os
import socket

import pytest

from gateway.config.snapshot import Address
from gateway.workers.sockets import bound

LOOPBACK = Address("127.0.0.1", 0)


@pytest.fixture
def listen():
    """Bind some listeners and an admin listener, for so many places."""
    made = []

    def start(*listeners, admin=LOOPBACK, places=2):
        made.append(bound(listeners, admin, places))
        return made[-1]

    yield start
    for each in made:
        each.close()
        each.remove_files()


def test_each_place_has_a_socket_of_its_own_at_the_same_address(listen):
    two = listen(LOOPBACK, Address("::1", 0), places=3)
    names = {tuple(each.getsockname()[:2] for each in place) for place in two.places}
    assert {tuple((address.host, address.port) for address in two.addresses)} == names
    assert 6 == len({each.fileno() for place in two.places for each in place})
    assert two.admin_socket.getsockname()[1] == two.admin.port > 0


def test_what_nobody_accepts_waits_for_whoever_comes(listen):
    """New connections are spread over all places, and are there before anybody serves."""
    made = listen(LOOPBACK)
    clients = [socket.create_connection(("127.0.0.1", made.addresses[0].port)) for _ in range(64)]
    accepted = []
    for (listening,) in made.places:
        listening.setblocking(False)
        count = 0
        while True:
            try:
                taken, _ = listening.accept()
            except BlockingIOError:
                break
            taken.close()
            count += 1
        accepted.append(count)
    for client in clients:
        client.close()
    assert 64 == sum(accepted)
    assert all(accepted)


def test_a_unix_socket_is_one_for_all_and_goes_with_its_file(listen, tmp_path):
    place, admin = Address(unix=str(tmp_path / "a.sock")), Address(unix=str(tmp_path / "admin.sock"))
    made = listen(place, admin=admin)
    assert 1 == len({each.fileno() for sockets in made.places for each in sockets})
    assert {"a.sock", "admin.sock"} == set(os.listdir(tmp_path))
    made.close()
    made.remove_files()
    made.remove_files()
    assert [] == os.listdir(tmp_path)


def test_another_gateway_of_the_same_user_does_not_join(listen):
    """Its requests would go here and there, by two configurations."""
    taken = listen(LOOPBACK).addresses[0]
    with pytest.raises(OSError, match=rf"{taken}: Address already in use"):
        listen(taken)


def test_one_address_that_is_taken_leaves_the_others_free(listen):
    with socket.create_server(("127.0.0.1", 0)) as taken, socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        free = Address("127.0.0.1", probe.getsockname()[1])
        probe.close()
        with pytest.raises(OSError, match="in use"):
            listen(free, admin=Address("127.0.0.1", taken.getsockname()[1]))
    assert free == listen(free).addresses[0]
