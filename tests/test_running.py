"""One question to a running gateway, and every way in which it can go unanswered."""

import re
import socket
import threading

import pytest

from gateway.config.snapshot import Address
from gateway.running import UnansweredError, explanation, readiness

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


def said(status, text):
    return b"HTTP/1.1 %b X\r\nContent-Length: %d\r\n\r\n%b" % (status, len(text), text)


@pytest.mark.parametrize(
    ("token", "fields"),
    [("t0ken", [b"Authorization: Bearer t0ken"]), ("", [])],
    ids=["with the token", "where there is none"],
)
def test_what_is_remembered_of_a_request_is_asked_for(answering, token, fields):
    address, asked = answering(said(b"200", b'{"verdict": "passed"}'))
    assert {"verdict": "passed"} == explanation(address, token, "ab&c")
    line, *lines = asked[0].split(b"\r\n")
    assert b"GET /explain?request_id=ab%26c HTTP/1.1" == line
    assert fields == [line for line in lines if line.startswith(b"Authorization")]


@pytest.mark.parametrize(
    ("answer", "message"),
    [
        pytest.param(
            said(b"404", b'{"detail": "No such request is remembered: only the last 4096 are."}'),
            "No such request is remembered: only the last 4096 are.",
            id="it is not remembered",
        ),
        pytest.param(
            said(b"404", b'{"detail": "Nothing is remembered here: telemetry.decisions is 0."}'),
            "Nothing is remembered here: telemetry.decisions is 0.",
            id="nothing is",
        ),
        pytest.param(
            said(b"401", b'{"detail": "A bearer token is needed."}'),
            "A bearer token is needed.",
            id="the token is another one",
        ),
        pytest.param(said(b"404", b"404: Not Found"), r"the admin listener \S+ says 404", id="an older one"),
        pytest.param(said(b"500", b"[]"), r"the admin listener \S+ says 500", id="it fails"),
        pytest.param(said(b"200", b"[1]"), r"the admin listener \S+ says 200", id="it is something else"),
        pytest.param(b"", r"no answer from the admin listener \S+: .+", id="it hangs up"),
    ],
)
def test_what_is_not_remembered_is_one_line(answering, answer, message):
    address, _ = answering(answer)
    with pytest.raises(UnansweredError) as raised:
        explanation(address, "", "0" * 32)
    assert re.fullmatch(message, str(raised.value))


def test_nobody_remembers_anything():
    with pytest.raises(UnansweredError, match="Connection refused"):
        explanation(Address("127.0.0.1", 1), "", "0" * 32)
