import pytest
from pydantic import ValidationError

from gateway.config.schema.named import CorsSpec, HeadersSpec, RoleSpec, TierSpec


@pytest.mark.parametrize(
    ("spec", "data", "key", "value"),
    [
        pytest.param(TierSpec, {"limit": "60/1m"}, "limit", (60, 60.0), id="a rate"),
        pytest.param(TierSpec, {"limit": "60/1m"}, "key", "address", id="counted by address"),
        pytest.param(
            TierSpec, {"concurrent": 4, "key": ["principal", "route"]}, "concurrent", 4, id="leases"
        ),
        pytest.param(TierSpec, {"limit": "0/1m"}, "limit", (0, 60.0), id="a rate of none"),
        pytest.param(TierSpec, {"limit": "1/1s"}, "keys", ("address",), id="one key"),
        pytest.param(
            TierSpec,
            {"limit": "1/1s", "key": ["header:X-Team", "claim:org"]},
            "keys",
            ("header:X-Team", "claim:org"),
            id="a field and a claim",
        ),
        pytest.param(TierSpec, {"limit": "60/1m", "burst": 5}, "most", 5, id="at most the burst"),
        pytest.param(TierSpec, {"limit": "60/1m"}, "most", 60, id="at most the count"),
        pytest.param(TierSpec, {"concurrent": 4}, "most", 4, id="at most as many as at once"),
        pytest.param(
            CorsSpec, {"allow_origins": ["https://a.b"], "max_age": "2h"}, "max_age", 7200.0, id="an age"
        ),
        pytest.param(
            CorsSpec,
            {"allow_origins": ["https://a.b"], "allow_headers": ["*", "Authorization"]},
            "allow_headers",
            ("*", "Authorization"),
            id="any field, and the one that is no part of it",
        ),
        pytest.param(HeadersSpec, {}, "preset", "helmet", id="the usual preset"),
        pytest.param(
            RoleSpec, {"permissions": ["a:b", "c:*", "*"]}, "permissions", ("a:b", "c:*", "*"), id="a role"
        ),
    ],
)
def test_a_policy_is_read(spec, data, key, value):
    assert value == getattr(spec.model_validate(data), key)


@pytest.mark.parametrize(
    ("spec", "data"),
    [
        pytest.param(CorsSpec, {"allow_origins": []}, id="cors for nobody"),
        pytest.param(
            CorsSpec,
            {"allow_origins": ["https://a.b"], "allow_methods": ["get"]},
            id="a method in lower case",
        ),
        pytest.param(RoleSpec, {"permissions": ["*:read"]}, id="a verb in every area"),
        pytest.param(RoleSpec, {"permissions": ["courses: read"]}, id="a permission with a blank"),
        pytest.param(TierSpec, {}, id="a tier of nothing"),
        pytest.param(TierSpec, {"limit": "1/1s", "concurrent": 1}, id="a rate and a number at once"),
        pytest.param(TierSpec, {"concurrent": 1, "burst": 1}, id="a burst of leases"),
        pytest.param(TierSpec, {"concurrent": 0}, id="none at once"),
        pytest.param(TierSpec, {"limit": "0/1m", "burst": 1}, id="a burst of none"),
        pytest.param(TierSpec, {"limit": "1/1s", "key": []}, id="nobody is counted"),
        pytest.param(TierSpec, {"limit": "1/1s", "key": "user"}, id="a key nobody knows"),
        pytest.param(TierSpec, {"limit": "1/1s", "key": "header:Host"}, id="a field that we write"),
        pytest.param(HeadersSpec, {"preset": "apis"}, id="an unknown preset"),
        pytest.param(HeadersSpec, {"set": {"A": 1}}, id="a number for a field"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(spec, data):
    with pytest.raises(ValidationError):
        spec.model_validate(data)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        pytest.param(
            'allow_origins: ["*"]\n      credentials: true',
            '4:20: cors.web.credentials: expected no credentials beside "*" in allow_origins',
            id="credentials for everybody",
        ),
        pytest.param(
            'allow_origins: ["https://a.b"]\n      allow_headers: [X-A, "*"]\n      credentials: true',
            '5:20: cors.web.credentials: expected no credentials beside "*" in allow_headers',
            id="with credentials no field is wild",
        ),
        pytest.param(
            'allow_origins: ["https://a.b"]\n      expose_headers: ["*"]\n      credentials: true',
            '5:20: cors.web.credentials: expected no credentials beside "*" in expose_headers',
            id="nor are those to be read",
        ),
        pytest.param(
            'allow_origins: ["https://a.b", "*"]',
            '3:22: cors.web.allow_origins: expected "*" alone, or origins without it',
            id="everybody and somebody",
        ),
        pytest.param(
            "allow_origins: []",
            "3:22: cors.web.allow_origins: expected at least one item, got none",
            id="nobody",
        ),
        pytest.param(
            "allow_origins: [app.example]",
            "3:23: cors.web.allow_origins[0]: expected an origin such as https://app.example, in lower case "
            'and without a path, got "app.example"',
            id="a host without its scheme",
        ),
        pytest.param(
            'allow_origins: ["https://a.b:443"]',
            "3:23: cors.web.allow_origins[0]: expected an origin without the usual port, as browsers leave "
            'it out, got "https://a.b:443"',
            id="an origin that no browser sends",
        ),
        pytest.param(
            'allow_origins: ["https://a.b"]\n      allow_methods: ["*"]',
            "4:23: cors.web.allow_methods[0]: expected a method in upper case such as GET, neither CONNECT "
            'nor TRACE, got "*"',
            id="methods are listed",
        ),
        pytest.param(
            'allow_origins: ["https://a.b"]\n      max_age: 0s',
            '4:16: cors.web.max_age: expected a duration longer than 0s, got "0s"',
            id="no age",
        ),
        pytest.param(
            'allow_origin: ["https://a.b"]',
            "3:7: cors.web.allow_origin: expected a known key, got "
            '"allow_origin" (did you mean "allow_origins"?)',
            id="a key that is nearly right",
        ),
    ],
)
def test_a_cors_policy_that_cannot_be_meant_is_told(report, text, problem):
    found = report(policies=f"cors:\n    web:\n      {text}\n")
    assert f"policies/a.yaml:{problem}" in found
