"""What operators and probes may ask, on a listener of its own.

`/livez`, `/readyz` and the files of the console are open; the rest needs the token, where one is set. A
browser on the same machine is an attacker here: the Host must be ours (DNS rebinding), and a request that
changes something must carry a field that no form can send.
"""

import hmac
import re
import socket
from collections.abc import Awaitable, Callable, Sequence
from ipaddress import ip_address
from typing import Any, Protocol, final

import aiohttp_cors
from aiohttp import web

from gateway.admin import console
from gateway.admin.answers import BODY_AT_MOST, written
from gateway.admin.answers import json_answer as _json
from gateway.admin.answers import refusal as _refusal
from gateway.admin.config import Configuration
from gateway.admin.explain import Explanations
from gateway.admin.log_level import LogLevel
from gateway.config.snapshot import Address
from gateway.config.snapshot import Admin as Settings
from gateway.listing.view import route_view
from gateway.outcome import Outcome
from gateway.proxy import Proxy

_OPEN = frozenset(["/livez", "/readyz"]) | console.PATHS
# Seconds: how long `stop` waits for those who take their time with a long answer.
_SHUTDOWN_AT_MOST = 1.0
# Answers that are written at a time. What nobody reads is kept until its time is over.
_PAGES_AT_MOST = 16
_REQUEST_ID = re.compile(r"[0-9a-f]{32}")
_COUNT = re.compile(r"[0-9]{1,3}")
# How many decisions are told at once: unless asked, and at most.
_DECISIONS, _DECISIONS_AT_MOST = 20, 200
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Told(Protocol):
    """What a gateway tells of itself: `Own` where one process is all of it, else `Common`."""

    @property
    def has_decisions(self) -> bool:
        """True if decisions are remembered."""
        ...

    async def metrics(self, accept: str) -> tuple[bytes, str]:
        """The metrics page for a value of `Accept`, and its media type."""
        ...

    async def upstreams(self) -> list[dict[str, Any]]:
        """Each upstream, with its endpoints."""
        ...

    async def decision(self, request_id: str) -> dict[str, Any] | None:
        """What became of a request, if that is remembered."""
        ...

    async def decisions(self, count: int) -> list[dict[str, Any]]:
        """What became of so many requests, the last one first."""
        ...

    async def set_log_level(self, level: str) -> None:
        """Have the program's own log tell from this level on. Raises ValueError for none that there is."""
        ...


