"""What becomes of a request on a configuration that nobody serves."""

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.http.reason import Reason
from gateway.rehearsal import Assumed, Draft, Verdict

POLICIES = """\
tiers: {gold: {limit: 9/1m, key: principal}, iron: {limit: 1/1m, key: principal}}
routes:
  - {id: all, match: {path: "/{rest...}"}, upstream: backend, auth: public}
  - {id: mine, match: {path: /mine}, upstream: backend, auth: [public, second, remote]}
  - id: plan
    match: {path: /plan}
    upstream: backend
    auth: remote
    quota: [{by: tier, gold: gold, else: iron}]
"""
MORE = """\
limits: {request_line: 100B, head: 1KiB, fields: 4}
issuers:
  remote: {issuer: "https://id.example", discovery: true, audience: [api]}
  second: {issuer: "https://id2.example", discovery: true, audience: [api]}
"""
LISTENER = 'address: "127.0.0.1:8080", trusted_proxies: [10.0.0.0/8]'
OTHER = '}, {address: "127.0.0.1:8081", trusted_proxies: [], trace_context: continue'


@pytest.fixture
def made(stage):
    return stage(POLICIES, more=MORE, listener=LISTENER + OTHER)


@pytest.mark.parametrize(
    ("draft", "reason", "line"),
    [
        pytest.param(Draft(target="/a/../b"), Reason.PATH, 4, id="the listener has a say in paths"),
        pytest.param(Draft(target="/" + "a" * 100), Reason.TARGET_TOO_LONG, 8, id="a long line"),
        pytest.param(Draft(fields=(("X", "a" * 1000),)), Reason.FIELDS_TOO_LARGE, 8, id="a long head"),
        pytest.param(Draft(fields=(("X", "a"),) * 6), Reason.FIELDS_TOO_LARGE, 8, id="many fields"),
        pytest.param(Draft(fields=(("X Y", "a"),)), Reason.MALFORMED, None, id="no file has a say in HTTP"),
        pytest.param(Draft(method="1"), Reason.MALFORMED, None, id="no method"),
        pytest.param(Draft(host=""), Reason.HOST, None, id="no host"),
    ],
)
def test_what_is_no_request_is_refused_with_the_line_that_says_so(made, draft, reason, line):
    outcome = made.ask(draft)
    assert (Verdict.REFUSED, reason, "wire") == (outcome.verdict, outcome.reason, outcome.decider.name)
    assert (f"gateway.yaml:{line}" if line else "") == outcome.decider.source.rpartition("/")[2]
    assert (None, None) == (outcome.route, outcome.exchange)
    assert (b"X-Request-Id", b"0" * 32) in outcome.answer.fields


@pytest.mark.parametrize(
    ("client", "listener", "seen"),
    [
        pytest.param("10.0.0.1", 0, "203.0.113.9", id="a proxy that is trusted"),
        pytest.param("::ffff:10.0.0.1", 0, "203.0.113.9", id="its address of IPv4 as one of IPv6"),
        pytest.param("192.0.2.1", 0, "192.0.2.1", id="anybody else"),
        pytest.param("10.0.0.1", 1, "10.0.0.1", id="a listener that trusts nobody"),
        pytest.param("unix", 0, "unix", id="who has no address"),
    ],
)
def test_address_is_found_as_the_listener_finds_it(made, client, listener, seen):
    draft = Draft(client=client, fields=(("X-Forwarded-For", "203.0.113.9"),))
    assert seen == made.ask(draft, listener=listener).exchange.request.client


def test_method_of_an_assumed_principal_is_the_first_that_proves_anything(made):
    principal = made.ask(Draft(target="/mine"), Assumed("thandi")).exchange.principal
    assert "second" == principal.method


def test_nobody_is_assumed_where_nobody_is_asked(made):
    outcome = made.ask(Draft(), Assumed("thandi"))
    assert (None, b"X-Auth" in outcome.upstream_head) == (outcome.exchange.principal, False)


@pytest.mark.parametrize(("tier", "chosen"), [(None, "iron"), ("gold", "gold")])
def test_tier_of_an_assumed_principal_counts(made, tier, chosen):
    outcome = made.ask(Draft(target="/plan"), Assumed("thandi", tier=tier))
    assert [chosen] == [each.name for each, *_ in outcome.exchange.quotas]


def test_principal_that_cannot_be_is_an_error(made):
    with pytest.raises(ValueError, match="control character"):
        made.ask(Draft(target="/mine"), Assumed("a\0b"))


def test_variables_of_the_path_are_told(made):
    assert {"rest": "a/b%20c"} == made.ask(Draft(target="/a/b%20c")).captures


@pytest.mark.parametrize(
    ("client", "seen"),
    [
        pytest.param("10.0.0.1", b"a" * 32, id="that of a proxy that is trusted is kept"),
        pytest.param("192.0.2.1", b"0" * 32, id="anybody else's is not"),
    ],
)
def test_id_of_a_request(made, client, seen):
    outcome = made.ask(Draft(client=client, fields=(("X-Request-Id", "a" * 32),)))
    assert b"X-Request-Id: %b\r\n" % seen in outcome.upstream_head


@pytest.mark.parametrize(
    ("listener", "seen"),
    [
        pytest.param(0, b"traceparent: 00-%b-%b-02\r\nX-" % (b"0" * 32, b"0" * 16), id="it begins anew"),
        pytest.param(
            *(1, b"traceparent: 00-%b-%b-01\r\ntracestate: a=b\r\n" % (b"a" * 32, b"0" * 16)),
            id="it is continued where the listener says so",
        ),
    ],
)
def test_trace_of_a_request(made, listener, seen):
    fields = (("traceparent", f"00-{'a' * 32}-{'b' * 16}-01"), ("tracestate", "a=b"))
    assert seen in made.ask(Draft(fields=fields), listener=listener).upstream_head


TEXTS = st.text(st.sampled_from("aZ09/%2e.;\\\\?#*: \t-_\x00\x7f\xe9\u2028\r\n"), max_size=12)


@settings(max_examples=300, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(TEXTS, TEXTS, TEXTS, TEXTS)
def test_whatever_is_sent_has_an_outcome_unless_it_is_several_lines(made, method, target, name, value):
    draft = Draft(method, target, fields=((name, value),))
    if {"\r", "\n"} & {*method, *target, *name, *value}:
        with pytest.raises(ValueError, match="line break"):
            made.ask(draft)
        return
    outcome = made.ask(draft)
    assert (outcome.reply is None) == (outcome.verdict is Verdict.PASSED) == bool(outcome.upstream_head)


def test_route_is_told_with_its_template(made):
    step = made.ask(Draft(target="/a")).steps[1]
    assert ("route", "all: any method /{rest...}") == (step.name, step.note)
