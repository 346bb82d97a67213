"""Verification keys: JSON Web Keys (RFC 7517) of others, and shared secrets.

A key has the table of the algorithms it can verify, from its type and curve alone, so no header can have an
RSA key taken for a secret, or anything verified by `none`.
"""

import re
from collections.abc import Iterable, Mapping
from typing import Any, final

from jwt.algorithms import ECAlgorithm, HMACAlgorithm, OKPAlgorithm, RSAAlgorithm, RSAPSSAlgorithm
from jwt.exceptions import PyJWTError

_RSA = {
    "RS256": RSAAlgorithm(RSAAlgorithm.SHA256),
    "RS384": RSAAlgorithm(RSAAlgorithm.SHA384),
    "RS512": RSAAlgorithm(RSAAlgorithm.SHA512),
    "PS256": RSAPSSAlgorithm(RSAPSSAlgorithm.SHA256),
    "PS384": RSAPSSAlgorithm(RSAPSSAlgorithm.SHA384),
    "PS512": RSAPSSAlgorithm(RSAPSSAlgorithm.SHA512),
}
# RFC 7518 3.4: each curve has its one algorithm.
_CURVES = {
    "P-256": ("ES256", ECAlgorithm(ECAlgorithm.SHA256)),
    "P-384": ("ES384", ECAlgorithm(ECAlgorithm.SHA384)),
    "P-521": ("ES512", ECAlgorithm(ECAlgorithm.SHA512)),
}
# RFC 9864 2.2 gives what RFC 8037 calls EdDSA a name for this curve alone.
_ED25519 = dict.fromkeys(("EdDSA", "Ed25519"), OKPAlgorithm())
# RFC 7518 3.2: a key of the size of the hash output, in bytes, "or larger MUST be used".
_SECRETS = {
    "HS256": (32, HMACAlgorithm(HMACAlgorithm.SHA256)),
    "HS384": (48, HMACAlgorithm(HMACAlgorithm.SHA384)),
    "HS512": (64, HMACAlgorithm(HMACAlgorithm.SHA512)),
}
SYMMETRIC = frozenset(_SECRETS)

_RSA_BITS = range(2048, 8193)
_PRIVATE = frozenset(["d", "p", "q", "dp", "dq", "qi", "oth", "k"])
_TEXT_AT_MOST = 2048
_BASE64URL = re.compile(r"[A-Za-z0-9_-]+")
# Keys that share a name, or have none: more than these are not tried for one token.
_TRIED_AT_MOST = 4

Verifier = Any  # The algorithm objects of the library share no usable type.


@final
class Key:
    """A key, its name, and the algorithms that it verifies. What it is made of is not shown by `repr`."""

    __slots__ = ("_material", "_verifiers", "kid")

    def __init__(self, kid: str | None, material: object, verifiers: Mapping[str, Verifier]) -> None:
        self.kid = kid
        self._material = material
        self._verifiers = verifiers

    @property
    def algorithms(self) -> frozenset[str]:
        """The names of the algorithms."""
        return frozenset(self._verifiers)

    def verifies(self, algorithm: str, message: bytes, signature: bytes) -> bool:
        """True if `signature` is of this key for `message`; never for an algorithm that is not the key's."""
        verifier = self._verifiers.get(algorithm)
        return verifier is not None and bool(verifier.verify(message, self._material, signature))


@final
class KeySet:
    """Keys by name."""

    __slots__ = ("_named", "_unnamed")

    def __init__(self, keys: Iterable[Key]) -> None:
        self._named: dict[str, list[Key]] = {}
        self._unnamed: list[Key] = []
        for key in keys:
            same = self._unnamed if key.kid is None else self._named.setdefault(key.kid, [])
            same.append(key)

    def __len__(self) -> int:
        return len(self._unnamed) + sum(map(len, self._named.values()))

    def find(self, kid: str | None, algorithm: str) -> tuple[Key, ...]:
        """The keys that a token may be verified by: those of its `kid`, else those without a name.

        A token without a `kid` may have any key of its algorithm (RFC 7515 4.1.4: the name is a hint).
        """
        if kid is None:
            found = [*self._unnamed, *(key for named in self._named.values() for key in named)]
        else:
            found = self._named.get(kid) or self._unnamed
        return tuple([key for key in found if algorithm in key.algorithms][:_TRIED_AT_MOST])


