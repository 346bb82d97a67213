"""A JWK Set (RFC 7517 5) as an issuer publishes it: its keys that are of use, and whether it is another."""

import json
from typing import Any

from gateway.policy.jwk import Key, KeySet, public_key

_KEYS_AT_MOST = 100


def usable(members: dict[str, Any]) -> tuple[KeySet, list[str]]:
    """The keys that tokens can be verified by, and a text of them that tells one set from another.

    Secrets and private keys are none of them. Raises ValueError where no key is left: such a set would refuse
    everybody, and is a mistake more often than meant.
    """
    listed = members.get("keys")
    if not isinstance(listed, list) or len(listed) > _KEYS_AT_MOST:
        raise ValueError("no list of at most 100 keys")
    keys: list[Key] = []
    content: list[str] = []
    for jwk in listed:
        try:
            keys.append(public_key(jwk if isinstance(jwk, dict) else {}))
        except ValueError:
            # RFC 7517 5: "Implementations SHOULD ignore JWKs within a JWK Set that use kty values that are
            # not understood, that are missing required members, or for which values are out of the ranges".
            continue
        content.append(json.dumps(jwk, sort_keys=True))
    if not keys:
        raise ValueError("no usable key")
    return KeySet(keys), sorted(content)
