"""The composition root: builds everything from a Snapshot, and owns signals and the drain."""

import asyncio
import ctypes
import gc
import hashlib
import logging
import os
import signal
import socket
import sys
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, final

import uvloop

from gateway import __version__, build
from gateway.admin import Admin
from gateway.admin.common import Common
from gateway.admin.own import Own
from gateway.config.snapshot import Address, Log, Snapshot
from gateway.gauges import Gauges
from gateway.lookout import look, watch
from gateway.outcome import Outcome
from gateway.peers import Peers
from gateway.ports import Candidate, LivePorts
from gateway.proxy import Proxy
from gateway.reload import Adoption, Load, Reloading, UnchangeableError
from gateway.telemetry.access_log import AccessLog
from gateway.telemetry.application_log import application_log, standard_error
from gateway.telemetry.baggage import Baggage
from gateway.telemetry.books import Books
from gateway.telemetry.decisions import Decisions
from gateway.telemetry.destination import Destination, destination, share
from gateway.telemetry.page import Page
from gateway.telemetry.recorder import Recorder
from gateway.telemetry.redaction import Redaction
from gateway.telemetry.writer import Writer
from gateway.upstream import Upstream
from gateway.wire.clock import TICK, Clock
from gateway.wire.descriptors import allowed
from gateway.wire.downstream import Downstream
from gateway.wire.listener import Listener

if TYPE_CHECKING:
    from gateway.telemetry.exporter import Exporter

log = logging.getLogger("gateway")

# The program's own log before a configuration says otherwise.
_USUAL_LOG = Log("auto", "info")

# How an error ends that is uvloop's and none of ours: over TLS it goes on writing to a socket that a client
# has reset. Any client can do so, as often as it likes.
_CLOSED = "the handler is closed"

# Of glibc's malloc.h; the bytes that the loop reads a TLS connection into; what of the heap may lie free.
_M_TRIM_THRESHOLD, _M_MMAP_THRESHOLD = -1, -3
_TLS_BUFFER = 256 * 1024
_FREE_AT_MOST = 16 * 1024 * 1024
# Seconds that a thread may keep the interpreter from the loop when both want it; the usual 5 ms would be the
# whole overhead of a request, for as long as the metrics page is rendered.
_SWITCH_INTERVAL = 0.0005


@final
@dataclass(frozen=True, slots=True)
class Sockets:
    """What somebody else has bound: a socket for each listener, in their order, and the admin listener's."""

    listeners: tuple[socket.socket, ...]
    admin: socket.socket


