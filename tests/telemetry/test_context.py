"""W3C Trace Context: what is believed of a client, and what a backend is told."""

import pytest

from gateway.telemetry.context import Sampling, Tracing, parse
from gateway.telemetry.ids import Ids

TRACE = b"0af7651916cd43dd8448eb211c80319c"
SPAN = b"b7ad6b7169203331"
VALID = b"00-%b-%b-01" % (TRACE, SPAN)
OWN = b"5" * 32


@pytest.mark.parametrize(
    ("value", "expected"),
    [
        pytest.param(VALID, (TRACE, SPAN, 1), id="version 00"),
        pytest.param(VALID[:-2] + b"ff", (TRACE, SPAN, 255), id="flags that nobody knows yet"),
        pytest.param(b"cc" + VALID[2:], (TRACE, SPAN, 1), id="a later version"),
        pytest.param(b"cc" + VALID[2:] + b"-what", (TRACE, SPAN, 1), id="a later version with more behind"),
        pytest.param(b"cc" + VALID[2:] + b".what", None, id="a later version that goes on without a dash"),
        pytest.param(VALID + b"-what", None, id="version 00 with more behind"),
        pytest.param(b"ff" + VALID[2:], None, id="version ff"),
        pytest.param(VALID.upper(), None, id="upper case"),
        pytest.param(b"00-%b-%b-01" % (b"0" * 32, SPAN), None, id="no trace"),
        pytest.param(b"00-%b-%b-01" % (TRACE, b"0" * 16), None, id="no span"),
        pytest.param(VALID[:-1], None, id="too short"),
        pytest.param(VALID + b"," + VALID, None, id="two of them"),
        pytest.param(b"", None, id="empty"),
    ],
)
def test_a_traceparent_is_read_strictly(value, expected):
    assert expected == parse(value)


def test_an_outer_listener_begins_a_trace_and_links_the_one_that_came():
    noted = {b"traceparent": VALID, b"tracestate": b"a=1"}
    trace = Tracing(Ids(), Sampling(0.0)).begin(noted, OWN, continues=False)
    assert (OWN, b"", TRACE + SPAN, False) == (trace.trace_id, trace.parent_id, trace.link, trace.sampled)
    assert b"traceparent: 00-%b-%b-02\r\n" % (OWN, b"1" * 16) == trace.lines(b"1" * 16)


def test_an_inner_listener_goes_on_with_the_trace_that_came():
    noted = {b"traceparent": VALID, b"tracestate": b"a=1"}
    trace = Tracing(Ids(), Sampling(0.0)).begin(noted, OWN, continues=True)
    assert (TRACE, SPAN, b"", True) == (trace.trace_id, trace.parent_id, trace.link, trace.sampled)
    lines = b"traceparent: 00-%b-%b-01\r\ntracestate: a=1\r\n" % (TRACE, trace.span_id)
    assert lines == trace.lines(trace.span_id)


@pytest.mark.parametrize(
    ("share", "trace_id", "taken"),
    [
        pytest.param(0.0, b"0" * 32, False, id="none"),
        pytest.param(1.0, b"f" * 32, True, id="all"),
        pytest.param(0.5, b"f" * 18 + b"7" + b"f" * 13, True, id="just below the half"),
        pytest.param(0.5, b"f" * 18 + b"8" + b"0" * 13, False, id="the half itself"),
    ],
)
def test_the_random_part_of_the_id_decides_on_sampling(share, trace_id, taken):
    assert taken == Sampling(share).takes(trace_id)
