"""The access log: one line of JSON a request, made once and given to whoever keeps it.

A line is built from one template. Whatever a client, a token or an upstream said is searched once for what
could not stand in a line as it is; only where something is found each part is escaped. So a line is always
one line, plain ASCII and valid JSON, whatever was sent.
"""

import time
from typing import Final, final

from gateway.http.reason import Reason
from gateway.policy import Principal
from gateway.routing import Forward, Route
from gateway.telemetry.decisions import Decisions
from gateway.telemetry.escape import escaped, escaped_text
from gateway.telemetry.passage import NOT_YET, Passage
from gateway.telemetry.redaction import Redaction
from gateway.telemetry.writer import Writer
from gateway.wire.clock import Clock

# What is kept of each at most, in bytes; the wire has bounds of its own for most of them.
_PATH: Final = 2048
_QUERY: Final = 2048
_USER_AGENT: Final = 256
_HOST: Final = 261
_METHOD: Final = 32
# In characters, and the number of roles.
_PRINCIPAL: Final = 256
_ROLES: Final = 32

# What may stand in a line as it is: neither JSON has to escape it, nor takes a terminal or a reader it for
# anything else. To take these out of a text finds the others in a third of the time of a regular expression.
_SAFE: Final = bytes([code for code in range(0x20, 0x7F) if code not in b'"\\'])
# Principals, and choices of refusals, whose part of a line is remembered.
_REMEMBERED: Final = 4096

_REQUEST: Final = (
    b'{"type":"access","time":"%b%bZ","request_id":"%b","trace_id":"%b","span_id":"%b","sampled":%b,'
    b'"client":"%b","method":"%b","host":"%b","path":"%b","query":"%b","status":%b,"bytes_in":%b,'
    b'"bytes_out":%b,"user_agent":"%b",%b%b%b%b%b"attempts":%b,"duration_ms":%b,"upstream_ms":%b,'
    b'"overhead_ms":%b,%b'
)
_NOBODY: Final = b'"principal":"","roles":[],'
_DECISION: Final = b'"decision":"%b","policy":"%b","reason":"%b","source":"%b",'
_PASSED: Final = _DECISION % (b"passed", b"", b"", b"")
_ANSWERED: Final = _DECISION % (b"answered", b"", b"", b"")
_NOTHING_REPORTED: Final = b'"reported":[],'

# Numbers that are written often, and the thousandths of a second.
_NUMBERS: Final = [b"%d" % number for number in range(1000)]
_THOUSANDTHS: Final = [b".%03d" % number for number in range(1000)]
_FEW: Final = 1000
_ZERO: Final = b"0.000"

# What could not be read has neither route nor backend.
_NOWHERE: Final = b'"route":"_unreadable","operation":"",'
_NO_BACKEND: Final = b'"upstream":"","endpoint":"",'
# Who refuses where the gateway or the backend, and not the request, is to blame.
_FAULTY: Final = ("upstream", "gateway")


@final
class _Labels:
    """What a route says in each of its lines: its own part, and one for each endpoint."""

    __slots__ = ("_upstream", "endpoints", "own")

    def __init__(self, route: Route) -> None:
        target = route.target
        self._upstream = escaped_text(target.upstream if isinstance(target, Forward) else "")
        self.own = b'"route":"%b","operation":"%b",' % (
            escaped_text(route.id),
            escaped_text(route.operation),
        )
        self.endpoints: dict[bytes, bytes] = {}

    def learn(self, endpoint: bytes) -> bytes:
        """The part of an endpoint: the configuration names them all, so they are few."""
        part = self.endpoints[endpoint] = b'"upstream":"%b","endpoint":"%b",' % (
            self._upstream,
            escaped(endpoint),
        )
        return part


