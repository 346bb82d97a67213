"""A line tells what was measured of a request, and is one line of JSON whatever the client sent."""

import json

import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from gateway.http.edits import Block, Edits
from gateway.http.reason import Reason
from gateway.http.reply import problem
from gateway.http.request import Request
from gateway.policy import Exchange, Pipeline, Principal
from gateway.routing import Route
from gateway.telemetry.access_log import AccessLog
from gateway.telemetry.books import Books
from gateway.telemetry.context import Trace
from gateway.telemetry.decisions import Decisions
from gateway.telemetry.redaction import Redaction
from gateway.telemetry.writer import Writer
from gateway.wire.clock import Clock

# 2027-01-15, eight in the morning.
WALL = 1_800_000_000.0
NUMBERS = ("bytes_in", "bytes_out", "attempts", "duration_ms", "upstream_ms", "overhead_ms")
NAMES = (
    *("type", "time", "request_id", "trace_id", "span_id", "sampled", "client", "method", "host", "path"),
    *("query", "status", "bytes_in", "bytes_out", "user_agent", "route", "operation", "principal", "roles"),
    *("decision", "policy", "reason", "source", "reported", "upstream", "endpoint", "attempts"),
    *("duration_ms", "upstream_ms", "overhead_ms", "config_version"),
)
USUAL = {
    "type": "access",
    "time": "2027-01-15T08:00:00.250Z",
    "request_id": "0" * 32,
    "trace_id": "1" * 32,
    "span_id": "2" * 16,
    "sampled": False,
    "client": "192.0.2.1",
    "method": "GET",
    "host": "api.example",
    "path": "/items/42",
    "query": "",
    "status": 200,
    "bytes_in": 0,
    "bytes_out": 0,
    "user_agent": "",
    "route": "all",
    "operation": "",
    "principal": "",
    "roles": [],
    "decision": "passed",
    "policy": "",
    "reason": "",
    "source": "",
    "reported": [],
    "upstream": "backend",
    "endpoint": "127.0.0.1:1",
    "attempts": 1,
    "duration_ms": 250,
    "upstream_ms": 0,
    "overhead_ms": 0,
    "config_version": "abc",
}
_EDITS = Edits((), (), ())
ROUTE = Route(
    id="all",
    source="a.yaml:1",
    pattern="/",
    methods=(),
    variables=(),
    upgrades=False,
    pipeline=Pipeline(()),
    edits=(_EDITS, _EDITS),
    body_limit=0,
    target=problem(404, Reason.NO_ROUTE, "Nothing is here."),
)


@pytest.fixture(scope="module")
def clock():
    return Clock(lambda: 100.0, lambda: WALL)


@pytest.fixture(scope="module")
def log(clock):
    return AccessLog("abc", clock, Redaction(), None, None)


@pytest.fixture
def route(snapshot):
    return snapshot().routes[0]


