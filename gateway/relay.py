"""One request on its way.

A Relay links a client's stream with a backend's connection and carries a request across and the answer back.
A request whose policies do not wait, and for which a connection lies idle, runs through in plain calls; only
what has to wait gets a Task, which then goes on with the same method.
"""

import asyncio
import logging
import random
from collections.abc import Awaitable, Callable, Sequence
from enum import Enum, auto
from functools import partial
from typing import Any, Final, final

from gateway.http.edits import Block
from gateway.http.fields import FieldTable
from gateway.http.reason import Reason
from gateway.http.reply import Reply
from gateway.http.request import Request, is_websocket
from gateway.http.response import Response
from gateway.http.trailers import announced, passing, wants_trailers
from gateway.policy import NO_BODY, Verdict
from gateway.policy.compress import encoded, is_worthwhile, revalidated
from gateway.refusals import EXPECTATION, INTERNAL, WIRE
from gateway.retry import CAUSES, IDEMPOTENT, asked_to_wait, is_worth_waiting, pause
from gateway.rewrite import client_lines, upstream_head
from gateway.routing import Forward, Route
from gateway.surroundings import Surroundings, last_hop, without_backend
from gateway.telemetry.passage import Passage
from gateway.telemetry.waits import noting
from gateway.upstream import FAILED_STATUSES, FAILURES, Endpoint
from gateway.wire.clock import Alarm
from gateway.wire.compression import Compressed
from gateway.wire.downstream import UNKNOWN, Downstream
from gateway.wire.request import CHUNKED
from gateway.wire.upstream import Connection, Fault, UpstreamError
from gateway.wire.websocket import POLICY_VIOLATION, Frames

log = logging.getLogger("gateway")

# Bytes of a body kept until a connection is there, or for another attempt.
_HELD_AT_MOST: Final = 64 * 1024

# Seconds that policies may wait in all; each has a bound of its own that is shorter.
_DECIDING_AT_MOST: Final = 30.0

# Seconds that a tunnel has to end in after a close frame of ours.
_CLOSING_AT_MOST: Final = 2.0

# Who answers where no policy does, as telemetry calls them.
_LIMITS: Final = "limits"
_WIRE: Final = "wire"
_ROUTE: Final = "route"
_UPSTREAM: Final = "upstream"
_GATEWAY: Final = "gateway"

_NOTHING: Final = Block(())
_CONTINUE: Final = b"100-continue"


class Stage(Enum):
    """How far a request has come."""

    NEW = auto()
    DECIDING = auto()  # a policy waits
    CONNECTING = auto()  # no connection yet
    ASKED = auto()  # the backend has the head
    ANSWERING = auto()  # the client has the answer's head
    TUNNEL = auto()
    DONE = auto()


_NEW: Final = Stage.NEW
_DECIDING: Final = Stage.DECIDING
_CONNECTING: Final = Stage.CONNECTING
_ASKED: Final = Stage.ASKED
_ANSWERING: Final = Stage.ANSWERING
_TUNNEL: Final = Stage.TUNNEL
_DONE: Final = Stage.DONE


