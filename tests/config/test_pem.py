"""Files of certificates and keys, as `gateway check` sees them."""

import ssl
from datetime import UTC, datetime
from random import Random

import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from gateway.config.load import load, load_snapshot
from gateway.config.snapshot import Certificate, ListenerTls, UpstreamTls

LISTENER = """
version: 1
listeners:
  - address: 127.0.0.1:8443
    tls:
      certificates:
        - certificate: CHAIN
          key: KEY
      client_ca: CLIENTS
      client_auth: required
policies: []
"""
UPSTREAM = """
version: 1
upstreams:
  pay:
    endpoints: ["https://pay.internal"]
    tls: {ca: CLIENTS, certificate: CHAIN, key: KEY}
policies: []
"""


@pytest.fixture
def files(tmp_path, authority):
    """PEM files beside gateway.yaml: a chain, its key, and the authority."""

    def make(*names, expired=False):
        chain, key = authority.issue(*names, expired=expired)
        chain.rename(tmp_path / "a.crt")
        key.rename(tmp_path / "a.key")
        (tmp_path / "ca.pem").write_bytes(authority.file.read_bytes())
        return tmp_path

    return make


@pytest.fixture
def told(report):
    """The problems of a configuration whose files are those unless said otherwise."""

    def tell(text=LISTENER, chain="a.crt", key="a.key", clients="ca.pem", environ=()):
        text = text.replace("CHAIN", chain).replace("KEY", key).replace("CLIENTS", clients)
        return report(gateway=text, environ=environ)

    return tell


def weak():
    return rsa.generate_private_key(65537, 1024).private_bytes(
        Encoding.PEM, PrivateFormat.TraditionalOpenSSL, NoEncryption()
    )


@pytest.mark.parametrize("text", [LISTENER, UPSTREAM])
def test_what_fits_loads(told, files, text):
    files("a.test")
    assert [] == told(text)


def test_a_listener_has_what_stands_in_its_files(compiled, files):
    folder = files("B.test", "*.b.test", "127.0.0.1", expired=True)
    text = LISTENER.replace("CHAIN", "a.crt").replace("KEY", "./a.key").replace("CLIENTS", "ca.pem")
    (listener,) = compiled(gateway=text).listeners
    certificate = Certificate(
        *(f"{folder}/a.crt", f"{folder}/a.key", ("b.test", "*.b.test")), datetime(2020, 1, 2, tzinfo=UTC)
    )
    assert ListenerTls((certificate,), "1.2", f"{folder}/ca.pem", "required") == listener.tls


def test_an_upstream_has_what_stands_in_its_files(compiled, files):
    folder = files("gateway.test")
    text = UPSTREAM.replace("CHAIN", "a.crt").replace("KEY", "a.key").replace("CLIENTS", "ca.pem")
    tls = compiled(gateway=text).upstreams["pay"].tls
    assert (f"{folder}/ca.pem", "") == (tls.ca, tls.server_name)
    assert (f"{folder}/a.crt", f"{folder}/a.key") == (tls.certificate.chain, tls.certificate.key)


def test_an_upstream_without_files_has_the_system_s(compiled):
    text = UPSTREAM.replace("{ca: CLIENTS, certificate: CHAIN, key: KEY}", "{server_name: pay.internal}")
    assert UpstreamTls("", "pay.internal") == compiled(gateway=text).upstreams["pay"].tls
    text = text.replace("    tls: {server_name: pay.internal}\n", "")
    assert UpstreamTls() == compiled(gateway=text).upstreams["pay"].tls


CHAIN = "6:24: listeners[0].tls.certificates[0].certificate"
KEY = "7:16: listeners[0].tls.certificates[0].key"
CLIENTS = "8:18: listeners[0].tls.client_ca"
READABLE = "a readable file of at most 1 MiB"
CERTIFICATES = "certificates in PEM"
BROKEN = b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"