@final
class FixedKeys:
    """The port `Keys` for keys that stand in the configuration."""

    __slots__ = ("_keys", "generation")

    def __init__(self, keys: KeySet) -> None:
        self._keys = keys
        self.generation = 0

    def find(self, kid: str | None, algorithm: str) -> tuple[Key, ...]:
        """The keys of a token; none if there is no such key."""
        return self._keys.find(kid, algorithm)


def public_key(jwk: Mapping[str, Any]) -> Key:
    """The key that `jwk` describes. Raises ValueError with what was expected instead."""
    kid, use, operations, algorithm = (jwk.get(name) for name in ("kid", "use", "key_ops", "alg"))
    if not _PRIVATE.isdisjoint(jwk):
        raise ValueError("a public key without private members")
    if use not in (None, "sig") or not (operations is None or _verify(operations)):
        raise ValueError("a key for signatures, by its use and key_ops")
    if not (kid is None or (isinstance(kid, str) and kid)):
        raise ValueError("a key whose kid is a text")
    material, verifiers = _material(jwk)
    if algorithm is not None:
        # EdDSA and Ed25519 are two names of one thing.
        if not isinstance(algorithm, str) or algorithm not in verifiers:
            raise ValueError("a key whose alg fits its type")
        verifiers = {name: each for name, each in verifiers.items() if each is verifiers[algorithm]}
    return Key(kid, material, verifiers)


def shared_key(secret: str) -> Key:
    """The nameless key that a shared secret is. Raises ValueError for one that is too short for any use."""
    raw = secret.encode()
    verifiers = {name: verifier for name, (size, verifier) in _SECRETS.items() if len(raw) >= size}
    if not verifiers:
        raise ValueError("a secret of at least 32 bytes")
    return Key(None, raw, verifiers)


def _verify(operations: object) -> bool:
    return isinstance(operations, list) and "verify" in operations


def _material(jwk: Mapping[str, Any]) -> tuple[object, Mapping[str, Verifier]]:
    """What the library makes of the members that matter, and the algorithms it is good for."""
    kty, curve = jwk.get("kty"), str(jwk.get("crv"))
    if kty == "RSA":
        key = _read(RSAAlgorithm, jwk, "n", "e")
        if getattr(key, "key_size", 0) not in _RSA_BITS:
            raise ValueError("an RSA key of 2048 to 8192 bits")
        return key, _RSA
    if kty == "EC" and curve in _CURVES:
        name, verifier = _CURVES[curve]
        return _read(ECAlgorithm, jwk, "crv", "x", "y"), {name: verifier}
    if kty == "OKP" and curve == "Ed25519":
        return _read(OKPAlgorithm, jwk, "crv", "x"), _ED25519
    raise ValueError("a public key: RSA, EC on P-256, P-384 or P-521, or OKP on Ed25519")


def _read(library: Any, jwk: Mapping[str, Any], *names: str) -> object:
    members = {name: jwk.get(name) for name in names}
    if not all(map(_is_text, members.values())):
        raise ValueError(f"a key with the members {', '.join(names)} in base64url")
    try:
        return library.from_jwk({"kty": jwk["kty"], **members})
    except (PyJWTError, ValueError, TypeError):
        raise ValueError("a key whose numbers make one") from None


def _is_text(value: object) -> bool:
    if not isinstance(value, str) or len(value) > _TEXT_AT_MOST:
        return False
    return _BASE64URL.fullmatch(value.replace("P-", "", 1)) is not None
