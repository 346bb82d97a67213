"""Users with a password: `Authorization: Basic` (RFC 7617).

Hashes are slow on purpose, so they are worked out elsewhere, by the port. What was right is remembered for a
minute, by a keyed digest; what was wrong is not. An unknown user costs what one of the users costs.
"""

import secrets
from binascii import Error, a2b_base64
from collections.abc import Awaitable, Iterable
from dataclasses import dataclass
from hmac import digest as hmac
from typing import Final, final

from gateway.http.reply import Reply, problem
from gateway.http.request import Request
from gateway.policy import Exchange, Reason
from gateway.policy.authn import Identity, Outcome
from gateway.policy.credential import AUTHORIZATION, Place, Refused
from gateway.policy.ports import Time, Verifier
from gateway.policy.recent import Recent

METHOD: Final = "basic"
_REMEMBERED = 1024
_REMEMBERED_FOR = 60.0
_CREDENTIAL_AT_MOST = 1024
_CONTROLS = frozenset(map(chr, (*range(0x20), *range(0x7F, 0xA0))))

_MALFORMED = problem(400, Reason.MALFORMED_CREDENTIALS, "The credentials are not spelled as they have to be.")
_BUSY = problem(
    503, Reason.VERIFIER_BUSY, "Passwords cannot be verified at the moment.", (b"Retry-After", b"2")
)
_DISABLED = problem(403, Reason.USER_DISABLED, "The user is disabled.")


@final
@dataclass(frozen=True, slots=True)
class User:
    """One user; `hash` is an argon2id or bcrypt hash in its usual text."""

    name: str
    hash: str
    identity: Identity
    disabled: bool = False


@final
class Basic:
    """The method `basic`, of at least one user."""

    __slots__ = (
        "_hashes",
        "_known",
        "_monotonic",
        "_secret",
        "_users",
        "_verifier",
        "_wrong",
        "challenge",
        "places",
    )

    def __init__(
        self,
        users: Iterable[User],
        realm: str,
        places: tuple[Place, ...],
        *,
        verifier: Verifier,
        monotonic: Time,
    ) -> None:
        self._users = {user.name: user for user in users}
        self._hashes = tuple(user.hash for user in self._users.values())
        self._verifier = verifier
        self._monotonic = monotonic
        self._secret = secrets.token_bytes(32)
        self._known: Recent[bytes, tuple[Identity, float]] = Recent(_REMEMBERED)
        self.places = places
        # RFC 7617 2.1: "UTF-8" is the one value there is.
        self.challenge = f'Basic realm="{realm}", charset="UTF-8"'.encode()
        www = (b"WWW-Authenticate", self.challenge)
        self._wrong = problem(401, Reason.WRONG_PASSWORD, "The user or the password is wrong.", www)

    def __call__(self, exchange: Exchange) -> Outcome | Awaitable[Outcome]:
        """The identity of the user of the request, None if it names none."""
        try:
            shown = _shown(exchange.request)
        except Refused:
            return _MALFORMED
        if shown is None:
            return None
        digest = self._digest(*shown)
        known = self._known.get(digest)
        if known is not None and self._monotonic() < known[1]:
            return known[0]
        return self._verify(shown, digest)

    def _verify(self, shown: tuple[str, bytes], digest: bytes) -> Outcome | Awaitable[Outcome]:
        name, password = shown
        user, decoy = self._users.get(name), self._decoy(name)
        verdict = self._verifier.password(user.hash if user is not None else decoy, password)
        if verdict is None or isinstance(verdict, bool):
            return self._judge(user, verdict, digest)
        return self._wait(user, verdict, digest)

    async def _wait(self, user: User | None, verdict: Awaitable[bool | None], digest: bytes) -> Outcome:
        return self._judge(user, await verdict, digest)

    def _judge(self, user: User | None, verdict: bool | None, digest: bytes) -> Identity | Reply:
        if verdict is None:
            return _BUSY
        if user is None or not verdict:
            return self._wrong
        if user.disabled:
            return _DISABLED
        self._known.put(digest, (user.identity, self._monotonic() + _REMEMBERED_FOR))
        return user.identity

    def _digest(self, name: str, password: bytes) -> bytes:
        # Whoever reads our memory finds no fast hash to try passwords against without the secret beside it.
        return _keyed(self._secret, b"%b:%b" % (name.encode(), password))

    def _decoy(self, name: str) -> str:
        """The hash that stands in for that of an unknown user, the same each time; its verdict counts not."""
        number = int.from_bytes(_keyed(self._secret, name.encode())[:8], "big")
        return self._hashes[number % len(self._hashes)]


def _shown(request: Request) -> tuple[str, bytes] | None:
    """The user and the password. Raises Refused for what is not spelled as RFC 7617 2 says."""
    value = request.noted.get(AUTHORIZATION)
    if value is None or value[:6].lower() not in (b"basic", b"basic "):
        return None
    encoded = value[6:].strip(b" ")
    if len(encoded) > _CREDENTIAL_AT_MOST:
        raise Refused(Reason.MALFORMED_CREDENTIALS)
    try:
        text = a2b_base64(encoded, strict_mode=True).decode()
    except (Error, UnicodeDecodeError):
        raise Refused(Reason.MALFORMED_CREDENTIALS) from None
    name, colon, password = text.partition(":")
    # RFC 7617 2: "The user-id and password MUST NOT contain any control characters".
    if not colon or not name or not _CONTROLS.isdisjoint(text):
        raise Refused(Reason.MALFORMED_CREDENTIALS)
    return name, password.encode()


def _keyed(secret: bytes, text: bytes) -> bytes:
    return hmac(secret, text, "sha256")
