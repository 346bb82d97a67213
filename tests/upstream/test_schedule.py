"""Work that is done again and again."""

import asyncio
import logging
from random import Random

import pytest

from gateway.upstream.schedule import repeat


@pytest.fixture
async def repeated(pauses):
    """Repeats a work every ten seconds until the test is over."""
    tasks = []

    def start(work, seed=7):
        tasks.append(asyncio.create_task(repeat(work, 10.0, Random(seed), pauses)))

    yield start
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def test_it_is_done_after_each_pause(repeated, pauses, until):
    done = []

    async def work():
        done.append(len(done))

    repeated(work)
    for times in range(3):
        await until(lambda: pauses.waiting)
        assert times == len(done)
        pauses.end()
    await until(lambda: len(done) == 3)


async def test_pauses_are_never_in_step(repeated, pauses, until):
    """The first is anywhere within an interval, the others differ from it by a tenth at most."""

    async def work():
        pass

    for seed in range(20):
        repeated(work, seed)
    await until(lambda: len(pauses.asked) == 20)
    pauses.end()
    await until(lambda: len(pauses.asked) == 40)
    first, later = pauses.asked[:20], pauses.asked[20:]
    assert 40 == len({*first, *later})
    assert max(first) - min(first) > 5
    assert 9 <= min(later) < 9.5 < 10.5 < max(later) <= 11


async def test_it_goes_on_after_a_mistake(repeated, pauses, until, caplog):
    tries = []

    async def work():
        tries.append(None)
        raise ZeroDivisionError

    repeated(work)
    for _ in range(2):
        await until(lambda: pauses.waiting)
        pauses.end()
    await until(lambda: len(tries) == 2)
    assert [logging.ERROR] * 2 == [record.levelno for record in caplog.records]
