import pytest
from pydantic import ValidationError

from gateway.config.schema.named import HeadersSpec
from gateway.config.schema.routes import AllowSpec, LatencySpec, RouteSpec, SloSpec, TrustedSpec

ROUTE = {"id": "a", "match": {"path": "/a"}}


def messages(**keys):
    with pytest.raises(ValidationError) as caught:
        RouteSpec.model_validate({**ROUTE, **keys})
    return [error["msg"] for error in caught.value.errors()]


@pytest.mark.parametrize(
    ("keys", "key", "value"),
    [
        pytest.param({"auth": "public"}, "auth", "public", id="open to everybody"),
        pytest.param({"headers": "strict"}, "headers", "strict", id="a policy by name"),
        pytest.param(
            {"headers": {"preset": "api"}},
            "headers",
            HeadersSpec.model_validate({"preset": "api"}),
            id="in place",
        ),
        pytest.param({"csrf": "off"}, "csrf", "off", id="a word"),
        pytest.param(
            {"csrf": {"trusted": ["https://app.example"]}},
            "csrf",
            TrustedSpec(trusted=("https://app.example",)),
            id="trusted origins",
        ),
        pytest.param({"compress": True}, "compress", True, id="compression"),
        pytest.param({"upgrade": ["websocket"]}, "upgrade", ("websocket",), id="an upgrade"),
        pytest.param({"quota": ["a", "b"]}, "quota", ("a", "b"), id="quotas"),
        pytest.param({}, "auth", None, id="nothing is implied"),
        pytest.param({}, "is_public", False, id="nor that everybody may come"),
        pytest.param({"auth": "public"}, "is_public", True, id="which has to be said"),
        pytest.param(
            {"allow": {"when": "true"}},
            "allow",
            AllowSpec.model_validate({"when": "true"}),
            id="a demand",
        ),
        pytest.param({"auth": "azora-id"}, "auth", "azora-id", id="an issuer"),
        pytest.param({"auth": ["a", "public"]}, "auth", ("a", "public"), id="optional proof"),
        pytest.param({"operation": "payment"}, "operation", "payment", id="an operation"),
        pytest.param(
            {"slo": {"availability": "99.9%", "latency": {"below": "300ms", "target": "99%"}}},
            "slo",
            SloSpec.model_construct(
                availability=0.999, latency=LatencySpec.model_construct(below=0.3, target=0.99)
            ),
            id="two objectives",
        ),
    ],
)
def test_a_route_is_read(keys, key, value):
    assert value == getattr(RouteSpec.model_validate({**ROUTE, **keys}), key)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        pytest.param(
            {"respond": {"status": 204, "body": "x"}},
            "expected no body with the status 204",
            id="a body with 204",
        ),
        pytest.param(
            {"allow": {}},
            "expected at least one of permissions, roles, scopes and when, got none",
            id="a demand that is none",
        ),
        pytest.param({"allow": {"roles": []}}, "expected at least one item", id="one of no roles"),
        pytest.param(
            {"allow": {"permissions": ["payments"]}}, "Value error, a permission such as", id="no verb"
        ),
        pytest.param(
            {"allow": {"permissions": ["payments:*"]}},
            "Value error, a permission such as",
            id="a demand for no permission in particular",
        ),
        pytest.param({"allow": {"scopes": ["a b"]}}, "Value error, a scope such as", id="two scopes in one"),
        pytest.param(
            {"slo": {}},
            "expected at least one of availability and latency, got none",
            id="a promise of nothing",
        ),
        pytest.param(
            {"slo": {"availability": "100%"}},
            "Value error, a percentage between 0% and 100%",
            id="a promise that nothing ever fails",
        ),
        pytest.param({"slo": {"latency": {"below": "1s"}}}, "Field required", id="soon, but how often"),
        pytest.param({"slo": {"latency": "1s"}}, "Input should be a valid dictionary", id="a bare duration"),
        pytest.param(
            {"slo": {"latency": {"below": "0s", "target": "99%"}}},
            "Value error, a duration longer than 0s",
            id="answers at once",
        ),
        pytest.param(
            {"operation": 'pay"}'}, "Value error, a name of letters", id="an operation that no label could be"
        ),
        pytest.param({"upgrade": ["h2c"]}, "Input should be 'websocket'", id="another upgrade"),
        pytest.param(
            {"redirect": {"to": "/", "status": 200}}, "Input should be", id="a redirection that is none"
        ),
        pytest.param(
            {"request_headers": {"set": {"Host": "h"}}},
            "Value error, a field that the gateway does not manage itself",
            id="a field that is ours",
        ),
        pytest.param(
            {"quota": [{"by": "claim:plan", "pro": 1, "else": "b"}]}, "Value error, a name", id="no tier"
        ),
        pytest.param(
            {"quota": [{"by": "plan", "else": "b"}]},
            "Value error, a claim such as claim:plan, or tier",
            id="no claim to choose by",
        ),
        pytest.param(
            {"quota": [{"tier": "a", "cost": 0}]}, "Input should be greater", id="a request for nothing"
        ),
        pytest.param(
            {"validate": {"schema": "a.json", "openapi": "b.yaml"}},
            "expected one of schema, openapi, got both",
            id="two descriptions of a body",
        ),
        pytest.param(
            {"validate": {"schema": "a.json", "max_body": "257KiB"}},
            "expected max_body of at most 256KiB where a body is looked at",
            id="a body that takes too long to look at",
        ),
        pytest.param(
            {"validate": {"schema": "a.json", "content_types": ["application/json", "text/plain"]}},
            "expected media types of JSON beside a schema",
            id="a schema for what is no JSON",
        ),
        pytest.param(
            {"validate": {"content_types": ["application/json; charset=utf-8"]}},
            "Value error, a media type such as application/json",
            id="a media type with parameters",
        ),
        pytest.param(
            {"validate": {"content_types": ["image/*"]}},
            "Value error, a media type such as application/json",
            id="a range of media types",
        ),
        pytest.param(
            {"validate": {"schema": "a.json", "unknown_query": "reject"}},
            "expected unknown_query beside openapi only",
            id="what an absent document does not name",
        ),
    ],
)
def test_a_wrong_route_is_refused(keys, message):
    found = messages(**keys)
    assert 1 == len(found)
    assert found[0].startswith(message)


def test_a_choice_has_tiers_by_value():
    by = {"by": "claim:plan", "pro": "gold", "team": "silver", "else": "free"}
    (choice,) = RouteSpec.model_validate({**ROUTE, "quota": [by]}).quota
    assert ("claim:plan", "free", {"pro": "gold", "team": "silver"}) == (
        choice.by,
        choice.otherwise,
        choice.values,
    )


def test_a_charge_costs_one_unless_said():
    dear, usual = RouteSpec.model_validate(
        {**ROUTE, "quota": [{"tier": "a", "cost": 3}, {"tier": "b"}]}
    ).quota
    assert (("a", 3), ("b", 1)) == ((dear.tier, dear.cost), (usual.tier, usual.cost))
