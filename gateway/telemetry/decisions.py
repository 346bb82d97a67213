"""The decision record: of the last requests, the line of the access log and what the route asked of them."""

import asyncio
from collections.abc import Mapping, Sequence
from typing import Any, Final, final

import orjson

from gateway.routing import Forward, Route

# How many lines are looked at before others may have a turn.
_AT_ONCE: Final = 4096
_TIME: Final = len('{"type":"access","time":"2026-11-25T19:15:30.123Z",')
_REQUEST_ID: Final = b'"request_id":"%b",'
# Who is asked only when all of the route's policies have agreed.
_BEHIND_POLICIES: Final = ("route", "upstream")


@final
class Decisions:
    """Keeps so many lines, the last ones. They are bytes: what is kept by thousands is better no dict."""

    __slots__ = ("_lines", "_next", "_routes")

    def __init__(self, count: int) -> None:
        self._lines = [b""] * count
        self._routes: list[Route | None] = [None] * count
        self._next = 0

    def keep(self, line: bytes, route: Route | None) -> None:
        """Take the place of the oldest line; no route where there was no request to route."""
        place = self._next
        self._lines[place] = line
        self._routes[place] = route
        place += 1
        self._next = place if place < len(self._lines) else 0

    async def find(self, request_id: str) -> dict[str, Any] | None:
        """What became of a request, the last one where several had the same id."""
        mark = _REQUEST_ID % request_id.encode()
        lines = self._lines
        first = self._next
        for age in range(1, len(lines) + 1):
            place = first - age
            if lines[place].startswith(mark, _TIME):
                return _told(lines[place], self._routes[place])
            if age % _AT_ONCE == 0:
                await asyncio.sleep(0)
        return None

    def newest(self, count: int) -> list[dict[str, Any]]:
        """What became of so many requests, the last one first."""
        lines = self._lines
        places = [self._next - age for age in range(1, min(count, len(lines)) + 1)]
        return [_told(lines[place], self._routes[place]) for place in places if lines[place]]


def verdicts(asked: Sequence[tuple[str, str]], told: Mapping[str, Any], answers: bool) -> list[str]:
    """What each policy of a route said, by name and source, as the line of a request lets one conclude.

    `passed`, `refused`, `reported` (it is on trial and would have refused), `not_asked` (another one refused
    before), or `unknown`: the client left meanwhile, or was answered by one that refused nothing. The route
    `answers` by itself where it has no backend.
    """
    refusing = told["policy"], told["source"]
    words = ["passed"] * len(asked)
    if refusing in asked:
        first = asked.index(refusing)
        behind = "passed" if told["attempts"] else "not_asked"
        words[first:] = ["refused" if one == refusing else behind for one in asked[first:]]
    elif not _all_agreed(told, answers):
        words = ["unknown"] * len(asked)
    on_trial = [name for name, _ in told["reported"]]
    return ["reported" if name in on_trial else word for (name, _), word in zip(asked, words, strict=True)]


def _all_agreed(told: Mapping[str, Any], answers: bool) -> bool:
    if told["attempts"] or told["policy"] in _BEHIND_POLICIES:
        return True
    return answers and told["decision"] == "answered" and told["method"] != "OPTIONS"


def _told(line: bytes, route: Route | None) -> dict[str, Any]:
    told: dict[str, Any] = orjson.loads(line)
    asked = [] if route is None else [(policy.name, policy.source) for policy in route.pipeline.policies]
    answers = route is not None and not isinstance(route.target, Forward)
    told["policies"] = [
        {"name": name, "source": source, "verdict": word}
        for (name, source), word in zip(asked, verdicts(asked, told, answers), strict=True)
    ]
    return told
