"""The buckets of several workers, kept by the process that started them.

Each worker has a socket of its own, on which it asks as `gateway.quota.frames` says. All questions are
answered from one memory, in the order in which they are read, so the numbers are those of a single process. A
worker whose socket ends has given back what it held; one that says what makes no sense is cut off, and the
others do not notice.
"""

import asyncio
import logging
import os
from collections.abc import Iterable, Sequence
from socket import socket
from typing import Any, Final, final

import orjson

from gateway.policy.bucket import Lease, Want
from gateway.quota.frames import Charges, Question, Questions, answer, are_rates, numbers
from gateway.quota.memory import MemoryBuckets

log = logging.getLogger("gateway")

# Another one with each change of a state or of what is said on the sockets.
_FORMAT: Final = 1
_READ: Final = 1 << 16
# Places that one worker may hold at a time: more than requests can be under way in one.
_PLACES_AT_MOST: Final = 1 << 17


@final
class BucketKeeper:
    """Answers workers from the buckets of one memory, in the loop that runs."""

    def __init__(self, memory: MemoryBuckets) -> None:
        self._memory = memory
        self._charges = Charges()
        self._lines: dict[int, _Line] = {}

    def __len__(self) -> int:
        """How many buckets there are."""
        return len(self._memory)

    @property
    def workers(self) -> int:
        """How many are served."""
        return len(self._lines)

    def serve(self, sock: socket) -> None:
        """Answer a worker on the other end of a connected socket, until that ends; it is ours from now on.

        Nobody but the worker may have the other end, or its death would not be noticed.
        """
        self._open(sock, _Line(sock, self._memory, self._charges, self._lines))

    def state(self) -> bytes:
        """All that there is to know, for a process that goes on with the same sockets.

        It must do so in the same step: what is answered after this is not in it.
        """
        lines = {str(name): line.state() for name, line in self._lines.items()}
        return orjson.dumps({"format": _FORMAT, "fills": self._memory.fills(), "lines": lines})

    def restore(self, state: bytes, socks: Iterable[socket]) -> None:
        """Go on from a state, with the sockets of the workers that are still there.

        What was held on others is free. The clock has to be the one that told the time before. Nothing is
        taken over from a release that writes it in another way.
        """
        said = orjson.loads(state)
        if said["format"] != _FORMAT:
            said = {"fills": {}, "lines": {}}
        self._memory.refill(said["fills"])
        for sock in socks:
            line = _Line(sock, self._memory, self._charges, self._lines)
            line.restore(said["lines"].get(str(line.name), {}))
            self._open(sock, line)

    def close(self) -> None:
        """Serve nobody any more."""
        for line in list(self._lines.values()):
            line.end()

    def _open(self, sock: socket, line: "_Line") -> None:
        self._lines[line.name] = line
        line.begin()


