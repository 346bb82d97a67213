"""`validate` becomes policies, in their order, each for what was said."""

import pytest

from gateway.http.edits import Block
from gateway.http.request import Request
from gateway.policy import Exchange
from gateway.policy.validate import DeclaredContent, Described, QueryParameters, WholeBody

GATEWAY = """
version: 1
upstreams: {pay: {endpoints: ["http://127.0.0.1:4009"]}}
policies: [policies]
limits: {body: 1MiB}
"""
DOCUMENTS = {
    "d/s.json": "{}",
    "d/o.json": '{"openapi": "3.1.0", "paths": {"/charges": {"get": {}}}}',
}


@pytest.fixture
def route(compiled):
    """The route with this `validate`, and what else it says."""

    def make(validate, more=""):
        policies = f"""
        defaults: {{auth: public, csrf: "off"}}
        routes:
          - id: a
            match: {{path: /api/charges}}
            prefix: /api
            upstream: pay
            validate: {{{validate}}}
            {more}
        """
        return compiled(gateway=GATEWAY, policies=policies, documents=DOCUMENTS).routes[0]

    return make


@pytest.mark.parametrize(
    ("validate", "kinds", "limit"),
    [
        pytest.param("", [], 1024, id="nothing"),
        pytest.param("content_types: [text/csv]", [DeclaredContent], 1024, id="media types"),
        pytest.param("max_body: 1KiB", [DeclaredContent], 1, id="a size"),
        pytest.param("max_body: 2MiB", [DeclaredContent], 1024, id="a size that is larger than the limit"),
        pytest.param("query: d/s.json", [QueryParameters], 1024, id="a query"),
        pytest.param("schema: d/s.json", [DeclaredContent, WholeBody], 64, id="a schema, to the usual size"),
        pytest.param(
            "schema: d/s.json, max_body: 256KiB", [DeclaredContent, WholeBody], 256, id="to another"
        ),
        pytest.param("openapi: d/o.json", [DeclaredContent, Described], 64, id="OpenAPI"),
        pytest.param(
            "schema: d/s.json, query: d/s.json",
            [DeclaredContent, QueryParameters, WholeBody],
            64,
            id="the query before the body",
        ),
    ],
)
def test_each_part_becomes_its_policy(route, validate, kinds, limit):
    made = route(validate)
    _, *policies = made.pipeline.policies
    assert (kinds, limit * 1024) == ([type(policy) for policy in policies], made.body_limit)
    assert {7} >= {int(policy.source.rpartition(":")[2]) for policy in policies}


def test_validation_on_trial_lowers_no_limit(route):
    made = route("schema: d/s.json, max_body: 1KiB", "report: [validate]")
    assert 1024 * 1024 == made.body_limit
    assert ["limits", "validate", "validate"] == [policy.name for policy in made.pipeline.policies]


def test_a_path_is_looked_up_as_the_service_sees_it(route, asked):
    *_, described = route("openapi: d/o.json").pipeline.policies
    assert described(asked(b"/api/charges")) is None
    assert described(asked(b"/charges/charges")).status == 404


@pytest.fixture
def asked():
    def make(path):
        request = Request(b"GET", b"h", path, b"", [], {}, 0, "192.0.2.1", False, Block(()))
        return Exchange(request, b"0" * 32, ())

    return make


def test_what_no_route_takes_has_the_usual_limit(compiled):
    """It is not looked at, so that it may as well be large."""
    snapshot = compiled(
        gateway=GATEWAY + "defaults: {validate: {schema: policies/d/s.json}}\n",
        policies="routes: [{id: a, match: {path: /a}, auth: public, respond: {}}]",
        documents=DOCUMENTS,
    )
    limits = [snapshot.routes[0].body_limit, snapshot.router.unmatched.body_limit]
    assert [1024 * 1024] * 2 == limits
    assert ["limits", "csrf"] == [policy.name for policy in snapshot.router.unmatched.pipeline.policies]


def test_a_route_without_a_backend_has_no_use_for_it(report):
    lines = report(
        gateway=GATEWAY,
        policies="""
        defaults: {auth: public, csrf: "off", validate: {max_body: 1KiB}}
        routes:
          - {id: a, match: {path: /a}, respond: {}}
          - {id: b, match: {path: /b}, respond: {}, validate: {max_body: 1KiB}}
        """,
    )
    assert ["policies/a.yaml:4:45: routes[1].validate: expected no validate without an upstream"] == lines
