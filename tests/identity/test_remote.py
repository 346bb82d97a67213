import asyncio
import logging
from random import Random

import pytest

from gateway.identity import Fetcher, RemoteKeys
from gateway.identity.remote import COOL_DOWN, STALE_AT_MOST, UNKNOWN_FOR
from gateway.policy.key_source import KeySource

HOUR = {"Cache-Control": "max-age=3600"}


class Time:
    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now


class Pause:
    """Waits between two fetches until a test lets it go; `asked` has how long it should have taken."""

    def __init__(self):
        self.asked = asyncio.Queue()
        self._go = asyncio.Semaphore(0)

    async def __call__(self, seconds):
        self.asked.put_nowait(seconds)
        await self._go.acquire()

    def go(self):
        self._go.release()


@pytest.fixture
def time():
    return Time()


@pytest.fixture
def pause():
    return Pause()


@pytest.fixture
async def keys_of(time, pause):
    made = []
    fetcher = Fetcher(0.5)

    def make(issuer, *, jwks=None):
        source = KeySource(issuer.url, f"{issuer.url}/keys" if jwks is None else jwks)
        keys = RemoteKeys(source, fetcher, time, random=Random(7), pause=pause)
        made.append(keys)
        return keys

    yield make
    for keys in made:
        await keys.stop()
    await fetcher.close()


async def found(keys, kid, algorithm="ES256"):
    """The names of the keys of a token, None where nobody can tell."""
    answer = keys.find(kid, algorithm)
    if answer is not None and not isinstance(answer, tuple):
        answer = await answer
    return None if answer is None else [key.kid for key in answer]


@pytest.fixture
def published(signer):
    return lambda *kids: [signer("ES256", kid).jwk for kid in kids]


async def test_keys_are_fetched_when_the_first_token_comes(keys_of, issuer, published):
    issuer.keys = published("a", "b")
    keys = keys_of(issuer)
    assert [] == issuer.asked
    assert ["b"] == await found(keys, "b")
    assert isinstance(keys.find("a", "ES256"), tuple)
    assert (["/keys"], 1, 1) == (issuer.asked, keys.generation, keys.refreshes)


async def test_all_who_wait_share_one_fetch(keys_of, issuer, published, until):
    issuer.keys = published("a")
    issuer.open.clear()
    keys = keys_of(issuer)
    waiting = [asyncio.create_task(found(keys, "a")) for _ in range(50)]
    await until(lambda: issuer.fetches() == 1)
    issuer.open.set()
    assert [["a"]] * 50 == await asyncio.gather(*waiting)
    assert 1 == issuer.fetches()


async def test_who_goes_away_does_not_end_the_fetch_of_others(keys_of, issuer, published, until):
    issuer.keys = published("a")
    issuer.open.clear()
    keys = keys_of(issuer)
    gone, stays = (asyncio.create_task(found(keys, "a")) for _ in range(2))
    await until(lambda: issuer.fetches() == 1)
    gone.cancel()
    issuer.open.set()
    assert ["a"] == await stays
    assert gone.cancelled()


async def test_an_unknown_name_has_the_set_fetched_once(keys_of, issuer, published):
    """The keys of a rotation that nobody announced."""
    issuer.keys = published("a")
    keys = keys_of(issuer)
    assert ["a"] == await found(keys, "a")
    issuer.keys = published("a", "b")
    assert ["b"] == await found(keys, "b")
    assert (2, 2) == (issuer.fetches(), keys.generation)


async def test_a_fetch_that_left_before_the_key_was_there_is_followed_by_another(
    keys_of, issuer, published, pause, until
):
    """All who came meanwhile share the second one too, and none of their names is remembered as unknown."""
    issuer.keys = published("a")
    keys = keys_of(issuer)
    keys.start()
    await pause.asked.get()
    issuer.open.clear()
    issuer.next_keys = published("a", "b")
    pause.go()
    await until(lambda: issuer.fetches() == 2)
    waiting = [asyncio.create_task(found(keys, "b")) for _ in range(20)]
    await asyncio.sleep(0)
    issuer.open.set()
    await until(lambda: issuer.fetches() == 3)
    assert [["b"]] * 20 == await asyncio.gather(*waiting)
    assert 3 == issuer.fetches()