@pytest.fixture
def passage(clock, route):
    """A request that an endpoint answered; what a test says otherwise is set on its parts."""

    def make(
        method=b"GET",
        host=b"api.example",
        path=b"/items/42",
        query=b"",
        user_agent=None,
        client="192.0.2.1",
        principal=None,
        reported=(),
        flags=0,
        tried=b"127.0.0.1:1",
        **measured,
    ):
        noted = {} if user_agent is None else {b"user-agent": user_agent}
        request = Request(method, host, path, query, [], noted, 0, client, False, Block(()))
        exchange = Exchange(request, b"0" * 32, ())
        exchange.principal = principal
        exchange.reported = reported
        books = Books(clock, 0.0)
        made = books.open(route, exchange, Trace(b"1" * 32, b"2" * 16, b"", flags, b"", b""), 100.0)
        if tried:
            books.attempt(made, tried)
        made.status = 200
        for name, value in measured.items():
            setattr(made, name, value)
        return made

    return make


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        pytest.param({}, {}, id="the usual one"),
        pytest.param({"flags": 1}, {"sampled": True}, id="sampled"),
        pytest.param(
            {"query": b"?a=1&token=s3cret"}, {"query": "?a=1&token=REDACTED"}, id="a secret in the query"
        ),
        pytest.param({"user_agent": b"curl/8"}, {"user_agent": "curl/8"}, id="what the client calls itself"),
        pytest.param(
            {"received": 12, "sent": 123_456}, {"bytes_in": 12, "bytes_out": 123_456}, id="bytes of bodies"
        ),
        pytest.param(
            {"principal": Principal("thandi", "azora-id", frozenset(["student", "educator"]))},
            {"principal": "thandi", "roles": ["educator", "student"]},
            id="who asked",
        ),
        pytest.param(
            {"principal": Principal('a"\\\u202e\ud800', "azora-id", frozenset(['"', "\n"]))},
            {"principal": 'a"\\\u202e\ufffd', "roles": ["\n", '"']},
            id="somebody with a strange name",
        ),
        pytest.param(
            {"principal": Principal("a" * 300, "azora-id", frozenset(f"{n:03}" for n in range(40)))},
            {"principal": "a" * 256, "roles": [f"{n:03}" for n in range(32)]},
            id="somebody with a long name and many roles",
        ),
        pytest.param(
            {"tried": b"", "status": 204},
            {"decision": "answered", "endpoint": "", "attempts": 0, "status": 204},
            id="an answer of our own",
        ),
        pytest.param(
            {"tried": b"", "policy": "auth", "source": "a.yaml:3", "reason": Reason.NO_CREDENTIALS},
            {
                "decision": "refused",
                "policy": "auth",
                "source": "a.yaml:3",
                "reason": "no_credentials",
                "endpoint": "",
                "attempts": 0,
            },
            id="a refusal",
        ),
        pytest.param(
            {"policy": "upstream", "reason": Reason.UPSTREAM_RESET},
            {"decision": "failed", "policy": "upstream", "reason": "upstream_reset"},
            id="a failed backend",
        ),
        pytest.param(
            {"tried": b"", "policy": "gateway", "reason": Reason.INTERNAL},
            {
                "decision": "failed",
                "policy": "gateway",
                "reason": "internal_error",
                "endpoint": "",
                "attempts": 0,
            },
            id="a mistake of ours",
        ),
        pytest.param({"aborted": True}, {"decision": "aborted"}, id="a client that left"),
        pytest.param(
            {"reported": (("quota", Reason.QUOTA_EXCEEDED), ("csrf", Reason.CROSS_SITE_REQUEST))},
            {"reported": [["quota", "quota_exceeded"], ["csrf", "cross_site_request"]]},
            id="policies on trial",
        ),
        pytest.param(
            {"asked": 100.001, "answered": 100.2015, "decided": 0.001, "handled": 0.000_25},
            {"upstream_ms": 200.5, "overhead_ms": 1.25},
            id="times",
        ),
        pytest.param({"begun": 0.0}, {"duration_ms": 100_250}, id="a long time"),
        pytest.param({"begun": 200.0}, {"duration_ms": 0}, id="no time is negative"),
        pytest.param(
            {"tried": b"unix:/a\nb"}, {"endpoint": "unix:/a\nb"}, id="an endpoint of a strange name"
        ),
        pytest.param({"path": b"/" + b"a" * 4000}, {"path": "/" + "a" * 2047}, id="a long path"),
        pytest.param({"query": b"?" + b"a" * 4000}, {"query": "?" + "a" * 2047}, id="a long query"),
        pytest.param(
            {"query": b"?token=" + b"a" * 4000 + b"&b"},
            {"query": "?token=REDACTED&b"},
            id="a long secret",
        ),
        pytest.param({"user_agent": b"a" * 300}, {"user_agent": "a" * 256}, id="a long name"),
        pytest.param({"host": b"a" * 300}, {"host": "a" * 261}, id="a long host"),
        pytest.param({"method": b"A" * 100}, {"method": "A" * 32}, id="a long method"),
        pytest.param(
            {"user_agent": b'a"b\\c\r\n\x1b[31m\x00\x7f'},
            {"user_agent": 'a"b\\c\r\n\x1b[31m\0\x7f'},
            id="characters that JSON or a terminal takes for orders",
        ),
        pytest.param(
            {"user_agent": "\u202eabc\u2028\x85".encode()},
            {"user_agent": "\u202eabc\u2028\x85"},
            id="ends of lines and directions beyond ASCII",
        ),
        pytest.param({"user_agent": b"a\xff"}, {"user_agent": "a\ufffd"}, id="what is no text"),
    ],
)
def test_a_line_says_what_was_measured(log, passage, said, expected):
    line = log.line(passage(**said), 100.25)
    assert USUAL | expected == json.loads(line)
    assert [*NAMES] == [*json.loads(line)]
    assert (True, 1, b"\n") == (line.isascii(), line.count(b"\n"), line[-1:])
    # Once more, from what is remembered now.
    assert line == log.line(passage(**said), 100.25)


