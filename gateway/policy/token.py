"""The tokens of one issuer: signed, and verified here by its keys.

A token that was verified is remembered by its bytes until it ends. A hit counts only while the key set is the
one that it was verified by, and the time is looked at anew.
"""

from collections.abc import Awaitable, Callable, Iterable, Mapping
from typing import Protocol, final

from gateway.http.fields import Field
from gateway.http.reply import Reply, problem
from gateway.http.request import Request
from gateway.policy import Exchange, Reason
from gateway.policy.authn import Identity, Outcome
from gateway.policy.binding import is_shown, thumbprint
from gateway.policy.claims import Claims
from gateway.policy.credential import Anywhere, Place, Refused, check_token
from gateway.policy.document import members
from gateway.policy.identity_fields import identity_fields
from gateway.policy.jwk import Key
from gateway.policy.jws import Signed, read
from gateway.policy.ports import Keys, Time
from gateway.policy.recent import Recent

# Tokens that are remembered: twice as many at most, and none of them longer than this.
_REMEMBERED = 8192
_REMEMBERED_BYTES = 4096

# What the client is told. Why exactly stands in `reason`; the description is the same for all (RFC 6750 3.1).
_DETAILS: Mapping[Reason, str] = {
    Reason.AMBIGUOUS_CREDENTIALS: "There are several tokens, and they differ.",
    Reason.INVALID_TOKEN: "The token is not valid.",
    Reason.UNKNOWN_KEY: "The token is signed by a key that is not known here.",
    Reason.EXPIRED: "The token has expired.",
    Reason.EARLY: "The token is not valid yet.",
    Reason.WRONG_ISSUER: "The token is of another issuer.",
    Reason.WRONG_AUDIENCE: "The token is for somebody else.",
    Reason.WRONG_KIND: "The token is no access token.",
    Reason.BOUND: "The token is bound to a key or a certificate that was not shown.",
    Reason.INACTIVE: "The token is not active.",
    Reason.UNUSABLE_CLAIMS: "The token lacks a claim that is needed here, or has one that cannot be used.",
}
_UNAVAILABLE = problem(
    503, Reason.KEYS_UNAVAILABLE, "Tokens cannot be verified at the moment.", (b"Retry-After", b"5")
)


@final
class Remembered:
    """An identity that the key set of `generation` proved; it ends at `until`, seconds since 1970.

    `bound_to` is the thumbprint of the certificate that has to come along, None where none has to.
    """

    __slots__ = ("bound_to", "generation", "identity", "until")

    def __init__(self, identity: Identity, bound_to: bytes | None, generation: int, until: float) -> None:
        self.identity = identity
        self.bound_to = bound_to
        self.generation = generation
        self.until = until


