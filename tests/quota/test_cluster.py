"""Buckets in a real cluster of three masters."""

import asyncio
import signal

import pytest
from redis.crc import key_slot
from redis.exceptions import RedisError

from gateway.policy.bucket import Charge, Lease
from gateway.policy.tier import at_once, rate

PUBLIC = Charge(rate("public", 60, 3600.0, 3), 1, str)
DAILY = Charge(rate("daily", 1, 86400.0), 1, str)
UPLOAD = Charge(at_once("uploads", 2), 1, str)


@pytest.fixture
def url(cluster):
    """Names two of the three; the third is found."""
    for server in cluster:
        server.client.flushall()
    return "redis+cluster://" + ",".join(f"127.0.0.1:{server.port}" for server in cluster[:2])


def master(cluster, key):
    """The server that has a key."""
    return cluster[key_slot(key.encode()) * 3 // 16384]


async def test_a_cluster_counts_as_one(url, cluster, connected):
    """Requests of one tick on keys of every master, each of which admits its burst."""
    buckets = await connected(url)
    keys = [f"quota:{{{number}}}:public" for number in range(40)]
    answers = [asyncio.gather(*(buckets.take([(PUBLIC, key)], None) for _ in range(5))) for key in keys]
    granted = [sum(granted for granted, _ in await answer) for answer in answers]
    assert ([3] * 40, True) == (granted, buckets.is_up)
    assert {server.port for server in cluster} == {master(cluster, key).port for key in keys}


async def test_all_are_taken_or_none_across_masters(url, cluster, connected, until):
    """Where one master refuses, what the others gave is given back: the rate and the lease."""
    buckets = await connected(url)
    wants = [(PUBLIC, "{a}:p"), (DAILY, "{b}:d"), (UPLOAD, "{c}:u")]
    assert 1 < len({master(cluster, key).port for _, key in wants})
    answers = [await buckets.take(wants, Lease()) for _ in range(3)]
    assert [True, False, False] == [granted for granted, _ in answers]
    # The levels of a refusal are those without it.
    assert [pytest.approx([60.0, 86400.0, 1.0], abs=30.0)] * 3 == [levels for _, levels in answers]
    await until(lambda: master(cluster, "{c}:u").client.zcard("{c}:u") == 1)
    again = [(await buckets.take([(PUBLIC, "{a}:p")], None))[0] for _ in range(4)]
    assert [True, True, False, False] == again


async def test_buckets_of_one_client_are_asked_in_one_call(url, cluster, connected):
    buckets = await connected(url)
    wants = [(PUBLIC, "quota:{a}:public"), (DAILY, "quota:{a}:daily")]
    await buckets.take(wants, None)
    before = sum(server.calls("evalsha") for server in cluster)
    await buckets.take(wants, None)
    assert 1 == sum(server.calls("evalsha") for server in cluster) - before


async def test_a_script_that_the_masters_forgot_is_told_again(url, cluster, connected):
    buckets = await connected(url)
    for _ in range(3):
        for server in cluster:
            server.client.script_flush()
        wants = [[(PUBLIC, f"{{{number}}}:p")] for number in range(20)]
        answers = await asyncio.gather(*(buckets.take(each, None) for each in wants))
        assert {True} == {granted for granted, _ in answers}
    assert buckets.is_up


async def test_a_master_that_hangs_holds_nobody_up(url, cluster, connected, until):
    buckets = await connected(url, bound=0.2, on_failure="deny")
    await buckets.take([(PUBLIC, "{a}:p")], None)
    await until(lambda: buckets.is_up)
    master(cluster, "{a}:p").signal(signal.SIGSTOP)
    async with asyncio.timeout(0.2 + 1.0):
        assert None is await buckets.take([(PUBLIC, "{a}:p")], None)
    master(cluster, "{a}:p").signal(signal.SIGCONT)
    await until(lambda: buckets.is_up)


async def test_a_cluster_that_moves_a_slot_is_followed(url, cluster, connected):
    """The master that had the slot tells where it is; the one that has it now counts on."""
    buckets = await connected(url)
    key = "{move}:p"
    slot, old = key_slot(b"move"), master(cluster, key)
    new = next(server for server in cluster if server is not old)
    nodes = [server.client.execute_command("CLUSTER MYID") for server in (old, new)]
    await buckets.take([(PUBLIC, "{other}:p")], None)
    for server in (new, old):
        server.client.execute_command("CLUSTER SETSLOT", slot, "NODE", nodes[1])
    try:
        answers = [await buckets.take([(PUBLIC, key)], None) for _ in range(4)]
        assert ([True, True, True, False], True) == ([granted for granted, _ in answers], buckets.is_up)
        assert 1 == new.client.exists(key)
    finally:
        new.client.delete(key)
        for server in (old, new):
            server.client.execute_command("CLUSTER SETSLOT", slot, "NODE", nodes[0])


def test_a_server_of_the_cluster_refuses_two_slots(cluster):
    """Why requests are divided at all."""
    with pytest.raises(RedisError, match="same slot"):
        cluster[0].client.eval("return 1", 2, "{a}", "{b}")
