"""What is offered and asked on either side, before any connection."""

import ssl
from datetime import UTC, datetime

import pytest

from gateway.config.snapshot import Address, Certificate, ListenerTls, UpstreamTls
from gateway.wire.tls import Choice, client_context, client_tls, server_context

CERTIFICATES = [("a.test", "www.a.test"), ("*.b.test", "b.test"), ("x.b.test",), ("a.test",), ()]


@pytest.fixture
def certificate(authority):
    """A certificate that an authority has issued."""

    def make(*names):
        chain, key = authority.issue(*names)
        return Certificate(str(chain), str(key), names, datetime(3000, 1, 1, tzinfo=UTC))

    return make


@pytest.mark.parametrize(
    ("name", "chosen"),
    [
        pytest.param(None, 0, id="no name: the first"),
        pytest.param("other.test", 0, id="a name that nobody has: the first"),
        pytest.param("www.a.test", 0, id="any name of a certificate"),
        pytest.param("WWW.A.TEST", 0, id="in any case"),
        pytest.param("a.test", 0, id="a name that two have: the first of them"),
        pytest.param("y.b.test", 1, id="a wildcard"),
        pytest.param("b.test", 1, id="the name beside a wildcard"),
        pytest.param("x.b.test", 2, id="the same name before a wildcard, whatever the order"),
        pytest.param("y.x.b.test", 0, id="a wildcard stands for one label"),
        pytest.param("*.b.test", 1, id="a wildcard asked for is a label as any"),
        pytest.param("test", 0, id="one label"),
        pytest.param("", 0, id="an empty name"),
        pytest.param(".b.test", 1, id="an empty label, which no client's check lets pass"),
    ],
)
def test_the_name_chooses_the_certificate(name, chosen):
    certificates = [Certificate("", "", names, datetime.now(UTC)) for names in CERTIFICATES]
    contexts = [ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER) for _ in certificates]
    assert chosen == contexts.index(Choice(certificates, contexts).context(name))


def test_one_certificate_needs_no_choice(certificate):
    context = server_context(ListenerTls((certificate("a.test"),), "1.2", "", None))
    assert context.sni_callback is None


@pytest.mark.parametrize(
    ("said", "version"), [("1.2", ssl.TLSVersion.TLSv1_2), ("1.3", ssl.TLSVersion.TLSv1_3)]
)
def test_a_listener_offers_what_is_modern_alone(certificate, said, version):
    context = server_context(ListenerTls((certificate("a.test"),), said, "", None))
    assert (version, ssl.CERT_NONE) == (context.minimum_version, context.verify_mode)
    unwanted = ssl.OP_NO_COMPRESSION | ssl.OP_NO_RENEGOTIATION
    assert unwanted == context.options & unwanted
    assert {"ECDHE", "TLS"} == {
        cipher["name"].partition("-")[0].partition("_")[0] for cipher in context.get_ciphers()
    }
    assert all(cipher["aead"] for cipher in context.get_ciphers())


@pytest.mark.parametrize(("auth", "mode"), [("optional", ssl.CERT_OPTIONAL), ("required", ssl.CERT_REQUIRED)])
def test_clients_are_asked_for_certificates_of_one_authority(certificate, authority, auth, mode):
    context = server_context(ListenerTls((certificate("a.test"),), "1.2", str(authority.file), auth))
    assert (mode, 1) == (context.verify_mode, len(context.get_ca_certs()))


def test_an_endpoint_is_always_verified():
    context = client_context(UpstreamTls())
    assert (ssl.CERT_REQUIRED, True) == (context.verify_mode, context.check_hostname)
    assert (ssl.TLSVersion.TLSv1_2, False) == (context.minimum_version, context.hostname_checks_common_name)


def test_an_authority_of_ones_own_replaces_those_of_the_system(authority):
    assert 1 == len(client_context(UpstreamTls(str(authority.file))).get_ca_certs())


@pytest.mark.parametrize(
    ("server_name", "names"),
    [
        pytest.param("", ["pay.internal", "10.0.0.7"], id="the endpoint's host"),
        pytest.param("pay.example", ["pay.example", "pay.example"], id="one for all"),
    ],
)
def test_an_endpoint_has_to_have_the_name(server_name, names):
    addresses = [Address("pay.internal", 443, tls=True), Address("10.0.0.7", 443, tls=True)]
    assert names == [tls.name for tls in client_tls(UpstreamTls(server_name=server_name), addresses)]


def test_what_is_plain_has_no_tls():
    addresses = [Address("h", 80), Address("h", 443, tls=True), Address(unix="/run/h")]
    assert [True, False, True] == [tls is None for tls in client_tls(UpstreamTls(), addresses)]
    assert [None] == client_tls(UpstreamTls(), addresses[:1])


@pytest.mark.parametrize(
    "use",
    [
        pytest.param(
            lambda good, bad: server_context(ListenerTls((bad,), "1.2", "", None)), id="a certificate"
        ),
        pytest.param(
            lambda good, bad: server_context(ListenerTls((good,), "1.2", bad.chain, "required")), id="clients"
        ),
        pytest.param(lambda good, bad: client_context(UpstreamTls(bad.chain)), id="authorities"),
        pytest.param(
            lambda good, bad: client_context(UpstreamTls(certificate=bad)), id="our own certificate"
        ),
    ],
)
@pytest.mark.parametrize(
    "content",
    [pytest.param(None, id="gone"), pytest.param("no PEM", id="no PEM"), pytest.param("", id="empty")],
)
def test_a_file_that_is_no_use_any_more_is_named(certificate, tmp_path, use, content):
    """They were good when the configuration was loaded."""
    path = tmp_path / "changed.crt"
    if content is not None:
        path.write_text(content)
    good = certificate("a.test")
    with pytest.raises(OSError, match=r"changed\.crt: it cannot be used for TLS: "):
        use(good, Certificate(str(path), good.key, (), good.expires))


def test_a_key_with_a_password_is_not_waited_for(certificate, authority):
    good = certificate("a.test")
    locked = Certificate(good.chain, str(authority.locked(good.key)), (), good.expires)
    with pytest.raises(OSError, match="it cannot be used for TLS"):
        server_context(ListenerTls((locked,), "1.2", "", None))
