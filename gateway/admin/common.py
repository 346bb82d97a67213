"""What several workers tell together, whichever of them is asked.

A worker that does not answer is left out, and so is an answer that is none.

Nobody is shown an older metrics page than the one before, which another worker may have made. So it is not
kept for its time here: each worker keeps its report for a second, and the same reports make the same page.
"""

import asyncio
from collections import Counter
from typing import Any, Final, final

import orjson

from gateway.peers import Peers
from gateway.telemetry.page import media_type, put_together

# Of what workers say of an endpoint the worst is told: a word that we do not know, then the last of these.
_STATES: Final = ("up", "ejected", "unhealthy")
_ADDED_UP: Final = ("pending", "connections", "idle", "waiting")

_Object = dict[str, Any]


@final
class Common:
    """What all workers tell. See `gateway.admin.site.Told`."""

    def __init__(self, peers: Peers, has_decisions: bool) -> None:
        self._peers = peers
        self.has_decisions = has_decisions
        self._turn = asyncio.Lock()
        self._made_of: tuple[str, list[bytes]] = "", []
        self._page = b""

    async def metrics(self, accept: str) -> tuple[bytes, str]:
        """The metrics page for a value of `Accept`, and its media type."""
        kind = media_type(accept)
        reports = sorted(await self._peers.ask("metrics"))
        async with self._turn:
            if self._made_of != (kind, reports):
                self._page = await asyncio.to_thread(put_together, kind, reports)
                self._made_of = kind, reports
            return self._page, kind

    async def upstreams(self) -> list[_Object]:
        """Each upstream with its endpoints, and what each worker thinks of these."""
        told: dict[str, dict[tuple[str, int], list[_Object]]] = {}
        for upstreams in map(_upstreams, await self._peers.ask("upstreams")):
            for name, endpoints in upstreams:
                by_address = told.setdefault(name, {})
                # One address may stand there several times.
                times = Counter[str]()
                for endpoint in endpoints:
                    address = endpoint["address"]
                    by_address.setdefault((address, times[address]), []).append(endpoint)
                    times[address] += 1
        return [
            {"name": name, "endpoints": [_one(several) for several in by_address.values()]}
            for name, by_address in told.items()
        ]

    async def decision(self, request_id: str) -> _Object | None:
        """What became of a request, if anybody remembers it."""
        found = await self._decisions({"request_id": request_id})
        return found[0] if found else None

    async def decisions(self, count: int) -> list[_Object]:
        """What became of so many requests, the last one first."""
        return (await self._decisions({"limit": count}))[:count]

    async def set_log_level(self, level: str) -> None:
        """Have the logs of all tell from this level on."""
        await self._peers.ask("log_level", level.encode())

    async def _decisions(self, asked: _Object) -> list[_Object]:
        answers = await self._peers.ask("decisions", orjson.dumps(asked))
        told = [each for answer in answers for each in _objects(answer) if isinstance(each.get("time"), str)]
        return sorted(told, key=lambda each: each["time"], reverse=True)


def _objects(answer: bytes) -> list[_Object]:
    """The objects in a list, none if it is no such list."""
    try:
        told = orjson.loads(answer)
    except ValueError:
        return []
    is_sound = isinstance(told, list) and all(isinstance(each, dict) for each in told)
    return told if is_sound else []


def _upstreams(answer: bytes) -> list[tuple[str, list[_Object]]]:
    found = []
    for upstream in _objects(answer):
        match upstream:
            case {"name": str(name), "endpoints": list(endpoints)} if all(map(_is_endpoint, endpoints)):
                found.append((name, endpoints))
            case _:
                return []
    return found


def _is_endpoint(told: Any) -> bool:
    match told:
        case {"address": str(), "state": str(), "failures": int(), "addresses": list()}:
            return all(isinstance(told.get(name), int) for name in _ADDED_UP)
    return False


def _one(several: list[_Object]) -> _Object:
    """One endpoint, of what each worker says of it; `workers` counts who says what."""
    states = [each["state"] for each in several]
    return several[0] | {
        "state": max(states, key=_badness),
        "failures": max(each["failures"] for each in several),
        "addresses": [*dict.fromkeys(str(address) for each in several for address in each["addresses"])],
        **{name: sum(each[name] for each in several) for name in _ADDED_UP},
        "workers": Counter(states),
    }


def _badness(state: str) -> int:
    return _STATES.index(state) if state in _STATES else len(_STATES)