@final
class Gateway:
    """The running gateway: `start`, then `drain` and `stop`. The snapshot was compiled with the ports.

    `load` gives the configuration anew whenever it has to reload; see `gateway.reload`. `peers` are all
    workers where there are several; `answers` is what this one says to them.
    """

    def __init__(
        self, snapshot: Snapshot, ports: LivePorts, load: Load | None = None, peers: Peers | None = None
    ) -> None:
        self.snapshot = snapshot
        self.ports = ports
        self.clock = Clock()
        self.connections: set[Downstream] = set()
        self.upstreams = {
            name: Upstream(settings, self.clock) for name, settings in snapshot.upstreams.items()
        }
        settings = snapshot.telemetry
        traces = settings.traces
        baggage = Baggage(traces.baggage) if traces.baggage else None
        self.books = Books(self.clock, share(traces, os.environ), snapshot.latency_thresholds, baggage)
        self.books.bind([*snapshot.routes, snapshot.router.unmatched])
        self._is_alone = peers is None
        is_logged = settings.access_log.format == "json"
        self.writer = Writer(settings.access_log.path, is_alone=self._is_alone) if is_logged else None
        self.decisions = Decisions(settings.decisions) if settings.decisions else None
        self.access_log = self._access_log()
        pseudonym = _pseudonym(snapshot)
        self.proxy = Proxy(snapshot, self.upstreams, self.clock, pseudonym, self.books)
        self.listeners = [
            Listener(settings, snapshot, self.proxy, self.clock, self.connections)
            for settings in snapshot.listeners
        ]
        self.gauges = Gauges(self.proxy, ports, self.listeners, self.connections)
        self.gauges.lines = self.writer
        self.reloading = Reloading(load, self.renewal, snapshot.version, ports, self.gauges.reloads)
        self.page = Page(self.books, self.gauges)
        own = Own(self.proxy, self.page, self.decisions)
        self.answers = own.answers()
        told = own if peers is None else Common(peers, own.has_decisions)
        reload = self.reloading.reload if peers is None else peers.reload
        self.admin = Admin(self.proxy, snapshot.admin, told, reload, lambda: self.reloading.problems)
        self._reload: asyncio.Task[Outcome] | None = None
        self._watching: asyncio.Task[None] | None = None
        self.recorder: Recorder | None = None
        self._exporter: Exporter | None = None
        instance = pseudonym.decode() if self._is_alone else f"{pseudonym.decode()}-{os.getpid()}"
        collector = destination(traces, snapshot.name, instance, os.environ)
        if collector is not None:
            self._record_spans(collector)
        self._tick: asyncio.TimerHandle | None = None

    def _record_spans(self, collector: Destination) -> None:
        # The libraries take some tenths of a second and 10 MiB; who sends no spans need not pay for it.
        from gateway.telemetry.exporter import Exporter
        from gateway.telemetry.senders import sender
        from gateway.telemetry.spans import Encoder

        snapshot = self.snapshot
        recorder = self.recorder = Recorder(
            self.clock, snapshot.version, _secure_endpoints(snapshot), Redaction(snapshot.secrets)
        )
        self._exporter = Exporter(recorder, Encoder(collector.resource), sender(collector))
        self.books.followers += (recorder.follow,)
        self.books.unreadable_followers += (recorder.unreadable,)
        self.gauges.spans = recorder

    async def start(self) -> None:
        """Listen on every address. Raises OSError for one, or for a file, that cannot be had."""
        await self.warm()
        await self.open()

    async def warm(self) -> None:
        """Begin everything but to listen. Raises OSError for a file that cannot be had."""
        if self.writer is not None:
            self.writer.start()
        try:
            await self.ports.start()
            if self._exporter is not None:
                self._exporter.start()
            for upstream in self.upstreams.values():
                await upstream.start()
        except BaseException:
            await self.stop()
            raise
        self._schedule()

    async def open(self, given: Sockets | None = None) -> None:
        """Listen, on sockets that somebody else has bound if there are any. Raises OSError."""
        try:
            await self.admin.start(given and given.admin)
            sockets = given.listeners if given else (None,) * len(self.listeners)
            for listener, listening in zip(self.listeners, sockets, strict=True):
                await listener.open(listening)
        except BaseException:
            await self.stop()
            raise
        self.gauges.reloads.success(self.clock.epoch + self.clock.now)
        if self.snapshot.watch and self._is_alone:
            known = look(self.snapshot.files)
            watching = watch(known, lambda: self.snapshot.files, self.reloading.reload)
            self._watching = asyncio.get_running_loop().create_task(watching)

    def renewal(self, snapshot: Snapshot, candidate: Candidate) -> Adoption:
        """What makes it serve by another snapshot, compiled with `candidate`. What has begun keeps its own.

        Raises UnchangeableError, or OSError for a file that is of no use for TLS. What is returned does not
        fail; until it is called nothing has changed.
        """
        _check_changeable(self.snapshot, snapshot)
        pairs = zip(self.listeners, snapshot.listeners, strict=True)
        renewals = [listener.renewal(settings, snapshot) for listener, settings in pairs]
        before = self.upstreams
        after = {}
        for name, settings in snapshot.upstreams.items():
            kept = before.get(name)
            # What is said to be otherwise is another upstream, with connections of its own.
            after[name] = kept if kept and kept.settings == settings else Upstream(settings, self.clock)

        async def adopt() -> None:
            self._adopt(snapshot, candidate, after)
            for renewal in renewals:
                renewal()
            for name, upstream in after.items():
                if before.get(name) is not upstream:
                    await upstream.start()
            for name, upstream in before.items():
                if after.get(name) is not upstream:
                    await upstream.stop()

        return adopt

    def _adopt(self, snapshot: Snapshot, candidate: Candidate, after: dict[str, Upstream]) -> None:
        self.snapshot, self.upstreams = snapshot, after
        self.ports.adopt(candidate)
        self.proxy.adopt(snapshot, after, _pseudonym(snapshot))
        sample, thresholds = share(snapshot.telemetry.traces, os.environ), snapshot.latency_thresholds
        self.books.adopt(sample, thresholds, [*snapshot.routes, snapshot.router.unmatched])
        if self.recorder is not None:
            redaction = Redaction(snapshot.secrets)
            self.recorder.adopt(snapshot.version, _secure_endpoints(snapshot), redaction)
        if self.access_log is not None:
            self.access_log.adopt(snapshot.version, Redaction(snapshot.secrets))
        self.admin.adopt(snapshot.admin)

    def reload_soon(self) -> None:
        """Begin to load the configuration anew; what comes of it is told in the log."""
        self._reload = asyncio.get_running_loop().create_task(self.reloading.reload())

    async def drain(self) -> None:
        """End in peace: not ready, then no more keep-alive, then no more time."""
        await self._drain(self.snapshot.timeouts.min_drain)

    async def leave(self) -> None:
        """End in peace beside a successor, who takes what comes from now on: nobody has to know of it."""
        await self.admin.stop()
        await self._drain(0.0)

    async def _drain(self, serving: float) -> None:
        timeouts = self.snapshot.timeouts
        self.proxy.draining = True
        try:
            async with asyncio.timeout(timeouts.drain):
                await asyncio.sleep(serving)
                for listener in self.listeners:
                    listener.close()
                while self.connections:
                    # Again and again: a tunnel that opens only now has to be closed too.
                    for connection in list(self.connections):
                        connection.finish()
                    await asyncio.sleep(TICK / 5)
        except TimeoutError:
            log.warning("drain: %d connections cut after %g s", len(self.connections), timeouts.drain)
            for connection in list(self.connections):
                connection.refuse()

    async def stop(self) -> None:
        """Close everything now."""
        for task in (self._watching, self._reload):
            if task is not None:
                task.cancel()
        for listener in self.listeners:
            listener.close()
        for connection in list(self.connections):
            connection.finish()
        # What they say last is written at the end of this tick.
        await asyncio.sleep(0)
        for connection in list(self.connections):
            connection.kill()
        for upstream in self.upstreams.values():
            await upstream.stop()
        self.proxy.surroundings.compression.close()
        await self.ports.stop()
        await self.admin.stop()
        if self._tick is not None:
            self._tick.cancel()
            self._tick = None
        if self._exporter is not None:
            await asyncio.to_thread(self._exporter.stop)
        # Connections say goodbye in the next tick of the loop.
        await asyncio.sleep(0)
        if self.writer is not None:
            await asyncio.to_thread(self.writer.stop)

    def _access_log(self) -> AccessLog | None:
        """What makes a line of each request, if anybody keeps it."""
        if self.writer is None and self.decisions is None:
            return None
        redaction = Redaction(self.snapshot.secrets)
        access_log = AccessLog(self.snapshot.version, self.clock, redaction, self.writer, self.decisions)
        self.books.followers += (access_log.close,)
        self.books.unreadable_followers += (access_log.unreadable,)
        return access_log

    def _schedule(self) -> None:
        self.clock.tick()
        due = self.clock.monotonic() + TICK
        self._tick = asyncio.get_running_loop().call_later(TICK, self._ticked, due)

    def _ticked(self, due: float) -> None:
        self.gauges.lag.observe(max(0.0, self.clock.monotonic() - due))
        self._schedule()


