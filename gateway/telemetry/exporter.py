"""The thread that makes spans of records and sends them.

What a collector does that is away, slow or talks nonsense stays in this thread: a message is tried a few
times, then its spans are dropped and counted. That is told once when it begins and once when it is over.
"""

import logging
from collections.abc import Callable, Sequence
from threading import Event, Thread
from typing import Final, final

from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

from gateway.telemetry.recorder import EXPORT_FAILED, Record, Recorder
from gateway.telemetry.senders import Send, SendError

log = logging.getLogger("gateway")

# Seconds: how long a span may wait for others, pauses between attempts, and what the end may take.
_INTERVAL: Final = 1.0
_PAUSES: Final = (1.0, 2.0)
_ENDING_AT_MOST: Final = 3.0

Encode = Callable[[Sequence[Record]], ExportTraceServiceRequest]


@final
class Exporter:
    """Sends what a Recorder keeps; it counts there what became of it."""

    def __init__(self, recorder: Recorder, encode: Encode, send: Send) -> None:
        self._recorder = recorder
        self._encode = encode
        self._send = send
        self._stopping = Event()
        self._is_out = False
        self._thread = Thread(target=self._run, name="spans", daemon=True)

    def start(self) -> None:
        """Begin to send."""
        self._thread.start()

    def stop(self) -> None:
        """Send what is there, once and within a bound. It blocks."""
        self._stopping.set()
        self._recorder.ready.set()
        if self._thread.is_alive():
            self._thread.join(_ENDING_AT_MOST)

    def _run(self) -> None:
        while not self._stopping.is_set():
            self._recorder.ready.wait(_INTERVAL)
            self._recorder.ready.clear()
            self._send_all()
        self._send_all()

    def _send_all(self) -> None:
        while records := self._recorder.take():
            try:
                self._export(records)
            except Exception:
                # A mistake of ours must not end the thread.
                log.exception("spans are lost")

    def _export(self, records: Sequence[Record]) -> None:
        recorder = self._recorder
        count = rejected = sum([record.spans for record in records])
        try:
            rejected = min(max(self._deliver(self._encode(records)), 0), count)
        except SendError as error:
            self._tell(str(error))
        else:
            self._tell("")
        finally:
            recorder.exported += count - rejected
            recorder.dropped[EXPORT_FAILED] += rejected

    def _deliver(self, message: ExportTraceServiceRequest) -> int:
        """Send a message, again where that may help; gives how many spans are refused. Raises SendError."""
        pauses = iter(_PAUSES)
        while True:
            try:
                return self._send(message)
            except SendError as error:
                self._recorder.failures += 1
                pause = next(pauses, None)
                if error.is_final or pause is None or self._stopping.wait(pause):
                    raise

    def _tell(self, why: str) -> None:
        if why and not self._is_out:
            log.warning("spans cannot be sent: %s", why)
        elif not why and self._is_out:
            log.info("spans are sent again")
        self._is_out = bool(why)
