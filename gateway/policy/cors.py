"""Which browser applications of other origins may call (Fetch standard, "HTTP CORS protocol").

Before a browser sends what no form could send it asks (the preflight), and it shows a script only the answers
that say so. Both are decided here, from the origin alone and ahead of every other policy, so that a script
can read later refusals too. It keeps scripts of other sites away, and nobody who is not a browser.
"""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from math import ceil
from typing import Final, Literal, final

from gateway.http.fields import Field
from gateway.http.reply import Body, Reply, problem
from gateway.http.request import is_preflight, is_websocket
from gateway.policy import Exchange, Reason, Verdict

ANY = "*"

# Whatever a backend says of this kind goes: two answers to one question make a browser fail.
STRIPPED = (b"access-control-*",)

# Fetch, "CORS-safelisted method" and "CORS-safelisted request-header": what needs no permission. A browser
# asks for the latter where their values are unusual, such as `Content-Type: application/json`.
_METHODS = (b"GET", b"HEAD", b"POST")
_FIELDS = ("Accept", "Accept-Language", "Content-Language", "Content-Type", "Range")
# Fetch, "CORS non-wildcard request-header name": `*` does not cover it.
_NOT_WILD = b"authorization"
# Ours on a response, which a script that has to wait or to report needs.
_EXPOSED = ("RateLimit", "RateLimit-Policy", "Retry-After", "X-Request-Id", "traceresponse")

_BY_ORIGIN = (b"Vary", b"Origin")
_BY_REQUEST = (b"Vary", b"Access-Control-Request-Method, Access-Control-Request-Headers")

# Origins remembered per policy. When they are more, all are forgotten: a client that invents them pays for
# its own misses. None is longer than `https://`, a name (RFC 1035 2.3.4) and a port.
_LEARNED_AT_MOST = 4096
_LEARNED_LENGTH = 267
# What a preflight may ask for: a browser names the fields that a script has set, each once.
_ASKED_LENGTH = 4096
_ASKED_AT_MOST = 100

# One or more labels as browsers write them, also the `_` that many names have in front.
_LABELS = re.compile(rb"[a-z0-9_-]+(?:\.[a-z0-9_-]+)*")

_NOTHING = Body(b"text/plain", b"")
_GRANTED = Reply(204, None, (), _NOTHING)
# A browser takes each of these for a no: what it would need is not there. The reason is for the operator.
_OMITTED = Reply(204, Reason.ORIGIN_DENIED, (), _NOTHING)
_OTHER_METHOD = Reply(204, Reason.PREFLIGHT_METHOD, (), _NOTHING)
_OTHER_FIELDS = Reply(204, Reason.PREFLIGHT_FIELDS, (), _NOTHING)
_DENIED = problem(403, Reason.ORIGIN_DENIED, "This origin may not ask here.")


@final
@dataclass(frozen=True, slots=True)
class Terms:
    """What a policy says, as the configuration does.

    Origins are `scheme://host[:port]`, `scheme://*.host[:port]` for one or more labels, `null`, or `*` alone
    and without credentials. `max_age` is in seconds.
    """

    allow_origins: tuple[str, ...]
    allow_methods: tuple[str, ...] = ()
    allow_headers: tuple[str, ...] = ()
    expose_headers: tuple[str, ...] = ()
    credentials: bool = False
    max_age: float | None = None
    on_disallowed: Literal["omit", "reject"] = "omit"


def constant(terms: Terms) -> tuple[Field, ...]:
    """The fields that every response of a route has, whoever asks: a cache may hand it to somebody else."""
    if ANY in terms.allow_origins:
        return (*_allowing(b"*", terms), _exposing(terms))
    # Fetch, "CORS protocol and HTTP caches": also what has no permission was made for the origin that asked.
    return (_BY_ORIGIN,)


@final
class Cors:
    """Answers preflights, and notes for every other request what its response tells the browser of an origin.

    What all responses of a route tell alike is not noted: see `constant`.
    """

    __slots__ = (
        "_fields",
        "_granted",
        "_methods",
        "_to_others",
        "_to_preflights",
        "_vary",
        "origins",
        "source",
    )

    name: Final = "cors"

    def __init__(self, terms: Terms, source: str) -> None:
        self.source = source
        self.origins = Origins(terms)
        self._methods = frozenset((*_METHODS, *_encoded(terms.allow_methods)))
        self._fields = frozenset(name.lower() for name in _encoded((*_FIELDS, *terms.allow_headers)))
        self._granted = _permissions(terms)
        self._to_others = _DENIED if terms.on_disallowed == "reject" else None
        self._to_preflights = self._to_others or _OMITTED
        self._vary = () if self.origins.any else (_BY_REQUEST,)

    def __call__(self, exchange: Exchange) -> Verdict:
        """The answer to a preflight; 403 `origin_denied` where other origins are rejected; or None."""
        request = exchange.request
        origin = request.noted.get(b"origin")
        if origin is None:
            return None
        allowed = self.origins[origin]
        if is_preflight(request):
            return self._answer(exchange, allowed)
        if allowed is None:
            return self._to_others
        exchange.response_fields += allowed[1]
        return None

    def judge(self, noted: Mapping[bytes, bytes]) -> Reply:
        """What a preflight from an origin that may ask comes to; its reason is None if it is granted."""
        if noted[b"access-control-request-method"] not in self._methods:
            return _OTHER_METHOD
        asked = noted.get(b"access-control-request-headers", b"")
        return _GRANTED if self._covers(asked) else _OTHER_FIELDS

    def _answer(self, exchange: Exchange, allowed: "_Allowed | None") -> Reply:
        exchange.response_fields += self._vary
        if allowed is None:
            return self._to_preflights
        reply = self.judge(exchange.request.noted)
        exchange.response_fields += allowed[0] if reply.reason else allowed[0] + self._granted
        return reply

    def _covers(self, asked: bytes) -> bool:
        if len(asked) > _ASKED_LENGTH or asked.count(b",") >= _ASKED_AT_MOST:
            return False
        # Names have no case, and an empty member of a list counts for nothing (RFC 9110 5.1, 5.6.1).
        names = {name.strip(b" \t") for name in asked.lower().split(b",")}
        unknown = names - self._fields - {b""}
        return not unknown or (b"*" in self._fields and _NOT_WILD not in unknown)


