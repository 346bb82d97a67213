"""The wire without sockets, and once with them: real protocols and pools between two strict readers.

h11 reads everything that the gateway writes: as a client its responses, as a server its requests. A row is
replayed on transports that record, whole and split at every byte, and over real sockets; what comes out must
be the same each time.
"""

import asyncio
import random
import re
from collections import Counter, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import h11
import orjson
import pytest
import uvloop

from gateway.config.load import load_snapshot
from gateway.config.snapshot import Snapshot
from gateway.http.forwarded import Forwarding
from gateway.proxy import Proxy
from gateway.telemetry.books import Books
from gateway.telemetry.tally import label
from gateway.upstream import Upstream
from gateway.wire.clock import Clock
from gateway.wire.descriptors import Descriptors
from gateway.wire.downstream import Downstream
from gateway.wire.downstream_states import State
from gateway.wire.request import Intake, Terms
from gateway.wire.upstream import Connection

GATEWAY = """\
version: 1
name: test-gateway
listeners: [{address: "127.0.0.1:0"}]
admin: {address: "127.0.0.1:0"}
limits: {request_line: 1KiB, fields: 32, head: 4KiB, body: 1MiB}
upstreams:
  backend:
    endpoints: ["${env:BACKEND:-http://127.0.0.1:1}"]
    pool: {idle: 10000s}
policies: [policies]
defaults: {headers: {preset: none}}
"""

POLICIES = """\
defaults: {upstream: backend, auth: public}
routes:
  - {id: all, match: {path: "/{rest...}"}}
  - {id: get-only, match: {path: /get-only, methods: [GET]}}
  - {id: small, match: {path: /small}, limits: {body: 8B}}
  - {id: prefixed, match: {path: "/{rest...}"}, prefix: /prefixed}
  - {id: socket, match: {path: /socket}, upgrade: [websocket]}
  - {id: moved, match: {path: /moved}, redirect: {to: /}}
"""

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
CLIENT = "192.0.2.7"
PSEUDONYM = b"test-gateway-0"
LAST = b"GET /last HTTP/1.1\r\nHost: a.test\r\nConnection: close\r\n\r\n"
EOF = b""

_HIGH_MARK = 64 * 1024
_SPLIT_EVERYWHERE = 2048
_PLACES = 64
_ID = re.compile(rb"\b[0-9a-f]{32}\b")


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> dict[str, Callable[[], Any]]:
    """The loop that the gateway runs on."""
    return {"uvloop": uvloop.new_event_loop}


class RecordingTransport(asyncio.Transport):
    """Keeps what is written and brings what is fed; it calls its protocol back as uvloop does.

    While `taking` is false the other side reads nothing: what is written piles up, as in a socket's buffer.
    With `tls` there is no half-close: the loop closes at the end of one direction.
    """

    def __init__(self, protocol: Any, peer: object = (CLIENT, 50000), tls: object = None) -> None:
        super().__init__({"peername": peer, "ssl_object": tls})
        self.has_half_close = tls is None
        self.protocol = protocol
        self.written = bytearray()
        self.on_write: Callable[[bytes], None] = lambda data: None
        self.closed = self.aborted = self.ended = False
        self.reading = self.taking = True
        self.backlog = 0
        self._coming: deque[bytes] = deque()
        self.lost = self._at_eof = self._paused = False

    # What the protocol does.

    def write(self, data: Any) -> None:
        assert isinstance(data, bytes), "only bytes may be written: a bytearray is kept by reference"
        assert not self.closed, "written after close"
        assert not self.ended, "written after write_eof"
        if not data:
            return
        self.written += data
        if not self.taking:
            self.backlog += len(data)
        self.on_write(data)
        if self.backlog > _HIGH_MARK and not self._paused:
            self._paused = True
            self.protocol.pause_writing()

    def can_write_eof(self) -> bool:
        return self.has_half_close

    def write_eof(self) -> None:
        assert self.has_half_close, "there is no half-close over TLS"
        self.ended = True

    def close(self) -> None:
        self.closed = True
        self._lose_later()

    def abort(self) -> None:
        self.aborted = self.closed = True
        self.backlog = 0
        self._lose_later()

    def is_closing(self) -> bool:
        return self.closed

    def pause_reading(self) -> None:
        self.reading = False

    def resume_reading(self) -> None:
        self.reading = True
        if self._at_eof:
            self._coming.append(EOF)
        asyncio.get_running_loop().call_soon(self._bring)

    def get_write_buffer_size(self) -> int:
        return self.backlog

    # What the other side does.

    def feed(self, *pieces: bytes) -> None:
        """Send pieces, each a read of its own; behind an empty one, the end, nothing comes any more."""
        if not self._at_eof:
            self._coming.extend(pieces)
            self._bring()

    def take(self, size: int) -> None:
        """Read `size` bytes of what has piled up."""
        self.backlog = max(0, self.backlog - size)
        if self._paused and not self.backlog:
            self._paused = False
            asyncio.get_running_loop().call_soon(self.protocol.resume_writing)
        if self.closed:
            self._lose_later()

    def lose(self) -> None:
        """Break the connection from outside."""
        self.closed = True
        self._lose(ConnectionResetError())

    def _bring(self) -> None:
        while self._coming and self.reading and not self.closed:
            piece = self._coming.popleft()
            if piece:
                self.protocol.data_received(piece)
            else:
                self._at_eof = True
                self._coming.clear()
                stays = self.protocol.eof_received()
                assert self.has_half_close or not stays, "the loop would log that it has no effect"
                if not stays:
                    self.close()

    def _lose_later(self) -> None:
        if not self.backlog:
            asyncio.get_running_loop().call_soon(self._lose, None)

    def _lose(self, error: Exception | None) -> None:
        if not self.lost:
            self.lost = True
            self.protocol.connection_lost(error)


