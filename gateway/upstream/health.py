"""Probes: an endpoint is asked by itself, off the request path, whether it is well.

A status under 400 within the time is a good answer, everything else a bad one; only so many in a row change
the word on the endpoint. Where a backend hangs up without a word, aiohttp asks it once more in the same time.
"""

import logging
from collections.abc import Callable
from typing import final

import aiohttp

from gateway.config.snapshot import Address, Health
from gateway.upstream.endpoint import Endpoint
from gateway.wire.descriptors import EXHAUSTED

log = logging.getLogger("gateway")

_HEADERS = {"User-Agent": "azora-gateway-probe", "Accept": "*/*"}


@final
class Probes:
    """Asks the endpoints of one upstream; `changed` is called when the word on one has changed.

    `interval` is the time between two probes of an endpoint, in seconds.
    """

    __slots__ = ("_changed", "_sessions", "_settings", "_streaks", "interval")

    def __init__(self, settings: Health, changed: Callable[[], None]) -> None:
        self._settings = settings
        self.interval = settings.interval
        self._changed = changed
        self._sessions: dict[str, aiohttp.ClientSession] = {}
        self._streaks: dict[Endpoint, int] = {}

    async def probe(self, endpoint: Endpoint) -> None:
        """Ask once, and count the answer."""
        found = await self._ask(endpoint)
        if found is None:
            return
        is_good = found.isdigit() and int(found) < 400
        if is_good == endpoint.healthy:
            self._streaks[endpoint] = 0
            return
        streak = self._streaks[endpoint] = self._streaks.get(endpoint, 0) + 1
        if streak < (self._settings.healthy if is_good else self._settings.unhealthy):
            return
        self._streaks[endpoint] = 0
        endpoint.healthy = is_good
        log.warning("%s is %s: %s", endpoint.address, "healthy again" if is_good else "unhealthy", found)
        self._changed()

    async def close(self) -> None:
        """Close the connections of probes."""
        sessions = list(self._sessions.values())
        self._sessions.clear()
        for session in sessions:
            await session.close()

    async def _ask(self, endpoint: Endpoint) -> str | None:
        """The status of an answer, or the kind of failure; None where it could not be asked."""
        address = endpoint.address
        authority = "localhost" if address.unix else str(address)
        tls = endpoint.pool.dialer.tls
        scheme = "https" if tls else "http"
        headers = _HEADERS | {"Host": (endpoint.host or endpoint.authority).decode()}
        session = self._session(address)
        try:
            # The status tells everything. A redirect is an answer, and its target is another's business.
            async with session.get(
                f"{scheme}://{authority}{self._settings.path}",
                headers=headers,
                allow_redirects=False,
                ssl=tls.context if tls else True,
                server_hostname=tls.name if tls else None,
            ) as response:
                return str(response.status)
        except (aiohttp.ClientError, OSError) as error:
            # What we have no descriptor for tells nothing of others.
            is_ours = isinstance(error, OSError) and error.errno in EXHAUSTED
            return None if is_ours else type(error).__name__

    def _session(self, address: Address) -> aiohttp.ClientSession:
        """One for all endpoints, but one of its own for each Unix socket."""
        session = self._sessions.get(address.unix)
        if session is None:
            # Every probe connects anew: a kept connection says nothing about taking the next one. What was
            # not read of a body is closed away with it.
            connector = (
                aiohttp.UnixConnector(address.unix, force_close=True)
                if address.unix
                else aiohttp.TCPConnector(force_close=True, use_dns_cache=False)
            )
            session = self._sessions[address.unix] = aiohttp.ClientSession(
                connector=connector,
                timeout=aiohttp.ClientTimeout(total=self._settings.timeout),
                cookie_jar=aiohttp.DummyCookieJar(),
                auto_decompress=False,
            )
        return session
