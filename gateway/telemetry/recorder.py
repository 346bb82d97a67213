"""Which requests become spans, and what is kept of these until a thread has sent them.

On a request's way nothing is encoded and nothing waited for: what finds no room is dropped and counted.
"""

from collections import deque
from threading import Event
from typing import Final, final

from gateway.policy import Exchange
from gateway.routing import Forward
from gateway.telemetry.books import CLIENT_LEFT
from gateway.telemetry.passage import NOT_YET, Passage
from gateway.telemetry.redaction import Redaction
from gateway.wire.clock import Clock

# Requests that wait to be sent, and how many are sent at a time.
QUEUED_AT_MOST: Final = 2048
BATCH: Final = 256

# What goes wrong is recorded of requests that are not sampled, too; in any second no more of them.
_UNSAMPLED_AT_MOST: Final = 10
_FAILURE: Final = 500

# Bytes of what a client said that are kept: a queue of the largest requests stays small.
_PATH: Final = 2048
_QUERY: Final = 2048
_USER_AGENT: Final = 256
_METHOD: Final = 32

QUEUE_FULL: Final = "queue_full"
EXPORT_FAILED: Final = "export_failed"
RATE: Final = "rate"


@final
class Record:
    """What spans are made of: one request that is over. Times are seconds since 1970.

    `epoch` is what to add to the times of `tried` and `waits`. `answer` is the status that the client was
    told, 0 where it left before. `target` is the path that the backend saw. `mode` says whether the policy
    has refused (`enforce`) or would have (`report`), and is empty where none did. `version` and `secure` are
    those of the Recorder.
    """

    __slots__ = (
        "aborted",
        "answer",
        "authority",
        "begun",
        "client",
        "ended",
        "epoch",
        "method",
        "mode",
        "path",
        "policy",
        "query",
        "reason",
        "request_id",
        "route",
        "scheme",
        "secure",
        "target",
        "trace",
        "tried",
        "user_agent",
        "version",
        "waits",
    )

    def __init__(self, passage: Passage, ended: float, epoch: float, recorder: "Recorder") -> None:
        exchange = passage.exchange
        request = exchange.request
        self.trace = passage.trace
        self.route = passage.route
        self.epoch = epoch
        self.begun = passage.begun + epoch
        self.ended = ended + epoch
        self.method = request.method[:_METHOD]
        self.authority = request.authority
        self.path = request.path[:_PATH]
        self.query = recorder.redaction(request.query[:_QUERY])
        self.scheme = "https" if request.secure else "http"
        self.client = request.client
        self.user_agent = request.noted.get(b"user-agent", b"")[:_USER_AGENT]
        self.request_id = exchange.request_id
        self.aborted = passage.aborted
        left = passage.status == CLIENT_LEFT and passage.answered == NOT_YET
        self.answer = 0 if left else passage.status
        self.policy, self.reason, self.mode = _verdict(passage, exchange)
        self.tried = passage.tried or []
        self.waits = passage.waits or []
        target = passage.route.target
        self.target = b""
        if self.tried and isinstance(target, Forward):
            self.target = target.path(request, exchange.captures)[:_PATH]
        self.version = recorder.version
        self.secure = recorder.secure

    @property
    def spans(self) -> int:
        """How many it makes."""
        return 1 + len(self.tried) + len(self.waits)


def _verdict(passage: Passage, exchange: Exchange) -> tuple[str, str, str]:
    if passage.reason is not None:
        return passage.policy, passage.reason, "enforce"
    for name, reason in exchange.reported:
        return name, reason, "report"
    return "", "", ""


@final
class Recorder:
    """Follows the books, and keeps what is to be sent.

    `version` is that of the configuration, `secure` names the endpoints that are spoken TLS with, `redaction`
    takes secrets out of queries. `exported`
    and `dropped`, by cause, count spans, `failures` calls that went wrong; the thread that sends counts here,
    too. `ready` is set when sending is worth its while.
    """

    __slots__ = (
        "_clock",
        "_queue",
        "_recent",
        "_turn",
        "dropped",
        "exported",
        "failures",
        "ready",
        "redaction",
        "secure",
        "version",
    )

    def __init__(self, clock: Clock, version: str, secure: frozenset[bytes], redaction: Redaction) -> None:
        self.redaction = redaction
        self._clock = clock
        self._queue: deque[Record] = deque()
        # When the last ones were recorded that were not sampled, and which of these comes next.
        self._recent = [float("-inf")] * _UNSAMPLED_AT_MOST
        self._turn = 0
        self.version = version
        self.secure = secure
        self.exported = 0
        self.failures = 0
        self.dropped = {QUEUE_FULL: 0, EXPORT_FAILED: 0, RATE: 0}
        self.ready = Event()

    def adopt(self, version: str, secure: frozenset[bytes], redaction: Redaction) -> None:
        """Go on with another configuration."""
        self.redaction = redaction
        self.version = version
        self.secure = secure

    def follow(self, passage: Passage, now: float) -> None:
        """Keep a request that is over, if it is to become spans."""
        if passage.tried is None:
            if passage.reason is None and passage.status < _FAILURE:
                return
            if not self._grants(now):
                self.dropped[RATE] += 1
                return
        record = Record(passage, now, self._clock.epoch, self)
        waiting = len(self._queue)
        if waiting >= QUEUED_AT_MOST:
            self.dropped[QUEUE_FULL] += record.spans
            return
        self._queue.append(record)
        if waiting + 1 == BATCH:
            self.ready.set()

    def take(self) -> list[Record]:
        """The next ones to send, none where nothing waits; from one thread only."""
        queue = self._queue
        return [queue.popleft() for _ in range(min(len(queue), BATCH))]

    def _grants(self, now: float) -> bool:
        turn = self._turn
        if now - self._recent[turn] < 1.0:
            return False
        self._recent[turn] = now
        self._turn = (turn + 1) % _UNSAMPLED_AT_MOST
        return True
