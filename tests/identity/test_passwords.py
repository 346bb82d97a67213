"""Passwords against real hashes, in real threads."""

import asyncio
import threading
import time

import bcrypt
import pytest

from gateway.identity import passwords
from gateway.identity.passwords import THREADS, Passwords, hashed, matches

ARGON2 = hashed("sësam")
# The cost of a test, not of a configuration.
BCRYPT = bcrypt.hashpw("sësam".encode(), bcrypt.gensalt(4)).decode()
LONG = bcrypt.hashpw(b"x" * 72, bcrypt.gensalt(4)).decode()


@pytest.fixture
def verifier():
    made = []

    def make(**bounds):
        made.append(Passwords(**bounds))
        return made[-1]

    yield make
    for each in made:
        each.close()


@pytest.mark.parametrize(
    ("hash", "password", "expected"),
    [
        pytest.param(ARGON2, "sësam", True, id="argon2id"),
        pytest.param(ARGON2, "sesam", False, id="argon2id, another"),
        pytest.param(ARGON2, "", False, id="argon2id, none"),
        pytest.param(ARGON2, "x" * 1000, False, id="argon2id, a long one"),
        pytest.param(BCRYPT, "sësam", True, id="bcrypt"),
        pytest.param(BCRYPT.replace("$2b$", "$2a$"), "sësam", True, id="bcrypt, 2a"),
        pytest.param(BCRYPT.replace("$2b$", "$2y$"), "sësam", True, id="bcrypt, of htpasswd"),
        pytest.param(BCRYPT, "sesam", False, id="bcrypt, another"),
        pytest.param(LONG, "x" * 72, True, id="bcrypt, as long as it takes"),
        pytest.param(LONG, "x" * 73, False, id="bcrypt, one more is not cut off"),
    ],
)
def test_a_password_is_that_of_its_hash(hash, password, expected):
    assert expected is matches(hash, password.encode())


async def test_it_is_worked_out_in_a_thread(verifier, monkeypatch):
    threads = []

    def noted(hash, password):
        threads.append(threading.current_thread())
        return matches(hash, password)

    monkeypatch.setattr(passwords, "matches", noted)
    assert await verifier().verify(BCRYPT, "sësam".encode()) is True
    assert threading.main_thread() not in threads


class Gate:
    """Hashes that wait until they may: what is `under_way` has begun."""

    def __init__(self):
        self.open = threading.Event()
        self.begun = []

    def __call__(self, hash, password):
        self.begun.append(password)
        self.open.wait(5)
        return password == b"right"


@pytest.fixture
def gate(monkeypatch):
    made = Gate()
    monkeypatch.setattr(passwords, "matches", made)
    yield made
    made.open.set()


async def test_more_than_may_wait_are_turned_away(verifier, gate):
    made = verifier(waiting_at_most=8)
    waiting = [made.verify("hash", b"%d" % number) for number in range(8)]
    assert None not in waiting
    assert [None] * 100 == [made.verify("hash", b"more %d" % number) for number in range(100)]
    gate.open.set()
    assert [False] * 8 == await asyncio.gather(*waiting)
    assert len(gate.begun) == 8
    assert await made.verify("hash", b"right") is True


async def test_no_more_threads_than_there_may_be(verifier, gate, until):
    made = verifier()
    waiting = [made.verify("hash", b"%d" % number) for number in range(20)]
    await until(lambda: len(gate.begun) == THREADS)
    assert THREADS == len([each for each in threading.enumerate() if each.name.startswith("passwords")])
    gate.open.set()
    await asyncio.gather(*waiting)


async def test_who_shows_the_same_shares_one_turn(verifier, gate):
    made = verifier(waiting_at_most=2)
    waiting = [asyncio.ensure_future(made.verify("hash", b"right")) for _ in range(50)]
    other = made.verify("another hash", b"right")
    waiting[0].cancel()
    gate.open.set()
    first, *others = await asyncio.gather(*waiting, return_exceptions=True)
    assert isinstance(first, asyncio.CancelledError)
    assert [True] * 49 == others
    assert await other is True
    assert 2 == len(gate.begun)


async def test_many_wrong_passwords_do_not_hold_the_loop(verifier):
    """What the loop does beside them is late by far less than one hash takes."""
    made = verifier()
    begin = time.perf_counter()
    assert not matches(ARGON2, b"x")
    alone = time.perf_counter() - begin
    waiting = [made.verify(ARGON2, b"%d" % number) for number in range(40)]
    done = asyncio.gather(*waiting)
    lags = []
    while not done.done():
        begin = time.perf_counter()
        await asyncio.sleep(0.001)
        lags.append(time.perf_counter() - begin)
    assert [False] * 40 == await done
    # Half of the turns: what else runs on this machine may hold a few.
    assert sorted(lags)[len(lags) // 2] < max(0.02, alone)


async def test_its_end_lets_nobody_wait(verifier, gate):
    made = verifier()
    waiting = [made.verify("hash", b"%d" % number) for number in range(THREADS + 3)]
    made.close()
    gate.open.set()
    results = await asyncio.gather(*waiting, return_exceptions=True)
    assert 3 <= len([each for each in results if isinstance(each, asyncio.CancelledError)])


def test_a_hash_is_made_with_a_salt():
    assert hashed("a").startswith("$argon2id$v=19$m=19456,t=2,p=1$")
    assert hashed("a") != hashed("a")