# What an allowed origin is told: by the answer to a preflight, and by every other response.
_Allowed = tuple[tuple[Field, ...], tuple[Field, ...]]


@final
class Origins(dict[bytes, _Allowed | None]):
    """Raw Origin -> what it is told, None where it is not allowed; learns origins as they come.

    They are compared byte for byte: browsers write an origin in one way only (HTML, "serialization of an
    origin"). `any` says that every origin is allowed, which is then told to all alike.
    """

    def __init__(self, terms: Terms) -> None:
        super().__init__()
        self._terms = terms
        self._exposing = _exposing(terms)
        self.any = ANY in terms.allow_origins
        self._exact = frozenset(_encoded(terms.allow_origins))
        self._patterns = [origin.split(b"*") for origin in self._exact if b"*." in origin]

    def __missing__(self, origin: bytes) -> _Allowed | None:
        if self.any:
            return (), ()
        if len(origin) > _LEARNED_LENGTH:
            return None
        if len(self) >= _LEARNED_AT_MOST:
            self.clear()
        allowed = self[origin] = self._told(origin) if self._holds(origin) else None
        return allowed

    def _told(self, origin: bytes) -> _Allowed:
        allowing = _allowing(origin, self._terms)
        return allowing, (*allowing, self._exposing)

    def _holds(self, origin: bytes) -> bool:
        if b"*" in origin:
            return False  # A pattern as a client would send it is no origin.
        return origin in self._exact or any(
            origin.startswith(scheme)
            and origin.endswith(suffix)
            and _LABELS.fullmatch(origin, len(scheme), len(origin) - len(suffix))
            for scheme, suffix in self._patterns
        )


@final
class Handshakes:
    """Refuses WebSocket handshakes of other origins; what is no browser sends no Origin and may ask.

    A browser connects to any host and sends its cookies along, and asks nobody first: CORS does not apply to
    WebSockets (RFC 6455 10.2). So this holds whatever the policy does about other origins.
    """

    __slots__ = ("_origins", "source")

    name: Final = "cors"

    def __init__(self, cors: Cors) -> None:
        self.source = cors.source
        self._origins = cors.origins

    def __call__(self, exchange: Exchange) -> Reply | None:
        """403 `origin_denied`, or None."""
        request = exchange.request
        if not is_websocket(request):
            return None
        origin = request.noted.get(b"origin")
        return _DENIED if origin is not None and self._origins[origin] is None else None


@final
class Trial:
    """Only says what a policy would refuse; preflights and permissions stay the backend's own."""

    __slots__ = ("_cors", "source")

    name: Final = "cors"

    def __init__(self, cors: Cors) -> None:
        self.source = cors.source
        self._cors = cors

    def __call__(self, exchange: Exchange) -> Reply | None:
        """A reply with the reason of the refusal, or None."""
        request = exchange.request
        origin = request.noted.get(b"origin")
        if origin is None:
            return None
        if self._cors.origins[origin] is None:
            return _DENIED
        reply = self._cors.judge(request.noted) if is_preflight(request) else _GRANTED
        return reply if reply.reason else None


def _allowing(origin: bytes, terms: Terms) -> tuple[Field, ...]:
    allowing = (b"Access-Control-Allow-Origin", origin)
    return (allowing, (b"Access-Control-Allow-Credentials", b"true")) if terms.credentials else (allowing,)


def _exposing(terms: Terms) -> Field:
    return b"Access-Control-Expose-Headers", _joined((*_EXPOSED, *terms.expose_headers))


def _permissions(terms: Terms) -> tuple[Field, ...]:
    """What a granted preflight says beside the origin. The lists are whole: a browser may remember them."""
    fields = [(b"Access-Control-Allow-Headers", _joined((*_FIELDS, *terms.allow_headers)))]
    if terms.allow_methods:
        fields.append((b"Access-Control-Allow-Methods", _joined(terms.allow_methods)))
    if terms.max_age is not None:
        fields.append((b"Access-Control-Max-Age", b"%d" % ceil(terms.max_age)))
    return tuple(fields)


def _joined(names: Iterable[str]) -> bytes:
    """A list in which each name stands once, as it was first written."""
    spelled: dict[str, str] = {}
    for name in names:
        spelled.setdefault(name.lower(), name)
    return ", ".join(spelled.values()).encode("ascii")


def _encoded(texts: Iterable[str]) -> Iterable[bytes]:
    return [text.encode("ascii") for text in texts]
