import pytest
from pydantic import ValidationError

from gateway.config.schema.upstream import UpstreamSpec
from gateway.config.snapshot import Hash


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


@pytest.mark.parametrize("balance", ["round_robin", "least_pending", "p2c"])
def test_a_choice_has_a_name(balance):
    assert balance == UpstreamSpec.model_validate({"endpoints": ["http://h"], "balance": balance}).balance


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param("address", Hash("address"), id="the client's address"),
        pytest.param("header:X-Account", Hash("header", "X-Account"), id="a field"),
        pytest.param("header:Authorization", Hash("header", "Authorization"), id="a field of credentials"),
        pytest.param("header:Host", Hash("header", "Host"), id="a field that is not forwarded, but read"),
        pytest.param("cookie:session", Hash("cookie", "session"), id="a cookie"),
    ],
)
def test_a_choice_may_be_by_a_part_of_the_request(text, expected):
    spec = UpstreamSpec.model_validate({"endpoints": ["http://h"], "balance": {"hash": text}})
    assert expected == spec.balance.hash


@pytest.mark.parametrize(
    ("text", "message"),
    [
        pytest.param("query:a", "address, header:NAME or cookie:NAME", id="no such part"),
        pytest.param("header:", "address, header:NAME or cookie:NAME", id="without a name"),
        pytest.param("header:X Account", "address, header:NAME or cookie:NAME", id="no name of a field"),
        pytest.param("address:", "address, header:NAME or cookie:NAME", id="an address has no name"),
        pytest.param("header:X-Real-IP", "a field that the gateway takes from clients", id="dropped unread"),
        pytest.param("header:X_Account", "a field that the gateway takes from clients", id="an alias"),
    ],
)
def test_a_part_that_is_never_there_is_refused(text, message):
    (found,) = messages(balance={"hash": text})
    assert found.endswith(message)


def test_what_looks_after_endpoints_has_defaults():
    spec = UpstreamSpec.model_validate(
        {"endpoints": ["http://h"], "health": {"path": "/"}, "outlier": {}, "retry": {}}
    )
    assert ("/", 5.0, 1.0, 2, 3) == tuple(dict(spec.health).values())
    assert (5, 30.0) == tuple(dict(spec.outlier).values())
    assert (2, ("connect", "reset"), 0.2) == tuple(dict(spec.retry).values())


@pytest.mark.parametrize(
    "path",
    [
        pytest.param("health", id="relative"),
        pytest.param("/health check", id="with a blank"),
        pytest.param("/health\r\nX: 1", id="with a line break"),
        pytest.param("/health#top", id="with a fragment"),
        pytest.param("/gesund?nö", id="not ASCII"),
    ],
)
def test_a_path_that_cannot_be_asked_is_refused(path):
    (found,) = messages(health={"path": path})
    assert found.endswith("a path such as /health, in visible ASCII")


def test_tls_needs_no_more_than_an_endpoint_that_speaks_it():
    spec = UpstreamSpec.model_validate({"endpoints": ["https://h", "http://h"]})
    assert ([True, False], None) == ([endpoint.tls for endpoint in spec.endpoints], spec.tls)


@pytest.mark.parametrize(
    "endpoints",
    [
        pytest.param(["http://h"], id="none does"),
        pytest.param(["https://h", "http://h"], id="one does not"),
        pytest.param(["https://h", "unix:/run/h"], id="a Unix socket does not"),
    ],
)
def test_tls_is_not_said_of_endpoints_that_do_not_speak_it(endpoints):
    message = "expected https endpoints alone beside tls, got one without TLS"
    assert [message] == messages(endpoints=endpoints, tls={})


@pytest.mark.parametrize("alone", ["certificate", "key"])
def test_a_certificate_and_its_key_go_together(alone):
    message = "expected certificate and key together, got only one of them"
    assert [message] == messages(endpoints=["https://h"], tls={alone: "a.pem"})
