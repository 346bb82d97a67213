"""What a sampled request waits for while it is decided: answers of other services.

Who asks them knows nothing of the request: the list of its waits goes with the task that waits. Where there
is none nobody wants to know, and asking costs no more than to see that.
"""

import asyncio
import time
from collections.abc import Awaitable
from contextvars import ContextVar
from typing import Final, TypeVar

from gateway.telemetry.passage import Wait

T = TypeVar("T")

_WAITS: Final[ContextVar[list[Wait] | None]] = ContextVar("waits", default=None)


def noting(waits: list[Wait], verdict: Awaitable[T]) -> asyncio.Future[T]:
    """A task for a verdict; what it waits for is added to `waits`."""
    token = _WAITS.set(waits)
    try:
        return asyncio.ensure_future(verdict)
    finally:
        _WAITS.reset(token)


def begin(operation: str, url: str) -> Wait | None:
    """The current request begins to wait, and `end` follows; None where it is not sampled.

    `operation` is a method of HTTP or a command. `url` says who is asked; it comes from the configuration.
    """
    waits = _WAITS.get()
    if waits is None:
        return None
    wait = Wait(operation, url, time.monotonic())
    waits.append(wait)
    return wait


def end(wait: Wait | None, status: int = 0, error: str = "") -> None:
    """It is over: with a status of HTTP, where there is one, or with a word for what went wrong."""
    if wait is not None:
        wait.ended = time.monotonic()
        wait.status = status
        wait.error = error
