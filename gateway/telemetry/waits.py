"""What a request waits for while it is decided: answers of other services.

Who asks them knows nothing of the request: its place in the trace goes with the task that waits, and so does
the list of its waits where it is sampled. Where there is none nobody wants to know, and asking costs no more
than to see that.
"""

import asyncio
import time
from collections.abc import Awaitable
from contextvars import ContextVar
from secrets import token_hex
from typing import Final, TypeVar

from gateway.http.fields import Field
from gateway.telemetry.context import Trace
from gateway.telemetry.ids import SPAN
from gateway.telemetry.passage import Wait

T = TypeVar("T")

_CALLER: Final[ContextVar[tuple[Trace, list[Wait] | None] | None]] = ContextVar("caller", default=None)


def noting(trace: Trace, waits: list[Wait] | None, verdict: Awaitable[T]) -> asyncio.Future[T]:
    """A task for a verdict on a request; what it waits for is added to `waits`, None if it is not sampled."""
    token = _CALLER.set((trace, waits))
    try:
        return asyncio.ensure_future(verdict)
    finally:
        _CALLER.reset(token)


def begin(operation: str, url: str) -> Wait | None:
    """The current request begins to wait, and `end` follows; None where it is not sampled.

    `operation` is a method of HTTP or a command. `url` says who is asked; it comes from the configuration.
    """
    caller = _CALLER.get()
    if caller is None or caller[1] is None:
        return None
    wait = Wait(operation, url, time.monotonic())
    caller[1].append(wait)
    return wait


def end(wait: Wait | None, status: int = 0, error: str = "") -> None:
    """It is over: with a status of HTTP, where there is one, or with a word for what went wrong."""
    if wait is not None:
        wait.ended = time.monotonic()
        wait.status = status
        wait.error = error


def fields() -> tuple[Field, ...]:
    """What tells whoever is asked of the trace; nothing where no request asks.

    The span that asks is that of the wait which the request has begun last, or its own if it is not sampled.
    """
    caller = _CALLER.get()
    if caller is None:
        return ()
    trace, waits = caller
    span_id = trace.span_id
    if waits:
        span_id = waits[-1].span_id = waits[-1].span_id or token_hex(SPAN // 2).encode()
    return ((b"traceparent", trace.parent(span_id)),)
