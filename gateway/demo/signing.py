"""The key that the demo's tokens are signed with: made anew for each demo, kept where only its user can read.

`gateway token` finds the key of a running demo there. A demo holds a lock on its file for as long as it runs,
so that what one left behind that was killed is not taken for it.
"""

import fcntl
import json
import os
import secrets
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any, final

from cryptography.hazmat.primitives.asymmetric import ec
from jwt.algorithms import ECAlgorithm
from jwt.api_jwk import PyJWK
from jwt.api_jws import encode

AUDIENCE = "azora-api"
LASTS = 3600

_PREFIX = "azora-demo-"
_FILE = "key.json"
_ALGORITHM = "ES256"
# What the toy services hold of their users, as an issuer would say it: a session and a wallet.
_HELD = {"user-1": {"sid": "session-1", "wallet": "wallet-1"}, "user-2": {"wallet": "wallet-2"}}


@final
class Signing:
    """A private key, its name, and the issuer whose key it is."""

    __slots__ = ("_jwk", "issuer")

    def __init__(self, issuer: str, jwk: dict[str, Any]) -> None:
        self.issuer = issuer
        self._jwk = jwk

    @property
    def public(self) -> dict[str, Any]:
        """The public half, as an issuer publishes it."""
        return {name: value for name, value in self._jwk.items() if name != "d"}

    def token(
        self, subject: str, roles: Sequence[str], scopes: Sequence[str], now: float, /, **claims: object
    ) -> str:
        """An access token (RFC 9068) that is good for an hour from `now`, in seconds since 1970.

        Users of the toy services have a session and a wallet in theirs. `claims` join the others, or replace
        them.
        """
        said = {
            "iss": self.issuer,
            "aud": AUDIENCE,
            "sub": subject,
            "roles": list(roles),
            "scope": " ".join(scopes),
            "iat": int(now),
            "exp": int(now) + LASTS,
            "jti": secrets.token_hex(8),
            **_HELD.get(subject, {}),
            **claims,
        }
        headers = {"kid": self._jwk["kid"], "typ": "at+jwt"}
        return encode(json.dumps(said).encode(), PyJWK(self._jwk).key, algorithm=_ALGORITHM, headers=headers)

    @contextmanager
    def kept(self) -> Iterator[None]:
        """Let `running` find the key, until this ends."""
        with tempfile.TemporaryDirectory(prefix=_PREFIX) as folder, (Path(folder) / _FILE).open("x") as file:
            json.dump({"issuer": self.issuer, "jwk": self._jwk}, file)
            file.flush()
            fcntl.flock(file, fcntl.LOCK_EX)
            yield


def fresh(issuer: str) -> Signing:
    """A key that nobody has had before."""
    jwk = ECAlgorithm.to_jwk(ec.generate_private_key(ec.SECP256R1()), as_dict=True)
    name = {"kid": secrets.token_hex(8), "alg": _ALGORITHM, "use": "sig"}
    return Signing(issuer, {**jwk, **name})


def running() -> Signing | None:
    """The key of the demo that was started last and runs, None if none does."""
    files = [folder / _FILE for folder in Path(tempfile.gettempdir()).glob(f"{_PREFIX}*") if _is_ours(folder)]
    held = [file for file in files if _is_held(file)]
    if not held:
        return None
    kept = json.loads(max(held, key=lambda file: file.stat().st_mtime).read_text())
    return Signing(kept["issuer"], kept["jwk"])


def _is_ours(folder: Path) -> bool:
    # Anybody can put a folder of this name there.
    found = folder.lstat()
    return folder.is_dir() and not folder.is_symlink() and found.st_uid == os.getuid()


def _is_held(path: Path) -> bool:
    try:
        with path.open() as file:
            fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except BlockingIOError:
        return True
    except OSError:
        pass
    return False
