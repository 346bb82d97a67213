"""Counters of the data path: plain numbers, which are collected when somebody asks for the metrics page.

Labels come from the configuration: a route's tally is made once, and a request only adds to it.
"""

from bisect import bisect_left
from collections.abc import Iterable, Sequence
from typing import Final, final

from gateway.http.reason import Reason

# Upper bounds in seconds. The first are those that OpenTelemetry advises for HTTP.
DURATIONS: Final[tuple[float, ...]] = (
    0.005,
    0.01,
    0.025,
    0.05,
    0.075,
    0.1,
    0.25,
    0.5,
    0.75,
    1.0,
    2.5,
    5.0,
    7.5,
    10.0,
)
OVERHEADS: Final[tuple[float, ...]] = (0.00005, 0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025)
CALLS: Final[tuple[float, ...]] = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1)
LAGS: Final[tuple[float, ...]] = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0)

# Methods that have a label of their own; a client can invent others without end.
METHODS: Final[tuple[str, ...]] = (
    "_OTHER",
    "GET",
    "HEAD",
    "POST",
    "PUT",
    "PATCH",
    "DELETE",
    "OPTIONS",
    "TRACE",
    "CONNECT",
)
_NUMBERS: Final = {name.encode(): number for number, name in enumerate(METHODS)}
_STATUSES: Final = 1000

# Statuses of a backend whose series begin at 0: an alert would not see the first event of one that is born
# with it. Usual successes, and what speaks against a service.
EXPECTED: Final[tuple[int, ...]] = (200, 201, 204, 500, 502, 503, 504)
# Series that requests may begin by themselves; a backend that lets clients choose its status could make many.
LEARNT_AT_MOST: Final = 20_000


@final
class Histogram:
    """Seconds counted by upper bounds. `counts` has one place more, for what is above the last bound."""

    __slots__ = ("bounds", "counts", "exemplars", "sum")

    def __init__(self, bounds: Sequence[float]) -> None:
        self.bounds = list(bounds)
        self.counts = [0] * (len(bounds) + 1)
        self.sum = 0.0
        # The trace, the value and the time of the last sampled one of each place.
        self.exemplars: list[tuple[str, float, float] | None] = [None] * (len(bounds) + 1)

    def copy(self) -> "Histogram":
        """The same counts, which go on no more."""
        copied = Histogram(self.bounds)
        copied.counts = self.counts.copy()
        copied.exemplars = self.exemplars.copy()
        copied.sum = self.sum
        return copied

    def include(self, other: "Histogram") -> None:
        """Add what another has counted, and of each place keep the newest exemplar.

        Where it has other bounds, what it counted below one of them is below our next.
        """
        places = [bisect_left(self.bounds, bound) for bound in other.bounds]
        places.append(len(self.bounds))
        for place, count, exemplar in zip(places, other.counts, other.exemplars, strict=True):
            self.counts[place] += count
            known = self.exemplars[place]
            if exemplar is not None and (known is None or known[2] <= exemplar[2]):
                self.exemplars[place] = exemplar
        self.sum += other.sum

    def observe(self, seconds: float) -> int:
        """Count one; gives its place, for an exemplar."""
        place = bisect_left(self.bounds, seconds)
        self.counts[place] += 1
        self.sum += seconds
        return place


@final
class UpstreamTally:
    """What became of requests at one upstream: statuses of answers, words for failures, retries."""

    __slots__ = ("duration", "failures", "name", "responses", "retries")

    def __init__(self, name: str) -> None:
        self.name = name
        self.responses: dict[int, int] = dict.fromkeys(EXPECTED, 0)
        self.failures: dict[str, int] = {
            reason.value: 0 for reason in Reason if reason.value.startswith("upstream_")
        }
        self.retries = 0
        self.duration = Histogram(DURATIONS)

    def answered(self, status: int, seconds: float) -> None:
        """A backend's final head came, so many seconds after it was asked."""
        self.responses[status] = self.responses.get(status, 0) + 1
        self.duration.observe(seconds)

    def failed(self, reason: str) -> None:
        """An attempt brought no answer."""
        self.failures[reason] = self.failures.get(reason, 0) + 1


@final
class Learnt:
    """How many series requests may still begin by themselves; `rest` counts what would be more."""

    __slots__ = ("left", "rest")

    def __init__(self, left: int = LEARNT_AT_MOST) -> None:
        self.left = left
        self.rest: dict[int, int] = {}


@final
class RouteTally:
    """What became of the requests of one route. `upstream` is None where it has no backend."""

    __slots__ = (
        "_learnt",
        "aborted",
        "attempts",
        "decisions",
        "duration",
        "operation",
        "overhead",
        "received",
        "requests",
        "route",
        "sent",
        "upstream",
    )

    def __init__(
        self,
        route: str,
        upstream: UpstreamTally | None,
        operation: str,
        durations: Sequence[float],
        learnt: Learnt,
    ) -> None:
        self._learnt = learnt
        self.route = route
        self.upstream = upstream
        self.operation = operation
        self.requests: dict[int, int] = {}  # see `label`
        self.decisions: dict[tuple[str, str, str], int] = {}  # policy, reason, mode
        self.duration = Histogram(durations)
        self.overhead = Histogram(OVERHEADS)
        self.aborted = self.attempts = self.received = self.sent = 0

    def retried(self) -> None:
        """A request goes to its upstream once more."""
        if self.upstream is not None:
            self.upstream.retries += 1

    def count(self, method: bytes, status: int) -> None:
        """A request is over."""
        key = _NUMBERS.get(method, 0) * _STATUSES + status
        requests = self.requests
        if key not in requests:
            learnt = self._learnt
            if learnt.left:
                learnt.left -= 1
            else:
                requests = learnt.rest
        requests[key] = requests.get(key, 0) + 1

    def expect(self, methods: Iterable[str], statuses: Iterable[int]) -> None:
        """Begin the series of requests that the configuration tells of."""
        numbers = [_NUMBERS.get(method.encode(), 0) for method in methods]
        for status in statuses:
            for number in numbers:
                self.requests.setdefault(number * _STATUSES + status, 0)

    def decide(self, policy: str, reason: str, mode: str) -> None:
        """A request was refused, or would have been."""
        key = policy, reason, mode
        self.decisions[key] = self.decisions.get(key, 0) + 1


def label(key: int) -> tuple[str, str]:
    """The method and the status of a key of `RouteTally.requests`."""
    number, status = divmod(key, _STATUSES)
    return METHODS[number], str(status)
