"""A demo that cannot start says why in one line; how it runs is shown in `tests/e2e/test_demo.py`."""

import socket
import subprocess
import sys

import pytest


@pytest.fixture
def ended(repository):
    """Start the demo on a change of the repository's configuration, and tell how it ended."""

    def run(old, new):
        text = repository.read_text()
        assert old in text
        repository.write_text(text.replace(old, new))
        command = [sys.executable, "-m", "gateway", "demo", "--config", str(repository)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=10)
        return done.returncode, done.stdout, done.stderr.splitlines()

    return run


def test_port_that_is_taken_is_one_line(ended):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        status, out, (line,) = ended("127.0.0.1:0", f"127.0.0.1:{port}")
    assert (1, "", "gateway: ") == (status, out, line[:9])
    assert "address already in use" in line.lower()


def test_configuration_with_a_problem_is_told(ended):
    status, out, (line,) = ended("version: 1", "version: 9")
    assert (1, "") == (status, out)
    assert "gateway.yaml:6:10: version: " in line
