"""What each step says: who is asked, in which order, and what stops."""

from dataclasses import replace

import pytest

from gateway.http.reason import Reason
from gateway.policy import Exchange, Pipeline
from gateway.rehearsal import Assumed, Draft, RehearsalPorts, Verdict
from gateway.rehearsal.walk import Walk

POLICIES = """\
defaults: {upstream: backend}
tiers: {few: {limit: 2/1m, key: address}, mine: {limit: 1/1m, key: principal}}
roles: {boss: {permissions: ["*"]}}
routes:
  - {id: open, match: {path: /open}, auth: public, quota: [few]}
  - {id: closed, match: {path: /closed}, auth: remote, allow: {roles: [boss]}, quota: [few, mine]}
  - {id: tried, match: {path: /tried}, auth: public, clients: {allow: [10.0.0.0/8]}, report: [clients]}
  - {id: asked, match: {path: /asked}, auth: introspected}
  - {id: judged, match: {path: /judged}, auth: other}
  - {id: either, match: {path: /either}, auth: [remote, public]}
  - {id: chunked, match: {path: /chunked}, auth: public, limits: {body: 4B}}
"""
MORE = """\
issuers:
  remote: {issuer: "https://id.example", discovery: true, audience: [api]}
  introspected: {introspection: {url: "https://id.example/introspect", client_id: a, client_secret: b}}
forward_auth: {other: {url: "http://127.0.0.1:9/check"}}
"""
BEARER = ("Authorization", "Bearer eyJhbGciOiJSUzI1NiJ9.e30.AAAA")


@pytest.fixture
def ask(stage):
    made = stage(POLICIES, more=MORE)
    return lambda *fields, path, who=None, **more: made.ask(Draft(target=path, fields=fields, **more), who)


def words(outcome):
    return [(step.name, str(step.verdict)) for step in outcome.steps]


def test_steps_stand_in_the_order_of_the_pipeline(ask):
    assert [
        ("wire", "passed"),
        ("route", "passed"),
        ("quota", "passed"),
        ("limits", "passed"),
        ("csrf", "passed"),
        ("auth", "assumed"),
        ("allow", "passed"),
        ("quota", "passed"),
        ("upstream", "passed"),
    ] == words(ask(path="/closed", who=Assumed("johan", frozenset(["boss"]))))


def test_whoever_comes_behind_a_refusal_is_not_asked(ask):
    outcome = ask(path="/closed", who=Assumed("thandi"))
    assert [("allow", "refused"), ("quota", "not asked"), ("upstream", "not asked")] == words(outcome)[-3:]
    assert ("allow", Reason.MISSING_ROLE) == (outcome.decider.name, outcome.decider.reason)
    # Nothing was taken from the tier behind it either.
    assert ["few"] == [tier.name for tier, *_ in outcome.exchange.quotas]


def test_quotas_are_counted_from_one_request_to_the_next(ask):
    notes = [ask(path="/open").steps[2] for _ in range(3)]
    assert [
        ("passed", "few has 1 of 2 left"),
        ("passed", "few has 0 of 2 left"),
        ("refused", "few is used up"),
    ] == [(str(step.verdict), step.note) for step in notes]


def test_policy_on_trial_lets_pass_and_says_why_it_would_not(ask):
    outcome = ask(path="/tried")
    (step,) = [step for step in outcome.steps if step.name == "clients"]
    assert (Verdict.ON_TRIAL, Reason.ADDRESS_DENIED) == (step.verdict, step.reason)
    assert Verdict.PASSED is outcome.verdict


@pytest.mark.parametrize(
    ("path", "fields", "asked"),
    [
        pytest.param("/closed", (BEARER,), "the keys of https://id.example", id="keys that are published"),
        pytest.param("/either", (BEARER,), "the keys of https://id.example", id="also for a choice"),
        pytest.param("/asked", (BEARER,), "the word of https://id.example/introspect", id="introspection"),
        pytest.param("/judged", (), "the word of http://127.0.0.1:9/check", id="another service"),
    ],
)
def test_what_somebody_else_would_be_asked_is_unknown(ask, path, fields, asked):
    outcome = ask(*fields, path=path)
    assert (Verdict.UNKNOWN, f"would ask for {asked}", None) == (
        *(outcome.verdict, outcome.decider.note),
        outcome.answer,
    )


@pytest.mark.parametrize("path", ["/closed", "/asked", "/judged", "/either"])
def test_assumed_principal_stands_in_for_all_of_that(ask, path):
    outcome = ask(BEARER, path=path, who=Assumed("johan", frozenset(["boss"])))
    assert Verdict.PASSED is outcome.verdict
    assert b"X-Auth-Subject: johan" in outcome.upstream_head


@pytest.mark.parametrize("path", ["/closed", "/asked"])
def test_credentials_of_an_assumed_principal_do_not_reach_the_backend(ask, path):
    outcome = ask(BEARER, path=path, who=Assumed("johan", frozenset(["boss"])))
    assert b"Authorization" not in outcome.upstream_head


def test_chunked_body_is_counted_as_it_comes(ask):
    sent = {"method": "POST", "body": b"hello"}
    outcome = ask(("Transfer-Encoding", "chunked"), path="/chunked", **sent)
    assert ("limits", Reason.BODY_TOO_LARGE) == (outcome.decider.name, outcome.reason)
    assert outcome.decider.source.endswith("routes.yaml:11")


class Failing:
    name = "failing"
    source = "a.yaml:1"

    def __call__(self, exchange):
        raise RuntimeError("a fault of ours")


class Waiting:
    name = "waiting"
    source = "a.yaml:1"

    def __call__(self, exchange):
        return NotImplemented


@pytest.mark.parametrize("policy", [Failing(), Waiting()], ids=["fails", "waits"])
def test_policy_that_cannot_decide_lets_nothing_pass(stage, policy):
    route = stage(POLICIES, more=MORE).snapshot.routes[0]
    request = stage(POLICIES, more=MORE).ask(Draft(target="/open")).exchange.request
    walk = Walk(with_pipeline(route, policy), Exchange(request, b"0" * 32, ()), RehearsalPorts(0.0), None)
    walk.take(0)
    assert [("refused", Reason.INTERNAL), ("not asked", None)] == [
        (str(step.verdict), step.reason) for step in walk.steps
    ]


def with_pipeline(route, *policies):
    return replace(route, pipeline=Pipeline(policies))
