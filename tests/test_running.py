"""One question to a running gateway, and every way in which it can go unanswered."""

import re
import socket
import threading

import pytest

from gateway.config.snapshot import Address
from gateway.running import readiness

READY = b"HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nready\n"
DRAINING = b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 9\r\n\r\ndraining\n"


@pytest.fixture
def answering():
    """Answer one connection with the given bytes; gives the address, or listens on the one given."""
    threads, sockets = [], []

    def start(answer, family=socket.AF_INET, place=("127.0.0.1", 0)):
        listening = socket.socket(family, socket.SOCK_STREAM)
        listening.bind(place)
        listening.listen()
        listening.settimeout(5)
        sockets.append(listening)

        def serve():
            connection, _ = listening.accept()
            with connection:
                asked.append(connection.recv(4096))
                connection.sendall(answer)

        asked = []
        threads.append(threading.Thread(target=serve))
        threads[-1].start()
        name = listening.getsockname()
        return (Address(unix=name) if isinstance(name, str) else Address(*name[:2])), asked

    yield start
    for thread in threads:
        thread.join()
    for each in sockets:
        each.close()


def test_gateway_that_is_ready_is_no_problem(answering):
    """It is asked by a name that its guard against DNS rebinding takes."""
    address, asked = answering(READY)
    assert readiness(address) is None
    assert asked[0].startswith(b"GET /readyz HTTP/1.1\r\n")
    assert b"\r\nHost: localhost\r\n" in asked[0]


def test_gateway_on_every_address_is_asked_on_loopback(answering):
    address, _ = answering(READY, place=("0.0.0.0", 0))
    assert readiness(Address("0.0.0.0", address.port)) is None


def test_gateway_on_a_unix_socket_is_asked_there(answering, tmp_path):
    address, _ = answering(READY, socket.AF_UNIX, str(tmp_path / "admin.sock"))
    assert readiness(address) is None


@pytest.mark.parametrize(
    ("answer", "expected"),
    [
        pytest.param(DRAINING, r"the admin listener 127.0.0.1:\d+ says 503 draining", id="it drains"),
        pytest.param(b"", r"no answer from the admin listener 127.0.0.1:\d+: .+", id="it hangs up"),
        pytest.param(
            b"SSH-2.0-toy\r\n",
            r"what answers at 127.0.0.1:\d+ is no admin listener",
            id="it is something else",
        ),
    ],
)
def test_other_answers_are_problems(answering, answer, expected):
    address, _ = answering(answer)
    assert re.fullmatch(expected, readiness(address) or "")


@pytest.mark.parametrize(
    ("address", "expected"),
    [
        pytest.param(
            Address("127.0.0.1", 1),
            "no answer from the admin listener 127.0.0.1:1: Connection refused",
            id="nobody listens",
        ),
        pytest.param(
            Address(unix="/nowhere/admin.sock"),
            "no answer from the admin listener unix:/nowhere/admin.sock: No such file or directory",
            id="there is no such socket",
        ),
    ],
)
def test_nobody_is_a_problem(address, expected):
    assert expected == readiness(address)
