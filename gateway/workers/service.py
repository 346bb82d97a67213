"""What a worker does: it loads everything, waits for a place, serves at it, and ends when it is told to.

A worker without its supervisor has nobody who keeps its sockets: it ends as well.
"""

import asyncio
import json
import logging
import os
import signal
import socket
import time
from collections.abc import Coroutine
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import Any, Final, final

from gateway.app import Gateway, Sockets, keep, run, settle
from gateway.config.load import load_snapshot
from gateway.config.problem import ConfigError
from gateway.config.snapshot import Snapshot
from gateway.outcome import Outcome, outcome
from gateway.peers import ANSWERED_WITHIN, Question
from gateway.ports import LivePorts
from gateway.quota.memory import MemoryBuckets
from gateway.quota.shared import SharedBuckets
from gateway.reload import Load
from gateway.workers.channel import Channel, UnansweredError
from gateway.workers.facts import facts
from gateway.workers.frames import BrokenChannelError, Message, Word, frame, unpacked
from gateway.workers.process import HELD

log = logging.getLogger("gateway")

# Seconds: how long all workers may take to reload, how long what was said last may take to leave.
_RELOADED_WITHIN: Final = 200.0
_SAID_WITHIN: Final = 2.0


def work(path: Path, control: socket.socket, quotas: socket.socket) -> int:
    """Serve under the supervisor at the other end of `control`; returns the exit status.

    Buckets are asked for by `quotas`.
    """
    for number in HELD:
        # What a terminal sends to all of its processes, the supervisor passes on.
        signal.signal(number, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HELD)
    _give_way(os.SCHED_BATCH)
    ports = LivePorts(memory=SharedBuckets(quotas, MemoryBuckets(time.monotonic)))
    try:
        snapshot = load_snapshot(path, os.environ, ports)
    except ConfigError as error:
        control.sendall(frame(Message(Word.FAILED, body=str(error).encode())))
        return 1
    service = Service(ports, snapshot, lambda candidate: load_snapshot(path, os.environ, candidate))
    run(service.run(control), snapshot.telemetry.log, os.getpid())
    return 0


@final
class Service:
    """One worker at work. It is `Peers` for its admin listener."""

    def __init__(self, ports: LivePorts, snapshot: Snapshot, load: Load) -> None:
        self._snapshot = snapshot
        self._gateway = Gateway(snapshot, ports, load, self)
        self._channel: Channel
        self._orders: asyncio.Queue[Word] = asyncio.Queue()
        self._tasks: set[asyncio.Task[None]] = set()
        self._serves = self._is_leaving = False

    async def run(self, control: socket.socket) -> None:
        """Until the supervisor, or its end, says that it is enough."""
        settle(self._snapshot)
        self._channel = Channel(control, self._hear, partial(self._orders.put_nowait, Word.DRAIN))
        asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, self._leave)
        gateway = self._gateway
        try:
            await gateway.warm()
        except OSError as error:
            place = f"{error.filename}: " if error.filename else ""
            self._channel.tell(Word.FAILED, f"{place}{error.strerror or error}".encode())
            return await self._channel.flush(_SAID_WITHIN)
        keep()
        _give_way(os.SCHED_OTHER)
        self._channel.tell(Word.READY, facts(self._snapshot).body())
        order = await self._orders.get()
        if self._serves and order is not Word.STOP:
            await self._drain(order)
        await gateway.stop()
        if self._serves:
            self._channel.tell(Word.REPORT, await gateway.page.last_report())
        await self._channel.flush(_SAID_WITHIN)
        self._channel.close()

    async def ask(self, question: Question, argument: bytes = b"") -> list[bytes]:
        """See `gateway.peers.Peers`."""
        body = question.encode() + b"\0" + argument
        try:
            return unpacked(await self._channel.call(Word.ASK, body, within=ANSWERED_WITHIN * 2))
        except (UnansweredError, BrokenChannelError):
            # Of metrics all or none: counters of one worker alone would go back.
            return [] if question == "metrics" else [await self._gateway.answers[question](argument)]

    async def reload(self) -> Outcome:
        """See `gateway.peers.Peers`."""
        try:
            return outcome(json.loads(await self._channel.call(Word.RELOAD, within=_RELOADED_WITHIN)))
        except UnansweredError as error:
            return Outcome(self._gateway.reloading.version, False, (f"the supervisor: {error}",))

    async def _drain(self, order: Word) -> None:
        ending = self._gateway.leave() if order is Word.LEAVE else self._gateway.drain()
        tasks = [asyncio.create_task(ending), asyncio.create_task(self._stopped())]
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        for task in tasks:
            task.cancel()

    async def _stopped(self) -> None:
        while await self._orders.get() is not Word.STOP:
            pass

    def _leave(self) -> None:
        """SIGTERM, to this worker alone: another takes the place. A second one ends it now."""
        self._channel.tell(Word.LEAVING)
        self._orders.put_nowait(Word.STOP if self._is_leaving else Word.LEAVE)
        self._is_leaving = True

    # What the supervisor says.

    def _hear(self, message: Message) -> None:
        match message.word:
            case Word.DRAIN | Word.LEAVE | Word.STOP:
                self._orders.put_nowait(message.word)
            case Word.REFUSE:
                self._gateway.reloading.refuse(json.loads(message.body))
            case Word.SERVE:
                self._begin(self._serve(message))
            case Word.PREPARE:
                self._begin(self._prepare(message))
            case Word.ADOPT:
                self._begin(self._adopt(message))
            case Word.QUESTION:
                self._begin(self._answer(message))
            case _:
                log.error("the supervisor says what no worker knows")

    async def _serve(self, message: Message) -> None:
        *listeners, admin = [socket.socket(fileno=number) for number in message.descriptors]
        try:
            await self._gateway.open(Sockets(tuple(listeners), admin))
        except (OSError, ValueError) as error:
            return self._channel.reply(message, str(error).encode())
        self._serves = True
        self._channel.reply(message)

    async def _prepare(self, message: Message) -> None:
        reloading = self._gateway.reloading
        said = await reloading.prepare()
        known = json.loads(facts(reloading.prepared).body()) if reloading.prepared else None
        self._channel.reply(message, json.dumps({**said.record(), "facts": known}).encode())

    async def _adopt(self, message: Message) -> None:
        said = await self._gateway.reloading.adopt()
        self._channel.reply(message, json.dumps(said.record()).encode())

    async def _answer(self, message: Message) -> None:
        question, _, argument = message.body.partition(b"\0")
        answers = {name.encode(): answer for name, answer in self._gateway.answers.items()}
        if question in answers:
            self._channel.reply(message, await answers[question](argument))

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


def _give_way(policy: int) -> None:
    """How eager this process is: one that loads must not keep those from the cores that serve."""
    # A hardened service may not say so; then it is as eager as they are.
    with suppress(OSError):
        os.sched_setscheduler(0, policy, os.sched_param(0))
