"""Work that is done again and again off the request path, never in step with others who do the same."""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from random import Random

log = logging.getLogger("gateway")

Pause = Callable[[float], Awaitable[None]]

_JITTER = 0.1


async def repeat(
    work: Callable[[], Awaitable[None]], interval: float, random: Random, pause: Pause = asyncio.sleep
) -> None:
    """Do `work` every `interval` seconds, give or take a tenth, for ever; the first time within the first.

    Work that raises is logged and done again: what looks after an endpoint must not end by a mistake.
    """
    await pause(interval * random.random())
    while True:
        try:
            await work()
        except Exception:
            log.exception("work of the upstreams failed, it goes on")
        await pause(interval * random.uniform(1 - _JITTER, 1 + _JITTER))
