"""One client's connection.

It frames: which bytes are a head, which a body, which wait for the next request, and how a response is
written. What a request means is the proxy's business, which it meets through two ports: it hands a Request to
a Handler, and the ClientEvents that come back receive the body. The proxy answers through five calls: `head`,
`data`, `end`, `abort`, `pause` (undone by `resume`).

States and events stand as a table in `downstream_states`; `step` is the only place that changes the state.
"""

import asyncio
from typing import Final, Protocol, cast, final

from gateway.config.snapshot import Timeouts
from gateway.http.edits import Block
from gateway.http.fields import Malformed
from gateway.http.reason import Reason
from gateway.http.request import Request
from gateway.wire.clock import NEVER, Clock
from gateway.wire.downstream_states import TRANSITIONS, Event, State
from gateway.wire.request import CHUNKED, Intake, RequestReader, Terms
from gateway.wire.status import STATUS_LINES
from gateway.wire.transitions import bind
from gateway.wire.websocket import GOING_AWAY

UNKNOWN: Final = -1

# How long what a client still sends is thrown away after an early answer, in seconds. Closing at once would
# reset the connection and could take the answer with it (RFC 9112 9.6).
_LINGER: Final = 2.0
_CR: Final = ord("\r")


class ClientEvents(Protocol):
    """The proxy's side of one request: it is told what the client does.

    After `Handler.begin` exactly one of `client_data` and `client_end` follows at once.
    """

    def client_data(self, chunk: bytes) -> None: ...
    def client_end(self, chunk: bytes) -> None: ...
    def client_broken(self, reason: Reason) -> None: ...
    def client_gone(self) -> None: ...
    def client_paused(self) -> None: ...
    def client_resumed(self) -> None: ...
    def expired(self) -> None: ...
    def close_tunnel(self, code: int) -> None: ...
    def answered(self) -> None: ...


class ClientStream(Protocol):
    """The client's side of one request, as the proxy writes to it: the calls of Downstream."""

    def head(self, status: int, lines: list[bytes], block: Block, length: int) -> None: ...
    def data(self, chunk: bytes) -> None: ...
    @property
    def deadline(self) -> float: ...
    @property
    def sent(self) -> int: ...

    def end(self, chunk: bytes, trailers: bytes = b"") -> None: ...
    def abort(self) -> None: ...
    def pause(self) -> None: ...
    def resume(self) -> None: ...
    def allow(self, seconds: float) -> None: ...
    def finish(self) -> None: ...
    def tell(self, relay: ClientEvents) -> None: ...


class Handler(Protocol):
    """Who takes the requests."""

    draining: bool

    def begin(self, stream: "Downstream", request: Request) -> ClientEvents: ...
    def refuse(self, stream: "Downstream", reason: Reason) -> None: ...


# Plain numbers, one by one: a compiled module reads each from its place, without a look-up.
_HEAD: Final = int(State.HEAD)
_BODY: Final = int(State.BODY)
_WAIT: Final = int(State.WAIT)
_EARLY: Final = int(State.EARLY)
_ANSWER: Final = int(State.ANSWER)
_TUNNEL: Final = int(State.TUNNEL)
_LINGERING: Final = int(State.LINGER)
_DEAD: Final = int(State.DEAD)
_REQUEST: Final = int(Event.REQUEST)
_UPLOAD: Final = int(Event.UPLOAD)
_UPLOADED: Final = int(Event.UPLOADED)
_ANSWERING: Final = int(Event.ANSWERING)
_ANSWERED: Final = int(Event.ANSWERED)
_CLOSING: Final = int(Event.CLOSING)
_SWITCHED: Final = int(Event.SWITCHED)
_ABORTED: Final = int(Event.ABORTED)
_EOF: Final = int(Event.EOF)
_EXPIRED: Final = int(Event.EXPIRED)
_LOST: Final = int(Event.LOST)


