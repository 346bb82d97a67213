"""Keys of programs: which prove somebody, and that the others cannot be told apart."""

from hashlib import sha256

import pytest

from gateway.http.fields import REQUEST_FIELDS
from gateway.policy import Principal, Reason, api_key
from gateway.policy.api_key import ApiKey, ApiKeys, challenge, fresh
from gateway.policy.authn import Identity
from gateway.policy.credential import Field

SECRET = "A" * 22
PLACE = Field(b"x-api-key")
NOW = 1_800_000_000


def key(id, secret=SECRET):
    return f"gw_live_{id}_{secret}".encode()


def known(id, subject="thandi", *, secret=SECRET, **more):
    identity = Identity(Principal(subject, "api_key"), ((b"X-Auth-Subject", subject.encode()),))
    return ApiKey(id, sha256(key(id, secret)).digest(), identity, **more)


KEYS = (
    known("first"),
    known("second", secret="B" * 22),
    known("other", "johan"),
    known("ended", expires=NOW),
    known("lasts", expires=NOW + 1),
    known("early", not_before=NOW + 1),
    known("begun", not_before=NOW),
    known("disabled", disabled=True, expires=NOW - 1),
)


@pytest.fixture
def method():
    return ApiKeys(KEYS, b"x-api-key", (PLACE,), challenge("edge", "X-API-Key"), lambda: NOW)


@pytest.mark.parametrize(
    ("shown", "subject"),
    [
        pytest.param(key("first"), "thandi", id="a key"),
        pytest.param(key("second", "B" * 22), "thandi", id="another active key of the same client"),
        pytest.param(key("other"), "johan", id="the key of another client"),
        pytest.param(key("lasts"), "thandi", id="one that has not expired yet"),
        pytest.param(key("begun"), "thandi", id="one that begins now"),
    ],
)
def test_a_key_proves_who_asks(method, exchange, shown, subject):
    assert subject == method(exchange(fields=[(b"X-API-Key", shown)])).principal.subject
    assert subject == method(exchange(fields=[(b"x-api-KEY", shown)])).principal.subject


@pytest.mark.parametrize(
    ("shown", "status", "reason"),
    [
        pytest.param(key("nobody"), 401, Reason.INVALID_KEY, id="an unknown id"),
        pytest.param(key("first", "B" * 22), 401, Reason.INVALID_KEY, id="the secret of another"),
        pytest.param(key("first") + b"A", 401, Reason.INVALID_KEY, id="one character more"),
        pytest.param(key("first")[:-1], 401, Reason.INVALID_KEY, id="one character less"),
        pytest.param(key("FIRST"), 401, Reason.INVALID_KEY, id="an id in another case"),
        pytest.param(b"", 401, Reason.INVALID_KEY, id="an empty field"),
        pytest.param(b"Bearer " + key("first"), 401, Reason.INVALID_KEY, id="with a scheme"),
        pytest.param(b"first", 401, Reason.INVALID_KEY, id="the id alone"),
        pytest.param(key("first") + b"\n", 401, Reason.INVALID_KEY, id="with a line feed"),
        pytest.param(key("first") + b"\r\nX: y", 401, Reason.INVALID_KEY, id="with another field"),
        pytest.param(key("first") + b"\0", 401, Reason.INVALID_KEY, id="with a NUL"),
        pytest.param(b"\xff" * 20, 401, Reason.INVALID_KEY, id="no text"),
        pytest.param(b"gw_live_" * 4000, 401, Reason.INVALID_KEY, id="a huge one"),
        pytest.param(sha256(key("first")).hexdigest().encode(), 401, Reason.INVALID_KEY, id="a digest"),
        pytest.param(key("ended"), 401, Reason.KEY_EXPIRED, id="one that has expired"),
        pytest.param(key("early"), 401, Reason.KEY_EARLY, id="one that does not count yet"),
        pytest.param(key("disabled"), 403, Reason.KEY_DISABLED, id="a disabled one"),
        pytest.param(key("disabled", "B" * 22), 401, Reason.INVALID_KEY, id="no key, by a disabled id"),
        pytest.param(key("ended", "B" * 22), 401, Reason.INVALID_KEY, id="no key, by an expired id"),
    ],
)
def test_what_proves_nothing_is_refused(method, exchange, shown, status, reason):
    here = exchange()
    here.request.lines = [b"X-API-Key: " + shown] if shown != b"" else [b"X-API-Key:"]
    reply = method(here)
    assert (status, reason) == (reply.status, reply.reason)
    www = dict(reply.fields).get(b"WWW-Authenticate")
    assert (b'ApiKey realm="edge", header="X-API-Key"' if status == 401 else None) == www


def test_keys_that_are_wrong_are_answered_by_the_same_reply(method, exchange):
    shown = [key("nobody"), key("first", "B" * 22), b"x", key("ended", "B" * 22)]
    (reply,) = {method(exchange(fields=[(b"X-API-Key", each)])) for each in shown}
    assert Reason.INVALID_KEY is reply.reason


@pytest.mark.parametrize("shown", [key("nobody"), key("first"), key("first", "B" * 22), b"x", b"gw_live_"])
def test_whatever_is_shown_costs_one_digest_and_one_comparison(method, exchange, monkeypatch, shown):
    counted = []

    def counting(name, function):
        def call(*arguments):
            counted.append(name)
            return function(*arguments)

        monkeypatch.setattr(api_key, name, call)

    counting("sha256", sha256)
    counting("compare_digest", api_key.compare_digest)
    method(exchange(fields=[(b"X-API-Key", shown)]))
    assert ["sha256", "compare_digest"] == counted


def test_a_key_stands_nowhere_else(method, exchange):
    query = b"?x-api-key=%b&X-API-Key=%b&api_key=%b&key=%b" % ((key("first"),) * 4)
    assert method(exchange(query=query)) is None
    for field in (b"Authorization", b"Cookie", b"X_API_Key", b"Api-Key", b"X-API-Key2"):
        assert method(exchange(fields=[(field, key("first"))])) is None


def test_two_keys_are_none(method, exchange):
    fields = [(b"X-API-Key", key("first")), (b"X-API-Key", key("first"))]
    assert Reason.INVALID_KEY is method(exchange(fields=fields)).reason


def test_a_fresh_key_is_good_and_like_no_other(exchange):
    made, id, digest = fresh()
    identity = Identity(Principal("a", "api_key"), ())
    keys = [ApiKey(id, bytes.fromhex(digest), identity)]
    method = ApiKeys(keys, b"x-api-key", (), b"ApiKey", lambda: NOW)
    assert identity is method(exchange(fields=[(b"X-API-Key", made.encode())]))
    assert made.startswith("gw_live_")
    assert 64 == len(made.rpartition("_")[2])
    assert 3 == len({fresh()[0], fresh()[0], made})


def test_the_field_is_one_that_passes_the_wire():
    """What the wire drops, no policy ever sees."""
    assert REQUEST_FIELDS[b"X-API-Key"] is None
