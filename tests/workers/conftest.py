"""Workers that do what a test tells them: programs of their own, which speak to their supervisor."""

import asyncio
import json
import sys
from pathlib import Path

import pytest

from gateway.config.snapshot import Address
from gateway.quota.keeper import BucketKeeper
from gateway.quota.memory import MemoryBuckets
from gateway.workers.crew import Crew
from gateway.workers.sockets import bound

PROGRAM = Path(__file__).parent / "program.py"


class Listening:
    """Notes what a crew tells its supervisor."""

    def __init__(self):
        self.heard = []
        self.gone = []
        self.outdated_at = []

    def said(self, worker, message):
        self.heard.append(message)

    def joined(self, worker):
        pass

    def departed(self, worker):
        self.gone.append(worker.pid)

    def outdated(self):
        self.outdated_at.append(len(self.gone))


@pytest.fixture
async def crew(tmp_path):
    """Make a crew of two whose workers do as they are told, by the number of their start; `{}` is usual."""
    made = []

    def make(told=(), usual=None):
        (tmp_path / "told.json").write_text(json.dumps({"told": list(told), "usual": usual or {}}))
        address = Address("127.0.0.1", 0)
        one = Crew(
            bound([address], address, 2),
            [sys.executable, str(PROGRAM), str(tmp_path)],
            BucketKeeper(MemoryBuckets(lambda: 0.0)),
        )
        one.listening = Listening()
        made.append(one)
        return one

    yield make
    for one in made:
        again = asyncio.Event()
        again.set()
        await one.end(again)
        one.keeper.close()