@final
class Tokens:
    """The method of one issuer. `places` are those of all that are looked at which the backend must not see.

    `challenge` is the value of `WWW-Authenticate` for who shows no token (RFC 6750 3).
    """

    __slots__ = (
        "_algorithms",
        "_claims",
        "_keys",
        "_known",
        "_replies",
        "_wall",
        "challenge",
        "find",
        "places",
    )

    def __init__(  # noqa: PLR0913 - a word each, made in one place.
        self,
        *,
        claims: Claims,
        algorithms: Iterable[str],
        keys: Keys,
        wall: Time,
        looked_at: tuple[Place, ...],
        places: tuple[Place, ...],
        challenge: bytes,
    ) -> None:
        self._claims = claims
        self._algorithms = frozenset(algorithms)
        self._keys = keys
        self._wall = wall
        # Raises Refused where there are several tokens.
        self.find = looked_at[0].find if len(looked_at) == 1 else Anywhere(looked_at).find
        self.places = places
        self.challenge = challenge
        self._replies = replies(challenge)
        self._known: Recent[bytes, Remembered] = Recent(_REMEMBERED)

    def __call__(self, exchange: Exchange) -> Outcome | Awaitable[Outcome]:
        """The identity of the request's token, None if it has none."""
        try:
            token = self.find(exchange.request)
        except Refused as refused:
            return self._replies[refused.reason]
        return None if token is None else self.verify(token, exchange.request.certificate)

    def reply(self, reason: Reason) -> Reply:
        """What a token is refused with."""
        return self._replies[reason]

    def claims(self, token: bytes) -> bool:
        """True if the token says of itself that it is this issuer's; nothing is verified."""
        if self._known.get(token) is not None:
            return True
        try:
            return members(read(token).payload).get("iss") == self._claims.issuer
        except (Refused, ValueError):
            return False

    def verify(self, token: bytes, certificate: bytes | None = None) -> Outcome | Awaitable[Outcome]:
        """The identity that the token proves, where it came with this certificate of the client's."""
        known = self._known.get(token)
        if known is not None and known.generation == self._keys.generation and self._wall() < known.until:
            return self._admit(known, certificate)
        try:
            check_token(token)
            signed = read(token)
            if signed.algorithm not in self._algorithms:
                raise Refused(Reason.INVALID_TOKEN)
        except Refused as refused:
            return self._replies[refused.reason]
        # Asked for ahead of the keys: a set that changes meanwhile must not take over what it did not prove.
        generation = self._keys.generation
        keys = self._keys.find(signed.kid, signed.algorithm)
        if keys is None or isinstance(keys, tuple):
            return self._admit(self._judge(token, signed, keys, generation), certificate)
        return self._wait(token, signed, keys, generation, certificate)

    async def _wait(
        self,
        token: bytes,
        signed: Signed,
        keys: Awaitable[tuple[Key, ...] | None],
        generation: int,
        certificate: bytes | None,
    ) -> Outcome:
        return self._admit(self._judge(token, signed, await keys, generation), certificate)

    def _admit(self, proven: Remembered | Reply, certificate: bytes | None) -> Outcome:
        if isinstance(proven, Reply):
            return proven
        if proven.bound_to is None or is_shown(proven.bound_to, certificate):
            return proven.identity
        return self._replies[Reason.BOUND]

    def _judge(
        self, token: bytes, signed: Signed, keys: tuple[Key, ...] | None, generation: int
    ) -> Remembered | Reply:
        if keys is None:
            return _UNAVAILABLE
        try:
            identity = self._identity(signed, keys)
            bound_to = thumbprint(identity.principal.claims)
        except Refused as refused:
            return self._replies[refused.reason]
        proven = Remembered(identity, bound_to, generation, identity.principal.expires or 0.0)
        if len(token) <= _REMEMBERED_BYTES:
            self._known.put(token, proven)
        return proven

    def _identity(self, signed: Signed, keys: tuple[Key, ...]) -> Identity:
        if not keys:
            raise Refused(Reason.UNKNOWN_KEY)
        if not any(key.verifies(signed.algorithm, signed.message, signed.signature) for key in keys):
            raise Refused(Reason.INVALID_TOKEN)
        try:
            claims = members(signed.payload)
        except ValueError:
            raise Refused(Reason.INVALID_TOKEN) from None
        principal = self._claims.principal(signed.kind, claims, self._wall())
        try:
            return Identity(principal, identity_fields(principal))
        except ValueError:
            raise Refused(Reason.UNUSABLE_CLAIMS) from None


class Taker(Protocol):
    """Who looks for tokens."""

    @property
    def find(self) -> Callable[[Request], bytes | None]: ...


@final
class Selected:
    """An issuer before others that look for tokens too: one that does not say it is ours is left to them.

    Only where one of them finds it, though: what nobody else would look at is ours to refuse.
    """

    __slots__ = ("_others", "_tokens", "challenge", "places")

    def __init__(self, tokens: Tokens, others: tuple[Taker, ...]) -> None:
        self._tokens = tokens
        self._others = others
        # The last one says it for all.
        self.challenge: bytes | None = None
        self.places = tokens.places

    def __call__(self, exchange: Exchange) -> Outcome | Awaitable[Outcome]:
        """The identity of the request's token, None if it has none, or one for somebody else."""
        request = exchange.request
        try:
            token = self._tokens.find(request)
            if token is None:
                return None
            if not self._tokens.claims(token) and any(
                each.find(request) is not None for each in self._others
            ):
                return None
        except Refused as refused:
            return self._tokens.reply(refused.reason)
        return self._tokens.verify(token, request.certificate)


def bearer(realm: str, resource_metadata: str | None) -> bytes:
    """The challenge of RFC 6750 3, with the member of RFC 9728 5.1 where there is a document to point at."""
    more = f', resource_metadata="{resource_metadata}"' if resource_metadata else ""
    return f'Bearer realm="{realm}"{more}'.encode()


def replies(challenge: bytes) -> dict[Reason, Reply]:
    """What becomes of a token that is refused, by the reason."""
    described = b'%b, error="invalid_token", error_description="The token was not accepted."' % challenge
    refusals = {reason: problem(401, reason, detail, _www(described)) for reason, detail in _DETAILS.items()}
    reason = Reason.MALFORMED_CREDENTIALS
    malformed = _www(b'%b, error="invalid_request"' % challenge)
    refusals[reason] = problem(400, reason, "The credentials are not spelled as they have to be.", malformed)
    return refusals


def _www(challenge: bytes) -> Field:
    return b"WWW-Authenticate", challenge
