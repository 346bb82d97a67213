import pytest
from redis.asyncio.sentinel import SentinelConnectionPool

from gateway.policy.bucket import Charge
from gateway.policy.tier import rate
from gateway.quota.script import Call
from gateway.quota.servers import public, servers

PUBLIC = Charge(rate("public", 60, 60.0, 3), 1, str)


def connection(url):
    return servers(url, 5)._client.connection_pool.connection_kwargs


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        pytest.param("redis://h", {"host": "h", "port": 6379, "db": 0, "username": None}, id="a host"),
        pytest.param("redis://[::1]:7/3", {"host": "::1", "port": 7, "db": 3}, id="IPv6, port, database"),
        pytest.param(
            "rediss://gw:p%40ss@h:1/",
            {"host": "h", "port": 1, "username": "gw", "password": "p@ss"},
            id="TLS and a user",
        ),
        pytest.param("redis://:secret@h", {"password": "secret", "username": None}, id="a password alone"),
        pytest.param("unix:///run/my%20redis.sock", {"path": "/run/my redis.sock"}, id="a Unix socket"),
    ],
)
def test_a_url_names_a_server(url, expected):
    made = connection(url)
    assert expected == {name: made.get(name) for name in expected}


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        pytest.param("rediss://gw:p%40ss@h:1/", "redis://h:1", id="a user and a password"),
        pytest.param("redis+cluster://:p@h1:1,h2:2", "redis://h1:1,h2:2", id="a cluster"),
        pytest.param("unix:///run/redis.sock", "redis://", id="a Unix socket"),
    ],
)
def test_secrets_of_a_url_are_not_told(url, expected):
    assert expected == public(url)


@pytest.mark.parametrize("url", ["redis://h", "unix:///s", "redis+sentinel://h/m"])
def test_no_library_asks_twice_or_waits_by_itself(url):
    made = connection(url)
    assert (0, None, None, 2) == (
        made["retry"].get_retries(),
        made["socket_timeout"],
        made.get("socket_connect_timeout"),
        made["protocol"],
    )


def test_a_url_may_name_sentinels():
    pool = servers("redis+sentinel://gw:pw@h1,h2:7/azora/2", 5)._client.connection_pool
    assert isinstance(pool, SentinelConnectionPool)
    places = [each.connection_pool.connection_kwargs for each in pool.sentinel_manager.sentinels]
    assert ("azora", [("h1", 26379), ("h2", 7)]) == (
        pool.service_name,
        [(place["host"], place["port"]) for place in places],
    )
    assert (2, "pw") == (pool.connection_kwargs["db"], pool.connection_kwargs["password"])


async def test_a_script_that_redis_forgot_is_told_again(redis):
    made = servers(redis.url, 5)
    said = []
    for _ in range(2):
        call = Call()
        call.take([(PUBLIC, "a")], "m")
        said += await made.call([call])
        redis.client.script_flush()
    await made.close()
    assert [(1.0, 1.0), (1.0, 2.0)] == [tuple(map(round, map(float, each.split()))) for each in said]


def test_one_server_has_every_key():
    one = servers("redis://h", 5)
    assert one.group("a") == one.group("b")


def test_a_cluster_keeps_the_buckets_of_one_client_together():
    cluster = servers("redis+cluster://h1,h2:7", 5)
    assert cluster.group("quota:{a}:x") == cluster.group("quota:{a}:y") != cluster.group("quota:{b}:x")
