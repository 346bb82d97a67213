"""Processes of ours, and how they end."""

import asyncio
import os
import signal
import socket
import subprocess
import sys
from pathlib import Path

import pytest

from gateway.workers import process
from gateway.workers.process import HELD, Process, command, spawn

ROOT = Path(process.__file__).parents[2]
PATIENCE = 10.0
PROGRAM = """\
import os, signal, socket, sys
with socket.socket(fileno=int(sys.argv[1])) as sock:
    sock.sendall(repr(sorted(signal.pthread_sigmask(signal.SIG_BLOCK, []))).encode())
    sock.recv(1)
sys.exit(7)
"""


@pytest.fixture
async def child():
    """Start a program that tells which signals are held back, and ends with the status 7 when it may."""
    ours, theirs = socket.socketpair()
    with ours, theirs:
        pid = spawn([sys.executable, "-c", PROGRAM, str(theirs.fileno())], [theirs.fileno()])
        assert not os.get_inheritable(theirs.fileno())
        theirs.close()
        ended = asyncio.get_running_loop().create_future()
        yield Process(pid, ended.set_result), ours, ended


async def test_a_child_inherits_what_it_is_given_and_hears_no_terminal(child):
    process, ours, ended = child
    said = await asyncio.to_thread(ours.recv, 1000)
    assert all(name in said.decode() for name in (number.name for number in HELD))
    ours.sendall(b".")
    async with asyncio.timeout(PATIENCE):
        assert "status 7" == await ended
    process.signal(signal.SIGKILL)


async def test_a_child_that_is_killed_is_told(child):
    process, _, ended = child
    process.signal(signal.SIGKILL)
    async with asyncio.timeout(PATIENCE):
        assert "SIGKILL" == await ended


@pytest.mark.parametrize(
    ("first", "flags"),
    [
        pytest.param(str(ROOT), [], id="found in the current folder"),
        pytest.param("/usr/bin", ["-P"], id="found where it is installed"),
    ],
)
def test_a_child_finds_the_package_where_it_was_found(monkeypatch, first, flags):
    """Whoever may write in the current folder must not have his own run instead."""
    monkeypatch.setattr(sys, "path", [first, *sys.path])
    assert [sys.executable, *flags, "-m", "gateway.workers", "a"] == command("gateway.workers", "a")


@pytest.mark.parametrize("library", ["aiohttp", "httptools", "redis", "grpc", "gateway.app", "gateway.relay"])
def test_a_supervisor_loads_nothing_of_the_data_path(imported, library):
    """Hardly anything can end it, and it is soon there again after it has become another program."""
    assert library not in imported


@pytest.fixture(scope="module")
def imported():
    """What is loaded once the supervisor is."""
    program = "import gateway.workers.supervisor, sys; print(*sys.modules)"
    return subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    ).stdout.split()