async def test_a_thousand_unknown_names_are_one_fetch_a_pause(keys_of, issuer, published, time):
    issuer.keys = published("a")
    keys = keys_of(issuer)
    await found(keys, "a")
    for number in range(1000):
        assert [] == await found(keys, f"x{number}")
    assert 2 == issuer.fetches()
    time.now += COOL_DOWN
    await asyncio.gather(*(found(keys, f"y{number}") for number in range(1000)))
    assert (3, 2000) == (issuer.fetches(), keys.unknown_kids)
    assert keys.cool_downs >= 999
    assert isinstance(keys.find("a", "ES256"), tuple)


async def test_the_pause_begins_ahead_of_the_fetch(keys_of, issuer, published, time):
    """However long a fetch takes, and whatever becomes of it, the next one is no sooner."""
    issuer.keys = published("a")
    keys = keys_of(issuer)
    await found(keys, "a")
    issuer.status = 500
    assert [] == await found(keys, "b")
    assert [] == await found(keys, "c")
    assert (2, 1) == (issuer.fetches(), keys.failures)
    time.now += COOL_DOWN - 0.1
    assert [] == await found(keys, "d")
    assert 2 == issuer.fetches()
    time.now += 0.1
    assert [] == await found(keys, "d")
    assert 3 == issuer.fetches()


async def test_the_same_unknown_name_is_not_asked_for_again_soon(keys_of, issuer, published, time):
    issuer.keys = published("a")
    keys = keys_of(issuer)
    await found(keys, "a")
    await found(keys, "x")
    time.now += COOL_DOWN
    assert () == keys.find("x", "ES256")
    assert 2 == issuer.fetches()
    time.now += UNKNOWN_FOR
    issuer.keys = published("a", "x")
    assert ["x"] == await found(keys, "x")


async def test_a_name_is_not_unknown_because_the_issuer_was_away(keys_of, issuer, published, time):
    issuer.keys = published("a")
    keys = keys_of(issuer)
    await found(keys, "a")
    issuer.status = 503
    assert [] == await found(keys, "b")
    issuer.status, issuer.keys = 200, published("b")
    time.now += COOL_DOWN
    assert ["b"] == await found(keys, "b")


async def test_names_that_nobody_knows_fill_no_memory(keys_of, issuer, published, time):
    issuer.keys = published("a")
    keys = keys_of(issuer)
    await found(keys, "a")
    for _ in range(3):
        time.now += COOL_DOWN
        await asyncio.gather(*(found(keys, f"{time.now}-{number}") for number in range(2000)))
    assert len(keys._unknown) <= 1024


async def test_a_key_that_vanishes_stops_at_once(keys_of, issuer, published, time, pause):
    issuer.keys, issuer.fields = published("a", "b"), HOUR
    keys = keys_of(issuer)
    keys.start()
    await pause.asked.get()
    before = keys.generation
    issuer.keys = published("b")
    pause.go()
    await pause.asked.get()
    assert keys.generation != before
    assert [] == await found(keys, "a")
    assert ["b"] == await found(keys, "b")


async def test_the_set_is_fetched_anew_before_its_time_is_over(keys_of, issuer, published, pause):
    issuer.keys, issuer.fields = published("a"), HOUR
    keys = keys_of(issuer)
    keys.start()
    seconds = []
    for _ in range(6):
        seconds.append(await pause.asked.get())
        pause.go()
    assert all(0.72 * 3600 <= each <= 0.88 * 3600 for each in seconds)
    assert len({*seconds}) > 3


