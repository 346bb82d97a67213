"""Where both halves meet: a request of any listener becomes a relay on the route it takes."""

from collections.abc import Mapping
from typing import final

from gateway.config.snapshot import Snapshot
from gateway.http.reason import Reason
from gateway.http.request import Request
from gateway.policy import Exchange
from gateway.relay import Relay
from gateway.surroundings import Surroundings
from gateway.upstream import Upstream
from gateway.wire.clock import Clock
from gateway.wire.downstream import Downstream


@final
class Proxy:
    """Takes the requests of every listener and carries them by the snapshot that serves now."""

    def __init__(
        self, snapshot: Snapshot, upstreams: Mapping[str, Upstream], clock: Clock, pseudonym: bytes
    ) -> None:
        self.snapshot = snapshot
        self.upstreams = upstreams
        self.draining = False
        self.surroundings = Surroundings(snapshot.name, pseudonym, upstreams, clock)

    def begin(self, stream: Downstream, request: Request) -> Relay:
        """Take a request; its body, or the end of it, follows at once."""
        route, captures = self.snapshot.router.route(request)
        request_id = request.noted.get(b"x-request-id") or self.surroundings.ids.new()
        return Relay(self.surroundings, stream, route, Exchange(request, request_id, captures))

    def refuse(self, stream: Downstream, reason: Reason) -> None:
        """Answer what could not be read as a request."""
        edits = self.snapshot.router.unmatched.edits[stream.secure]
        self.surroundings.answer(stream, self.surroundings.faults.refusal(reason), edits, None)