@pytest.mark.parametrize(
    ("name", "content", "place", "expected"),
    [
        pytest.param("a.crt", None, CHAIN, READABLE, id="no chain"),
        pytest.param("a.key", None, KEY, READABLE, id="no key"),
        pytest.param("ca.pem", None, CLIENTS, READABLE, id="no authorities"),
        pytest.param("a.crt", bytes(2 << 20), CHAIN, READABLE, id="an endless file"),
        pytest.param("a.crt", BROKEN, CHAIN, CERTIFICATES, id="a broken chain"),
        pytest.param("a.crt", b"\x30\x82\x00\x01", CHAIN, CERTIFICATES, id="a chain in DER"),
        pytest.param("ca.pem", b"", CLIENTS, CERTIFICATES, id="empty authorities"),
        pytest.param("a.key", b"no key", KEY, "a private key in PEM, without a password", id="no PEM"),
        pytest.param("a.key", weak(), KEY, "an RSA key of at least 2048 bits", id="a weak key"),
    ],
)
def test_what_cannot_serve_has_its_place(told, files, name, content, place, expected):
    folder = files("a.test")
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_bytes(content)
    assert [f'gateway.yaml:{place}: expected {expected}, got "{name}"'] == told()


def test_a_key_of_another_certificate_is_told_of(told, files, authority):
    folder = files("a.test")
    _, key = authority.issue("b.test")
    key.rename(folder / "a.key")
    message = 'expected the key of the certificate beside it, got "a.key"'
    assert [f"gateway.yaml:{KEY}: {message}"] == told()
    assert [f"gateway.yaml:5:48: upstreams.pay.tls.key: {message}"] == told(UPSTREAM)


def test_a_key_with_a_password_is_told_of(told, files, authority):
    folder = files("a.test")
    authority.locked(folder / "a.key").rename(folder / "a.key")
    message = 'expected a private key in PEM, without a password, got "a.key"'
    assert [f"gateway.yaml:{KEY}: {message}"] == told()


def test_every_file_is_told_of_at_once(told):
    assert 3 == len(told())
    assert 3 == len(told(UPSTREAM))


def test_a_folder_and_a_pipe_are_no_files(told, files, tmp_path):
    files("a.test")
    assert [True, True] == [line.endswith('got "."') for line in told(chain=".", key=".")]


def test_what_came_from_outside_is_not_repeated(told, files):
    files("a.test")
    (line,) = told(key='"${env:KEY_FILE}"', environ={"KEY_FILE": "/run/secret/place"}.items())
    assert line.endswith("expected a readable file of at most 1 MiB, got what ${env:KEY_FILE} holds")


@pytest.mark.parametrize("key", ["1", "[a.key]", "{}"])
def test_a_name_of_the_wrong_type_is_the_schema_s_business(told, files, key):
    files("a.test")
    (line,) = told(key=key)
    assert "expected a text, got" in line


def test_a_new_certificate_is_a_new_version(written, files, authority):
    """Under the same name: what is reloaded must be seen to have changed."""
    folder = files("a.test")
    text = LISTENER.replace("CHAIN", "a.crt").replace("KEY", "a.key").replace("CLIENTS", "ca.pem")
    versions = [load(written(gateway=text), {}).version for _ in range(2)]
    files("a.test")
    versions.append(load_snapshot(folder / "gateway.yaml", {}).version)
    assert 2 == len(set(versions))
    assert versions[0] == versions[1]


def test_whatever_a_certificate_is_made_of_it_loads_or_is_told_of(told, files):
    """Nothing that a library says of a mangled one leaves."""
    folder = files("a.test", "*.a.test", "127.0.0.1")
    whole = ssl.PEM_cert_to_DER_cert((folder / "a.crt").read_text())
    random = Random(1)
    for _ in range(100):
        mangled = bytearray(whole)
        for _ in range(random.randint(1, 4)):
            mangled[random.randrange(len(whole))] = random.randrange(256)
        (folder / "a.crt").write_text(ssl.DER_cert_to_PEM_cert(bytes(mangled)))
        assert {line.split(": ")[1] for line in told()} <= {
            "listeners[0].tls.certificates[0].certificate",
            "listeners[0].tls.certificates[0].key",
        }


@pytest.mark.parametrize("order", [["a.crt", "a.key"], ["a.key", "a.crt"]])
def test_a_certificate_and_its_key_may_share_a_file(told, files, order):
    folder = files("a.test")
    (folder / "both.pem").write_bytes(b"".join((folder / name).read_bytes() for name in order))
    assert [] == told(chain="both.pem", key="both.pem")
