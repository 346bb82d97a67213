import pytest
from pydantic import ValidationError

from gateway.config.schema.upstream import UpstreamSpec


def messages(**keys):
    with pytest.raises(ValidationError) as caught:
        UpstreamSpec.model_validate({"endpoints": ["http://h"], **keys})
    return [error["msg"] for error in caught.value.errors()]


def test_the_usual_upstream_needs_endpoints_only():
    spec = UpstreamSpec.model_validate({"endpoints": ["http://h", "unix:/run/h"]})
    assert ("preserve", "least_pending", 256, 2.0) == (
        spec.host,
        spec.balance,
        spec.pool.max_connections,
        spec.timeouts.connect,
    )


@pytest.mark.parametrize("balance", ["round_robin", "least_pending"])
def test_a_choice_that_is_built_is_taken(balance):
    assert balance == UpstreamSpec.model_validate({"endpoints": ["http://h"], "balance": balance}).balance


@pytest.mark.parametrize(
    "keys",
    [
        pytest.param({"endpoints": ["https://h"]}, id="TLS"),
        pytest.param({"balance": "p2c"}, id="the better of two"),
        pytest.param({"balance": {"hash": "header:X-A"}}, id="by a field"),
        pytest.param({"health": {"path": "/"}}, id="probes"),
        pytest.param({"outlier": {}}, id="outliers"),
        pytest.param({"retry": {"after": ["connect", 502]}}, id="retries"),
        pytest.param({"tls": {"ca": "ca.pem"}}, id="authorities"),
    ],
)
def test_what_is_not_built_yet_says_so(keys):
    assert ["not available yet"] == messages(**keys)
