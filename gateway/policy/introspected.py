"""Tokens that say nothing to us: whoever issued them is asked about each (RFC 7662).

Only `active: true` proves anything. What the answer says beside it is held to what the issuer's
configuration demands: an issuer or an audience that is named there must be in the answer.
"""

from collections.abc import Awaitable, Mapping
from dataclasses import replace
from typing import Any, final

from gateway.http.reply import problem
from gateway.policy import Exchange, Reason
from gateway.policy.authn import Identity, Outcome
from gateway.policy.binding import is_shown, thumbprint
from gateway.policy.claims import Claims
from gateway.policy.credential import Anywhere, Place, Refused, check_token
from gateway.policy.identity_fields import identity_fields
from gateway.policy.ports import Time, Verifier
from gateway.policy.questions import Introspection, Told
from gateway.policy.token import replies

_TOKEN_AT_MOST = 16 * 1024
_UNAVAILABLE = problem(
    503, Reason.VERIFIER_UNAVAILABLE, "Tokens cannot be verified at the moment.", (b"Retry-After", b"5")
)


@final
class IntrospectedTokens:
    """The method of one issuer. An empty issuer or audience in `claims` is not demanded."""

    __slots__ = (
        "_claims",
        "_endpoint",
        "_replies",
        "_undemanded",
        "_verifier",
        "_wall",
        "challenge",
        "find",
        "places",
    )

    def __init__(  # noqa: PLR0913 - a word each, made in one place.
        self,
        *,
        endpoint: Introspection,
        claims: Claims,
        verifier: Verifier,
        wall: Time,
        looked_at: tuple[Place, ...],
        places: tuple[Place, ...],
        challenge: bytes,
    ) -> None:
        self._endpoint = endpoint
        self._undemanded = {} if claims.issuer else {"iss": ""}
        self._undemanded |= {} if claims.audience else {"aud": ""}
        self._claims = claims if claims.audience else replace(claims, audience=frozenset([""]))
        self._verifier = verifier
        self._wall = wall
        # Raises Refused where there are several tokens.
        self.find = looked_at[0].find if len(looked_at) == 1 else Anywhere(looked_at).find
        self.places = places
        self.challenge = challenge
        self._replies = replies(challenge)

    def __call__(self, exchange: Exchange) -> Outcome | Awaitable[Outcome]:
        """The identity of the request's token, None if it has none."""
        try:
            token = self.find(exchange.request)
            if token is None:
                return None
            check_token(token)
            if len(token) > _TOKEN_AT_MOST:
                raise Refused(Reason.INVALID_TOKEN)
        except Refused as refused:
            return self._replies[refused.reason]
        certificate = exchange.request.certificate
        told = self._verifier.introspect(self._endpoint, token)
        if told is None or isinstance(told, Mapping):
            return self._judge(told, certificate)
        return self._wait(told, certificate)

    async def _wait(self, waiting: Awaitable[Told], certificate: bytes | None) -> Outcome:
        return self._judge(await waiting, certificate)

    def _judge(self, told: Told, certificate: bytes | None) -> Outcome:
        if told is None:
            return _UNAVAILABLE
        try:
            return self._identity(told, certificate)
        except Refused as refused:
            return self._replies[refused.reason]
        except ValueError:
            return self._replies[Reason.UNUSABLE_CLAIMS]

    def _identity(self, told: Mapping[str, Any], certificate: bytes | None) -> Identity:
        # RFC 7662 2.2: "active" is a "Boolean indicator"; a text or a number is none.
        if told.get("active") is not True:
            raise Refused(Reason.INACTIVE)
        now = self._wall()
        # All but `active` is optional there. What has no end is asked about again when the answer is old.
        found = self._claims.principal("", {"exp": now + 1, **told, **self._undemanded}, now)
        bound_to = thumbprint(told)
        if bound_to is not None and not is_shown(bound_to, certificate):
            raise Refused(Reason.BOUND)
        principal = replace(found, claims=told, expires=found.expires if "exp" in told else None)
        return Identity(principal, identity_fields(principal))
