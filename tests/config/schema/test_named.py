import pytest
from pydantic import ValidationError

from gateway.config.schema.named import CorsSpec, HeadersSpec, TierSpec


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
        pytest.param(HeadersSpec, {}, "preset", "helmet", id="the usual preset"),
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
