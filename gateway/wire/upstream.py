"""One connection to an endpoint.

It frames: which bytes are a response's head, which its body, and when the connection may serve again. It
belongs to at most one relay at a time, and never speaks to one that has let go of it. States and events stand
as a table in `upstream_states`; `step` is the only place that changes the state.
"""

import asyncio
import ssl
from collections.abc import Sequence
from enum import Enum, auto
from typing import Final, Protocol, cast, final

from gateway.http.fields import FieldTable, Malformed
from gateway.http.response import Response
from gateway.wire.clock import NEVER
from gateway.wire.response import HEAD_AT_MOST, Framing, ResponseReader
from gateway.wire.transitions import bind
from gateway.wire.upstream_states import TRANSITIONS, Event, State

# Informational responses to one request; more is a flood.
_INFORMATIONAL_AT_MOST: Final = 8


class Fault(Enum):
    """What can go wrong with a backend, told apart as far as a status or a retry depends on it."""

    DNS = auto()
    DNS_TIMEOUT = auto()
    REFUSED = auto()
    UNROUTABLE = auto()  # no way leads to its address
    CONNECT_TIMEOUT = auto()
    TLS = auto()  # no TLS could be spoken, or no more
    CERTIFICATE = auto()  # it does not prove to be who it should
    RESET = auto()  # gone before the first byte of a response
    INCOMPLETE = auto()  # gone in the middle of a response
    PROTOCOL = auto()  # what came is no response
    TIMEOUT = auto()
    UNAVAILABLE = auto()  # no endpoint can be used
    BUSY = auto()  # every connection is taken and too many wait
    EXHAUSTED = auto()  # the system gives us no descriptor for another connection


class UpstreamError(Exception):
    """A backend failed."""

    def __init__(self, fault: Fault) -> None:
        super().__init__(fault)
        self.fault = fault


class UpstreamEvents(Protocol):
    """The proxy's side of one request: it is told what the backend does.

    After `upstream_head` of a final status exactly one of `upstream_data` and `upstream_end` follows at once.
    """

    def upstream_head(self, response: Response) -> None: ...
    def upstream_data(self, chunk: bytes) -> None: ...
    def upstream_end(self, chunk: bytes, trailers: Sequence[bytes] = ()) -> None: ...
    def upstream_failed(self, fault: Fault) -> None: ...
    def upstream_paused(self) -> None: ...
    def upstream_resumed(self) -> None: ...


class Owner(Protocol):
    """Where a connection comes from and goes back to."""

    def put_back(self, connection: "Connection") -> None: ...
    def forget(self, connection: "Connection") -> None: ...


# Plain numbers, one by one: a compiled module reads each from its place, without a look-up.
_IDLE: Final = int(State.IDLE)
_HEAD: Final = int(State.HEAD)
_COUNTED: Final = int(State.COUNTED)
_CHUNKED: Final = int(State.CHUNKED)
_UNTIL_EOF: Final = int(State.UNTIL_EOF)
_TUNNEL: Final = int(State.TUNNEL)
_DEAD: Final = int(State.DEAD)
_ASKED: Final = int(Event.ASKED)
_COUNTING: Final = int(Event.COUNTING)
_CHUNKING: Final = int(Event.CHUNKING)
_STREAMING: Final = int(Event.STREAMING)
_SWITCHED: Final = int(Event.SWITCHED)
_ANSWERED: Final = int(Event.ANSWERED)
_SPENT: Final = int(Event.SPENT)
_BROKEN: Final = int(Event.BROKEN)
_RELEASED: Final = int(Event.RELEASED)
_EOF: Final = int(Event.EOF)
_LOST: Final = int(Event.LOST)


