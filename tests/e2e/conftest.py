"""The real process of `gateway ...`, started and listened to."""

import asyncio
import json
import os
import re
import shutil
import sys
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from functools import partial
from pathlib import Path
from resource import RLIMIT_NOFILE, setrlimit
from signal import Signals
from typing import Any, final

import pytest

from gateway.ports import LivePorts

ROOT = Path(__file__).parents[2]
# How long anything that a process does may take before a test gives up on it. The demo begins ten services,
# an issuer and a gateway, and the machine is busy with other tests.
PATIENCE = 60.0
CHROMIUM = shutil.which("chromium")
ONLY_LOOPBACK = "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE localhost, EXCLUDE 127.0.0.1"


@final
class Skipping:
    """The time, and what a test has skipped of it."""

    def __init__(self) -> None:
        self.skipped = 0.0

    def __call__(self) -> float:
        return time.monotonic() + self.skipped


@pytest.fixture
def skipping() -> Skipping:
    """The monotonic time of the ports of this test."""
    return Skipping()


@pytest.fixture
def ports(skipping: Skipping) -> LivePorts:
    """The ports of the gateways of this test, whose time it may skip."""
    return LivePorts(monotonic=skipping)


@final
class Program:
    """The real process of `gateway ...`, and what it says."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process

    async def said(self, mark: str, *, on: str = "stderr") -> str:
        """What it says up to and with the next line that has `mark` in it."""
        stream = getattr(self.process, on)
        text = ""
        async with asyncio.timeout(PATIENCE):
            while mark not in text:
                line = await stream.readline()
                assert line, f"it ended without {mark!r}, after {text!r}"
                text += line.decode()
        return text

    @staticmethod
    def messages(err: str) -> list[str]:
        """What its log says in `err`, message by message."""
        return [json.loads(line)["message"] for line in err.splitlines()]

    def signal(self, number: Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    async def ended(self) -> tuple[int, str, str]:
        """Its exit status, and what it said on standard output and standard error since."""
        async with asyncio.timeout(PATIENCE):
            out, err = await self.process.communicate()
        assert self.process.returncode is not None
        return self.process.returncode, out.decode(), err.decode()


@pytest.fixture
async def program() -> AsyncIterator[Callable[..., Awaitable[Program]]]:
    """Start `gateway` with arguments, as a process of its own, which may have so many `descriptors`."""
    processes = []

    async def start(*arguments: str | Path, descriptors: int | None = None) -> Program:
        bound = partial(setrlimit, RLIMIT_NOFILE, (descriptors, descriptors)) if descriptors else None
        # Not the package of the current folder: that of these tests, which may be compiled.
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-P", "-m", "gateway", *map(str, arguments)),
            stdout=asyncio.subprocess.PIPE,
            stderr=asyncio.subprocess.PIPE,
            cwd=ROOT,
            env={name: value for name, value in os.environ.items() if name != "GATEWAY_CONFIG"},
            preexec_fn=bound,
        )
        processes.append(process)
        return Program(process)

    yield start
    for process in processes:
        if process.returncode is None:
            process.kill()
            await process.communicate()


@pytest.fixture
async def serving() -> AsyncIterator[Callable[..., Awaitable[str]]]:
    """Start a program of the Prometheus project, told to take port 0; gives its URL once it says it."""
    processes = []

    async def start(*arguments: str | Path) -> str:
        process = await asyncio.create_subprocess_exec(
            *map(str, arguments),
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.PIPE,
        )
        processes.append(process)
        said = ""
        async with asyncio.timeout(PATIENCE):
            while (listening := re.search(r'"Listening on" address=(\S+)', said)) is None:
                line = await process.stderr.readline()
                assert line, f"{arguments[0]} ended after {said!r}"
                said += line.decode()
        return f"http://{listening[1]}"

    yield start
    for process in processes:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.fixture
async def chromium() -> AsyncIterator[Any]:
    """Chromium, which as root runs without its sandbox only."""
    if CHROMIUM is None:
        pytest.skip("Chromium is missing: apt-get install chromium")
    from playwright.async_api import async_playwright  # Few tests need it, and it is slow to load.

    async with async_playwright() as playwright:
        arguments = [ONLY_LOOPBACK, *(["--no-sandbox"] if os.geteuid() == 0 else [])]
        browser = await playwright.chromium.launch(executable_path=CHROMIUM, args=arguments)
        yield browser
        await browser.close()
