"""What a token says, once its signature is good: is it for us and for now, and whom does it name.

The checks are those of RFC 7519 4.1 and RFC 9068 4, none of them optional but by absence of the claim where
that says so. Seconds are those since 1970.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from math import isfinite
from typing import Any, final

from gateway.http.reason import Reason
from gateway.policy import Principal
from gateway.policy.credential import Refused

Path = tuple[str, ...]

# RFC 9068 4: access tokens have their own type; plain `JWT` and none are what came before it.
_KINDS = frozenset(["", "jwt", "application/jwt", "at+jwt", "application/at+jwt"])
# OpenID Connect Core 2 and 3.3.2.11: only ID tokens have these.
_OF_ID_TOKENS = ("nonce", "at_hash", "c_hash")
# Some issuers sign tokens to refresh others alike, and tell them apart by a claim: Cognito, Keycloak.
_USES = {"token_use": "access", "typ": "Bearer"}
_WORDS_AT_MOST = 256


@final
@dataclass(frozen=True, slots=True)
class Claims:
    """What the tokens of an issuer must say, and where they say what we ask.

    `method` is the name of the issuer in the configuration, `leeway` how many seconds clocks may disagree.
    """

    method: str
    issuer: str
    audience: frozenset[str]
    leeway: float
    subject: Path = ("sub",)
    roles: Path = ("roles",)
    scopes: Path = ("scope",)

    def principal(self, kind: str, claims: Mapping[str, Any], now: float) -> Principal:
        """The principal whom a token of this `typ` names. Raises Refused."""
        if kind not in _KINDS or not _is_for_access(claims):
            raise Refused(Reason.WRONG_KIND)
        if claims.get("iss") != self.issuer:
            raise Refused(Reason.WRONG_ISSUER)
        if not self._is_for_us(claims.get("aud")):
            raise Refused(Reason.WRONG_AUDIENCE)
        expires = self._check_times(claims, now)
        return Principal(
            subject=self._subject(claims),
            method=self.method,
            roles=_words(_at(claims, self.roles), None),
            scopes=_words(_at(claims, self.scopes), " "),
            claims=claims,
            expires=expires,
        )

    def _is_for_us(self, audience: object) -> bool:
        if isinstance(audience, str):
            return audience in self.audience
        return isinstance(audience, list) and any(
            isinstance(one, str) and one in self.audience for one in audience
        )

    def _check_times(self, claims: Mapping[str, Any], now: float) -> float:
        """When the token ends, leeway and all."""
        expires = _seconds(claims, "exp")
        if expires is None:
            raise Refused(Reason.UNUSABLE_CLAIMS)
        if now >= expires + self.leeway:
            raise Refused(Reason.EXPIRED)
        for name in ("nbf", "iat"):
            begins = _seconds(claims, name)
            if begins is not None and now < begins - self.leeway:
                raise Refused(Reason.EARLY)
        return expires + self.leeway

    def _subject(self, claims: Mapping[str, Any]) -> str:
        subject = _at(claims, self.subject)
        if not isinstance(subject, str) or not subject:
            raise Refused(Reason.UNUSABLE_CLAIMS)
        return subject


def _is_for_access(claims: Mapping[str, Any]) -> bool:
    """False for ID tokens and for what says that it is something else, such as a token to refresh others."""
    if any(name in claims for name in _OF_ID_TOKENS):
        return False
    return all(claims.get(name, use) == use for name, use in _USES.items())


def _at(claims: Any, path: Path) -> object:
    for name in path:
        claims = claims.get(name) if isinstance(claims, dict) else None
    return claims


def _words(said: object, separator: str | None) -> frozenset[str]:
    """A list of texts, or a text: cut at `separator` (RFC 6749 3.3: single spaces), or one word."""
    if said is None:
        return frozenset()
    if isinstance(said, str):
        said = said.split(separator) if separator else [said]
    if not isinstance(said, list) or len(said) > _WORDS_AT_MOST:
        raise Refused(Reason.UNUSABLE_CLAIMS)
    if not all(isinstance(word, str) for word in said):
        raise Refused(Reason.UNUSABLE_CLAIMS)
    return frozenset(word for word in said if word)


def _seconds(claims: Mapping[str, Any], name: str) -> float | None:
    """A NumericDate (RFC 7519 2), None where there is none."""
    if name not in claims:
        return None
    value = claims[name]
    # A truth value is a number to Python, and whole numbers have no bound in JSON.
    is_number = isinstance(value, int | float) and not isinstance(value, bool)
    if not is_number or not -1e15 < value < 1e15 or not isfinite(value):
        raise Refused(Reason.UNUSABLE_CLAIMS)
    return float(value)
