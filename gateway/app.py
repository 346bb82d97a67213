"""The composition root: builds everything from a Snapshot, and owns signals and the drain."""

import asyncio
import ctypes
import gc
import hashlib
import logging
import signal
import socket
import sys
from collections.abc import Callable, Coroutine
from typing import final

import uvloop

from gateway import __version__, build
from gateway.admin import Admin
from gateway.config.snapshot import Address, Snapshot
from gateway.gauges import Gauges
from gateway.ports import LivePorts
from gateway.proxy import Proxy
from gateway.telemetry.books import Books
from gateway.telemetry.page import Page
from gateway.upstream import Upstream
from gateway.wire.clock import TICK, Clock
from gateway.wire.downstream import Downstream
from gateway.wire.listener import Listener

log = logging.getLogger("gateway")

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
class Gateway:
    """The running gateway: `start`, then `drain` and `stop`. The snapshot was compiled with the ports."""

    def __init__(self, snapshot: Snapshot, ports: LivePorts) -> None:
        self.snapshot = snapshot
        self.ports = ports
        self.clock = Clock()
        self.connections: set[Downstream] = set()
        self.upstreams = {
            name: Upstream(settings, self.clock) for name, settings in snapshot.upstreams.items()
        }
        sample = snapshot.telemetry.traces.sample
        self.books = Books(self.clock, sample, snapshot.latency_thresholds)
        self.books.bind([*snapshot.routes, snapshot.router.unmatched])
        self.proxy = Proxy(snapshot, self.upstreams, self.clock, _pseudonym(snapshot), self.books)
        self.listeners = [
            Listener(settings, snapshot, self.proxy, self.clock, self.connections)
            for settings in snapshot.listeners
        ]
        self.gauges = Gauges(self.proxy, ports, self.listeners, self.connections)
        self.admin = Admin(self.proxy, snapshot.admin, Page(self.books, self.gauges))
        self._tick: asyncio.TimerHandle | None = None

    async def start(self) -> None:
        """Listen on every address. Raises OSError for one that cannot be taken."""
        try:
            await self.ports.start()
            for upstream in self.upstreams.values():
                await upstream.start()
            await self.admin.start()
            for listener in self.listeners:
                await listener.open()
        except BaseException:
            await self.stop()
            raise
        self.gauges.reloads.success(self.clock.epoch + self.clock.now)
        self._schedule()

    async def drain(self) -> None:
        """End in peace: not ready, then no more keep-alive, then no more time."""
        timeouts = self.snapshot.timeouts
        self.proxy.draining = True
        try:
            async with asyncio.timeout(timeouts.drain):
                await asyncio.sleep(timeouts.min_drain)
                for listener in self.listeners:
                    listener.close()
                while self.connections:
                    # Again and again: a tunnel that opens only now has to be closed too.
                    for connection in list(self.connections):
                        connection.finish()
                    await asyncio.sleep(TICK / 5)
        except TimeoutError:
            log.warning("drain: %d connections cut after %g s", len(self.connections), timeouts.drain)

    async def stop(self) -> None:
        """Close everything now."""
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
        # Connections say goodbye in the next tick of the loop.
        await asyncio.sleep(0)

    def _schedule(self) -> None:
        self.clock.tick()
        due = self.clock.monotonic() + TICK
        self._tick = asyncio.get_running_loop().call_later(TICK, self._ticked, due)

    def _ticked(self, due: float) -> None:
        self.gauges.lag.observe(max(0.0, self.clock.monotonic() - due))
        self._schedule()


async def serve(snapshot: Snapshot, ports: LivePorts, ready: Callable[[Address], None] | None = None) -> None:
    """Run until SIGTERM or SIGINT has drained it; a second one stops it now. Raises OSError at the start.

    `ready` is told the first listener's address once requests are taken.
    """
    if any(listener.tls for listener in snapshot.listeners):
        _keep_buffers_apart()
    gateway = Gateway(snapshot, ports)
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(_log_unexpected)
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stopping.set)
    await gateway.start()
    # A full collection over a hundred thousand long-lived objects takes 50 ms; none of them is garbage.
    gc.collect()
    gc.freeze()
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


def run(main: Coroutine[None, None, None]) -> None:
    """Run a coroutine on uvloop, with the program's log on standard error."""
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(logging.INFO)
    # The loop warns of every write to a TLS connection that its client has left: clients could fill the log.
    logging.getLogger("asyncio").setLevel(logging.ERROR)
    sys.setswitchinterval(_SWITCH_INTERVAL)
    uvloop.run(main)


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


def _log_unexpected(loop: asyncio.AbstractEventLoop, context: dict[str, object]) -> None:
    error = context.get("exception")
    if isinstance(error, RuntimeError) and str(error).endswith(_CLOSED):
        return
    log.error(
        "unexpected: %s", context.get("message"), exc_info=error if isinstance(error, Exception) else None
    )
