"""What a sampled request waits for is noted in its task, and nowhere else."""

import asyncio

from gateway.telemetry import waits


async def asking():
    wait = waits.begin("GET", "http://service")
    await asyncio.sleep(0)
    waits.end(wait, 200)
    return wait


async def test_a_wait_is_noted_where_somebody_wants_to_know():
    noted = []
    wait = await waits.noting(noted, asking())
    assert [wait] == noted
    assert ("GET", "http://service", 200, "") == (wait.operation, wait.url, wait.status, wait.error)
    assert 0 < wait.begun <= wait.ended


async def test_elsewhere_nothing_is_noted():
    noted = []
    first = waits.noting(noted, asking())
    assert None is await asking()
    await first
    assert 1 == len(noted)


async def test_each_request_has_its_own():
    first, second = [], []
    await asyncio.gather(waits.noting(first, asking()), waits.noting(second, asking()))
    assert (1, 1) == (len(first), len(second))
    assert first != second