@final
class AccessLog:
    """Makes the line of each request that is over, for a writer and for the decision record.

    Either may be None; who wants no line at all makes no AccessLog. `version` is that of the configuration,
    and `redaction` knows its secrets: see `adopt` for another one.
    """

    __slots__ = (
        "_clock",
        "_decided",
        "_decisions",
        "_end",
        "_labels",
        "_principals",
        "_redaction",
        "_reported",
        "_second",
        "_time",
        "_writer",
    )

    def __init__(
        self,
        version: str,
        clock: Clock,
        redaction: Redaction,
        writer: Writer | None,
        decisions: Decisions | None,
    ) -> None:
        self._clock = clock
        self._writer = writer
        self._decisions = decisions
        self._second = -1
        self._time = b""
        self.adopt(version, redaction)
        self._principals: dict[tuple[str, frozenset[str]], bytes] = {}
        self._decided: dict[tuple[str, str, str, str], bytes] = {}
        self._reported: dict[tuple[tuple[str, Reason], ...], bytes] = {}

    def adopt(self, version: str, redaction: Redaction) -> None:
        """Go on with another configuration."""
        self._end = b'"config_version":"%b"}\n' % escaped_text(version)
        self._redaction = redaction
        # Its routes are others, and nothing else should keep the old ones.
        self._labels: dict[Route, _Labels] = {}

    def close(self, passage: Passage, now: float) -> None:
        """A request is over."""
        self._give(self.line(passage, now), passage.route)

    def unreadable(self, reason: Reason, status: int, request_id: bytes, client: str) -> None:
        """What could not be read as a request was refused."""
        milliseconds = self._milliseconds(self._clock.monotonic() + self._clock.epoch)
        line = _REQUEST % (
            *(self._time, milliseconds, request_id, b"", b"", b"false", escaped_text(client)),
            *(b"", b"", b"", b"", _number(status), b"0", b"0", b"", _NOWHERE, _NOBODY),
            self._decision("refused", "wire", "", reason),
            *(_NOTHING_REPORTED, _NO_BACKEND, b"0", _ZERO, _ZERO, _ZERO, self._end),
        )
        self._give(line, None)

    def line(self, passage: Passage, now: float) -> bytes:
        """The line of a request that was over at `now`, with its end."""
        exchange = passage.exchange
        request = exchange.request
        milliseconds = self._milliseconds(now + self._clock.epoch)
        client = request.client.encode()
        method = request.method
        host = request.authority
        path = request.path
        query = self._redaction(request.query) if request.query else b""
        user_agent = request.noted.get(b"user-agent", b"")
        if (
            len(path) > _PATH
            or len(user_agent) > _USER_AGENT
            or len(query) > _QUERY
            or len(method) > _METHOD
            or len(host) > _HOST
            or b"".join((client, method, host, path, query, user_agent)).translate(None, _SAFE)
        ):
            client, method, host = escaped(client), escaped(method[:_METHOD]), escaped(host[:_HOST])
            path, query = escaped(path[:_PATH]), escaped(query[:_QUERY])
            user_agent = escaped(user_agent[:_USER_AGENT])
        trace = passage.trace
        labels = self._labels.get(passage.route)
        if labels is None:
            labels = self._labels[passage.route] = _Labels(passage.route)
        endpoint = labels.endpoints.get(passage.endpoint)
        if endpoint is None:
            endpoint = labels.learn(passage.endpoint)
        if passage.answered != NOT_YET:
            waited = _thousandths(passage.answered - passage.asked)
            overhead = _thousandths(passage.decided + passage.handled)
        else:
            waited = overhead = _ZERO
        return _REQUEST % (
            self._time,
            milliseconds,
            exchange.request_id,
            trace.trace_id,
            trace.span_id,
            b"true" if trace.sampled else b"false",
            client,
            method,
            host,
            path,
            query,
            _number(passage.status),
            _number(passage.received),
            _number(passage.sent),
            user_agent,
            labels.own,
            _NOBODY if exchange.principal is None else self._principal(exchange.principal),
            self._outcome(passage),
            self._on_trial(exchange.reported) if exchange.reported else _NOTHING_REPORTED,
            endpoint,
            _number(passage.attempts),
            _thousandths(now - passage.begun),
            waited,
            overhead,
            self._end,
        )

    def _give(self, line: bytes, route: Route | None) -> None:
        if self._writer is not None:
            self._writer.put(line)
        if self._decisions is not None:
            self._decisions.keep(line, route)

    def _milliseconds(self, wall: float) -> bytes:
        """Those of a time since 1970; the rest of it is in `_time` then."""
        second = int(wall)
        if second != self._second:
            self._second = second
            self._time = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(second)).encode()
        return _THOUSANDTHS[int((wall - second) * 1000)]

    def _principal(self, principal: Principal) -> bytes:
        key = principal.subject, principal.roles
        part = self._principals.get(key)
        if part is None:
            roles = [b'"%b"' % escaped_text(role[:_PRINCIPAL]) for role in sorted(principal.roles)[:_ROLES]]
            subject = escaped_text(principal.subject[:_PRINCIPAL])
            part = b'"principal":"%b","roles":[%b],' % (subject, b",".join(roles))
            if len(self._principals) >= _REMEMBERED:
                self._principals.clear()
            self._principals[key] = part
        return part

    def _outcome(self, passage: Passage) -> bytes:
        reason = passage.reason
        if passage.aborted:
            word = "aborted"
        elif reason is None:
            return _PASSED if passage.attempts else _ANSWERED
        else:
            word = "failed" if passage.policy in _FAULTY else "refused"
        return self._decision(word, passage.policy, passage.source, reason or "")

    def _decision(self, word: str, policy: str, source: str, reason: str) -> bytes:
        # All of them come from the code and the configuration, so there are not many.
        key = word, policy, source, reason
        part = self._decided.get(key)
        if part is None:
            said = (escaped_text(word), escaped_text(policy), escaped_text(reason), escaped_text(source))
            if len(self._decided) >= _REMEMBERED:
                self._decided.clear()
            part = self._decided[key] = _DECISION % said
        return part

    def _on_trial(self, reported: tuple[tuple[str, Reason], ...]) -> bytes:
        part = self._reported.get(reported)
        if part is None:
            pairs = [b'["%b","%b"]' % (escaped_text(name), escaped_text(reason)) for name, reason in reported]
            if len(self._reported) >= _REMEMBERED:
                self._reported.clear()
            part = self._reported[reported] = b'"reported":[%b],' % b",".join(pairs)
        return part


def _number(value: int) -> bytes:
    return _NUMBERS[value] if value < _FEW else b"%d" % value


def _thousandths(seconds: float) -> bytes:
    """Seconds as milliseconds with three digits behind the point."""
    micro = max(0, int(seconds * 1e6 + 0.5))
    return _number(micro // 1000) + _THOUSANDTHS[micro % 1000]
