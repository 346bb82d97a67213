"""Gateways that share their quotas through a cluster, or through what sentinels name, while a master dies.

Real servers and real processes of the gateway. Nothing runs back into a bucket while a test lasts, so what is
granted can be counted to the last request.
"""

import asyncio
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterable, Sequence
from itertools import cycle, islice
from pathlib import Path
from typing import final

import pytest
from aiohttp import ClientSession, TCPConnector, UnixConnector
from redis.exceptions import RedisError

GATEWAYS, CALLERS, BURST = 3, 24, 200
# Seconds: what a gateway waits for Redis, and what a busy machine takes beside it for one answer.
TIMEOUT, MARGIN = 2.0, 2.0
# Seconds until a replica has taken over, at the most.
PATIENCE = 45.0
CONFIG = f"""
version: 1
listeners: [{{address: "127.0.0.1:0"}}]
admin: {{address: "ADMIN"}}
quota_store: {{redis: "REDIS", timeout: {TIMEOUT:.0f}s, on_failure: local}}
telemetry: {{access_log: {{format: none}}}}
policies: [policies]
"""
POLICIES = f"""
tiers: {{team: {{limit: 1/24h, burst: {BURST}, key: "header:X-Team"}}}}
routes: [{{id: a, match: {{path: /}}, auth: public, quota: [team], respond: {{body: granted}}}}]
"""


@final
class Load:
    """Callers, each of which asks one of the gateways, one request after the other."""

    def __init__(self, session: ClientSession, gateways: Sequence[str]) -> None:
        self._session = session
        self._gateways = gateways
        self.granted: Counter[str] = Counter()
        self.statuses: Counter[int] = Counter()
        self.took: list[float] = []

    async def spend(self, teams: Sequence[str]) -> dict[str, int]:
        """Ask for each team twice as often as its bucket holds, over all gateways; gives what was granted."""
        asked = [team for team in teams for _ in range(2 * BURST)]
        await self._all(lambda number: asked[number::CALLERS])
        return {team: self.granted[team] for team in teams}

    async def go_on(self, teams: Sequence[str], done: asyncio.Event) -> None:
        """Ask for one team after the other until it is done."""

        def turns(number: int) -> Iterable[str]:
            for team in islice(cycle(teams), number, None):
                if done.is_set():
                    return
                yield team

        await self._all(turns)

    async def _all(self, share: Callable[[int], Iterable[str]]) -> None:
        async with asyncio.TaskGroup() as group:
            for number in range(CALLERS):
                group.create_task(self._ask(self._gateways[number % GATEWAYS], share(number)))

    async def _ask(self, gateway: str, teams: Iterable[str]) -> None:
        for team in teams:
            begun = time.perf_counter()
            async with self._session.get(gateway, headers={"X-Team": team}) as response:
                await response.read()
            self.took.append(time.perf_counter() - begun)
            self.statuses[response.status] += 1
            self.granted[team] += response.status == 200

    @property
    def slowest(self) -> tuple[float, float]:
        """Seconds that 99 of 100 answers were within, and the last one."""
        took = sorted(self.took)
        return took[len(took) * 99 // 100], took[-1]


async def store(folder: Path) -> tuple[bool, int]:
    """Whether the store of a gateway is up, and how many of its calls have failed."""
    async with (
        ClientSession(connector=UnixConnector(str(folder / "admin"))) as session,
        session.get("http://localhost/metrics") as response,
    ):
        page = await response.text()
    numbers = dict(line.rsplit(" ", 1) for line in page.splitlines() if not line.startswith("#"))
    up, failures = 'gateway_quota_store_up{store="redis"}', "gateway_quota_store_failures_total"
    return float(numbers[up]) == 1, round(float(numbers[failures]))


async def reached(holds: Callable[[], Awaitable[bool]]) -> None:
    """Wait for what a page of metrics tells."""
    async with asyncio.timeout(PATIENCE):
        while not await holds():  # noqa: ASYNC110 - another process, which sets no event.
            await asyncio.sleep(0.05)


def buckets(server) -> int:
    """How many buckets of teams a server counts in."""
    return sum(1 for key in server.client.scan_iter("*") if b"probe" not in key)


def counts(server) -> bool:
    """Whether a server has taken over."""
    try:
        return bool(server.client.info("replication")["role"] == "master")
    except RedisError:
        return False


@pytest.mark.long
@pytest.mark.parametrize(
    "topology",
    [
        pytest.param("replicated_cluster", id="a cluster of three masters with a replica each"),
        pytest.param("sentinels", id="a master with two replicas and three sentinels"),
    ],
)
async def test_a_master_that_dies_costs_what_is_said_and_holds_nobody_up(
    topology, request, processes, tmp_path, capsys
):
    """Exact until it dies and again when another has taken over; a burst a process, and the gap, between."""
    replicated = request.getfixturevalue(topology)
    gateways = await processes(GATEWAYS, CONFIG.replace("REDIS", replicated.url), POLICIES)
    folders = [tmp_path / f"gateway-{number}" for number in range(GATEWAYS)]

    async def up() -> bool:
        return all([(await store(folder))[0] for folder in folders])

    async with ClientSession(connector=TCPConnector(limit=0)) as session:
        load = Load(session, gateways)
        await reached(up)
        well = [await store(folder) for folder in folders]
        before = [f"before-{number}" for number in range(6)]
        assert dict.fromkeys(before, BURST) == await load.spend(before)
        assert well == [await store(folder) for folder in folders]

        during, over = [f"during-{number}" for number in range(6)], asyncio.Event()
        asking = asyncio.create_task(load.go_on(during, over))
        async with asyncio.timeout(PATIENCE):
            while load.granted.total() < (len(before) + len(during) / 2) * BURST:  # noqa: ASYNC110 - a number.
                await asyncio.sleep(0)
        victim = max(replicated.masters, key=buckets)
        died = time.monotonic()
        victim.stop()

        async def noticed() -> bool:
            told = [await store(folder) for folder in folders]
            return all(failures > were for (_, failures), (_, were) in zip(told, well, strict=True))

        await reached(noticed)
        await reached(up)
        away = time.monotonic() - died
        over.set()
        await asking
        assert victim not in [server for server in replicated.servers if counts(server)]
        assert len(replicated.masters) == sum(counts(server) for server in replicated.servers)

        again = [await store(folder) for folder in folders]
        after = [f"after-{number}" for number in range(6)]
        assert dict.fromkeys(after, BURST) == await load.spend(after)
        assert again == [await store(folder) for folder in folders]

    # What the master has told a caller, and no replica yet, is of one round of its loop: one request of each.
    gap = CALLERS
    excess = sum(load.granted[team] for team in during) - BURST * len(during)
    at_most = GATEWAYS * BURST * len(during) + gap
    usual, longest = load.slowest
    with capsys.disabled():
        print(
            f"\n{topology}: excess {excess} of at most {at_most}; away {away:.1f} s; "
            f"{len(load.took)} answers, 99 % within {usual * 1000:.0f} ms, all within {longest * 1000:.0f} ms"
        )
    assert 0 <= excess <= at_most
    assert all(load.granted[team] <= BURST * (1 + GATEWAYS) + gap for team in during)
    assert longest <= TIMEOUT + MARGIN
    assert {200, 429} == load.statuses.keys()