@given(
    st.lists(
        st.binary(max_size=300) | st.text().map(lambda text: text.encode("utf-8", "replace")), min_size=5
    ),
    st.text(),
    st.lists(st.text()),
)
def test_no_client_can_write_more_than_a_value(log, said, subject, roles):
    """Whatever bytes come: one line, plain ASCII, valid for a strict parser, and only the members we name."""
    method, host, path, query, user_agent = said[:5]
    request = Request(method, host, path, query, [], {b"user-agent": user_agent}, 0, "::1", False, Block(()))
    exchange = Exchange(request, b"0" * 32, ())
    exchange.principal = Principal(subject, "any", frozenset(roles))
    books = Books(Clock(), 0.0)
    made = books.open(ROUTE, exchange, Trace(b"1" * 32, b"2" * 16, b"", 0, b"", b""), 100.0)
    line = log.line(made, 100.25)
    assert not any(byte < 0x20 or byte > 0x7E for byte in line[:-1])
    assert line.endswith(b"\n")
    assert [*NAMES] == [*orjson.loads(line)]


def test_seconds_pass(log, passage):
    times = [json.loads(log.line(passage(), 100 + passed))["time"] for passed in (0.0, 0.999, 1.0, 61.5, 0.5)]
    assert ["00:00.000", "00:00.999", "00:01.000", "01:01.500", "00:00.500"] == [
        time[14:23] for time in times
    ]


def test_what_could_not_be_read_has_a_line_too(clock):
    decisions = Decisions(1)
    AccessLog("abc", clock, Redaction(), None, decisions).unreadable(
        Reason.FRAMING, 400, b"3" * 32, "192.0.2.1"
    )
    told = decisions.newest(1)[0]
    assert [] == told.pop("policies")
    assert {
        **dict.fromkeys(NAMES, ""),
        **dict.fromkeys(
            ("bytes_in", "bytes_out", "attempts", "duration_ms", "upstream_ms", "overhead_ms"), 0
        ),
        "type": "access",
        "time": "2027-01-15T08:00:00.000Z",
        "request_id": "3" * 32,
        "sampled": False,
        "client": "192.0.2.1",
        "status": 400,
        "route": "_unreadable",
        "roles": [],
        "decision": "refused",
        "policy": "wire",
        "reason": "ambiguous_framing",
        "reported": [],
        "config_version": "abc",
    } == told


def test_one_line_is_made_for_all_who_keep_it(clock, passage, tmp_path):
    """The same bytes."""
    writer, decisions = Writer(str(tmp_path / "access.log")), Decisions(2)
    log = AccessLog("abc", clock, Redaction(), writer, decisions)
    log.close(passage(), 100.25)
    writer.start()
    writer.stop()
    written = (tmp_path / "access.log").read_bytes()
    assert USUAL == json.loads(written)
    assert USUAL == {name: value for name, value in decisions.newest(1)[0].items() if name != "policies"}


def test_another_configuration_has_its_own_version_and_secrets(clock, passage):
    log = AccessLog("abc", clock, Redaction(), None, None)
    asked = passage(query=b"?ticket=s3cret")
    assert ("abc", "?ticket=s3cret") == versioned(log.line(asked, 100.25))
    log.adopt("def", Redaction(["ticket"]))
    assert ("def", "?ticket=REDACTED") == versioned(log.line(asked, 100.25))


def versioned(line):
    told = json.loads(line)
    return told["config_version"], told["query"]


def test_invented_names_fill_no_memory(log, passage):
    for number in range(5000):
        log.line(passage(principal=Principal(f"user-{number}", "any")), 100.25)
    assert len(log._principals) <= 4096
