"""What one process tells of itself: to operators, or to the other workers of its gateway."""

from typing import Any, final

import orjson

from gateway.peers import Answers
from gateway.proxy import Proxy
from gateway.telemetry.application_log import set_level
from gateway.telemetry.decisions import Decisions
from gateway.telemetry.page import Page
from gateway.upstream import Endpoint


@final
class Own:
    """What this process tells. See `gateway.admin.site.Told`."""

    def __init__(self, proxy: Proxy, page: Page, record: Decisions | None) -> None:
        self._proxy = proxy
        self._page = page
        self._record = record

    @property
    def has_decisions(self) -> bool:
        """True if decisions are remembered."""
        return self._record is not None

    async def metrics(self, accept: str) -> tuple[bytes, str]:
        """The metrics page for a value of `Accept`, and its media type."""
        return await self._page.render(accept)

    async def upstreams(self) -> list[dict[str, Any]]:
        """Each upstream, with its endpoints."""
        return [
            {"name": name, "endpoints": [_told(endpoint) for endpoint in upstream.endpoints]}
            for name, upstream in self._proxy.upstreams.items()
        ]

    async def decision(self, request_id: str) -> dict[str, Any] | None:
        """What became of a request, if that is remembered."""
        return None if self._record is None else await self._record.find(request_id)

    async def decisions(self, count: int) -> list[dict[str, Any]]:
        """What became of so many requests, the last one first."""
        return [] if self._record is None else self._record.newest(count)

    async def set_log_level(self, level: str) -> None:
        """Have the log tell from this level on. Raises ValueError for none that there is."""
        set_level(level)

    def answers(self) -> Answers:
        """What it answers when it is one of several workers."""
        return {
            "metrics": self._answer_metrics,
            "upstreams": self._answer_upstreams,
            "decisions": self._answer_decisions,
            "log_level": self._answer_log_level,
        }

    async def _answer_metrics(self, argument: bytes) -> bytes:
        return await self._page.report()

    async def _answer_upstreams(self, argument: bytes) -> bytes:
        return orjson.dumps(await self.upstreams())

    async def _answer_decisions(self, argument: bytes) -> bytes:
        """Of `{"request_id": ...}` one or none, of `{"limit": ...}` so many."""
        asked = orjson.loads(argument)
        if "limit" in asked:
            return orjson.dumps(await self.decisions(asked["limit"]))
        found = await self.decision(asked["request_id"])
        return orjson.dumps([] if found is None else [found])

    async def _answer_log_level(self, argument: bytes) -> bytes:
        await self.set_log_level(argument.decode())
        return b""


def _told(endpoint: Endpoint) -> dict[str, Any]:
    return {
        "address": str(endpoint.address),
        "state": endpoint.state,
        "failures": endpoint.failures,
        "addresses": [str(address) for address in endpoint.pool.dialer.addresses],
        "pending": endpoint.pending,
        "connections": endpoint.pool.open,
        "idle": endpoint.pool.idle,
        "waiting": endpoint.pool.waiting,
    }
