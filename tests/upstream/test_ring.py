"""The same endpoint for the same value, and few values that move."""

from collections import Counter
from random import Random

import pytest

from gateway.config.snapshot import Hash
from gateway.upstream.ring import hashed

CLIENTS = [f"198.51.{third}.{fourth}" for third in range(8) for fourth in range(256)]


def owners(places, asked):
    choose = hashed(Hash("address"))(places, Random(7))
    return {client: choose(asked(client)) for client in CLIENTS}


@pytest.mark.parametrize("count", [2, 3, 10])
def test_endpoints_share_the_values(endpoints, asked, count):
    """No share is smaller than two thirds or larger than three halves of a fair one."""
    shares = Counter(place.address.port for place in owners(endpoints(count), asked).values())
    fair = len(CLIENTS) / count
    assert count == len(shares)
    assert fair / 1.5 < min(shares.values()) <= max(shares.values()) < fair * 1.5


@pytest.mark.parametrize("count", [2, 3, 10])
def test_only_what_an_endpoint_had_moves_when_it_leaves(endpoints, asked, count):
    """Everything else stays where it is, whoever leaves: at most a fair share and half of it moves."""
    places = endpoints(count)
    before = owners(places, asked)
    for leaving in places:
        after = owners([place for place in places if place is not leaving], asked)
        moved = {client for client in CLIENTS if before[client] is not after[client]}
        assert {client for client in CLIENTS if before[client] is leaving} == moved
        assert len(moved) < 1.5 * len(CLIENTS) / count


def test_what_left_goes_to_all_the_others(endpoints, asked):
    """Not to one neighbour, which would be the next to fall."""
    places = endpoints(4)
    before, after = owners(places, asked), owners(places[1:], asked)
    heirs = Counter(after[client].address.port for client in CLIENTS if before[client] is places[0])
    assert {4001, 4002, 4003} == heirs.keys()


def test_order_in_the_file_does_not_matter(endpoints, asked):
    places = endpoints(5)
    assert owners(places, asked) == owners(places[::-1], asked)


def test_place_on_the_ring_outlives_the_process(endpoints, asked):
    """Workers and restarts agree."""
    choose = hashed(Hash("address"))(endpoints(5), Random(7))
    ports = [choose(asked(f"192.0.2.{each}")).address.port for each in range(5)]
    assert [4003, 4003, 4004, 4003, 4000] == ports


@pytest.mark.parametrize(
    ("by", "same", "other"),
    [
        pytest.param(
            Hash("header", "X-Account"),
            ({"lines": [b"Accept: */*", b"X-Account: 7"]}, {"lines": [b"x-account:7 "]}),
            {"lines": [b"X-Account: %d"]},
            id="a field, however it is spelled",
        ),
        pytest.param(
            Hash("header", "Authorization"),
            ({"authorization": b"7"}, {"authorization": b"7"}),
            {"authorization": b"%d"},
            id="a field that is noted",
        ),
        pytest.param(
            Hash("cookie", "session"),
            ({"cookie": b"session=7"}, {"cookie": b"xsession=1; session=7; b=2"}),
            {"cookie": b"session=%d"},
            id="a cookie among others",
        ),
    ],
)
def test_the_value_alone_decides(endpoints, asked, by, same, other):
    choose = hashed(by)(endpoints(8), Random(7))
    one, two = same
    assert choose(asked(**one)) is choose(asked(**two))
    assert 8 == len({choose(asked(**filled(other, number))) for number in range(200)})


def filled(fields, number):
    """The fields with a number in them."""
    return {
        name: [value[0] % number] if isinstance(value, list) else value % number
        for name, value in fields.items()
    }


@pytest.mark.parametrize(
    "by",
    [
        pytest.param(Hash("header", "X-Account"), id="no such field"),
        pytest.param(Hash("header", "Authorization"), id="no such noted field"),
        pytest.param(Hash("cookie", "session"), id="no such cookie"),
    ],
)
def test_who_has_no_value_goes_where_the_fewest_are_pending(endpoints, asked, by):
    """Not all to one endpoint, as an empty value would."""
    places = endpoints(3)
    places[1].pending = 1
    choose = hashed(by)(places, Random(7))
    request = asked(cookie=b"a=1; sessions=2", lines=[b"X-Accounts: 1"])
    assert {4000, 4002} == {choose(request).address.port for _ in range(10)}
