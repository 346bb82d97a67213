"""W3C Trace Context: what is believed of a client, and what a backend is told."""

import pytest

from gateway.telemetry.baggage import Baggage
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
        pytest.param(b"cc" + VALID[2:] + b"-what," + VALID, None, id="two of them, of which one goes on"),
        pytest.param(b"cc" + VALID[2:] + b"-", (TRACE, SPAN, 1), id="a later version with an empty rest"),
        pytest.param(b"fe" + VALID[2:], (TRACE, SPAN, 1), id="the last version that there can be"),
        pytest.param(b"FF" + VALID[2:], None, id="an upper-case version"),
        pytest.param(b"0" + VALID, None, id="a version of three digits"),
        pytest.param(b"00-%b-%b-01" % (TRACE.upper(), SPAN), None, id="an upper-case trace"),
        pytest.param(b"00-%b-%b-01" % (TRACE, SPAN.upper()), None, id="an upper-case span"),
        pytest.param(VALID[:-2] + b"0A", None, id="upper-case flags"),
        pytest.param(b"00-%b-%b-01" % (b"g" + TRACE[1:], SPAN), None, id="not hexadecimal"),
        pytest.param(b"00-%b-%b-01" % (TRACE[1:], SPAN), None, id="a trace of 31 digits"),
        pytest.param(b"00-%b-%b-01" % (TRACE + b"0", SPAN), None, id="a trace of 33 digits"),
        pytest.param(VALID.replace(b"-", b"_"), None, id="other separators"),
        pytest.param(VALID + b" ", None, id="a blank behind"),
        pytest.param(VALID + b"-", None, id="version 00 with a dash behind"),
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
    ("came", "flags"),
    [
        pytest.param(b"00", b"00", id="none"),
        pytest.param(b"01", b"01", id="sampled"),
        pytest.param(b"02", b"02", id="a random trace stays one"),
        pytest.param(b"03", b"03", id="both"),
        pytest.param(b"fc", b"00", id="bits that nobody knows yet are not passed on"),
        pytest.param(b"ff", b"03", id="all of them"),
    ],
)
def test_flags_are_bits_and_go_on_with_a_trace(came, flags):
    trace = Tracing(Ids(), Sampling(1.0)).begin({b"traceparent": VALID[:-2] + came}, b"", continues=True)
    assert (trace.lines(SPAN)[-4:-2], trace.sampled) == (flags, flags in (b"01", b"03"))


@pytest.mark.parametrize(
    ("noted", "state"),
    [
        pytest.param({b"tracestate": b"b=2,a=1"}, b"b=2,a=1", id="what is valid goes on"),
        pytest.param({b"tracestate": b"A=1"}, b"", id="what is not valid ends here, and the trace goes on"),
        pytest.param({}, b"", id="none came"),
    ],
)
def test_a_bad_tracestate_is_no_bad_traceparent(noted, state):
    trace = Tracing(Ids(), Sampling(0.0)).begin({b"traceparent": VALID} | noted, b"", continues=True)
    assert (TRACE, SPAN, state) == (trace.trace_id, trace.parent_id, trace.state)


@pytest.mark.parametrize(
    "parent",
    [
        pytest.param({}, id="without a traceparent"),
        pytest.param({b"traceparent": b"?"}, id="beside a bad one"),
    ],
)
def test_a_tracestate_of_no_trace_is_not_read(parent):
    trace = Tracing(Ids(), Sampling(0.0)).begin({b"tracestate": b"a=1"} | parent, OWN, continues=True)
    assert (OWN, b"", b"", b"") == (trace.trace_id, trace.parent_id, trace.state, trace.link)


@pytest.mark.parametrize("continues", [pytest.param(True, id="inner"), pytest.param(False, id="outer")])
def test_baggage_that_is_named_passes_on_every_listener(continues):
    noted = {b"traceparent": VALID, b"baggage": b"tenant=a,user=b"}
    named = Tracing(Ids(), Sampling(0.0), Baggage(["tenant"])).begin(noted, b"", continues)
    assert named.lines(SPAN).endswith(b"\r\nbaggage: tenant=a\r\n")
    assert b"baggage" not in Tracing(Ids(), Sampling(0.0)).begin(noted, b"", continues).lines(SPAN)


def test_whoever_sent_a_trace_is_told_of_ours():
    trace = Tracing(Ids(), Sampling(1.0)).begin({b"traceparent": VALID}, OWN, continues=False)
    assert b"00-%b-%b-03" % (OWN, trace.span_id) == trace.response


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
