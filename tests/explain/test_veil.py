"""What whoever asks a running gateway does not get to see."""

import json
from dataclasses import replace

import pytest

from gateway.config.load import load
from gateway.config.masked import MASK
from gateway.explain.question import Question
from gateway.explain.record import record
from gateway.explain.report import report
from gateway.explain.veil import Veil, veiled
from gateway.policy import Pipeline
from gateway.rehearsal import Assumed, Draft, RehearsalPorts, Stage
from gateway.routing import Match, Router

NOW = 1_800_000_000
GATEWAY = """\
version: 1
name: "${env:NAME}"
upstreams: {backend: {endpoints: ["http://127.0.0.1:1"]}}
issuers:
  secretive:
    introspection:
      url: "https://id.example/introspect?key=s3cr3t-in-a-query"
      client_id: gateway
      client_secret: "${env:CLIENT_SECRET:-s3cr3t-by-default}"
policies: [policies]
"""
POLICIES = """\
routes:
  - id: all
    match: {path: "/all/{id}"}
    upstream: backend
    auth: public
    request_headers: {set: {X-Key: s3cr3t-literal, X-Other: "${env:OTHER:-s3cr3t-default}"}}
    headers: {preset: none, set: {X-Answer: "${env:ANSWER}"}}
  - {id: said, match: {path: /said}, auth: public, respond: {body: "it is ${env:SAID}"}}
  - {id: asked, match: {path: /asked}, auth: secretive, upstream: backend}
  - id: fielded
    match: {path: /fielded, headers: {X-Origin-Verify: s3cr3t-field}}
    auth: public
    upstream: backend
"""
ENVIRON = {"NAME": "s3cr3t-name", "OTHER": "s3cr3t-other", "ANSWER": "s3cr3t-answer", "SAID": "s3cr3t-said"}


@pytest.fixture
def stage(tmp_path):
    (tmp_path / "policies").mkdir()
    (tmp_path / "gateway.yaml").write_text(GATEWAY)
    (tmp_path / "policies" / "routes.yaml").write_text(POLICIES)
    return Stage(load(tmp_path / "gateway.yaml", ENVIRON), RehearsalPorts(NOW))


@pytest.fixture
def ask(stage):
    """The record of a request without secrets; its fields, and who asks, are given."""

    def ask(path, *fields, assumed=None):
        draft = Draft(target=path, fields=fields)
        return veiled(stage, Question(draft, assumed, 0), Veil(stage.specs))

    return ask


@pytest.mark.parametrize(
    ("path", "fields"),
    [
        pytest.param("/all/1", (), id="what a service is shown, and what is done to its response"),
        pytest.param("/said", (), id="an answer of the gateway's own"),
        pytest.param("/asked", (("Authorization", "Bearer x"),), id="who would be asked"),
        pytest.param("/nowhere", (), id="what no route takes"),
        pytest.param("/%", (), id="what is no request"),
        pytest.param("/fielded", (), id="a field that a route asks for"),
    ],
)
def test_no_secret_is_told(stage, ask, path, fields):
    told = json.dumps(ask(path, *fields))
    assert "s3cr3t" not in told


def test_the_command_tells_them_to_who_can_read_the_files(stage):
    """So the test above would see them."""
    told = json.dumps(record(report(stage, Question(Draft(target="/all/1"), None, 0))))
    secrets = ["s3cr3t-literal", "s3cr3t-other", "s3cr3t-answer", "s3cr3t-name"]
    assert secrets == [secret for secret in secrets if secret in told]


def test_what_is_masked_is_told_to_be_there(ask):
    told = ask("/all/1")
    fields = dict(map(tuple, told["upstream"]["fields"]))
    assert (MASK, MASK) == (fields["X-Key"], fields["X-Other"])
    (key,) = [key for key in told["policy"] if key["key"] == "request_headers"]
    assert {"set": {"X-Key": MASK, "X-Other": MASK}} == key["value"]
    assert key["source"].endswith("routes.yaml:6")


def test_everything_else_is_as_the_command_tells_it(stage, ask):
    assumed = Assumed("thandi", frozenset(["clerk"]))
    question = Question(Draft(target="/all/1"), assumed, 0)
    expected, told = json.loads(json.dumps(record(report(stage, question)))), ask("/all/1", assumed=assumed)
    same = ("request", "verdict", "steps", "route", "hints", "config_version")
    assert [expected[name] for name in same] == json.loads(json.dumps([told[name] for name in same]))


def test_a_part_of_a_longer_secret_does_not_leave_the_rest(stage):
    veil = Veil(stage.specs)
    veil._texts = {"longer-secret-text": MASK, "secret-text": MASK}
    assert [f"a {MASK}", {"secret-text": MASK}, 5, None] == veil(
        ["a longer-secret-text", {"secret-text": "secret-text"}, 5, None]
    )


class Broken:
    """A policy with a mistake, whose text may hold anything."""

    name, source = "broken", "a.yaml:1"

    def __call__(self, exchange):
        raise RuntimeError("s3cr3t-in-a-mistake")


def test_a_mistake_of_a_policy_is_not_told(stage, ask):
    route = replace(stage.snapshot.routes[0], pipeline=Pipeline((Broken(),)))
    router = Router([(Match(None, route.pattern), route)], route, lambda allow: route)
    stage.snapshot = replace(stage.snapshot, router=router)
    told = ask("/all/1")
    assert ("refused", "internal_error") == (told["verdict"], told["reason"])
    assert "s3cr3t" not in json.dumps(told)