@final
class Relay:
    """One request on its way: the link between a client's stream and a backend's connection."""

    __slots__ = (
        "_alarm",
        "_awaited",
        "_body",
        "_complete",
        "_connection",
        "_counts",
        "_endpoint",
        "_exchange",
        "_frames",
        "_hinted",
        "_passage",
        "_repeated",
        "_room",
        "_route",
        "_stage",
        "_stream",
        "_surroundings",
        "_target",
        "_task",
        "_tried",
    )

    def __init__(self, surroundings: Surroundings, stream: Downstream, passage: Passage) -> None:
        self._surroundings = surroundings
        self._stream: Downstream | Compressed = stream
        self._passage = passage
        self._route: Route = passage.route
        exchange = self._exchange = passage.exchange
        self._stage = _NEW
        self._body = b""  # what of the body came before a connection was there
        self._room = _HELD_AT_MOST
        self._awaited: asyncio.Future[bytes | None] | None = None  # a policy waits for the body
        self._complete = False  # the request has ended
        self._tried: tuple[Endpoint, ...] = ()  # endpoints that failed this request
        self._repeated = False
        self._hinted = False  # the client has a 1xx of this answer
        self._connection: Connection | None = None
        self._endpoint: Endpoint  # chosen once the policies have agreed
        self._counts = False  # it is one of the endpoint's unfinished requests
        self._alarm: Alarm | None = None
        self._task: asyncio.Future[Any] | None = None
        exchange.body = self

    # What the client does.

    def client_data(self, chunk: bytes) -> None:
        self._passage.received += len(chunk)
        if self._stage is _NEW:
            self._body = chunk
            return self._decide(0)
        if self._passage.received > self._route.body_limit and self._stage is not _TUNNEL:
            return self._give_up(WIRE[Reason.BODY_TOO_LARGE], _LIMITS, self._route.source)
        connection = self._connection
        if connection is not None:
            return connection.write(self._framed(chunk)) if chunk else None
        if self._stage is not _DONE:
            self._body += chunk
            if len(self._body) > self._room:
                self._stream.pause()
                self._tell_reader(None)
        return None

    def client_end(self, chunk: bytes) -> None:
        self._complete = True
        if self._stage is _NEW:
            if chunk:
                return self.client_data(chunk)
            return self._decide(0)
        connection = self._connection
        if self._stage is _TUNNEL and connection is not None:
            return connection.write_eof()
        self.client_data(chunk)
        if self._awaited is not None:
            return self._tell_reader(self._body)
        if connection is not None and self._stage is not _DONE:
            if self._exchange.request.length == CHUNKED:
                connection.write(b"0\r\n\r\n")
            connection.complete()
        return None

    def client_broken(self, reason: Reason) -> None:
        self._give_up(self._surroundings.faults.refusal(reason), _WIRE)

    def client_gone(self) -> None:
        self._let_go()
        self._break()

    def client_paused(self) -> None:
        if self._connection is not None:
            self._connection.pause()

    def client_resumed(self) -> None:
        if self._connection is not None:
            self._connection.resume()

    def expired(self) -> None:
        if self._stage is _DECIDING:
            return self._give_up(INTERNAL, _GATEWAY)
        if self._stage is _ASKED:
            self._endpoint.failed()
        self._note_failure(Fault.TIMEOUT)
        return self._give_up_for(Fault.TIMEOUT)

    def answered(self) -> None:
        """The client has the last byte of the answer, as far as we can tell."""
        passage = self._passage
        passage.sent = self._stream.sent
        self._surroundings.books.close(passage)

    def close_tunnel(self, code: int) -> None:
        """End a tunnel with a close frame between the backend's frames (RFC 6455 7.4.1), or cut it.

        The client's own close frame still reaches the backend; what has not ended soon is cut.
        """
        if self._stage is not _TUNNEL or self._frames.is_closing:
            return
        if self._frames.is_lost:
            return self._cut()
        self._set_alarm(self._surroundings.clock.now + _CLOSING_AT_MOST)
        return self._stream.data(self._frames.close(code))

    # What the backend does.

    def upstream_head(self, response: Response) -> None:
        if self._stage is not _ASKED:
            return
        status = response.status
        if status < 200:
            return self._inform(response)
        passage = self._passage
        books = self._surroundings.books
        books.attempt_answered(passage, status)
        if status in FAILED_STATUSES:
            self._endpoint.failed()
            if self._retries_answered(response):
                return
        else:
            self._endpoint.succeeded()
        self._give_share_back()
        self._stage = _ANSWERING
        surroundings = self._surroundings
        exchange = self._exchange
        lines = client_lines(response, exchange, self._target, surroundings.via)
        if response.length == UNKNOWN:
            self._begin_stream(response, lines)
        if b"date" not in response.noted:
            lines.append(b"Date: " + surroundings.clock.date)
        if exchange.coding is not None:
            lines = self._coded(exchange.coding, response, lines)
        block = self._route.edits[exchange.request.secure].block(response.present, status)
        passage.status = status
        self._stream.head(status, lines, block, response.length)
        passage.handled = books.monotonic() - passage.answered

    def upstream_data(self, chunk: bytes) -> None:
        stage = self._stage
        if stage is _TUNNEL:
            chunk = self._frames.take(chunk)
        elif stage is not _ANSWERING:
            return
        self._stream.allow(self._target.idle)
        self._stream.data(chunk)

    def upstream_end(self, chunk: bytes, trailers: Sequence[bytes] = ()) -> None:
        if self._stage is not _ANSWERING and self._stage is not _TUNNEL:
            return
        self._end()
        self._connection = None
        self._settle()
        stream = self._stream
        stream.end(chunk, self._trailing(trailers) if trailers else b"")
        if isinstance(stream, Downstream):
            # Else a thread may still be at work on it.
            self.answered()

    def upstream_failed(self, fault: Fault) -> None:
        connection, self._connection = self._connection, None
        if self._stage is _DONE:
            return
        stale = fault is Fault.RESET and connection is not None and connection.served > 0
        if stale and self._stage is _ASKED and not self._repeated and self._is_repeatable():
            # The backend closed an idle connection just as we used it: no fault of anybody's.
            self._repeated = True
            self._turn_to(self._endpoint)
            self._connect_with(self._endpoint.pool.connect)
        else:
            self._fail(fault)

    def upstream_paused(self) -> None:
        self._stream.pause()

    def upstream_resumed(self) -> None:
        self._stream.resume()

    # What a policy asks for.

    def read(self, limit: int) -> bytes | Awaitable[bytes | None] | None:
        """The body, at once or when it has come: see `gateway.policy.Body`."""
        request = self._exchange.request
        if max(request.length, len(self._body)) > limit:
            return None
        # As much is kept for another attempt, also where all of it has come with the head.
        self._room = limit
        if self._complete:
            return self._body
        self._awaited = asyncio.get_running_loop().create_future()
        # What it expects otherwise is refused when it goes on.
        self._expectation(request)
        self._stream.resume()
        return self._awaited

    def _tell_reader(self, body: bytes | None) -> None:
        awaited, self._awaited = self._awaited, None
        if awaited is not None and not awaited.done():
            awaited.set_result(body)

    # The way through.

    def _decide(self, start: int) -> None:
        """Ask the policies from `start` on; one that waits goes on here when it has its verdict."""
        exchange = self._exchange
        policies = self._route.pipeline.policies
        try:
            for index in range(start, len(policies)):
                verdict = policies[index](exchange)
                if verdict is None:
                    continue
                if isinstance(verdict, Reply):
                    policy = policies[index]
                    return self._give_up(verdict, policy.name, policy.source)
                self._stage = _DECIDING
                self._stream.allow(_DECIDING_AT_MOST)
                passage = self._passage
                self._task = noting(passage.trace, passage.waits, verdict)
                return self._task.add_done_callback(partial(self._decided, index))
        except Exception:
            # Fail closed: what a policy could not decide is never forwarded.
            log.exception("a policy failed", extra=self._passage.ids)
            return self._give_up(INTERNAL, _GATEWAY)
        return self._go()

    def _go(self) -> None:
        """Every policy has agreed: take the request to its target."""
        if self._passage.received > self._route.body_limit:
            # What came with the head is counted here, so that this answer has what the policies note, too.
            return self._give_up(WIRE[Reason.BODY_TOO_LARGE], _LIMITS, self._route.source)
        target = self._route.target
        if not isinstance(target, Forward):
            return self._give_up(without_backend(target, self._exchange), _ROUTE, self._route.source)
        self._target = target
        request = self._exchange.request
        noted = request.noted
        if b"via" in noted or b"expect" in noted or b"max-forwards" in noted:
            reply = self._surroundings.loops(request) or self._expectation(request) or last_hop(request)
            if reply is not None:
                return self._give_up(reply, _GATEWAY)
        try:
            endpoint = self._surroundings.upstreams[target.upstream].choose(request)
        except UpstreamError as error:
            return self._give_up_for(error.fault)
        self._endpoint = endpoint
        self._counts = True
        endpoint.pending += 1
        self._turn_to(endpoint)
        self._stream.allow(target.response)
        connection = endpoint.pool.take()
        if connection is not None:
            return self._ask(connection)
        if endpoint.pool.is_full():
            self._stage = _CONNECTING
            return self._fail(Fault.BUSY)
        return self._connect_with(endpoint.pool.acquire)

    def _ask(self, connection: Connection) -> None:
        """Write the request on a connection, with what there is of its body."""
        passage = self._passage
        passage.asked = self._surroundings.books.monotonic()
        if passage.decided == 0.0:
            passage.decided = passage.asked - passage.begun
        self._stage = _ASKED
        self._connection = connection
        exchange = self._exchange
        request = exchange.request
        length = request.length
        if length > 0:
            framing = b"Content-Length: %d\r\n" % length
        elif length == CHUNKED:
            framing = b"Transfer-Encoding: chunked\r\n"
        elif b"content-length" in request.noted:
            framing = b"Content-Length: 0\r\n"
        elif self._route.upgrades and is_websocket(request):
            framing = b"Connection: Upgrade\r\nUpgrade: websocket\r\n"
        else:
            framing = b""
        if b"te" in request.noted and self._takes_trailers():
            # RFC 9110 10.1.4: TE holds for one connection, and says so in Connection.
            framing += b"TE: trailers\r\nConnection: TE\r\n"
            connection.collect_trailers()
        authority = self._endpoint.host or request.authority or self._endpoint.authority
        trace = passage.trace.lines(passage.span_id)
        head = upstream_head(exchange, self._target, authority, self._surroundings.via, trace, framing)
        table = self._route.edits[request.secure].table
        body = self._body
        if not self._complete:
            self._body = b""
            # Before anything is written: the backend may ask for a pause at once.
            self._stream.resume()
            return connection.begin(self, request.method, table, head + self._framed(body) if body else head)
        if length == CHUNKED:
            body = self._framed(body) + b"0\r\n\r\n" if body else b"0\r\n\r\n"
        return connection.ask(self, request.method, table, head + body if body else head)

    def _takes_trailers(self) -> bool:
        """True if the client can do something with trailers, and there is no switch of protocol."""
        noted = self._exchange.request.noted
        return b"te" in noted and b"upgrade" not in noted and wants_trailers(noted[b"te"])

    def _begin_stream(self, response: Response, lines: list[bytes]) -> None:
        """A body begins whose length nobody knows: something may follow it, and it may last too long."""
        self._bound()
        if b"trailer" in response.noted and self._takes_trailers():
            names = announced(response.noted[b"trailer"], *self._said_already())
            if names:
                lines.append(b"Trailer: " + names)

    def _trailing(self, trailers: Sequence[bytes]) -> bytes:
        return passing(trailers, *self._said_already()) if self._takes_trailers() else b""

    def _said_already(self) -> tuple[FieldTable, set[bytes]]:
        """What the gateway has a say in: the route's table, and the names that policies have added."""
        exchange = self._exchange
        own = {name.lower() for name, _ in exchange.response_fields}
        return self._route.edits[exchange.request.secure].table, own

    def _coded(self, coding: bytes, response: Response, lines: list[bytes]) -> list[bytes]:
        """The field lines of a response of a route that compresses; the stream compresses from here on."""
        request, compression = self._exchange.request, self._surroundings.compression
        if response.status == 304:
            return revalidated(lines, request)
        if not compression.has_room or not is_worthwhile(request, response):
            return lines
        self._stream = compression.between(self, self._stream, coding, response.length)
        return encoded(lines, coding)

    def _inform(self, response: Response) -> None:
        status = response.status
        if status == 101:
            return self._switch(response)
        # 100 was answered, or not asked for; the others are the client's (RFC 8297).
        if status != 100:
            self._hinted = True
            self._stream.head(status, response.lines, _NOTHING, UNKNOWN)
        return None

    def _switch(self, response: Response) -> None:
        status = response.status
        protocol = response.noted.get(b"upgrade", b"")
        if (
            not self._route.upgrades
            or not is_websocket(self._exchange.request)
            or protocol.lower() != b"websocket"
        ):
            self._note_failure(Fault.PROTOCOL)
            return self._give_up_for(Fault.PROTOCOL)
        passage = self._passage
        passage.status = status
        self._surroundings.books.attempt_answered(passage, status)
        self._endpoint.succeeded()
        self._give_share_back()
        self._stage = _TUNNEL
        self._frames = Frames()
        self._bound()
        lines = client_lines(response, self._exchange, self._target, self._surroundings.via)
        lines.append(b"Connection: Upgrade\r\nUpgrade: websocket")
        block = self._route.edits[self._exchange.request.secure].block(response.present, status)
        self._stream.allow(self._target.idle)
        return self._stream.head(status, lines, block, UNKNOWN)

    def _expectation(self, request: Request) -> Reply | None:
        """Tell the client that it may send its body; refuse what else it expects (RFC 9110 10.1.1)."""
        expected = request.noted.get(b"expect")
        if expected is None:
            return None
        if expected.lower() != _CONTINUE:
            return EXPECTATION
        if not self._complete and not self._body:
            self._stream.head(100, [], _NOTHING, UNKNOWN)
        return None

    def _framed(self, chunk: bytes) -> bytes:
        if self._exchange.request.length == CHUNKED and self._stage is not _TUNNEL:
            return b"%x\r\n%b\r\n" % (len(chunk), chunk)
        return chunk

    # Again.

    def _fail(self, fault: Fault) -> None:
        """An attempt has failed: try another endpoint where that does no harm, else say so."""
        endpoint = self._endpoint
        if fault in FAILURES:
            endpoint.failed()
        cause = CAUSES.get(fault)
        # Without a connection nothing was sent, so any request may be tried again.
        is_harmless = self._stage is _CONNECTING or (self._stage is _ASKED and self._is_repeatable())
        self._note_failure(fault)
        if cause is None or not self._retries(cause, is_harmless):
            self._give_up_for(fault)

    def _retries_answered(self, response: Response) -> bool:
        """Begin another attempt unless the backend asks for a pause that is too long to wait."""
        clock = self._surroundings.clock
        wait = asked_to_wait(response.noted.get(b"retry-after", b""), clock.date)
        left = self._stream.deadline - clock.now
        return is_worth_waiting(wait, left) and self._retries(response.status, self._is_repeatable(), wait)

    def _retries(self, cause: str | int, is_harmless: bool, wait: float = 0.0) -> bool:
        """Begin another attempt, in `wait` seconds at the soonest, if that is harmless and granted."""
        name = self._target.upstream
        upstream = self._surroundings.upstreams[name]
        budget = self._surroundings.budgets.get(name)
        if budget is None or not is_harmless:
            return False
        unfinished = sum(endpoint.pending for endpoint in upstream.endpoints)
        if not budget.grants(cause, len(self._tried) + 1, unfinished):
            return False
        tried = (*self._tried, self._endpoint)
        try:
            endpoint = upstream.another(tried)
        except UpstreamError:
            return False
        if not self._tried:
            budget.under_way += 1
        self._tried = tried
        self._endpoint.pending -= 1
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.release()
        self._endpoint = endpoint
        endpoint.pending += 1
        self._passage.tally.retried()
        self._turn_to(endpoint)
        self._connect_with(partial(self._acquire_again, endpoint, wait))
        return True

    def _turn_to(self, endpoint: Endpoint) -> None:
        """Begin an attempt in the books."""
        self._surroundings.books.attempt(self._passage, endpoint.name)

    def _note_failure(self, fault: Fault) -> None:
        """An attempt ends without an answer."""
        if self._stage is _CONNECTING or self._stage is _ASKED:
            surroundings = self._surroundings
            surroundings.books.attempt_failed(self._passage, surroundings.faults.reply(fault).reason)

    async def _acquire_again(self, endpoint: Endpoint, wait: float) -> Connection:
        if endpoint in self._tried:
            wait = max(wait, pause(len(self._tried), random.random()))  # noqa: S311 - no secret.
        if wait:
            await asyncio.sleep(wait)
        return await endpoint.pool.acquire()

    def _is_repeatable(self) -> bool:
        """True if the request changes nothing more when it is sent again, and all of it is still here."""
        request = self._exchange.request
        whole = request.length == 0 or self._room >= len(self._body) == self._passage.received > 0
        return whole and not self._hinted and request.method in IDEMPOTENT

    # What has to wait.

    def _decided(self, index: int, task: asyncio.Future[Verdict]) -> None:
        if task is not self._task:
            return None
        self._task = None
        error = asyncio.CancelledError() if task.cancelled() else task.exception()
        if error is not None:
            log.error("a policy failed", exc_info=error, extra=self._passage.ids)
            return self._give_up(INTERNAL, _GATEWAY)
        verdict = task.result()
        if verdict is None:
            return self._decide(index + 1)
        policy = self._route.pipeline.policies[index]
        return self._give_up(verdict, policy.name, policy.source)

    def _connect_with(self, make: Callable[[], Awaitable[Connection]]) -> None:
        passage = self._passage
        if passage.decided == 0.0:
            passage.decided = self._surroundings.books.monotonic() - passage.begun
        self._stage = _CONNECTING
        self._task = asyncio.create_task(self._connect(make))

    async def _connect(self, make: Callable[[], Awaitable[Connection]]) -> None:
        fault = None
        try:
            connection = await make()
        except UpstreamError as error:
            fault = error.fault
        except Exception:
            log.exception("no connection could be made", extra=self._passage.ids)
        else:
            self._task = None
            return self._ask(connection)
        self._task = None
        return self._fail(fault) if fault is not None else self._give_up(INTERNAL, _GATEWAY)

    # The end of what was granted.

    def _bound(self) -> None:
        """A body without end, or a tunnel, ends with what its principal has shown: nobody asks again."""
        principal, clock = self._exchange.principal, self._surroundings.clock
        if principal is not None and principal.expires is not None:
            self._set_alarm(clock.now + max(0.0, principal.expires - clock.second))

    def _set_alarm(self, deadline: float) -> None:
        if self._alarm is not None:
            self._alarm.off()
        self._alarm = Alarm(self._surroundings.clock, deadline, self._rung)

    def _rung(self) -> None:
        if self._stage is _TUNNEL and not self._frames.is_closing:
            return self.close_tunnel(POLICY_VIOLATION)
        return self._cut()

    def _cut(self) -> None:
        self._let_go()
        self._stream.abort()
        self._break()

    # The ways out.

    def _break(self) -> None:
        """Note that the answer ends before its end."""
        self._passage.aborted = True
        self.answered()

    def _give_up_for(self, fault: Fault) -> None:
        """End with the answer that stands for a failure of the backend's."""
        self._give_up(self._surroundings.faults.reply(fault), _UPSTREAM)

    def _give_up(self, reply: Reply, policy: str, source: str = "") -> None:
        """End with an answer of our own, or break off where the client already has a part of another.

        `policy` is who gives it, `source` the `file:line` that made that one.
        """
        stage = self._stage
        if stage is _DONE:
            return
        passage = self._passage
        if reply.reason is not None:
            passage.refuse(policy, source, reply.reason)
        if stage is _ANSWERING or stage is _TUNNEL:
            return self._cut()
        self._let_go()
        passage.status = reply.status
        exchange = self._exchange
        edits = self._route.edits[exchange.request.secure]
        self._surroundings.answer(self._stream, reply, edits, exchange)
        self.answered()
        return None

    def _settle(self) -> None:
        """Nothing is owed to the endpoint any more."""
        self._counts = False
        self._endpoint.pending -= 1
        if self._alarm is not None:
            self._alarm.off()
            self._alarm = None
        self._give_share_back()

    def _give_share_back(self) -> None:
        """What has its answer is no retry under way any more, however long the answer lasts."""
        if self._tried:
            self._tried = ()
            self._surroundings.budgets[self._target.upstream].under_way -= 1

    def _end(self) -> None:
        """The request is over, whichever way: whoever asked to be told is told, once."""
        self._stage = _DONE
        exchange = self._exchange
        exchange.body = NO_BODY  # else the two would keep each other alive
        if exchange.endings:
            endings, exchange.endings = exchange.endings, ()
            for ending in endings:
                ending()

    def _let_go(self) -> None:
        """Nothing more is done for this request."""
        self._end()
        task, self._task = self._task, None
        if task is not None:
            task.cancel()
        if self._counts:
            self._settle()
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.release()
