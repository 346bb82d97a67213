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
        pytest.param(
            CorsSpec, {"allow_origins": ["https://a.b"], "max_age": "2h"}, "max_age", 7200.0, id="an age"
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
        pytest.param(HeadersSpec, {"preset": "apis"}, id="an unknown preset"),
        pytest.param(HeadersSpec, {"set": {"A": 1}}, id="a number for a field"),
    ],
)
def test_a_policy_that_makes_no_sense_is_refused(spec, data):
    with pytest.raises(ValidationError):
        spec.model_validate(data)