@dataclass
class Seen:
    """A request as a backend got it: its head's lines and its body, and whether all of it came."""

    lines: list[bytes]
    body: bytes = b""
    whole: bool = False


@dataclass
class Script:
    """What a backend answers: pieces when it has the head, and pieces when it has the whole request."""

    at_head: Callable[[Seen], Sequence[bytes]] = lambda seen: ()
    at_end: Callable[[Seen], Sequence[bytes]] = lambda seen: (OK,)
    seen: list[Seen] = field(default_factory=list)
    tunnelled: bytearray = field(default_factory=bytearray)
    transports: list[Any] = field(default_factory=list)


class Backend(asyncio.Protocol):
    """One connection of a backend that reads with h11 and answers with bytes as a Script says."""

    def __init__(self, script: Script, send: Callable[[bytes], None] | None = None) -> None:
        self._script = script
        self._send = send
        self._reader = h11.Connection(h11.SERVER)
        self._tunnel = False

    def connection_made(self, transport: Any) -> None:
        self._script.transports.append(transport)

        def send(piece: bytes) -> None:
            transport.write(piece) if piece else transport.close()

        self._send = send

    def data_received(self, data: bytes) -> None:
        if self._tunnel:
            self._script.tunnelled += data
            return
        self._reader.receive_data(data)
        while True:
            event = self._reader.next_event()
            if isinstance(event, h11.Request):
                line = b"%b %b HTTP/%b" % (event.method, event.target, event.http_version)
                lines = [b"%b: %b" % header for header in event.headers.raw_items()]
                self._script.seen.append(Seen([line, *lines]))
                self._say(self._script.at_head)
            elif isinstance(event, h11.Data):
                self._script.seen[-1].body += bytes(event.data)
            elif isinstance(event, h11.EndOfMessage):
                assert not event.headers, "trailers were forwarded"
                self._script.seen[-1].whole = True
                self._say(self._script.at_end)
                if self._tunnel or self._reader.their_state is h11.MIGHT_SWITCH_PROTOCOL:
                    self._tunnel = True
                    return
                self._reader.send(h11.Response(status_code=200, headers=[(b"Content-Length", b"0")]))
                self._reader.send(h11.EndOfMessage())
                self._reader.start_next_cycle()
            else:
                return

    def _say(self, pieces: Callable[[Seen], Sequence[bytes]]) -> None:
        assert self._send is not None
        for piece in pieces(self._script.seen[-1]):
            self._tunnel = self._tunnel or piece.startswith(b"HTTP/1.1 101")
            self._send(piece)


@dataclass
class Answer:
    """A response as a client reads it. `line` is its status, and the reason of a problem body."""

    line: str
    fields: dict[str, str]
    body: bytes
    whole: bool

    @classmethod
    def of(cls, head: h11.Response, body: bytes, whole: bool) -> "Answer":
        fields: dict[str, str] = {}
        for name, value in head.headers:
            key = name.decode()
            fields[key] = f"{fields[key]}, {value.decode()}" if key in fields else value.decode()
        line = str(head.status_code)
        if whole and fields.get("content-type") == "application/problem+json" and body:
            problem = orjson.loads(body)
            assert head.status_code == problem["status"]
            line = f"{line} {problem['reason']}"
        return cls(line, fields, body, whole)


