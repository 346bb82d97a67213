"""`/log-level`: from which level on the program's own log tells, until the next start."""

from collections.abc import Awaitable, Callable
from typing import final

from aiohttp import web

from gateway.admin.answers import body, json_answer, refusal
from gateway.policy import json_text
from gateway.proxy import Proxy
from gateway.telemetry.application_log import LEVELS, level

Change = Callable[[str], Awaitable[object]]


@final
class LogLevel:
    """Tells the level, and has `change` make it another one."""

    def __init__(self, proxy: Proxy, change: Change) -> None:
        self._proxy = proxy
        self._change = change

    async def tell(self, request: web.Request) -> web.Response:
        """`GET /log-level`: the level, and that of the configuration, which the next start goes back to."""
        return json_answer({"level": level(), "configured": self._proxy.snapshot.telemetry.log.level})

    async def change(self, request: web.Request) -> web.Response:
        """`POST /log-level` with `{"level": "debug"}`; the answer is that of `tell`."""
        raw = await body(request)
        if isinstance(raw, web.Response):
            return raw
        try:
            said = json_text.parse(raw)
        except ValueError:
            said = None
        wanted = said.get("level") if isinstance(said, dict) and len(said) == 1 else None
        if wanted not in LEVELS:
            return refusal(422, f'level: expected one of {", ".join(LEVELS)}, as {{"level": "debug"}}')
        await self._change(wanted)
        return await self.tell(request)