@final
class Admin:
    """The admin listener. `address` has the port that was really taken.

    Without a decision record there is no `/decisions`.
    """

    def __init__(
        self,
        proxy: Proxy,
        settings: Settings,
        told: Told,
        reload: Callable[[], Awaitable[Outcome]],
        problems: Callable[[], Sequence[str]],
    ) -> None:
        self._proxy = proxy
        self._settings = settings
        self._told = told
        self._reload = reload
        self._problems = problems
        self._pages = 0
        self._runner: web.AppRunner | None = None
        self.address = settings.address

    async def start(self, listening: socket.socket | None = None) -> None:
        """Listen, on a socket that somebody else has bound if there is one. Raises OSError."""
        runner = self._runner = web.AppRunner(
            self._application(), access_log=None, shutdown_timeout=_SHUTDOWN_AT_MOST
        )
        await runner.setup()
        address = self.address
        if listening is not None:
            await web.SockSite(runner, listening).start()
        elif address.unix:
            await web.UnixSite(runner, address.unix).start()
        else:
            await web.TCPSite(runner, address.host, address.port).start()
        if not address.unix:
            self.address = Address(address.host, runner.addresses[0][1])

    def adopt(self, settings: Settings) -> None:
        """Ask for another token from now on."""
        self._settings = settings

    async def stop(self) -> None:
        """Listen no more."""
        runner, self._runner = self._runner, None
        if runner is not None:
            await runner.cleanup()

    def _application(self) -> web.Application:
        application = web.Application(middlewares=[self._guard], client_max_size=BODY_AT_MOST)
        application.on_response_prepare.append(_harden)
        console.add_console(application.router)
        application.router.add_get("/livez", self._livez)
        application.router.add_get("/readyz", self._readyz)
        find = self._told.decision if self._told.has_decisions else None
        explanations = Explanations(self._proxy, find)
        application.on_cleanup.append(explanations.stop)
        log_level = LogLevel(self._proxy, self._told.set_log_level)
        # Resources of their own, which no other origin is let near: those only read.
        application.router.add_post("/reload", self._reload_now)
        application.router.add_post("/explain", explanations.ask)
        application.router.add_post("/log-level", log_level.change)
        readable = [
            application.router.add_get("/routes", self._routes),
            application.router.add_get("/upstreams", self._upstreams),
            application.router.add_get("/metrics", self._metrics),
            application.router.add_get("/config", Configuration(self._proxy, self._problems).tell),
            application.router.add_get("/explain", explanations.remember),
            application.router.add_get("/log-level", log_level.tell),
        ]
        if self._told.has_decisions:
            readable.append(application.router.add_get("/decisions", self._decisions))
        options = aiohttp_cors.ResourceOptions(  # type: ignore[no-untyped-call]
            allow_headers=["Authorization"], allow_methods=["GET"]
        )
        cors = aiohttp_cors.setup(application, defaults=dict.fromkeys(self._settings.allow_origins, options))
        for route in readable:
            cors.add(route)
        return application

    @web.middleware
    async def _guard(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        if not self._is_our_name(request.host):
            return _refusal(421, "The Host is not one of this listener's.")
        if request.method not in ("GET", "HEAD", "OPTIONS") and request.headers.get("X-Gateway-Admin") != "1":
            return _refusal(403, "Send X-Gateway-Admin: 1.")
        token = self._settings.token
        # A preflight carries no credentials, and its answer tells nothing.
        if token and request.path not in _OPEN and request.method != "OPTIONS":
            given = request.headers.get("Authorization", "")
            if not hmac.compare_digest(given.encode(errors="surrogateescape"), f"Bearer {token}".encode()):
                return _refusal(401, "A bearer token is needed.", {"WWW-Authenticate": "Bearer"})
        return await handler(request)

    def _is_our_name(self, host: str) -> bool:
        if self.address.unix:
            return True
        name = host.rpartition(":")[0] if not host.endswith("]") and ":" in host else host
        name = name.strip("[]").lower()
        if name in ("localhost", self.address.host):
            return True
        try:
            address = ip_address(name)
        except ValueError:
            return False
        # Who listens on every address is asked by any of them; a rebound name is still a name.
        return address.is_loopback or self.address.host in ("0.0.0.0", "::")

    async def _livez(self, request: web.Request) -> web.Response:
        return web.Response(text="ok\n")

    async def _readyz(self, request: web.Request) -> web.Response:
        if self._proxy.draining:
            return web.Response(status=503, text="draining\n")
        return web.Response(text="ready\n")

    async def _reload_now(self, request: web.Request) -> web.Response:
        outcome = await self._reload()
        return _json(outcome.record(), status=422 if outcome.problems else 200)

    async def _routes(self, request: web.Request) -> web.Response:
        return _json([route_view(route) for route in self._proxy.snapshot.routes])

    async def _upstreams(self, request: web.Request) -> web.Response:
        return _json(await self._told.upstreams())

    async def _metrics(self, request: web.Request) -> web.StreamResponse:
        if self._pages >= _PAGES_AT_MOST:
            return _refusal(503, "Too many ask for this at a time.")
        self._pages += 1
        try:
            text, media_type = await self._told.metrics(request.headers.get("Accept", ""))
            return await written(request, text, media_type)
        finally:
            self._pages -= 1

    async def _decisions(self, request: web.Request) -> web.Response:
        """What became of one request, or of the last ones."""
        query = request.query
        if "request_id" in query:
            request_id = query["request_id"]
            if _REQUEST_ID.fullmatch(request_id) is None:
                return _refusal(400, "A request_id has 32 digits, 0 to 9 and a to f.")
            told = await self._told.decision(request_id)
            return _refusal(404, "No such request is remembered.") if told is None else _json(told)
        count = query.get("limit", str(_DECISIONS))
        if _COUNT.fullmatch(count) is None or not 1 <= int(count) <= _DECISIONS_AT_MOST:
            return _refusal(400, f"A limit is a number from 1 to {_DECISIONS_AT_MOST}.")
        return _json(await self._told.decisions(int(count)))


async def _harden(request: web.Request, response: web.StreamResponse) -> None:
    response.headers["Cache-Control"] = "no-store"
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Server"] = "gateway"
