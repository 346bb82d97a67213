"""Tokens that only count beside a client certificate (RFC 8705 3), so that a stolen one is of no use."""

import re
from base64 import urlsafe_b64decode
from collections.abc import Mapping
from hashlib import sha256
from hmac import compare_digest
from typing import Any

from gateway.http.reason import Reason
from gateway.policy.credential import Refused

_MEMBER = "x5t#S256"
# Base64url of 32 bytes, without padding.
_THUMBPRINT = re.compile("[A-Za-z0-9_-]{43}")


def thumbprint(claims: Mapping[str, Any]) -> bytes | None:
    """The SHA-256 of the certificate that has to come along, None where the token is not bound.

    Raises Refused where it is bound in another way, or in several (RFC 7800 3.1): nobody has shown that key.
    """
    if "cnf" not in claims:
        return None
    confirmation = claims["cnf"]
    value = confirmation.get(_MEMBER) if isinstance(confirmation, dict) and len(confirmation) == 1 else None
    if not isinstance(value, str) or _THUMBPRINT.fullmatch(value) is None:
        raise Refused(Reason.BOUND)
    return urlsafe_b64decode(value + "=")


def is_shown(thumbprint: bytes, certificate: bytes | None) -> bool:
    """True if the client showed the certificate (DER) of this thumbprint."""
    return certificate is not None and compare_digest(sha256(certificate).digest(), thumbprint)
