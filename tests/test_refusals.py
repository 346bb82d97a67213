"""Each way to fail has its answer, and no two tables disagree."""

import json

import pytest

from gateway.http.reason import Reason
from gateway.refusals import EXPECTATION, INTERNAL, WIRE, Faults
from gateway.wire.upstream import Fault

FAULTS = Faults("azora-gateway")


@pytest.mark.parametrize(
    ("fault", "status", "error"),
    [
        pytest.param(Fault.DNS, 502, "dns_error", id="the name is not found"),
        pytest.param(Fault.DNS_TIMEOUT, 504, "dns_timeout", id="the name is not found in time"),
        pytest.param(Fault.REFUSED, 502, "connection_refused", id="nobody listens"),
        pytest.param(Fault.UNROUTABLE, 502, "destination_ip_unroutable", id="no way leads there"),
        pytest.param(Fault.CONNECT_TIMEOUT, 504, "connection_timeout", id="nobody answers the knock"),
        pytest.param(Fault.TLS, 502, "tls_protocol_error", id="no TLS is spoken"),
        pytest.param(Fault.CERTIFICATE, 502, "tls_certificate_error", id="it does not prove who it is"),
        pytest.param(Fault.RESET, 502, "connection_terminated", id="hung up before the answer"),
        pytest.param(Fault.INCOMPLETE, 502, "http_response_incomplete", id="hung up in the answer"),
        pytest.param(Fault.PROTOCOL, 502, "http_protocol_error", id="what came is no answer"),
        pytest.param(Fault.TIMEOUT, 504, "http_response_timeout", id="no answer in time"),
        pytest.param(Fault.UNAVAILABLE, 503, "destination_unavailable", id="nobody is healthy"),
        pytest.param(Fault.BUSY, 503, "connection_limit_reached", id="all connections are taken"),
    ],
)
def test_fault_has_its_status_and_its_word_of_rfc_9209(fault, status, error):
    reply = FAULTS.reply(fault)
    fields = dict(reply.fields)
    assert (status, f'"azora-gateway"; error={error}'.encode()) == (reply.status, fields[b"Proxy-Status"])
    assert (b"1" if status == 503 else None) == fields.get(b"Retry-After")
    assert not reply.closes


def test_every_fault_has_a_reply():
    assert [*Fault] == [fault for fault in Fault if FAULTS.reply(fault).status >= 500]


def test_loop_is_told_from_other_failures():
    """RFC 9209 2.3.32."""
    fields = dict(FAULTS.loop.fields)
    assert (502, Reason.LOOP) == (FAULTS.loop.status, FAULTS.loop.reason)
    assert b'"azora-gateway"; error=proxy_loop_detected' == fields[b"Proxy-Status"]


@pytest.mark.parametrize(
    ("reason", "status"),
    [
        pytest.param(Reason.MALFORMED, 400, id="no HTTP"),
        pytest.param(Reason.FRAMING, 400, id="two lengths"),
        pytest.param(Reason.TARGET, 400, id="a target that is none"),
        pytest.param(Reason.PATH, 400, id="a path with two readings"),
        pytest.param(Reason.HOST, 400, id="no Host, or two"),
        pytest.param(Reason.DUPLICATE_FIELD, 400, id="a field too many"),
        pytest.param(Reason.METHOD_REFUSED, 405, id="CONNECT or TRACE"),
        pytest.param(Reason.REQUEST_TIMEOUT, 408, id="too slow"),
        pytest.param(Reason.BODY_TOO_LARGE, 413, id="too large a body"),
        pytest.param(Reason.TARGET_TOO_LONG, 414, id="too long a target"),
        pytest.param(Reason.FIELDS_TOO_LARGE, 431, id="too large a head"),
        pytest.param(Reason.OVERLOADED, 503, id="too many connections"),
        pytest.param(Reason.VERSION, 505, id="another version"),
    ],
)
def test_what_the_wire_refuses_ends_the_connection(reason, status):
    reply = WIRE[reason]
    assert (status, reason, True) == (reply.status, reply.reason, reply.closes)


def test_every_reply_is_a_problem_of_one_reason():
    """Two replies share a reason only where they differ in how the backend broke off."""
    replies = [*WIRE.values(), EXPECTATION, INTERNAL, FAULTS.loop, *map(FAULTS.reply, Fault)]
    problems = [json.loads(reply.body.fill(b"f" * 32)) for reply in replies]
    assert [(reply.status, reply.reason) for reply in replies] == [
        (problem["status"], problem["reason"]) for problem in problems
    ]
    assert len(replies) - 1 == len({problem["reason"] for problem in problems})
    assert {"f" * 32} == {problem["request_id"] for problem in problems}


def test_name_of_the_gateway_is_quoted():
    """RFC 9209 2: a String holds what a Token does not."""
    fields = dict(Faults("the edge").reply(Fault.DNS).fields)
    assert b'"the edge"; error=dns_error' == fields[b"Proxy-Status"]


def test_method_that_is_refused_has_others_beside_it():
    """RFC 9110 15.5.6: a 405 without Allow is none."""
    allow = dict(WIRE[Reason.METHOD_REFUSED].fields)[b"Allow"].split(b", ")
    assert {b"CONNECT", b"TRACE"}.isdisjoint(allow)
    assert {b"GET", b"POST"} <= {*allow}


def test_a_slow_client_is_told_as_other_proxies_tell_it():
    """RFC 9209: the fault is in the request. Everything else is as without it."""
    refusal, plain = FAULTS.refusal(Reason.REQUEST_TIMEOUT), WIRE[Reason.REQUEST_TIMEOUT]
    assert (*plain.fields, (b"Proxy-Status", b'"azora-gateway"; error=http_request_error')) == refusal.fields
    assert (408, plain.reason, plain.body, True) == (
        *(refusal.status, refusal.reason, refusal.body),
        refusal.closes,
    )
    assert WIRE[Reason.MALFORMED] is FAULTS.refusal(Reason.MALFORMED)