async def serve(
    snapshot: Snapshot,
    ports: LivePorts,
    load: Load | None = None,
    ready: Callable[[Address], None] | None = None,
) -> None:
    """Run until SIGTERM or SIGINT has drained it; a second one stops it now. Raises OSError at the start.

    SIGHUP has `load` give the configuration anew. `ready` is told the first listener's address once requests
    are taken.
    """
    gateway = Gateway(snapshot, ports, load)
    loop = asyncio.get_running_loop()
    settle(snapshot)
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    loop.add_signal_handler(signal.SIGHUP, gateway.reload_soon)
    await gateway.start()
    keep()
    log.info("Azora Gateway %s, %s", __version__, build())
    for listener in gateway.listeners:
        log.info("listening on %s, configuration %s", listener.address, snapshot.version)
    log.info("admin on %s", gateway.admin.address)
    if ready is not None:
        ready(gateway.listeners[0].address)
    await stopping.wait()
    log.info("draining")
    stopping.clear()
    draining = asyncio.create_task(gateway.drain())
    second = asyncio.create_task(stopping.wait())
    await asyncio.wait([draining, second], return_when=asyncio.FIRST_COMPLETED)
    draining.cancel()
    second.cancel()
    await gateway.stop()
    log.info("stopped")


def _check_descriptors(snapshot: Snapshot) -> None:
    """Have as many descriptors as the system allows, and say so if the configuration may need more."""
    upstreams = snapshot.upstreams.values()
    pools = sum(len(settings.endpoints) * settings.pool.max_connections for settings in upstreams)
    found, needed = allowed(), snapshot.limits.connections + pools
    if found < needed:
        log.warning("%d descriptors are allowed, connections may need %d: RLIMIT_NOFILE", found, needed)


