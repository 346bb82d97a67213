"""Which endpoints are used, and what looks after them."""

import socket
from random import Random

import pytest
from aiohttp import web
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.config.snapshot import Address, Hash, Health, Outlier, UpstreamSettings
from gateway.config.snapshot import Pool as Bounds
from gateway.upstream import Upstream
from gateway.wire.upstream import Fault, UpstreamError

PLACES = tuple(Address("127.0.0.1", port) for port in (4001, 4002, 4003))
BALANCES = [
    pytest.param("round_robin", id="in turn"),
    pytest.param("least_pending", id="the fewest pending"),
    pytest.param("p2c", id="the better of two"),
    pytest.param(Hash("address"), id="by address"),
]


@pytest.fixture
async def upstream(clock, pauses):
    """Makes an upstream that is stopped in the end."""
    made = []

    def make(*endpoints, balance="least_pending", resolve=None, **more):
        bounds = Bounds(max_connections=1, max_pending=1, wait=1.0, idle=1.0)
        said = UpstreamSettings("backend", endpoints, "preserve", balance, bounds, 1.0, 1.0, 1.0, **more)
        lookup = {"resolve": resolve} if resolve else {}
        made.append(Upstream(said, clock, random=Random(7), pause=pauses, **lookup))
        return made[-1]

    yield make
    for each in made:
        await each.stop()


@pytest.fixture
def chosen(asked):
    """The ports that many requests of many clients are sent to."""

    def ports(upstream):
        requests = [asked(f"192.0.2.{number}") for number in range(100)]
        return {upstream.choose(request).address.port for request in requests}

    return ports


@pytest.mark.parametrize("balance", BALANCES)
@pytest.mark.parametrize(
    "places",
    [pytest.param(PLACES[:1], id="one endpoint"), pytest.param(PLACES, id="three endpoints")],
)
def test_every_endpoint_is_used(upstream, chosen, balance, places):
    assert {place.port for place in places} == chosen(upstream(*places, balance=balance))


@pytest.mark.parametrize("balance", BALANCES)
def test_who_fails_is_used_no_more(upstream, chosen, pass_time, balance):
    """Until it comes back."""
    three = upstream(*PLACES, balance=balance, outlier=Outlier(1, 30.0))
    three.endpoints[0].failed()
    assert {4002, 4003} == chosen(three)
    three.endpoints[2].failed()
    assert {4002} == chosen(three)
    pass_time(30)
    assert {4001, 4002, 4003} == chosen(three)


def test_all_are_used_where_all_fail(upstream, chosen):
    """Then the fault is rarely theirs; and where one is better, requests can find out."""
    three = upstream(*PLACES, outlier=Outlier(1, 30.0))
    for endpoint in three.endpoints:
        endpoint.failed()
    assert {4001, 4002, 4003} == chosen(three)
    assert ["ejected"] * 3 == [endpoint.state for endpoint in three.endpoints]


def test_failures_are_no_matter_without_the_key(upstream, chosen):
    three = upstream(*PLACES)
    for _ in range(100):
        three.endpoints[0].failed()
    assert {4001, 4002, 4003} == chosen(three)


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50, deadline=None)
@given(
    reports=st.lists(
        st.tuples(st.integers(0, 2), st.sampled_from(["failed", "succeeded", "time"])), max_size=40
    )
)
def test_ejection_never_leaves_nobody(upstream, asked, pass_time, reports):
    """Whatever requests tell, and whenever."""
    three = upstream(*PLACES, balance="p2c", outlier=Outlier(2, 30.0))
    for index, report in reports:
        if report == "time":
            pass_time(10)
        else:
            getattr(three.endpoints[index], report)()
        usable = [each for each in three.endpoints if not each.ejected] or three.endpoints
        assert tuple(usable) == three.usable
        assert three.choose(asked()) in usable


