"""What of a query may be told: everything but the values of parameters whose names say that they are secret.

A name counts however it is spelled: escaped, in capitals, with `-` or `_` or without, as a member of
something (`user[password]`, `login.token`). Rather one value too many is taken away than one too few.
"""

import re
from collections.abc import Iterable
from typing import Final, final
from urllib.parse import unquote_to_bytes

# OpenTelemetry HTTP semantic conventions, `url.query`: signatures and credentials of AWS, Azure and Google;
# then what RFC 6749, OpenID Connect and common habit put into a query.
NAMES: Final = (
    *("X-Amz-Signature", "X-Amz-Credential", "X-Amz-Security-Token", "AWSAccessKeyId", "Signature", "sig"),
    *("X-Goog-Signature", "X-Goog-Credential", "token", "access_token", "id_token", "refresh_token", "code"),
    *("key", "api_key", "apikey", "password", "passwd", "pwd", "secret", "client_secret", "assertion"),
    *("client_assertion", "session", "session_id", "jwt", "auth", "authorization", "code_verifier"),
)

REDACTED: Final = b"REDACTED"

# A name and its value, with whatever stands before them. What parts one from the next differs among programs.
_PAIR: Final = re.compile(rb"([?&;]*)([^=?&;]*)(=?)([^?&;]*)")
_NAME: Final = re.compile(rb"[?&;]([^=?&;]*)=")
# A value that may be a query itself, such as the URL to go back to after a login.
_NESTED: Final = re.compile(rb"%3[Dd]")
_MEMBERS: Final = re.compile(rb"[\[\].]")
# What a name may be spelled with or without.
_IGNORED: Final = b"-_ +\t\r\n\0"
# Spellings that are remembered; a client that invents names pays for its own misses.
_LEARNED_AT_MOST: Final = 4096
_LEARNED_LENGTH: Final = 64
# A name that was escaped twice is read by somebody who decodes twice.
_DECODED_AT_MOST: Final = 3


@final
class Redaction:
    """Takes secrets out of queries; `more` are names beside the usual ones."""

    __slots__ = ("_known", "_words")

    def __init__(self, more: Iterable[str] = ()) -> None:
        self._words = frozenset([_squeezed(name.encode()) for name in (*NAMES, *more)])
        self._known: dict[bytes, bool] = {}

    def __call__(self, query: bytes) -> bytes:
        """The query with `REDACTED` in the place of each secret; the rest stays as it came."""
        if b"=" not in query:
            return query
        for name in _NAME.findall(query):
            if self._is_secret(name):
                return self._redact(query)
        return self._redact(query) if _NESTED.search(query) is not None else query

    def _redact(self, query: bytes) -> bytes:
        parts: list[bytes] = []
        for before, name, equals, value in _PAIR.findall(query):
            is_secret = equals and (self._is_secret(name) or self._holds_secret(value))
            parts += (before, name, equals, REDACTED if is_secret else value)
        return b"".join(parts)

    def _holds_secret(self, value: bytes) -> bool:
        for _ in range(_DECODED_AT_MOST):
            if b"%" not in value:
                break
            value = unquote_to_bytes(value)
            if any([self._is_secret(name) for name in _NAME.findall(b"?" + value)]):
                return True
        return False

    def _is_secret(self, name: bytes) -> bool:
        known = self._known.get(name)
        if known is None:
            known = self._judge(name)
            if len(name) <= _LEARNED_LENGTH:
                if len(self._known) >= _LEARNED_AT_MOST:
                    self._known.clear()
                self._known[name] = known
        return known

    def _judge(self, name: bytes) -> bool:
        for _ in range(_DECODED_AT_MOST):
            if b"%" not in name:
                break
            name = unquote_to_bytes(name)
        words = self._words
        # A name that somebody cuts at a separator of his own has its secret behind it.
        return _squeezed(name) in words or any([_squeezed(part) in words for part in _MEMBERS.split(name)])


def _squeezed(name: bytes) -> bytes:
    return name.translate(None, _IGNORED).lower()
