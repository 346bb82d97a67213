"""What one of several workers asks all of them, and what it answers when it is asked."""

from collections.abc import Awaitable, Callable, Mapping
from typing import Final, Literal, Protocol

from gateway.outcome import Outcome

# `metrics`: the report of one worker's metrics, see `gateway.telemetry.report`.
# `upstreams`: what its endpoints are like. `decisions`: what it remembers; the argument is JSON.
# `log_level`: have its own log tell from the given level on.
Question = Literal["metrics", "upstreams", "decisions", "log_level"]

# Answers a question about this worker; the argument is what goes with the question, else empty.
Answer = Callable[[bytes], Awaitable[bytes]]
Answers = Mapping[Question, Answer]

# Seconds in which a worker has to answer; one that does not is left out.
ANSWERED_WITHIN: Final = 2.0


class Peers(Protocol):
    """All workers of a gateway."""

    async def reload(self) -> Outcome:
        """Have all of them serve by what the files say now, or none. Never raises."""
        ...

    async def ask(self, question: Question, argument: bytes = b"") -> list[bytes]:
        """What each of them answers, this one among them. Never raises.

        The answers to `metrics` also have what workers counted that are gone, and what the supervisor counts.
        """
        ...
