"""What one supervisor leaves the next one reads."""

import os

import pytest

from gateway.config.snapshot import Address, Log
from gateway.workers.facts import Facts
from gateway.workers.handover import Handover, Left, read, written

FACTS = Facts("abc", ("/etc/a.yaml",), True, ("127.0.0.1:80", "unix:/run/a"), 0.0, 20.0)
WORKER = Left(7, 8, -1, "serving", 0, True, "abc", FACTS, b"{}", b"\0\xff")
HANDOVER = Handover(
    path="/etc/a.yaml",
    log=Log("json", "info"),
    addresses=(Address("127.0.0.1", 80),),
    admin=Address(unix="/run/a"),
    sockets=((3,), (4,)),
    admin_socket=5,
    version="abc",
    facts=FACTS,
    deaths=2,
    log_level=b"debug",
    remains=b"\x80",
    quotas=b"{}",
    workers=(WORKER, Left(9, 10, 11, "loading", None, False, "", None, b"", b"")),
)


def test_all_of_it_is_read():
    descriptor = written(HANDOVER)
    try:
        assert HANDOVER == read(descriptor) == read(descriptor)
    finally:
        os.close(descriptor)


def test_every_descriptor_has_to_stay_open():
    assert {3, 4, 5, 8, 10, 11} == HANDOVER.descriptors()


@pytest.mark.parametrize("text", [b"", b"[]", b"{}", b'{"format": 2}', b'{"format": 1, "path": "a"}'])
def test_what_another_release_has_left_is_refused(text):
    descriptor = os.memfd_create("test")
    try:
        os.write(descriptor, text)
        with pytest.raises((ValueError, KeyError, TypeError)):
            read(descriptor)
    finally:
        os.close(descriptor)
