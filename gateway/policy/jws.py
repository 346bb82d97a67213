"""A signed token in its compact form (RFC 7515 7.1), taken apart; whether it is worth anything is not judged.

What the header says about where its key could be found (`jku`, `x5u`, `jwk`, `x5c`) is not even read: a token
does not choose who vouches for it.
"""

import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from dataclasses import dataclass
from typing import final

from gateway.http.reason import Reason
from gateway.policy.credential import Refused
from gateway.policy.document import members

BYTES_AT_MOST = 16 * 1024
_KID_AT_MOST = 256
_BASE64URL = re.compile(rb"[A-Za-z0-9_-]*")


@final
@dataclass(frozen=True, slots=True)
class Signed:
    """A token in its parts: `message` is what `signature` is made for, `kind` the `typ` in lower case."""

    algorithm: str
    kid: str | None
    kind: str
    payload: bytes
    message: bytes
    signature: bytes


def read(token: bytes) -> Signed:
    """The parts of a token. Raises Refused with INVALID_TOKEN: which part it was is nobody's business."""
    try:
        return _read(token)
    except ValueError:
        raise Refused(Reason.INVALID_TOKEN) from None


def decoded(text: bytes) -> bytes:
    """What base64url without padding stands for (RFC 7515 2). Raises ValueError for another spelling."""
    if _BASE64URL.fullmatch(text) is None:
        raise ValueError("no base64url")
    raw = urlsafe_b64decode(text + b"=" * (-len(text) % 4))
    if encoded(raw) != text:
        # The last character has bits that stand for nothing: a second spelling of the same bytes.
        raise ValueError("no base64url")
    return raw


def encoded(raw: bytes) -> bytes:
    """Base64url without padding."""
    return urlsafe_b64encode(raw).rstrip(b"=")


def _read(token: bytes) -> Signed:
    if len(token) > BYTES_AT_MOST:
        raise ValueError("too long")
    # Five parts would be an encrypted token (RFC 7516 7.1); there is no key to open one with.
    head, body, signature = token.split(b".")
    header = members(decoded(head))
    # RFC 7515 4.1.11: what `crit` names has to be understood, "otherwise the JWS is invalid"; we know none.
    if "crit" in header or "b64" in header:
        raise ValueError("an extension")
    algorithm, kid, kind = header.get("alg"), header.get("kid"), header.get("typ", "")
    if not isinstance(algorithm, str) or not isinstance(kind, str):
        raise ValueError("no text")
    if "kid" in header and not (isinstance(kid, str) and len(kid) <= _KID_AT_MOST):
        raise ValueError("no text")
    return Signed(
        algorithm, kid, kind.lower(), decoded(body), token[: token.rindex(b".")], decoded(signature)
    )
