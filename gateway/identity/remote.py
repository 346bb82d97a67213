"""A copy of an issuer's keys that is kept fresh beside the requests.

The set is fetched anew at four fifths of its lifetime, and once when a token names a key that is not in it,
with a pause in which no other unknown name has it fetched again. All who wait share one fetch. What cannot
be fetched is kept a day at most, and then nobody is judged; a key that a good answer no longer has stops at
once.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from random import Random
from typing import final

from gateway.http.reason import Reason
from gateway.identity.fetch import Fetcher, FetchError
from gateway.identity.freshness import LONGEST
from gateway.identity.jwks import usable
from gateway.identity.location import Location
from gateway.policy.jwk import Key, KeySet
from gateway.policy.key_source import KeySource
from gateway.policy.ports import Time
from gateway.policy.recent import Recent
from gateway.telemetry import waits

log = logging.getLogger("gateway")

Pause = Callable[[float], Awaitable[None]]

# Seconds.
COOL_DOWN = 15.0
WAIT_AT_MOST = 5.0
STALE_AT_MOST = LONGEST
UNKNOWN_FOR = 60.0
_RETRY_FIRST = 5.0
_RETRY_AT_MOST = 60.0

_REFRESH_AT = 0.8
_JITTER = 0.1
_UNKNOWN_REMEMBERED = 512


@final
class RemoteKeys:
    """The port `Keys` for keys that an issuer publishes.

    `refreshes`, `failures`, `unknown_kids` and `cool_downs` (unknown names for which nothing was fetched)
    are counted for those who watch; `fetched_at` is the monotonic time of the last refresh, 0 before any.
    """

    def __init__(
        self,
        source: KeySource,
        fetcher: Fetcher,
        monotonic: Time,
        *,
        random: Random | None = None,
        pause: Pause = asyncio.sleep,
    ) -> None:
        self.source = source
        self.generation = 0
        self.refreshes = self.failures = self.unknown_kids = self.cool_downs = 0
        self._fetcher = fetcher
        self._monotonic = monotonic
        self._random = random or Random()  # noqa: S311 - spreads load, protects nothing.
        self._pause = pause
        self._keys: KeySet | None = None
        self._content: list[str] = []
        self.fetched_at = 0.0
        self._lifetime = 0.0
        self._etag: str | None = None
        self._location = Location(source, fetcher, monotonic)
        self._fetched_from = ""
        self._failed_in_a_row = 0
        self._cool_until = float("-inf")
        self._unknown: Recent[str, float] = Recent(_UNKNOWN_REMEMBERED)
        # How many fetches have begun, and the number of the last of them that went well.
        self._asked = self._answered = 0
        self._flight: asyncio.Task[None] | None = None
        self._refreshing: asyncio.Task[None] | None = None

    @property
    def is_loaded(self) -> bool:
        """True where there is a set."""
        return self._keys is not None

    @property
    def age(self) -> float | None:
        """Seconds since an issuer's good answer, None while there is no set."""
        return None if self._keys is None else self._monotonic() - self.fetched_at

    def start(self) -> None:
        """Begin to keep the set fresh; the first fetch is not waited for."""
        if self._refreshing is None:
            self._cool_until = float("-inf")
            self._refreshing = asyncio.create_task(self._refresh())

    async def stop(self) -> None:
        """End what `start` and requests began."""
        tasks = [task for task in (self._refreshing, self._flight) if task is not None]
        self._refreshing = self._flight = None
        # Whoever still waits does not ask once more.
        self._cool_until = float("inf")
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)

    def find(
        self, kid: str | None, algorithm: str
    ) -> tuple[Key, ...] | Awaitable[tuple[Key, ...] | None] | None:
        """The keys of a token: at once where the set has them, or where it is too early to ask again."""
        keys = self._current()
        now = self._monotonic()
        if keys is not None:
            found = keys.find(kid, algorithm)
            if found:
                return found
            self.unknown_kids += 1
            if self._is_unknown(kid, now):
                self.cool_downs += 1
                return ()
        asked = self._asked
        if self._flight is None and not self._ask():
            self.cool_downs += 1
            return None if keys is None else ()
        return self._wait(kid, algorithm, asked)

    async def _wait(self, kid: str | None, algorithm: str, asked: int) -> tuple[Key, ...] | None:
        """The keys of a token that came when `asked` fetches had begun."""
        time = asyncio.get_running_loop().time
        until = time() + WAIT_AT_MOST
        # What was under way already may have left before the issuer had the key: then once more.
        while self._flight is not None or (self._asked == asked and self._ask()):
            flight = self._flight = self._flight or self._begin()
            number = self._asked
            wait = waits.begin("GET", self._location.known)
            # The fetch is everybody's: who goes away does not end it.
            await asyncio.wait([flight], timeout=max(0.0, until - time()))
            waits.end(wait, error="" if self._answered >= number else Reason.KEYS_UNAVAILABLE)
            if number > asked or not flight.done() or (self._keys and self._keys.find(kid, algorithm)):
                break
        keys = self._current()
        if keys is None:
            return None
        found = keys.find(kid, algorithm)
        if not found and kid is not None and self._answered > asked:
            self._unknown.put(kid, self._monotonic() + UNKNOWN_FOR)
        return found

    def _ask(self) -> bool:
        """Begin a fetch for a token, unless it is too early for another one."""
        now = self._monotonic()
        if now < self._cool_until:
            return False
        # Set ahead of the call, so that whatever becomes of it there is a pause after it.
        self._cool_until = now + COOL_DOWN
        self._flight = self._begin()
        return True

    def _is_unknown(self, kid: str | None, now: float) -> bool:
        return kid is not None and (self._unknown.get(kid) or float("-inf")) > now

    def _current(self) -> KeySet | None:
        """The set, unless it is too old to be believed."""
        if self._keys is not None and self._monotonic() - self.fetched_at >= STALE_AT_MOST:
            log.error("keys of %s: nothing for a day, no token is accepted", self.source.issuer)
            self._adopt(None, [])
        return self._keys

    def _begin(self) -> "asyncio.Task[None]":
        """Begin the one fetch that there is at a time."""
        self._asked += 1
        flight = asyncio.create_task(self._fetch(self._asked))
        flight.add_done_callback(self._land)
        return flight

    def _land(self, flight: "asyncio.Task[None]") -> None:
        if flight is self._flight:
            self._flight = None

    async def _refresh(self) -> None:
        """Fetch at four fifths of the lifetime, or soon again after a failure, for ever."""
        while True:
            self._flight = self._flight or self._begin()
            await asyncio.wait([self._flight])
            await self._pause(self._until_next())
            self._current()

    def _until_next(self) -> float:
        spread = self._random.uniform(1 - _JITTER, 1 + _JITTER)
        if not self._failed_in_a_row:
            return self._lifetime * _REFRESH_AT * spread
        pause = min(_RETRY_FIRST * 2.0 ** min(self._failed_in_a_row - 1, 10), _RETRY_AT_MOST) * spread
        age = self.age
        # The day of a set ends on time, also between two attempts.
        return pause if age is None else max(0.0, min(pause, STALE_AT_MOST - age))

    async def _fetch(self, number: int) -> None:
        """One attempt; a failure is counted and told, and leaves what there is."""
        try:
            url = await self._location.url()
            # What another address had says nothing about this one.
            document = await self._fetcher.get(url, self._etag if url == self._fetched_from else None)
            if document.members is not None:
                self._adopt(*usable(document.members))
        except (FetchError, ValueError) as error:
            # Both say it in our own words.
            self._fail(str(error))
        except Exception:
            log.exception("keys of %s", self.source.issuer)
            self._fail("a mistake of ours")
        else:
            self.refreshes += 1
            self._failed_in_a_row = 0
            self._etag, self._fetched_from = document.etag, url
            self.fetched_at = self._monotonic()
            self._lifetime = document.lifetime
            self._answered = number

    def _fail(self, why: str) -> None:
        self.failures += 1
        self._failed_in_a_row += 1
        self._location.forget()
        log.warning("keys of %s cannot be fetched: %s", self.source.issuer, why)

    def _adopt(self, keys: KeySet | None, content: list[str]) -> None:
        if keys is None or self._keys is None or content != self._content:
            if self._keys is None:
                # The first set was not fetched for an unknown name; the next may be unknown by right.
                self._cool_until = float("-inf")
            self.generation += 1
            self._unknown = Recent(_UNKNOWN_REMEMBERED)
            self._keys, self._content = keys, content
            if keys is None:
                self._fetched_from = ""
