"""W3C Trace Context, level 2: where a request stands in a trace, and what the backend is told of it.

No SDK is asked: every request has ids, and what is not sampled costs no more than these.
"""

import re
from typing import Final, final

from gateway.telemetry.baggage import Baggage
from gateway.telemetry.ids import SPAN, TRACE, Ids
from gateway.telemetry.tracestate import passed_on

SAMPLED: Final = 1
RANDOM: Final = 2

_TRACEPARENT: Final = re.compile(
    # A comma parts what came in two fields, and two of them are none (3.2.1).
    rb"([0-9a-f]{2})-([0-9a-f]{32})-([0-9a-f]{16})-([0-9a-f]{2})(-[^,]*)?"
)
_FLAGS: Final = (b"00", b"01", b"02", b"03")
# The ids that say nothing (3.2.2.3, 3.2.2.4), and the version that cannot be (3.2.2.1).
_NO_TRACE: Final = b"0" * TRACE
_NO_SPAN: Final = b"0" * SPAN
_NO_VERSION: Final = b"ff"
# Of the random part of a trace id, its last seven bytes.
_RANDOM_DIGITS: Final = 14


@final
class Trace:
    """Where one request stands in its trace.

    `span_id` is that of the request in this gateway, `parent_id` that of the span that called it, empty at
    the root. `state` and `baggage` are the values of `tracestate` and `baggage` to pass on. `link` is the
    context that came from outside and was not continued: its trace and its span.
    """

    __slots__ = ("baggage", "flags", "link", "parent_id", "sampled", "span_id", "state", "trace_id")

    def __init__(  # noqa: PLR0913 - one parameter a slot, made in one place.
        self,
        trace_id: bytes,
        span_id: bytes,
        parent_id: bytes,
        flags: int,
        state: bytes,
        link: bytes,
        baggage: bytes = b"",
    ) -> None:
        self.trace_id = trace_id
        self.span_id = span_id
        self.parent_id = parent_id
        self.flags = flags
        self.state = state
        self.link = link
        self.baggage = baggage
        self.sampled = bool(flags & SAMPLED)

    def lines(self, span_id: bytes) -> bytes:
        """The field lines for a backend that is called by the span `span_id`, each with its end."""
        lines = b"traceparent: 00-%b-%b-%b\r\n" % (self.trace_id, span_id, _FLAGS[self.flags])
        if self.state:
            lines += b"tracestate: %b\r\n" % self.state
        if self.baggage:
            lines += b"baggage: %b\r\n" % self.baggage
        return lines

    @property
    def response(self) -> bytes:
        """The value of `traceresponse`, for a client whose own trace was not continued."""
        return b"00-%b-%b-%b" % (self.trace_id, self.span_id, _FLAGS[self.flags])


@final
class Sampling:
    """Which of the traces that begin here become spans: `share` of them, from 0 to 1."""

    __slots__ = ("_bound",)

    def __init__(self, share: float) -> None:
        # Compared as text: digits of one length are ordered as their numbers are. `g` is above them all.
        self._bound = b"g" if share >= 1 else b"%0*x" % (_RANDOM_DIGITS, round(share * 16**_RANDOM_DIGITS))

    def takes(self, trace_id: bytes) -> bool:
        """The same answer for a trace wherever it is asked."""
        return trace_id[TRACE - _RANDOM_DIGITS :] < self._bound


@final
class Tracing:
    """Gives every request its Trace. What a client says of one is believed only on inner listeners.

    `baggage` says what of it passes, on every listener; None: nothing.
    """

    __slots__ = ("_baggage", "_ids", "_sampling")

    def __init__(self, ids: Ids, sampling: Sampling, baggage: Baggage | None = None) -> None:
        self._ids = ids
        self._sampling = sampling
        self._baggage = baggage

    def begin(self, noted: dict[bytes, bytes], own_id: bytes, continues: bool) -> Trace:
        """The Trace of a request with these noted fields.

        It goes on with the one that came where the listener `continues` traces, else begins one with the id
        `own_id`: the request's, if that is ours, or else a new one.
        """
        span_id = self._ids.take(SPAN)
        link = baggage = b""
        if self._baggage is not None and b"baggage" in noted:
            baggage = self._baggage.passed_on(noted[b"baggage"])
        if b"traceparent" in noted:
            came = parse(noted[b"traceparent"])
            if came is not None:
                trace_id, parent_id, flags = came
                if continues:
                    flags &= SAMPLED | RANDOM
                    state = passed_on(noted[b"tracestate"]) if b"tracestate" in noted else b""
                    return Trace(trace_id, span_id, parent_id, flags, state, b"", baggage)
                link = trace_id + parent_id
        trace_id = own_id or self._ids.take(TRACE)
        flags = RANDOM | SAMPLED if self._sampling.takes(trace_id) else RANDOM
        return Trace(trace_id, span_id, b"", flags, b"", link, baggage)


def parse(traceparent: bytes) -> tuple[bytes, bytes, int] | None:
    """The trace, the parent's span and the flags of a `traceparent`; None if it is not valid (3.2.2)."""
    match = _TRACEPARENT.fullmatch(traceparent)
    if match is None:
        return None
    version, trace_id, span_id, flags, rest = match.groups()
    if version == _NO_VERSION or (version == b"00" and rest is not None):
        return None
    if trace_id == _NO_TRACE or span_id == _NO_SPAN:
        return None
    return trace_id, span_id, int(flags, 16)
