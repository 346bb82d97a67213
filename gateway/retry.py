"""When a request is tried again.

Only what cannot do harm twice: nothing was sent, or the method is idempotent and the whole request is still
here. A budget keeps retries a share of the traffic, so that a failing backend is not buried under them.
"""

from datetime import UTC
from email.utils import parsedate_to_datetime
from math import inf
from typing import Final, final

from gateway.config.snapshot import Retry
from gateway.wire.upstream import Fault

# RFC 9110 9.2.2.
IDEMPOTENT: Final = frozenset([b"GET", b"HEAD", b"OPTIONS", b"PUT", b"DELETE"])

# What `retry: {after: ...}` calls the faults; the others are never tried again.
CAUSES: Final = {
    Fault.DNS: "connect",
    Fault.DNS_TIMEOUT: "connect",
    Fault.REFUSED: "connect",
    Fault.UNROUTABLE: "connect",
    Fault.CONNECT_TIMEOUT: "connect",
    Fault.RESET: "reset",
    Fault.INCOMPLETE: "reset",
}

# Retries that are always granted, so that a budget means something for an upstream with little to do.
_FLOOR: Final = 3
_FIRST_PAUSE: Final = 0.025
LONGEST_PAUSE: Final = 1.0
_DIGITS_AT_MOST: Final = 9
_DOUBLINGS_AT_MOST: Final = 6


@final
class Budget:
    """The retries under way at one upstream, held to a share of its unfinished requests."""

    __slots__ = ("_retry", "under_way")

    def __init__(self, retry: Retry) -> None:
        self._retry = retry
        self.under_way = 0

    def grants(self, cause: str | int, attempts: int, unfinished: int) -> bool:
        """True if a request that failed for `cause` after so many attempts may be tried again."""
        retry = self._retry
        if cause not in retry.after or attempts >= retry.attempts:
            return False
        # Who is a retry already has its share.
        return attempts > 1 or self.under_way < max(_FLOOR, retry.budget * unfinished)


def pause(attempts: int, chance: float) -> float:
    """Seconds to wait before an endpoint that failed is asked again: exponential, with full jitter.

    `attempts` were made, one at least; `chance` is a random number from 0 to 1.
    """
    doublings = min(attempts - 1, _DOUBLINGS_AT_MOST)
    return float(chance * min(LONGEST_PAUSE, _FIRST_PAUSE * 2**doublings))


def asked_to_wait(retry_after: bytes, date: bytes) -> float:
    """Seconds for which a backend asks to be left alone (RFC 9110 10.2.3); 0 where what it says is neither.

    `date` is the Date field of now, against which a point in time is measured.
    """
    if retry_after.isdigit():
        return float(retry_after) if len(retry_after) <= _DIGITS_AT_MOST else inf
    try:
        until = parsedate_to_datetime(retry_after.decode("ascii"))
        now = parsedate_to_datetime(date.decode())
    except ValueError:
        return 0.0
    return max(0.0, (until.replace(tzinfo=until.tzinfo or UTC) - now).total_seconds())


def is_worth_waiting(seconds: float, left: float) -> bool:
    """True if a backend that asks for such a pause is asked again, with `left` seconds for the response."""
    return seconds <= LONGEST_PAUSE and seconds < left