@final
class _Line:
    """The socket of one worker, and what the worker holds.

    Its name is the inode of the socket, which stays the same whoever has it.
    """

    def __init__(
        self, sock: socket, memory: MemoryBuckets, charges: Charges, lines: "dict[int, _Line]"
    ) -> None:
        sock.setblocking(False)
        self.name = os.fstat(sock.fileno()).st_ino
        self._sock = sock
        self._memory = memory
        self._charges = charges
        self._lines = lines
        self._questions = Questions()
        self._unsent = b""
        self._held: dict[int, tuple[Lease, list[Want]]] = {}
        self._places = 0
        self._loop = asyncio.get_running_loop()

    def begin(self) -> None:
        """Read, or write first what is still to be said."""
        if self._unsent:
            self._loop.add_writer(self._sock, self._write_on)
        else:
            self._loop.add_reader(self._sock, self._read)

    def end(self) -> None:
        """Close it, and give back what is held."""
        self._loop.remove_reader(self._sock)
        self._loop.remove_writer(self._sock)
        self._sock.close()
        del self._lines[self.name]
        held, self._held = self._held, {}
        for lease, _ in held.values():
            lease.end()

    def state(self) -> dict[str, Any]:
        """What `restore` needs."""
        return {
            "heard": self._questions.rest.decode("latin-1"),
            "unsent": self._unsent.decode("latin-1"),
            "held": [
                (hold, [(numbers(charge), key) for charge, key in wants])
                for hold, (_, wants) in self._held.items()
            ],
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Begin where another process has stopped; a socket that it did not know is a new one."""
        self._questions = Questions(state.get("heard", "").encode("latin-1"))
        self._unsent = state.get("unsent", "").encode("latin-1")
        for hold, wants in state.get("held", ()):
            lease, places = Lease(), [(self._charges.find(charge), key) for charge, key in wants]
            self._memory.resume(places, lease)
            self._hold(hold, places, lease)

    # In.

    def _read(self) -> None:
        try:
            data = self._sock.recv(_READ)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:
            data = b""
        if not data:
            return self.end()
        levels: list[float] = []
        try:
            for question in self._questions.feed(data):
                self._answer(question, levels)
        except ValueError as error:
            log.warning("a worker asked for buckets in a way that makes no sense, cut off: %s", error)
            return self.end()
        return self._write(answer(levels)) if levels else None

    def _answer(self, question: Question, levels: list[float]) -> None:
        charges, keys, shape = question
        if shape:
            return self._shaped(question, levels)
        if not are_rates(charges):
            raise ValueError("places that nobody holds")
        find, take_one = self._charges.find, self._memory.take_one
        for charge, key in zip(charges, keys, strict=True):
            level = take_one(find(charge), key)
            if isinstance(level, float):
                levels.append(level)
            else:
                levels += _told(*level)
        return None

    def _shaped(self, question: Question, levels: list[float]) -> None:
        charges, keys, shape = question
        find = self._charges.find
        begin = 0
        for place in range(0, len(shape) - 1, 2):
            size, hold = shape[place], shape[place + 1]
            if size > 0:
                part = slice(begin, begin + size)
                wants = [(find(charge), key) for charge, key in zip(charges[part], keys[part], strict=True)]
                levels += _told(*self._take(wants, hold))
                begin += size
            else:
                self._give_back(hold)
        if begin != len(keys):
            raise ValueError("a shape of other wants")

    def _take(self, wants: list[Want], hold: int) -> tuple[bool, Sequence[float]]:
        if len({key for _, key in wants}) < len(wants):
            raise ValueError("a bucket that is wanted twice")
        places = [want for want in wants if want[0].tier.concurrent]
        if not places:
            return self._memory.take(wants, None)
        if hold == 0 or hold in self._held or self._places + len(places) > _PLACES_AT_MOST:
            raise ValueError("places that nobody holds, or too many")
        lease = Lease()
        granted = self._memory.take(wants, lease)
        if granted[0]:
            self._hold(hold, places, lease)
        return granted

    def _hold(self, hold: int, places: list[Want], lease: Lease) -> None:
        self._held[hold] = lease, places
        self._places += len(places)

    def _give_back(self, hold: int) -> None:
        # Nothing has that number where a refusal came too late to be heard.
        held = self._held.pop(hold, None)
        if held is not None:
            lease, places = held
            self._places -= len(places)
            lease.end()

    # Out.

    def _write(self, data: bytes) -> None:
        """What does not go now goes later, and nothing is read until then: so it cannot grow."""
        try:
            sent = self._sock.send(data)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError:
            return self.end()
        if sent == len(data):
            return None
        self._unsent = data[sent:]
        self._loop.remove_reader(self._sock)
        return self._loop.add_writer(self._sock, self._write_on)

    def _write_on(self) -> None:
        self._loop.remove_writer(self._sock)
        self._loop.add_reader(self._sock, self._read)
        data, self._unsent = self._unsent, b""
        self._write(data)


def _told(granted: bool, levels: Sequence[float]) -> Sequence[float]:
    return levels if granted else [-level for level in levels]
