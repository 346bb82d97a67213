"""Client certificates: whom they name, and which of them name nobody."""

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.asymmetric import ed25519
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import NameOID

from gateway.policy import Reason
from gateway.policy.authn import Identity
from gateway.policy.certificate import NAMES, Certificates

NOW = datetime(2027, 1, 1, tzinfo=UTC)
KEY = ed25519.Ed25519PrivateKey.generate()


def dns(*names):
    return [x509.DNSName(name) for name in names]


def certificate(names, common_names=()):
    """DER of a certificate that lasts a day; its handshake was good."""
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name) for name in common_names])
    builder = x509.CertificateBuilder(subject, subject, KEY.public_key(), 7, NOW, NOW + timedelta(days=1))
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    return builder.sign(KEY, None).public_bytes(Encoding.DER)


class Wall:
    now = NOW.timestamp()

    def __call__(self):
        return self.now


@pytest.fixture
def wall():
    return Wall()


@pytest.fixture
def method(wall):
    def make(kind):
        roles = {"pay.internal": frozenset(["payer"]), "Pay.internal": frozenset(["nobody"])}
        return Certificates(kind, roles, "edge", wall)

    return make


@pytest.fixture
def shown(exchange):
    def make(certificate):
        here = exchange()
        here.request.certificate = certificate
        return here

    return make


URI = x509.UniformResourceIdentifier
MANY = [*dns("pay.internal"), URI("spiffe://azora/pay"), x509.RFC822Name("Pay@azora.example")]


@pytest.mark.parametrize(
    ("kind", "names", "common_names", "subject"),
    [
        pytest.param("san_dns", dns("pay.internal"), (), "pay.internal", id="a DNS name"),
        pytest.param("san_dns", dns("Pay.INTERNAL"), (), "pay.internal", id="a DNS name in another case"),
        pytest.param("san_dns", MANY, ["x"], "pay.internal", id="the one DNS name among others"),
        pytest.param("san_uri", MANY, ["x"], "spiffe://azora/pay", id="the one URI"),
        pytest.param("san_email", MANY, ["x"], "Pay@azora.example", id="the one address, case and all"),
        pytest.param("common_name", MANY, ["Pay"], "Pay", id="the common name"),
        pytest.param("san_dns", dns("a", "b"), (), None, id="two DNS names"),
        pytest.param("san_dns", dns("a", "a"), (), None, id="one DNS name twice"),
        pytest.param("san_dns", dns("*.internal"), (), None, id="a wildcard"),
        pytest.param("san_dns", dns("a", "*.internal"), (), None, id="a wildcard beside a name"),
        pytest.param("san_dns", [URI("spiffe://a")], ["a"], None, id="no DNS name"),
        pytest.param("san_dns", [x509.IPAddress(ip_address("192.0.2.1"))], (), None, id="an address"),
        pytest.param("san_dns", [], ["pay.internal"], None, id="a common name does not step in"),
        pytest.param("san_uri", [URI("a://a"), URI("a://b")], (), None, id="two URIs"),
        pytest.param("common_name", [], (), None, id="no common name"),
        pytest.param("common_name", [], ["a", "b"], None, id="two common names"),
        pytest.param("common_name", [], ["a\r\nX: y"], None, id="a line break"),
        pytest.param("common_name", [], ["a" * 64], "a" * 64, id="a long one"),
    ],
)
def test_one_name_says_who_asks(method, shown, kind, names, common_names, subject):
    said = method(kind)(shown(certificate(names, common_names)))
    if subject is None:
        assert (401, Reason.UNUSABLE_CERTIFICATE) == (said.status, said.reason)
        assert b'Certificate realm="edge"' == dict(said.fields)[b"WWW-Authenticate"]
    else:
        assert (subject, "mtls") == (said.principal.subject, said.principal.method)
        assert (b"X-Auth-Subject", subject.encode()) in said.fields


def test_every_kind_is_tested():
    assert {"san_dns", "san_uri", "san_email", "common_name"} == {*NAMES}


def test_a_subject_has_the_roles_of_its_name(method, shown):
    said = method("san_dns")(shown(certificate(dns("PAY.internal"))))
    assert {"payer"} == said.principal.roles
    assert frozenset() == method("san_dns")(shown(certificate(dns("other")))).principal.roles


def test_who_shows_none_is_left_to_others(method, exchange):
    assert method("san_dns")(exchange()) is None


@pytest.mark.parametrize(
    "raw", [b"", b"x", b"\x30\x80", certificate(dns("a"))[:-1], certificate(dns("a"))[:60], b"\x30" * 9000]
)
def test_what_is_no_certificate_names_nobody(method, shown, raw):
    made = method("san_dns")
    assert Reason.UNUSABLE_CERTIFICATE is made(shown(raw)).reason
    assert made(shown(raw)) is made(shown(b"y"))


def test_a_connection_does_not_outlive_its_certificate(method, shown, wall):
    made, here = method("san_dns"), shown(certificate(dns("a")))
    wall.now = NOW.timestamp() + 86399
    said = made(here)
    assert NOW.timestamp() + 86400 == said.principal.expires
    wall.now += 1
    assert (401, Reason.CERTIFICATE_EXPIRED) == (made(here).status, made(here).reason)
    wall.now -= 1
    assert said is made(here)


def test_a_certificate_is_read_once_and_few_are_remembered(method, shown, monkeypatch):
    made = method("san_dns")
    raw = certificate(dns("a"))
    first = made(shown(raw))
    assert isinstance(first, Identity)
    assert first is made(shown(bytes(bytearray(raw))))
    for number in range(3000):
        made(shown(b"%d" % number))
    assert len(made._known) <= 2048
    made(shown(b"x" * 9000))
    assert b"x" * 9000 not in made._known._young
