"""The room in which policies decide.

A policy is a callable: it reads an Exchange and returns None (go on), a Reply (stop) or an awaitable of
either (it has to wait). What it wants done to the two messages it leaves on the Exchange as data. Nothing
here knows a socket, a loop or a clock.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Final, Protocol, final

from gateway.http.fields import Field
from gateway.http.reason import Reason
from gateway.http.reply import Reply
from gateway.http.request import Request
from gateway.policy.tier import Standing

__all__ = ["Body", "Exchange", "Pipeline", "Policy", "Principal", "Reason", "Reply", "Verdict"]

Verdict = Reply | None


@final
@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks, as verified: nothing in here was only claimed.

    `method` is the word in `auth` that verified it; `expires` when that ends, in seconds since 1970, leeway
    and all.
    """

    subject: str
    method: str
    roles: frozenset[str] = frozenset()
    scopes: frozenset[str] = frozenset()
    claims: Mapping[str, object] = field(default_factory=dict, repr=False)
    expires: float | None = None
    tier: str | None = None


class Body(Protocol):
    """The body of a request, which only comes to a policy that asks for it."""

    def read(self, limit: int) -> "bytes | Awaitable[bytes | None] | None":
        """All of it, at once where it is here already; None as soon as it is larger than `limit` bytes.

        A client that waits for it is told to go on (RFC 9110 10.1.1). Whatever the answer, nothing of the
        body is lost: it is forwarded as it came. Ask once.
        """
        ...


@final
class _NoBody:
    """What a request has that nobody receives."""

    __slots__ = ()

    def read(self, limit: int) -> bytes:
        return b""


NO_BODY: Final[Body] = _NoBody()


@final
class Exchange:
    """The notes about one request while it is decided.

    `captures` are the raw segments of the path that the route's template names, in its order.
    `coding` is the content coding that the client wants where the route compresses.
    `upstream_fields` join the request on its way to the backend, `response_fields` the response on its way
    to the client, and `hidden` holds lower-case names of fields that the backend must not see. `reported` are
    the refusals of policies on trial, by name; `endings` are called once, when the request is over. `quotas`
    tell how the request stands with each tier that counted it. `body` is for policies that look into it.
    """

    __slots__ = (
        "body",
        "captures",
        "coding",
        "endings",
        "hidden",
        "principal",
        "quotas",
        "reported",
        "request",
        "request_id",
        "response_fields",
        "upstream_fields",
    )

    def __init__(self, request: Request, request_id: bytes, captures: tuple[bytes, ...]) -> None:
        self.request = request
        self.request_id = request_id
        self.captures = captures
        self.coding: bytes | None = None
        self.body = NO_BODY
        self.principal: Principal | None = None
        self.hidden: tuple[bytes, ...] = ()
        self.upstream_fields: tuple[Field, ...] = ()
        self.response_fields: tuple[Field, ...] = ()
        self.reported: tuple[tuple[str, Reason], ...] = ()
        self.endings: tuple[Callable[[], None], ...] = ()
        self.quotas: tuple[Standing, ...] = ()


class Policy(Protocol):
    """One step of a pipeline: `name` is its word in logs, `source` the `file:line` that made it."""

    @property
    def name(self) -> str: ...

    @property
    def source(self) -> str: ...

    def __call__(self, exchange: Exchange) -> Verdict | Awaitable[Verdict]: ...


@final
class Pipeline:
    """The policies of a route, in the one order there is."""

    __slots__ = ("policies",)

    def __init__(self, policies: tuple[Policy, ...]) -> None:
        self.policies = policies
