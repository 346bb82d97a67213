"""Keys that programs show in a field of their own.

A key is `gw_live_ID_SECRET`: found by its id, proven by its SHA-256. Nobody guesses 128 bits, so no slow hash
is needed; scanners for leaked secrets know a key by its beginning. An unknown id, a wrong secret and what is
no key at all are answered alike, after the same work.
"""

import re
import secrets
from collections.abc import Iterable
from dataclasses import dataclass
from hashlib import sha256
from hmac import compare_digest
from math import inf
from typing import Final, final

from gateway.http.reply import Reply, problem
from gateway.policy import Exchange, Reason
from gateway.policy.authn import Identity, Outcome
from gateway.policy.credential import Place
from gateway.policy.ports import Time

METHOD: Final = "api_key"
ID = "[a-z0-9]{4,32}"
# 22 letters and digits hold 130 bits.
_KEY = re.compile(rf"gw_live_({ID})_[A-Za-z0-9]{{22,86}}".encode())
_SECRET_BYTES = 32
_ID_BYTES = 6
# What an unknown id is compared with; nothing has this digest.
_NOBODYS = bytes(32)

_DETAILS = {
    Reason.INVALID_KEY: (401, "The key is not valid."),
    Reason.KEY_EXPIRED: (401, "The key has expired."),
    Reason.KEY_EARLY: (401, "The key is not valid yet."),
}
_DISABLED = problem(403, Reason.KEY_DISABLED, "The key is disabled.")


@final
@dataclass(frozen=True, slots=True)
class ApiKey:
    """One key: `digest` is the SHA-256 of all of it, the times are seconds since 1970."""

    id: str
    digest: bytes
    identity: Identity
    not_before: float = -inf
    expires: float = inf
    disabled: bool = False


@final
class ApiKeys:
    """The method `api_key`. `field` is the lower-case name of the field, `challenge` says so in a 401."""

    __slots__ = ("_field", "_keys", "_replies", "_wall", "challenge", "places")

    def __init__(
        self, keys: Iterable[ApiKey], field: bytes, places: tuple[Place, ...], challenge: bytes, wall: Time
    ) -> None:
        self._keys = {key.id.encode(): key for key in keys}
        self._field = field
        self._wall = wall
        self.places = places
        self.challenge = challenge
        www = (b"WWW-Authenticate", challenge)
        self._replies = {reason: problem(code, reason, say, www) for reason, (code, say) in _DETAILS.items()}

    def __call__(self, exchange: Exchange) -> Outcome:
        """The identity of the request's key, None if it has none. A field that is repeated is no key."""
        shown = exchange.request.value(self._field)
        return None if shown is None else self._judge(shown)

    def _judge(self, shown: bytes) -> Identity | Reply:
        spelled = _KEY.fullmatch(shown)
        key = self._keys.get(spelled[1] if spelled is not None else b"")
        is_proven = compare_digest(sha256(shown).digest(), key.digest if key is not None else _NOBODYS)
        if key is None or not is_proven:
            return self._replies[Reason.INVALID_KEY]
        # From here on who asks holds the key, and may be told what is wrong with it.
        if key.disabled:
            return _DISABLED
        now = self._wall()
        if now >= key.expires:
            return self._replies[Reason.KEY_EXPIRED]
        return key.identity if now >= key.not_before else self._replies[Reason.KEY_EARLY]


def fresh() -> tuple[str, str, str]:
    """A new key of 256 bits, its id and its digest in hexadecimal; only the digest has to be kept."""
    id = secrets.token_hex(_ID_BYTES)
    key = f"gw_live_{id}_{secrets.token_hex(_SECRET_BYTES)}"
    return key, id, sha256(key.encode()).hexdigest()


def challenge(realm: str, field: str) -> bytes:
    """The challenge of RFC 9110 11.6.1; the scheme is nobody's standard, so it tells the field as well."""
    return f'ApiKey realm="{realm}", header="{field}"'.encode()