@final
class Connection:
    """A TCP, TLS or Unix stream to one endpoint.

    `served` counts the responses it has completed; `deadline` says until when it may lie idle.
    """

    __slots__ = (
        "_chunked",
        "_complete",
        "_held",
        "_informed",
        "_lost_tls",
        "_method",
        "_owner",
        "_reader",
        "_reading",
        "_relay",
        "_remaining",
        "_table",
        "_transport",
        "deadline",
        "served",
        "state",
    )

    def __init__(self, owner: Owner) -> None:
        self._owner: Owner | None = owner
        self._transport: asyncio.Transport = cast("asyncio.Transport", None)
        self._reader = ResponseReader()
        self._relay: UpstreamEvents | None = None
        self._method = b""
        self._table: FieldTable  # comes with each question
        self._held = b""  # a response head that is not complete
        self._remaining = 0  # bytes of the response's body still to come
        self._informed = 0
        self._lost_tls = False
        self._chunked = False  # the request's body goes out in chunks
        self._complete = True  # the request is written
        self._reading = True
        self.served = 0
        self.deadline = NEVER
        self.state = _IDLE

    @property
    def protocol(self) -> asyncio.Protocol:
        """Itself, as the loop wants it. It has no interpreted base, so that it can be compiled."""
        return cast("asyncio.Protocol", self)

    # What the proxy tells us.

    def ask(self, relay: UpstreamEvents, method: bytes, table: FieldTable, request: bytes) -> None:
        """Write a whole request, the fields of whose response are to be sorted by `table`."""
        self._relay = relay
        self._method = method
        self._table = table
        self._informed = 0
        self._complete = True
        self.step(_ASKED)
        self._transport.write(request)

    def begin(self, relay: UpstreamEvents, method: bytes, table: FieldTable, request: bytes) -> None:
        """Write the first part of a request; `write` brings the rest and `complete` tells the end."""
        self.ask(relay, method, table, request)
        self._complete = False

    def collect_trailers(self) -> None:
        """Keep the trailers of the response to the request that is asked next."""
        self._reader.collector.collect_trailers()

    def write(self, data: bytes) -> None:
        """Write a part of the request's body, framed already; nothing once the connection is gone."""
        if self.state != _DEAD:
            self._transport.write(data)

    def complete(self) -> None:
        """The request is written: when its response is complete, the connection can serve again."""
        self._complete = True

    def write_eof(self) -> None:
        """No more bytes go through the tunnel in this direction."""
        if self.state == _TUNNEL:
            if self._transport.can_write_eof():
                self._transport.write_eof()
            else:
                # TLS as the loop speaks it has no half-close: both directions end.
                self._transport.close()

    def abandon(self) -> None:
        """Give up one that was still being made: its end is told to nobody.

        Whoever is cancelled while he connects may have just been connected, and of that connection's end
        uvloop would not tell.
        """
        self._owner = None
        if self._transport is not None:
            self._transport.abort()

    def release(self) -> None:
        """Let go of it in the middle of an exchange: it cannot be used again."""
        if self._relay is not None:
            self._relay = None
            self.step(_RELEASED)

    def pause(self) -> None:
        """Take no more of the response for now; what was already read still comes."""
        if self._reading:
            self._reading = False
            self._transport.pause_reading()

    def resume(self) -> None:
        """Undo `pause`."""
        if not self._reading:
            self._reading = True
            self._transport.resume_reading()

    # What the loop tells us.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        state = self.state
        if state == _HEAD:
            self._take_head(self._held + data if self._held else data)
        elif state == _COUNTED:
            self._take_counted(data)
        elif state == _CHUNKED:
            self._take_chunks(data)
        elif state == _UNTIL_EOF or state == _TUNNEL:
            cast("UpstreamEvents", self._relay).upstream_data(data)
        elif state == _IDLE:
            # Nobody asked for this: it must never be taken for the answer to the next request.
            self.step(_BROKEN)

    def eof_received(self) -> bool:
        self.step(_EOF)
        return False

    def connection_lost(self, error: Exception | None) -> None:
        # A backend that demands a certificate of ours says so only once we take the handshake for done.
        self._lost_tls = isinstance(error, ssl.SSLError)
        self.step(_LOST)
        if self._owner is not None:
            self._owner.forget(self)

    def pause_writing(self) -> None:
        if self._relay is not None:
            self._relay.upstream_paused()

    def resume_writing(self) -> None:
        if self._relay is not None:
            self._relay.upstream_resumed()

    # One place changes the state.

    def step(self, event: int) -> None:
        """Take the transition that the table has for `event`, and do what stands there."""
        self.state, action = _TABLE[self.state][event]
        if action is not None:
            action(self)

    # Reading.

    def _take_head(self, data: bytes) -> None:
        end = data.find(b"\r\n\r\n") + 4
        if end < 4 or end > HEAD_AT_MOST:
            if len(data) > HEAD_AT_MOST or data.count(b"\n") != data.count(b"\r\n"):
                return self._break()
            self._held = data
            return None
        self._held = b""
        relay = self._relay
        if relay is None:
            return None
        reader = self._reader
        rest = data[end:]
        try:
            response = reader.head(data[:end], self._method, self._table)
            # A chunk that is broken from the start is found before the client hears of an answer.
            chunk = reader.body(rest) if rest and reader.framing is Framing.CHUNKED else b""
        except Malformed:
            return self._break()
        if response.status < 200:
            return self._take_informational(relay, response, rest)
        framing = reader.framing
        if framing is Framing.COUNTED:
            length = response.length
            if len(rest) < length:
                self._remaining = length
                self.step(_COUNTING)
                relay.upstream_head(response)
                return self._take_counted(rest)
            self._settle(rest[length:])
            relay.upstream_head(response)
            return relay.upstream_end(rest[:length])
        if framing is Framing.NONE:
            self._settle(rest)
            relay.upstream_head(response)
            return relay.upstream_end(b"")
        self.step(_CHUNKING if framing is Framing.CHUNKED else _STREAMING)
        relay.upstream_head(response)
        return self._pass_chunk(relay, chunk) if framing is Framing.CHUNKED else relay.upstream_data(rest)

    def _take_informational(self, relay: UpstreamEvents, response: Response, rest: bytes) -> None:
        if response.status == 101:
            self.step(_SWITCHED)
            relay.upstream_head(response)
            return relay.upstream_data(rest) if rest else None
        self._informed += 1
        if self._informed > _INFORMATIONAL_AT_MOST:
            return self._break()
        relay.upstream_head(response)
        return self._take_head(rest) if rest else None

    def _take_counted(self, data: bytes) -> None:
        relay = self._relay
        if relay is None:
            return
        remaining = self._remaining
        if len(data) < remaining:
            self._remaining = remaining - len(data)
            return relay.upstream_data(data)
        rest = data[remaining:]
        self._settle(rest)
        return relay.upstream_end(data[:remaining] if rest else data)

    def _take_chunks(self, data: bytes) -> None:
        relay = self._relay
        if relay is None:
            return
        try:
            chunk = self._reader.body(data)
        except Malformed:
            return self._break()
        return self._pass_chunk(relay, chunk)

    def _pass_chunk(self, relay: UpstreamEvents, chunk: bytes) -> None:
        collector = self._reader.collector
        if not collector.complete:
            return relay.upstream_data(chunk)
        trailers = collector.take_trailers() if collector.trailers is not None else ()
        self._settle(b"overrun" if collector.overrun else b"")
        return relay.upstream_end(chunk, trailers)

    def _settle(self, rest: bytes) -> None:
        """The response is complete; the connection serves again only if nothing is in doubt."""
        self._relay = None
        self._remaining = 0
        self.served += 1
        reusable = self._reader.collector.keep_alive and self._complete and not rest
        self.step(_ANSWERED if reusable else _SPENT)

    def _break(self) -> None:
        relay, self._relay = self._relay, None
        self.step(_BROKEN)
        if relay is not None:
            relay.upstream_failed(Fault.PROTOCOL)

    # What the table asks for.

    def go_back(self) -> None:
        if not self._reading:
            # A paused connection would not notice its end while it lies idle.
            self.resume()
        if self._owner is not None:
            self._owner.put_back(self)

    def close(self) -> None:
        if self._transport.get_write_buffer_size():
            # Closing would wait for a backend that takes nothing, without limit.
            self._transport.abort()
        else:
            self._transport.close()

    def cut(self) -> None:
        self._transport.abort()

    def end(self) -> None:
        relay, self._relay = self._relay, None
        self._transport.close()
        if relay is not None:
            relay.upstream_end(b"")

    def fail(self) -> None:
        relay, self._relay = self._relay, None
        self._transport.abort()
        if relay is not None:
            begun = self._held or self._remaining or self._informed
            fault = Fault.INCOMPLETE if begun else Fault.RESET
            relay.upstream_failed(Fault.TLS if self._lost_tls else fault)

    def __repr__(self) -> str:
        return f"<Connection {State(self.state).name} served={self.served}>"


_TABLE: Final = bind(TRANSITIONS, Event, Connection)
