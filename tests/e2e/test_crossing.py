"""No response ever reaches another client, whatever either side breaks off, and nothing is left behind.

Every request has a number of its own, which the backend says back in a field and in every part of the body.
Clients and backend leave at random: in the middle of a head, of a body, between two requests, or by reset.
"""

import asyncio
import socket
from random import Random
from struct import pack

import pytest

REQUESTS = 100_000
CLIENTS = 32
ROUTES = """\
routes:
  - {id: all, match: {path: "/{rest...}"}, upstream: backend, auth: public}
"""


class Backend(asyncio.Protocol):
    """Answers a request with its number, in one of several framings, and breaks off one in fifty."""

    def __init__(self, random: Random) -> None:
        self._random = random
        self._held = b""

    def connection_made(self, transport) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._held += data
        while (end := self._held.find(b"\r\n\r\n") + 4) >= 4:
            head, self._held = self._held[:end], self._held[end:]
            self._answer(head.split(b" ", 2)[1][1:])

    def _answer(self, number: bytes) -> None:
        draw = self._random.random()
        body = number * self._random.choice([1, 7, 3000])
        head = b"HTTP/1.1 200 OK\r\nX-Number: %b\r\n" % number
        if draw < 0.5:
            answer = head + b"Content-Length: %d\r\n\r\n%b" % (len(body), body)
        else:
            answer = head + b"Transfer-Encoding: chunked\r\n\r\n%x\r\n%b\r\n0\r\n\r\n" % (len(body), body)
        if draw < 0.01:
            self._transport.write(answer[: int(len(answer) * self._random.random())])
            self._transport.abort()
        elif draw < 0.02:
            self._transport.write(answer)
            self._transport.close()
        else:
            self._transport.write(answer)


async def _read_answer(reader: asyncio.StreamReader) -> tuple[int, bytes | None, bytes]:
    """Status, number and body of one whole answer. Raises IncompleteReadError where it is cut short."""
    head = await reader.readuntil(b"\r\n\r\n")
    status = int(head[9:12])
    fields = dict(line.split(b": ", 1) for line in head.split(b"\r\n")[1:-2])
    if b"Content-Length" in fields:
        return status, fields.get(b"X-Number"), await reader.readexactly(int(fields[b"Content-Length"]))
    body = b""
    while size := int(await reader.readuntil(b"\r\n"), 16):
        body += (await reader.readexactly(size + 2))[:-2]
    await reader.readexactly(2)
    return status, fields.get(b"X-Number"), body


class Client:
    """Asks one number after the other until there are none left, on connections that it also breaks off."""

    def __init__(self, port: int, numbers: "list[bytes]", random: Random) -> None:
        self._port = port
        self._numbers = numbers
        self._random = random
        self.whole = 0

    async def run(self) -> None:
        while self._numbers:
            reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
            try:
                await self._converse(reader, writer)
            except (asyncio.IncompleteReadError, ConnectionError):
                pass
            finally:
                writer.transport.abort()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        for _ in range(40):
            if not self._numbers:
                return
            asked = [
                self._numbers.pop() for _ in range(min(len(self._numbers), self._random.choice([1, 1, 3])))
            ]
            requests = b"".join(b"GET /%b HTTP/1.1\r\nHost: a.example\r\n\r\n" % number for number in asked)
            draw = self._random.random()
            if draw < 0.02:
                writer.write(requests[: int(len(requests) * self._random.random())])
                return
            writer.write(requests)
            if draw < 0.04:
                await reader.read(1)
                return
            if draw < 0.05:
                linger = pack("ii", 1, 0)
                writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
                return
            for number in asked:
                status, told, body = await _read_answer(reader)
                if status == 200:
                    assert number == told
                    assert number * (len(body) // len(number)) == body
                    self.whole += 1
                else:
                    assert 502 == status


@pytest.mark.long
async def test_hundred_thousand_requests_with_random_aborts_never_cross(serve):
    random = Random(9)
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Backend(random), "127.0.0.1", 0)
    port = server.sockets[0].getsockname()[1]
    gateway = await serve(f"http://127.0.0.1:{port}", policies=ROUTES)
    numbers = [b"%09d" % number for number in range(REQUESTS)]
    clients = [Client(gateway.listeners[0].address.port, numbers, random) for _ in range(CLIENTS)]
    endpoint = gateway.upstreams["backend"].endpoints[0]
    async with asyncio.timeout(600):
        await asyncio.gather(*[client.run() for client in clients])
        while gateway.connections:  # noqa: ASYNC110 - the gateway tells nobody when a client has left.
            await asyncio.sleep(0.01)
        while endpoint.pool.idle != endpoint.pool.open:  # noqa: ASYNC110 - nor when a backend has.
            await asyncio.sleep(0.01)
    server.close()
    assert 0 == endpoint.pending
    assert sum(client.whole for client in clients) > REQUESTS * 0.8
