from base64 import urlsafe_b64encode
from hashlib import sha256

import pytest

from gateway.policy import Reason
from gateway.policy.binding import is_shown, thumbprint
from gateway.policy.credential import Refused

CERTIFICATE = b"a certificate in DER"
DIGEST = sha256(CERTIFICATE).digest()
TEXT = urlsafe_b64encode(DIGEST).rstrip(b"=").decode()


def test_a_token_may_be_bound_to_a_certificate():
    assert DIGEST == thumbprint({"cnf": {"x5t#S256": TEXT}})
    assert thumbprint({"sub": "thandi"}) is None


@pytest.mark.parametrize(
    "confirmation",
    [
        pytest.param({"jkt": "x"}, id="a key"),
        pytest.param({"x5t#S256": TEXT, "jkt": "x"}, id="a certificate and a key"),
        pytest.param({}, id="nothing"),
        pytest.param(None, id="null"),
        pytest.param([TEXT], id="a list"),
        pytest.param(TEXT, id="a text"),
        pytest.param({"x5t#S256": 1}, id="a number"),
        pytest.param({"x5t#S256": ""}, id="an empty thumbprint"),
        pytest.param({"x5t#S256": TEXT[:-1]}, id="one that is too short"),
        pytest.param({"x5t#S256": TEXT + "="}, id="one with padding"),
        pytest.param({"x5t#S256": "+" + TEXT[1:]}, id="another alphabet"),
        pytest.param({"x5t#S256": TEXT + "\n"}, id="a line feed"),
        pytest.param({"x5t": TEXT}, id="by SHA-1"),
    ],
)
def test_what_cannot_be_shown_is_refused(confirmation):
    with pytest.raises(Refused) as refused:
        thumbprint({"cnf": confirmation})
    assert Reason.BOUND is refused.value.reason


@pytest.mark.parametrize(
    ("certificate", "expected"),
    [
        pytest.param(CERTIFICATE, True, id="the certificate"),
        pytest.param(CERTIFICATE + b"x", False, id="another one"),
        pytest.param(b"", False, id="an empty one"),
        pytest.param(DIGEST, False, id="its thumbprint"),
        pytest.param(None, False, id="none"),
    ],
)
def test_only_the_certificate_itself_counts(certificate, expected):
    assert expected is is_shown(DIGEST, certificate)
