"""Which Redis: one server, the one that sentinels name, or a cluster.

What the script is asked goes there with no second try, since a second one could count twice. Time limits are
the caller's: nothing here waits by itself, and a connection whose call was given up is closed.
"""

from collections.abc import Sequence
from typing import Any, Protocol, final
from urllib.parse import SplitResult, unquote, urlsplit

from redis.asyncio import Redis
from redis.asyncio.cluster import ClusterNode, RedisCluster
from redis.asyncio.retry import Retry
from redis.asyncio.sentinel import Sentinel
from redis.backoff import NoBackoff
from redis.crc import key_slot
from redis.exceptions import NoScriptError

from gateway.quota.script import DIGEST, SCRIPT, Call

_PORT = 6379
_SENTINEL_PORT = 26379


class Servers(Protocol):
    """Where the script runs."""

    def group(self, key: str) -> int:
        """Keys of one group may stand in one call."""
        ...

    async def call(self, calls: Sequence[Call]) -> list[bytes | Exception]:
        """What the script said to each call, or what went wrong with it."""
        ...

    async def reconnect(self) -> None:
        """Forget idle connections, and what was known of who is where."""
        ...

    async def close(self) -> None:
        """Close all connections."""
        ...


def servers(url: str, connections_at_most: int) -> Servers:
    """The servers of a URL as `gateway.config.values.store` reads them."""
    parts = urlsplit(url)
    scheme, _, kind = parts.scheme.partition("+")
    # RESP2, as every server speaks it; no library may ask twice.
    options: dict[str, Any] = {
        "protocol": 2,
        "retry": Retry(NoBackoff(), 0),
        "max_connections": connections_at_most,
        "socket_timeout": None,
        "socket_connect_timeout": None,
    }
    options |= {"ssl": True} if scheme == "rediss" else {}
    options |= {"username": unquote(parts.username)} if parts.username else {}
    options |= {"password": unquote(parts.password)} if parts.password else {}
    if kind == "cluster":
        return _Cluster(_places(parts, _PORT), options)
    path = unquote(parts.path)
    if kind == "sentinel":
        _, master, *number = path.split("/")
        return _behind_sentinels(_places(parts, _SENTINEL_PORT), master, _db(number), options)
    if scheme == "unix":
        return _One(Redis(unix_socket_path=path, **options))
    ((host, port),) = _places(parts, _PORT)
    return _One(Redis(host=host, port=port, db=_db(path.split("/")[1:]), **options))


def public(url: str) -> str:
    """Which servers these are, for others to read: without a user and a password."""
    parts = urlsplit(url)
    return f"redis://{parts.netloc.rpartition('@')[2]}"


def _places(parts: SplitResult, port: int) -> list[tuple[str, int]]:
    places = [urlsplit(f"//{place}") for place in parts.netloc.rpartition("@")[2].split(",")]
    return [(place.hostname or "", place.port or port) for place in places]


def _db(path: Sequence[str]) -> int:
    return int(path[0]) if path and path[0] else 0


def _behind_sentinels(
    places: Sequence[tuple[str, int]], master: str, db: int, options: dict[str, Any]
) -> "_One":
    common = ("protocol", "retry", "socket_timeout", "socket_connect_timeout")
    sentinel = Sentinel(places, sentinel_kwargs={name: options[name] for name in common})  # type: ignore[no-untyped-call]
    return _One(sentinel.master_for(master, db=db, **options), *sentinel.sentinels)


@final
class _One:
    """One server that has every key; `others` are closed with it."""

    def __init__(self, client: Redis, *others: Redis) -> None:
        self._client = client
        self._others = others

    def group(self, key: str) -> int:
        return 0

    async def call(self, calls: Sequence[Call]) -> list[bytes | Exception]:
        (call,) = calls
        try:
            return [await self._run("EVALSHA", DIGEST, call)]
        except NoScriptError:
            # Redis was started anew, or told to forget its scripts: nothing was done.
            return [await self._run("EVAL", SCRIPT, call)]

    async def _run(self, command: str, script: str, call: Call) -> bytes:
        words = (command, script, len(call.keys), *call.keys, call.argument)
        said: bytes = await self._client.execute_command(*words)  # type: ignore[no-untyped-call]
        return said

    async def reconnect(self) -> None:
        await self._client.connection_pool.disconnect(inuse_connections=False)

    async def close(self) -> None:
        for client in (self._client, *self._others):
            await client.aclose()


@final
class _Cluster:
    """Servers that share the keys by slots: one call for each slot, one pipeline for each server."""

    def __init__(self, places: Sequence[tuple[str, int]], options: dict[str, Any]) -> None:
        self._places = places
        self._options = options
        self._client: RedisCluster | None = None

    def group(self, key: str) -> int:
        return key_slot(key.encode())

    async def call(self, calls: Sequence[Call]) -> list[bytes | Exception]:
        said = await self._run("EVALSHA", DIGEST, calls)
        strange = [index for index, each in enumerate(said) if isinstance(each, NoScriptError)]
        if strange:
            again = await self._run("EVAL", SCRIPT, [calls[index] for index in strange])
            for index, each in zip(strange, again, strict=True):
                said[index] = each
        return said

    async def _run(self, command: str, script: str, calls: Sequence[Call]) -> list[bytes | Exception]:
        if self._client is None:
            nodes = [ClusterNode(host, port) for host, port in self._places]
            self._client = RedisCluster(startup_nodes=nodes, **self._options)
        pipeline = self._client.pipeline()
        for call in calls:
            pipeline = pipeline.execute_command(command, script, len(call.keys), *call.keys, call.argument)
        said: list[bytes | Exception] = await pipeline.execute(raise_on_error=False)
        return said

    async def reconnect(self) -> None:
        await self.close()

    async def close(self) -> None:
        client, self._client = self._client, None
        if client is not None:
            await client.aclose()
