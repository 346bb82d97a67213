import pytest
from pydantic import ValidationError

from gateway.config.schema.identity import IssuerSpec

ISSUER = "https://id.example"
KEY = {"kty": "OKP", "crv": "Ed25519", "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"}


@pytest.mark.parametrize(
    "keys",
    [
        pytest.param({"issuer": ISSUER, "discovery": True}, id="discovery"),
        pytest.param({"issuer": ISSUER, "jwks": "https://id.example/keys"}, id="a key set"),
        pytest.param({"issuer": ISSUER, "keys": [KEY]}, id="keys in place"),
        pytest.param({"issuer": ISSUER, "secret": "s"}, id="a secret"),
    ],
)
def test_an_issuer_has_one_source_of_trust(keys):
    assert keys.keys() == IssuerSpec.model_validate(keys).model_fields_set


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        pytest.param({"issuer": ISSUER}, "expected exactly one of discovery", id="none"),
        pytest.param({"issuer": ISSUER, "keys": [KEY], "secret": "s"}, "expected exactly one of", id="two"),
        pytest.param({"secret": "s"}, 'expected the key "issuer"', id="no issuer to ask"),
        pytest.param(
            {"issuer": ISSUER, "secret": "s", "algorithms": ["none"]}, "Input should be", id="no algorithm"
        ),
    ],
)
def test_an_issuer_that_could_not_verify_is_refused(keys, message):
    with pytest.raises(ValidationError, match=message):
        IssuerSpec.model_validate(keys)