async def test_what_is_not_changed_is_renewed(keys_of, issuer, published, time, pause):
    issuer.keys, issuer.etag = published("a"), '"1"'
    keys = keys_of(issuer)
    keys.start()
    await pause.asked.get()
    time.now += 500
    assert 500 == keys.age
    issuer.keys = published("b")
    pause.go()
    await pause.asked.get()
    assert ["a"] == await found(keys, "a")
    assert (2, 1, 0) == (keys.refreshes, keys.generation, keys.age)
    assert '"1"' == issuer.headers[1]["If-None-Match"]


async def test_an_equal_set_is_no_other(keys_of, issuer, published, pause):
    """Whatever the order of its keys and of their members."""
    issuer.keys = published("a", "b")
    keys = keys_of(issuer)
    keys.start()
    await pause.asked.get()
    issuer.keys = [dict(reversed(jwk.items())) for jwk in reversed(issuer.keys)]
    pause.go()
    await pause.asked.get()
    assert (2, 1) == (keys.refreshes, keys.generation)


async def test_without_the_issuer_the_set_is_kept_for_a_day(keys_of, issuer, published, time, pause, caplog):
    issuer.keys = published("a")
    keys = keys_of(issuer)
    keys.start()
    await pause.asked.get()
    issuer.status = 500
    pauses = []
    for _ in range(6):
        pause.go()
        pauses.append(await pause.asked.get())
    assert [5, 10, 20, 40, 60, 60] == [round(each / 5) * 5 if each < 50 else 60 for each in pauses]
    time.now += STALE_AT_MOST - 3
    assert ["a"] == await found(keys, "a")
    pause.go()
    assert 3 == await pause.asked.get()
    before = keys.generation
    time.now += 3
    pause.go()
    await pause.asked.get()
    assert keys.generation != before
    assert await found(keys, "a") is None
    assert (None, None) == (keys.age, keys.find("a", "ES256"))
    assert "no token is accepted" in caplog.text


async def test_a_set_that_is_too_old_is_seen_also_between_two_fetches(keys_of, issuer, published, time):
    issuer.keys = published("a")
    keys = keys_of(issuer)
    await found(keys, "a")
    issuer.status = 500
    time.now += STALE_AT_MOST
    assert await found(keys, "a") is None


async def test_an_issuer_that_comes_back_is_believed_again(keys_of, issuer, published, time, pause):
    issuer.status = 503
    keys = keys_of(issuer)
    keys.start()
    await pause.asked.get()
    assert await found(keys, "a") is None
    assert await found(keys, "a") is None
    assert 2 == issuer.fetches()
    issuer.status, issuer.keys = 200, published("a")
    pause.go()
    await pause.asked.get()
    assert ["a"] == await found(keys, "a")


@pytest.mark.parametrize(
    "change",
    [
        pytest.param(lambda jwk: [], id="an empty set"),
        pytest.param(lambda jwk: [{"kty": "oct", "kid": "a", "k": "c2VjcmV0"}], id="secrets only"),
        pytest.param(lambda jwk: [jwk | {"x": "AQAB"}], id="no key that is one"),
        pytest.param(lambda jwk: [jwk | {"use": "enc"}], id="keys for encryption only"),
        pytest.param(lambda jwk: [jwk | {"d": "AQAB"}], id="a private key"),
        pytest.param(lambda jwk: ["a", None, 7], id="no objects"),
        pytest.param(lambda jwk: {"a": jwk}, id="no list"),
        pytest.param(lambda jwk: [jwk] * 101, id="too many"),
    ],
)
async def test_a_set_that_nobody_could_be_judged_by_is_refused(
    keys_of, issuer, published, signer, pause, change
):
    issuer.keys = published("a")
    keys = keys_of(issuer)
    keys.start()
    await pause.asked.get()
    issuer.keys = change(signer("ES256", "b").jwk)
    pause.go()
    await pause.asked.get()
    assert ["a"] == await found(keys, "a")
    assert (1, 1, 1) == (keys.refreshes, keys.failures, keys.generation)