def read_answers(written: bytes, methods: Sequence[str], closed: bool) -> Iterator[Answer]:
    """The responses in what a client got, as h11 reads them. Raises what h11 raises for a bad one."""
    reader = h11.Connection(h11.CLIENT)
    reader.receive_data(_ID.sub(b"0" * 32, written))
    if closed:
        reader.receive_data(b"")
    wanted = deque(methods)
    while reader.trailing_data[0]:
        method = wanted.popleft() if wanted else "GET"
        reader.send(h11.Request(method=method, target="/", headers=[("Host", "a.test")]))
        reader.send(h11.EndOfMessage())
        yield from _read_answer(reader)
        if reader.states != {h11.CLIENT: h11.DONE, h11.SERVER: h11.DONE}:
            # Behind an answer that closes nothing may come.
            assert b"" == reader.trailing_data[0]
            return
        reader.start_next_cycle()


def _read_answer(reader: h11.Connection) -> Iterator[Answer]:
    head, body, informed = None, b"", False
    while True:
        try:
            event = reader.next_event()
        except h11.RemoteProtocolError as error:
            # Cut off in the middle: the client cannot take it for whole.
            if head is None or "without sending complete message body" not in str(error):
                raise
            yield Answer.of(head, body, whole=False)
            return
        if isinstance(event, h11.InformationalResponse):
            informed = True
            yield Answer(str(event.status_code), {}, b"", whole=True)
        elif isinstance(event, h11.Response):
            head = event
        elif isinstance(event, h11.Data):
            body += bytes(event.data)
        else:
            assert head is not None or informed, "an answer without an end"
            if head is not None:
                yield Answer.of(head, body, whole=isinstance(event, h11.EndOfMessage))
            return


@dataclass
class Outcome:
    """What came of the bytes that a client sent."""

    answers: list[Answer]
    seen: list[Seen]  # those that came whole
    closed: bool

    @property
    def lines(self) -> list[str]:
        return [answer.line for answer in self.answers]