def _check_changeable(before: Snapshot, after: Snapshot) -> None:
    """Raises UnchangeableError with everything that only a new start can change."""
    places = [(listener.address, listener.tls is None) for listener in before.listeners]
    found = []
    if places != [(listener.address, listener.tls is None) for listener in after.listeners]:
        found.append("listeners: an address, or whether it speaks TLS")
    if before.admin.address != after.admin.address:
        found.append("admin.address")
    if before.workers != after.workers:
        found.append("workers")
    if before.admin.allow_origins != after.admin.allow_origins:
        found.append("admin.cors")
    if replace(before.telemetry, traces=after.telemetry.traces) != after.telemetry or (
        replace(before.telemetry.traces, sample=after.telemetry.traces.sample) != after.telemetry.traces
    ):
        found.append("telemetry, but for traces.sample")
    if found:
        raise UnchangeableError(f"only a new start changes these: {'; '.join(found)}")


def run(main: Coroutine[None, None, None], log: Log = _USUAL_LOG, pid: int | None = None) -> None:
    """Run a coroutine on uvloop, with the program's log on standard error; see `application_log`."""
    application_log(log, standard_error(), pid)
    sys.setswitchinterval(_SWITCH_INTERVAL)
    uvloop.run(main)


def settle(snapshot: Snapshot) -> None:
    """Have this process and its loop do as a gateway of this configuration needs it."""
    if any(listener.tls for listener in snapshot.listeners):
        _keep_buffers_apart()
    _check_descriptors(snapshot)
    asyncio.get_running_loop().set_exception_handler(_log_unexpected)


def keep() -> None:
    """Tell the collector of garbage that whatever there is now stays."""
    # A full collection over a hundred thousand long-lived objects takes 50 ms; none of them is garbage.
    gc.collect()
    gc.freeze()


def _keep_buffers_apart() -> None:
    """Have the system give each large buffer pages of its own, of which it holds only those that are used.

    Left to itself glibc soon cuts them from the heap, over pages that a handshake has just used: an idle TLS
    connection then holds 46 KiB instead of 25. Told so, it no longer learns how much to keep of the heap.
    """
    mallopt = getattr(ctypes.CDLL(None), "mallopt", None)
    if mallopt is not None:
        mallopt(_M_MMAP_THRESHOLD, _TLS_BUFFER)
        mallopt(_M_TRIM_THRESHOLD, _FREE_AT_MOST)


def _pseudonym(snapshot: Snapshot) -> bytes:
    """The name by which we know our own `Via`: two gateways in a row must not take each other for a loop."""
    places = [socket.gethostname(), *(str(listener.address) for listener in snapshot.listeners)]
    digest = hashlib.sha256("\n".join(places).encode()).hexdigest()[:8]
    return f"{snapshot.name}-{digest}".encode()


def _secure_endpoints(snapshot: Snapshot) -> frozenset[bytes]:
    """The names of the endpoints that TLS is spoken with."""
    addresses = [address for settings in snapshot.upstreams.values() for address in settings.endpoints]
    return frozenset([str(address).encode() for address in addresses if address.tls])


def _log_unexpected(loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
    error = context.get("exception")
    if isinstance(error, RuntimeError) and str(error).endswith(_CLOSED):
        return
    log.error(
        "unexpected: %s", context.get("message"), exc_info=error if isinstance(error, Exception) else None
    )
