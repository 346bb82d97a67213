"""`/explain`: what would become of a request, and what became of one.

Rehearsals are the work of one thread, so that no request that is under way waits for them.
"""

import asyncio
import re
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any, Final, final

from aiohttp import web

from gateway.admin.answers import body, json_answer, refusal
from gateway.config.compile import Specs
from gateway.config.problem import ConfigError
from gateway.config.question import read_question
from gateway.explain.rehearsals import Rehearsals
from gateway.explain.remembered import remembered
from gateway.proxy import Proxy

Find = Callable[[str], Awaitable[dict[str, Any] | None]]

# Questions that have their turn or wait for it, and the seconds after which nobody waits any longer.
_ASKED_AT_MOST: Final = 8
_ANSWERED_WITHIN: Final = 10.0
# How much of what is wrong with a question is told.
_PROBLEMS_AT_MOST: Final = 20
_REQUEST_ID: Final = re.compile(r"[0-9a-f]{32}")


@final
class Explanations:
    """Answers by the snapshot by which the proxy serves.

    `find` tells what became of the request with an id, if that is remembered; it is None where nothing is.
    """

    def __init__(self, proxy: Proxy, find: Find | None) -> None:
        self._proxy = proxy
        self._find = find
        self._rehearsals = Rehearsals(time.time)
        self._thread = ThreadPoolExecutor(1, "explain")
        self._asked: list[Future[dict[str, Any]]] = []

    async def ask(self, request: web.Request) -> web.Response:
        """`POST /explain`: what would become of a request."""
        raw = await body(request)
        if isinstance(raw, web.Response):
            return raw
        # Whoever gave up waiting has left his question behind: it counts until the thread is done with it.
        self._asked = [each for each in self._asked if not each.done()]
        if len(self._asked) >= _ASKED_AT_MOST:
            return refusal(503, "Too many ask for this at a time.")
        asked = self._thread.submit(self._told, raw, self._proxy.snapshot.specs)
        self._asked.append(asked)
        try:
            async with asyncio.timeout(_ANSWERED_WITHIN):
                told = await asyncio.wrap_future(asked)
        except ConfigError as error:
            return _unclear(error)
        except TimeoutError:
            return refusal(503, "The answer takes too long.")
        return json_answer(told)

    async def remember(self, request: web.Request) -> web.Response:
        """`GET /explain?request_id=..`: what became of one."""
        request_id = request.query.get("request_id", "")
        if _REQUEST_ID.fullmatch(request_id) is None:
            return refusal(400, "A request_id has 32 digits, 0 to 9 and a to f.")
        if self._find is None:
            return refusal(404, "Nothing is remembered here: telemetry.decisions is 0.")
        told = await self._find(request_id)
        snapshot = self._proxy.snapshot
        if told is None:
            kept = snapshot.telemetry.decisions
            return refusal(404, f"No such request is remembered: only the last {kept} are.")
        return json_answer(remembered(told, snapshot.specs))

    async def stop(self, application: web.Application) -> None:
        """Answer nobody any more."""
        self._thread.shutdown(wait=False, cancel_futures=True)

    def _told(self, raw: bytes, specs: Specs) -> dict[str, Any]:
        """The answer to a question; in the thread, also for finding out all that is wrong with it."""
        return self._rehearsals.ask(read_question(raw), specs)


def _unclear(error: ConfigError) -> web.Response:
    """What is wrong with a question, with the keys that are meant."""
    problems = error.problems[:_PROBLEMS_AT_MOST]
    told = [f"{problem.path}: {problem.message}".removeprefix(": ") for problem in problems]
    found = [{"key": problem.path, "message": problem.message} for problem in problems]
    return refusal(422, "; ".join(told), problems=found)
