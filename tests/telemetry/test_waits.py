"""What a request waits for is noted in its task and nowhere else, and who is asked is told of its trace."""

import asyncio
import re

import pytest

from gateway.telemetry import waits
from gateway.telemetry.context import RANDOM, SAMPLED, Trace

SAMPLED_TRACE = Trace(b"a" * 32, b"b" * 16, b"", SAMPLED, b"", b"")
TRACE = Trace(b"a" * 32, b"b" * 16, b"", RANDOM, b"", b"")


async def asking():
    wait = waits.begin("GET", "http://service")
    await asyncio.sleep(0)
    waits.end(wait, 200)
    return wait


async def telling():
    """Who asks twice; what is told each time, and by a task of its own."""
    waits.begin("GET", "http://service")
    first = waits.fields()
    waits.begin("POST", "http://other")
    return first, waits.fields(), await asyncio.create_task(told())


async def told():
    return waits.fields()


async def test_a_wait_is_noted_where_somebody_wants_to_know():
    noted = []
    wait = await waits.noting(SAMPLED_TRACE, noted, asking())
    assert [wait] == noted
    assert ("GET", "http://service", 200, "") == (wait.operation, wait.url, wait.status, wait.error)
    assert 0 < wait.begun <= wait.ended


async def test_elsewhere_nothing_is_noted():
    noted = []
    first = waits.noting(SAMPLED_TRACE, noted, asking())
    assert None is await asking()
    await first
    assert 1 == len(noted)


async def test_each_request_has_its_own():
    first, second = [], []
    await asyncio.gather(
        waits.noting(SAMPLED_TRACE, first, asking()), waits.noting(SAMPLED_TRACE, second, asking())
    )
    assert (1, 1) == (len(first), len(second))
    assert first != second


async def test_what_is_not_sampled_notes_nothing():
    assert None is await waits.noting(TRACE, None, asking())


async def test_who_is_asked_is_called_by_the_span_of_the_wait():
    noted = []
    calls = await waits.noting(SAMPLED_TRACE, noted, telling())
    spans = [wait.span_id for wait in noted]
    assert 3 == len({b"b" * 16, *spans})
    assert all(re.fullmatch(rb"[0-9a-f]{16}", span) for span in spans)
    first, second = [((b"traceparent", SAMPLED_TRACE.parent(span)),) for span in spans]
    assert (first, second, second) == calls


async def test_of_what_is_not_sampled_the_request_itself_calls():
    expected = ((b"traceparent", b"00-%b-%b-02" % (b"a" * 32, b"b" * 16)),)
    assert (expected,) * 3 == await waits.noting(TRACE, None, telling())


async def test_nobody_is_told_of_a_trace_where_there_is_none():
    assert () == waits.fields()


@pytest.mark.parametrize("noted", [pytest.param([], id="sampled"), pytest.param(None, id="not sampled")])
async def test_a_span_that_has_not_begun_to_wait_calls_by_itself(noted):
    expected = ((b"traceparent", TRACE.parent(b"b" * 16)),)
    assert expected == await waits.noting(TRACE, noted, told())