async def test_keys_that_are_of_no_use_do_not_spoil_the_others(keys_of, issuer, published):
    secret = {"kty": "oct", "kid": "a", "alg": "HS256", "k": "c2VjcmV0" * 8}
    issuer.keys = [secret, {"kty": "new"}, *published("a")]
    keys = keys_of(issuer)
    assert ["a"] == await found(keys, "a")
    assert [] == await found(keys, "a", "HS256")


async def test_a_slow_issuer_keeps_nobody_for_ever(keys_of, issuer, published, monkeypatch):
    monkeypatch.setattr("gateway.identity.remote.WAIT_AT_MOST", 0.05)
    issuer.keys = published("a")
    issuer.open.clear()
    keys = keys_of(issuer)
    async with asyncio.timeout(2):
        assert await found(keys, "a") is None
    issuer.open.set()
    async with asyncio.timeout(2):
        assert ["a"] == await found(keys, "a")


async def test_metadata_says_where_the_keys_are(keys_of, issuer, published):
    issuer.keys = published("a")
    keys = keys_of(issuer, jwks="")
    assert ["a"] == await found(keys, "a")
    assert ["/.well-known/openid-configuration", "/keys"] == issuer.asked


@pytest.mark.parametrize(
    "metadata",
    [
        pytest.param({"issuer": "https://evil.example"}, id="another issuer"),
        pytest.param({"jwks_uri": "https://evil.example/keys"}, id="keys elsewhere"),
        pytest.param({"jwks_uri": "http://127.0.0.1:1/keys"}, id="another port"),
    ],
)
async def test_metadata_that_leads_elsewhere_is_not_followed(keys_of, issuer, metadata, caplog):
    issuer.metadata = metadata
    keys = keys_of(issuer, jwks="")
    assert await found(keys, "a") is None
    assert ["/.well-known/openid-configuration"] == issuer.asked
    assert "evil" not in caplog.text


async def test_keys_that_moved_are_found_again(keys_of, issuer, published, pause, time):
    issuer.keys = published("a")
    keys = keys_of(issuer, jwks="")
    keys.start()
    await pause.asked.get()
    issuer.status = 404
    pause.go()
    await pause.asked.get()
    issuer.status = 200
    pause.go()
    await pause.asked.get()
    assert 2 == issuer.asked.count("/.well-known/openid-configuration")


async def test_a_set_of_another_address_is_fetched_whole(keys_of, issuer, published, pause, time):
    issuer.keys, issuer.etag = published("a"), '"1"'
    keys = keys_of(issuer, jwks="")
    keys.start()
    await pause.asked.get()
    issuer.metadata = {"jwks_uri": f"{issuer.url}/keys?v=2"}
    time.now += 3600
    pause.go()
    await pause.asked.get()
    assert ["If-None-Match" in headers for headers in issuer.headers] == [False] * 4
    assert 2 == keys.refreshes


async def test_it_stops_in_the_middle_of_a_fetch(keys_of, issuer, until):
    issuer.open.clear()
    keys = keys_of(issuer)
    keys.start()
    waiting = asyncio.create_task(found(keys, "a"))
    await until(lambda: issuer.fetches() == 1)
    await keys.stop()
    assert await waiting is None
    assert 1 == issuer.fetches()


async def test_a_failure_is_told_without_what_was_sent(keys_of, issuer, caplog):
    caplog.set_level(logging.DEBUG)
    issuer.keys = [{"kty": "canary", "k": "canary"}]
    keys = keys_of(issuer, jwks=f"{issuer.url}/keys?canary=1")
    assert await found(keys, "canary") is None
    ours = [record.getMessage() for record in caplog.records if record.name == "gateway"]
    assert [f"keys of {issuer.url} cannot be fetched: no usable key"] == ours
