"""What the parser's callbacks leave behind, with its traps closed."""

from functools import partial

import httptools
import pytest

from gateway.http.fields import Malformed
from gateway.http.reason import Reason
from gateway.wire.collector import Collector

GET = b"GET /a HTTP/1.1\r\nHost: a.test\r\n\r\n"
CHUNKED = b"POST / HTTP/1.1\r\nHost: a.test\r\nTransfer-Encoding: chunked\r\n\r\n"


@pytest.fixture
def collector():
    return Collector(httptools.HttpRequestParser)


def test_a_head_leaves_its_facts(collector):
    parser = collector.head(GET, Reason.MALFORMED)
    assert b"GET" == parser.get_method()
    assert (True, True, False) == (collector.keep_alive, collector.complete, collector.overrun)


def test_a_parser_reads_one_head_after_the_other(collector):
    first = collector.head(GET, Reason.MALFORMED)
    assert first is collector.head(GET, Reason.MALFORMED)
    assert collector.complete


@pytest.mark.parametrize(
    ("fields", "expected"),
    [
        pytest.param(b"", True, id="1.1 says nothing"),
        pytest.param(b"Connection: close\r\n", False, id="1.1 says close"),
        pytest.param(b"Connection: keep-alive, close\r\n", False, id="1.1 says both"),
    ],
)
def test_keep_alive_is_asked_at_the_right_time(collector, fields, expected):
    collector.head(GET[:-2] + fields + b"\r\n", Reason.MALFORMED)
    assert expected == collector.keep_alive


def test_a_parser_that_waits_for_a_body_is_thrown_away(collector):
    counted = GET[:-2] + b"Content-Length: 5\r\n\r\n"
    first = collector.head(counted, Reason.MALFORMED)
    assert not collector.complete
    collector.renew()
    assert first is not collector.head(counted, Reason.MALFORMED)
    assert not collector.overrun


def test_a_parser_that_saw_an_upgrade_is_thrown_away(collector):
    upgrade = GET[:-2] + b"Connection: Upgrade\r\nUpgrade: websocket\r\n\r\n"
    first = collector.head(upgrade, Reason.MALFORMED)
    assert collector.complete
    assert first is not collector.head(upgrade, Reason.MALFORMED)


def test_a_bad_head_is_refused_with_the_reason_of_its_side(collector):
    with pytest.raises(Malformed) as refusal:
        collector.head(b"nonsense\r\n\r\n", Reason.UPSTREAM_PROTOCOL)
    assert Reason.UPSTREAM_PROTOCOL == refusal.value.reason


@pytest.mark.parametrize(
    ("pieces", "chunks", "complete", "overrun"),
    [
        pytest.param([b"5\r\nhello\r\n"], [b"hello"], False, False, id="a chunk"),
        pytest.param([b"5\r\nhe", b"llo\r\n"], [b"he", b"llo"], False, False, id="a chunk in two"),
        pytest.param([b"1\r\na\r\n1\r\nb\r\n"], [b"ab"], False, False, id="two chunks in one"),
        pytest.param([b"5\r\nhello\r\n0\r\n\r\n"], [b"hello"], True, False, id="all of it"),
        pytest.param([b"0\r\nX: 1\r\n\r\n"], [b""], True, False, id="trailers"),
        pytest.param([b"0\r\n\r\n" + GET], [b""], True, True, id="a request behind it"),
        pytest.param([b"0\r\n\r\nnonsense"], [b""], True, True, id="nonsense behind it"),
    ],
)
def test_a_chunked_body(collector, pieces, chunks, complete, overrun):
    collector.head(CHUNKED, Reason.MALFORMED)
    collector.begin_chunks()
    assert chunks == [collector.body(piece, Reason.MALFORMED) for piece in pieces]
    assert (complete, overrun) == (collector.complete, collector.overrun)


def test_a_body_behind_a_body_is_not_part_of_it(collector):
    collector.head(CHUNKED, Reason.MALFORMED)
    collector.begin_chunks()
    behind = b"POST / HTTP/1.1\r\nHost: a.test\r\nContent-Length: 5\r\n\r\nworld"
    assert b"hello" == collector.body(b"5\r\nhello\r\n0\r\n\r\n" + behind, Reason.MALFORMED)


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([b"g\r\n"], id="a bad size"),
        pytest.param([b"0\r\n" + b"X: 1\r\n" * 12_000], id="trailers that do not end"),
        pytest.param([b"0\r\n", *[b"X: 1\r\n"] * 12_000], id="trailers that do not end, one by one"),
        pytest.param([b"1;", *[b"a" * 1024] * 65], id="an extension that does not end"),
    ],
)
def test_a_bad_chunked_body_is_refused(collector, pieces):
    collector.head(CHUNKED, Reason.MALFORMED)
    collector.begin_chunks()
    with pytest.raises(Malformed):
        list(map(partial(collector.body, refusal=Reason.MALFORMED), pieces))


def test_many_bodies_may_have_extensions_in_all(collector):
    collector.head(CHUNKED, Reason.MALFORMED)
    collector.begin_chunks()
    for _ in range(70):
        assert b"a" == collector.body(b"1;" + b"x" * 1024 + b"\r\na\r\n", Reason.MALFORMED)


def test_trailers_are_kept_for_who_asked(collector):
    collector.collect_trailers()
    collector.head(CHUNKED, Reason.MALFORMED)
    collector.begin_chunks()
    assert b"hello" == collector.body(b"5\r\nhello\r\n0\r\nX-A: 1 \r\nX-B:\r\n\r\n" + GET, Reason.MALFORMED)
    assert [b"X-A: 1", b"X-B: "] == collector.take_trailers()
    assert collector.trailers is None


def test_parser_tells_of_no_field_unless_somebody_asks(collector):
    """Each callback costs; a head is read from its bytes."""
    assert not hasattr(collector, "on_header")
    collector.head(CHUNKED, Reason.MALFORMED)
    collector.begin_chunks()
    collector.body(b"0\r\nX-A: 1\r\n\r\n", Reason.MALFORMED)
    assert collector.trailers is None