@final
class Downstream:
    """The connection of one client, and the stream of its current request as the proxy sees it.

    `deadline` is on the clock's scale; `patience` is the number of seconds that the other side of the gateway
    may let pass without progress. `intake` is what its requests are read by: each head by the terms of its
    listener that hold then. `sent` are the bytes of the answer's body so far, as the client gets it.
    """

    __slots__ = (
        "_backlog",
        "_chunked",
        "_clock",
        "_connections",
        "_handler",
        "_head_only",
        "_held",
        "_keep_alive",
        "_pending",
        "_reader",
        "_reading",
        "_relay",
        "_remaining",
        "_terms",
        "_timeouts",
        "_transport",
        "_writable",
        "deadline",
        "intake",
        "patience",
        "peer",
        "secure",
        "sent",
        "state",
    )

    def __init__(
        self,
        handler: Handler,
        terms: Terms,
        clock: Clock,
        connections: "set[Downstream]",
    ) -> None:
        self._handler = handler
        self._terms = terms
        self.intake: Intake = terms.intake
        self._timeouts: Timeouts = terms.timeouts
        self._clock = clock
        self._connections = connections
        self._transport: asyncio.Transport = cast("asyncio.Transport", None)
        self._reader: RequestReader  # made with the connection
        self._relay: ClientEvents | None = None
        self._held = b""  # bytes of the next requests, or of a head that is not complete
        self._pending = b""  # a response head that goes out with the first bytes of its body
        self._remaining = 0  # bytes of the request's body still to come, or CHUNKED
        self._backlog = 0  # bytes unsent when the deadline last passed
        self._chunked = False
        self._head_only = False
        self._keep_alive = True
        self._reading = True
        self._writable = True
        self.patience = NEVER
        self.deadline = NEVER
        self.peer = ""
        self.secure = False
        self.sent = 0
        self.state = _HEAD

    @property
    def http11(self) -> bool:
        """Whether the current request is one of HTTP/1.1, and not of 1.0."""
        return self._reader.http11

    @property
    def protocol(self) -> asyncio.Protocol:
        """Itself, as the loop wants it. It has no interpreted base, so that it can be compiled."""
        return cast("asyncio.Protocol", self)

    # What the loop tells us.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast("asyncio.Transport", transport)
        peer = transport.get_extra_info("peername")
        tls = transport.get_extra_info("ssl_object")
        self.secure = tls is not None
        certificate = tls.getpeercert(binary_form=True) if tls else None
        self.peer = peer[0] if isinstance(peer, tuple) else "unix"
        self._reader = RequestReader(self.intake, self.peer, self.secure, certificate)
        self.deadline = self._clock.now + self._timeouts.keep_alive
        self._clock.watched.add(self)
        self._connections.add(self)
        taken = transport.get_extra_info("socket")
        descriptor = taken.fileno() if taken is not None else 0
        descriptors = self._terms.descriptors
        if descriptor >= descriptors.last:
            self.kill()
        elif len(self._connections) > self.intake.limits.connections or not descriptors.has_room(descriptor):
            self._refuse(Reason.OVERLOADED)

    def data_received(self, data: bytes) -> None:
        state = self.state
        if state == _HEAD:
            if not self._writable:
                # The next answer waits until the last one is taken, so the next request does too.
                return self._hold(data)
            self._take_head(self._held + data if self._held else data)
        elif state == _BODY or state == _EARLY:
            self._take_body(data)
        elif state == _WAIT or state == _ANSWER:
            self._hold(data)
        elif state == _TUNNEL:
            self.deadline = self._clock.now + self.patience
            assert self._relay is not None  # noqa: S101 - a tunnel belongs to a relay.
            self._relay.client_data(data)
        return None

    def eof_received(self) -> bool:
        # Over TLS the loop knows no half-close: it closes now, and nobody would get what is still to come.
        self.step(_LOST if self.secure else _EOF)
        return self.state != _DEAD

    def connection_lost(self, error: Exception | None) -> None:
        self.step(_LOST)
        self._clock.watched.discard(self)
        self._connections.discard(self)

    def pause_writing(self) -> None:
        self._writable = False
        self._backlog = self._transport.get_write_buffer_size()
        self.deadline = self._clock.now + self._timeouts.write_idle
        if self._relay is not None:
            self._relay.client_paused()

    def resume_writing(self) -> None:
        self._writable = True
        self._backlog = 0
        if self._relay is not None:
            self.deadline = self._clock.now + self.patience
            self._relay.client_resumed()
        elif self.state == _HEAD:
            self.begin_again()

    def expired(self) -> None:
        """The deadline has passed; a client that still takes what we wrote is given more time."""
        backlog = self._transport.get_write_buffer_size()
        if backlog and backlog < self._backlog:
            self._backlog = backlog
            self.deadline = self._clock.now + self._timeouts.write_idle
            return
        self.step(_EXPIRED)

    # What the proxy tells us.

    def head(self, status: int, lines: list[bytes], block: Block, length: int) -> None:
        """Begin the answer; it is written with the first `data` or `end`, which must follow in the same call.

        `length` is the body's size in bytes or UNKNOWN. An informational status is written at once and the
        answer is still to come; 101 opens the tunnel.
        """
        http11 = self._reader.http11
        if status < 200:
            if http11:
                self._inform(status, lines, block)
            return
        if status == 204 or status == 304:
            self._head_only = True
        head_only = self._head_only
        framing = b""
        if length >= 0:
            if status != 204:
                framing = b"Content-Length: %d\r\n" % length
        elif not head_only:
            if http11:
                self._chunked = True
                framing = b"Transfer-Encoding: chunked\r\n"
            else:
                self._keep_alive = False
        if not self._keep_alive or self._handler.draining or self.state == _BODY:
            self._keep_alive = False
            framing += b"Connection: close\r\n"
        elif not http11:
            framing += b"Connection: keep-alive\r\n"
        self._pending = b"\r\n".join([STATUS_LINES[status], *lines, block.lines + framing + b"\r\n"])

    def data(self, chunk: bytes) -> None:
        """Write a part of the answer's body; with the first one goes the head."""
        if not self._head_only:
            self.sent += len(chunk)
        if self._pending:
            self.step(_ANSWERING)
            chunk = self._pending + self._framed(chunk)
            self._pending = b""
        elif chunk:
            chunk = self._framed(chunk)
        if self._writable:
            self.deadline = self._clock.now + self.patience
        if chunk:
            self._transport.write(chunk)

    def end(self, chunk: bytes, trailers: bytes = b"") -> None:
        """Write the last part of the answer's body, which may be empty; the request is over.

        `trailers` are whole lines; they go out only where the body is chunked.
        """
        if not self._head_only:
            self.sent += len(chunk)
        if self._chunked:
            self._chunked = False
            chunk = self._framed_last(chunk, trailers)
        elif self._head_only:
            chunk = b""
        if self._pending:
            chunk = self._pending + chunk
            self._pending = b""
        self._relay = None
        if chunk:
            self._transport.write(chunk)
        self.step(_ANSWERED if self._keep_alive else _CLOSING)

    def abort(self) -> None:
        """End in the middle of an answer, so that the client cannot take what it has for whole."""
        self._relay = None
        self.step(_ABORTED)

    def tell(self, relay: ClientEvents) -> None:
        """Let another one hear from now on what the client does; the request has to be under way."""
        self._relay = relay

    def pause(self) -> None:
        """Take no more of the body for now; what was already read still comes."""
        if self._reading:
            self._reading = False
            self._transport.pause_reading()

    def resume(self) -> None:
        """Undo `pause`."""
        if not self._reading and (self.state == _BODY or self.state == _EARLY or self.state == _TUNNEL):
            self._read_on()
            self.deadline = self._clock.now + self._timeouts.body_idle

    def allow(self, seconds: float) -> None:
        """Let the other side of the gateway take `seconds` from now, and from each step it makes."""
        self.patience = seconds
        if self.state != _BODY:
            self.deadline = self._clock.now + seconds

    def finish(self) -> None:
        """Close once the current answer is written; at once where there is none, or a tunnel (drain)."""
        if self.state == _HEAD and not self._held:
            return self.step(_CLOSING)
        self._keep_alive = False
        if self.state == _TUNNEL and self._relay is not None:
            self._relay.close_tunnel(GOING_AWAY)
        return None

    def refuse(self) -> None:
        """Say that the gateway ends to a request that has no answer yet; break off what has a part of one."""
        if self._relay is not None:
            self._keep_alive = False
            self._relay.client_broken(Reason.DRAINING)

    def kill(self) -> None:
        """Close now, whatever is under way."""
        self.step(_LOST)
        self._transport.abort()

    # One place changes the state.

    def step(self, event: int) -> None:
        """Take the transition that the table has for `event`, and do what stands there."""
        self.state, action = _TABLE[self.state][event]
        if action is not None:
            action(self)

    # Reading.

    def _take_head(self, data: bytes) -> None:
        if self._terms.intake is not self.intake:
            self._take_terms()
        if data[0] == _CR:
            data = _without_empty_lines(data)
        self._head_only = data[:5] == b"HEAD "
        end = data.find(b"\r\n\r\n") + 4
        if end < 4:
            return self._take_part(data)
        if end > self.intake.limits.head:
            return self._refuse(Reason.FIELDS_TOO_LARGE)
        try:
            request = self._reader.head(data[:end])
        except Malformed as malformed:
            return self._refuse(malformed.reason)
        rest = data[end:]
        self.sent = 0
        self._keep_alive = self._reader.collector.keep_alive
        remaining = self._remaining = request.length
        if not remaining:
            self._held = rest
            if rest:
                self.pause()
            elif not self._reading:
                self._read_on()
            self.deadline = NEVER
            self.step(_REQUEST)
            relay = self._relay = self._handler.begin(self, request)
            return relay.client_end(b"")
        self._held = b""
        self.deadline = self._clock.now + self._timeouts.body_idle
        self.step(_UPLOAD)
        self._relay = self._handler.begin(self, request)
        return self._take_body(rest)

    def _take_terms(self) -> None:
        """Read what comes by the configuration that serves now."""
        self.intake = self._terms.intake
        self._timeouts = self._terms.timeouts
        self._reader = self._reader.anew(self.intake)

    def _take_part(self, data: bytes) -> None:
        limits = self.intake.limits
        line = data.find(b"\n")
        if line < 0 and len(data) - data.endswith(b"\r") > limits.request_line:
            return self._refuse(Reason.TARGET_TOO_LONG)
        if len(data) > limits.head:
            return self._refuse(Reason.FIELDS_TOO_LARGE)
        # A bare LF never ends a head, and what does not begin with a letter is no request: waiting for more
        # would only hide that until the deadline.
        if data.count(b"\n") != data.count(b"\r\n") or not (data[:1].isalpha() or data in (b"", b"\r")):
            return self._refuse(Reason.MALFORMED)
        if data and not self._held:
            # Set at the first byte and never extended: a head that trickles in has an end.
            self.deadline = min(self.deadline, self._clock.now + self._timeouts.head)
        self._held = data
        if not self._reading:
            self._read_on()
        return None

    def _take_body(self, data: bytes) -> None:
        relay = self._relay
        if relay is None:
            return
        remaining = self._remaining
        if remaining == CHUNKED:
            self._take_chunks(data)
        elif len(data) < remaining:
            self._remaining = remaining - len(data)
            self.deadline = self._clock.now + self._timeouts.body_idle
            relay.client_data(data)
        else:
            self._held = data[remaining:]
            self.step(_UPLOADED)
            relay.client_end(data[:remaining] if self._held else data)

    def _take_chunks(self, data: bytes) -> None:
        reader = self._reader
        relay = cast("ClientEvents", self._relay)
        try:
            chunk = reader.body(data) if data else b""
        except Malformed as malformed:
            self._keep_alive = False
            return relay.client_broken(malformed.reason)
        if not reader.collector.complete:
            self.deadline = self._clock.now + self._timeouts.body_idle
            return relay.client_data(chunk)
        if reader.collector.overrun:
            # What came behind the body was swallowed by the parser: its sender must repeat it.
            self._keep_alive = False
        self.step(_UPLOADED)
        return relay.client_end(chunk)

    def _hold(self, data: bytes) -> None:
        self._held += data
        self.pause()

    def _take_held(self) -> None:
        if self.state == _HEAD and self._held and self._writable:
            held, self._held = self._held, b""
            self._take_head(held)

    def _read_on(self) -> None:
        self._reading = True
        self._transport.resume_reading()

    def _refuse(self, reason: Reason) -> None:
        # What the client goes on sending is the rest of something we do not understand: never a request.
        self._held = b""
        self.sent = 0
        self._keep_alive = False
        self._remaining = CHUNKED
        self.step(_UPLOAD)
        self._handler.refuse(self, reason)

    # Writing.

    def _framed(self, chunk: bytes) -> bytes:
        if self._head_only or not chunk:
            return b""
        return b"%x\r\n%b\r\n" % (len(chunk), chunk) if self._chunked else chunk

    def _framed_last(self, chunk: bytes, trailers: bytes) -> bytes:
        last = b"0\r\n%b\r\n" % trailers if trailers else b"0\r\n\r\n"
        return b"%x\r\n%b\r\n%b" % (len(chunk), chunk, last) if chunk else last

    def _inform(self, status: int, lines: list[bytes], block: Block) -> None:
        self._transport.write(b"\r\n".join([STATUS_LINES[status], *lines, block.lines + b"\r\n"]))
        if status == 101:
            self._keep_alive = False
            self.step(_SWITCHED)

    # What the table asks for.

    def close(self) -> None:
        # One that is closed between requests has its answers, and may not even read the goodbye of TLS.
        is_idle = self.secure and self._keep_alive
        self.deadline = self._clock.now + (_LINGER if is_idle else self._timeouts.write_idle)
        self._backlog = self._transport.get_write_buffer_size()
        self._transport.close()

    def cut(self) -> None:
        self._transport.abort()

    def linger(self) -> None:
        self._held = b""
        self.deadline = self._clock.now + _LINGER
        if self._transport.can_write_eof():
            self._transport.write_eof()
        if not self._reading:
            self._read_on()

    def give_up(self) -> None:
        relay, self._relay = self._relay, None
        if relay is not None:
            relay.client_gone()
        self._transport.abort()

    def give_up_head(self) -> None:
        if self._held:
            self._refuse(Reason.REQUEST_TIMEOUT)
        else:
            self.step(_CLOSING)

    def give_up_body(self) -> None:
        # Not reading means that the other side does not take what we have: that is not the client's fault.
        relay = cast("ClientEvents", self._relay)
        self._keep_alive = False
        if self._reading:
            relay.client_broken(Reason.REQUEST_TIMEOUT)
        else:
            relay.expired()

    def tell_expired(self) -> None:
        cast("ClientEvents", self._relay).expired()

    def tell_end(self) -> None:
        cast("ClientEvents", self._relay).client_end(b"")

    def close_after(self) -> None:
        self._keep_alive = False

    def stop_reading_body(self) -> None:
        self.deadline = self._clock.now + self.patience
        if self._held:
            self.pause()
        elif not self._reading:
            self._read_on()

    def begin_again(self) -> None:
        self._head_only = False
        self.patience = NEVER
        if self._writable:
            self.deadline = self._clock.now + self._timeouts.keep_alive
        if self._held:
            # The next request begins in a call of its own: ten thousand in one read must not nest.
            asyncio.get_running_loop().call_soon(self._take_held)
        elif not self._reading:
            self._read_on()

    def open_tunnel(self) -> None:
        held, self._held = self._held, b""
        if held and self._relay is not None:
            self._relay.client_data(held)
        if not self._reading:
            self._read_on()

    def __repr__(self) -> str:
        return f"<Downstream {State(self.state).name} held={len(self._held)}>"


def _without_empty_lines(data: bytes) -> bytes:
    """What stands behind the empty lines that a client may send before a request (RFC 9112 2.2)."""
    lines = (len(data) - len(data.lstrip(b"\r\n"))) // 2
    return data[2 * lines :] if data.startswith(b"\r\n" * lines) else data


_TABLE: Final = bind(TRANSITIONS, Event, Downstream)
