"""The tokens of one issuer: signed, and verified here by its keys.

A token that was verified is remembered by its bytes until it ends. A hit counts only while the key set is the
one that it was verified by, and the time is looked at anew.
"""

from collections.abc import Awaitable, Iterable, Mapping
from typing import final

from gateway.http.fields import Field
from gateway.http.reply import Reply, problem
from gateway.policy import Exchange, Reason
from gateway.policy.authn import Identity, Outcome
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
    Reason.BOUND: "The token is bound to a key that was not shown.",
    Reason.UNUSABLE_CLAIMS: "The token lacks a claim that is needed here, or has one that cannot be used.",
}
_UNAVAILABLE = problem(
    503, Reason.KEYS_UNAVAILABLE, "Tokens cannot be verified at the moment.", (b"Retry-After", b"5")
)


@final
class Remembered:
    """An identity that the key set of `generation` proved; it ends at `until`, seconds since 1970."""

    __slots__ = ("generation", "identity", "until")

    def __init__(self, identity: Identity, generation: int, until: float) -> None:
        self.identity = identity
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
        self._replies = _replies(challenge)
        self._known: Recent[bytes, Remembered] = Recent(_REMEMBERED)

    def __call__(self, exchange: Exchange) -> Outcome | Awaitable[Outcome]:
        """The identity of the request's token, None if it has none."""
        try:
            token = self.find(exchange.request)
        except Refused as refused:
            return self._replies[refused.reason]
        return None if token is None else self.verify(token)

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

    def verify(self, token: bytes) -> Outcome | Awaitable[Outcome]:
        """The identity that the token proves."""
        known = self._known.get(token)
        if known is not None and known.generation == self._keys.generation and self._wall() < known.until:
            return known.identity
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
            return self._judge(token, signed, keys, generation)
        return self._wait(token, signed, keys, generation)

    async def _wait(
        self, token: bytes, signed: Signed, keys: Awaitable[tuple[Key, ...] | None], generation: int
    ) -> Outcome:
        return self._judge(token, signed, await keys, generation)

    def _judge(self, token: bytes, signed: Signed, keys: tuple[Key, ...] | None, generation: int) -> Outcome:
        if keys is None:
            return _UNAVAILABLE
        try:
            identity = self._identity(signed, keys)
        except Refused as refused:
            return self._replies[refused.reason]
        if len(token) <= _REMEMBERED_BYTES:
            until = identity.principal.expires or 0.0
            self._known.put(token, Remembered(identity, generation, until))
        return identity

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


@final
class Selected:
    """An issuer before others that look for tokens too: one that does not say it is ours is left to them.

    Only where one of them finds it, though: what nobody else would look at is ours to refuse.
    """

    __slots__ = ("_others", "_tokens", "challenge", "places")

    def __init__(self, tokens: Tokens, others: tuple[Tokens, ...]) -> None:
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
        return self._tokens.verify(token)


def bearer(realm: str, resource_metadata: str | None) -> bytes:
    """The challenge of RFC 6750 3, with the member of RFC 9728 5.1 where there is a document to point at."""
    more = f', resource_metadata="{resource_metadata}"' if resource_metadata else ""
    return f'Bearer realm="{realm}"{more}'.encode()


def _replies(challenge: bytes) -> dict[Reason, Reply]:
    described = b'%b, error="invalid_token", error_description="The token was not accepted."' % challenge
    replies = {reason: problem(401, reason, detail, _www(described)) for reason, detail in _DETAILS.items()}
    reason = Reason.MALFORMED_CREDENTIALS
    malformed = _www(b'%b, error="invalid_request"' % challenge)
    replies[reason] = problem(400, reason, "The credentials are not spelled as they have to be.", malformed)
    return replies


def _www(challenge: bytes) -> Field:
    return b"WWW-Authenticate", challenge
