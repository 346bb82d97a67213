"""A demo that cannot start says why in one line; how it runs is shown in `tests/e2e/test_demo.py`.

One part of it runs alone, and leaves in peace.
"""

import re
import signal
import socket
import subprocess
import sys
from contextlib import contextmanager
from urllib.request import urlopen

import jwt
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


@contextmanager
def running(part, *arguments):
    """The process of one part, and the URL that it says it answers at."""
    command = [sys.executable, "-m", "gateway", "demo", "--only", part, *arguments]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        try:
            said = process.stdout.readline()
            yield process, re.fullmatch(rf"{part} answers at (http://\S+:\d+)\n", said)[1]
        finally:
            process.kill()


@pytest.mark.parametrize(
    ("part", "path", "shows"),
    [
        pytest.param("azora-pay", "/health", '"azora-pay"', id="a service"),
        pytest.param("azora-id", "/.well-known/openid-configuration", '/keys"', id="the issuer"),
    ],
)
def test_one_part_runs_alone_until_it_is_told_to_end(part, path, shows):
    with running(part, "--address", "127.0.0.2:0") as (process, url):
        assert url.startswith("http://127.0.0.2:")
        with urlopen(url + path) as answer:
            text = answer.read().decode()
        process.send_signal(signal.SIGTERM)
        assert 0 == process.wait(10)
    assert shows in text


def test_tokens_are_signed_by_an_issuer_that_runs_alone(tmp_path, monkeypatch):
    """They name it by the address that it was given."""
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    with running("azora-id") as (_, url):
        command = [sys.executable, "-m", "gateway", "token"]
        token = subprocess.run(command, capture_output=True, text=True, check=True, timeout=10).stdout
    claims = jwt.decode(token.strip(), options={"verify_signature": False})
    assert url == claims["iss"]
