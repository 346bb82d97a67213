"""No key of the schema is left out: a new one has to be judged before it can pass."""

import pytest

from gateway.config.schema import credentials, gateway, identity, named, routes, upstream
from gateway.diff import keys, tables
from gateway.diff.section import Nested

TABLES = [
    ("listener", tables.LISTENER, gateway.ListenerSpec),
    ("listener tls", tables.LISTENER["tls"].table, gateway.ListenerTlsSpec),
    ("path", tables.LISTENER["path"].table, gateway.PathSpec),
    ("admin", tables.ADMIN, gateway.AdminSpec),
    ("admin cors", tables.ADMIN["cors"].table, gateway.AdminCorsSpec),
    ("limits", tables.LIMITS, gateway.LimitsSpec),
    ("timeouts", tables.TIMEOUTS, gateway.TimeoutsSpec),
    ("quota store", tables.QUOTA_STORE, gateway.QuotaStoreSpec),
    ("telemetry", tables.TELEMETRY, gateway.TelemetrySpec),
    ("traces", tables.TELEMETRY["traces"].table, gateway.TracesSpec),
    ("access log", tables.TELEMETRY["access_log"].table, gateway.AccessLogSpec),
    ("log", tables.TELEMETRY["log"].table, gateway.LogSpec),
    ("upstream", tables.UPSTREAM, upstream.UpstreamSpec),
    ("upstream tls", tables.UPSTREAM["tls"].table, upstream.UpstreamTlsSpec),
    ("issuer", tables.ISSUER, identity.IssuerSpec),
    ("introspection", tables.ISSUER["introspection"].table, identity.IntrospectionSpec),
    ("token", tables.ISSUER["token"].table, identity.TokenSpec),
    ("claims", tables.ISSUER["claims"].table, identity.ClaimsSpec),
    ("api keys", tables.API_KEYS, identity.ApiKeysSpec),
    ("users", tables.BASIC_USERS, identity.BasicUsersSpec),
    ("certificates", tables.CERTIFICATES, identity.CertificatesSpec),
    ("forward_auth", tables.FORWARD_AUTH, identity.ForwardAuthSpec),
    ("key", tables.API_KEY, credentials.ApiKeySpec),
    ("user", tables.USER, credentials.UserSpec),
]


@pytest.mark.parametrize(("table", "model"), [pytest.param(*row, id=name) for name, *row in TABLES])
def test_every_key_has_a_rule(table, model):
    assert model.model_fields.keys() == table.keys()


def test_every_mapping_inside_of_another_is_looked_into():
    tried = [table for _, table, _ in TABLES]
    found = [
        rule.table
        for table in [*tried, tables.GATEWAY]
        for rule in table.values()
        if isinstance(rule, Nested)
    ]
    assert all(any(table is each for each in tried) for table in found)


def test_every_section_of_gateway_yaml_is_compared():
    told = {*tables.GATEWAY, *tables.NAMED, *tables.ELSEWHERE}
    assert told == {*gateway.GatewaySpec.model_fields}


def test_every_key_of_a_route_is_judged():
    fields = {field.alias or name for name, field in routes.RouteSpec.model_fields.items()}
    assert fields == keys.JUDGED | keys.WITH_OTHERS


@pytest.mark.parametrize(
    ("model", "judged"),
    [
        pytest.param(named.CorsSpec, {*keys.CORS}, id="cors"),
        pytest.param(named.TierSpec, {"limit", "burst", "concurrent", "key"}, id="tier"),
        pytest.param(named.RoleSpec, {"permissions", "inherits"}, id="role"),
        pytest.param(named.HeadersSpec, {"preset", "set", "default", "remove"}, id="headers"),
        pytest.param(routes.AllowSpec, {"permissions", "roles", "scopes", "when"}, id="allow"),
        pytest.param(routes.ClientsSpec, {"allow", "deny"}, id="clients"),
        pytest.param(routes.MatchSpec, {"host", "path", "methods", "headers"}, id="match"),
        pytest.param(routes.ChargeSpec, {"tier", "cost"}, id="charge"),
        pytest.param(routes.ChoiceSpec, {"by", "otherwise"}, id="choice"),
        pytest.param(routes.RequestHeadersSpec, {"set", "remove"}, id="request_headers"),
        pytest.param(routes.TrustedSpec, {"trusted"}, id="csrf"),
        pytest.param(routes.BodyLimitsSpec, {"body"}, id="limits"),
        pytest.param(routes.RewriteSpec, {"path"}, id="rewrite"),
        pytest.param(routes.RedirectSpec, {"to", "status"}, id="redirect"),
        pytest.param(
            routes.ValidateSpec,
            {"content_types", "max_body", "schema_", "openapi", "query", "unknown_query"},
            id="validate",
        ),
    ],
)
def test_every_key_that_a_function_judges_is_known_to_it(model, judged):
    """What joins the schema has to join `gateway.diff` as well; then it joins this table."""
    assert judged == {*model.model_fields}