class Time:
    """A clock that stands still until it is moved."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Bench:
    """One gateway on recording transports: clients, and a stock of connections to its one endpoint."""

    def __init__(self, snapshot: Snapshot) -> None:
        self.snapshot = snapshot
        self.time = Time()
        self.clock = Clock(self.time, lambda: 1_700_000_000.0)
        self.upstream = Upstream(snapshot.upstreams["backend"], self.clock)
        self.endpoint = self.upstream.endpoints[0]
        self.pool = self.endpoint.pool
        self.books = Books(self.clock, 0.0)
        self.proxy = Proxy(snapshot, {"backend": self.upstream}, self.clock, PSEUDONYM, self.books)
        self.connections: set[Downstream] = set()
        listener = snapshot.listeners[0]
        forwarding = Forwarding(listener.trusted_proxies, listener.forwarded_by)
        self.intake = Intake(snapshot.limits, listener.path, forwarding, 8080)
        self.script = Script()
        self.backends: list[tuple[Connection, RecordingTransport]] = []
        self.errors: list[object] = []
        asyncio.get_running_loop().set_exception_handler(lambda loop, context: self.errors.append(context))
        self.stock()
        self.client, self.transport = self.connect()

    def connect(
        self, peer: object = (CLIENT, 50000), tls: object = None
    ) -> tuple[Downstream, RecordingTransport]:
        """A client's connection."""
        terms = Terms(self.intake, self.snapshot.timeouts, Descriptors(self.clock))
        client = Downstream(self.proxy, terms, self.clock, self.connections)
        transport = RecordingTransport(client, peer, tls)
        client.connection_made(transport)
        return client, transport

    def stock(self, count: int = 2) -> None:
        """Lay idle connections into the pool."""
        for _ in range(count):
            connection = Connection(self.pool)
            transport = RecordingTransport(connection)
            connection.connection_made(transport)
            self._attach(transport)
            self.pool.open += 1
            self.pool.put_back(connection)
            self.backends.append((connection, transport))

    def _attach(self, transport: RecordingTransport) -> None:
        loop = asyncio.get_running_loop()
        transport.on_write = Backend(
            self.script, lambda piece: loop.call_soon(transport.feed, piece)
        ).data_received

    @property
    def busy(self) -> tuple[Connection, RecordingTransport]:
        """The connection that carries a request."""
        return next((one, pipe) for one, pipe in self.backends if "IDLE" not in repr(one) and not pipe.closed)

    async def send(self, *pieces: bytes) -> bytes:
        """Feed pieces one by one, let everything settle after each, and give what the client got."""
        for piece in pieces:
            self.transport.feed(piece)
            await self.settle()
        return bytes(self.transport.written)

    async def settle(self) -> None:
        """Let what was scheduled run; fail with what failed there."""
        progress = -1
        while progress != (progress := self._progress()):
            for _ in range(6):
                await asyncio.sleep(0)
            if tasks := asyncio.all_tasks() - {asyncio.current_task()}:
                await asyncio.wait(tasks, timeout=1)
        assert [] == self.errors

    def _progress(self) -> int:
        return sum(len(pipe.written) for _, pipe in self.backends) + len(self.transport.written)

    def pass_time(self, seconds: float) -> None:
        """Move the clock and scan the deadlines."""
        self.time.now += seconds
        self.clock.tick()

    def answers(self, *methods: str) -> list[Answer]:
        """What the client got."""
        return list(
            read_answers(
                bytes(self.transport.written), methods, self.transport.closed or self.transport.ended
            )
        )

    def outcome(self, *methods: str) -> Outcome:
        """What came of everything."""
        seen = [Seen(_without_id(seen.lines), seen.body, True) for seen in self.script.seen if seen.whole]
        answers = self.answers(*methods)
        self.check_counts([answer for answer in answers if answer.whole and answer.line >= "2"])
        return Outcome(answers, seen, self.transport.closed or self.transport.ended)

    def check_counts(self, answers: Sequence[Answer]) -> None:
        """What the client got whole is counted, with its status and the bytes of its body."""
        counted: Counter[str] = Counter()
        for tally in self.books.routes.values():
            for key, count in tally.requests.items():
                counted[label(key)[1]] += count
        assert Counter(answer.line[:3] for answer in answers) <= counted
        readable = [answer for answer in answers if int(answer.line[:3]) < 400]
        assert sum(len(answer.body) for answer in readable) <= sum(t.sent for t in self.books.routes.values())

    def check_books(self) -> None:
        """Whatever has happened, the counters are right and nothing hangs on a closed connection."""
        assert len([pipe for _, pipe in self.backends if not pipe.lost]) == self.pool.open
        living = [connection for connection, pipe in self.backends if not pipe.closed]
        asking = [connection for connection in living if "IDLE" not in repr(connection)]
        assert len(asking) == self.endpoint.pending
        if self.transport.closed:
            assert State.DEAD == self.client.state
            assert 0 == self.endpoint.pending
            assert 0 == self.books.in_flight
        if self.transport.lost:
            assert self.client not in self.connections
            assert self.client not in self.clock.watched


def _without_id(lines: Sequence[bytes]) -> list[bytes]:
    return [line for line in lines if not line.startswith((b"X-Request-Id: ", b"traceparent: "))]


@pytest.fixture(scope="session")
def load(tmp_path_factory) -> Callable[..., Snapshot]:
    """Make a Snapshot from texts, each one once."""
    known: dict[tuple[str, ...], Snapshot] = {}

    def make(
        policies: str = POLICIES, gateway: str = GATEWAY, backend: str = "http://127.0.0.1:1"
    ) -> Snapshot:
        if (policies, gateway, backend) not in known:
            folder: Path = tmp_path_factory.mktemp("configuration")
            (folder / "policies").mkdir()
            (folder / "gateway.yaml").write_text(gateway)
            (folder / "policies" / "routes.yaml").write_text(policies)
            known[policies, gateway, backend] = load_snapshot(folder / "gateway.yaml", {"BACKEND": backend})
        return known[policies, gateway, backend]

    return make


@pytest.fixture(scope="session")
def run(load) -> Callable[[Callable[[Bench], Awaitable[None]]], None]:
    """Run something with a Bench in a loop of its own: for properties, which are tried many times."""

    def play(scenario: Callable[[Bench], Awaitable[None]]) -> None:
        async def main() -> None:
            await scenario(Bench(load()))

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            runner.run(main())

    return play


@pytest.fixture
async def make_bench(load) -> Callable[..., Bench]:
    """Make a Bench; texts of gateway.yaml to replace are given as `{old: new}`, or a whole Snapshot."""

    def make(changes: dict[str, str] | None = None, snapshot: Snapshot | None = None) -> Bench:
        if snapshot is not None:
            return Bench(snapshot)
        gateway = GATEWAY
        for old, new in (changes or {}).items():
            assert old in gateway
            gateway = gateway.replace(old, new)
        return Bench(load(gateway=gateway))

    return make


