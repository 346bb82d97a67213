import pytest

from gateway.config.load import load_snapshot
from gateway.config.scaffold import scaffold
from gateway.config.snapshot import Address


@pytest.mark.parametrize(
    ("url", "name", "address"),
    [
        pytest.param("http://127.0.0.1:8000", "service", Address("127.0.0.1", 8000), id="an address"),
        pytest.param("http://localhost:8000", "service", Address("localhost", 8000), id="this machine"),
        pytest.param("http://pay.internal", "pay", Address("pay.internal", 80), id="a host gives its name"),
        pytest.param(
            "https://pay.example", "pay", Address("pay.example", 443, tls=True), id="a host that speaks TLS"
        ),
        pytest.param("http://no.example", "service", Address("no.example", 80), id="but not a trap"),
        pytest.param("http://null.example", "service", Address("null.example", 80), id="and not nothing"),
        pytest.param("unix:/run/pay.sock", "service", Address(unix="/run/pay.sock"), id="a socket"),
    ],
)
def test_the_files_load(tmp_path, url, name, address):
    files = scaffold(url)
    assert ["config/gateway.yaml", f"policies/{name}.yaml"] == list(files)
    for path, text in files.items():
        (tmp_path / path).parent.mkdir()
        (tmp_path / path).write_text(text)
    snapshot = load_snapshot(tmp_path / "config" / "gateway.yaml", {})
    assert {name: (address,)} == {each.name: each.endpoints for each in snapshot.upstreams.values()}
    assert [f"{name}-everything"] == [route.id for route in snapshot.routes]


@pytest.mark.parametrize(
    ("url", "message"),
    [
        pytest.param("pay:80", "expected an endpoint such as", id="no URL"),
        pytest.param("http://pay/path", "without user, path and query", id="a URL with a path"),
    ],
)
def test_what_is_no_endpoint_is_refused(url, message):
    with pytest.raises(ValueError, match=message):
        scaffold(url)
