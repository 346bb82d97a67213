import pytest

from gateway.policy.bucket import Charge, Lease
from gateway.policy.key_source import KeySource
from gateway.policy.ports import QuotaStore
from gateway.policy.questions import Introspection, Service
from gateway.policy.tier import at_once, rate
from gateway.rehearsal import RehearsalPorts


@pytest.fixture
def ports():
    return RehearsalPorts(100.0)


def test_time_stands_still_until_it_is_told_to_go_on(ports):
    assert (100.0, 100.0) == (ports.wall(), ports.monotonic())
    ports.advance(5)
    assert (105.0, 105.0) == (ports.wall(), ports.monotonic())


def test_buckets_count_on_that_clock(ports):
    charge = Charge(rate("login", 1, 10.0), 1, lambda exchange: "key")
    buckets = ports.buckets(QuotaStore(redis="redis://h"))
    assert 10.0 == _level(buckets.take_one(charge, "key"))
    assert (False, [10.0]) == buckets.take_one(charge, "key")
    ports.advance(10)
    assert 10.0 == _level(buckets.take_one(charge, "key"))


def test_a_new_rehearsal_has_full_buckets_and_nobody_was_asked(ports):
    charge = Charge(at_once("uploads", 1), 1, lambda exchange: "key")
    ports.take([(charge, "key")], Lease())
    ports.verifier.password("hash", b"word")
    ports.begin(7.0)
    assert (7.0, [], True) == (ports.wall(), ports.asked, ports.take([(charge, "key")], Lease())[0])


@pytest.mark.parametrize(
    ("ask", "said"),
    [
        pytest.param(
            lambda ports: ports.keys(KeySource("https://id.example")).find("kid", "RS256"),
            "the keys of https://id.example",
            id="keys of an issuer",
        ),
        pytest.param(
            lambda ports: ports.keys(KeySource("", "https://id.example/keys")).find(None, "RS256"),
            "the keys of https://id.example/keys",
            id="keys at an address",
        ),
        pytest.param(
            lambda ports: ports.verifier.introspect(Introspection("https://id/i", "a", "b", 1, 1), b"t"),
            "the word of https://id/i",
            id="introspection",
        ),
        pytest.param(
            lambda ports: ports.verifier.ask(Service("http://h/check", 1), ()),
            "the word of http://h/check",
            id="another service",
        ),
        pytest.param(
            lambda ports: ports.verifier.password("hash", b"word"),
            "the hash of a password, which is slow on purpose",
            id="a hash",
        ),
    ],
)
def test_nobody_is_asked_and_it_is_noted_who_would_be(ports, ask, said):
    assert (None, [said]) == (ask(ports), ports.asked)


def _level(grant):
    return grant if isinstance(grant, float) else grant[1][0]
