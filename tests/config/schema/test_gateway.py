import pytest
from pydantic import ValidationError

from gateway.config.schema.gateway import GatewaySpec


def messages(**keys):
    try:
        GatewaySpec.model_validate({"version": 1, **keys})
    except ValidationError as error:
        return [found["msg"] for found in error.errors()]
    return []


@pytest.mark.parametrize(
    "admin",
    [
        pytest.param({}, id="loopback by default"),
        pytest.param({"address": "[::1]:9901"}, id="loopback on IPv6"),
        pytest.param({"address": "unix:/run/admin"}, id="a Unix socket"),
        pytest.param({"address": "0.0.0.0:9901", "token": "t"}, id="everywhere with a token"),
    ],
)
def test_the_admin_api_is_guarded(admin):
    assert [] == messages(admin=admin)


def test_the_admin_api_without_a_token_is_not_for_everybody():
    message = "expected a token, or a loopback address or Unix socket, got only 0.0.0.0:9901"
    assert [message] == messages(admin={"address": "0.0.0.0:9901"})


def test_two_listeners_need_two_addresses():
    message = "expected each address once among listeners and admin, got 127.0.0.1:9901 again"
    assert [message] == messages(listeners=[{"address": "127.0.0.1:9901"}])


def test_any_free_port_may_be_asked_for_twice():
    assert [] == messages(listeners=[{"address": "127.0.0.1:0"}], admin={"address": "127.0.0.1:0"})


WORKERS = "Value error, a number from 1 to 64, or auto"


@pytest.mark.parametrize("said", [1, 64, "auto"])
def test_workers_are_a_number_or_one_a_core(said):
    assert [] == messages(workers=said)


@pytest.mark.parametrize(
    ("keys", "message"),
    [
        pytest.param({"listeners": []}, "expected at least one item, got none", id="no listener"),
        *(
            pytest.param({"workers": said}, WORKERS, id=f"{said} workers")
            for said in (0, 65, 1.0, True, "many")
        ),
        pytest.param(
            {"telemetry": {"traces": {"baggage": ["a b"]}}},
            "String should match pattern '^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}$'",
            id="a member of the baggage that cannot be",
        ),
        pytest.param(
            {"api_keys": {"file": ""}}, "String should have at least 1 character", id="keys of no file"
        ),
    ],
)
def test_a_key_is_refused(keys, message):
    assert [message] == messages(**keys)


@pytest.mark.parametrize("alone", [{"client_ca": "ca.pem"}, {"client_auth": "optional"}])
def test_clients_are_asked_for_what_can_be_verified(alone):
    """An authority that nobody is measured by would look like a defence."""
    tls = {"certificates": [{"certificate": "a.crt", "key": "a.key"}], **alone}
    message = "expected client_ca and client_auth together, got only one of them"
    assert [message] == messages(listeners=[{"address": "127.0.0.1:1", "tls": tls}])


@pytest.mark.parametrize(
    ("tls", "message"),
    [
        pytest.param({"certificates": []}, "expected at least one item, got none", id="no certificate"),
        pytest.param({"min_version": "1.1"}, "Input should be '1.2' or '1.3'", id="a version of old"),
    ],
)
def test_tls_that_nobody_can_speak_is_refused(tls, message):
    certificates = [{"certificate": "a.crt", "key": "a.key"}]
    tls = {"certificates": certificates, **tls}
    assert [message] == messages(listeners=[{"address": "127.0.0.1:1", "tls": tls}])