@pytest.mark.parametrize(
    ("pending", "tried", "expected"),
    [
        pytest.param((0, 2, 1), (0,), 4003, id="the least busy of the others"),
        pytest.param((0, 2, 1), (0, 2), 4002, id="the last one left"),
        pytest.param((3, 2, 1), (0, 1, 2), 4003, id="the least busy of all where none is left"),
    ],
)
def test_another_attempt_goes_elsewhere(upstream, pending, tried, expected):
    three = upstream(*PLACES)
    for endpoint, number in zip(three.endpoints, pending, strict=True):
        endpoint.pending = number
    assert expected == three.another([three.endpoints[index] for index in tried]).address.port


def test_other_attempts_do_not_all_go_to_the_first(upstream):
    """Among equals it is drawn: a failing endpoint must not throw its load on one neighbour."""
    three = upstream(*PLACES)
    tried = three.endpoints[:1]
    assert {4002, 4003} == {three.another(tried).address.port for _ in range(50)}


def test_another_attempt_leaves_out_who_is_out(upstream):
    three = upstream(*PLACES, outlier=Outlier(1, 30.0))
    three.endpoints[1].failed()
    assert {4003} == {three.another(three.endpoints[:1]).address.port for _ in range(50)}


async def probed(upstream, pauses, until, expected):
    """Let probes go round, more often than a word takes to change; then so many endpoints are usable."""
    for _ in range(3):
        await until(lambda: len(pauses.waiting) == len(upstream.endpoints))
        pauses.end()
    await until(lambda: len(pauses.waiting) == len(upstream.endpoints))
    assert expected == len(upstream.usable)


async def test_probes_say_who_is_used(upstream, chosen, asked, backend, pauses, until):
    """One that is down is left out, and where all are down nobody is asked."""
    well = {"one": True, "other": True}

    def answer(name):
        async def handler(request):
            return web.Response(status=200 if well[name] else 503)

        return handler

    ports = [int((await backend(answer(name))).rpartition(":")[2]) for name in well]
    both = upstream(*(Address("127.0.0.1", port) for port in ports), health=Health("/health", 5.0, 5.0, 2, 2))
    await both.start()
    well["one"] = False
    await probed(both, pauses, until, 1)
    assert {ports[1]} == chosen(both)
    well["other"] = False
    await probed(both, pauses, until, 0)
    for choice in (lambda: both.choose(asked()), lambda: both.another(())):
        with pytest.raises(UpstreamError) as raised:
            choice()
        assert Fault.UNAVAILABLE is raised.value.fault
    well.update(one=True, other=True)
    await probed(both, pauses, until, 2)
    assert {*ports} == chosen(both)


async def test_names_are_looked_up_again_and_again(upstream, pauses, until):
    """Only names; the first time within half a minute, whether anybody asks or not."""
    looked_up = []

    async def resolve(host, port):
        looked_up.append((host, port))
        return ("192.0.2.1",)

    made = upstream(Address("pay.internal", 80), *PLACES, Address(unix="/run/pay.sock"), resolve=resolve)
    await made.start()
    for _ in range(2):
        await until(lambda: pauses.waiting)
        assert 1 == len(pauses.waiting)
        pauses.end()
    await until(lambda: len(looked_up) == 2)
    assert {("pay.internal", 80)} == {*looked_up}
    first, second = pauses.asked[:2]
    assert (True, True) == (0 <= first <= 30, 27 <= second <= 33)
    assert ("192.0.2.1",) == made.endpoints[0].pool.dialer.addresses


async def test_stopped_it_asks_nobody_and_keeps_nothing(upstream, clock, pauses, until):
    async def resolve(host, port):
        raise socket.gaierror("no such name")

    made = upstream(
        Address("pay.internal", 80),
        health=Health("/", 5.0, 5.0, 1, 1),
        outlier=Outlier(1, 30.0),
        resolve=resolve,
    )
    await made.start()
    await until(lambda: len(pauses.waiting) == 2)
    made.endpoints[0].failed()
    await made.stop()
    assert [True, True] == [pause.cancelled() for pause in pauses.waiting]
    assert (True, set()) == (made.endpoints[0].pool.closed, clock.watched)


async def test_what_was_never_started_can_be_stopped(upstream):
    made = upstream(*PLACES, health=Health("/", 5.0, 5.0, 1, 1))
    await made.stop()
    await made.stop()
    assert [True] * 3 == [endpoint.pool.closed for endpoint in made.endpoints]
