"""Passwords against slow hashes, in a few threads beside the loop.

What waits for a thread is bounded: when it is too much nobody is judged, rather than everybody late. All who
show the same password for the same hash at a time share one turn. Both libraries work outside of the
interpreter's lock, so the loop goes on meanwhile.
"""

import asyncio
import os
import secrets
from collections.abc import Awaitable
from concurrent.futures import ThreadPoolExecutor
from hmac import digest as hmac
from typing import final

import argon2
import bcrypt

WAITING_AT_MOST = 64
# Half of the processors: the other half carries requests.
THREADS = max(1, (os.cpu_count() or 2) // 2)
# What OWASP gives for argon2id at least: kibibytes, passes, lanes. More would hold a thread longer.
_MEMORY, _PASSES, _LANES = 19 * 1024, 2, 1
# What bcrypt takes; the library refuses more instead of cutting it off.
_BCRYPT_BYTES = 72


@final
class Passwords:
    """Verifies for everybody in this process; the threads are made when they are needed."""

    __slots__ = ("_executor", "_flights", "_secret", "_waiting_at_most")

    def __init__(self, waiting_at_most: int = WAITING_AT_MOST) -> None:
        self._waiting_at_most = waiting_at_most
        self._executor: ThreadPoolExecutor | None = None
        self._flights: dict[bytes, asyncio.Future[bool]] = {}
        self._secret = secrets.token_bytes(32)

    def verify(self, hash: str, password: bytes) -> Awaitable[bool | None] | None:
        """True if the password is that of the hash; None where too many wait already."""
        key = hmac(self._secret, hash.encode() + b"\0" + password, "sha256")
        flight = self._flights.get(key)
        if flight is None:
            if len(self._flights) >= self._waiting_at_most:
                return None
            loop = asyncio.get_running_loop()
            flight = self._flights[key] = loop.run_in_executor(self._opened(), matches, hash, password)
            flight.add_done_callback(lambda _: self._flights.pop(key, None))
        # The turn is everybody's: who goes away does not end it.
        return asyncio.shield(flight)

    def close(self) -> None:
        """Begin nothing more; what a thread is at ends by itself."""
        executor, self._executor = self._executor, None
        if executor is not None:
            executor.shutdown(wait=False, cancel_futures=True)

    def _opened(self) -> ThreadPoolExecutor:
        if self._executor is None:
            self._executor = ThreadPoolExecutor(THREADS, thread_name_prefix="passwords")
        return self._executor


def matches(hash: str, password: bytes) -> bool:
    """True if the password is that of an argon2id or bcrypt hash; takes as long as the hash wants."""
    if not hash.startswith("$argon2"):
        # Worked out all the same, so that a long password is not told by its short time.
        is_it = bcrypt.checkpw(password[:_BCRYPT_BYTES], hash.encode())
        return is_it and len(password) <= _BCRYPT_BYTES
    try:
        return argon2.low_level.verify_secret(hash.encode(), password, argon2.low_level.Type.ID)
    except argon2.exceptions.VerificationError:
        return False


def hashed(password: str) -> str:
    """A new argon2id hash."""
    return argon2.PasswordHasher(_PASSES, _MEMORY, _LANES).hash(password)
