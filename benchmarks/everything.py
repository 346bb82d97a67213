"""The work of the `everything` row, the same for every peer that can do it.

51 routes, of which one is asked for; a token of RS256 that is verified, with a role that the route demands;
a quota that is counted and never used up; CORS for the origin that asks; twelve response fields. The key is
made for one run.
"""

import json
import time
from functools import cache

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, generate_private_key
from jwt.algorithms import RSAAlgorithm

from benchmarks.policies import RESPONSE_FIELDS

ROUTES = 51
ISSUER, AUDIENCE, ROLE = "https://id.azora.example", "azora-api", "educator"
ORIGIN = "https://app.azora.example"
# More than any run asks for; the burst is what Envoy calls its bucket's size.
LIMIT, BURST = 900_000_000, 1_000_000
FIELDS = (
    *RESPONSE_FIELDS,
    ("Origin-Agent-Cluster", "?1"),
    ("X-Download-Options", "noopen"),
    ("X-XSS-Protection", "0"),
)

_LASTS = 3600  # seconds


@cache
def _key() -> RSAPrivateKey:
    return generate_private_key(65537, 2048)


@cache
def token() -> str:
    """The token that every request shows."""
    claims = {"iss": ISSUER, "aud": AUDIENCE, "sub": "user-1", "roles": [ROLE], "exp": time.time() + _LASTS}
    return jwt.encode(claims, _key(), "RS256", {"kid": "bench"})


def public_key() -> str:
    """The key that verifies it, as a JWK in JSON."""
    jwk = RSAAlgorithm.to_jwk(_key().public_key(), as_dict=True)
    return json.dumps({"kty": jwk["kty"], "n": jwk["n"], "e": jwk["e"], "kid": "bench", "alg": "RS256"})
