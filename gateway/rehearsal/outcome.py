"""What came of a request: each step with its verdict, and both heads that would have been written."""

from dataclasses import dataclass
from enum import StrEnum
from typing import final

from gateway.http.edits import Edits
from gateway.http.fields import Field
from gateway.http.reason import Reason
from gateway.http.reply import Reply
from gateway.policy import Exchange
from gateway.routing import Forward, Route


class Verdict(StrEnum):
    """What a step made of the request."""

    PASSED = "passed"
    ASSUMED = "assumed"  # it would verify; somebody said who asks
    ON_TRIAL = "on trial"  # it would refuse, but only reports
    UNKNOWN = "unknown"  # somebody else would have to be asked
    ANSWERED = "answered"
    REFUSED = "refused"
    NOT_ASKED = "not asked"


@final
@dataclass(frozen=True, slots=True)
class Step:
    """One step: `source` is the `file:line` that made it, empty where none did; `note` is for people."""

    name: str
    verdict: Verdict
    source: str = ""
    reason: Reason | None = None
    note: str = ""


@final
@dataclass(frozen=True, slots=True)
class Answer:
    """An answer of our own as the client would get it."""

    status: int
    fields: tuple[Field, ...]
    body: bytes


@final
@dataclass(frozen=True, slots=True)
class Outcome:
    """One request's way. `route` and `exchange` are None where it was never read as a request.

    `reply` is None where the request passes; then `upstream_head` is what the backend would see. `answer` is
    the reply as the client would get it, None where that is not known. `told` are the fields that the client
    gets: those of the answer, or what a response of the backend has beside its own.
    """

    steps: tuple[Step, ...]
    edits: Edits
    route: Route | None = None
    exchange: Exchange | None = None
    reply: Reply | None = None
    answer: Answer | None = None
    upstream_head: bytes = b""
    told: tuple[Field, ...] = ()

    @property
    def verdict(self) -> Verdict:
        """PASSED, ANSWERED, REFUSED or UNKNOWN."""
        return self.decider.verdict if self.reply is not None else Verdict.PASSED

    @property
    def decider(self) -> Step:
        """The step that decided: the one that answered, or the last."""
        final = (Verdict.REFUSED, Verdict.ANSWERED, Verdict.UNKNOWN)
        return next((step for step in self.steps if step.verdict in final), self.steps[-1])

    @property
    def reason(self) -> Reason | None:
        """The word for a refusal."""
        return None if self.reply is None else self.reply.reason

    @property
    def forward(self) -> Forward | None:
        """Where a request that passes goes."""
        target = self.route.target if self.route is not None and self.reply is None else None
        return target if isinstance(target, Forward) else None

    @property
    def captures(self) -> dict[str, str]:
        """The segments of the path that the route's template names."""
        if self.route is None or self.exchange is None:
            return {}
        segments = [segment.decode(errors="backslashreplace") for segment in self.exchange.captures]
        return dict(zip(self.route.variables, segments, strict=True))

    def end(self) -> None:
        """The request is over: what it held at once is given back."""
        if self.exchange is not None:
            for ending in self.exchange.endings:
                ending()
            self.exchange.endings = ()
