"""A backend that takes its time, and clients that ask at a rate of their own, whatever they are answered."""

import asyncio
from collections import defaultdict
from statistics import median
from typing import final

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
GET = b"GET /%d HTTP/1.1\r\nHost: a.example\r\n\r\n"


@final
class Backend:
    """Answers each request after `delay` seconds."""

    def __init__(self, delay: float = 0.0) -> None:
        self.delay = delay
        self.connections: set[asyncio.Transport] = set()
        self._held: list[asyncio.Transport] | None = None
        self._server: asyncio.Server
        self.port = 0

    async def open(self) -> str:
        """Begin to listen, on the same port each time; gives the URL."""
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            lambda: _Serving(self), "127.0.0.1", self.port, reuse_address=True, backlog=1024
        )
        self.port = self._server.sockets[0].getsockname()[1]
        return f"http://127.0.0.1:{self.port}"

    def close(self) -> None:
        """Take no more connections."""
        self._server.close()

    def hang_up(self) -> None:
        """End every connection there is."""
        for transport in self.connections:
            transport.abort()

    def hold(self) -> None:
        """Answer nobody from now on."""
        self._held = []

    def let_go(self) -> None:
        """Answer those that wait, and everybody from now on."""
        held, self._held = self._held or [], None
        for transport in held:
            transport.write(OK)

    def asked(self, transport: asyncio.Transport) -> None:
        """A request has come."""
        if self._held is not None:
            self._held.append(transport)
        elif self.delay:
            asyncio.get_running_loop().call_later(self.delay, transport.write, OK)
        else:
            transport.write(OK)


@final
class _Serving(asyncio.Protocol):
    def __init__(self, backend: Backend) -> None:
        self._backend = backend

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = transport
        self._backend.connections.add(transport)

    def connection_lost(self, error: Exception | None) -> None:
        self._backend.connections.discard(self._transport)

    def data_received(self, data: bytes) -> None:
        for _ in range(data.count(b"\r\n\r\n")):
            self._backend.asked(self._transport)


@final
class Load:
    """Requests at `rate` a second over so many connections, each of which rests until it has its answer.

    `seconds` are how long answers took, by status; `answers` the last one of each.
    """

    def __init__(self, port: int, connections: int, rate: float) -> None:
        self._port = port
        self._count = connections
        self._rate = rate
        self.seconds: dict[int, list[float]] = defaultdict(list)
        self.answers: dict[int, bytes] = {}

    async def run(self, seconds: float) -> None:
        """Ask for so long, and wait for the last answers."""
        loop = asyncio.get_running_loop()
        begin = loop.time()
        every = self._count / self._rate
        async with asyncio.timeout(seconds + 20):
            await asyncio.gather(
                *[
                    self._ask(begin + number / self._rate, every, begin + seconds)
                    for number in range(self._count)
                ]
            )

    def forget(self) -> None:
        """Count from here on."""
        self.seconds.clear()

    def median(self, status: int) -> float:
        """The seconds that half of the answers with a status did not exceed."""
        return median(self.seconds[status])

    async def _ask(self, due: float, every: float, end: float) -> None:
        loop = asyncio.get_running_loop()
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        while due < end:
            await asyncio.sleep(due - loop.time())
            begun = loop.time()
            writer.write(GET % 0)
            head = await reader.readuntil(b"\r\n\r\n")
            _, _, length = head.partition(b"Content-Length: ")
            body = await reader.readexactly(int(length.split(b"\r\n")[0]))
            status = int(head[9:12])
            self.seconds[status].append(loop.time() - begun)
            self.answers[status] = head + body
            due = max(due + every, loop.time())
        writer.close()


async def first(port: int) -> bytes:
    """The first bytes of the answer on a new connection; nothing where it is refused."""
    try:
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
    except ConnectionError:
        return b""
    writer.write(GET % 0)
    try:
        return await reader.readexactly(12)
    except (asyncio.IncompleteReadError, ConnectionError):
        return b""
    finally:
        writer.transport.abort()


async def serves_again(port: int, within: float = 5.0) -> None:
    """Ask on new connections until one is served. Raises TimeoutError where that takes too long."""
    async with asyncio.timeout(within):
        while await first(port) != b"HTTP/1.1 200":  # noqa: ASYNC110 - nobody tells when it does.
            await asyncio.sleep(0.05)