@pytest.fixture
async def bench(make_bench) -> Bench:
    """A Bench with the usual configuration."""
    return make_bench()


def places(length: int) -> Sequence[int]:
    """Where to split: everywhere, or at seeded places where that would take too long."""
    if length <= _SPLIT_EVERYWHERE:
        return range(1, length)
    return sorted(random.Random(length).sample(range(1, length), _PLACES))


@pytest.fixture
async def listen() -> AsyncIterator[Callable[[Script], Awaitable[str]]]:
    """Run backends that follow a Script on a port of their own; gives their URL."""
    servers = []
    scripts = []

    async def start(script: Script) -> str:
        server = await asyncio.get_running_loop().create_server(lambda: Backend(script), "127.0.0.1", 0)
        servers.append(server)
        scripts.append(script)
        return f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"

    yield start
    for transport in [transport for script in scripts for transport in script.transports]:
        transport.abort()
    for server in servers:
        server.close()
        await server.wait_closed()


@pytest.fixture
def script() -> type[Script]:
    """What a backend answers."""
    return Script


@pytest.fixture
def read() -> Callable[..., list[Answer]]:
    """The responses in what a client got."""
    return lambda written, methods: list(read_answers(written, methods, closed=True))


def methods_of(sent: bytes) -> list[str]:
    """What the client asked first, as far as it matters to who reads the answers."""
    return ["HEAD" if sent.startswith(b"HEAD ") else "GET"]


async def _on_transports(load: Callable[..., Snapshot], sent: bytes, script: Script) -> Outcome:
    async def play(*pieces: bytes) -> Outcome:
        bench = Bench(load())
        bench.script.at_head, bench.script.at_end = script.at_head, script.at_end
        await bench.send(*pieces)
        bench.check_books()
        return bench.outcome(*methods_of(sent))

    outcome = await play(sent)
    for place in places(len(sent)):
        assert outcome == await play(sent[:place], sent[place:]), f"split at {place}"
    if len(sent) <= _SPLIT_EVERYWHERE:
        assert outcome == await play(*[sent[place : place + 1] for place in range(len(sent))]), "byte by byte"
    return outcome


async def _over_sockets(serve: Any, listen: Any, sent: bytes, script: Script) -> Outcome:
    gateway = await serve(await listen(script), policies=POLICIES, gateway=GATEWAY)
    port = gateway.listeners[0].address.port
    pseudonym = gateway.proxy.surroundings.pseudonym
    async with asyncio.timeout(5):
        reader, writer = await asyncio.open_connection("127.0.0.1", port)
        try:
            writer.write(sent.replace(PSEUDONYM, pseudonym))
            written = await reader.read(_HIGH_MARK)
            with suppress(ConnectionError):
                writer.write(LAST)
                written += await reader.read()
        finally:
            writer.close()
    answers = list(read_answers(written, methods_of(sent), closed=True))
    seen = [Seen(_without_id(seen.lines), seen.body, True) for seen in script.seen if seen.whole]
    stays = bool(seen) and seen[-1].lines[0].startswith(b"GET /last ")
    if stays:
        del answers[-1], seen[-1]
    for one in seen:
        one.lines = [_as_on_transports(line, pseudonym, port) for line in one.lines]
    return Outcome(answers, seen, closed=not stays)


def _as_on_transports(line: bytes, pseudonym: bytes, port: int) -> bytes:
    line = line.replace(pseudonym, PSEUDONYM).replace(b"127.0.0.1", CLIENT.encode())
    return line.replace(b"X-Forwarded-Port: %d" % port, b"X-Forwarded-Port: 8080")


@pytest.fixture
def replay_split(load) -> Callable[..., Awaitable[Outcome]]:
    """Send bytes whole and split at every byte, on transports alone; the arguments are those of Script."""

    async def play(sent: bytes, **script: Any) -> Outcome:
        return await _on_transports(load, sent, Script(**script))

    return play


@pytest.fixture(params=["on transports", "over sockets"])
def replay(request, load, serve, listen) -> Callable[..., Awaitable[Outcome]]:
    """Send bytes in every manner and give what came of them; the arguments are those of Script."""

    async def play(sent: bytes, **script: Any) -> Outcome:
        if request.param == "over sockets":
            return await _over_sockets(serve, listen, sent, Script(**script))
        return await _on_transports(load, sent, Script(**script))

    return play
